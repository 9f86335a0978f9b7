//! Two JSON values held against each other.

use serde_json::Value;

/// The values that differ, by their path. `1` and `1.0` differ, and so do null and nothing.
pub(crate) fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => differences(&format!("{path}/{key}"), a, b, found),
                    (Some(a), None) => found.push(format!("{path}/{key}: {a}, and Ansible has none")),
                    (None, b) => found.push(format!("{path}/{key}: missing, {}", b.unwrap_or(&Value::Null))),
                }
            }
        }
        _ if ours != theirs => found.push(format!("{path}: {ours} instead of {theirs}")),
        _ => {}
    }
}
