//! How a host is reached, where templates and `ansible.cfg` have a say.

use std::fs;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::ansible_cfg::config;
use crate::bench::{airworthy, folder, with};
use crate::vault::{INLINE, encrypted_file};

#[test]
fn connection_variables_are_templated() {
    let inventory = with(&json!({
        "ansible_host": "{{ net }}.{{ number }}", "net": "10.0.0", "number": 7,
        "ansible_port": "{{ number + 2215 }}",
        "ansible_user": "{{ nowhere | default(omit) }}",
        "ip": "{{ hostvars['node2'].ip }}",
        "ansible_become_password": "{{ passwords[inventory_hostname] }}",
        "passwords": {"node1": "geheim"},
    }));
    let host = &inventory.hosts[0];
    assert_eq!((host.connection.address.as_str(), host.connection.port), ("10.0.0.7", Some(2222)));
    assert_eq!((host.connection.user.as_deref(), host.ip.as_deref()), (None, Some("10.0.0.2")));
    assert_eq!(host.connection.become_password.as_ref().unwrap().expose_secret(), "geheim");
    assert!(
        host.connection.unresolved.is_empty() && inventory.warnings.is_empty(),
        "{:?}",
        inventory.warnings
    );
    assert_eq!(inventory.vars_of("node1").unwrap()["ansible_port"], "{{ number + 2215 }}");
}

#[test]
fn an_unknown_connection_variable_is_kept_with_its_name_and_place() {
    let inventory = with(&json!({
        "ansible_host": "{{ ansible_default_ipv4.address }}",
        "ansible_port": "{{ nowhere }}",
        "ip": "{{ ansible_default_ipv4.address }}",
        "ansible_python_interpreter": "{{ nowhere }}",
    }));
    let host = &inventory.hosts[0];
    let names: Vec<&str> = host.connection.unresolved.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["ansible_host", "ansible_port"]);
    assert!(host.connection.address.contains("{{"), "the address is shown as it is written");
    let [python, ip] = inventory.warnings.as_slice() else { panic!("{:?}", inventory.warnings) };
    assert!(python.contains("`ansible_python_interpreter`") && python.contains("`nowhere`"), "{python}");
    assert!(ip.contains("`ip`") && ip.contains("ansible_default_ipv4"), "{ip}");
}

#[test]
fn what_a_template_comes_to_is_shown_where_it_tells_how_a_host_is_reached() {
    let folder = folder(&[(
        "hosts.ini",
        "n ansible_host='n.{{ domain }}' ip='{{ ansible_default_ipv4.address }}' note='{{ domain }}'\n\
         [all:vars]\ndomain=example.org\n[kube_control_plane]\nn\n[etcd]\nn\n[kube_node]\nn\n",
    )]);
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.ini", "--host", "n"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("ansible_host: \"n.{{ domain }}\"\n    used as \"n.example.org\"\n"), "{out}");
    assert!(out.contains("    not known: ") && out.contains("ansible_default_ipv4"), "{out}");
    assert!(out.contains("note: \"{{ domain }}\"\n    hosts.ini:1"), "only what is shown anyway: {out}");
}

#[test]
fn a_host_whose_address_is_not_known_is_not_visited() {
    let folder = folder(&[(
        "hosts.yml",
        "all:\n  children:\n    kube_control_plane: {hosts: {a: {ansible_host: \"{{ ansible_default_ipv4.address }}\"}}}\n    \
         kube_node: {hosts: {b: {ansible_host: 127.0.0.1, ansible_port: \"{{ 0 + 1 }}\", \
         ansible_password: \"{{ lookup('env', 'P') }}\"}}}\n",
    )]);
    let check = ["check", "-i", "hosts.yml", "--devbox", "none", "--timeout", "2", "--format", "json"];
    let (code, out, err) = airworthy(folder.path(), &check);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    assert_eq!((code, &report["verdict"]), (1, &json!("no-go")));
    for (at, named) in [(0, "ansible_default_ipv4"), (1, "lookup('env')")] {
        let host = &report["hosts"][at];
        assert_eq!(host["unreachable"]["stage"], "inventory", "{host}");
        let reason = host["unreachable"]["reason"].as_str().unwrap();
        assert!(reason.contains(named) && reason.contains("hosts.yml:"), "{reason}");
        let results = report["results"].as_array().unwrap();
        assert!(results.iter().any(|it| it["check"] == "host-reachable"
            && it["host"] == host["name"]
            && it["status"] == "fail"
            && it["remediation"].as_str().is_some_and(|text| text.starts_with("Nothing was tried"))));
    }
}

