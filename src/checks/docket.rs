//! The checks that concern some hosts, or the fleet, in the order in which they are judged.

use super::catalog::Check;
use super::verdict::{Severity, Verdict};

/// The checks of a catalog that concern some hosts.
pub(super) struct Docket {
    /// In the order in which they are judged.
    pub(super) entries: Vec<Entry>,
    /// Their places there, in the order of ids.
    by_id: Vec<usize>,
}

/// A check on the docket.
pub(super) struct Entry {
    /// Its place in the catalog.
    pub(super) at: usize,
    /// How much it weighs here, for each case of its severity.
    pub(super) severities: Vec<Severity>,
    /// Where on the docket those are that it stands after; not those that do not concern the same hosts.
    after: Vec<usize>,
}

impl Docket {
    /// Of those checks of a catalog which `weight` gives severities, one for each case.
    pub(super) fn of<'c>(
        checks: impl Iterator<Item = &'c Check>,
        weight: impl Fn(&Check) -> Option<Vec<Severity>>,
    ) -> Docket {
        let mut ids: Vec<&str> = Vec::new();
        let mut entries = Vec::new();
        for (at, check) in checks.enumerate() {
            let Some(severities) = weight(check) else { continue };
            let place = |before: &String| ids.iter().position(|id| id == before);
            entries.push(Entry {
                at,
                severities,
                after: check.file.after.iter().filter_map(place).collect(),
            });
            ids.push(&check.id);
        }
        let mut by_id: Vec<usize> = (0..ids.len()).collect();
        by_id.sort_by_key(|place| ids[*place]);
        Docket { entries, by_id }
    }

    /// One verdict of each entry, in the order of ids.
    pub(super) fn by_id(&self, verdicts: &[Verdict]) -> Vec<Verdict> {
        self.by_id.iter().map(|place| verdicts[*place].clone()).collect()
    }
}

impl Entry {
    /// The strictest of its severities from a case on.
    pub(super) fn strictest_from(&self, case: usize) -> Severity {
        self.severities.iter().skip(case).copied().max().unwrap_or(Severity::Error)
    }

    /// Of the verdicts so far, in the order of the docket, those of the checks that it stands after.
    pub(super) fn earlier<'v>(&self, verdicts: &'v [Verdict]) -> impl ExactSizeIterator<Item = &'v Verdict> {
        self.after.iter().map(|at| &verdicts[*at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Catalog, Profiles, Source, shipped};
    use crate::role::Role;

    #[test]
    fn a_check_stands_after_those_that_it_names_and_that_concern_the_same_hosts() {
        let profile = Profiles { shipped: shipped::PROFILES }.named("openpai").expect("it loads");
        let sources = shipped::CHECKS.iter().map(|(id, text)| Source { file: id, id, text });
        let catalog = Catalog::load(&sources.collect::<Vec<_>>(), &[], &profile).expect("the checks load");
        let checks = || catalog.checks().iter().map(|check| &**check);
        let (mut after, mut elsewhere) = (0, 0);
        for role in [Role::Devbox, Role::Infra, Role::Worker] {
            let docket = Docket::of(checks(), |check| {
                check.file.roles.contains(&role).then_some(vec![Severity::Error])
            });
            let ids: Vec<&str> = docket.entries.iter().map(|entry| &*catalog.checks()[entry.at].id).collect();
            assert!(docket.by_id.is_sorted_by_key(|place| ids[*place]) && docket.by_id.len() == ids.len());
            for (place, entry) in docket.entries.iter().enumerate() {
                let told: Vec<&str> = entry.after.iter().map(|at| ids[*at]).collect();
                let named = &catalog.checks()[entry.at].file.after;
                let meant: Vec<&str> =
                    named.iter().map(String::as_str).filter(|id| ids.contains(id)).collect();
                assert_eq!(told, meant, "{}", ids[place]);
                assert!(entry.after.iter().all(|at| *at < place), "{}", ids[place]);
                (after, elsewhere) = (after + told.len(), elsewhere + named.len() - told.len());
            }
        }
        assert!(after > 0 && elsewhere > 0, "{after} {elsewhere}");
    }
}
