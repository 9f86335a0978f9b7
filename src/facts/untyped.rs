//! Facts without their types: taken out of a subject's struct through its `Serialize`, and only those that are wanted, for of
//! a thousand hosts most facts are of no interest to any check.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use serde::ser::{Error as _, Impossible, Serialize, SerializeStruct, Serializer};
use serde_json::{Error, Value};

use super::fact::{Fact, Reading, Untyped};
use super::seen::Telling;

/// A subject's facts by field: those of which `wanted` says so. What was seen before is shared.
pub(super) fn fields(
    subject: &impl Serialize,
    wanted: impl Fn(&str) -> bool,
    telling: Telling<'_>,
) -> Arc<Untyped> {
    let taken = subject.serialize(Members(Fields { wanted, telling }));
    taken.map(|fields| fields.telling.end()).unwrap_or_default()
}

/// What becomes of a struct's members, one after the other.
trait Take {
    fn take<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error>;
}

/// The facts of one subject.
struct Fields<'s, W> {
    wanted: W,
    telling: Telling<'s>,
}

impl<W: Fn(&str) -> bool> Take for Fields<'_, W> {
    fn take<T: Serialize + ?Sized>(&mut self, field: &'static str, value: &T) -> Result<(), Error> {
        let take = || {
            let OneFact { reading, source, omitted } = value.serialize(Members(OneFact::default()))?;
            Ok(Fact { reading, source, omitted })
        };
        self.telling.fact(field, value, || (self.wanted)(field), take)
    }
}

/// The members of a [`Fact`].
struct OneFact {
    reading: Reading<Value>,
    source: Cow<'static, str>,
    omitted: usize,
}

impl Default for OneFact {
    fn default() -> Self {
        OneFact { reading: Reading::Absent, source: Cow::Borrowed(""), omitted: 0 }
    }
}

impl Take for OneFact {
    fn take<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let value = serde_json::to_value(value)?;
        match (name, value) {
            ("known", value) => self.reading = Reading::Known(value),
            ("unknown", Value::String(reason)) => self.reading = Reading::Unknown(reason),
            ("absent", _) => self.reading = Reading::Absent,
            ("source", Value::String(source)) => self.source = source.into(),
            ("omitted", Value::Number(omitted)) => {
                self.omitted = omitted.as_u64().and_then(|count| count.try_into().ok()).unwrap_or_default();
            }
            _ => return Err(no_struct(name)),
        }
        Ok(())
    }
}

/// A serializer that takes a struct's members; any other shape is an error.
struct Members<T>(T);

impl<M: Take> SerializeStruct for Members<M> {
    type Ok = M;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.0.take(name, value)
    }

    fn end(self) -> Result<M, Error> {
        Ok(self.0)
    }
}

fn no_struct(what: impl Display) -> Error {
    Error::custom(format!("{what} is no struct of facts"))
}

/// The shapes that are refused, by what they are given.
macro_rules! refuse {
    ($($name:ident($($of:ty),*) -> $ok:ty;)*) => {
        $(fn $name(self, $(_: $of),*) -> Result<$ok, Error> {
            Err(no_struct(stringify!($name)))
        })*
    };
}

impl<M: Take> Serializer for Members<M> {
    type Ok = M;
    type Error = Error;
    type SerializeSeq = Impossible<M, Error>;
    type SerializeTuple = Impossible<M, Error>;
    type SerializeTupleStruct = Impossible<M, Error>;
    type SerializeTupleVariant = Impossible<M, Error>;
    type SerializeMap = Impossible<M, Error>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<M, Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<M, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<M, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<M, Error> {
        Err(no_struct(name))
    }

    refuse! {
        serialize_bool(bool) -> M;
        serialize_i8(i8) -> M;
        serialize_i16(i16) -> M;
        serialize_i32(i32) -> M;
        serialize_i64(i64) -> M;
        serialize_u8(u8) -> M;
        serialize_u16(u16) -> M;
        serialize_u32(u32) -> M;
        serialize_u64(u64) -> M;
        serialize_f32(f32) -> M;
        serialize_f64(f64) -> M;
        serialize_char(char) -> M;
        serialize_str(&str) -> M;
        serialize_bytes(&[u8]) -> M;
        serialize_none() -> M;
        serialize_unit() -> M;
        serialize_unit_struct(&'static str) -> M;
        serialize_unit_variant(&'static str, u32, &'static str) -> M;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FactTree, HostFacts, Seen};

    /// The whole tree, by way of the JSON that is saved.
    fn by_json(facts: &HostFacts) -> FactTree {
        let Value::Object(mut subjects) = serde_json::to_value(facts).expect("JSON") else {
            panic!("no object")
        };
        subjects.remove("probes");
        serde_json::from_value(Value::Object(subjects)).expect("facts")
    }

    fn recorded() -> HostFacts {
        serde_json::from_str(include_str!("../../fixtures/hosts/worker-gpu/facts.json")).expect("facts")
    }

    #[test]
    fn nothing_is_lost_of_what_is_wanted() {
        for mut facts in [HostFacts::default(), recorded()] {
            let unasked = facts.tree(|_, _| true, &mut Seen::default());
            let is_unknown = |fact: &Arc<Fact<Value>>| matches!(fact.reading, Reading::Unknown(_));
            assert!(unasked["control_node"].values().all(is_unknown));
            facts.control_node.ssh = Fact::known("/usr/bin/ssh".to_owned(), "PATH");
            assert_eq!(facts.tree(|_, _| true, &mut Seen::default()), by_json(&facts));
        }
    }

    #[test]
    fn what_is_not_wanted_is_left() {
        let wanted = |subject: &str, field: &str| (subject, field) == ("docker", "version");
        let taken = recorded().tree(wanted, &mut Seen::default());
        assert_eq!(taken["docker"].keys().collect::<Vec<_>>(), ["version"]);
        assert!(taken["os"].is_empty());
    }

    #[test]
    fn what_was_seen_before_is_shared_and_nothing_else() {
        let (mut seen, mut facts) = (Seen::default(), recorded());
        let mut take = |facts: &HostFacts| {
            let mut tree = facts.tree(|_, _| true, &mut seen);
            tree.remove("control_node"); // nobody asked
            tree
        };
        let first = take(&facts);
        facts.identity.hostname = Fact::known("another".to_owned(), "hostname");
        let second = take(&facts);
        assert_eq!(second, by_json(&facts));
        let shared =
            |subject: &str, field: &str| Arc::ptr_eq(&first[subject][field], &second[subject][field]);
        assert!(shared("docker", "version"));
        assert!(!shared("identity", "hostname"));
        assert!(shared("identity", "machine_id"));
        assert!(Arc::ptr_eq(&first["docker"], &second["docker"]));
        assert!(!Arc::ptr_eq(&first["identity"], &second["identity"]));
        for at in 0..100 {
            facts.identity.hostname = Fact::known(at.to_string(), "hostname");
            assert_eq!(take(&facts), by_json(&facts));
        }
        assert_eq!(take(&recorded()), first);
    }
}
