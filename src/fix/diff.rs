//! A change of daemon.json as people are shown it: a unified diff without secrets.

use similar::TextDiff;

use super::json_tree::{self, Kind, Node};
use crate::facts::secret;

/// The unified diff between two texts of `path`; secrets are starred out. `None` stands for a file that is not there.
pub(super) fn unified(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> String {
    let name = |bytes: Option<&[u8]>| if bytes.is_some() { path } else { "/dev/null" };
    let (old, new) = (shown(before.unwrap_or_default()), shown(after.unwrap_or_default()));
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
    collect(&root, "", &mut secrets);
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for (span, masked) in secrets {
        shown.push_str(&text[at..span.start]);
        shown.push_str(&masked);
        at = span.end;
    }
    shown + &text[at..]
}

/// Every text that holds a secret, in order, and what is shown for it.
fn collect(node: &Node, key: &str, into: &mut Vec<(std::ops::Range<usize>, String)>) {
    match &node.kind {
        Kind::Text(text) => {
            let masked = secret::shown(key, text);
            if masked != *text {
                into.push((node.span.clone(), serde_json::Value::from(masked).to_string()));
            }
        }
        Kind::Array(items) => items.iter().for_each(|item| collect(item, key, into)),
        Kind::Object(members) => {
            for member in members {
                collect(&member.value, &member.key, into);
            }
        }
        Kind::Null | Kind::Other => {}
    }
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn shows_what_changes_and_no_secret() {
        let before = br#"{
  "log-opts": {"splunk-token": "s3cret"},
  "proxies": {"http-proxy": "http://joe:s3cret@proxy:3128"}
}
"#;
        let after = String::from_utf8_lossy(before)
            .replace("3128\"}\n", "3128\"},\n  \"default-runtime\": \"nvidia\"\n");
        let diff = unified("/etc/docker/daemon.json", Some(before), Some(after.as_bytes()));
        assert!(!diff.contains("s3cret") && !diff.contains("joe"), "{diff}");
        assert!(diff.contains("+  \"default-runtime\": \"nvidia\"\n"), "{diff}");
        assert!(diff.starts_with("--- /etc/docker/daemon.json\n+++ /etc/docker/daemon.json\n"), "{diff}");
        let new = unified("/x", None, Some(b"{}\n"));
        assert!(new.starts_with("--- /dev/null\n+++ /x\n"), "{new}");
    }
}
