//! Values inside a template, as Python would have them.

use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::{Map, Number, Value};

use super::stop::{Stop, Yield};

/// A value inside a template. `'v` is the inventory whose variables it comes from.
#[derive(Clone)]
pub(super) enum Val<'v> {
    /// A variable, key or item that does not exist; what it was called.
    Undefined(Rc<str>),
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, by its digits: it can be written out and compared for equality, and no more.
    Big(Rc<str>),
    Float(f64),
    Text(Rc<str>),
    List(Rc<Vec<Val<'v>>>),
    Map(Rc<Mapping<'v>>),
    /// A variable's value, or a part of it, that is not templated yet; whose host it is.
    Raw(&'v Value, usize),
    /// `hostvars`.
    Hostvars,
    /// `groups`.
    Groups,
    /// One host's variables.
    Host(usize),
    /// One host's `ansible_facts`.
    Facts(usize),
    /// `omit`.
    Omit,
}

/// A mapping with texts as keys.
pub(super) struct Mapping<'v> {
    pub(super) entries: Vec<(Rc<str>, Val<'v>)>,
    /// Whether the entries stand in the order in which Python has them.
    pub(super) ordered: bool,
}

impl<'v> Mapping<'v> {
    pub(super) fn get(&self, key: &str) -> Option<&Val<'v>> {
        self.entries.iter().find(|(name, _)| &**name == key).map(|(_, value)| value)
    }

    /// The entries, where their order is known or cannot matter.
    pub(super) fn in_order(&self) -> Yield<&[(Rc<str>, Val<'v>)]> {
        match self.ordered || self.entries.len() < 2 {
            true => Ok(&self.entries),
            false => Err(Stop::undecidable("the order of a mapping's keys is not kept here")),
        }
    }
}

impl<'v> Val<'v> {
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Val::Text(text.into())
    }

    pub(super) fn list(items: Vec<Val<'v>>) -> Self {
        Val::List(Rc::new(items))
    }

    pub(super) fn map(entries: Vec<(Rc<str>, Val<'v>)>) -> Self {
        Val::Map(Rc::new(Mapping { entries, ordered: true }))
    }

    /// A value that needs no templating any more.
    pub(super) fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Val::Int(whole),
                _ if number.is_u64() => Val::Big(number.to_string().into()),
                (_, float) => Val::Float(float.unwrap_or(f64::NAN)),
            },
            Value::String(text) => Val::text(text.as_str()),
            Value::Array(items) => Val::list(items.iter().map(Val::from_json).collect()),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| (key.as_str().into(), Val::from_json(value)));
                Val::Map(Rc::new(Mapping { entries: entries.collect(), ordered: false }))
            }
        }
    }

    /// As JSON; every part must be known by now.
    pub(super) fn to_json(&self) -> Yield<Value> {
        Ok(match self {
            Val::Null => Value::Null,
            Val::Bool(value) => Value::Bool(*value),
            Val::Int(number) => Value::from(*number),
            // JSON has nothing else for one that is beyond 64 bits with its sign.
            Val::Big(digits) => {
                digits.parse::<u64>().map_or_else(|_| Value::String(digits.to_string()), Value::from)
            }
            Val::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
            Val::Text(text) => Value::String(text.to_string()),
            Val::List(items) => Value::Array(items.iter().map(Val::to_json).collect::<Yield<_>>()?),
            Val::Map(map) => {
                let mut object = Map::new();
                for (key, value) in &map.entries {
                    object.insert(key.to_string(), value.to_json()?);
                }
                Value::Object(object)
            }
            Val::Undefined(name) => return Err(Stop::undefined(name)),
            Val::Omit => return Err(Stop::undecidable("`omit` inside a value")),
            Val::Raw(..) | Val::Hostvars | Val::Groups | Val::Host(_) | Val::Facts(_) => {
                return Err(Stop::undecidable("all of a host's variables at once"));
            }
        })
    }

    /// Python's name of its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Val::Undefined(_) => "undefined",
            Val::Null => "None",
            Val::Bool(_) => "a boolean",
            Val::Int(_) | Val::Big(_) | Val::Float(_) => "a number",
            Val::Text(_) => "a text",
            Val::List(_) => "a list",
            Val::Map(_) | Val::Hostvars | Val::Groups | Val::Host(_) | Val::Facts(_) => "a mapping",
            Val::Raw(..) => "a variable",
            Val::Omit => "`omit`",
        }
    }

    /// Python's truth.
    pub(super) fn is_true(&self) -> Yield<bool> {
        Ok(match self {
            Val::Undefined(name) => return Err(Stop::undefined(name)),
            Val::Null => false,
            Val::Bool(value) => *value,
            Val::Int(number) => *number != 0,
            Val::Big(_) => true,
            Val::Float(float) => *float != 0.0,
            Val::Text(text) => !text.is_empty(),
            Val::List(items) => !items.is_empty(),
            Val::Map(map) => !map.entries.is_empty(),
            Val::Raw(..) | Val::Hostvars | Val::Groups | Val::Host(_) | Val::Facts(_) | Val::Omit => true,
        })
    }

    /// As a number, for arithmetic and comparison; booleans are numbers in Python.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Val::Bool(value) => Some(f64::from(u8::from(*value))),
            #[allow(clippy::cast_precision_loss)] // compared as floats only where one side is one
            Val::Int(number) => Some(*number as f64),
            Val::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// As a whole number; booleans are numbers in Python.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Val::Bool(value) => Some(i64::from(*value)),
            Val::Int(number) => Some(*number),
            _ => None,
        }
    }
}

