//! Facts as CEL sees them.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as Cel;
use cel::objects::{Key, Map};
use serde_json::Value;

use crate::facts::{Fact, Reading, Untyped};

/// A map with these entries.
pub(super) fn map(entries: impl Iterator<Item = (String, Cel)>) -> Cel {
    let map: HashMap<Key, Cel> = entries.map(|(key, value)| (Key::String(Arc::new(key)), value)).collect();
    Cel::Map(Map { map: Arc::new(map) })
}

/// One subject's facts, those of the wanted fields.
pub(super) fn to_cel_facts(fields: &Untyped, wanted: impl Fn(&str) -> bool) -> Cel {
    let wanted = fields.iter().filter(|(field, _)| wanted(field));
    map(wanted.filter_map(|(field, fact)| Some((field.to_string(), fact_to_cel(fact)?))))
}

/// A known fact is its value, an absent one null; an unknown one is left out.
pub(super) fn fact_to_cel(fact: &Fact<Value>) -> Option<Cel> {
    match &fact.reading {
        Reading::Known(value) => Some(to_cel(value)),
        Reading::Absent => Some(Cel::Null),
        Reading::Unknown(_) => None,
    }
}

/// Of an object the fields that are `wanted`; any other value whole.
pub(super) fn to_cel_fields(value: &Value, wanted: impl Fn(&str) -> bool) -> Cel {
    match value {
        Value::Object(fields) => {
            let wanted = fields.iter().filter(|(key, _)| wanted(key));
            map(wanted.map(|(key, value)| (key.clone(), to_cel(value))))
        }
        other => to_cel(other),
    }
}

/// Whole numbers enter as int, never as uint: CEL compares them with literals.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cel::Int(whole),
            None => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => map(fields.iter().map(|(key, value)| (key.clone(), to_cel(value)))),
    }
}
