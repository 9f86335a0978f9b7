//! Precedents: the hosts of a cluster are much alike, and most of what a check looks at is the same on many of them. What it
//! concluded once holds for every host that shows it the same, so it is evaluated, and its message written, only where
//! something differs.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::catalog::Check;
use super::conclusion::Conclusion;
use super::outlook::Fields;
use super::sight::Sight;
use super::verdict::{Severity, Status, Verdict};
use crate::facts::Fact;

/// How many precedents of a check are kept, the latest used first: one a kind of machine and role, where nothing in it is a
/// host's own.
const MOST: usize = 8;

/// All that a check's conclusion about a host depends on, apart from what is the same for all hosts of a judge: the
/// parameters and the deployment.
#[derive(Debug)]
pub(super) struct View<'h> {
    /// Facts that it looks at, in the order of its outlook.
    facts: Vec<Option<&'h Arc<Fact<Value>>>>,
    /// What of the inventory's part it looks at, likewise.
    inventory: Vec<Option<&'h Value>>,
    /// What came of the checks that it stands after.
    earlier: Vec<Option<Standing>>,
    severity: Severity,
}

/// A check's status, and the cause of it.
type Standing = (Status, Option<Arc<str>>);

impl<'h> View<'h> {
    /// What this check sees of the host in sight. `earlier` has the host's verdicts so far.
    pub(super) fn of(
        check: &Check,
        severity: Severity,
        sight: &'h Sight<'_>,
        earlier: &[Verdict],
    ) -> View<'h> {
        let mut view = View { facts: Vec::new(), inventory: Vec::new(), earlier: Vec::new(), severity };
        for (subject, fields) in check.outlook.subjects() {
            match (subject, fields) {
                ("probe", _) => view.facts.push(sight.probe.as_ref()),
                ("host", Fields::All) => view.inventory.push(sight.subject),
                ("host", Fields::Named(names)) => {
                    let of = |name: &String| sight.subject.and_then(|subject| subject.get(name));
                    view.inventory.extend(names.iter().map(of));
                }
                (subject, fields) => match (sight.facts.get(subject), fields) {
                    (Some(facts), Fields::All) => view.facts.extend(facts.values().map(Some)),
                    (Some(facts), Fields::Named(names)) => {
                        view.facts.extend(names.iter().map(|name| facts.get(name.as_str())));
                    }
                    (None, _) => {} // the same for all hosts
                },
            }
        }
        view.earlier.extend(check.file.after.iter().map(|before| {
            let verdict = earlier.iter().find(|verdict| *verdict.check == **before)?;
            Some((verdict.status, verdict.cause.clone()))
        }));
        view
    }
}

/// A view that was seen, and what was concluded of it.
#[derive(Debug)]
struct Precedent {
    facts: Vec<Option<Arc<Fact<Value>>>>,
    inventory: Vec<Option<Value>>,
    earlier: Vec<Option<Standing>>,
    severity: Severity,
    conclusion: Arc<Conclusion>,
}

impl Precedent {
    fn covers(&self, view: &View<'_>) -> bool {
        // Hosts that show the same fact share it: it need not be looked into.
        let same = |a: &Arc<Fact<Value>>, b: &Arc<Fact<Value>>| Arc::ptr_eq(a, b) || a == b;
        self.severity == view.severity
            && self.earlier == view.earlier
            && alike(&self.facts, &view.facts, same)
            && alike(&self.inventory, &view.inventory, |a, b| a == b)
    }
}

fn alike<T>(kept: &[Option<T>], seen: &[Option<&T>], same: impl Fn(&T, &T) -> bool) -> bool {
    let pairs = || kept.iter().zip(seen);
    kept.len() == seen.len()
        && pairs().all(|(kept, seen)| match (kept, seen) {
            (Some(kept), Some(seen)) => same(kept, seen),
            (None, None) => true,
            _ => false,
        })
}

/// What one check concluded of hosts before.
#[derive(Debug, Default)]
pub(super) struct Precedents {
    latest_first: VecDeque<Precedent>,
}

impl Precedents {
    /// What was concluded of a host that showed the same; else what `conclude` makes of it, which is kept.
    pub(super) fn follow(
        &mut self,
        view: View<'_>,
        conclude: impl FnOnce() -> Conclusion,
    ) -> Arc<Conclusion> {
        let precedent = self.latest_first.iter().position(|precedent| precedent.covers(&view));
        let precedent = match precedent.and_then(|at| self.latest_first.remove(at)) {
            Some(precedent) => precedent,
            None => {
                self.latest_first.truncate(MOST - 1);
                Precedent {
                    conclusion: Arc::new(conclude()),
                    facts: view.facts.iter().map(|fact| fact.cloned()).collect(),
                    inventory: view.inventory.iter().map(|value| value.cloned()).collect(),
                    earlier: view.earlier,
                    severity: view.severity,
                }
            }
        };
        let conclusion = Arc::clone(&precedent.conclusion);
        self.latest_first.push_front(precedent);
        conclusion
    }
}
