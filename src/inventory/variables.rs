//! Variables of a host, and where each of them came from.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

use super::number::beyond_64_bits;
use super::source::Place;

/// What the origin of a layer ends in whose values were all encrypted.
pub(super) const SECRET: &str = " (encrypted)";

/// One place that gives variables to a host: a line, a section, a vars file.
#[derive(Clone)]
pub struct Layer {
    /// Where it is written: `inventory.ini:17 group `k8s_cluster``, `group_vars/all.yml`.
    pub origin: String,
    /// Whose variables they are: `group k8s_cluster`, `host node1`; empty where the origin says it.
    pub owner: String,
    /// The variables themselves, passwords included.
    pub variables: Map<String, Value>,
    /// Where each of them is written, as far as that is known.
    pub(super) places: HashMap<String, Place>,
}

impl Layer {
    /// Variables of which only the file is known.
    pub(super) fn new(origin: String, variables: Map<String, Value>) -> Self {
        Layer { origin, owner: String::new(), variables, places: HashMap::new() }
    }

    /// The group whose variables they are; none where they are a host's, or extra variables.
    pub fn group(&self) -> Option<&str> {
        match self.owner.strip_prefix("group ") {
            Some(group) => Some(group),
            // A section of an inventory file names it in the origin.
            None => self.origin.rsplit_once(" group `")?.1.strip_suffix('`'),
        }
    }

    /// `file:line` of one variable, else the layer's origin.
    pub fn place_of(&self, name: &str) -> String {
        self.places.get(name).map_or_else(|| self.origin.clone(), Place::origin)
    }
}

/// Variables while files are being read: each with the place that set it last.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) values: Map<String, Value>,
    pub(super) places: HashMap<String, Place>,
}

impl Variables {
    /// Sets one; what was there before is gone, unless mappings are merged.
    pub(super) fn set(&mut self, name: String, value: Value, place: Place, merging: bool) {
        self.places.insert(name.clone(), place);
        match self.values.get_mut(&name) {
            Some(before) if merging => merge(before, value),
            _ => {
                self.values.insert(name, value);
            }
        }
    }

    /// As a layer; nothing where there are none.
    pub(super) fn into_layer(self, origin: String, owner: String) -> Option<Layer> {
        let Variables { values, places } = self;
        (!values.is_empty()).then_some(Layer { origin, owner, variables: values, places })
    }
}

impl Layer {
    /// Whether its values were encrypted, and are not to be shown.
    pub fn is_secret(&self) -> bool {
        self.origin.ends_with(SECRET)
    }
}

/// Names only: values may be passwords.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.variables.keys().collect();
        f.debug_struct("Layer").field("origin", &self.origin).field("variables", &names).finish()
    }
}

/// Ansible's idea of a boolean.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_i64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "on" | "1" | "true" | "t" | "y" => Some(true),
            "no" | "off" | "0" | "false" | "f" | "n" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a value is a mapping in Ansible's eyes, and no marked or encrypted text.
pub(super) fn is_mapping(value: &Value) -> bool {
    value.as_object().is_some_and(|it| it.len() != 1 || !it.keys().any(|key| key.starts_with("__ansible_")))
}

/// Merges a mapping into what was there, as `hash_behaviour = merge` does; anything else replaces it.
pub(super) fn merge(before: &mut Value, value: Value) {
    if !is_mapping(before) || !is_mapping(&value) {
        *before = value;
    } else if let (Value::Object(before), Value::Object(value)) = (before, value) {
        for (key, value) in value {
            match before.get_mut(&key) {
                Some(before) => merge(before, value),
                None => {
                    before.insert(key, value);
                }
            }
        }
    }
}

/// The key under which Ansible's JSON keeps a text that is no template (`!unsafe`).
pub(super) const UNSAFE: &str = "__ansible_unsafe";

/// A scalar as text; nothing for null, lists and mappings (an undecrypted vault value is a mapping).
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) if object.len() == 1 => {
            let marked = object.get(UNSAFE).and_then(Value::as_str);
            marked.or(beyond_64_bits(value)).map(str::to_owned)
        }
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
