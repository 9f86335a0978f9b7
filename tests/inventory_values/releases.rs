//! Where releases of ansible-core read an inventory differently: which one counts, and what is said of it.

use std::fs;
use std::path::Path;

use airworthy::inventory::{CoreRules, LoadOptions, load_with};
use serde_json::Value;

use crate::bench::{airworthy, executable, folder};

const HOSTS: &str = "[kube_control_plane]\ncp1\n[etcd]\ncp1\n[kube_node]\nw1\n";

/// A stand-in for one of Ansible's programs, which tells its release and notes that it was asked.
fn ansible(folder: &Path, program: &str, release: &str) {
    let path = folder.join(program);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = format!("#!/bin/sh\necho asked >>{}/asked\n{release}", folder.display());
    fs::write(&path, text.replace("$NAME", &name)).unwrap();
    executable(&path);
}

fn telling(release: &str) -> String {
    format!("echo '$NAME [core {release}]'\n")
}

/// The exit status, whether the hosts of `inventory.ini` are there, and what was said.
fn listed(folder: &Path, arguments: &[&str]) -> (i32, bool, String) {
    let words = [&["inventory", "--format", "json", "-i"], arguments].concat();
    let (code, out, err) = airworthy(folder, &words);
    let read: Value = serde_json::from_str(&out).unwrap_or_default();
    (code, read["kube_node"]["hosts"] == serde_json::json!(["w1"]), err)
}

#[test]
fn the_installed_release_decides_on_ini_files_of_a_folder() {
    let folder = folder(&[("inv/inventory.ini", HOSTS)]);
    for (release, is_read) in [("2.18.19", false), ("2.16.14", false), ("2.19.0", true), ("2.20.1", true)] {
        ansible(folder.path(), "bin/ansible-inventory", &telling(release));
        let (code, hosts, err) = listed(folder.path(), &["inv"]);
        assert_eq!((code, hosts), (0, is_read), "{release}: {err}");
        for told in
            [format!("ansible-core {release} ("), "bin/ansible-inventory)".into(), "inv/inventory.ini".into()]
        {
            assert!(err.contains(&told), "{release}: {err}");
        }
        assert_eq!(err.contains("-i inv/inventory.ini"), !is_read, "{err}");
        // `check` judges the same, or does not start.
        let (code, _, err) =
            airworthy(folder.path(), &["check", "-i", "inv", "--devbox", "none", "--timeout", "1"]);
        assert_eq!(code == 2 && err.contains("left out of the folder"), !is_read, "{release}: {code} {err}");
    }
}

#[test]
fn nothing_is_asked_where_it_does_not_matter() {
    let folder = folder(&[
        ("inv/hosts.yml", "kube_node: {hosts: {w1: }}\n"),
        ("inv/hosts.md", "no inventory\n"),
        ("one/inventory.ini", HOSTS),
        ("cfg/ansible.cfg", "[defaults]\ninventory_ignore_extensions = .orig\n"),
        ("cfg/inv/inventory.ini", HOSTS),
    ]);
    ansible(folder.path(), "bin/ansible-inventory", &telling("2.18.1"));
    assert!(listed(folder.path(), &["inv"]).1);
    assert!(listed(folder.path(), &["one/inventory.ini"]).1);
    fs::create_dir(folder.path().join("cfg/bin")).unwrap();
    fs::copy(folder.path().join("bin/ansible-inventory"), folder.path().join("cfg/bin/ansible-inventory"))
        .unwrap();
    let (code, hosts, err) = listed(&folder.path().join("cfg"), &["inv"]);
    assert!(code == 0 && hosts && !err.contains(".ini"), "{err}");
    assert!(!folder.path().join("asked").exists());
}

