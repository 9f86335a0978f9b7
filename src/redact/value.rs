//! Values of variables and of configuration files without their secrets; their shape stays.

use serde_json::{Map, Value};

use super::name::{Sensitivity, is_address, is_key, is_place, sensitivity};
use super::settings::{is_secret_flag, is_switch};
use super::{STARS, text};

/// A value as it may be shown under its name. Lists, mappings and their keys stay, and so do booleans; a text or a number that
/// is secret becomes [`STARS`].
pub fn value(name: &str, value: &Value) -> Value {
    walk(sensitivity(name), name, value)
}

fn walk(outer: Sensitivity, name: &str, value: &Value) -> Value {
    let inner = outer.max(sensitivity(name));
    match value {
        Value::Bool(_) | Value::Null => value.clone(),
        Value::Number(number) => match inner {
            Sensitivity::All if !matches!(number.as_u64(), Some(0 | 1)) => Value::from(STARS),
            _ => value.clone(),
        },
        Value::String(content) => Value::String(string(inner, name, content)),
        Value::Array(items) => Value::Array(list(inner, name, items)),
        Value::Object(fields) => match fields.iter().next() {
            Some((mark, content)) if fields.len() == 1 && mark.starts_with("__") => {
                marked(inner, name, mark, content).unwrap_or_else(|| value.clone())
            }
            _ => Value::Object(object(inner, fields)),
        },
    }
}

/// A value that stands under a mark of Ansible's JSON (`__ansible_vault`, `__ansible_unsafe`), where it is secret.
fn marked(sensitivity: Sensitivity, name: &str, mark: &str, content: &Value) -> Option<Value> {
    if mark == "__ansible_vault" {
        return Some(Value::Object(Map::from_iter([(mark.to_owned(), Value::from(STARS))])));
    }
    let shown = walk(sensitivity, name, content);
    (shown != *content).then_some(shown)
}

fn string(sensitivity: Sensitivity, name: &str, content: &str) -> String {
    let is_public = is_switch(content) || is_path(name, content) || is_reference(content);
    if sensitivity > Sensitivity::None && !is_public {
        return STARS.to_owned();
    }
    let trimmed = content.trim_start();
    if trimmed.starts_with(['{', '['])
        && let Ok(json) = serde_json::from_str::<Value>(content)
    {
        let hidden = walk(sensitivity, name, &json);
        return if hidden == json { content.to_owned() } else { hidden.to_string() };
    }
    match is_address(name) && !content.contains('\n') {
        true => text(&without_user(content)).into_owned(),
        false => text(content).into_owned(),
    }
}

/// An address without what stands before its last `@`: a user alone may be a token. Only ssh's `git@host` is none.
fn without_user(address: &str) -> String {
    let start = address.find("://").map_or(0, |at| at + 3);
    let Some(at) = address[start..].rfind('@') else { return address.to_owned() };
    let user = &address[start..start + at];
    let is_login = user == "git" || address[..start].ends_with("ssh://") && !user.contains(':');
    // Behind the first `/` of one without a password it is a part of the path.
    let is_path = user.contains('/') && (!user.contains(':') || has_port(user));
    let is_digest = address[start + at + 1..].starts_with("sha256:");
    match is_login || is_path || is_digest || user.is_empty() {
        true => address.to_owned(),
        false => format!("{}{STARS}{}", &address[..start], &address[start + at..]),
    }
}

/// Whether this is a host, a port and a path.
fn has_port(text: &str) -> bool {
    let authority = text.split('/').next().unwrap_or_default();
    authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a value is a path, and its name says so.
pub(super) fn is_path(name: &str, content: &str) -> bool {
    let content = content.trim().trim_matches(['"', '\'']);
    let is_plain = |c: char| c.is_alphanumeric() || "/._~+@-".contains(c);
    let starts = |start: &str| content.starts_with(start);
    // The file of a key.
    let is_file = (starts("/") || starts("~/")) && content.matches('/').nth(1).is_some();
    if is_file && content.chars().all(is_plain) && (is_key(name) || sensitivity(name) == Sensitivity::Texts) {
        return true;
    }
    is_place(name)
        && (starts("{{")
            || (starts("/") || starts("~") || content.contains('/')) && content.chars().all(is_plain)
            || sensitivity(name) == Sensitivity::Texts && content.chars().all(is_plain))
}

/// Whether this is a template that names a value which stands elsewhere.
fn is_reference(content: &str) -> bool {
    let inner = content.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let names = |inner: &str| !inner.contains(['"', '\'']) || inner.contains("lookup(");
    inner.is_some_and(|inner| !inner.contains("}}") && names(inner))
}

/// Items of a list; of a command line's words also those that follow a secret's flag.
fn list(sensitivity: Sensitivity, name: &str, items: &[Value]) -> Vec<Value> {
    let mut follows_flag = false;
    let item = |item: &Value| {
        let word = item.as_str().unwrap_or_default();
        let sensitivity = match std::mem::take(&mut follows_flag) && !word.starts_with('-') {
            true => Sensitivity::All,
            false => sensitivity,
        };
        follows_flag = is_secret_flag(word);
        walk(sensitivity, name, item)
    };
    items.iter().map(item).collect()
}

fn object(sensitivity: Sensitivity, fields: &Map<String, Value>) -> Map<String, Value> {
    // `{name: API_TOKEN, value: …}`, as containers have their environment.
    let named = ["name", "key"].iter().find_map(|key| fields.get(*key)?.as_str()).unwrap_or_default();
    let field = |(key, value): (&String, &Value)| {
        let shown = match key.as_str() {
            "value" if !named.is_empty() => walk(sensitivity, named, value),
            "key"
                if fields.contains_key("value")
                    || fields.contains_key("effect")
                    || fields.contains_key("operator") =>
            {
                value.clone()
            }
            _ => walk(sensitivity, key, value),
        };
        (key.clone(), shown)
    };
    fields.iter().map(field).collect()
}
