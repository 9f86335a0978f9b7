//! Inventories as operators have them: what they must read to, and how the broken ones are told.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "support/differences.rs"]
mod differences;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "support/environment.rs"]
mod environment;

use std::path::{Path, PathBuf};

use airworthy::inventory::{
    CoreRules, HostKeyChecking, Inventory, InventoryError, Kind, LoadOptions, View, load, load_with,
};
use airworthy::role::Role;
use differences::differences;
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> PathBuf {
    root().join("fixtures/inventories").join(name)
}

fn read(names: &[&str]) -> Inventory {
    let paths: Vec<PathBuf> = names.iter().map(|name| fixture(name)).collect();
    load(&paths).unwrap_or_else(|error| panic!("{names:?}: {error}"))
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn names<'a>(inventory: &'a Inventory, pattern: &str) -> Vec<&'a str> {
    inventory.limit(pattern).unwrap().into_iter().map(|host| host.name.as_str()).collect()
}

fn assert_same(name: &str, ours: &Value, theirs: &Value) {
    let mut found = Vec::new();
    differences("", ours, theirs, &mut found);
    assert!(found.is_empty(), "{name}:\n{}", found.join("\n"));
}

#[test]
fn kubesprays_own_samples_read_as_ansible_reads_them() {
    let corpus = root().join("../shared/corpus/inventories");
    let corpus = if corpus.is_dir() { corpus } else { root().join("../../shared/corpus/inventories") };
    let Ok(entries) = std::fs::read_dir(&corpus) else {
        eprintln!("note: skipped, the corpus is not at {}", corpus.display());
        return;
    };
    let mut count = 0;
    for folder in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let name = folder.display().to_string();
        let inventory =
            load(&[folder.join("inventory.ini")]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_same(&name, &inventory.to_ansible_json(), &json_of(&folder.join("expected.json")));
        assert_eq!(inventory.kind, Kind::Kubespray);
        assert_eq!(inventory.hosts.len(), 6, "{name}");
        count += 1;
    }
    assert!(count >= 6, "{count} inventories in the corpus");
}

#[test]
fn openpais_own_examples_read() {
    let corpus = root().join("../shared/corpus/openpai");
    let corpus = if corpus.is_dir() { corpus } else { root().join("../../shared/corpus/openpai") };
    if !corpus.is_dir() {
        eprintln!("note: skipped, the corpus is not at {}", corpus.display());
        return;
    }
    let layout = load(&[corpus.join("layout.yaml")]).unwrap();
    assert_eq!(layout.hosts.len(), 3);
    assert_eq!(layout.hosts[1].accelerator.as_deref(), Some("nvidia.com/gpu"));
    assert_eq!(layout.hosts[0].connection.user.as_deref(), Some("forexample"));
    assert!(layout.warnings.is_empty(), "{:?}", layout.warnings);
    let csv = load(&[corpus.join("master.csv"), corpus.join("worker.csv")]).unwrap();
    assert_eq!(csv.hosts.len(), 7);
    // An example with placeholders for addresses, which is no layout yet.
    let error = load(&[corpus.join("layout-examples.yaml")]).unwrap_err();
    assert!(error.to_string().contains("`IP` is not an IP address"), "{error}");
}

#[test]
fn our_own_inventories_read_as_ansible_reads_them() {
    for (given, expected) in [
        ("ini/inventory.ini", "ini/expected.json"),
        ("yaml/hosts.yml", "yaml/expected.json"),
        ("folder", "folder/.expected.json"),
    ] {
        let options = LoadOptions { ansible_core: CoreRules::Since2_19.into(), ..LoadOptions::default() };
        let inventory = load_with(&[fixture(given)], &options).unwrap();
        assert_same(given, &inventory.to_ansible_json(), &json_of(&fixture(expected)));
    }
}

