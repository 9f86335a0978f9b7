//! Files that are read otherwise than their names say, or not at all.

use std::fs;

use airworthy::inventory::{LoadOptions, load, load_with};
use serde_json::{Value, json};

use crate::bench::{airworthy, folder};

const HOSTS: &str = "kube_control_plane: {hosts: {cp1: }}\nkube_node: {hosts: {w1: }}\n";

#[test]
fn what_ansible_cannot_read_in_a_folder_is_passed_over_and_named() {
    let folder = folder(&[
        ("inv/hosts.yaml", HOSTS),
        ("inv/loadbalancer.yml", "- hosts: lb\n  tasks: []\n"),
        ("inv/hosts-old.yml", "all:\n  hosts: [a\n"),
        ("inv/notes", "some words\n"),
    ]);
    let inventory = load(&[folder.path().join("inv")]).unwrap();
    assert_eq!(inventory.names(), ["cp1", "w1"]);
    for (file, why) in [
        ("loadbalancer.yml is passed over", "a list instead of groups"),
        ("hosts-old.yml is passed over", ":2:10: not valid YAML"),
        ("notes is passed over", "no `name=value`"),
    ] {
        assert!(
            inventory.warnings.iter().any(|it| it.contains(file) && it.contains(why)),
            "{:?}",
            inventory.warnings
        );
    }
    // Named by itself, and where nothing else is left, it is an error.
    let error = load(&[folder.path().join("inv/loadbalancer.yml")]).unwrap_err().to_string();
    assert!(error.contains("a list instead of groups"), "{error}");
    fs::remove_file(folder.path().join("inv/hosts.yaml")).unwrap();
    fs::remove_file(folder.path().join("inv/loadbalancer.yml")).unwrap();
    let error = load(&[folder.path().join("inv")]).unwrap_err().to_string();
    assert!(error.contains("hosts-old.yml:2:10: not valid YAML"), "{error}");
}

#[test]
fn what_ansible_may_well_read_is_not_passed_over() {
    for (name, text, told) in [
        ("plugin.yml", "plugin: constructed\n", "install ansible-core"),
        ("tags.yml", "kube_node: {vars: {x: !!set {a, b}}}\n", "the tag `set`"),
        ("many.yml", "kube_node: {hosts: {'n[1:100001]': }}\n", "100000 hosts"),
    ] {
        let folder = folder(&[("inv/hosts.yaml", HOSTS), (&format!("inv/{name}"), text)]);
        let error = load(&[folder.path().join("inv")]).unwrap_err().to_string();
        assert!(error.contains(told), "{name}: {error}");
    }
}

#[test]
fn a_host_that_has_the_name_of_a_group_is_read_and_warned_of() {
    let folder = folder(&[
        ("meant.ini", "[kube_control_plane]\ncp1\n[kube_node]\nw1\n[etcd]\nkube_control_plane\n"),
        ("real.ini", "[kube_node]\nw1\netcd ansible_host=10.0.0.9\n[kube_control_plane]\nw1\n[etcd]\nw1\n"),
    ]);
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "meant.ini", "--format", "json"]);
    let read: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &read["etcd"]["hosts"]), (0, &json!(["kube_control_plane"])), "{err}");
    assert!(
        err.contains("meant.ini:6:1: `kube_control_plane` is the name of a host and of a group"),
        "{err}"
    );
    assert!(err.contains("`[etcd:children]`"), "{err}");
    let inventory = load(&[folder.path().join("real.ini")]).unwrap();
    assert_eq!(
        inventory.hosts.iter().find(|host| host.name == "etcd").unwrap().connection.address,
        "10.0.0.9"
    );
    let warning = inventory.warnings.iter().find(|it| it.contains("`etcd`")).unwrap();
    assert!(warning.contains("real.ini:3:1") && !warning.contains(":children"), "{warning}");
}

