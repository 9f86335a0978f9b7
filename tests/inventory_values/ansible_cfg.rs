//! What `ansible.cfg` says.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use airworthy::inventory::{AnsibleConfig, LoadOptions, Surroundings, load, load_with};
use serde_json::{Value, json};

use crate::bench::{airworthy, folder, printed, without_profile};
use crate::environment;

pub(crate) fn config(folder: &Path, variables: &[(&str, &str)]) -> AnsibleConfig {
    let variables: HashMap<&str, OsString> =
        variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
    let variable = |name: &str| variables.get(name).cloned();
    let around = Surroundings {
        variable: &variable,
        folder: folder.to_owned(),
        system: folder.join("etc/ansible.cfg"),
    };
    AnsibleConfig::find(&around).unwrap()
}

#[test]
fn ansible_cfg_is_found_in_ansibles_order() {
    let folder = folder(&[
        ("named/ansible.cfg", "[defaults]\nremote_user = named\n"),
        ("work/ansible.cfg", "[defaults]\nremote_user = here\n"),
        ("home/.ansible.cfg", "[defaults]\nremote_user = home\n"),
        ("work/etc/ansible.cfg", "[defaults]\nremote_user = system\n"),
    ]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let work = folder.path().join("work");
    let user = |variables: &[(&str, &str)]| config(&work, variables).remote_user;
    let (named, home) = (at("named"), at("home"));
    assert_eq!(user(&[("ANSIBLE_CONFIG", &named), ("HOME", &home)]).as_deref(), Some("named"));
    assert_eq!(user(&[("ANSIBLE_CONFIG", "/nowhere"), ("HOME", &home)]).as_deref(), Some("here"));
    assert_eq!(user(&[("HOME", &home), ("ANSIBLE_REMOTE_USER", "told")]).as_deref(), Some("told"));
    // Where everybody may write, everybody could say what is run.
    fs::set_permissions(&work, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(user(&[("HOME", &home)]).as_deref(), Some("home"));
    assert!(config(&work, &[("HOME", &home)]).warnings[0].contains("everybody may write"));
    assert_eq!(user(&[]).as_deref(), Some("system"));
}

#[test]
fn ansible_cfg_says_how_to_log_in() {
    let folder = folder(&[(
        "ansible.cfg",
        "# c\n[defaults]\ninventory = inv/hosts.ini, /abs\nprivate_key_file = keys/id ; mine\n\
         Host_Key_Checking: False\nforks=20\ntimeout = many\nvault_password_file = vp\n\
         vault_identity_list = dev@a, prod@b\n\n[ssh_connection]\npipelining = True\n\
         ssh_args = -o ControlMaster=auto\n  -o ControlPersist=60s\nssh_common_args = -J bastion\n",
    )]);
    let found = config(folder.path(), &[("ANSIBLE_FORKS", "99999"), ("ANSIBLE_SSH_EXTRA_ARGS", "-v")]);
    let at = |name: &str| folder.path().join(name);
    assert_eq!(found.inventory, [at("inv/hosts.ini"), "/abs".into()]);
    assert_eq!(found.private_key_file, Some(at("keys/id")));
    assert_eq!((found.host_key_checking, found.forks, found.timeout), (Some(false), Some(4096), None));
    assert_eq!(found.vault_password_file, Some(at("vp")));
    assert_eq!(found.vault_identity_list, ["dev@a", "prod@b"]);
    assert_eq!(found.ssh_args.as_deref(), Some("-o ControlMaster=auto\n-o ControlPersist=60s"));
    assert_eq!(
        (found.ssh_common_args.as_deref(), found.ssh_extra_args.as_deref()),
        (Some("-J bastion"), Some("-v"))
    );
    assert!(found.warnings[0].contains("`timeout`"), "{:?}", found.warnings);
    let checked = config(folder.path(), &[("ANSIBLE_HOST_KEY_CHECKING", "yes")]);
    assert_eq!(checked.host_key_checking, Some(true));
}

#[test]
fn a_broken_ansible_cfg_stops_as_ansible_stops() {
    let folder = folder(&[
        ("hosts.ini", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("ansible.cfg", ""),
        ("x/ansible.yml", "defaults: {}\n"),
    ]);
    for (text, line, told) in [
        ("[defaults]\nforks 20\n", 2, "neither a section nor an option"),
        ("forks = 20\n", 1, "before the first section"),
        ("[defaults]\nforks = 20\n[defaults]\ntimeout = 3\n", 3, "`[defaults]` for the second time"),
        ("[defaults]\nforks = 20\nforks = 21\n", 3, "`forks` for the second time"),
        ("[defaults]\n<<<<<<< HEAD\nforks = 20\n=======\nforks = 5\n>>>>>>> main\n", 2, "a merge conflict"),
    ] {
        fs::write(folder.path().join("ansible.cfg"), text).unwrap();
        for command in ["inventory", "check"] {
            let (code, out, err) = airworthy(folder.path(), &[command, "-i", "hosts.ini"]);
            assert!(code == 2 && out.is_empty(), "{command} {text}: {code} {out}{err}");
            assert!(err.contains(told) && err.contains(&format!("ansible.cfg:{line}:1")), "{text}: {err}");
        }
    }
    fs::write(folder.path().join("ansible.cfg"), "[defaults]\nforks = 20\n").unwrap();
    assert_eq!(airworthy(folder.path(), &["inventory", "-i", "hosts.ini"]).0, 0);
    let variables = HashMap::from([("ANSIBLE_CONFIG", OsString::from("x/ansible.yml"))]);
    let variable = |name: &str| variables.get(name).cloned();
    let around =
        Surroundings { variable: &variable, folder: folder.path().to_owned(), system: "/nowhere".into() };
    let error = AnsibleConfig::find(&around).unwrap_err().to_string();
    assert!(error.contains("no configuration file with such an ending"), "{error}");
}

#[test]
fn facts_that_are_kept_apart_give_every_host_its_own_local_ones() {
    let folder = folder(&[
        ("ansible.cfg", "[defaults]\ninject_facts_as_vars = False\n"),
        ("hosts.ini", "[kube_control_plane]\nn ansible_local=5\n[kube_node]\nn\nm\n"),
    ]);
    let listed = |more: &[&str]| -> Value {
        let words = [&["inventory", "-i", "hosts.ini", "--format", "json"], more].concat();
        let (code, out, err) = airworthy(folder.path(), &words);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<Value>(&out).unwrap()["_meta"]["hostvars"].clone()
    };
    assert_eq!(listed(&[]), json!({"n": {"ansible_local": {}}, "m": {"ansible_local": {}}}));
    assert_eq!(listed(&["-e", "ansible_local=x"])["m"], json!({"ansible_local": "x"}));
    fs::remove_file(folder.path().join("ansible.cfg")).unwrap();
    assert_eq!(listed(&[]), json!({"n": {"ansible_local": 5}}));
}

#[test]
fn a_folder_is_read_without_what_ansible_cfg_leaves_out() {
    let folder = folder(&[
        (
            "ansible.cfg",
            "[defaults]\ninventory_ignore_extensions = ~, .ini, .creds\n[inventory]\nignore_patterns = artifacts, ^cred\n",
        ),
        ("inv/hosts", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("inv/inventory.ini", "[kube_node]\nleftover\n"),
        ("inv/b.creds", "geheim1\n"),
        ("inv/credentials/pw", "geheim2\n"),
        ("inv/artifacts/admin", "geheim3\n"),
        ("inv/more.md", "[kube_node]\nm\n"),
    ]);
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "inv", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    assert!(!out.contains("geheim") && !out.contains("leftover") && !err.contains("geheim"), "{out}{err}");
    assert!(out.contains("\"m\""), "the configured endings replace Ansible's own: {out}");
    let told =
        config(folder.path(), &[("ANSIBLE_INVENTORY_IGNORE_REGEX", "("), ("ANSIBLE_INVENTORY_IGNORE", ".x")]);
    assert_eq!(told.ignored_endings, Some(vec![".x".to_owned()]));
    let options = LoadOptions { ignored_patterns: told.ignored_patterns, ..LoadOptions::default() };
    let error = load_with(&[folder.path().join("inv")], &options).unwrap_err().to_string();
    assert!(error.contains("ignore_patterns"), "{error}");
}

#[test]
fn the_vars_files_beside_the_playbook_stand_between_those_of_the_inventory() {
    let text =
        |whose: &str, names: &str| names.chars().map(|name| format!("{name}: {whose}\n")).collect::<String>();
    let folder = folder(&[
        ("inv/hosts.ini", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("inv/group_vars/all.yml", &text("inventory-all", "abcdef")),
        ("group_vars/all.yml", &text("playbook-all", "bcdef")),
        ("inv/group_vars/kube_node.yml", &text("inventory-group", "cdef")),
        ("group_vars/kube_node.yml", &text("playbook-group", "def")),
        ("inv/host_vars/n.yml", &text("inventory-host", "ef")),
        ("host_vars/n.yml", &text("playbook-host", "f")),
    ]);
    let (code, out, err) =
        airworthy(folder.path(), &["inventory", "-i", "inv/hosts.ini", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let ours: Value = serde_json::from_str(&out).unwrap();
    let expected = json!({"a": "inventory-all", "b": "playbook-all", "c": "inventory-group",
        "d": "playbook-group", "e": "inventory-host", "f": "playbook-host"});
    assert_eq!(ours["_meta"]["hostvars"]["n"], expected);
    if let Some(program) = environment::ansible("ansible-inventory") {
        let mut command = environment::ansible_command(program);
        let output =
            command.args(["-i", "inv/hosts.ini", "--list"]).current_dir(folder.path()).output().unwrap();
        assert_eq!(printed(&output.stdout), without_profile(ours.clone()));
    }
    // Elsewhere, they are not read.
    let elsewhere = load(&[folder.path().join("inv/hosts.ini")]).unwrap();
    assert_eq!(elsewhere.vars_of("n").unwrap()["f"], "inventory-host");
}

#[test]
fn mappings_are_merged_where_ansible_cfg_says_so() {
    let folder = folder(&[
        ("ansible.cfg", "[defaults]\nhash_behaviour = merge\n"),
        (
            "hosts.yml",
            "all:\n  hosts: {n: {m: {h: 1, deep: {x: 1}}, s: {a: 1}}}\n  vars: {m: {g: 1, h: 0, deep: {y: [1]}}, s: 1}\nkube_node: {hosts: {n: {m: {again: 2}}}}\n",
        ),
        ("group_vars/kube_node.yml", "m: {deep: {y: [2], z: 3}}\ns: {b: 1}\n"),
    ]);
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.yml", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let ours: Value = serde_json::from_str(&out).unwrap();
    let expected =
        json!({"m": {"g": 1, "h": 1, "again": 2, "deep": {"x": 1, "y": [2], "z": 3}}, "s": {"a": 1, "b": 1}});
    assert_eq!(ours["_meta"]["hostvars"]["n"], expected);
    if let Some(program) = environment::ansible("ansible-inventory") {
        let mut command = environment::ansible_command(program);
        let output = command.args(["-i", "hosts.yml", "--list"]).current_dir(folder.path()).output().unwrap();
        assert_eq!(printed(&output.stdout), without_profile(ours.clone()));
    }
    let plain = load(&[folder.path().join("hosts.yml")]).unwrap();
    assert_eq!(plain.vars_of("n").unwrap()["s"], json!({"a": 1}));
}
