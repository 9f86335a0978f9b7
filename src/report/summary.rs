//! What many verdicts come to: counts, and the one answer.

use std::collections::{HashMap, HashSet};

use super::document::{HostRow, Outcome, Summary};
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
/// or for the fleet; every host was reached, or is waived as unreachable; at least one check
/// applied to every host that was reached. No hosts at all is no GO either.
pub fn outcome(hosts: &[HostRow], results: &[Verdict], fail_on: Severity) -> Outcome {
    if hosts.is_empty() || results.iter().any(|verdict| stops(verdict, fail_on)) {
        return Outcome::NoGo;
    }
    let own = by_host(results);
    let all_fit = hosts.iter().all(|host| {
        let verdicts = own.get(host.name.as_str()).into_iter().flatten().copied();
        host_outcome(host.reached, verdicts, fail_on) == Outcome::Go
    });
    if all_fit { Outcome::Go } else { Outcome::NoGo }
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
    fail_on: Severity,
) -> Outcome {
    let own: Vec<&Verdict> = own.into_iter().collect();
    let fit = if reached {
        own.iter().any(|verdict| applied(verdict)) && !own.iter().any(|verdict| stops(verdict, fail_on))
    } else {
        // On an unreachable host the check that names the stage is the only verdict; anything
        // else beside it means that something about the host is still claimed.
        matches!(own[..], [only] if only.status == Status::Waived)
    };
    if fit { Outcome::Go } else { Outcome::NoGo }
}

/// Names of hosts that were reached and that no check concerned, in inventory order: such a host
/// is not known to be fit.
pub(super) fn unjudged<'a>(hosts: &'a [HostRow], results: &[Verdict]) -> Vec<&'a str> {
    let judged: HashSet<&str> = results
        .iter()
        .filter(|verdict| applied(verdict))
        .filter_map(|verdict| verdict.host.as_deref())
        .collect();
    hosts
        .iter()
        .filter(|host| host.reached && !judged.contains(host.name.as_str()))
        .map(|host| host.name.as_str())
        .collect()
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

    fn judge(status: Status, severity: Severity, fail_on: Severity) -> Outcome {
        let hosts = [sample::host("a", "10.0.0.1", &[])];
        let results = [
            sample::verdict("docker-running", Some("a"), Status::Pass, Severity::Error),
            sample::verdict("swap-off", Some("a"), status, severity),
        ];
        outcome(&hosts, &results, fail_on)
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
        assert_eq!(outcome(&hosts, &results, Severity::Error), Outcome::NoGo);
        results[1].status = Status::Pass;
        assert_eq!(outcome(&hosts, &results, Severity::Error), Outcome::Go);
    }

    #[test]
    fn nothing_applied_is_no_go() {
        let hosts = [sample::host("a", "10.0.0.1", &[]), sample::host("b", "10.0.0.2", &[])];
        let results = [
            sample::verdict("docker-running", Some("a"), Status::Pass, Severity::Error),
            sample::verdict("docker-running", Some("b"), Status::NotApplicable, Severity::Error),
        ];
        assert_eq!(outcome(&hosts, &results, Severity::Error), Outcome::NoGo);
        assert_eq!(unjudged(&hosts, &results), ["b"]);
        assert_eq!(outcome(&[], &[], Severity::Error), Outcome::NoGo);
        assert_eq!(outcome(&[], &results[..1], Severity::Error), Outcome::NoGo);
    }

    #[test]
    fn only_a_waiver_excuses_an_unreachable_host() {
        let hosts = [sample::unreachable("a", "10.0.0.1", "connect", "timed out")];
        let mut results = vec![sample::verdict("host-reachable", Some("a"), Status::Waived, Severity::Error)];
        assert_eq!(outcome(&hosts, &results, Severity::Error), Outcome::Go);
        assert_eq!(outcome(&hosts, &[], Severity::Error), Outcome::NoGo);
        results.push(sample::verdict("os-supported", Some("a"), Status::Pass, Severity::Error));
        assert_eq!(outcome(&hosts, &results, Severity::Error), Outcome::NoGo);
        for status in [Status::Pass, Status::Fail, Status::NotApplicable] {
            results = vec![sample::verdict("host-reachable", Some("a"), status, Severity::Info)];
            assert_eq!(outcome(&hosts, &results, Severity::Error), Outcome::NoGo);
        }
    }
}
