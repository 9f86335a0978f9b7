//! Values inside a template, as Python would have them.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;

use serde_json::Value;

use super::evaluate::Evaluation;
use super::made::{List, Mapping, Text};
use super::stop::{Stop, Yield, short};

/// A value inside a template. `'v` is the inventory whose variables it comes from. Texts, lists and mappings are made by
/// `made.rs` alone.
#[derive(Clone)]
pub(super) enum Val<'v> {
    /// A variable, key or item that does not exist; what it was called.
    Undefined(Rc<str>),
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits, by its digits: it can be written out and compared for equality, and no more.
    Big(Text),
    Float(f64),
    Text(Text),
    List(List<'v>),
    Map(Mapping<'v>),
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

impl<'v> Val<'v> {
    /// What does not exist, by what it was called.
    pub(super) fn undefined(name: &str) -> Self {
        Val::Undefined(short(name).into())
    }

    /// Its length, of a text, a list or a mapping.
    pub(super) fn length(number: usize) -> Self {
        Val::Int(i64::try_from(number).unwrap_or(i64::MAX))
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
            Val::Map(map) => !map.entries().is_empty(),
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

impl<'v> Evaluation<'v, '_> {
    /// Python's `==`; both sides are templated to the last part.
    pub(super) fn equal(&mut self, a: &Val<'v>, b: &Val<'v>) -> Yield<bool> {
        self.spend(1)?;
        Ok(match (a, b) {
            (Val::Undefined(name), _) | (_, Val::Undefined(name)) => return Err(Stop::undefined(name)),
            (Val::Null, Val::Null) => true,
            (Val::Big(a), Val::Big(b)) => a == b,
            (Val::Big(_), Val::Float(_)) | (Val::Float(_), Val::Big(_)) => return Err(beyond_64_bits()),
            (Val::Text(a), Val::Text(b)) => {
                if a.len() == b.len() {
                    self.scan(a.len())?;
                }
                a == b
            }
            (Val::List(a), Val::List(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Val::Map(a), Val::Map(b)) => {
                if a.entries().len() != b.entries().len() {
                    return Ok(false);
                }
                for (key, value) in a.entries() {
                    self.spend(1 + b.entries().len() / 8)?;
                    match b.get(key) {
                        Some(other) if self.equal(value, other)? => {}
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
    pub(super) fn compare(&mut self, a: &Val<'v>, b: &Val<'v>) -> Yield<Ordering> {
        self.spend(1)?;
        match (a, b) {
            (Val::Undefined(name), _) | (_, Val::Undefined(name)) => Err(Stop::undefined(name)),
            (Val::Big(_), _) | (_, Val::Big(_)) => Err(beyond_64_bits()),
            (Val::Text(a), Val::Text(b)) => {
                self.scan(a.len().min(b.len()))?;
                Ok((**a).cmp(&**b))
            }
            (Val::List(a), Val::List(b)) => {
                for (a, b) in a.iter().zip(b.iter()) {
                    if !self.equal(a, b)? {
                        return self.compare(a, b);
                    }
                }
                Ok(a.len().cmp(&b.len()))
            }
            _ => {
                let whole = a.whole().zip(b.whole()).map(|(a, b)| a.cmp(&b));
                let float = || a.number().zip(b.number()).and_then(|(a, b)| a.partial_cmp(&b));
                let reason = || format!("{} and {} cannot be put in order", a.kind(), b.kind());
                whole.or_else(float).ok_or_else(|| Stop::failed(reason()))
            }
        }
    }

    /// Whether a list holds a value; all of it is templated.
    pub(super) fn holds(&mut self, items: &[Val<'v>], wanted: &Val<'v>) -> Yield<bool> {
        for item in items {
            if self.equal(item, wanted)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of several items, each value once; as Ansible compares sets.
    pub(super) fn distinct(&mut self, items: Vec<Val<'v>>) -> Yield<Vec<Val<'v>>> {
        let mut texts: HashSet<Text> = HashSet::new();
        let mut kept: Vec<Val<'v>> = Vec::new();
        for item in items {
            let item = self.deep(item)?;
            if let Val::Text(text) = &item {
                self.scan(text.len())?;
                if texts.insert(text.clone()) {
                    kept.push(item);
                }
                continue;
            }
            if !self.holds(&kept, &item)? {
                kept.push(item);
            }
        }
        Ok(kept)
    }
}