/// For what would have to calculate with such an integer.
pub(super) fn beyond_64_bits() -> Stop {
    Stop::undecidable("a number beyond 64 bits")
}

/// Python's `==`; both sides are templated to the last part.
pub(super) fn equal(a: &Val<'_>, b: &Val<'_>) -> Yield<bool> {
    Ok(match (a, b) {
        (Val::Undefined(name), _) | (_, Val::Undefined(name)) => return Err(Stop::undefined(name)),
        (Val::Null, Val::Null) => true,
        (Val::Big(a), Val::Big(b)) => a == b,
        (Val::Big(_), Val::Float(_)) | (Val::Float(_), Val::Big(_)) => return Err(beyond_64_bits()),
        (Val::Text(a), Val::Text(b)) => a == b,
        (Val::List(a), Val::List(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b)? {
                    return Ok(false);
                }
            }
            true
        }
        (Val::Map(a), Val::Map(b)) => {
            if a.entries.len() != b.entries.len() {
                return Ok(false);
            }
            for (key, value) in &a.entries {
                match b.get(key) {
                    Some(other) if equal(value, other)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Val::Raw(..) | Val::Hostvars | Val::Groups | Val::Host(_) | Val::Omit, _)
        | (_, Val::Raw(..) | Val::Hostvars | Val::Groups | Val::Host(_) | Val::Omit) => {
            return Err(Stop::undecidable("a comparison of more than plain values"));
        }
        _ => match (a.whole(), b.whole(), a.number(), b.number()) {
            (Some(a), Some(b), ..) => a == b,
            (_, _, Some(a), Some(b)) => a == b,
            _ => false,
        },
    })
}

/// Python's `<`, `>` and their like; both sides are templated to the last part.
pub(super) fn compare(a: &Val<'_>, b: &Val<'_>) -> Yield<Ordering> {
    match (a, b) {
        (Val::Undefined(name), _) | (_, Val::Undefined(name)) => Err(Stop::undefined(name)),
        (Val::Big(_), _) | (_, Val::Big(_)) => Err(beyond_64_bits()),
        (Val::Text(a), Val::Text(b)) => Ok(a.cmp(b)),
        (Val::List(a), Val::List(b)) => {
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b)? {
                    return compare(a, b);
                }
            }
            Ok(a.len().cmp(&b.len()))
        }
        _ => {
            let whole = a.whole().zip(b.whole()).map(|(a, b)| a.cmp(&b));
            let float = || a.number().zip(b.number()).and_then(|(a, b)| a.partial_cmp(&b));
            whole
                .or_else(float)
                .ok_or_else(|| Stop::failed(format!("{} and {} cannot be put in order", a.kind(), b.kind())))
        }
    }
}
