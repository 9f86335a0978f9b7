//! Secrets that stand in what hosts say: starred out before they become facts.

use serde_json::{Map, Value};

const STARS: &str = "********";

/// The same object without user names and passwords in URLs (a proxy's), and without the values of keys that name
/// a secret (a log driver's token).
pub(super) fn without(object: Map<String, Value>) -> Map<String, Value> {
    object.into_iter().map(|(key, value)| (key.clone(), star(&key, value))).collect()
}

/// A text that stands under `key`, as it may be shown.
pub(crate) fn shown(key: &str, text: &str) -> String {
    let named =
        ["password", "passwd", "secret", "token"].iter().any(|word| key.to_lowercase().contains(word));
    if named { STARS.to_owned() } else { mask(text) }
}

fn star(key: &str, value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(shown(key, &text)),
        Value::Array(items) => items.into_iter().map(|item| star(key, item)).collect(),
        Value::Object(fields) => Value::Object(without(fields)),
        other => other,
    }
}

/// `http://user:password@proxy:3128` without the user and the password.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (before, after) = rest.split_at(scheme + 3);
        masked.push_str(before);
        let end = after.find(|c: char| c == '/' || c == '"' || c.is_whitespace()).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                masked.push_str(STARS);
                &after[at..]
            }
            None => after,
        };
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::{mask, without};

    #[test]
    fn nothing_of_a_secret_is_left() {
        let text = r#"{"proxies": {"http-proxy": "http://joe:pw@ss@10.0.0.1:3128", "no-proxy": "a,b"},
            "log-opts": {"splunk-token": "pw", "tag": "x"}, "registry-mirrors": ["https://joe:pw@mirror/"]}"#;
        let object = serde_json::from_str(text).expect("JSON");
        let shown = serde_json::to_string(&without(object)).expect("JSON");
        assert!(!shown.contains("pw") && !shown.contains("joe"), "{shown}");
        assert!(
            shown.contains("@10.0.0.1:3128") && shown.contains("a,b") && shown.contains("\"tag\":\"x\""),
            "{shown}"
        );
        assert_eq!(mask("no url, a@b"), "no url, a@b");
        assert_eq!(mask("http://a:b@c and http://d/e@f"), "http://********@c and http://d/e@f");
    }
}
