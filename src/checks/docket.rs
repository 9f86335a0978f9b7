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
            let docket =
                docket(checks(), |check| check.file.roles.contains(&role).then_some(Severity::Error));
            let ids: Vec<&str> = docket.iter().map(|entry| &*catalog.checks()[entry.at].id).collect();
            for (place, entry) in docket.iter().enumerate() {
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
