//! `check`: gather or load, judge, report.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Instant, SystemTime};

use jiff::{Timestamp, Zoned};
use rayon::prelude::*;

use super::cluster::{self, Cluster, NO_INVENTORY, default_profile};
use super::errand::Common;
use super::error::RunError;
use super::fix::{self, Rounds};
use super::gathering::Reach;
use super::reading::Logins;
use super::report_file::{Destinations, ReportFile, kind_of, render};
use super::settings::{Settings, TeamConfig};
use super::settled::{Settled, parts};
use super::sweep::rfc3339;
use super::{idle_waivers, saved, terminal};
use crate::checks::{Judge, Severity, Status, Verdict, waiver};
use crate::cli::{CheckArgs, Devbox, FailOn, Stage};
use crate::exit_code;
use crate::facts::fleet::{self, Essence};
use crate::facts::kubespray::Kubespray;
use crate::facts::{Deployment, Fleet, HostRecord, Outcome as Visit};
use crate::inventory::Host;
use crate::report::{
    self, FixRow, HostOutcome, HostRow, InventoryRow, KubesprayRow, Mode, Outcome, ProfileSource, Report,
    Scope, Summary, Tool, Unreachable,
};
use crate::role::Role;

/// Runs `check` and gives the exit status.
pub(super) fn check(args: &CheckArgs) -> Result<u8, RunError> {
    let started = Instant::now();
    if args.fix {
        if args.target.as_role.is_some() && args.target.inventory.is_empty() {
            let reason = "with --as it takes the hosts that are meant: -i gpu17, --as worker";
            return Err(RunError::flag("--fix", reason));
        }
        args.consent.require_consent("--fix")?;
    } else if args.consent.dry_run || args.consent.yes || args.consent.allow_restart {
        return Err(RunError::flag(
            "--dry-run, --yes, --allow-restart",
            "they mean something with --fix only",
        ));
    }
    let started_at = rfc3339(SystemTime::now()).unwrap_or_default();
    args.save_facts.as_deref().map_or(Ok(()), saved::require_folder)?;
    let Destinations { stdout, files } = Destinations::of(args.format, &args.report)?;
    let reports: Vec<ReportFile> =
        files.iter().map(|(_, path)| ReportFile::open(path)).collect::<Result<_, _>>()?;
    let team = TeamConfig::find(args.target.inventory.iter().chain(&args.facts))?;
    let mut judged = match &args.facts {
        Some(path) => from_saved(args, &team, path)?,
        None => {
            let (cluster, settings) = prepare(args, &team, None)?;
            let judged = live(args, &team, &cluster, settings)?;
            // With its secrets; of a thousand hosts that takes its time, beside the comparing.
            rayon::spawn(move || drop(cluster));
            judged
        }
    };
    let report = judged.report(args, &team, &started_at, started)?;
    for (file, (format, _)) in reports.into_iter().zip(files) {
        file.write(&report, format, args)?;
    }
    terminal::stream(kind_of(stdout), |into| render(&report, stdout, args, into))
        .map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    let status = match (judged.interrupted, report.verdict) {
        (true, _) => exit_code::INTERRUPTED,
        _ if report.fixes.iter().any(fix::went_wrong) => exit_code::NO_GO,
        (false, Outcome::Go) => exit_code::GO,
        (false, Outcome::NoGo) => exit_code::NO_GO,
    };
    let status = match judged.unsaved.take() {
        Some(error) => {
            terminal::note(&format!("airworthy: the facts of --save-facts are not all saved: {error}"));
            if judged.interrupted { status } else { exit_code::COULD_NOT_RUN }
        }
        None => status,
    };
    // The process ends: handing a thousand hosts' facts back piece by piece would only take time.
    std::mem::forget((judged, report));
    Ok(status)
}

/// A cluster and what to judge it by.
struct Judged {
    mode: Mode,
    settings: Settings,
    deployment: Deployment,
    /// Every host; of its facts no more than is compared.
    records: Vec<HostRecord<Essence>>,
    /// Every host with all its facts, where they are wanted.
    wholes: Vec<HostRecord>,
    /// Those of each host.
    verdicts: Vec<Vec<Verdict>>,
    inventory: InventoryRow,
    /// Whether there is one, and not only hosts by themselves.
    has_inventory: bool,
    /// The names of all its hosts, whatever part of them is in scope; none where they are not known.
    names: Option<Vec<String>>,
    /// The run's own, or that of the run which saved the facts.
    limit: Option<String>,
    interrupted: bool,
    /// What `--fix` did.
    fixes: Vec<FixRow>,
    /// Why the facts that were to be saved are not all saved. The report is made all the same.
    unsaved: Option<RunError>,
}

