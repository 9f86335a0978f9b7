//! `check --fix`: which hosts need it, the plan for each, and the proof afterwards.

use std::collections::BTreeMap;

use jiff::Zoned;
use serde_json::Value;

use super::error::RunError;
use super::fixing::{Ended, Job, carry_out, is_agreed, look_at, show};
use super::gathering::Reach;
use super::settings::Settings;
use super::terminal;
use crate::checks::waiver::{self, Waiver};
use crate::checks::{Status, Verdict};
use crate::cli::ConsentArgs;
use crate::facts::HostRecord;
use crate::fix::apply::FileNow;
use crate::fix::catalog::DOCKER_NVIDIA_RUNTIME;
use crate::fix::plan::{Plan, plan, precheck};
use crate::inventory::Host;
use crate::report::{FixOutcome, FixRow};

/// The hosts of a run and what is known and said of each, in one order.
pub(super) struct Rounds<'r> {
    pub(super) hosts: &'r [Host],
    pub(super) records: &'r mut Vec<HostRecord>,
    pub(super) verdicts: &'r mut Vec<Vec<Verdict>>,
}

/// What judges hosts anew.
type Rejudge<'j> = dyn Fn(&[Host]) -> Result<Vec<(HostRecord, Vec<Verdict>)>, RunError> + 'j;

/// A fix that neither was left at its plan nor went well.
pub(super) fn went_wrong(row: &FixRow) -> bool {
    matches!(
        row.outcome,
        FixOutcome::Failed
            | FixOutcome::Restored
            | FixOutcome::Stuck
            | FixOutcome::Lost
            | FixOutcome::Untouched
    )
}

/// Repairs what failing checks' fixes can, and judges the hosts that were touched anew. Once a host was changed nothing
/// ends the run before its report: what cannot be judged anew keeps its old verdicts, and says so.
pub(super) fn mend(
    rounds: &mut Rounds<'_>,
    settings: &Settings,
    waivers: &[Waiver],
    reach: &Reach<'_>,
    consent: ConsentArgs,
    rejudge: &Rejudge<'_>,
) -> Result<Vec<FixRow>, RunError> {
    let fix = &DOCKER_NVIDIA_RUNTIME;
    let checks: Vec<&str> = settings
        .catalog
        .checks()
        .iter()
        .filter(|check| check.file.fix.as_deref() == Some(fix.id))
        .map(|check| &*check.id)
        .collect();
    let needy: Vec<usize> =
        (0..rounds.hosts.len()).filter(|&index| needs(&rounds.verdicts[index], &checks, waivers)).collect();
    if needy.is_empty() {
        terminal::note("airworthy: nothing to fix");
        return Ok(Vec::new());
    }
    let mut rows: BTreeMap<usize, FixRow> = BTreeMap::new();
    for &index in &needy {
        let row = FixRow {
            host: rounds.hosts[index].name.clone(),
            fix: fix.id.to_owned(),
            path: None,
            diff: None,
            backup: None,
            action: None,
            outcome: FixOutcome::Refused,
            reason: None,
            file: None,
            notes: Vec::new(),
            before: statuses(&rounds.verdicts[index], &checks),
            after: BTreeMap::new(),
        };
        rows.insert(index, row);
    }
    let plans = plans(rounds, settings, reach, &needy)?;
    let mut jobs = Vec::new();
    let mut at = Vec::new();
    let mut refused = Vec::new();
    for (index, plan) in plans {
        let Some(row) = rows.get_mut(&index) else { continue };
        match plan {
            Ok(plan) => {
                row.path = Some(plan.path.clone());
                row.diff = Some(plan.diff.clone()).filter(|diff| !diff.is_empty());
                row.action = Some(plan.action().to_owned());
                row.notes.clone_from(&plan.notes);
                jobs.push(Job { host: &rounds.hosts[index], plan });
                at.push(index);
            }
            Err(reason) => {
                refused.push((row.host.clone(), reason.clone()));
                row.reason = Some(reason);
            }
        }
    }
    show(&jobs, &refused, consent.allow_restart);
    let ends = if jobs.is_empty() {
        Vec::new()
    } else if consent.dry_run {
        jobs.iter().map(|_| Ended::untouched(FixOutcome::Planned, None)).collect()
    } else if reach.is_interrupted() || !is_agreed(jobs.len(), consent)? {
        jobs.iter().map(|_| Ended::untouched(FixOutcome::Declined, None)).collect()
    } else {
        let proof = |job: &Job<'_>| prove(job, &checks, rejudge);
        carry_out(&jobs, reach, consent, proof)?
    };
    let mut touched = Vec::new();
    for (&index, ended) in at.iter().zip(ends) {
        let Some(row) = rows.get_mut(&index) else { continue };
        if ended.applied.is_some() {
            touched.push(index);
        }
        tell(row, ended);
    }
    let judged = judge_again(rounds, &touched, rejudge, |index, verdicts| {
        if let Some(row) = rows.get_mut(&index) {
            row.after = statuses(verdicts, &checks);
        }
    });
    if let Err(error) = judged {
        terminal::note(&format!("airworthy: warning: the hosts could not be judged again: {error}"));
    }
    Ok(rows.into_values().collect())
}