#[test]
fn roles_connections_and_accelerators_come_from_groups_and_variables() {
    let inventory = read(&["ini/inventory.ini"]);
    let host = |name: &str| inventory.hosts.iter().find(|host| host.name == name).unwrap();
    assert_eq!(inventory.names()[0], "bastion.example");
    assert!(inventory.hosts.iter().all(|host| host.name != "bastion.example"));
    assert!(host("cp03").roles.iter().copied().eq([Role::Infra, Role::Worker]));
    assert_eq!(host("cp01").connection.port, Some(22022));
    assert_eq!(host("cp01").connection.host_key_checking, Some(HostKeyChecking::Off));
    assert_eq!(host("cp01").connection.user.as_deref(), Some("ops"));
    assert_eq!(host("cp02").peer_address(), "10.0.1.2");
    assert_eq!(host("gpu-a").accelerator.as_deref(), Some("nvidia.com/gpu"));
    assert_eq!(host("gpu-b").accelerator, None);
    assert_eq!(host("gpu-b").connection.port, Some(2222));
    assert!(host("gpu-b").connection.password.is_some());
    assert!(!format!("{inventory:?}").contains("s3cret"));
    let origins: Vec<&str> =
        inventory.layers_of("cp02").unwrap().map(|layer| layer.origin.rsplit('/').next().unwrap()).collect();
    assert_eq!(
        origins,
        [
            "inventory.ini:17 group `k8s_cluster`",
            "inventory.ini:4 group `kube_control_plane`",
            "main.yml",
            "kube_control_plane.yml",
            "inventory.ini:5 host `cp02`",
            "cp02.json"
        ]
    );
    let yaml = read(&["yaml/hosts.yml"]);
    assert!(yaml.hosts.iter().any(|host| host.name == "node4" && host.connection.local));
    assert_eq!(yaml.hosts[1].accelerator.as_deref(), Some("nvidia.com/gpu"));
}

#[test]
fn a_later_inventory_wins() {
    let inventory = read(&["folder", "yaml/hosts.yml"]);
    assert_eq!(inventory.hosts.len(), 6);
    assert_eq!(inventory.sources.len(), 2);
    assert_eq!(inventory.vars_of("a").unwrap()["pods"], json!(110));
}

#[test]
fn the_digest_stays_and_changes_with_the_files() {
    let folder = environment::folder();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let mut digests = Vec::new();
    for (folder, text) in [(&one, "[etcd]\na\n"), (&two, "[etcd]\na\n"), (&two, "[etcd]\nb\n")] {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("hosts"), text).unwrap();
        digests.push(load(&[folder.join("hosts")]).unwrap().digest);
    }
    assert!(digests[0].starts_with("sha256:") && digests[0].len() == 71);
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[1], digests[2]);
}

#[test]
fn a_layout_reads_with_the_configuration_beside_it() {
    for given in ["openpai/layout.yaml", "openpai"] {
        let inventory = read(&[given]);
        assert_eq!(inventory.kind, Kind::OpenPai);
        let names: Vec<&str> = inventory.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["pai-head", "pai-gpu1", "pai-both"]);
        let gpu = &inventory.hosts[1];
        assert_eq!(gpu.accelerator.as_deref(), Some("nvidia.com/gpu"));
        let layout = gpu.layout.as_ref().unwrap();
        assert_eq!((layout.memory_mib, layout.cpus), (Some(225_280), Some(24)));
        assert_eq!((layout.accelerator_model.as_deref(), layout.accelerator_count), (Some("K80"), Some(4)));
        assert_eq!(inventory.hosts[2].layout.as_ref().unwrap().memory_mib, Some(61_440));
        assert_eq!(inventory.hosts[2].roles.len(), 2);
        assert_eq!(gpu.connection.user.as_deref(), Some("pai"));
        assert!(gpu.connection.password.is_some() && gpu.connection.become_password.is_some());
        let config = inventory.openpai.as_ref().unwrap();
        assert!(!config.docker_check && config.resource_check);
        assert_eq!(config.registries, ["docker.io", "mirror.local:5000"]);
        assert_eq!(config.registry_mirrors, ["https://mirror.local"]);
        assert_eq!(config.insecure_registries, ["mirror.local:5000"]);
        assert_eq!(config.docker_data_root.as_deref(), Some("/mnt/docker"));
        assert_eq!(inventory.warnings.len(), 3, "{:?}", inventory.warnings);
        assert!(!format!("{inventory:?}").contains("geheim"));
        assert_eq!(inventory.files.len(), 2);
    }
}

#[test]
fn csv_files_read() {
    let inventory = read(&["csv/master.csv", "csv/worker.csv"]);
    assert_eq!(inventory.hosts.len(), 5);
    assert_eq!(inventory.hosts[2].roles.len(), 2);
    assert_eq!(inventory.hosts[1].connection.address, "10.2.0.2");
    assert!(inventory.warnings.is_empty(), "{:?}", inventory.warnings);
    let alone = read(&["csv/worker.csv"]);
    assert_eq!(alone.warnings, ["no host is infra: Kubernetes needs at least one control plane host"]);
}

