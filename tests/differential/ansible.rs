//! Where Ansible stops: at no host, for an assert is the controller's, and what Ansible would gather is given.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::case::Case;

/// Writes what the playbook is run with, beside the inventory: what Ansible would gather of each host, and settings of nobody.
pub(crate) fn prepare(case: &Case, folder: &Path) -> PathBuf {
    let inventory = case.write(folder);
    let facts: Map<String, serde_json::Value> = case
        .hosts()
        .into_iter()
        .map(|(name, _, facts)| {
            let gathered = json!({
                "ansible_distribution": facts.distribution(),
                "ansible_memtotal_mb": facts.memory_mb,
                "ansible_kernel": facts.kernel,
                "ansible_all_ipv4_addresses": facts.addresses,
            });
            (name, gathered)
        })
        .collect();
    fs::write(folder.join("facts.yml"), json!({"all": {"hosts": facts}}).to_string()).unwrap();
    fs::write(folder.join("ansible.cfg"), "").unwrap();
    inventory
}

/// The task at which a playbook stopped, by what it wrote; none where it went on to its end.
pub(crate) fn stopped_at(name: &str, stdout: &str, stderr: &str, succeeded: bool) -> Option<String> {
    let mut task = None;
    for line in stdout.lines() {
        if let Some(rest) = line.strip_prefix("TASK [") {
            let name = rest.rsplit_once(']').map_or(rest, |(name, _)| name);
            task = Some(name.split_once(" : ").map_or(name, |(_, name)| name).to_owned());
        }
        if line.starts_with("fatal: [") || line.starts_with("failed: [") {
            return task;
        }
    }
    assert!(succeeded, "{name}: {stdout}\n{stderr}");
    None
}
