//! Facts as they were seen on hosts before. The hosts of a cluster are much alike: what a subject has been is kept a few times
//! over, and a host that shows it again gets that, without a copy of its own; so it is with each fact of one that differs.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Error, Value};

use super::fact::{Fact, Untyped};
use super::recent::Recent;
use super::untyped;

/// Facts without their types, seen before.
#[derive(Default)]
pub struct Seen {
    /// The [`Subject`] of each type, of which no two subjects share one.
    subjects: HashMap<TypeId, Box<dyn Any>>,
}

/// What one subject has been.
struct Subject<T> {
    recent: Recent<(T, Arc<Untyped>)>,
    before: Before,
}

/// What the facts of a subject have been.
#[derive(Default)]
struct Before {
    fields: Vec<(&'static str, Field)>,
    recent: Recent<Told>,
    /// A fact as JSON, while it is looked for.
    json: Vec<u8>,
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
pub(super) struct Telling<'f> {
    before: &'f mut Before,
    at: usize,
    facts: Vec<(&'static str, Arc<Fact<Value>>)>,
}

impl Seen {
    /// A subject's facts without their types: those of which `wanted` says so, by field. It has to be the same for all hosts.
    pub(super) fn subject<T: Serialize + Clone + PartialEq + 'static>(
        &mut self,
        facts: &T,
        wanted: impl Fn(&str) -> bool,
    ) -> Arc<Untyped> {
        let subject = self.subjects.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(Subject::<T>::new()));
        match subject.downcast_mut::<Subject<T>>() {
            Some(subject) => subject.tell(facts, wanted),
            None => Subject::new().tell(facts, wanted),
        }
    }
}

impl<T: Serialize + Clone + PartialEq> Subject<T> {
    fn new() -> Self {
        Subject { recent: Recent::default(), before: Before::default() }
    }

    fn tell(&mut self, facts: &T, wanted: impl Fn(&str) -> bool) -> Arc<Untyped> {
        let before = &mut self.before;
        let make = || Ok::<_, Infallible>((facts.clone(), untyped::fields(facts, wanted, before.begin())));
        let Ok((_, told)) = self.recent.recall(|(known, _)| known == facts, make);
        Arc::clone(told)
    }
}

impl Before {
    fn begin(&mut self) -> Telling<'_> {
        let facts = Vec::with_capacity(self.fields.len());
        Telling { before: self, at: 0, facts }
    }

    /// Where a field stands; they come in the same order each time, so that it is the `expected` place.
    fn place_of(&mut self, expected: usize, name: &'static str, is_wanted: impl FnOnce() -> bool) -> usize {
        let fields = &mut self.fields;
        if fields.get(expected).is_some_and(|(known, _)| *known == name) {
            return expected;
        }
        fields.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            fields.push((name, Field { is_wanted: is_wanted(), recent: Recent::default() }));
            fields.len() - 1
        })
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
        let at = self.before.place_of(self.at, field, wanted);
        self.at = at + 1;
        let Before { fields, json, .. } = &mut *self.before;
        let known = &mut fields[at].1;
        if !known.is_wanted {
            return Ok(());
        }
        json.clear();
        serde_json::to_writer(&mut *json, fact)?;
        let make = || Ok(Showing { json: json.as_slice().into(), fact: Arc::new(take()?) });
        let showing = known.recent.recall(|known| *known.json == **json, make)?;
        self.facts.push((field, Arc::clone(&showing.fact)));
        Ok(())
    }

    /// The subject's facts.
    pub(super) fn end(self) -> Arc<Untyped> {
        let Telling { before, facts, .. } = self;
        let is_this = |known: &Told| {
            let mut pairs = known.facts.iter().zip(&facts);
            known.facts.len() == facts.len()
                && pairs.all(|((a, one), (b, other))| a == b && Arc::ptr_eq(one, other))
        };
        let make = || {
            let by_field = facts.iter().map(|(field, fact)| ((*field).into(), Arc::clone(fact))).collect();
            Ok::<_, Infallible>(Told { facts: facts.clone(), by_field: Arc::new(by_field) })
        };
        let Ok(told) = before.recent.recall(is_this, make);
        Arc::clone(&told.by_field)
    }
}
