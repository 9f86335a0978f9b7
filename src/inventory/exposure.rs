//! Secrets that stand in clear in files which others may read.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::load::Inventory;
use super::source::Place;
use crate::redact::is_secret_name;

/// The bits of a mode that let group and others read.
const READABLE: u32 = 0o044;
/// The bits by which Ansible takes a file of a vault password for a program.
const EXECUTABLE: u32 = 0o111;

/// A secret in clear, in a file that others may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The variable, with the key below it where it is a mapping: `containerd_registry_auth.password`; or what the file is.
    pub name: String,
    /// `file:line`, or the file where all of it is the secret.
    pub place: String,
    /// The file.
    pub file: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}

impl Inventory {
    /// Every secret in clear whose file others may read, in the order of the files' layers; then the files of vault passwords.
    pub fn exposed_secrets(&self) -> Vec<Exposure> {
        let mut modes: HashMap<&Path, Option<u32>> = HashMap::new();
        let mut exposed: Vec<Exposure> = Vec::new();
        for layer in self.layers.iter().filter(|layer| !layer.is_secret()) {
            for (name, value) in &layer.variables {
                let (Some(key), Some(place)) = (in_clear(name, value), layer.places.get(name)) else {
                    continue;
                };
                let Place { source, .. } = place;
                let mode = *modes.entry(source.path.as_path()).or_insert_with(|| mode_of(&source.path));
                let Some(mode) = mode.filter(|mode| mode & READABLE != 0) else { continue };
                let found = Exposure { name: key, place: place.origin(), file: source.path.clone(), mode };
                if !exposed.contains(&found) {
                    exposed.push(found);
                }
            }
        }
        for file in &self.vault_files {
            // A program prints the password, and need not hold it.
            let Some(mode) = mode_of(file).filter(|mode| mode & READABLE != 0 && mode & EXECUTABLE == 0)
            else {
                continue;
            };
            let place = file.display().to_string();
            exposed.push(Exposure { name: "vault password".to_owned(), place, file: file.clone(), mode });
        }
        exposed
    }
}

/// The permission bits of a file; none where it is no file: words of the command line, a pipe that is gone.
fn mode_of(path: &Path) -> Option<u32> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(metadata.permissions().mode() & 0o7777)
}

/// The name of the secret that a value holds in clear.
fn in_clear(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (names_secret(name) && is_secret_text(text)).then(|| name.to_owned()),
        Value::Object(fields) => {
            fields.iter().find_map(|(key, value)| in_clear(key, value)).map(|key| format!("{name}.{key}"))
        }
        Value::Array(items) => items
            .iter()
            .filter(|item| item.is_object())
            .find_map(|item| in_clear("", item))
            .map(|key| format!("{name}{key}")),
        _ => None,
    }
}

/// Whether the name says that the value is a secret, and not where one is, whose it is, or how it is used.
fn names_secret(name: &str) -> bool {
    const OTHERWISE: [&str; 14] = [
        "_url",
        "_data",
        "_user",
        "_username",
        "_name",
        "_namespace",
        "_mode",
        "_type",
        "_method",
        "_claim",
        "_host",
        "_algorithm",
        "_ttl",
        "_version",
    ];
    let name = name.to_lowercase();
    let strong = ["pass", "pwd", "secret", "token", "credential", "apikey", "_key"];
    is_secret_name(&name)
        && strong.iter().any(|word| name.contains(word))
        && !OTHERWISE.iter().any(|end| name.ends_with(end))
        && !name.contains("public_key")
        && !name.contains("publickey")
}

/// Whether a text may be a secret: no template, no path, no word for a boolean, not empty.
fn is_secret_text(text: &str) -> bool {
    let is_template = text.contains("{{") || text.contains("{%");
    let is_word = matches!(text.to_ascii_lowercase().as_str(), "" | "true" | "false" | "yes" | "no" | "none");
    !is_template && !is_word && !text.starts_with('/') && !text.starts_with("$ANSIBLE_VAULT")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::in_clear;

    #[test]
    fn a_vault_password_that_others_may_read_is_told_and_a_program_is_not() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;

        use crate::inventory::{LoadOptions, load_with};

        let folder = tempfile::tempdir().expect("a folder");
        let hosts = folder.path().join("hosts.ini");
        fs::write(&hosts, "[kube_control_plane]\nn1\n[kube_node]\nn1\n").expect("written");
        let password = folder.path().join("password");
        fs::write(&password, "hunter2\n").expect("written");
        let options = LoadOptions { vault_files: vec![password.clone()], ..LoadOptions::default() };
        for (mode, told) in [(0o644, 1), (0o640, 1), (0o600, 0), (0o755, 0)] {
            fs::set_permissions(&password, fs::Permissions::from_mode(mode)).expect("its mode is set");
            let inventory = load_with(std::slice::from_ref(&hosts), &options).expect("an inventory");
            let exposed = inventory.exposed_secrets();
            assert_eq!(exposed.len(), told, "{mode:o}: {exposed:?}");
            assert!(
                exposed
                    .iter()
                    .all(|it| it.file == password && it.mode == mode && it.name == "vault password")
            );
        }
    }

    #[test]
    fn secrets_are_told_from_what_is_about_them() {
        for (name, value, found) in [
            ("ansible_password", json!("hunter2"), Some("ansible_password")),
            ("kube_encrypt_token", json!("abc"), Some("kube_encrypt_token")),
            (
                "containerd_registry_auth",
                json!([{"registry": "r", "password": "p"}]),
                Some("containerd_registry_auth.password"),
            ),
            ("ansible_password", json!({"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256"}), None),
            ("ansible_password", json!("{{ vault_password }}"), None),
            ("ansible_ssh_private_key_file", json!("~/.ssh/id_ed25519"), None),
            ("kube_token_dir", json!("/etc/kubernetes/tokens"), None),
            ("kube_api_anonymous_auth", json!("true"), None),
            ("kube_webhook_token_auth_url", json!("https://x"), None),
            ("etcd_peer_client_auth", json!(true), None),
        ] {
            assert_eq!(in_clear(name, &value).as_deref(), found, "{name}");
        }
    }
}
