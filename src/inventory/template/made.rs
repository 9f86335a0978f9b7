//! The texts, lists and mappings that templates make.
//!
//! They are made by the functions of this file alone, and each of them pays before it allocates. So a filter cannot make a
//! value that is not paid for.

use std::ops::Deref;
use std::rc::Rc;

use serde_json::{Number, Value};

use super::budget::too_large;
use super::evaluate::Evaluation;
use super::stop::{Stop, Yield};
use super::value::Val;

/// The largest result of one evaluation, in bytes of JSON.
const MAX_RESULT: usize = 4 * 1024 * 1024;

/// What a value of its own costs beside its content: the allocation and its two counts.
const ALLOCATION: usize = 40;
const ITEM: usize = size_of::<Val<'_>>();
const ENTRY: usize = ITEM + size_of::<Text>();

/// A text of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Text(Rc<str>);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A list of a template.
#[derive(Clone)]
pub(super) struct List<'v>(Rc<[Val<'v>]>);

impl<'v> Deref for List<'v> {
    type Target = [Val<'v>];

    fn deref(&self) -> &[Val<'v>] {
        &self.0
    }
}

/// A mapping of a template, with texts as keys.
#[derive(Clone)]
pub(super) struct Mapping<'v> {
    entries: Rc<[(Text, Val<'v>)]>,
    is_ordered: bool,
}

impl<'v> Mapping<'v> {
    pub(super) fn get(&self, key: &str) -> Option<&Val<'v>> {
        self.entries.iter().find(|(name, _)| &**name == key).map(|(_, value)| value)
    }

    /// The entries, in any order.
    pub(super) fn entries(&self) -> &[(Text, Val<'v>)] {
        &self.entries
    }

    /// Whether the entries are in the order in which Python has them.
    pub(super) fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// The entries, where their order is known or cannot matter.
    pub(super) fn in_order(&self) -> Yield<&[(Text, Val<'v>)]> {
        match self.is_ordered || self.entries.len() < 2 {
            true => Ok(&self.entries),
            false => Err(Stop::undecidable("the order of a mapping's keys is not kept here")),
        }
    }
}

/// A text that grows piece by piece.
#[derive(Default)]
pub(super) struct TextBuilder(String);

impl TextBuilder {
    /// Adds a piece.
    pub(super) fn push(&mut self, own: &mut Evaluation<'_, '_>, piece: &str) -> Yield<()> {
        own.budget.pay(piece.len())?;
        self.0.push_str(piece);
        Ok(())
    }

    /// The text; the pieces are paid for.
    pub(super) fn finish(self) -> Text {
        Text(self.0.into())
    }
}

/// A list that grows item by item.
#[derive(Default)]
pub(super) struct ListBuilder<'v>(Vec<Val<'v>>);

impl<'v> ListBuilder<'v> {
    /// Adds an item.
    pub(super) fn push(&mut self, own: &mut Evaluation<'v, '_>, item: Val<'v>) -> Yield<()> {
        own.budget.pay(ITEM)?;
        self.0.push(item);
        Ok(())
    }

    /// The items so far.
    pub(super) fn items(&self) -> &[Val<'v>] {
        &self.0
    }

    /// The list; the items are paid for.
    pub(super) fn finish(self) -> Val<'v> {
        Val::List(List(self.0.into()))
    }
}

impl<'v> Evaluation<'v, '_> {
    /// A text.
    pub(super) fn text(&mut self, text: &str) -> Yield<Val<'v>> {
        self.key(text).map(Val::Text)
    }

    /// A text that is a mapping's key.
    pub(super) fn key(&mut self, text: &str) -> Yield<Text> {
        self.budget.pay(text.len().saturating_add(ALLOCATION))?;
        Ok(Text(text.into()))
    }

    /// A text repeated.
    pub(super) fn repeated(&mut self, text: &str, times: usize) -> Yield<Val<'v>> {
        self.budget.pay(text.len().saturating_mul(times).saturating_add(ALLOCATION))?;
        Ok(Val::Text(Text(text.repeat(times).into())))
    }

    /// Two texts as one.
    pub(super) fn concatenated(&mut self, left: &str, right: &str) -> Yield<Val<'v>> {
        self.budget.pay(left.len().saturating_add(right.len()).saturating_add(ALLOCATION))?;
        Ok(Val::Text(Text([left, right].concat().into())))
    }

    /// A text with every occurrence of a part replaced, as Python replaces: an empty part is before each character and at
    /// the end.
    pub(super) fn replaced(&mut self, text: &str, old: &str, new: &str) -> Yield<Val<'v>> {
        self.scan(text.len())?;
        let mut replaced = TextBuilder::default();
        let mut end = 0;
        for (at, part) in text.match_indices(old) {
            replaced.push(self, &text[end..at])?;
            replaced.push(self, new)?;
            end = at + part.len();
        }
        replaced.push(self, &text[end..])?;
        Ok(Val::Text(replaced.finish()))
    }

    /// A list.
    pub(super) fn list(&mut self, items: impl IntoIterator<Item = Val<'v>>) -> Yield<Val<'v>> {
        let mut list = ListBuilder::default();
        self.budget.pay(ALLOCATION)?;
        for item in items {
            list.push(self, item)?;
        }
        Ok(list.finish())
    }

    /// A list of texts.
    pub(super) fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> Yield<Val<'v>> {
        let mut list = ListBuilder::default();
        self.budget.pay(ALLOCATION)?;
        for text in texts {
            let text = self.text(text)?;
            list.push(self, text)?;
        }
        Ok(list.finish())
    }

    /// A list of two items.
    pub(super) fn pair(&mut self, first: Val<'v>, second: Val<'v>) -> Yield<Val<'v>> {
        self.list([first, second])
    }

    /// A mapping; `is_ordered` says whether the entries are in the order in which Python has them.
    pub(super) fn mapping(
        &mut self,
        entries: impl IntoIterator<Item = (Text, Val<'v>)>,
        is_ordered: bool,
    ) -> Yield<Val<'v>> {
        let mut kept = Vec::new();
        self.budget.pay(ALLOCATION)?;
        for entry in entries {
            self.budget.pay(ENTRY)?;
            kept.push(entry);
        }
        Ok(Val::Map(Mapping { entries: kept.into(), is_ordered }))
    }

    /// The items of a list, or copies of them, to be worked on.
    pub(super) fn copied(&mut self, items: &[Val<'v>]) -> Yield<Vec<Val<'v>>> {
        self.budget.pay(items.len().saturating_mul(ITEM))?;
        Ok(items.to_vec())
    }

    /// The entries of a mapping, to be worked on.
    pub(super) fn copied_entries(&mut self, map: &Mapping<'v>) -> Yield<Vec<(Text, Val<'v>)>> {
        self.budget.pay(map.entries.len().saturating_mul(ENTRY))?;
        Ok(map.entries.to_vec())
    }

    /// A value that needs no templating any more.
    pub(super) fn plain(&mut self, value: &Value) -> Yield<Val<'v>> {
        Ok(match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Val::Int(whole),
                _ if number.is_u64() => self.big(&number.to_string())?,
                (_, float) => Val::Float(float.unwrap_or(f64::NAN)),
            },
            Value::String(text) => self.text(text)?,
            Value::Array(items) => {
                let mut list = ListBuilder::default();
                self.budget.pay(ALLOCATION)?;
                for item in items {
                    let item = self.plain(item)?;
                    list.push(self, item)?;
                }
                list.finish()
            }
            Value::Object(map) => {
                let mut entries = Vec::new();
                for (key, value) in map {
                    let entry = (self.key(key)?, self.plain(value)?);
                    self.budget.pay(ENTRY)?;
                    entries.push(entry);
                }
                self.mapping(entries, false)?
            }
        })
    }

    /// An integer beyond 64 bits, by its digits.
    pub(super) fn big(&mut self, digits: &str) -> Yield<Val<'v>> {
        self.key(digits).map(Val::Big)
    }

    /// What a text says as JSON.
    pub(super) fn parsed_json(&mut self, text: &str) -> Yield<Val<'v>> {
        // The shortest item, `0,`, becomes a value of its own.
        self.budget.pay(text.len().saturating_mul(size_of::<Value>() / 2))?;
        let parsed =
            serde_json::from_str(text).map_err(|_| Stop::failed("`from_json` of what is no JSON"))?;
        self.plain(&parsed)
    }

    /// The result of the evaluation, templated to its last part, as JSON.
    pub(super) fn finish(&mut self, value: Val<'v>) -> Yield<Value> {
        let value = self.deep(value)?;
        let mut room = MAX_RESULT;
        let json = to_json(&value, &mut room)?;
        self.budget.keep(MAX_RESULT - room)?;
        Ok(json)
    }
}

/// As JSON, where there is room for it; every part must be known by now.
fn to_json(value: &Val<'_>, room: &mut usize) -> Yield<Value> {
    let mut take = |bytes: usize| {
        *room = room.checked_sub(bytes).ok_or_else(|| too_large(MAX_RESULT))?;
        Ok::<_, Stop>(())
    };
    take(8)?;
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(value) => Value::Bool(*value),
        Val::Int(number) => Value::from(*number),
        // JSON has nothing else for one that is beyond 64 bits with its sign.
        Val::Big(digits) => {
            digits.parse::<u64>().map_or_else(|_| Value::String(digits.to_string()), Value::from)
        }
        Val::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
        Val::Text(text) => {
            take(text.len())?;
            Value::String(text.to_string())
        }
        Val::List(items) => {
            let mut array = Vec::new();
            for item in items.iter() {
                array.push(to_json(item, room)?);
            }
            Value::Array(array)
        }
        Val::Map(map) => {
            let mut object = serde_json::Map::new();
            for (key, value) in map.entries() {
                *room = room.checked_sub(key.len()).ok_or_else(|| too_large(MAX_RESULT))?;
                object.insert(key.to_string(), to_json(value, room)?);
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
