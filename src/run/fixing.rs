//! What `check --fix` and `fix undo` share: looking, showing, asking, and carrying plans out, one host first.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::RunError;
use super::gathering::Reach;
use super::sweep::Transports;
use super::terminal;
use crate::cli::ConsentArgs;
use crate::escape::line as visible;
use crate::fix::apply::{self, Applied, LONGEST, Order, Outcome};
use crate::fix::look::Look;
use crate::fix::plan::Plan;
use crate::inventory::Host;
use crate::redact;
use crate::report::FixOutcome;

/// The longest a look takes.
const LOOK: Duration = Duration::from_secs(25);

/// How long a host that was lost on the way is given to come back and let go of its lock.
const COME_BACK: Duration = Duration::from_secs(120);

/// A plan and the host it is for.
pub(super) struct Job<'h> {
    pub(super) host: &'h Host,
    pub(super) plan: Plan,
}

/// What became of a job.
pub(super) struct Ended {
    pub(super) outcome: FixOutcome,
    pub(super) reason: Option<String>,
    pub(super) applied: Option<Applied>,
    pub(super) backup: Option<String>,
}

impl Ended {
    pub(super) fn untouched(outcome: FixOutcome, reason: Option<&str>) -> Ended {
        Ended { outcome, reason: reason.map(str::to_owned), applied: None, backup: None }
    }
}

impl ConsentArgs {
    /// Says no before anything is done where nobody could ever say yes.
    pub(super) fn require_consent(&self, flag: &'static str) -> Result<(), RunError> {
        let can_ask = io::stdin().is_terminal() && terminal::stderr_is_terminal();
        if self.dry_run || self.yes || can_ask {
            return Ok(());
        }
        Err(RunError::flag(
            flag,
            "there is no terminal to ask on: --dry-run shows what would be done, --yes does it without asking",
        ))
    }
}

/// Looks at the hosts, so many at a time; a host that cannot be looked at tells why.
pub(super) fn look_at(hosts: &[&Host], reach: &Reach<'_>) -> Result<Vec<Result<Look, String>>, RunError> {
    let transports = reach.within(LOOK)?;
    let looks = side_by_side(
        hosts,
        reach.forks(),
        || !reach.is_interrupted(),
        |host| match reach.refusal(host) {
            Some(reason) => Err(reason),
            None => match apply::look(transports.of(host), host, reach.sudo_password(host).as_ref()) {
                Ok(look) => look,
                Err(error) => {
                    let said = error.to_string();
                    Err(format!("the host could not be visited again: {}", redact::text(&said)))
                }
            },
        },
    );
    Ok(looks.into_iter().map(|look| look.unwrap_or_else(|| Err("interrupted".to_owned()))).collect())
}

