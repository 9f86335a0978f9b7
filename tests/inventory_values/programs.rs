//! Inventory scripts and plugins.

use std::fs;

use airworthy::inventory::{CoreLookup, CoreRules, LoadOptions, find_ansible_inventory, load_with};
use serde_json::json;

use crate::bench::{executable, folder, printed, without_profile};
use crate::environment;

#[test]
fn scripts_and_plugins_are_read_through_ansible_inventory() {
    let folder = folder(&[
        ("bin/ansible-inventory", STAND_IN),
        ("inv/10-script", "#!/bin/sh\necho {}\n"),
        ("inv/20-static.ini", "[kube_control_plane]\nd1 extra=1\n"),
        ("inv/group_vars/kube_node.yml", "g: above\n"),
        ("plugin.yml", "plugin: amazon.aws.aws_ec2\n"),
    ]);
    executable(&folder.path().join("bin/ansible-inventory"));
    let program = find_ansible_inventory(folder.path().join("bin").as_os_str());
    assert!(program.is_some());
    let ansible_core = CoreLookup::from(CoreRules::Since2_19);
    let options = LoadOptions { ansible_inventory: program, ansible_core, ..LoadOptions::default() };
    let inventory = load_with(&[folder.path().join("inv")], &options).unwrap();
    assert_eq!(inventory.names(), ["d1", "d2"]);
    let variables = inventory.vars_of("d1").unwrap();
    assert_eq!((&variables["extra"], &variables["g"]), (&json!(1), &json!("above")));
    assert_eq!(inventory.value_of("d1", "t").unwrap(), Some(json!("10.0.0.1")));
    assert_eq!(inventory.value_of("d1", "u").unwrap(), Some(json!("{{ ip }}")));
    assert!(inventory.layers_of("d1").unwrap().any(|layer| layer.origin.contains("ansible-inventory (")));
    assert!(inventory.warnings.iter().any(|it| it.contains("10-script") && it.contains("was read through")));
    let plugin = load_with(&[folder.path().join("plugin.yml")], &options).unwrap();
    assert_eq!(plugin.names(), ["d1", "d2"]);

    fs::write(folder.path().join("bin/ansible-inventory"), "#!/bin/sh\necho broken plugin >&2\nexit 1\n")
        .unwrap();
    let error = load_with(&[folder.path().join("plugin.yml")], &options).unwrap_err().to_string();
    assert!(error.contains("broken plugin") && error.contains("plugin.yml"), "{error}");
    for path in ["plugin.yml", "inv"] {
        let ansible_core = CoreLookup::from(CoreRules::Since2_19);
        let options = LoadOptions { ansible_core, ..LoadOptions::default() };
        let error = load_with(&[folder.path().join(path)], &options);
        let told = match error {
            Err(error) => error.to_string(),
            Ok(inventory) => inventory.warnings.join("\n"),
        };
        assert!(told.contains("install ansible-core"), "{path}: {told}");
    }
}

#[test]
fn a_plugin_builds_on_the_sources_before_it() {
    let said = r#"{"_meta": {"hostvars": {"a": {"x": 1, "ansible_host": "10.0.0.9"}}},
        "all": {"children": ["ungrouped", "kube_node", "made"]}, "kube_node": {"hosts": ["a"]}, "made": {"hosts": ["a"]}}"#;
    let folder = folder(&[
        ("inv/10.ini", "[kube_node]\na x=1\n[kube_control_plane]\na\n"),
        (
            "inv/20-constructed.yml",
            "plugin: constructed\nstrict: true\ncompose:\n  ansible_host: \"'10.0.0.' ~ (x + 8)\"\ngroups:\n  made: x == 1\n",
        ),
        ("inv/30.ini", "[kube_node]\nlater\n"),
    ]);
    let program = folder.path().join("ansible-inventory");
    fs::write(
        &program,
        format!(
            "#!/bin/sh\n[ \"$1 $2 $3 $4 $5\" = \"-i $D/10.ini -i $D/20-constructed.yml --list\" ] || {{ echo \"$@\" >&2; exit 9; }}\necho '{said}'\n"
        )
        .replace("$D", &folder.path().join("inv").display().to_string()),
    )
    .unwrap();
    executable(&program);
    for program in [Some(program), environment::cleared_ansible("ansible-inventory")].into_iter().flatten() {
        let ansible_core = CoreLookup::from(CoreRules::Since2_19);
        let options =
            LoadOptions { ansible_inventory: Some(program), ansible_core, ..LoadOptions::default() };
        let inventory = load_with(&[folder.path().join("inv")], &options).unwrap();
        assert_eq!(inventory.groups.get("made").unwrap().hosts, ["a"]);
        assert_eq!(inventory.value_of("a", "ansible_host").unwrap(), Some(json!("10.0.0.9")));
        let x = inventory.layers_of("a").unwrap().find(|layer| layer.variables.contains_key("x")).unwrap();
        assert!(x.place_of("x").ends_with("10.ini:2"), "{}", x.place_of("x"));
        assert_eq!(inventory.names(), ["a", "later"]);
    }
}

/// The real program, where it is.
#[test]
fn the_ansible_inventory_that_is_here_runs_scripts() {
    let Some(program) = environment::cleared_ansible("ansible-inventory") else {
        eprintln!("note: skipped, there is no ansible-inventory on PATH");
        return;
    };
    let folder = folder(&[(
        "hosts.sh",
        "#!/bin/sh\necho '{\"_meta\": {\"hostvars\": {\"d1\": {\"ip\": \"10.0.0.1\"}}}, \
         \"kube_node\": {\"hosts\": [\"d1\"], \"vars\": {\"g\": \"{{ ip }}\"}}}'\n",
    )]);
    let script = folder.path().join("hosts.sh");
    executable(&script);
    let options = LoadOptions { ansible_inventory: Some(program.clone()), ..LoadOptions::default() };
    let inventory = load_with(std::slice::from_ref(&script), &options).unwrap();
    assert_eq!(inventory.value_of("d1", "g").unwrap(), Some(json!("10.0.0.1")));
    let output = environment::ansible_command(program).arg("-i").arg(&script).arg("--list").output().unwrap();
    assert_eq!(without_profile(inventory.to_ansible_json()), printed(&output.stdout));
}

/// Stands in for `ansible-inventory`: prints what the real one printed for such a script.
const STAND_IN: &str = r#"#!/bin/sh
[ "$1 $3 $4" = "-i --list --export" ] && [ -z "$ANSIBLE_VARS_ENABLED" ] || exit 9
echo '{"_meta": {"hostvars": {"d1": {"ip": "10.0.0.1", "t": "{{ ip }}", "u": {"__ansible_unsafe": "{{ ip }}"}}}},
 "all": {"children": ["ungrouped", "k8s_cluster"]}, "k8s_cluster": {"children": ["kube_node"]},
 "kube_node": {"hosts": ["d1", "d2"], "vars": {"g": "{{ ip }}", "ansible_group_priority": 7}}}'
"#;