/// Whom to visit, and what to judge them by; `playbook` is the `ansible-playbook` that a handoff will start.
pub(super) fn prepare(
    args: &CheckArgs,
    team: &TeamConfig,
    playbook: Option<&Path>,
) -> Result<(Cluster, Settings), RunError> {
    let logins = playbook.map_or(Logins::Own, Logins::Playbook);
    let mut cluster = Cluster::load(&args.target, team, logins)?;
    let mut settings = Settings::load(&args.profile, team, cluster.default_profile(), &cluster.parameters)?;
    adapt(&mut settings, args, args.target.limit.is_some());
    if cluster.kind == NO_INVENTORY {
        settings.catalog.leave_inventory_out();
    }
    let whole = args.save_facts.is_some() || settings.catalog.looks_at("inventory");
    cluster.survey(args.target.kubespray.as_deref(), &settings.profile, whole)?;
    if let Some(folder) = cluster.deployment.kubespray.checkout.value() {
        settings.catalog.name_checkout(folder);
    }
    cluster.inquire(&args.target, &settings.profile, playbook);
    Ok((cluster, settings))
}

pub(super) fn is_devbox_alone(roles: &BTreeSet<Role>) -> bool {
    roles.iter().all(|role| *role == Role::Devbox)
}

/// A report of hosts that are visited now, and whether the user interrupted it.
pub(super) fn report(
    args: &CheckArgs,
    team: &TeamConfig,
    cluster: &Cluster,
    settings: Settings,
) -> Result<(Report, bool), RunError> {
    let started = Instant::now();
    let started_at = rfc3339(SystemTime::now()).unwrap_or_default();
    let mut judged = live(args, team, cluster, settings)?;
    let report = judged.report(args, team, &started_at, started)?;
    Ok((report, judged.interrupted))
}

fn live(
    args: &CheckArgs,
    team: &TeamConfig,
    cluster: &Cluster,
    settings: Settings,
) -> Result<Judged, RunError> {
    let common = Common::new(&settings.profile, &settings.catalog, &args.target)?;
    let reach = Reach::new(cluster, &args.target)?;
    let worker = || {
        let judge = Judge::new(&settings.catalog, &settings.profile, &cluster.deployment);
        let wanted = args.fix || args.save_facts.is_some() || judge.compares_hosts();
        move |record, _| Settled::of(&judge, record, wanted)
    };
    let swept = reach.gather(&cluster.hosts, &common, worker)?;
    let (mut records, mut wholes, mut verdicts) = parts(swept.hosts);
    let mut fixes = Vec::new();
    if args.fix && !swept.interrupted {
        let judge = |hosts: &[Host]| {
            let (_, wholes, verdicts) = parts(reach.gather(hosts, &common, worker)?.hosts);
            Ok(wholes.into_iter().zip(verdicts).collect())
        };
        let mut rounds = Rounds { hosts: &cluster.hosts, records: &mut wholes, verdicts: &mut verdicts };
        fixes = fix::mend(&mut rounds, &settings, &team.config.waivers, &reach, args.consent, &judge)?;
        records = wholes.iter().map(|whole| whole.clone().map(Essence::from)).collect();
    }
    let deployment = cluster.deployment_of(&records, |facts| &facts.os);
    let unsaved = args.save_facts.as_deref().and_then(|folder| {
        let documents = saved::documents(cluster, &deployment, args.target.limit.as_deref(), &wholes);
        saved::write(folder, &documents).err()
    });
    Ok(Judged {
        mode: Mode::Live,
        settings,
        deployment,
        records,
        wholes,
        verdicts,
        inventory: InventoryRow { sources: cluster.sources.clone(), digest: cluster.digest.clone() },
        has_inventory: cluster.kind != NO_INVENTORY,
        names: Some(cluster.names()),
        limit: args.target.limit.clone(),
        interrupted: swept.interrupted || reach.is_interrupted(),
        fixes,
        unsaved,
    })
}

