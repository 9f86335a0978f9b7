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
use crate::facts::{Fact, Untyped};

/// How many precedents of a check are kept, the latest used first: one a kind of machine and role, where nothing in it is a
/// host's own.
const MOST: usize = 8;

/// All that a check's conclusion about a host depends on, apart from what is the same for all hosts of a judge: the
/// parameters and the deployment.
#[derive(Debug)]
pub(super) struct View<'h> {
    /// Subjects of which it looks at facts, in the order of its outlook.
    subjects: Vec<(&'h Arc<Untyped>, &'h Fields)>,
    probe: Option<&'h Arc<Fact<Value>>>,
    /// What of the inventory's part it looks at, likewise.
    inventory: Vec<Option<&'h Value>>,
    /// What came of the checks that it stands after.
    earlier: Vec<Standing>,
    severity: Severity,
}

/// A check, its status, and the cause of it.
type Standing = (Arc<str>, Status, Option<Arc<str>>);

impl<'h> View<'h> {
    /// What this check sees of the host in sight. `earlier` has the host's verdicts of the checks that it stands after.
    pub(super) fn of(
        check: &'h Check,
        severity: Severity,
        sight: &'h Sight<'_>,
        earlier: &[&Verdict],
    ) -> View<'h> {
        let mut view = View {
            subjects: Vec::new(),
            probe: sight.probe.as_ref(),
            inventory: Vec::new(),
            earlier: Vec::new(),
            severity,
        };
        for (subject, fields) in check.outlook.subjects() {
            match (subject, fields) {
                ("host", Fields::All) => view.inventory.push(sight.subject),
                ("host", Fields::Named(names)) => {
                    let of = |name: &String| sight.subject.and_then(|subject| subject.get(name));
                    view.inventory.extend(names.iter().map(of));
                }
                // What is no subject of a host is the same for all hosts.
                (subject, fields) => {
                    view.subjects.extend(sight.facts.get(subject).map(|facts| (facts, fields)))
                }
            }
        }
        let standing =
            |verdict: &&Verdict| (Arc::clone(&verdict.check), verdict.status, verdict.cause.clone());
        view.earlier.extend(earlier.iter().map(standing));
        view
    }
}

/// A view that was seen, and what was concluded of it.
#[derive(Debug)]
struct Precedent {
    subjects: Vec<Arc<Untyped>>,
    probe: Option<Arc<Fact<Value>>>,
    inventory: Vec<Option<Value>>,
    earlier: Vec<Standing>,
    severity: Severity,
    conclusion: Arc<Conclusion>,
}

impl Precedent {
    fn covers(&self, view: &View<'_>) -> bool {
        let subjects = || self.subjects.iter().zip(&view.subjects);
        let inventory = || self.inventory.iter().zip(&view.inventory);
        self.severity == view.severity
            && self.earlier == view.earlier
            && self.subjects.len() == view.subjects.len()
            && subjects().all(|(kept, (seen, fields))| alike(kept, seen, fields))
            && self.probe.as_ref() == view.probe
            && self.inventory.len() == view.inventory.len()
            && inventory().all(|(kept, seen)| kept.as_ref() == *seen)
    }
}

/// Whether two hosts show the same of these fields. What is the same they share, so that it need not be looked into.
fn alike(one: &Arc<Untyped>, other: &Arc<Untyped>, fields: &Fields) -> bool {
    let same = |field: &String| match (one.get(field.as_str()), other.get(field.as_str())) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        (None, None) => true,
        _ => false,
    };
    Arc::ptr_eq(one, other)
        || match fields {
            Fields::Named(names) => names.iter().all(same),
            Fields::All => one == other,
        }
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
                    subjects: view.subjects.iter().map(|(facts, _)| Arc::clone(facts)).collect(),
                    probe: view.probe.cloned(),
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
