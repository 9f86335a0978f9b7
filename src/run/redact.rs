//! Variables as they may be shown: without what looks like a secret, by its name or by its value.

use serde_json::Value;

pub(super) use crate::inventory::STARS;
use crate::inventory::{is_secret, without_users};

/// A variable's value, secrets starred out.
pub(super) fn shown(name: &str, value: &Value) -> Value {
    if is_secret(name) && !matches!(value, Value::Bool(_) | Value::Null) {
        return Value::String(STARS.to_owned());
    }
    match value {
        Value::Object(object) => {
            object.iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
        }
        Value::Array(items) => items.iter().map(|item| shown("", item)).collect(),
        Value::String(text) => Value::String(starred(text)),
        Value::Bool(_) | Value::Number(_) | Value::Null => value.clone(),
    }
}

/// A text in which what looks like a secret is stars.
fn starred(text: &str) -> String {
    if text.contains("PRIVATE KEY-----") {
        return STARS.to_owned();
    }
    // What sshpass is told, and what comes behind.
    if let Some((before, _)) = text.split_once("sshpass") {
        return format!("{}sshpass {STARS}", without_users(before));
    }
    if text.trim_start().starts_with(['{', '['])
        && let Ok(json) = serde_json::from_str::<Value>(text)
    {
        let hidden = shown("", &json);
        return if hidden == json { text.to_owned() } else { hidden.to_string() };
    }
    let lines: Vec<String> = text.split('\n').map(|line| without_values(&without_users(line))).collect();
    lines.join("\n")
}

/// `password: …`, `--token=…` within a text: the rest of the line is stars. A template names its secrets only.
fn without_values(line: &str) -> String {
    for (at, sign) in line.match_indices(['=', ':']) {
        let behind = &line[at + sign.len()..];
        let value = behind.trim();
        let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next();
        let name = name.unwrap_or_default().trim_start_matches('-').replace('-', "_");
        // `image:tag` and `url://` are no settings, and `==` compares.
        let is_setting =
            if sign == ":" { behind.starts_with(char::is_whitespace) } else { !behind.starts_with('=') };
        if is_secret(&name) && !value.is_empty() && is_setting {
            return format!("{} {STARS}", &line[..=at]);
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_stars_by_name_and_by_value() {
        for (name, value) in [
            ("ansible_password", json!("geheim")),
            ("ansible_ssh_private_key", json!("geheim")),
            ("ansible_private_key", json!("geheim")),
            ("aws_secret_access_key", json!(["geheim"])),
            ("apikey", json!("geheim")),
            ("db_pwd", json!("geheim")),
            ("registry_auth", json!({"user": "geheim"})),
            ("credentials", json!("geheim")),
            ("vault_password_file_content", json!("geheim")),
            ("pem", json!("-----BEGIN OPENSSH PRIVATE KEY-----\ngeheim\n")),
            ("http_proxy", json!("http://ann:geheim@proxy:3128/")),
            ("mirrors", json!(["a", "https://geheim@github.com/x and https://b:geheim@c"])),
            ("docker_config", json!("{\"auths\": {\"r\": {\"auth\": \"geheim\"}}}")),
            ("nested", json!({"a": [{"registry_password": "geheim"}]})),
            ("ansible_ssh_common_args", json!("-o ProxyCommand='sshpass -p geheim ssh -W %h:%p b'")),
            ("kubelet_args", json!("--v=2 --token=geheim")),
            ("config", json!("user: ann\npassword: geheim\n")),
        ] {
            let shown = shown(name, &value).to_string();
            assert!(!shown.contains("geheim") && shown.contains(STARS), "{name}: {shown}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for (name, value) in [
            ("ansible_ssh_private_key_file", json!("/home/ann/.ssh/id_ed25519")),
            ("kube_webhook_token_auth", json!(false)),
            ("repo", json!("https://example.com:8443/a@b")),
            ("git", json!("ssh://git@example.com/x")),
            ("ansible_ssh_common_args", json!("-o ProxyCommand='ssh -W %h:%p b'")),
            ("list", json!("[1, 2]")),
            ("image", json!("quay.io/tokens:v1")),
            ("ntp", json!({"servers": ["a", 3, null]})),
        ] {
            assert_eq!(shown(name, &value), value, "{name}");
        }
    }
}