#[test]
fn integers_are_printed_with_all_their_digits() {
    let digits = "123456789012345678901234567890";
    let folder = folder(&[
        ("hosts.ini", &format!("[kube_control_plane]\nn ini={digits}\n[kube_node]\nn\n")),
        (
            "group_vars/all.yml",
            &format!(
                "yaml: -{digits}\nhex: 0xffffffffffffffffffff\nlist: [{{a: {digits}}}]\nkey: {{{digits}: 1}}\n\
            text: \"{{{{ yaml }}}}\"\nsum: \"{{{{ yaml + 1 }}}}\"\nsame: \"{{{{ yaml == -{digits} }}}}\"\nansible_password: {digits}\n"
            ),
        ),
        ("host_vars/n.json", &format!("{{\"json\": {digits}}}")),
    ]);
    for arguments in [
        &["inventory", "-i", "hosts.ini", "--format", "json"][..],
        &["inventory", "-i", "hosts.ini", "--host", "n", "--format", "json"],
    ] {
        let (code, out, err) = airworthy(folder.path(), arguments);
        assert_eq!(code, 0, "{err}");
        for told in [
            format!("\"ini\": {digits}"),
            format!("\"yaml\": -{digits}"),
            format!("\"json\": {digits}"),
            format!("\"a\": {digits}"),
            format!("\"{digits}\": 1"),
            "\"hex\": 1208925819614629174706175".to_owned(),
        ] {
            assert!(out.contains(&told), "{told}: {out}");
        }
    }
    let (_, out, _) = airworthy(folder.path(), &["inventory", "-i", "hosts.ini", "--host", "n"]);
    assert!(out.contains(&format!("ini: {digits}\n")), "{out}");
    let inventory = load(&[folder.path().join("hosts.ini")]).unwrap();
    assert_eq!(inventory.value_of("n", "text").unwrap(), Some(json!(format!("-{digits}"))));
    let unresolved = inventory.value_of("n", "sum").unwrap_err().to_string();
    assert!(unresolved.contains("beyond 64 bits"), "{unresolved}");
    assert!(inventory.hosts[0].connection.password.is_some());
    let error = load(&[folder.path().join("hosts.ini")]).map(|_| ());
    assert!(error.is_ok());
    fs::write(folder.path().join("group_vars/all.yml"), format!("long: {}\n", "9".repeat(4301))).unwrap();
    let error = load(&[folder.path().join("hosts.ini")]).unwrap_err().to_string();
    assert!(error.contains("all.yml:1:7: an integer of more than 4300 digits"), "{error}");
}

#[test]
fn a_merge_conflict_is_named_wherever_a_file_cannot_be_parsed() {
    let conflict = |before: &str, ours: &str, theirs: &str, after: &str| {
        format!("{before}<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> theirs\n{after}")
    };
    let ini = conflict("[kube_node]\nn1\n", "n2\n", "n3\n", "[kube_control_plane]\nn1\n");
    let vars = conflict("[kube_node]\nn1\n[kube_node:vars]\n", "a=1\n", "a=2\n", "");
    let children = conflict("[kube_node]\nn1\n[x:children]\n", "kube_node\n", "etcd\n", "");
    let yaml = conflict("kube_node:\n  hosts:\n", "    n1:\n", "    n2:\n", "");
    let half = "kube_node:\n  hosts:\n    n1:\n=======\n    n2:\n".to_owned();
    let json = conflict("{\"kube_node\": {\"hosts\": {\n", "\"n1\": null\n", "\"n2\": null\n", "}}}\n");
    let layout = conflict("machine-sku:\n  a:\n    mem: 1Gi\n", "machine-list:\n", "machine-list: []\n", "");
    for (name, text, line) in [
        ("hosts.ini", ini, 3),
        ("vars.ini", vars, 4),
        ("children.ini", children, 4),
        ("hosts.yml", yaml, 3),
        ("half.yml", half, 4),
        ("hosts.json", json, 2),
        ("layout.yaml", layout, 4),
    ] {
        let folder = folder(&[(name, &text)]);
        let error = load(&[folder.path().join(name)]).unwrap_err().to_string();
        assert!(
            error.contains(&format!("{name}:{line}:1: a merge conflict that is not resolved")),
            "{error}"
        );
        assert!(error.contains("keep one side"), "{error}");
    }
    let folder = folder(&[
        ("hosts", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("group_vars/all.yml", &conflict("a: 1\n", "b: 1\n", "b: 2\n", "")),
        ("more.yml", &conflict("", "b: 1\n", "b: 2\n", "")),
    ]);
    let hosts = [folder.path().join("hosts")];
    let error = load(&hosts).unwrap_err().to_string();
    assert!(error.contains("all.yml:2:1: a merge conflict"), "{error}");
    fs::remove_file(folder.path().join("group_vars/all.yml")).unwrap();
    let extra = format!("@{}", folder.path().join("more.yml").display());
    let options = LoadOptions { extra_vars: vec![extra], ..LoadOptions::default() };
    let error = load_with(&hosts, &options).unwrap_err().to_string();
    assert!(error.contains("more.yml:1:1: a merge conflict"), "{error}");
    // What can be parsed is no conflict.
    fs::write(folder.path().join("group_vars/all.yml"), "doc: |\n  <<<<<<< HEAD\n  =======\n").unwrap();
    assert!(load(&hosts).is_ok());
}

#[test]
fn mappings_that_are_merged_and_differ_are_warned_of() {
    let folder = folder(&[
        ("hosts", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        (
            "group_vars/all.yml",
            "a: &a {size: 1, same: x}\nb: &b {size: 2, same: x}\nc: {<<: [*a, *b]}\nd: {<<: [*a, *b], size: 3}\n",
        ),
    ]);
    let inventory = load(&[folder.path().join("hosts")]).unwrap();
    let found: Vec<&String> = inventory.warnings.iter().filter(|it| it.contains("`<<` merges")).collect();
    assert!(found.len() == 1 && found[0].contains("key `size`"), "{:?}", inventory.warnings);
    assert_eq!(inventory.vars_of("n").unwrap()["c"], json!({"size": 1, "same": "x"}));
}
