//! `facts`: gather only; the script and the transcripts by themselves.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use super::cluster::{Cluster, THIS_MACHINE, this_machine};
use super::errand::{Common, Peers, Told};
use super::error::RunError;
use super::gathering::gather_all;
use super::reading::Logins;
use super::settings::{Settings, TeamConfig};
use super::{saved, terminal};
use crate::cli::{Devbox, FactsArgs, Nvml, TargetArgs};
use crate::exit_code;
use crate::facts::{self, Circumstances, Deployment, HostRecord, Outcome};
use crate::gather::{self, Script};
use crate::inventory::AnsibleConfig;
use crate::role::Role;

/// Runs `facts` and gives the exit status.
pub(super) fn facts(args: &FactsArgs) -> Result<u8, RunError> {
    let team = TeamConfig::find(&args.target.inventory)?;
    if let Some(path) = &args.transcript {
        return from_transcript(path, args.target.as_role.unwrap_or(Role::Worker));
    }
    if args.script && args.target.nvml == Nvml::Always {
        let reason =
            "the script that --script prints has nobody to ask for the helper, and --nvml always wants it";
        return Err(RunError::flag("--nvml", format!("{reason}; leave it away, and nvidia-smi is asked")));
    }
    let target = match args.local {
        true => {
            TargetArgs { as_role: Some(args.target.as_role.unwrap_or(Role::Devbox)), ..args.target.clone() }
        }
        false => TargetArgs { devbox: Devbox::Local, ..args.target.clone() },
    };
    let mut cluster = match args.script {
        true => alone(),
        false => Cluster::load(&target, &team, Logins::Own)?,
    };
    let settings = Settings::load(&args.profile, &team, cluster.default_profile(), &cluster.parameters)?;
    cluster.survey(args.target.kubespray.as_deref(), &settings.profile, true)?;
    let common = Common::new(&settings.profile, &settings.catalog, &target)?;
    if args.script {
        return script(&common.alone());
    }
    cluster.inquire(&target, &settings.profile, None);
    let keep = args.save_transcripts.is_some();
    let swept =
        gather_all(&cluster, &target, &common, || |record, raw| (record, if keep { raw } else { None }))?;
    let (records, answers): (Vec<HostRecord>, Vec<Option<Bytes>>) = swept.hosts.into_iter().unzip();
    if let Some(folder) = &args.save_transcripts {
        fs::create_dir_all(folder).map_err(|error| RunError::file(folder, &error))?;
        for (record, raw) in records.iter().zip(&answers) {
            if let Some(raw) = raw {
                let name = format!("{}.transcript", saved::file_name(&record.subject.name));
                saved::write_whole(&folder.join(name), raw)?;
            }
        }
    }
    let deployment = cluster.deployment_of(&records, |facts| &facts.os);
    let documents = saved::documents(&cluster, &deployment, target.limit.as_deref(), &records);
    match &args.output {
        Some(folder) => saved::write(folder, &documents)?,
        None => {
            let mut text = String::new();
            for document in &documents {
                let line =
                    serde_json::to_string(document).map_err(|error| RunError::Internal(error.to_string()))?;
                text.push_str(&line);
                text.push('\n');
            }
            terminal::out(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
        }
    }
    let lost = records.iter().filter(|record| record.facts().is_none());
    for record in lost.clone() {
        if let Outcome::Unreachable { stage, reason } = &record.outcome {
            terminal::note(&format!(
                "airworthy: {} was not reached at {stage}: {reason}",
                record.subject.name
            ));
        }
    }
    Ok(match (swept.interrupted, lost.count()) {
        (true, _) => exit_code::INTERRUPTED,
        (false, 0) => exit_code::GO,
        (false, _) => exit_code::NO_GO,
    })
}

/// This machine by itself: what a script or a transcript is about.
fn alone() -> Cluster {
    Cluster {
        kind: "none",
        sources: Vec::new(),
        digest: String::new(),
        parameters: Default::default(),
        hosts: vec![this_machine(THIS_MACHINE, Role::Worker)],
        devbox_password: None,
        inventory: None,
        deployment: Deployment::default(),
        candidates: Vec::new(),
        surveyed_whole: false,
        variables: Default::default(),
        proxies: Default::default(),
        control_node: None,
        config: AnsibleConfig::default(),
    }
}

/// The script, whole in itself: another engine runs it with `sh` and keeps what it writes.
fn script(common: &Common) -> Result<u8, RunError> {
    let boundary = gather::random_boundary().map_err(RunError::Internal)?;
    let host = this_machine(THIS_MACHINE, Role::Worker);
    let errand = common.of(&host, &Peers::among(&[]), &Told::default());
    // The second number of `Uid:` is the effective one; `id` would be a process of its own.
    let how = "set -- user\n\
               while read -r key real effective others; do\n    \
               case $key$effective in Uid:0) set -- root ;; esac\n\
               done </proc/self/status\n";
    let script = Script::legible(&facts::host::probes()).text(&boundary, &errand);
    terminal::out(&format!("#!/bin/sh\n{how}{script}"))
        .map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

/// The facts of an answer that the script gave elsewhere.
fn from_transcript(path: &Path, role: Role) -> Result<u8, RunError> {
    let failed = |reason: String| RunError::File { path: path.to_owned(), reason, help: None };
    let saved_answer = fs::read(path).map_err(|error| RunError::file(path, &error))?;
    let boundary = gather::boundary_of(&saved_answer).map_err(|error| failed(error.to_string()))?;
    let answered = gather::take_apart(saved_answer, &boundary, &facts::host::probes())
        .map_err(|error| failed(error.to_string()))?;
    let circumstances = Circumstances {
        host_epoch_s: answered.clock.map_or(0, |clock| clock.seconds as i64),
        ..Circumstances::default()
    };
    let host = this_machine(THIS_MACHINE, role);
    let record = HostRecord {
        subject: super::cluster::subject(&host),
        gathered_at: None,
        duration_ms: None,
        outcome: Outcome::Gathered(Box::new(facts::host::parse(&answered.transcript, &circumstances))),
    };
    for document in saved::documents(&alone(), &Deployment::default(), None, &[record]) {
        terminal::out(&saved::json(&document)?)
            .map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    }
    Ok(exit_code::GO)
}
