//! Words of `ansible-playbook`'s command line: made whole, because it runs in the checkout, and looked through for what must
//! not stand there.

use std::path::Path;

use crate::redact::{has_credentials, is_secret_name};

/// A path seen from `base`.
pub fn whole(path: &Path, base: &Path) -> String {
    base.join(path).display().to_string()
}

/// A word of `-e` or `--limit`, its `@FILE` seen from `base`.
pub fn whole_at(word: &str, base: &Path) -> String {
    match word.strip_prefix('@') {
        Some(file) => format!("@{}", whole(Path::new(file), base)),
        None => word.to_owned(),
    }
}

/// `--limit`, whose parts may each be an `@FILE`.
pub fn whole_limit(pattern: &str, base: &Path) -> String {
    let separator = if pattern.contains(',') { ',' } else { ':' };
    let parts: Vec<String> = pattern.split(separator).map(|part| whole_at(part.trim(), base)).collect();
    parts.join(&separator.to_string())
}

/// A word of `--vault-id`, its file seen from `base`.
pub fn whole_vault_id(word: &str, base: &Path) -> String {
    let (label, source) = word.split_once('@').map_or((None, word), |(label, source)| (Some(label), source));
    let source = match source {
        "prompt" | "prompt_ask_vault_pass" => source.to_owned(),
        file => whole(Path::new(file), base),
    };
    label.map_or(source.clone(), |label| format!("{label}@{source}"))
}

/// What in a word of `-e` is a secret in clear: every user of this machine could read it there.
pub fn secret_in(word: &str) -> Option<String> {
    if word.starts_with('@') {
        return None;
    }
    named_secret(word).map(|name| format!("`{name}`")).or_else(|| {
        // Not the word itself: it would be told.
        has_credentials(word).then(|| "a URL with a user or a password in it".to_owned())
    })
}

/// The name of a variable that looks like a secret.
fn named_secret(word: &str) -> Option<String> {
    let mark = if word.starts_with(['{', '[']) { ':' } else { '=' };
    let parts: Vec<&str> = word.split(mark).collect();
    parts.windows(2).find_map(|pair| {
        let before = pair[0].trim_end().trim_end_matches(['"', '\'']);
        let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let value = pair[1].trim_start().split([' ', ',', '}']).next().unwrap_or_default();
        let plain =
            ["true", "false", "yes", "no", "on", "off"].contains(&value.to_ascii_lowercase().as_str());
        let name = &before[start..];
        // The path of a file is no secret, and its name says so.
        (is_secret_name(name) && !plain && !name.ends_with("_file")).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_where_the_user_is() {
        let base = Path::new("/home/pai");
        assert_eq!(whole(Path::new("hosts.yml"), base), "/home/pai/hosts.yml");
        assert_eq!(whole(Path::new("/etc/hosts.yml"), base), "/etc/hosts.yml");
        assert_eq!(whole_at("@vars.yml", base), "@/home/pai/vars.yml");
        assert_eq!(whole_at("kube_version=v1.2.3", base), "kube_version=v1.2.3");
        assert_eq!(whole_limit("@failed.retry:!node3", base), "@/home/pai/failed.retry:!node3");
        assert_eq!(whole_limit("node1, @more", base), "node1,@/home/pai/more");
        assert_eq!(whole_vault_id("prod@prompt", base), "prod@prompt");
        assert_eq!(whole_vault_id("prod@pass.sh", base), "prod@/home/pai/pass.sh");
        assert_eq!(whole_vault_id("pass", base), "/home/pai/pass");
    }

    #[test]
    fn secrets_on_the_command_line_are_found() {
        for (word, name) in [
            ("ansible_become_password=hunter2", "`ansible_become_password`"),
            ("a=1 ansible_ssh_pass='x y'", "`ansible_ssh_pass`"),
            ("{\"ansible_password\": \"x\"}", "`ansible_password`"),
            ("{a: 1, registry_token: abc}", "`registry_token`"),
            ("my_pw=abc", "`my_pw`"),
            ("http_proxy=http://joe:s3cret@proxy:3128", "a URL with a user or a password in it"),
            ("{http_proxy: \"http://t0ken@proxy:3128\"}", "a URL with a user or a password in it"),
        ] {
            assert_eq!(secret_in(word).as_deref(), Some(name), "{word}");
        }
        for word in [
            "kube_version=v1.31.4",
            "@secrets.yml",
            "kube_token_auth=true",
            "{kube_basic_auth: false}",
            "url=a?b",
            "http_proxy=http://proxy:3128/a@b",
            "repo=ssh://git@example.com/x",
        ] {
            assert_eq!(secret_in(word), None, "{word}");
        }
    }
}