fn from_saved(args: &CheckArgs, team: &TeamConfig, path: &Path) -> Result<Judged, RunError> {
    let saved = saved::read(path)?;
    let (kind, parameters) = (saved.inventory.kind.clone(), saved.inventory.parameters.clone());
    let from_facts =
        InventoryRow { sources: saved.inventory.sources.clone(), digest: saved.inventory.digest.clone() };
    let has_inventory = !args.target.inventory.is_empty() || kind != NO_INVENTORY;
    let mut limit = args.target.limit.clone();
    let mut names: Option<Vec<String>> = None;
    let mut deployment = saved.inventory.deployment.clone();
    let (mut records, inventory, settings) = if args.target.inventory.is_empty() {
        saved::require_whole(path, &saved)?;
        if saved.inventory.limit.is_none() {
            names = Some(saved.records.iter().map(|record| record.subject.name.clone()).collect());
        }
        let mut settings = Settings::load(&args.profile, team, default_profile(&kind), &parameters)?;
        if kind == NO_INVENTORY {
            settings.catalog.leave_inventory_out();
        }
        // The table's word is taken anew, for the release may be another one now.
        if args.target.kubespray.is_some() || deployment.kubespray.checkout.value().is_none() {
            let before = || deployment.kubespray.release.value().cloned().into_iter().collect();
            let now = cluster::candidates(args.target.kubespray.as_deref(), &settings.profile, before)?;
            let now = now[0].facts.clone();
            if args.target.kubespray.is_some() || deployment.kubespray.release.value() != now.release.value()
            {
                deployment.kubespray = now;
            }
        }
        let records = match &args.target.limit {
            Some(pattern) => saved::limit(saved.records, pattern)?,
            None => saved.records,
        };
        limit = saved::limits(saved.inventory.limit, limit);
        (records, from_facts, settings)
    } else {
        let mut cluster = Cluster::load(&args.target, team, Logins::Own)?;
        let settings = Settings::load(&args.profile, team, cluster.default_profile(), &cluster.parameters)?;
        let whole = settings.catalog.looks_at("inventory");
        cluster.survey(args.target.kubespray.as_deref(), &settings.profile, whole)?;
        names = Some(cluster.names());
        let records = saved::against(&cluster, saved);
        deployment = cluster.deployment_of(&records, |facts| &facts.os);
        (records, InventoryRow { sources: cluster.sources, digest: cluster.digest }, settings)
    };
    if args.target.limit.is_some() {
        saved::forget_other_peers(&mut records);
    }
    if args.target.devbox == Devbox::None {
        records.retain(|record| !is_devbox_alone(&record.subject.roles));
    }
    if let Some(limit) = args.facts_max_age {
        saved::expire(&mut records, limit, Timestamp::now());
    }
    let mut settings = settings;
    if let Some(folder) = deployment.kubespray.checkout.value() {
        settings.catalog.name_checkout(folder);
    }
    adapt(&mut settings, args, limit.is_some());
    let prepare = || Judge::new(&settings.catalog, &settings.profile, &deployment);
    let wanted = prepare().compares_hosts();
    let settled =
        records.into_par_iter().map_init(prepare, |judge, record| Settled::of(judge, record, wanted));
    let (records, wholes, verdicts) = parts(settled.collect());
    Ok(Judged {
        mode: Mode::Facts,
        settings,
        deployment,
        records,
        wholes,
        verdicts,
        inventory,
        has_inventory,
        names,
        limit,
        interrupted: false,
        fixes: Vec::new(),
        unsaved: None,
    })
}

/// Tells the conditions of the flags they may depend on.
fn adapt(settings: &mut Settings, args: &CheckArgs, limited: bool) {
    let parameters = &mut settings.profile.parameters;
    parameters.insert("stage".to_owned(), stage(args.stage).into());
    parameters.insert("devbox".to_owned(), devbox(args.target.devbox).into());
    parameters.insert("limited".to_owned(), limited.into());
}

/// A stage's name.
pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::New => "new",
        Stage::Rerun => "rerun",
        Stage::Scale => "scale",
        Stage::Upgrade => "upgrade",
    }
}

fn devbox(devbox: Devbox) -> &'static str {
    match devbox {
        Devbox::Local => "local",
        Devbox::None => "none",
    }
}

