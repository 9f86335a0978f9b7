//! `fix undo`: what the latest fix replaced comes back, as carefully as it went.

use super::cluster::Cluster;
use super::error::RunError;
use super::fixing::{Job, carry_out, is_agreed, look_at, show};
use super::gathering::Reach;
use super::reading::Logins;
use super::settings::TeamConfig;
use super::terminal;
use crate::cli::UndoArgs;
use crate::escape::line as visible;
use crate::exit_code;
use crate::fix::plan;
use crate::inventory::Host;
use crate::redact;
use crate::report::FixOutcome;
use crate::role::Role;

/// Runs `fix undo` and gives the exit status.
pub(super) fn undo(args: &UndoArgs) -> Result<u8, RunError> {
    args.consent.require_consent("fix undo")?;
    let team = TeamConfig::find(&args.target.inventory)?;
    let cluster = Cluster::load(&args.target, &team, Logins::Own)?;
    let hosts: Vec<&Host> = cluster.hosts.iter().filter(|host| host.roles.contains(&Role::Worker)).collect();
    if hosts.is_empty() {
        return Err(RunError::NothingApplied("there is no worker among these hosts".to_owned()));
    }
    let reach = Reach::new(&cluster, &args.target)?;
    let (mut jobs, mut refused, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for (host, look) in hosts.iter().zip(look_at(&hosts, &reach)?) {
        match look.and_then(|look| plan::undo(&look)) {
            Ok(Some(plan)) => jobs.push(Job { host, plan }),
            Ok(None) => lines.push(format!("{}: nothing to undo", host.name)),
            Err(reason) => refused.push((host.name.clone(), reason)),
        }
    }
    show(&jobs, &refused, args.consent.allow_restart);
    let mut failed = !refused.is_empty();
    lines.extend(refused.iter().map(|(host, reason)| format!("{host}: refused: {reason}")));
    if args.consent.dry_run {
        lines.extend(jobs.iter().map(|job| format!("{}: planned", job.host.name)));
    } else if !jobs.is_empty() && !is_agreed(jobs.len(), args.consent)? {
        failed = true;
        lines.extend(jobs.iter().map(|job| format!("{}: declined", job.host.name)));
    } else {
        for (job, ended) in jobs.iter().zip(carry_out(&jobs, &reach, args.consent, |_| Ok(()))?) {
            failed |= ended.outcome != FixOutcome::Fixed;
            let word = if ended.outcome == FixOutcome::Fixed { "undone" } else { ended.outcome.as_str() };
            let mut line = format!("{}: {word}", job.host.name);
            if let Some(reason) = &ended.reason {
                line += &format!(": {reason}");
            }
            if let Some(default) = ended.applied.as_ref().and_then(|applied| applied.default_runtime.as_ref())
            {
                line += &format!("; Docker's default runtime is {default}");
                if ended.outcome == FixOutcome::Fixed && default == "nvidia" {
                    line += ", which it keeps until it is restarted";
                }
            }
            lines.push(line);
        }
    }
    let text: String = lines.iter().map(|line| visible(&redact::shown(line)) + "\n").collect();
    terminal::out(&text).map_err(|error| RunError::file(std::path::Path::new("stdout"), &error))?;
    Ok(match (reach.is_interrupted(), failed) {
        (true, _) => exit_code::INTERRUPTED,
        (false, true) => exit_code::NO_GO,
        (false, false) => exit_code::GO,
    })
}