#[test]
fn patterns_choose_hosts() {
    let inventory = read(&["ini/inventory.ini"]);
    assert_eq!(names(&inventory, "all").len(), 5);
    assert_eq!(names(&inventory, "infra"), ["cp01", "cp02", "cp03"]);
    assert_eq!(names(&inventory, "infra:!cp02"), ["cp01", "cp03"]);
    assert_eq!(names(&inventory, "worker,&infra"), ["cp03"]);
    assert_eq!(names(&inventory, "gpu*"), ["gpu-a", "gpu-b"]);
    assert_eq!(names(&inventory, "~cp0[12]"), ["cp01", "cp02"]);
    assert_eq!(names(&inventory, "kube_control_plane[0:1]"), ["cp01", "cp02"]);
    assert_eq!(names(&inventory, "kube_control_plane[-1]"), ["cp03"]);
    assert_eq!(names(&inventory, "kube_control_plane[1:]"), ["cp02", "cp03"]);
    assert_eq!(names(&inventory, "!cp*").len(), 2);
    // Roles are no groups that a glob could mean.
    assert_eq!(names(&inventory, "all:!inf*:!worke*").len(), 5);
    assert!(inventory.limit("inf*").is_err());
    assert_eq!(names(&inventory, "all:!zz*:!cp01").len(), 4);
    assert_eq!(inventory.idle_exclusions("all:!zz*:!cp01"), ["!zz*"]);
    let folder = environment::folder();
    let file = folder.path().join("limit");
    std::fs::write(&file, "# the first and the last\ncp01\n\ngpu-b\n").unwrap();
    assert_eq!(names(&inventory, &format!("@{}", file.display())), ["cp01", "gpu-b"]);
    for (pattern, message) in [
        ("cp1", "did you mean `cp01`?"),
        ("kube_nodes", "did you mean `kube_node`?"),
        ("bastion.example", "leaves no host"),
        ("all:!all", "leaves no host"),
        ("etcd[7]", "it has 3 hosts"),
        ("~(", "regular expression"),
        ("@/nowhere", "readable file"),
        ("zz*", "matches no host"),
        ("ungrouped:&infra", "leaves no host"),
        ("all:!~(", "regular expression"),
    ] {
        let error = inventory.limit(pattern).unwrap_err().to_string();
        assert!(error.contains(message), "{pattern}: {error}");
    }
    let layout = read(&["openpai/layout.yaml"]);
    assert_eq!(names(&layout, "four-k80"), ["pai-gpu1"]);
    assert_eq!(names(&layout, "worker:!four-k80"), ["pai-both"]);
}

