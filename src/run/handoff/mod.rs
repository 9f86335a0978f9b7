//! `handoff`: check, and on GO start kubespray, with a record of both.

mod folder;
mod recording;
mod standstill;
mod start;
mod words;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use self::folder::Folder;
use self::recording::Recording;
use self::standstill::Standstill;
use self::start::Watch;
use self::words::{Words, words};
use super::cluster::Cluster;
use super::error::RunError;
use super::report_file::{ReportFile, kind_of, render};
use super::safe_output::{Kind, safe};
use super::settings::{Settings, TeamConfig};
use super::sweep::rfc3339;
use super::{check, fixing, terminal};
use crate::cli::{FailOn, Format, HandoffArgs};
use crate::escape::line as visible;
use crate::exit_code;
use crate::handoff::acceptance::{Here, accept};
use crate::handoff::inventory_writer;
use crate::handoff::overriding::{Decision, LetThrough, Override, decide, pair};
use crate::handoff::plan::{Order, Plan};
use crate::handoff::record::{Checkout, Ending, Record, ReportRow, SCHEMA};
use crate::input;
use crate::inventory::io_reason;
use crate::redact;
use crate::report::{self, Outcome, Report, Tool};

/// What is said where kubespray was not started, whatever the reason.
pub(super) const NOT_STARTED: &str = "airworthy: not started";

/// The largest report, in bytes: ten thousand hosts.
const LARGEST_REPORT: u64 = 1024 * 1024 * 1024;

/// Runs `handoff` and gives the exit status: ansible-playbook's, where it was started. An error is one before the start.
pub(super) fn handoff(args: &HandoffArgs) -> Result<u8, RunError> {
    let here = std::env::current_dir()
        .map_err(|error| RunError::Internal(format!("the working folder is not known: {error}")))?;
    let Words { check: flags, order, output, from_report } = words(args, &here)?;
    let reports: Vec<ReportFile> =
        flags.report.iter().map(|(_, path)| ReportFile::open(path)).collect::<Result<_, _>>()?;
    let team = TeamConfig::find(&flags.target.inventory)?;
    let (cluster, settings) = check::prepare(&flags, &team, Some(&order.program))?;
    let ids: Vec<&str> = settings.catalog.checks().iter().map(|check| &*check.id).collect();
    let overrides =
        pair(&args.overrides, &args.reason, &ids).map_err(|reason| RunError::flag("--override", reason))?;
    let beside = beside(&flags.target.inventory, &here);
    let folder = written(&cluster, &order, output.as_deref(), &beside, args.overwrite)?;
    if let Some(folder) = folder.as_ref().filter(|_| !args.dry_run) {
        folder.is_free()?;
    }
    // Proven writable before the first host is visited.
    let recording = match args.dry_run {
        true => None,
        false => Some(Recording::beside(output.as_deref().unwrap_or(&beside), &fixing::stamp())?),
    };
    let still = Standstill::of(cluster.inventory.as_ref(), cluster.config.playbook_dir.as_deref());
    let judged = match &from_report {
        Some(path) => earlier(path, args, &cluster, &settings)?,
        None => now(&flags, &team, &cluster, settings)?,
    };
    still.holds()?;
    let report = &judged.report;
    let decision = decide(report, &overrides, fail_on(args));
    for (file, (format, _)) in reports.into_iter().zip(&flags.report) {
        file.write(report, *format, &flags)?;
    }
    terminal::stream(kind_of(Format::Table), |into| render(report, Format::Table, &flags, into))
        .map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    tell(&decision, &overrides);
    let answer = answer(report, &decision);
    let order = match &folder {
        Some(folder) => {
            Order { inventories: vec![folder.hosts()], openpai_variables: Some(folder.variables()), ..order }
        }
        None => order,
    };
    let plan = order.plan();
    let stop = match (judged.interrupted, decision.is_go) {
        (true, _) => Some((exit_code::INTERRUPTED, "interrupted".to_owned())),
        (false, false) => Some((exit_code::NO_GO, no_go(&decision))),
        (false, true) if args.dry_run => Some((exit_code::GO, "--dry-run".to_owned())),
        (false, true) => None,
    };
    if stop.is_some() && !judged.interrupted && decision.overrides.iter().any(|it| it.used) {
        terminal::note(&visible(&format!("airworthy: {answer}")));
    }
    let Some(recording) = recording else {
        show(&plan, folder.as_ref(), stop.as_ref().is_none_or(|(status, _)| *status == exit_code::GO));
        let (status, why) = stop.unwrap_or((exit_code::GO, String::new()));
        terminal::note(&format!("{NOT_STARTED} ({why})"));
        return Ok(status);
    };
    let (path, digest) = match judged.file {
        Some(file) => file,
        None => recording.keep_report(safe(&report::json::render(report), Kind::Json).as_bytes())?,
    };
    let report = ReportRow { path: path.display().to_string(), digest, verdict: report.verdict };
    let mut record = record(args, &cluster, report, decision, &order);
    if let Some((status, why)) = stop {
        recording.write(&record)?;
        let path = recording.path();
        terminal::note(&format!("{NOT_STARTED} ({why})\nairworthy: the record: {}", path.display()));
        return Ok(status);
    }
    if let Some(folder) = &folder {
        folder.write()?;
        record.written = folder.rows();
        terminal::note(folder.listing().trim_end());
    }
    record.command = plan.command();
    start(&plan, &recording, record, &answer)
}

