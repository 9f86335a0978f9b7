//! Facts as they were seen on hosts before. The hosts of a cluster are much alike: what a fact has been is kept a few times
//! over, and a host that shows it again gets that, without a copy of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Error, Value};

use super::fact::Fact;

/// How many readings of a fact are kept, the latest used first: one a kind of machine, where it is not a host's own.
const MOST: usize = 8;

/// Facts without their types, seen before, by subject and field.
#[derive(Default)]
pub struct Seen {
    fields: HashMap<(&'static str, &'static str), Field>,
    /// A fact as JSON, while it is looked for.
    json: Vec<u8>,
}

/// What one field has been.
struct Field {
    is_wanted: bool,
    latest_first: VecDeque<(Box<[u8]>, Arc<Fact<Value>>)>,
}

impl Seen {
    /// A field's fact, if it is wanted; `take` makes it where it was not seen before. Whether a field is wanted is asked
    /// once.
    pub(super) fn fact<T: Serialize + ?Sized>(
        &mut self,
        (subject, field): (&'static str, &'static str),
        fact: &T,
        wanted: impl FnOnce() -> bool,
        take: impl FnOnce() -> Result<Fact<Value>, Error>,
    ) -> Result<Option<Arc<Fact<Value>>>, Error> {
        let new = || Field { is_wanted: wanted(), latest_first: VecDeque::new() };
        let known = self.fields.entry((subject, field)).or_insert_with(new);
        if !known.is_wanted {
            return Ok(None);
        }
        self.json.clear();
        serde_json::to_writer(&mut self.json, fact)?;
        let at = known.latest_first.iter().position(|(json, _)| **json == *self.json);
        let seen = match at.and_then(|at| known.latest_first.remove(at)) {
            Some(seen) => seen,
            None => {
                known.latest_first.truncate(MOST - 1);
                (self.json.as_slice().into(), Arc::new(take()?))
            }
        };
        let fact = Arc::clone(&seen.1);
        known.latest_first.push_front(seen);
        Ok(Some(fact))
    }
}
