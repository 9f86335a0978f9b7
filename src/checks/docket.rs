//! The checks that concern some hosts, or the fleet, in the order in which they are judged.

use super::catalog::Check;
use super::verdict::{Severity, Verdict};

/// A check on the docket.
pub(super) struct Entry {
    /// Its place in the catalog.
    pub(super) at: usize,
    /// How much it weighs here.
    pub(super) severity: Severity,
    /// Where on the docket those are that it stands after; not those that do not concern the same hosts.
    after: Vec<usize>,
}

/// The docket of those checks of a catalog which `weight` gives a severity.
pub(super) fn docket<'c>(
    checks: impl Iterator<Item = &'c Check>,
    weight: impl Fn(&Check) -> Option<Severity>,
) -> Vec<Entry> {
    let mut ids: Vec<&str> = Vec::new();
    let mut docket = Vec::new();
    for (at, check) in checks.enumerate() {
        let Some(severity) = weight(check) else { continue };
        let place = |before: &String| ids.iter().position(|id| id == before);
        docket.push(Entry { at, severity, after: check.file.after.iter().filter_map(place).collect() });
        ids.push(&check.id);
    }
    docket
}

impl Entry {
    /// Of the verdicts so far, in the order of the docket, those of the checks that it stands after.
    pub(super) fn earlier<'v>(&self, verdicts: &'v [Verdict]) -> Vec<&'v Verdict> {
        self.after.iter().filter_map(|at| verdicts.get(*at)).collect()
    }
}