impl Judged {
    fn report(
        &mut self,
        args: &CheckArgs,
        team: &TeamConfig,
        started_at: &str,
        started: Instant,
    ) -> Result<Report, RunError> {
        // One machine by itself is no fleet.
        let is_fleet = !self.inventory.sources.is_empty();
        let fleet = if is_fleet { fleet::compare(&self.records) } else { Fleet::default() };
        let mut hosts: Vec<HostRow> = self.records.iter().map(row).collect();
        let mut results: Vec<Verdict> = std::mem::take(&mut self.verdicts).into_iter().flatten().collect();
        if is_fleet {
            let judge = Judge::new(&self.settings.catalog, &self.settings.profile, &self.deployment);
            results.extend(judge.fleet(&self.wholes, &fleet));
        }
        let lost: Vec<&str> =
            hosts.iter().filter(|host| !host.reached).map(|host| host.name.as_str()).collect();
        let idle = waiver::apply(&team.config.waivers, &mut results, &lost, Zoned::now().date());
        if !self.interrupted {
            let run = idle_waivers::Run {
                team,
                settings: &self.settings,
                names: self.names.as_deref(),
                hosts: &hosts,
                is_selection: !args.profile.select.is_empty() || !args.profile.skip.is_empty(),
            };
            idle_waivers::note(&run, &idle);
        }
        let applied = results.iter().any(|verdict| verdict.status != Status::NotApplicable);
        if !applied && lost.is_empty() {
            return Err(RunError::NothingApplied(
                "no check of this selection applies to any of these hosts".to_owned(),
            ));
        }
        let fail_on = match args.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
        };
        let profile = &args.profile;
        let scope = Scope {
            limit: self.limit.clone(),
            select: profile.select.clone(),
            skip: profile.skip.clone(),
            devbox: devbox(args.target.devbox).to_owned(),
            stage: stage(args.stage).to_owned(),
            complete: self.limit.is_none()
                && profile.select.is_empty()
                && profile.skip.is_empty()
                && args.target.devbox == Devbox::Local
                && !self.interrupted,
            interrupted: self.interrupted,
        };
        give_verdicts(&mut hosts, &results, &scope, fail_on);
        let mut report = Report {
            schema: report::SCHEMA.to_owned(),
            tool: Tool { name: "airworthy".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            mode: self.mode,
            verdict: report::outcome(&hosts, &results, &scope, fail_on),
            fail_on,
            scope,
            started_at: started_at.to_owned(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            profile: self.settings.profile.name.clone(),
            profile_source: self.settings.named_by.unwrap_or(match self.has_inventory {
                true => ProfileSource::Inventory,
                false => ProfileSource::Default,
            }),
            parameters: self.settings.profile.parameters.clone(),
            inventory: self.inventory.clone(),
            kubespray: whose_limits(&self.deployment.kubespray),
            summary: Summary::of(&hosts, &results),
            hosts,
            results,
            fixes: std::mem::take(&mut self.fixes),
        };
        report.redact();
        Ok(report)
    }
}

/// Whose limits were used.
pub(super) fn whose_limits(kubespray: &Kubespray) -> Option<KubesprayRow> {
    let Kubespray { release, checkout, commit, .. } = kubespray;
    let row = KubesprayRow {
        release: release.value().cloned(),
        // Wherever it was seen from.
        checkout: checkout.value().map(|folder| match Path::new(folder).canonicalize() {
            Ok(whole) => whole.display().to_string(),
            Err(_) => folder.clone(),
        }),
        commit: commit.value().cloned(),
    };
    (row.release.is_some() || row.checkout.is_some()).then_some(row)
}

/// A host's row, its verdict still to come.
fn row(record: &HostRecord<Essence>) -> HostRow {
    let subject = &record.subject;
    HostRow {
        name: subject.name.clone(),
        address: subject.address.clone(),
        roles: subject.roles.iter().copied().collect(),
        verdict: HostOutcome::NoGo,
        reached: record.facts().is_some(),
        unreachable: match &record.outcome {
            Visit::Gathered(_) => None,
            Visit::Unreachable { stage, reason } => {
                Some(Unreachable { stage: stage.clone(), reason: reason.clone() })
            }
        },
        gathered_at: record.gathered_at.clone(),
        duration_ms: record.duration_ms,
    }
}

fn give_verdicts(hosts: &mut [HostRow], results: &[Verdict], scope: &Scope, fail_on: Severity) {
    let by_host = report::by_host(results);
    for host in hosts {
        let own = by_host.get(host.name.as_str()).into_iter().flatten().copied();
        host.verdict = report::host_outcome(host.reached, own, scope, fail_on);
    }
}