#[test]
fn without_an_installed_release_the_checkouts_counts_and_then_the_older() {
    let play = |below: &str| {
        format!(
            "- hosts: all\n  vars:\n    minimal_ansible_version: 2.18.0\n    maximal_ansible_version: {below}\n  tasks:\n  - assert:\n      \
             that:\n      - ansible_version.string is version(minimal_ansible_version, \">=\")\n      - ansible_version.string is \
             version(maximal_ansible_version, \"<\")\n"
        )
    };
    let folder = folder(&[
        ("inv/inventory.ini", HOSTS),
        ("older/cluster.yml", "- hosts: all\n"),
        ("older/roles/README", "none\n"),
        ("older/playbooks/ansible_version.yml", &play("2.19.0")),
        ("newer/cluster.yml", "- hosts: all\n"),
        ("newer/roles/README", "none\n"),
        ("newer/playbooks/ansible_version.yml", &play("2.21.0").replace("2.18.0", "2.19.1")),
        ("both/cluster.yml", "- hosts: all\n"),
        ("both/roles/README", "none\n"),
        ("both/playbooks/ansible_version.yml", &play("2.20.0")),
        ("own/cluster.yml", "- hosts: all\n"),
        ("own/roles/README", "none\n"),
        ("own/ansible.cfg", "[inventory]\nignore_extensions = .orig, '.ini'\n"),
    ]);
    let (code, hosts, err) = listed(folder.path(), &["inv"]);
    assert_eq!((code, hosts), (0, false), "{err}");
    for told in ["there is no ansible-inventory on PATH", "the older is assumed", "-i inv/inventory.ini"] {
        assert!(err.contains(told), "{err}");
    }
    let (_, hosts, err) = listed(folder.path(), &["inv", "--kubespray", "older"]);
    assert!(
        !hosts && err.contains("an ansible-core below 2.19.0") && err.contains("ansible_version.yml"),
        "{err}"
    );
    let (_, hosts, err) = listed(folder.path(), &["inv", "--kubespray", "newer"]);
    assert!(hosts && err.contains("inventory.ini is read, because an ansible-core since 2.19"), "{err}");
    let (_, hosts, err) = listed(folder.path(), &["inv", "--kubespray", "both"]);
    assert!(!hosts && err.contains("the older is assumed"), "{err}");
    let (_, hosts, err) = listed(folder.path(), &["inv", "--kubespray", "own"]);
    assert!(!hosts && err.contains("`ignore_extensions` in ") && err.contains("own/ansible.cfg"), "{err}");
    // What is installed counts before what the checkout wants.
    ansible(folder.path(), "bin/ansible-inventory", &telling("2.19.3"));
    assert!(listed(folder.path(), &["inv", "--kubespray", "older"]).1);
}

#[test]
fn a_release_that_cannot_be_determined_is_said() {
    let folder = folder(&[("inv/inventory.ini", HOSTS)]);
    for (does, told) in [
        ("echo broken install >&2\nexit 1\n", "broken install"),
        ("echo '$NAME [core devel]'\n", "tells no version"),
        ("exit 0\n", "tells no version"),
    ] {
        ansible(folder.path(), "bin/ansible-inventory", does);
        let (code, hosts, err) = listed(folder.path(), &["inv"]);
        assert!(
            code == 0 && !hosts && err.contains("could not be determined") && err.contains(told),
            "{err}"
        );
        assert!(err.contains("the older is assumed"), "{err}");
    }
}

#[test]
fn files_that_are_left_out_are_named_beside_an_inventory() {
    let folder = folder(&[
        ("inv/hosts.yaml", "kube_control_plane: {hosts: {cp1: }}\nkube_node: {hosts: {w1: }}\n"),
        ("inv/more.ini", "[kube_node]\nw2\n"),
        ("inv/hosts.bak", "[kube_node]\nold\n"),
    ]);
    ansible(folder.path(), "bin/ansible-inventory", &telling("2.17.3"));
    let (code, _, err) = listed(folder.path(), &["inv"]);
    assert!(code == 0 && err.contains("inv/more.ini: left out of the folder"), "{err}");
    assert!(!err.contains("hosts.bak"), "a copy is left out on purpose: {err}");
    let options = LoadOptions { ansible_core: CoreRules::Since2_19.into(), ..LoadOptions::default() };
    assert_eq!(load_with(&[folder.path().join("inv")], &options).unwrap().names(), ["cp1", "w1", "w2"]);
}