/// Shows every plan on stderr; hosts with the same one share it.
pub(super) fn show(jobs: &[Job<'_>], refused: &[(String, String)], allow_restart: bool) {
    let mut groups: Vec<(&Plan, Vec<&str>)> = Vec::new();
    for job in jobs {
        let alike = |plan: &Plan| {
            (&plan.asked, &plan.diff, &plan.notes) == (&job.plan.asked, &job.plan.diff, &job.plan.notes)
        };
        match groups.iter_mut().find(|(plan, _)| alike(plan)) {
            Some((_, hosts)) => hosts.push(&job.host.name),
            None => groups.push((&job.plan, vec![&job.host.name])),
        }
    }
    let mut text = String::new();
    for (plan, hosts) in groups {
        text += &format!("plan for {}\n", visible(&hosts.join(", ")));
        for line in plan.diff.lines() {
            // What stands in the file must not disguise the change.
            text += &format!("    {}\n", visible(&line.trim_end_matches('\r').replace('\t', "    ")));
        }
        text += &format!("  then: {}; verified by `docker info`\n", plan.action());
        for note in &plan.notes {
            text += &format!("  note: {}\n", visible(note));
        }
    }
    if allow_restart && !jobs.is_empty() {
        text += "  where a reload is not enough: systemctl restart docker, if no container runs or live-restore is on\n";
    }
    for (host, reason) in refused {
        text += &format!("no plan for {}: {}\n", visible(host), visible(reason));
    }
    terminal::note(text.trim_end());
}

/// Asks whether to go on, unless that was said already.
pub(super) fn is_agreed(hosts: usize, consent: ConsentArgs) -> Result<bool, RunError> {
    if consent.yes {
        return Ok(true);
    }
    let noun = if hosts == 1 { "this host" } else { "these hosts" };
    terminal::ask(&format!("Change {noun} ({hosts})? [y/N] "))
        .map_err(|error| RunError::Internal(format!("nobody could be asked: {error}")))?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| RunError::Internal(format!("no answer could be read: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes" | "YES"))
}

/// Carries the plans out: one host first, which `proves` its worth, then the others. The first that goes wrong stops the rest.
pub(super) fn carry_out(
    jobs: &[Job<'_>],
    reach: &Reach<'_>,
    consent: ConsentArgs,
    proves: impl FnOnce(&Job<'_>) -> Result<(), String>,
) -> Result<Vec<Ended>, RunError> {
    let Some((first, rest)) = jobs.split_first() else { return Ok(Vec::new()) };
    let transports = reach.within(Duration::from_secs(LONGEST + 15))?;
    let stamp = stamp();
    let apply = |job: &Job<'_>| {
        terminal::note(&format!("airworthy: {}: applying", job.host.name));
        let ended = apply_one(job, &stamp, reach, &transports, consent.allow_restart);
        let reason =
            ended.reason.as_deref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
        terminal::note(&format!("airworthy: {}: {}{reason}", job.host.name, ended.outcome.as_str()));
        ended
    };
    let mut ends = vec![apply(first)];
    let name = &first.host.name;
    let mut stop =
        (ends[0].outcome != FixOutcome::Fixed).then(|| format!("the first host, {name}, was not fixed"));
    if stop.is_none()
        && !rest.is_empty()
        && let Err(reason) = proves(first)
    {
        ends[0].reason = Some(format!("done, but {reason}"));
        stop = Some(format!("the first host, {name}, did not prove it: {reason}"));
    }
    if let Some(reason) = stop {
        ends.extend(rest.iter().map(|_| Ended::untouched(FixOutcome::Untouched, Some(&reason))));
        return Ok(ends);
    }
    let failed: Mutex<Option<String>> = Mutex::new(None);
    let goes_on = || !reach.is_interrupted() && failed.lock().is_ok_and(|failed| failed.is_none());
    let results = side_by_side(rest, reach.forks(), goes_on, |job| {
        let ended = apply(job);
        if ended.outcome != FixOutcome::Fixed {
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert_with(|| job.host.name.clone());
        }
        ended
    });
    let reason = match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(host) => format!("{host} was not fixed, which stopped the rest"),
        None => "interrupted".to_owned(),
    };
    let untouched = || Ended::untouched(FixOutcome::Untouched, Some(&reason));
    ends.extend(results.into_iter().map(|ended| ended.unwrap_or_else(untouched)));
    Ok(ends)
}

fn apply_one(
    job: &Job<'_>,
    stamp: &str,
    reach: &Reach<'_>,
    transports: &Transports,
    allow_restart: bool,
) -> Ended {
    let order = Order { plan: &job.plan, stamp, allow_restart };
    let password = reach.sudo_password(job.host);
    let mut applied = order.apply(transports.of(job.host), job.host, password.as_ref());
    let mut backup = order.backup();
    if applied.outcome == Outcome::Lost {
        backup = come_back(job, &mut applied, reach, backup);
    }
    let outcome = match applied.outcome {
        Outcome::Fixed => FixOutcome::Fixed,
        Outcome::Refused => FixOutcome::Refused,
        Outcome::Failed => FixOutcome::Failed,
        Outcome::Restored => FixOutcome::Restored,
        Outcome::Stuck => FixOutcome::Stuck,
        Outcome::Lost => FixOutcome::Lost,
    };
    // Undoing uses its own up.
    let keeps = job.plan.spends.is_none() || outcome != FixOutcome::Fixed;
    let backup = backup
        .filter(|_| matches!(outcome, FixOutcome::Fixed | FixOutcome::Stuck | FixOutcome::Lost) && keeps);
    let reason = Some(applied.reason.clone()).filter(|reason| !reason.is_empty());
    Ended { outcome, reason, applied: Some(applied), backup }
}

/// A host that was lost on the way goes on by itself to a safe end; this waits for it and asks which file is there.
fn come_back(
    job: &Job<'_>,
    applied: &mut Applied,
    reach: &Reach<'_>,
    backup: Option<String>,
) -> Option<String> {
    let Ok(transports) = reach.within(LOOK) else { return backup };
    let began = std::time::Instant::now();
    loop {
        thread::sleep(Duration::from_secs(3));
        let look = apply::look(transports.of(job.host), job.host, reach.sudo_password(job.host).as_ref());
        let is_late = began.elapsed() > COME_BACK || reach.is_interrupted();
        match look {
            Ok(Ok(look)) if !look.locked || is_late => {
                applied.settle(&job.plan, &look);
                applied.reason += match applied.file {
                    apply::FileNow::New => "; the file is the new one, whole",
                    apply::FileNow::Old => "; the file is the old one, whole",
                    _ => "; the file is neither the old one nor the new one",
                };
                return backup.filter(|backup| look.backups.contains(backup));
            }
            _ if !is_late => {}
            Ok(Err(reason)) => {
                applied.reason += &format!("; what became of the file could not be read: {reason}");
                return backup;
            }
            _ => {
                applied.reason += "; it did not come back: its file is the old one or the new one, whole";
                return backup;
            }
        }
    }
}

/// UTC, to the second, as file names have it.
pub(super) fn stamp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default()).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Does `work` on the items, so many at a time and in their order, while `goes_on`; `None` for those that were not begun.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    width: usize,
    goes_on: impl Fn() -> bool + Sync,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Option<R>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    let run = || {
        while goes_on() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 1..width.min(items.len()) {
            // Fewer of them take longer, and that is all.
            let _ = thread::Builder::new().spawn_scoped(scope, run);
        }
        run();
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}