/// Starts it, and completes the record when it has ended.
fn start(plan: &Plan, recording: &Recording, mut record: Record, answer: &str) -> Result<u8, RunError> {
    let cannot = |error: std::io::Error| RunError::File {
        path: plan.program.clone(),
        reason: format!("it could not be started: {}", io_reason(&error)),
        help: Some("try it by hand: ansible-playbook --version".to_owned()),
    };
    let watch = match Watch::begin().map_err(cannot)? {
        Ok(watch) => watch,
        Err(start::Interrupted) => {
            recording.write(&record)?;
            terminal::note(&format!("{NOT_STARTED} (interrupted)"));
            return Ok(exit_code::INTERRUPTED);
        }
    };
    record.started = true;
    record.start = rfc3339(SystemTime::now());
    recording.write(&record)?;
    terminal::note(&format!(
        "airworthy: {answer}; the record: {}\nairworthy: in {}: {}",
        recording.path().display(),
        plan.folder.display(),
        plan.shell_line()
    ));
    if plan
        .words
        .iter()
        .any(|word| ["--ask-pass", "--ask-become-pass", "--ask-vault-pass"].contains(&word.as_str()))
    {
        terminal::note(
            "airworthy: ansible-playbook asks for passwords itself: no password stands in a command line",
        );
    }
    let child = match watch.start(plan) {
        Ok(child) => child,
        Err(error) => {
            record.started = false;
            record.start = None;
            record.result = Some(Ending::Error(io_reason(&error)));
            recording.write(&record)?;
            return Err(cannot(error));
        }
    };
    let ending = watch.until_end(child);
    record.end = rfc3339(SystemTime::now());
    record.result = Some(ending.clone());
    if let Err(error) = recording.write(&record) {
        terminal::note(&format!("airworthy: warning: the record could not be completed: {error}"));
    }
    Ok(match ending {
        Ending::Status(status) => u8::try_from(status).unwrap_or(exit_code::COULD_NOT_RUN),
        Ending::Signal(signal) => {
            terminal::note(&format!("airworthy: ansible-playbook was ended by signal {signal}"));
            // As shells give it.
            u8::try_from(128 + signal).unwrap_or(exit_code::COULD_NOT_RUN)
        }
        Ending::Error(reason) => {
            terminal::note(&format!("airworthy: ansible-playbook was started, and then {reason}"));
            exit_code::COULD_NOT_RUN
        }
    })
}