#[test]
fn ansible_cfg_says_who_and_where_hosts_without_a_word_are() {
    let folder = folder(&[(
        "ansible.cfg",
        "[defaults]\nremote_port = 2222\ntransport = docker\n[privilege_escalation]\nbecome_method = su\n\
         become_user = admin\n[sudo_become_plugin]\nflags = -H\n",
    )]);
    let read = config(folder.path(), &[]);
    assert_eq!(read.remote_port, Some(2222));
    let stand_ins: Vec<(&str, &str)> =
        read.stand_ins.iter().map(|it| (it.variable.as_str(), it.value.as_str())).collect();
    assert_eq!(
        stand_ins,
        [
            ("ansible_connection", "docker"),
            ("ansible_become_method", "su"),
            ("ansible_become_user", "admin"),
            ("ansible_become_flags", "-H"),
        ]
    );
    assert!(read.stand_ins[1].origin.starts_with("`become_method` in "), "{:?}", read.stand_ins);
    let over = [("ANSIBLE_REMOTE_PORT", "2022"), ("ANSIBLE_BECOME_METHOD", "doas")];
    let told = config(folder.path(), &over);
    assert_eq!(told.remote_port, Some(2022));
    assert_eq!(
        (told.stand_ins[1].value.as_str(), told.stand_ins[1].origin.as_str()),
        ("doas", "ANSIBLE_BECOME_METHOD")
    );
    let none = config(folder.path(), &[("ANSIBLE_REMOTE_PORT", "99999")]);
    fs::write(folder.path().join("hosts.ini"), "[kube_node]\nn\n").unwrap();
    let (_, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.ini"]);
    assert!(out.contains(" 2222 "), "{out}");
    for name in ["ansible_connection", "ansible_become_method", "ansible_become_user"] {
        assert!(err.contains(&format!("`check` will not visit n: `{name}` (")), "{err}");
    }
    assert!(none.remote_port.is_none() && none.warnings[0].contains("ANSIBLE_REMOTE_PORT"), "{none:?}");
}

#[test]
fn ansible_cfg_and_vault_flags_reach_the_command() {
    let vars = format!("ansible_user: {INLINE}");
    let folder = folder(&[
        ("hosts.ini", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("group_vars/all.yml", &vars),
        ("group_vars/etcd.yml", &encrypted_file()),
        ("more.ini", "[etcd]\nn\n"),
        ("pw", "pw1\n"),
        ("ansible.cfg", "[defaults]\ninventory = hosts.ini, more.ini\n"),
    ]);
    let (code, out, err) =
        airworthy(folder.path(), &["inventory", "--host", "n", "--vault-password-file", "pw"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("the inventory is Ansible's configured one"), "{err}");
    assert!(out.contains("secret: (encrypted)") && !out.contains("geheim") && !out.contains("x{{"), "{out}");
    let (code, _, err) = airworthy(folder.path(), &["inventory", "--vault-id", "dev@hosts.ini"]);
    assert!(code == 2 && err.contains("etcd.yml"), "{err}");
    fs::write(folder.path().join("ansible.cfg"), "[defaults]\nvault_password_file = pw\n").unwrap();
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.ini", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("__ansible_vault"), "{out}");
    let (code, _, err) = airworthy(folder.path(), &["inventory"]);
    assert!(code == 2 && err.contains("name an inventory with -i"), "{err}");
}