#[test]
fn what_cannot_be_read_is_told_with_a_way_out() {
    let nothing = fixture("nowhere.ini");
    for (paths, message) in [
        (vec![nothing], "check the path"),
        (vec![], "give one with -i"),
        (vec![fixture("yaml/hosts.yml"), fixture("openpai/layout.yaml")], "give Ansible inventories"),
        (vec![fixture("openpai/layout.yaml"), fixture("openpai/layout.yaml")], "one layout"),
    ] {
        let error = load(&paths).unwrap_err();
        assert!(matches!(error, InventoryError::Unreadable { .. }));
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn encrypted_and_unsafe_values_stay_text() {
    let folder = environment::folder();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("hosts.ini", "[kube_node]\nn\n");
    write(
        "group_vars/all/plain.yml",
        "ansible_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  31\nraw: !unsafe \"{{ x }}\"\n",
    );
    write("group_vars/all/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n3132\n");
    write("group_vars/all.yml", "ignored: true\n");
    let inventory = load(&[folder.path().join("hosts.ini")]).unwrap();
    let variables = inventory.vars_of("n").unwrap();
    assert_eq!(variables["raw"], json!({"__ansible_unsafe": "{{ x }}"}));
    assert_eq!(variables["ansible_password"]["__ansible_vault"], json!("$ANSIBLE_VAULT;1.1;AES256\n31\n"));
    assert!(inventory.hosts[0].connection.password.is_none());
    let warnings = inventory.warnings.join("\n");
    assert!(inventory.hosts[0].connection.unresolved[0].reason.contains("vault.yml"));
    for expected in ["vault.yml is encrypted", "all.yml is not read"] {
        assert!(warnings.contains(expected), "{warnings}");
    }
}

#[test]
fn a_host_that_would_be_left_out_is_told() {
    let folder = environment::folder();
    let path = folder.path().join("hosts.ini");
    std::fs::write(&path, "[kube_control_plane]\nn1\n[etcd]\nn1\n[kube_node]\nn1\n[kube_nodes]\nn2\n")
        .expect("written");
    let error =
        airworthy::inventory::load(std::slice::from_ref(&path)).expect_err("n2 has no role").to_string();
    assert!(error.contains(":7:") && error.contains("did you mean `kube_node`?"), "{error}");

    std::fs::write(&path, "[kube_control_plane]\nn1\n[kube_node]\nn1\n[spare]\nn2\n[bastion]\nb\n")
        .expect("written");
    let inventory = airworthy::inventory::load(&[path]).expect("loads");
    let told = |name: &str| inventory.warnings.iter().any(|w| w.ends_with(&format!(": {name}")));
    assert!(told("n2"), "{:?}", inventory.warnings);
}

#[test]
fn kubesprays_run_time_groups_count_when_judging() {
    let inventory = read(&["ansible/kubespray-runtime/inventory.ini"]);
    for (host, who) in [("cp1", "k8s_cluster"), ("w1", "kube_node"), ("rr1", "k8s_cluster"), ("s1", "all")] {
        assert_eq!(inventory.vars_of(host).unwrap()["who"], json!(who), "{host}");
        assert_eq!(inventory.vars_of(host).unwrap().contains_key("kube_version"), host != "s1", "{host}");
    }
    assert_eq!(names(&inventory, "k8s_cluster"), ["cp1", "w1", "w2"]);
    let printed = inventory.to_ansible_json();
    assert!(printed.get("k8s_cluster").is_none());
    assert_eq!(printed["_meta"]["hostvars"]["cp1"], json!({"ansible_host": "10.0.0.1", "who": "all"}));
    let seen = inventory.to_json(View::Runtime, None);
    assert_eq!(seen["k8s_cluster"]["hosts"], json!(["cp1", "w1", "w2", "rr1"]));
    assert_eq!(seen["_meta"]["hostvars"]["cp1"]["kube_version"], json!("1.33.1"));
    // Where the inventory says so itself, nothing is made.
    let declared = read(&["ansible/kubespray-children/inventory.ini"]);
    assert_eq!(declared.to_json(View::Runtime, None), declared.to_ansible_json());
    // Old names lead to the new groups and from there to k8s_cluster.
    let old = read(&["ansible/vars-beside-group-with-dash/hosts.ini"]);
    let seen = old.to_json(View::Runtime, None);
    assert_eq!(seen["kube_control_plane"]["hosts"], json!(["a"]));
    assert_eq!(seen["kube_node"]["hosts"], json!(["b"]));
    assert_eq!(seen["k8s_cluster"]["hosts"], json!(["a", "b"]));
    assert_eq!(old.hosts.len(), 2);
}

#[test]
fn a_variable_tells_its_place_and_what_it_overrode() {
    let paths = [fixture("ansible/vars-precedence/hosts.ini")];
    let options = LoadOptions { extra_vars: vec!["a=EX".to_owned()], ..LoadOptions::default() };
    let inventory = airworthy::inventory::load_with(&paths, &options).unwrap();
    let places = |name: &str| -> Vec<String> {
        let layers = inventory.layers_of("n1").unwrap().filter(|layer| layer.variables.contains_key(name));
        let told = layers
            .map(|layer| format!("{} {}", layer.place_of(name).rsplit('/').next().unwrap(), layer.owner));
        told.collect()
    };
    assert_eq!(places("a"), ["hosts.ini:2 group all", "all.yml:1 group all", "-e extra variables"]);
    assert_eq!(places("e"), ["hosts.ini:6 group all", "hosts.ini:12 host n1", "n1.yml:1 host n1"]);
    assert_eq!(inventory.vars_of("n1").unwrap()["a"], json!("EX"));
}

#[test]
fn a_host_list_is_read_and_cannot_be_judged() {
    let options = LoadOptions::listing();
    let list = [PathBuf::from("h1,h2:2222")];
    let inventory = airworthy::inventory::load_with(&list, &options).unwrap();
    assert_eq!(inventory.names(), ["h1", "h2"]);
    assert!(inventory.hosts.is_empty());
    assert!(inventory.warnings.iter().any(|warning| warning.contains("no host has a role")));
    let error = load(&list).unwrap_err();
    assert!(error.to_string().contains("no host has a role"), "{error}");
    assert!(error.to_string().contains("--as worker"), "{error}");
}

/// `--as` puts the hosts of a list into kubespray's groups, and nobody expects the rest of a cluster.
#[test]
fn a_host_list_is_judged_as_the_roles_that_are_given() {
    for (role, groups) in [
        (Role::Worker, &["kube_node", "k8s_cluster"][..]),
        (Role::Infra, &["kube_control_plane", "etcd", "k8s_cluster"]),
    ] {
        let options = LoadOptions { roles: [role].into(), ..LoadOptions::default() };
        let list = [PathBuf::from("h1,h2:2222")];
        let inventory = airworthy::inventory::load_with(&list, &options).unwrap();
        let hosts: Vec<(&str, Vec<Role>, Option<u16>)> = inventory
            .hosts
            .iter()
            .map(|host| (host.name.as_str(), host.roles.iter().copied().collect(), host.connection.port))
            .collect();
        assert_eq!(hosts, [("h1", vec![role], None), ("h2", vec![role], Some(2222))]);
        for group in groups {
            assert_eq!(inventory.groups.members(group), ["h1", "h2"], "{group}");
        }
        assert_eq!(inventory.warnings, Vec::<String>::new());
    }
}