/// The report that decides.
struct Judged {
    report: Report,
    interrupted: bool,
    /// Its file and the digest of its bytes, where it was made before.
    file: Option<(PathBuf, String)>,
}

fn now(
    flags: &crate::cli::CheckArgs,
    team: &TeamConfig,
    cluster: &Cluster,
    settings: Settings,
) -> Result<Judged, RunError> {
    let (report, interrupted) = check::report(flags, team, cluster, settings)?;
    Ok(Judged { report, interrupted, file: None })
}

/// Reads a report that was made before, if it may stand for a check now.
fn earlier(
    path: &Path,
    args: &HandoffArgs,
    cluster: &Cluster,
    settings: &Settings,
) -> Result<Judged, RunError> {
    let failed = |error: std::io::Error| RunError::file(path, &error);
    let wrong = |reason: String| RunError::File { path: path.to_owned(), reason, help: None };
    let bytes = input::read_named(path, LARGEST_REPORT).map_err(|error| match error.kind() {
        std::io::ErrorKind::FileTooLarge => {
            wrong(format!("it is larger than {} MiB, and no report", LARGEST_REPORT >> 20))
        }
        _ => failed(error),
    })?;
    let report: Report = serde_json::from_slice(&bytes).map_err(|error| {
        wrong(format!("it is no JSON report of airworthy: {error} (`check --format json` writes one)"))
    })?;
    let differing = &cluster.config.not_the_playbooks;
    if !differing.is_empty() {
        let reason = format!(
            "{}: ansible-playbook will log in otherwise than a check made from here ({}); check again without it",
            path.display(),
            differing.join(", ")
        );
        return Err(RunError::flag("--from-report", reason));
    }
    if args.ansible_playbook.is_some() {
        let ours = words::program(args.ansible_playbook.as_deref())?;
        if words::program(None).ok().as_ref() != Some(&ours) {
            let reason = format!(
                "{}: a check judges the ansible-playbook on PATH, and {} is another; put its folder first on PATH and check \
                 again, or leave --from-report away",
                path.display(),
                ours.display()
            );
            return Err(RunError::flag("--from-report", reason));
        }
    }
    // A report has none of their secrets.
    let parameters = settings
        .profile
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), redact::value(name, value)))
        .collect();
    let here = Here {
        digest: &cluster.digest,
        hosts: cluster.hosts.iter().map(|host| host.name.as_str()).collect(),
        profile: &settings.profile.name,
        parameters: &parameters,
        kubespray: check::whose_limits(&cluster.deployment.kubespray).unwrap_or_default(),
        limit: args.target.limit.as_deref(),
        version: env!("CARGO_PKG_VERSION"),
        max_age: args.facts_max_age,
        now: Timestamp::now(),
    };
    accept(&report, &here)
        .map_err(|reason| RunError::flag("--from-report", format!("{}: {reason}", path.display())))?;
    Ok(Judged { report, interrupted: false, file: Some((path.to_owned(), recording::digest(&bytes))) })
}

/// The folder that the inventory is in.
fn beside(inventories: &[PathBuf], here: &Path) -> PathBuf {
    match inventories.first() {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) if path.exists() => path.parent().unwrap_or(here).to_owned(),
        _ => here.to_owned(),
    }
}

/// What is to be written, for OpenPAI's files; a kubespray inventory is used untouched.
fn written(
    cluster: &Cluster,
    order: &Order,
    output: Option<&Path>,
    beside: &Path,
    overwrite: bool,
) -> Result<Option<Folder>, RunError> {
    let inventory = cluster.inventory.as_ref().filter(|inventory| inventory.openpai.is_some());
    let Some(inventory) = inventory else { return Ok(None) };
    let written = inventory_writer::write(inventory).map_err(|reason| {
        let path = inventory.sources.first().cloned().unwrap_or_default();
        RunError::File {
            path,
            reason: format!("no inventory for kubespray can be written: {reason}"),
            help: None,
        }
    })?;
    let path = output.map_or_else(|| beside.join(folder::NAME), Path::to_owned);
    Folder::plan(path, written, &order.checkout, overwrite).map(Some)
}

