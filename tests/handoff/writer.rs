//! The inventory that is written from OpenPAI's files: what OpenPAI's own generator gives for them, field by field.

use std::path::{Path, PathBuf};

use airworthy::handoff::inventory_writer::{Written, write};
use airworthy::inventory::{LoadOptions, View, load, load_with};
use serde_json::{Value, json};

use crate::environment;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/handoff").join(name)
}

fn written(folder: &str) -> Written {
    let inventory = load(&[fixture(folder).join("layout.yaml")]).expect("a layout");
    write(&inventory).expect("it can be said in kubespray's terms")
}

/// A document as YAML 1.1 has it, which is how Ansible reads it: by our own reader of inventories and their variables.
fn read(written: &Written) -> (Value, Value) {
    let folder = environment::folder();
    let hosts = folder.path().join("hosts.yml");
    std::fs::write(&hosts, &written.hosts).expect("written");
    let variables = folder.path().join("openpai.yml");
    std::fs::write(&variables, &written.variables).expect("written");
    let listing = |extra: Vec<String>| {
        let options = LoadOptions { extra_vars: extra, ..LoadOptions::listing() };
        let inventory = load_with(std::slice::from_ref(&hosts), &options).expect("an inventory");
        let host = inventory.hosts[0].name.clone();
        (
            inventory.to_json(View::Files, None),
            Value::Object(inventory.vars_of(&host).expect("its variables")),
        )
    };
    let (inventory, own) = listing(Vec::new());
    let (_, mut all) = listing(vec![format!("@{}", variables.display())]);
    let known = own.as_object().expect("a mapping");
    all.as_object_mut().expect("a mapping").retain(|name, _| !known.contains_key(name));
    (inventory, all)
}

