//! The variables that airworthy itself uses, as Ansible would use them: templated, decrypted, or named as unknown.

use serde_json::{Map, Value};

use super::template::{Scene, Unresolved, is_template, resolve};
use super::variables::text;

/// Whether a host cannot be visited while this is unknown: whatever tells Ansible how to connect.
fn is_needed_to_connect(name: &str) -> bool {
    name.starts_with("ansible_ssh_")
        || name.starts_with("ansible_become")
        || name.starts_with("ansible_private_key")
        || name.starts_with("ansible_sudo_")
        || matches!(
            name,
            "ansible_host"
                | "ansible_port"
                | "ansible_user"
                | "ansible_password"
                | "ansible_connection"
                | "ansible_host_key_checking"
        )
}

/// The Python that Ansible's modules run with.
pub(super) const PYTHON: &str = "ansible_python_interpreter";

/// A host's variables, settled.
pub(super) struct Settled {
    /// Those that are known. Where `ip`, `access_ip` or the Python is not, it stands here as it is written, so that it is named.
    pub(super) variables: Map<String, Value>,
    /// The address as it is written, where it is not known.
    pub(super) address: Option<String>,
    /// Those that are not, and without which the host cannot be visited.
    pub(super) unresolved: Vec<Unresolved>,
}

/// Settles the variables of a host. What is unknown and not needed to connect goes to `warnings`.
pub(super) fn settle(
    scene: &Scene<'_>,
    host: &str,
    variables: Map<String, Value>,
    warnings: &mut Vec<String>,
) -> Settled {
    let mut settled = Settled { variables: Map::new(), address: None, unresolved: Vec::new() };
    if let Some(reason) = scene.lock_of(host) {
        settled.unresolved.push(Unresolved {
            name: "every variable".to_owned(),
            origin: "vars files".to_owned(),
            reason: reason.to_owned(),
            fact: None,
            from_inventory: true,
        });
        // Whatever stands in the other files may not be what counts.
        let address = ["ansible_ssh_host", "ansible_host"].iter().find_map(|name| variables.get(*name));
        settled.address = address.and_then(text);
        return settled;
    }
    for (name, value) in variables {
        let is_address = matches!(name.as_str(), "ip" | "access_ip" | "ansible_host" | "ansible_ssh_host");
        if !is_address && name != PYTHON && !is_needed_to_connect(&name) {
            settled.variables.insert(name, value);
            continue;
        }
        let plain = match &value {
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
            Value::String(text) => !is_template(text),
            Value::Array(_) | Value::Object(_) => false,
        };
        if plain {
            settled.variables.insert(name, value);
            continue;
        }
        match resolve(scene, host, &name) {
            Ok(Some(value)) => {
                settled.variables.insert(name, value);
            }
            Ok(None) => {}
            Err(unresolved) => {
                let written = || text(&value).unwrap_or_else(|| "(encrypted)".to_owned());
                if !is_needed_to_connect(&name) && name != "ansible_host" {
                    warnings.push(format!("{host}: {unresolved}"));
                    settled.variables.insert(name, Value::String(written()));
                    continue;
                }
                if is_address {
                    settled.address = Some(written());
                }
                settled.unresolved.push(unresolved);
            }
        }
    }
    settled
}