fn fail_on(args: &HandoffArgs) -> crate::checks::Severity {
    match args.fail_on {
        FailOn::Error => crate::checks::Severity::Error,
        FailOn::Warning => crate::checks::Severity::Warning,
    }
}

/// Tells of every override: none goes unseen.
fn tell(decision: &Decision, overrides: &[Override]) {
    for (it, asked) in decision.overrides.iter().zip(overrides) {
        let on = match it.hosts.as_slice() {
            [] if it.used => "for the fleet".to_owned(),
            [] => "nothing: it has no finding".to_owned(),
            hosts => format!("on {}", hosts.join(", ")),
        };
        let line = format!("airworthy: override: {} lets through {on}; {}", it.check, asked.reason);
        terminal::note(&visible(&line));
        if !it.unjudged.is_empty() {
            let checks: Vec<&str> = it.unjudged.iter().map(|it| it.check.as_str()).collect();
            let line =
                format!("airworthy: override: with {} go, judged by nobody: {}", it.check, checks.join(", "));
            terminal::note(&visible(&line));
        }
    }
}

/// The report's answer, and what the overrides make of it.
fn answer(report: &Report, decision: &Decision) -> String {
    let word = |is_go: bool| if is_go { "GO" } else { "NO-GO" };
    let used: Vec<&LetThrough> = decision.overrides.iter().filter(|it| it.used).collect();
    let before = report.verdict == Outcome::Go;
    if used.is_empty() {
        return word(decision.is_go).to_owned();
    }
    let findings: usize = used.iter().map(|it| it.findings()).sum();
    let checks: Vec<&str> = used.iter().map(|it| it.check.as_str()).collect();
    let (s, word) = (if findings == 1 { "" } else { "s" }, [word(before), word(decision.is_go)]);
    format!("{}, {findings} finding{s} overridden ({}): {}", word[0], checks.join(", "), word[1])
}

fn no_go(decision: &Decision) -> String {
    let mut reasons = Vec::new();
    if !decision.in_the_way.is_empty() {
        reasons.push(decision.in_the_way.join(", "));
    }
    if !decision.not_judged.is_empty() {
        let hosts = decision.not_judged.join(", ");
        reasons.push(format!("not judged, because the profile has no check for them: {hosts}"));
    }
    if reasons.is_empty() {
        reasons.push("the report says why".to_owned());
    }
    format!("NO-GO: {}", reasons.join("; "))
}

/// Shows on stdout what would be written and run.
fn show(plan: &Plan, folder: Option<&Folder>, is_go: bool) {
    let mut text = String::from("\n");
    if let Some(folder) = folder {
        text += &folder.listing();
    }
    let would = if is_go { "would run" } else { "after a GO this would run" };
    text += &format!("{would}, in {}:\n  {}\n", plan.folder.display(), plan.shell_line());
    let _ = terminal::out(&visible_lines(&text));
}

fn visible_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", visible(line))).collect()
}

fn record(
    args: &HandoffArgs,
    cluster: &Cluster,
    report: ReportRow,
    decision: Decision,
    order: &Order,
) -> Record {
    let kubespray = &cluster.deployment.kubespray;
    Record {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "airworthy".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        report,
        inventory: report::InventoryRow { sources: cluster.sources.clone(), digest: cluster.digest.clone() },
        written: Vec::new(),
        kubespray: Checkout {
            path: order.checkout.display().to_string(),
            release: kubespray.release.value().cloned(),
            commit: kubespray.commit.value().cloned(),
            dirty: kubespray.modified.value().map(|files| !files.is_empty()),
        },
        stage: check::stage(args.stage).to_owned(),
        limit: args.target.limit.clone(),
        overrides: decision.overrides,
        command: Vec::new(),
        directory: order.checkout.display().to_string(),
        started: false,
        start: None,
        end: None,
        result: None,
    }
}