/// Whether one of the checks failed, or could not be told because what it stands after failed; what is waived is left alone.
fn needs(verdicts: &[Verdict], checks: &[&str], waivers: &[Waiver]) -> bool {
    let mut own: Vec<Verdict> = verdicts.to_vec();
    waiver::apply(waivers, &mut own, &[], Zoned::now().date());
    own.iter().filter(|verdict| checks.contains(&&*verdict.check)).any(|verdict| {
        verdict.status == Status::Fail || (verdict.status == Status::Unknown && verdict.cause.is_some())
    })
}

fn statuses(verdicts: &[Verdict], checks: &[&str]) -> BTreeMap<String, Status> {
    let own = verdicts.iter().filter(|verdict| checks.contains(&&*verdict.check));
    own.map(|verdict| (verdict.check.to_string(), verdict.status)).collect()
}

/// A plan or a refusal, and whose.
type Planned = (usize, Result<Plan, String>);

/// A plan or a refusal for each; only hosts whose facts say nothing against it are visited for one.
fn plans(
    rounds: &Rounds<'_>,
    settings: &Settings,
    reach: &Reach<'_>,
    needy: &[usize],
) -> Result<Vec<Planned>, RunError> {
    let reserved: Vec<String> = match settings.profile.parameters.get("docker_reserved_keys") {
        Some(Value::Array(keys)) => keys.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let mut able = Vec::new();
    let mut plans = Vec::new();
    for &index in needy {
        let record = &rounds.records[index];
        let Some(facts) = record.facts() else {
            plans.push((index, Err("the host was not reached".to_owned())));
            continue;
        };
        match precheck(&record.subject, facts, &reserved) {
            Ok(()) => able.push((index, facts)),
            Err(reason) => plans.push((index, Err(reason))),
        }
    }
    let hosts: Vec<&Host> = able.iter().map(|(index, _)| &rounds.hosts[*index]).collect();
    for ((index, facts), look) in able.iter().zip(look_at(&hosts, reach)?) {
        plans.push((*index, look.and_then(|look| plan(facts, &look, &reserved))));
    }
    plans.sort_by_key(|(index, _)| *index);
    Ok(plans)
}

/// The first host is judged anew before the others follow.
fn prove(job: &Job<'_>, checks: &[&str], rejudge: &Rejudge<'_>) -> Result<(), String> {
    let judged = rejudge(std::slice::from_ref(job.host)).map_err(|error| error.to_string())?;
    let verdicts = judged.first().map(|(_, verdicts)| verdicts.as_slice()).unwrap_or_default();
    let failing: Vec<String> = statuses(verdicts, checks)
        .into_iter()
        .filter(|(_, status)| matches!(status, Status::Fail | Status::Unknown))
        .map(|(check, status)| match status {
            Status::Fail => format!("{check} fails still"),
            _ => format!("{check} is unknown"),
        })
        .collect();
    if verdicts.is_empty() {
        return Err("it could not be judged again".to_owned());
    }
    if failing.is_empty() { Ok(()) } else { Err(failing.join(", ")) }
}

fn tell(row: &mut FixRow, ended: Ended) {
    row.outcome = ended.outcome;
    row.reason = ended.reason;
    if let (FixOutcome::Failed | FixOutcome::Restored | FixOutcome::Stuck, Some(applied)) =
        (row.outcome, &ended.applied)
    {
        let docker = match &applied.default_runtime {
            Some(runtime) => format!("Docker answers, its default runtime is {runtime}"),
            None => "Docker does not answer".to_owned(),
        };
        row.reason = Some(format!("{}; {docker}", row.reason.take().unwrap_or_default()));
    }
    row.backup = ended.backup;
    row.file = ended.applied.and_then(|applied| match applied.file {
        FileNow::Old => Some("old".to_owned()),
        FileNow::New => Some("new".to_owned()),
        FileNow::Other => Some("other".to_owned()),
        FileNow::Unknown => None,
    });
}

fn judge_again(
    rounds: &mut Rounds<'_>,
    touched: &[usize],
    rejudge: &Rejudge<'_>,
    mut told: impl FnMut(usize, &[Verdict]),
) -> Result<(), RunError> {
    if touched.is_empty() {
        return Ok(());
    }
    let hosts: Vec<Host> = touched.iter().map(|&index| rounds.hosts[index].clone()).collect();
    for (&index, (record, verdicts)) in touched.iter().zip(rejudge(&hosts)?) {
        told(index, &verdicts);
        rounds.records[index] = record;
        rounds.verdicts[index] = verdicts;
    }
    Ok(())
}
