//! What many verdicts come to: counts, and the one answer.

use std::collections::HashMap;

use super::document::{HostOutcome, HostRow, Outcome, Scope, Summary};
use crate::checks::{Severity, Status, Verdict};

impl Summary {
    /// Counts hosts and verdicts. Each verdict is counted once: a failed one as `fail` where it
    /// is an error, else as `warn`.
    pub fn of(hosts: &[HostRow], results: &[Verdict]) -> Summary {
        let mut summary = Summary {
            hosts: hosts.len(),
            unreachable: hosts.iter().filter(|host| !host.reached).count(),
            ..Summary::default()
        };
        for verdict in results {
            summary.count(verdict);
        }
        summary
    }

    /// Adds one verdict to the count that it belongs to.
    pub(super) fn count(&mut self, verdict: &Verdict) {
        let count = match (verdict.status, verdict.severity) {
            (Status::Pass, _) => &mut self.pass,
            (Status::Fail, Severity::Error) => &mut self.fail,
            (Status::Fail, Severity::Warning | Severity::Info) => &mut self.warn,
            (Status::Unknown, _) => &mut self.unknown,
            (Status::NotApplicable, _) => &mut self.not_applicable,
            (Status::Waived, _) => &mut self.waived,
        };
        *count += 1;
    }
}

/// The answer for the whole cluster.
///
/// GO needs all of this: no check of severity `fail_on` or above failed or is unknown, on any host
/// or for the fleet; every host was reached, or is waived as unreachable; a check applied to every
/// host that was reached, except those for which `scope` or the profile leaves none; and a check
/// applied to something at all. No hosts at all is no GO either.
pub fn outcome(hosts: &[HostRow], results: &[Verdict], scope: &Scope, fail_on: Severity) -> Outcome {
    if hosts.is_empty()
        || !results.iter().any(applied)
        || results.iter().any(|verdict| stops(verdict, fail_on))
    {
        return Outcome::NoGo;
    }
    let own = by_host(results);
    let none_stops = hosts.iter().all(|host| {
        let verdicts = own.get(host.name.as_str()).into_iter().flatten().copied();
        host_outcome(host.reached, verdicts, scope, fail_on) != HostOutcome::NoGo
    });
    if none_stops { Outcome::Go } else { Outcome::NoGo }
}

/// The verdicts of each host.
pub fn by_host(results: &[Verdict]) -> HashMap<&str, Vec<&Verdict>> {
    let mut own: HashMap<&str, Vec<&Verdict>> = HashMap::new();
    // A host's mostly stand together.
    for verdicts in results.chunk_by(|one, next| one.host == next.host) {
        if let Some(host) = &verdicts[0].host {
            own.entry(host).or_default().extend(verdicts);
        }
    }
    own
}

/// The answer for one host, from the verdicts about it alone. The rule is that of [`outcome`].
pub fn host_outcome<'a>(
    reached: bool,
    own: impl IntoIterator<Item = &'a Verdict>,
    scope: &Scope,
    fail_on: Severity,
) -> HostOutcome {
    let own: Vec<&Verdict> = own.into_iter().collect();
    let fit = if !reached {
        // On an unreachable host the check that names the stage is the only verdict; anything
        // else beside it means that something about the host is still claimed.
        matches!(own[..], [only] if only.status == Status::Waived)
    } else if own.iter().any(|verdict| applied(verdict)) {
        !own.iter().any(|verdict| stops(verdict, fail_on))
    } else if own.is_empty() || scope.is_selection() {
        return HostOutcome::NotJudged;
    } else {
        // The whole profile was asked, and none of its checks for such a host applies to this one.
        false
    };
    if fit { HostOutcome::Go } else { HostOutcome::NoGo }
}

/// The answer for what all hosts owe together.
pub(super) fn fleet_outcome(results: &[Verdict], fail_on: Severity) -> HostOutcome {
    let own: Vec<&Verdict> = results.iter().filter(|verdict| verdict.host.is_none()).collect();
    match own.iter().any(|verdict| applied(verdict)) {
        true if own.iter().any(|verdict| stops(verdict, fail_on)) => HostOutcome::NoGo,
        true => HostOutcome::Go,
        false => HostOutcome::NotJudged,
    }
}

/// Names of the hosts with this answer that were reached and to which no check applied, in inventory order.
pub(super) fn idle<'a>(hosts: &'a [HostRow], results: &[Verdict], answer: HostOutcome) -> Vec<&'a str> {
    let own = by_host(results);
    let is_idle = |host: &&HostRow| {
        let mut verdicts = own.get(host.name.as_str()).into_iter().flatten();
        host.reached && host.verdict == answer && !verdicts.any(|verdict| applied(verdict))
    };
    hosts.iter().filter(is_idle).map(|host| host.name.as_str()).collect()
}

fn applied(verdict: &Verdict) -> bool {
    verdict.status != Status::NotApplicable
}

