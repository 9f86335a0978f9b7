//! Precedents: the hosts of a cluster are much alike, and most of what a check looks at is the same on many of them. What it
//! concluded once holds for every host that shows it the same, so it is evaluated, and its message written, only where
//! something differs.

use std::convert::Infallible;
use std::sync::Arc;

use serde_json::Value;

use super::case::Case;
use super::conclusion::Conclusion;
use super::outlook::Fields;
use super::verdict::{Severity, Verdict};
use crate::facts::{Fact, Recent, Untyped};

/// A case that was concluded: what was seen, and what was made of it.
#[derive(Debug)]
struct Precedent {
    severities: Vec<Severity>,
    earlier: Vec<Arc<Conclusion>>,
    subjects: Vec<Arc<Untyped>>,
    probe: Option<Arc<Fact<Value>>>,
    inventory: Vec<Option<Value>>,
    conclusion: Arc<Conclusion>,
}

impl Precedent {
    fn of(case: &Case<'_>) -> Precedent {
        Precedent {
            severities: case.entry.severities.clone(),
            earlier: case.earlier().map(|verdict| Arc::clone(verdict.conclusion())).collect(),
            subjects: case.subjects().map(|(facts, _)| Arc::clone(facts)).collect(),
            probe: case.sight.probe.clone(),
            inventory: case.inventory().map(|value| value.cloned()).collect(),
            conclusion: Arc::new(Conclusion::of(case)),
        }
    }

    /// Whether this case, of the same check, shows the same.
    fn covers(&self, case: &Case<'_>) -> bool {
        let mut subjects = self.subjects.iter();
        self.severities == case.entry.severities
            && self.earlier.len() == case.earlier().len()
            && self.earlier.iter().zip(case.earlier()).all(|(one, other)| stand_alike(one, other))
            && case
                .subjects()
                .all(|(seen, fields)| subjects.next().is_some_and(|kept| alike(kept, seen, fields)))
            && subjects.next().is_none()
            && self.probe == case.sight.probe
            && self.inventory.iter().map(Option::as_ref).eq(case.inventory())
    }
}

/// Whether a conclusion and a verdict mean the same to the checks that stand after them.
fn stand_alike(one: &Arc<Conclusion>, verdict: &Verdict) -> bool {
    let other = verdict.conclusion();
    Arc::ptr_eq(one, other)
        || (&one.check, one.status, &one.cause) == (&other.check, other.status, &other.cause)
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
pub(super) struct Precedents(Recent<Precedent>);

impl Precedents {
    /// What was concluded of a host that showed the same; else what is concluded now, which is kept.
    pub(super) fn follow(&mut self, case: &Case<'_>) -> Arc<Conclusion> {
        let make = || Ok::<_, Infallible>(Precedent::of(case));
        let Ok(precedent) = self.0.recall(|precedent| precedent.covers(case), make);
        Arc::clone(&precedent.conclusion)
    }
}
