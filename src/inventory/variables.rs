//! Variables of a host, and where each of them came from.

use std::fmt;

use serde_json::{Map, Value};

/// What the origin of a layer ends in whose values were all encrypted.
pub(super) const SECRET: &str = " (encrypted)";

/// One place that gives variables to a host: a line, a section, a vars file.
#[derive(Clone)]
pub struct Layer {
    /// Where it is written, and whose it is: `inventory.ini [k8s_cluster:vars]`, `group_vars/all.yml`.
    pub origin: String,
    /// The variables themselves, passwords included.
    pub variables: Map<String, Value>,
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

/// A scalar as text; nothing for null, lists and mappings (an undecrypted vault value is a mapping).
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
