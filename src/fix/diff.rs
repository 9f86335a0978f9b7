//! A change of daemon.json as people are shown it: a unified diff without secrets.

use std::ops::Range;

use serde_json::Value;
use similar::TextDiff;

use super::json_tree::{self, Kind, Node};
use crate::redact;

/// The unified diff between two texts of `path`; secrets are starred out. `None` stands for a file that is not there.
pub(super) fn unified(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let name = |bytes: Option<&[u8]>| if bytes.is_some() { path } else { "/dev/null" };
    let (old, new) = (shown(before.unwrap_or_default()), shown(after.unwrap_or_default()));
    // Where only a secret changes, that it does is seen all the same.
    if old == new && before != after && before.is_some() && after.is_some() {
        let name = name(before);
        return format!("--- {name}\n+++ {name}\n(what changes is not shown: it is secret, or no JSON)\n");
    }
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(3).header(name(before), name(after)).to_string()
}

/// The text as it may be shown. What is not JSON is not shown at all: nobody can tell what in it is secret.
fn shown(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return "(not text)\n".to_owned() };
    if text.trim().is_empty() {
        return text.to_owned();
    }
    let Some(root) = json_tree::read(text) else { return "(not JSON)\n".to_owned() };
    let mut secrets = Vec::new();
    for member in root.members() {
        match serde_json::from_str(&text[member.value.span.clone()]) {
            Ok(value) => collect(&member.value, &value, &redact::value(&member.key, &value), &mut secrets),
            Err(_) => secrets.push((member.value.span.clone(), Value::from(redact::STARS))),
        }
    }
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for (span, masked) in secrets {
        shown.push_str(&text[at..span.start]);
        shown.push_str(&masked.to_string());
        at = span.end;
    }
    shown + &text[at..]
}

/// What of a value is shown otherwise than it is, in order: where it stands, and what is shown for it.
fn collect(node: &Node, value: &Value, shown: &Value, into: &mut Vec<(Range<usize>, Value)>) {
    match (&node.kind, value, shown) {
        (_, value, shown) if value == shown => {}
        (Kind::Array(nodes), Value::Array(values), Value::Array(shown))
            if nodes.len() == values.len() && nodes.len() == shown.len() =>
        {
            let items = nodes.iter().zip(values).zip(shown);
            items.for_each(|((node, value), shown)| collect(node, value, shown, into));
        }
        // A key that stands twice is in the value once.
        (Kind::Object(members), Value::Object(values), Value::Object(shown))
            if members.len() == values.len() =>
        {
            for member in members {
                match (values.get(&member.key), shown.get(&member.key)) {
                    (Some(value), Some(shown)) => collect(&member.value, value, shown, into),
                    _ => into.push((member.value.span.clone(), Value::from(redact::STARS))),
                }
            }
        }
        (
            Kind::Array(_) | Kind::Object(_),
            Value::Array(_) | Value::Object(_),
            Value::Array(_) | Value::Object(_),
        ) => {
            into.push((node.span.clone(), Value::from(redact::STARS)));
        }
        (_, _, shown) => into.push((node.span.clone(), shown.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn shows_what_changes_and_no_secret() {
        let before = br#"{
  "log-opts": {"splunk-token": "s3cret", "dd-api-key": 8123456, "max-size": "50m"},
  "labels": ["rack=7", "api-key=s3cret"],
  "runtimes": {"x": {"path": "/x", "runtimeArgs": ["--token", "s3cret"]}},
  "insecure-registries": ["joe:s3/cret@r:5000"],
  "proxies": {"http-proxy": "joe:s3cret@proxy:3128", "https-proxy": "http://joe:s3cret@proxy:3128"}
}
"#;
        let after = String::from_utf8_lossy(before)
            .replace("3128\"}\n", "3128\"},\n  \"default-runtime\": \"nvidia\"\n");
        let diff = unified("/etc/docker/daemon.json", Some(before), Some(after.as_bytes()));
        for secret in ["s3", "cret", "joe", "8123456"] {
            assert!(!diff.contains(secret), "{secret} in {diff}");
        }
        assert!(
            diff.contains("+  \"proxies\": {\"http-proxy\": \"********@proxy:3128\", \"https-proxy\": "),
            "{diff}"
        );
        let whole = unified("/x", None, Some(before));
        assert!(whole.contains("\"max-size\": \"50m\"") && whole.contains("\"rack=7\""), "{whole}");
        let other = unified("/x", Some(b"{\"token\": \"a\"}\n"), Some(b"{\"token\": \"b\"}\n"));
        assert!(other.contains("not shown"), "{other}");
        assert!(diff.contains("+  \"default-runtime\": \"nvidia\"\n"), "{diff}");
        assert!(diff.starts_with("--- /etc/docker/daemon.json\n+++ /etc/docker/daemon.json\n"), "{diff}");
        let new = unified("/x", None, Some(b"{}\n"));
        assert!(new.starts_with("--- /dev/null\n+++ /x\n"), "{new}");
    }
}
