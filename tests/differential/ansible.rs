//! Where Ansible stops.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, json};

use crate::case::{Case, here};

/// The program, where one is named: a hundred playbooks take minutes.
pub(crate) fn program() -> Option<PathBuf> {
    std::env::var_os("ANSIBLE_PLAYBOOK_PROGRAM").map(PathBuf::from)
}

/// The names of the asserts of the checkout.
pub(crate) fn asserts() -> Vec<String> {
    let roles = here().join("kubespray/roles");
    let files = [
        "validate_inventory/tasks/main.yml",
        "kubernetes/preinstall/tasks/0040-verify-settings.yml",
        "network_plugin/calico/tasks/check.yml",
        "network_plugin/cilium/tasks/check.yml",
    ];
    let texts = files.map(|file| fs::read_to_string(roles.join(file)).unwrap());
    let names = texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("- name: "));
    names.map(str::to_owned).collect()
}

/// The task at which the playbook stops; none where it goes on to its end. No host is spoken to: an assert is the
/// controller's, and what Ansible would gather is given.
pub(crate) fn stopped(program: &Path, case: &Case) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let inventory = case.write(folder.path());
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
    let given = folder.path().join("facts.yml");
    fs::write(&given, json!({"all": {"hosts": facts}}).to_string()).unwrap();
    fs::write(folder.path().join("ansible.cfg"), "").unwrap();
    let mut command = Command::new(program);
    command.current_dir(folder.path()).arg("-i").arg(inventory).arg("-i").arg(given);
    for words in &case.extra {
        command.args(["-e", words]);
    }
    let answer = command
        .arg(here().join("kubespray/cluster.yml"))
        .env_remove("ANSIBLE_INVENTORY")
        .env("ANSIBLE_CONFIG", folder.path().join("ansible.cfg"))
        .env("ANSIBLE_HOME", folder.path().join("home"))
        .env("ANSIBLE_NOCOLOR", "1")
        .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&answer.stdout);
    let told = String::from_utf8_lossy(&answer.stderr);
    let mut task = None;
    for line in out.lines() {
        if let Some(rest) = line.strip_prefix("TASK [") {
            let name = rest.rsplit_once(']').map_or(rest, |(name, _)| name);
            task = Some(name.split_once(" : ").map_or(name, |(_, name)| name).to_owned());
        }
        if line.starts_with("fatal: [") || line.starts_with("failed: [") {
            return task;
        }
    }
    assert!(answer.status.success(), "{}: {out}\n{told}", case.name);
    None
}
