//! One thing read from a host: known, absent, or unknown, and where it was read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What asking gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading<T> {
    /// The value.
    Known(T),
    /// Asked, and there is none (no such file, no such program, no such key).
    Absent,
    /// Could not ask, or the answer made no sense; the reason is for people.
    Unknown(String),
}

/// A reading and the place it was read from (a file, a command line).
#[derive(Clone, Debug, PartialEq)]
pub struct Fact<T> {
    /// What asking gave.
    pub reading: Reading<T>,
    /// A file or command as an operator would type it: `/etc/os-release`, `docker info`.
    pub source: Cow<'static, str>,
    /// Of a known list that was too long to be kept whole: how many items are left out.
    pub omitted: usize,
}

impl<T> Fact<T> {
    /// What asking gave, and where.
    pub fn new(reading: Reading<T>, source: impl Into<Cow<'static, str>>) -> Self {
        Fact { reading, source: source.into(), omitted: 0 }
    }

    /// A list of which some items are left out.
    pub fn shortened(list: T, omitted: usize, source: impl Into<Cow<'static, str>>) -> Self {
        Fact { omitted, ..Fact::known(list, source) }
    }

    /// A value that was read.
    pub fn known(value: T, source: impl Into<Cow<'static, str>>) -> Self {
        Fact::new(Reading::Known(value), source)
    }

    /// Asked, and there is none.
    pub fn absent(source: impl Into<Cow<'static, str>>) -> Self {
        Fact::new(Reading::Absent, source)
    }

    /// Could not be asked, and why.
    pub fn unknown(reason: impl Into<String>, source: impl Into<Cow<'static, str>>) -> Self {
        Fact::new(Reading::Unknown(reason.into()), source)
    }

    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match &self.reading {
            Reading::Known(value) => Some(value),
            Reading::Absent | Reading::Unknown(_) => None,
        }
    }

    /// The same fact with its value borrowed.
    pub fn as_ref(&self) -> Fact<&T> {
        let reading = match &self.reading {
            Reading::Known(value) => Reading::Known(value),
            Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
        };
        Fact { reading, source: self.source.clone(), omitted: self.omitted }
    }

    /// Another value from the same source; absent and unknown stay what they are.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        let reading = match self.reading {
            Reading::Known(value) => Reading::Known(change(value)),
            Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason),
        };
        Fact { reading, source: self.source, omitted: self.omitted }
    }

    /// Like [`Fact::map`], where making sense of the value may fail: the error becomes the reason.
    pub fn try_map<U, E: ToString>(self, change: impl FnOnce(T) -> Result<U, E>) -> Fact<U> {
        let reading = match self.reading {
            Reading::Known(value) => match change(value) {
                Ok(value) => Reading::Known(value),
                Err(error) => Reading::Unknown(error.to_string()),
            },
            Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason),
        };
        Fact { reading, source: self.source, omitted: self.omitted }
    }
}

/// Facts by subject and field; hosts that show the same share one.
pub type FactTree = BTreeMap<Cow<'static, str>, Arc<Untyped>>;

/// The facts of one subject, by field.
pub type Untyped = BTreeMap<Cow<'static, str>, Arc<Fact<serde_json::Value>>>;

impl<T> Default for Fact<T> {
    /// A fact that nobody gathered: unknown, never absent.
    fn default() -> Self {
        Fact::unknown("not gathered", "")
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fact = serializer.serialize_struct("Fact", 2)?;
        match &self.reading {
            Reading::Known(value) => fact.serialize_field("known", value)?,
            Reading::Absent => fact.serialize_field("absent", &true)?,
            Reading::Unknown(reason) => fact.serialize_field("unknown", reason)?,
        }
        fact.serialize_field("source", &self.source)?;
        if self.omitted > 0 {
            fact.serialize_field("omitted", &self.omitted)?;
        }
        fact.end()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
struct Wire<T> {
    #[serde(default, deserialize_with = "some")]
    known: Option<T>,
    #[serde(default)]
    absent: bool,
    unknown: Option<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    omitted: usize,
}

/// `known: null` is a value that happens to be null, not a missing key.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::<T>::deserialize(deserializer)?;
        let reading = match (wire.known, wire.absent, wire.unknown) {
            (Some(value), false, None) => Reading::Known(value),
            (None, true, None) => Reading::Absent,
            (None, false, Some(reason)) => Reading::Unknown(reason),
            _ => {
                return Err(D::Error::custom(
                    "a fact is exactly one of `known`, `absent: true` or `unknown`",
                ));
            }
        };
        Ok(Fact { omitted: wire.omitted, ..Fact::new(reading, wire.source) })
    }
}

impl<T: JsonSchema> JsonSchema for Fact<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Fact_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let known = generator.subschema_for::<T>();
        json_schema!({
            "type": "object",
            "properties": {
                "known": known,
                "absent": { "const": true },
                "unknown": { "type": "string", "description": "why it could not be read" },
                "source": { "type": "string", "description": "the file or command it was read from" },
                "omitted": { "type": "integer", "minimum": 1, "description": "of a list: how many items are left out" }
            },
            "required": ["source"],
            "oneOf": [{ "required": ["known"] }, { "required": ["absent"] }, { "required": ["unknown"] }],
            "additionalProperties": false
        })
    }
}