fn expected(folder: &str) -> Value {
    let text = std::fs::read_to_string(fixture(folder).join("expected.json")).expect("readable");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn every_field_is_as_openpai_has_it() {
    for folder in ["sample", "everything"] {
        let (inventory, variables) = read(&written(folder));
        let expected = expected(folder);
        assert_eq!(inventory["_meta"]["hostvars"], expected["hosts"], "{folder}");
        for (group, members) in expected["groups"].as_object().expect("a mapping") {
            let of = |kind: &str| inventory[group].get(kind).cloned().unwrap_or_else(|| json!([]));
            assert_eq!(
                json!({"hosts": of("hosts"), "children": of("children")}),
                *members,
                "{folder}: {group}"
            );
        }
        let (ours, theirs) =
            (variables.as_object().expect("one"), expected["variables"].as_object().expect("one"));
        for name in ours.keys().chain(theirs.keys()) {
            assert_eq!(ours.get(name), theirs.get(name), "{folder}: {name}");
        }
    }
}

#[test]
fn ansible_itself_reads_the_same() {
    let Some(program) = environment::ansible("ansible-inventory") else { return };
    for folder in ["sample", "everything"] {
        let written = written(folder);
        let at = environment::folder();
        std::fs::write(at.path().join("hosts.yml"), &written.hosts).expect("written");
        std::fs::write(at.path().join("openpai.yml"), &written.variables).expect("written");
        let done = environment::ansible_command(&program)
            .args(["-i", "hosts.yml", "-e", "@openpai.yml", "--list"])
            .current_dir(at.path())
            .output()
            .expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let told: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let expected = expected(folder);
        for (host, own) in expected["hosts"].as_object().expect("a mapping") {
            let all =
                own.as_object().expect("one").iter().chain(expected["variables"].as_object().expect("one"));
            for (name, value) in all {
                // Ansible hides nothing here, and reads the texts as texts.
                assert_eq!(&told["_meta"]["hostvars"][host][name], value, "{folder}: {host}: {name}");
            }
        }
        for (group, members) in expected["groups"].as_object().expect("a mapping") {
            let of = |kind: &str| told[group].get(kind).cloned().unwrap_or_else(|| json!([]));
            assert_eq!(
                json!({"hosts": of("hosts"), "children": of("children")}),
                *members,
                "{folder}: {group}"
            );
        }
    }
}

/// dockerd's flags, as Ansible evaluates them for a version of Docker; `None` where there is no Ansible.
fn docker_options(folder: &str, version: &str) -> Option<String> {
    let program = environment::ansible("ansible")?;
    let written = written(folder);
    let at = environment::folder();
    std::fs::write(at.path().join("hosts.yml"), &written.hosts).expect("written");
    std::fs::write(at.path().join("openpai.yml"), &written.variables).expect("written");
    let done = environment::ansible_command(program)
        .args(["-i", "hosts.yml", "-e", "@openpai.yml", "-e", &format!("docker_version={version}")])
        .args(["kube-master", "-c", "local", "-o", "-m", "debug", "-a", "var=docker_options"])
        .current_dir(at.path())
        .output()
        .expect("it runs");
    let told = String::from_utf8(done.stdout).expect("UTF-8");
    let (_, json) = told.split_once(" => ").unwrap_or_else(|| panic!("{told}"));
    let value: Value = serde_json::from_str(json).expect("JSON");
    Some(value["docker_options"].as_str().expect("a text").to_owned())
}

#[test]
fn dockerd_gets_the_flags_that_openpai_means() {
    let logs = "--log-opt max-size=2g --log-opt max-file=2 --log-driver=json-file";
    for (folder, version, wanted) in [
        ("sample", "18.09", format!("--data-root=/mnt/docker {logs}")),
        ("sample", "latest", format!("--data-root=/mnt/docker {logs}")),
        ("sample", "17.03", format!("--graph=/mnt/docker {logs}")),
        (
            "everything",
            "18.09",
            format!(
                "--insecure-registry=mirror.registry.io --insecure-registry=172.19.16.11 \
                 --registry-mirror=https://mirror.example.org --data-root=/data/docker {logs} \
                 --config-file /etc/docker/daemon.json"
            ),
        ),
    ] {
        let told = docker_options(folder, version);
        assert!(told.as_ref().is_none_or(|told| *told == wanted), "{folder}, {version}: {told:?}");
    }
}

#[test]
fn texts_that_yaml_or_jinja_would_read_otherwise_stay_texts() {
    let folder = environment::folder();
    let layout = std::fs::read_to_string(fixture("sample").join("layout.yaml")).expect("readable");
    let layout = layout.replace("pai-master,", "\"0123\",").replace("pai-worker1,", "\"1e3\",");
    std::fs::write(folder.path().join("layout.yaml"), layout).expect("written");
    for (text, meant) in [
        ("yes", "yes"),
        ("0o17", "0o17"),
        ("1:30", "1:30"),
        ("~", "~"),
        ("a: b # c", "a: b # c"),
        ("\u{e9}\\n\"'", "\u{e9}\\n\"'"),
        ("pa{{ss}}", "pa{{ss}}"),
        ("{% x", "{% x"),
    ] {
        let config = format!("user: {}\npassword: {}\n", json!(text), json!(text));
        std::fs::write(folder.path().join("config.yaml"), config).expect("written");
        let inventory = load(&[folder.path().join("layout.yaml")]).expect("a layout");
        let written = write(&inventory).expect("said");
        let hosts = folder.path().join("hosts.yml");
        std::fs::write(&hosts, written.hosts).expect("written");
        let read = load_with(&[hosts], &LoadOptions::listing()).expect("an inventory");
        let mut names = read.names().to_vec();
        names.sort();
        assert_eq!(names, ["0123", "1e3", "pai-worker2"]);
        for name in ["ansible_ssh_user", "ansible_ssh_pass", "ansible_become_pass"] {
            assert_eq!(read.value_of("0123", name).expect("evaluated"), Some(json!(meant)), "{name}: {text}");
        }
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    for (line, why) in [
        ("openpai_kubespray_extra_var: [a, b]", "no mapping"),
        ("kubelet_custom_flags: [a]", "no mapping"),
        ("openpai_kubespray_extra_var: {a: null}", "`a` of config.yaml is empty"),
        ("kubeadm_download_url: [/a]", "not one text"),
        ("gcr_image_repo:", "is empty"),
    ] {
        let folder = environment::folder();
        let layout = folder.path().join("layout.yaml");
        std::fs::copy(fixture("sample").join("layout.yaml"), &layout).expect("copied");
        std::fs::write(folder.path().join("config.yaml"), format!("user: pai\n{line}\n")).expect("written");
        let told = write(&load(&[layout]).expect("a layout")).expect_err(line);
        assert!(told.contains(why), "{line}: {told}");
    }
}
