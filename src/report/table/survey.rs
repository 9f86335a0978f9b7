//! A report looked at once, before anything is laid out: which hosts were lost, which unknowns
//! merely follow from another finding, and what is left to tell.

use std::collections::{BTreeSet, HashMap};

use crate::checks::{Severity, Status, Verdict};
use crate::report::document::{HostRow, Report};

/// The checks that speak for a stage of reaching a host.
const REACHING: [&str; 4] = ["host-reachable", "ssh-host-key", "ssh-passwordless", "host-answers"];

/// A verdict's place: check and host.
type Place<'a> = (&'a str, Option<&'a str>);

/// What there is to tell.
pub(super) struct Survey<'a> {
    /// The report itself.
    pub(super) report: &'a Report,
    /// Hosts that were not reached and are not waived, with the verdict that says so.
    pub(super) lost: Vec<(&'a HostRow, Option<&'a Verdict>)>,
    /// Hosts that an interrupted run did not come to.
    pub(super) missed: Vec<&'a HostRow>,
    /// Every other verdict that stands for itself.
    pub(super) told: Vec<&'a Verdict>,
    /// How many verdicts are folded under another one.
    pub(super) folded: usize,
    rows: HashMap<&'a str, &'a HostRow>,
    followers: HashMap<Place<'a>, BTreeSet<&'a str>>,
}

impl<'a> Survey<'a> {
    /// Looks at a report.
    pub(super) fn of(report: &'a Report) -> Survey<'a> {
        let rows: HashMap<&str, &HostRow> = report.hosts.iter().map(|row| (row.name.as_str(), row)).collect();
        let mut reaching: HashMap<&str, &Verdict> = HashMap::new();
        let mut rest: Vec<&Verdict> = Vec::with_capacity(report.results.len());
        for verdict in &report.results {
            let row = verdict.host.as_deref().and_then(|host| rows.get(host));
            match row {
                Some(row) if !row.reached && REACHING.contains(&&*verdict.check) => {
                    // A second one (there is none by contract) is told as a finding, not dropped.
                    if reaching.contains_key(row.name.as_str()) || verdict.status == Status::Waived {
                        rest.push(verdict);
                    }
                    reaching.entry(&row.name).or_insert(verdict);
                }
                _ => rest.push(verdict),
            }
        }
        let lost = report
            .hosts
            .iter()
            .filter(|row| !row.reached && !row.is_interrupted())
            .map(|row| (row, reaching.get(row.name.as_str()).copied()))
            .filter(|(_, verdict)| verdict.is_none_or(|v| v.status != Status::Waived))
            .collect();

        let index: HashMap<Place<'a>, &'a Verdict> = rest.iter().map(|v| (place(v), *v)).collect();
        let mut followers: HashMap<Place<'a>, BTreeSet<&'a str>> = HashMap::new();
        let (mut told, mut folded) = (Vec::with_capacity(rest.len()), 0);
        for verdict in rest {
            match root(verdict, &index) {
                Some(root) => {
                    followers.entry(place(root)).or_default().insert(&verdict.check);
                    folded += 1;
                }
                None => told.push(verdict),
            }
        }
        let missed = report.hosts.iter().filter(|row| row.is_interrupted()).collect();
        Survey { report, lost, missed, told, folded, rows, followers }
    }

    /// The host's row, where the report has one.
    pub(super) fn row(&self, name: &str) -> Option<&'a HostRow> {
        self.rows.get(name).copied()
    }

    /// The checks that are unknown because of this verdict.
    pub(super) fn followers(&self, verdict: &'a Verdict) -> impl Iterator<Item = &'a str> {
        self.followers.get(&place(verdict)).into_iter().flatten().copied()
    }

    /// Unreachable hosts that the team waived.
    pub(super) fn waived_hosts(&self) -> usize {
        let unreached = self.report.hosts.iter().filter(|row| !row.reached).count();
        unreached - self.lost.len() - self.missed.len()
    }
}

fn place(verdict: &Verdict) -> Place<'_> {
    (&verdict.check, verdict.host.as_deref())
}

/// The finding under which a verdict is folded. None where it has no cause, or where folding
/// would hide something: a cause that is not itself shown (waived, not selected), that weighs
/// less than what follows from it, or that runs in a circle.
fn root<'a>(verdict: &'a Verdict, index: &HashMap<Place<'a>, &'a Verdict>) -> Option<&'a Verdict> {
    if !verdict.is_finding() {
        return None;
    }
    let mut seen = BTreeSet::from([&*verdict.check]);
    let mut at = verdict;
    while let Some(next) = above(at, index, verdict.severity) {
        if !seen.insert(&next.check) {
            return None;
        }
        at = next;
    }
    (!std::ptr::eq(at, verdict)).then_some(at)
}

fn above<'a>(
    verdict: &'a Verdict,
    index: &HashMap<Place<'a>, &'a Verdict>,
    least: Severity,
) -> Option<&'a Verdict> {
    let cause = verdict.cause.as_deref().filter(|_| verdict.status == Status::Unknown)?;
    let found = index.get(&(cause, verdict.host.as_deref())).or_else(|| index.get(&(cause, None)))?;
    (found.is_finding() && found.severity >= least).then_some(*found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, altered};

    fn told(results: Vec<Verdict>) -> Vec<String> {
        let mut report = sample::healthy();
        report.results = results;
        Survey::of(&report).told.iter().map(|v| v.check.to_string()).collect()
    }

    fn following(check: &str, cause: &str, severity: Severity) -> Verdict {
        altered!(sample::verdict(check, Some("gpu01"), Status::Unknown, severity) => {
            cause: Some(cause.into()),})
    }

    fn failed(check: &str, severity: Severity) -> Verdict {
        sample::verdict(check, Some("gpu01"), Status::Fail, severity)
    }

    #[test]
    fn what_follows_is_folded_through_a_chain() {
        use Severity::{Error, Warning};
        let chain = vec![failed("a", Error), following("b", "a", Error), following("c", "b", Warning)];
        assert_eq!(told(chain), ["a"]);
    }

    #[test]
    fn nothing_is_folded_out_of_sight() {
        use Severity::{Error, Info, Warning};
        assert_eq!(told(vec![following("b", "a", Error)]), ["b"]);
        assert_eq!(told(vec![failed("a", Warning), following("b", "a", Error)]), ["a", "b"]);
        assert_eq!(told(vec![failed("a", Info), following("b", "a", Warning)]), ["a", "b"]);
        let mut waived = failed("a", Error);
        waived.status = Status::Waived;
        assert_eq!(told(vec![waived, following("b", "a", Error)]), ["a", "b"]);
        assert_eq!(told(vec![following("a", "b", Error), following("b", "a", Error)]), ["a", "b"]);
        assert_eq!(told(vec![following("a", "a", Error)]), ["a"]);
    }
}
