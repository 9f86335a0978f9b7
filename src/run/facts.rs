//! `facts`: gather only; the script and the transcripts by themselves.

use std::path::Path;

use bytes::Bytes;
use secrecy::ExposeSecret;

use super::cluster::{Cluster, THIS_MACHINE, this_machine};
use super::errand::{Common, Peers};
use super::error::RunError;
use super::gathering::gather_all;
use super::output_folder::OutputFolder;
use super::reading::Logins;
use super::settings::{Settings, TeamConfig};
use super::{saved, terminal};
use crate::cli::{Devbox, FactsArgs, Nvml, TargetArgs};
use crate::escape;
use crate::exit_code;
use crate::facts::{self, Circumstances, Fact, HostRecord, Outcome};
use crate::gather::{self, Script};
use crate::input::MIB;
use crate::inventory::{AnsibleConfig, Host, nearest};
use crate::redact;
use crate::role::Role;

/// The largest transcript, in bytes: twice what a visit takes of a host.
const LARGEST_TRANSCRIPT: u64 = 32 * MIB;

/// Runs `facts` and gives the exit status.
pub(super) fn facts(args: &FactsArgs) -> Result<u8, RunError> {
    for folder in args.output.iter().chain(&args.save_transcripts) {
        saved::require_folder(folder)?;
    }
    let team = TeamConfig::find(&args.target.inventory)?;
    if let Some(path) = &args.transcript {
        return from_transcript(path, args, &team);
    }
    if args.script && args.target.nvml == Nvml::Always {
        let reason =
            "the script that --script prints has nobody to ask for the helper, and --nvml always wants it";
        return Err(RunError::flag("--nvml", format!("{reason}; leave it away, and nvidia-smi is asked")));
    }
    let target = match (args.script, args.local) {
        (true, _) => as_role(&args.target, Role::Worker),
        (_, true) => as_role(&args.target, Role::Devbox),
        _ => args.target.clone(),
    };
    let mut cluster = match args.script {
        true => Cluster::alone(&target, AnsibleConfig::default())?,
        false => Cluster::load(&target, &team, Logins::Own)?,
    };
    let settings = Settings::load(&args.profile, &team, cluster.default_profile(), &cluster.parameters)?;
    cluster.survey(args.target.kubespray.as_deref(), &settings.profile, true)?;
    let common = Common::new(&settings.profile, &settings.catalog, &target)?;
    if args.script {
        return script(&common.alone(), &cluster);
    }
    cluster.inquire(&target, &settings.profile, None);
    let keep = args.save_transcripts.is_some();
    let swept =
        gather_all(&cluster, &target, &common, || |record, raw| (record, if keep { raw } else { None }))?;
    let (records, answers): (Vec<HostRecord>, Vec<Option<Bytes>>) = swept.hosts.into_iter().unzip();
    let mut unsaved = Ok(());
    if let Some(folder) = &args.save_transcripts {
        unsaved = write_transcripts(folder, &records, &answers);
    }
    let deployment = cluster.deployment_of(&records, |facts| &facts.os);
    let documents = saved::documents(&cluster, &deployment, target.limit.as_deref(), &records);
    match &args.output {
        Some(folder) => saved::write(folder, &documents)?,
        None => {
            let lines: Vec<String> = documents.iter().map(saved::json_line).collect::<Result<_, _>>()?;
            terminal::json(&lines.concat()).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
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
    unsaved?;
    Ok(match (swept.interrupted, lost.count()) {
        (true, _) => exit_code::INTERRUPTED,
        (false, 0) => exit_code::GO,
        (false, _) => exit_code::NO_GO,
    })
}

/// Writes the answers as they came, one file a host.
///
/// # Errors
/// The first file or folder that could not be written; the others are.
fn write_transcripts(
    folder: &Path,
    records: &[HostRecord],
    answers: &[Option<Bytes>],
) -> Result<(), RunError> {
    let folder = OutputFolder::open(folder)?;
    let write = |(record, raw): (&HostRecord, &Bytes)| {
        let name = format!("{}.transcript", saved::file_name(&record.subject.name));
        folder.write(&name, raw)
    };
    let answered = records.iter().zip(answers).filter_map(|(record, raw)| Some((record, raw.as_ref()?)));
    let written: Vec<Result<(), RunError>> = answered.map(write).collect();
    written.into_iter().collect()
}

/// The script, whole in itself: another engine runs it with `sh` and keeps what it writes.
fn script(common: &Common, cluster: &Cluster) -> Result<u8, RunError> {
    let boundary = gather::random_boundary().map_err(RunError::Internal)?;
    let host = this_machine(THIS_MACHINE, Role::Worker);
    let errand = common.of(&host, &Peers::among(&[]), &cluster.told(&host));
    let proxies = errand.proxy.iter().flat_map(|proxy| [&proxy.http, &proxy.https]).flatten();
    let has_user = |proxy: &str| redact::value("proxy", &proxy.into()).as_str() != Some(proxy);
    if proxies.map(ExposeSecret::expose_secret).any(has_user) {
        let reason = "the script would show the user and the password of the proxy to whoever reads it; leave them away";
        return Err(RunError::flag("--script", reason));
    }
    // The second number of `Uid:` is the effective one; `id` would be a process of its own.
    let how = "set -- user\n\
               while read -r key real effective others; do\n    \
               case $key$effective in Uid:0) set -- root ;; esac\n\
               done </proc/self/status\n";
    let script = Script::legible(&facts::host::probes()).text(&boundary, &errand);
    let script = format!("#!/bin/sh\n{how}{script}");
    // It is run, so nothing in it can be written otherwise than it is.
    if escape::lines(&script) != script {
        let reason = "a probe of your checks, or a name for it, holds control characters: write them as `\\033` and the like";
        return Err(RunError::flag("--script", reason));
    }
    terminal::script(&script).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

/// The flags' own role, else this one.
fn as_role(target: &TargetArgs, role: Role) -> TargetArgs {
    TargetArgs { as_role: Some(target.as_role.unwrap_or(role)), ..target.clone() }
}

/// The facts of an answer that the script gave elsewhere: of a host of the inventory, or of one by itself.
fn from_transcript(path: &Path, args: &FactsArgs, team: &TeamConfig) -> Result<u8, RunError> {
    let failed = |reason: String| RunError::File { path: path.to_owned(), reason, help: None };
    let mut cluster = answering(args, team)?;
    let settings = Settings::load(&args.profile, team, cluster.default_profile(), &cluster.parameters)?;
    cluster.survey(args.target.kubespray.as_deref(), &settings.profile, true)?;
    if let Some(name) = args.host.as_ref().filter(|_| args.target.inventory.is_empty()) {
        cluster = cluster.called(name);
    }
    let saved_answer =
        terminal::read(path, LARGEST_TRANSCRIPT).map_err(|error| RunError::file(path, &error))?;
    let boundary = gather::boundary_of(&saved_answer).map_err(|error| failed(error.to_string()))?;
    let answered = gather::take_apart(saved_answer, &boundary, &facts::host::probes())
        .map_err(|error| failed(error.to_string()))?;
    let record = |host: &Host| {
        let circumstances = Circumstances {
            host_epoch_s: answered.clock.map_or(0, |clock| clock.seconds as i64),
            node_ip: host.ip.clone(),
            variables: cluster.variables.get(&host.name).cloned().unwrap_or_default(),
            user: unseen("the login"),
            login: unseen("the login"),
            host_key: unseen("known_hosts"),
            host_key_fingerprint: unseen("SSH key exchange"),
            clock_offset_ms: unseen("date"),
            clock_uncertainty_ms: unseen("date"),
            ..Circumstances::default()
        };
        let facts = facts::host::parse(&answered.transcript, &circumstances);
        HostRecord {
            subject: super::cluster::subject(host),
            gathered_at: None,
            duration_ms: None,
            outcome: Outcome::Gathered(Box::new(facts)),
        }
    };
    let name = args.host.as_deref().unwrap_or(THIS_MACHINE);
    let mut hosts = cluster.hosts.iter().enumerate();
    let Some((at, host)) = hosts.find(|(_, host)| host.name == name) else {
        let names = cluster.hosts.iter().map(|host| host.name.as_str());
        let help = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`airworthy inventory` lists the hosts".to_owned(),
        };
        return Err(RunError::flag("--host", format!("the inventory has no host `{name}`; {help}")));
    };
    let record = record(host);
    let deployment = cluster.deployment_of(std::slice::from_ref(&record), |facts| &facts.os);
    let document = saved::document(&cluster, &deployment, at, &record);
    match &args.output {
        Some(folder) => saved::write(folder, &[document])?,
        None => terminal::json(&saved::json(&document)?)
            .map_err(|error| RunError::file(Path::new("stdout"), &error))?,
    }
    Ok(exit_code::GO)
}

/// What only a visit would show.
fn unseen<T>(source: &'static str) -> Fact<T> {
    Fact::unknown(saved::NO_VISIT, source)
}

/// Whom a transcript can be of: a host of the inventory, else one that `--host` names.
fn answering(args: &FactsArgs, team: &TeamConfig) -> Result<Cluster, RunError> {
    if !args.target.inventory.is_empty() {
        if args.host.is_none() {
            let reason = "name the host of the inventory that gave the answer: --host NAME";
            return Err(RunError::flag("--transcript", reason));
        }
        // The dev box of the run is not the host that answered.
        let target = TargetArgs { devbox: Devbox::None, ..args.target.clone() };
        return Cluster::load(&target, team, Logins::Own);
    }
    Cluster::alone(&as_role(&args.target, Role::Worker), AnsibleConfig::default())
}
