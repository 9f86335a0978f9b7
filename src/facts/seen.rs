//! Facts as they were seen on hosts before. The hosts of a cluster are much alike: what a fact has been is kept a few times
//! over, and a host that shows it again gets that, without a copy of its own; so do whole subjects.

use std::convert::Infallible;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Error, Value};

use super::fact::{Fact, Untyped};
use super::recent::Recent;

/// Facts without their types, seen before.
#[derive(Default)]
pub struct Seen {
    subjects: Vec<(&'static str, Subject)>,
    /// A fact as JSON, while it is looked for.
    json: Vec<u8>,
}

/// What one subject has been.
#[derive(Default)]
struct Subject {
    fields: Vec<(&'static str, Field)>,
    recent: Recent<Told>,
}

/// A subject's facts: in the order in which they were told, and by field.
struct Told {
    facts: Vec<(&'static str, Arc<Fact<Value>>)>,
    by_field: Arc<Untyped>,
}

/// What one field has been.
struct Field {
    is_wanted: bool,
    recent: Recent<Showing>,
}

/// A fact that was shown, and its JSON.
struct Showing {
    json: Box<[u8]>,
    fact: Arc<Fact<Value>>,
}

/// A subject whose facts are told, one after the other.
pub(super) struct Telling<'s> {
    subject: &'s mut Subject,
    json: &'s mut Vec<u8>,
    at: usize,
    facts: Vec<(&'static str, Arc<Fact<Value>>)>,
}

impl Seen {
    /// Begins a subject of a host.
    pub(super) fn tell(&mut self, subject: &'static str) -> Telling<'_> {
        let at = place_of(&mut self.subjects, 0, subject, Subject::default);
        let subject = &mut self.subjects[at].1;
        let facts = Vec::with_capacity(subject.fields.len());
        Telling { subject, json: &mut self.json, at: 0, facts }
    }
}

impl Telling<'_> {
    /// Tells a fact, if its field is wanted, which is asked once; `take` makes it where it was not seen before.
    pub(super) fn fact<T: Serialize + ?Sized>(
        &mut self,
        field: &'static str,
        fact: &T,
        wanted: impl FnOnce() -> bool,
        take: impl FnOnce() -> Result<Fact<Value>, Error>,
    ) -> Result<(), Error> {
        let new = || Field { is_wanted: wanted(), recent: Recent::default() };
        let at = place_of(&mut self.subject.fields, self.at, field, new);
        self.at = at + 1;
        let known = &mut self.subject.fields[at].1;
        if !known.is_wanted {
            return Ok(());
        }
        self.json.clear();
        serde_json::to_writer(&mut *self.json, fact)?;
        let json = self.json.as_slice();
        let make = || Ok(Showing { json: json.into(), fact: Arc::new(take()?) });
        let showing = known.recent.recall(|known| *known.json == *json, make)?;
        self.facts.push((field, Arc::clone(&showing.fact)));
        Ok(())
    }

    /// The subject's facts.
    pub(super) fn end(self) -> Arc<Untyped> {
        let Telling { subject, facts, .. } = self;
        let is_this = |known: &Told| {
            let mut pairs = known.facts.iter().zip(&facts);
            known.facts.len() == facts.len()
                && pairs.all(|((a, one), (b, other))| a == b && Arc::ptr_eq(one, other))
        };
        let make = || {
            let by_field = facts.iter().map(|(field, fact)| ((*field).into(), Arc::clone(fact))).collect();
            Ok::<_, Infallible>(Told { facts: facts.clone(), by_field: Arc::new(by_field) })
        };
        let Ok(told) = subject.recent.recall(is_this, make);
        Arc::clone(&told.by_field)
    }
}

/// Where a name stands; in one struct they come in the same order each time, so that it is the `expected` place.
fn place_of<T>(
    known: &mut Vec<(&'static str, T)>,
    expected: usize,
    name: &'static str,
    new: impl FnOnce() -> T,
) -> usize {
    if known.get(expected).is_some_and(|(known, _)| *known == name) {
        return expected;
    }
    known.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
        known.push((name, new()));
        known.len() - 1
    })
}