fn stops(verdict: &Verdict, fail_on: Severity) -> bool {
    matches!(verdict.status, Status::Fail | Status::Unknown) && verdict.severity >= fail_on
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn whole() -> Scope {
        sample::healthy().scope
    }

    fn selection() -> Scope {
        Scope { select: vec!["docker-*".to_owned()], ..whole() }
    }

    fn judge(status: Status, severity: Severity, fail_on: Severity) -> Outcome {
        let hosts = [sample::host("a", "10.0.0.1", &[])];
        let results = [
            sample::verdict("docker-running", Some("a"), Status::Pass, Severity::Error),
            sample::verdict("swap-off", Some("a"), status, severity),
        ];
        outcome(&hosts, &results, &whole(), fail_on)
    }

    #[test]
    fn statuses_are_counted_once() {
        for report in sample::all() {
            let s = Summary::of(&report.hosts, &report.results);
            let total = s.pass + s.fail + s.warn + s.unknown + s.not_applicable + s.waived;
            assert_eq!(total, report.results.len());
        }
        let report = sample::findings();
        let s = Summary::of(&report.hosts, &report.results);
        assert_eq!((s.hosts, s.unreachable, s.fail, s.warn, s.waived), (5, 1, 4, 1, 1));
    }

    #[test]
    fn a_failed_or_unknown_error_is_no_go() {
        use Severity::{Error, Info, Warning};
        for status in [Status::Fail, Status::Unknown] {
            assert_eq!(judge(status, Error, Error), Outcome::NoGo);
            assert_eq!(judge(status, Warning, Error), Outcome::Go);
            assert_eq!(judge(status, Warning, Warning), Outcome::NoGo);
            assert_eq!(judge(status, Info, Warning), Outcome::Go);
        }
        for status in [Status::Pass, Status::NotApplicable, Status::Waived] {
            assert_eq!(judge(status, Error, Warning), Outcome::Go);
        }
    }

    #[test]
    fn the_fleet_counts_too() {
        let hosts = [sample::host("a", "10.0.0.1", &[])];
        let mut results = vec![
            sample::verdict("docker-running", Some("a"), Status::Pass, Severity::Error),
            sample::verdict("clock-skew", None, Status::Unknown, Severity::Error),
        ];
        assert_eq!(outcome(&hosts, &results, &whole(), Severity::Error), Outcome::NoGo);
        results[1].status = Status::Pass;
        assert_eq!(outcome(&hosts, &results, &whole(), Severity::Error), Outcome::Go);
    }

    #[test]
    fn nothing_applied_is_no_go() {
        let hosts = [sample::host("a", "10.0.0.1", &[]), sample::host("b", "10.0.0.2", &[])];
        let results = [
            sample::verdict("docker-running", Some("a"), Status::Pass, Severity::Error),
            sample::verdict("docker-running", Some("b"), Status::NotApplicable, Severity::Error),
        ];
        assert_eq!(outcome(&hosts, &results, &whole(), Severity::Error), Outcome::NoGo);
        assert_eq!(outcome(&[], &[], &whole(), Severity::Error), Outcome::NoGo);
        assert_eq!(outcome(&[], &results[..1], &whole(), Severity::Error), Outcome::NoGo);
    }

    #[test]
    fn a_host_that_the_selection_or_the_profile_leaves_no_check_is_not_judged() {
        let hosts = [sample::host("a", "10.0.0.1", &[]), sample::host("b", "10.0.0.2", &[])];
        let of_b = |results: &[Verdict], scope: &Scope| {
            let own = results.iter().filter(|verdict| verdict.host.as_deref() == Some("b"));
            host_outcome(true, own, scope, Severity::Error)
        };
        let mut results = vec![sample::verdict("docker-running", Some("a"), Status::Pass, Severity::Error)];
        for scope in [whole(), selection(), Scope { select: vec![], skip: vec!["x".into()], ..whole() }] {
            assert_eq!(of_b(&results, &scope), HostOutcome::NotJudged);
            assert_eq!(outcome(&hosts, &results, &scope, Severity::Error), Outcome::Go);
            // Nothing applied anywhere is never a GO.
            assert_eq!(outcome(&hosts, &[], &scope, Severity::Error), Outcome::NoGo);
        }
        // The selection has a check for such a host, and it does not apply to this one.
        results.push(sample::verdict("docker-running", Some("b"), Status::NotApplicable, Severity::Error));
        assert_eq!(of_b(&results, &selection()), HostOutcome::NotJudged);
        assert_eq!(outcome(&hosts, &results, &selection(), Severity::Error), Outcome::Go);
        assert_eq!(of_b(&results, &whole()), HostOutcome::NoGo);
        // A host that was not reached was not left out.
        let lost = [sample::unreachable("b", "10.0.0.2", "connect", "timed out")];
        assert_eq!(outcome(&lost, &results[..1], &selection(), Severity::Error), Outcome::NoGo);
    }

    #[test]
    fn only_a_waiver_excuses_an_unreachable_host() {
        let hosts = [sample::unreachable("a", "10.0.0.1", "connect", "timed out")];
        let mut results = vec![sample::verdict("host-reachable", Some("a"), Status::Waived, Severity::Error)];
        assert_eq!(outcome(&hosts, &results, &whole(), Severity::Error), Outcome::Go);
        assert_eq!(outcome(&hosts, &[], &whole(), Severity::Error), Outcome::NoGo);
        results.push(sample::verdict("os-supported", Some("a"), Status::Pass, Severity::Error));
        assert_eq!(outcome(&hosts, &results, &whole(), Severity::Error), Outcome::NoGo);
        for status in [Status::Pass, Status::Fail, Status::NotApplicable] {
            results = vec![sample::verdict("host-reachable", Some("a"), status, Severity::Info)];
            assert_eq!(outcome(&hosts, &results, &whole(), Severity::Error), Outcome::NoGo);
        }
    }
}
