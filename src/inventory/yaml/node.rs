//! A value of a YAML document and where it stands.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::inventory::number::beyond_64_bits;
use crate::inventory::source::Mark;
use crate::inventory::variables::UNSAFE;

/// A value and where it stands. Aliases share their target, so copying is cheap.
pub(in crate::inventory) struct Node {
    pub(in crate::inventory) mark: Mark,
    pub(in crate::inventory) content: Content,
    /// How many nodes it is when every alias is written out.
    pub(super) size: usize,
    /// How deep it is when every alias is written out.
    pub(super) depth: usize,
    /// A text under `!unsafe`: no template, whatever it looks like.
    pub(super) untrusted: bool,
}

/// A key and its value.
pub(in crate::inventory) type Entry = (Rc<Node>, Rc<Node>);

/// What a node is.
pub(in crate::inventory) enum Content {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    /// A `!vault` value that nobody decrypted.
    Vault(String),
    /// The key `<<`.
    Merge,
    /// A list.
    Sequence(Vec<Rc<Node>>),
    /// A mapping without duplicate keys, merges done.
    Mapping(Vec<Entry>),
}

impl Node {
    /// A null, as a key without a value has it.
    pub(in crate::inventory) fn null(mark: Mark) -> Self {
        Node { mark, content: Content::Scalar(Value::Null), size: 1, depth: 1, untrusted: false }
    }

    /// The entries of a mapping; `None` for anything else.
    pub(in crate::inventory) fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list; `None` for anything else.
    pub(in crate::inventory) fn items(&self) -> Option<&[Rc<Node>]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// A text; `None` for anything else, also for numbers.
    pub(in crate::inventory) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether it is null.
    pub(in crate::inventory) fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Value::Null))
    }

    /// The value of a mapping's key.
    pub(in crate::inventory) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.entries()?.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// What it is, in words for people.
    pub(in crate::inventory) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(Value::Null) => "nothing",
            Content::Scalar(Value::Bool(_)) => "a boolean",
            Content::Scalar(Value::Number(_)) => "a number",
            Content::Scalar(value) if beyond_64_bits(value).is_some() => "a number",
            Content::Vault(_) => "an encrypted value",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
            Content::Scalar(_) | Content::Merge => "a text",
        }
    }

    /// The value as JSON, keys as Python's `json.dumps` writes them. An encrypted value stays encrypted.
    pub(in crate::inventory) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) if self.untrusted && value.is_string() => {
                Value::Object(Map::from_iter([(UNSAFE.to_owned(), value.clone())]))
            }
            Content::Scalar(value) => value.clone(),
            Content::Merge => Value::String("<<".to_owned()),
            Content::Vault(text) => {
                Value::Object(Map::from_iter([("__ansible_vault".to_owned(), Value::String(text.clone()))]))
            }
            Content::Sequence(items) => Value::Array(items.iter().map(|item| item.to_json()).collect()),
            Content::Mapping(_) => Value::Object(self.to_map()),
        }
    }

    /// A mapping as JSON; empty for anything else.
    pub(in crate::inventory) fn to_map(&self) -> Map<String, Value> {
        let entries = self.entries().unwrap_or_default();
        entries.iter().map(|(key, value)| (key.as_key(), value.to_json())).collect()
    }

    /// A key as JSON writes it.
    pub(in crate::inventory) fn as_key(&self) -> String {
        match &self.content {
            Content::Scalar(Value::String(text)) => text.clone(),
            Content::Scalar(value) => beyond_64_bits(value).map_or_else(|| value.to_string(), str::to_owned),
            Content::Merge => "<<".to_owned(),
            Content::Vault(_) | Content::Sequence(_) | Content::Mapping(_) => String::new(),
        }
    }
}
