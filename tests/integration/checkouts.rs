//! Checkouts of kubespray, as `--kubespray` reads them: by function, and through the binary.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use airworthy::facts::{Fact, Reading};
use airworthy::kubespray::Demands;
use serde_json::{Value, json};

use super::harness::Bench;

pub(crate) fn fixture(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kubespray").join(release)
}

fn demands(release: &str) -> Demands {
    Demands::of_checkout(&fixture(release)).unwrap_or_else(|error| panic!("{error}"))
}

/// A fact's value as JSON; `absent`, or `unknown` and why.
fn plain(fact: &Value) -> Value {
    match fact.get("known") {
        Some(value) => value.clone(),
        None if fact.get("absent").is_some() => json!("absent"),
        None => json!(format!("unknown: {}", fact["unknown"].as_str().unwrap_or_default())),
    }
}

#[track_caller]
fn same(facts: &Demands, wanted: Value) {
    let facts = serde_json::to_value(&facts.facts).expect("facts are JSON");
    for (field, wanted) in wanted.as_object().expect("an object") {
        assert_eq!(&plain(&facts[field]), wanted, "{field}: {}", facts[field]["source"]);
    }
}

#[test]
fn the_oldest_layout_is_read() {
    let read = demands("2.12");
    same(
        &read,
        json!({
            "release": "2.12", "commit": "absent", "tag": "absent", "modified": "absent",
            "os_ids": ["almalinux", "amzn", "centos", "debian", "fedora", "ol", "rhel", "rocky", "ubuntu"],
            "os_releases": ["debian 10", "debian 9", "ubuntu 16.04", "ubuntu 18.04", "centos 7", "rhel 7"],
            "control_plane_memory_min_mb": 1500, "node_memory_min_mb": 1024,
            "ansible_core_min": "2.7.8", "ansible_core_below": "absent", "python_min": "3.5",
            "python_packages": [
                {"name": "jinja2", "versions": "==2.10.1", "module": "jinja2"},
                {"name": "netaddr", "versions": "==0.7.19", "module": "netaddr"},
                {"name": "jmespath", "versions": "==0.9.4", "module": "jmespath"},
            ],
            "collections": "absent",
            "kube_version": "1.16.15", "kube_version_min": "1.15.0",
            "kube_versions": ["1.17.7", "1.16.15", "1.15.0"],
            // The docker role's own default counts, not that of another role, nor its vars for one distribution.
            "docker_version": "18.09", "containerd_version": "1.2.13",
            "docker_keys": ["data-root", "dns", "dns-opts", "iptables", "log-opts"],
            "host_python_versions": [">=2.6,<3", ">=3.5"],
        }),
    );
    assert_eq!(read.groups.value(), Some(&["etcd", "kube-master", "kube-node"].map(str::to_owned).to_vec()));
    assert_eq!(
        read.booleans.value(),
        Some(&["download_run_once", "helm_enabled"].map(str::to_owned).to_vec())
    );
    let choices: Vec<&str> = read.choices.keys().map(String::as_str).collect();
    assert_eq!(choices, ["kube_network_plugin"], "what is compared in one case only is no choice");
    let names = read.names.expect("a checkout has names");
    assert!(names.settable.contains("peer_with_router") && names.read.contains("docker_dns_servers"));
    assert!(!names.read.contains("kube_network_plugn"));
}

#[test]
fn the_split_layout_is_read() {
    let read = demands("2.24");
    same(
        &read,
        json!({
            "release": "2.24.3",
            "os_ids": ["flatcar", "rhel", "rocky", "ubuntu"],
            "os_releases": ["flatcar", "ubuntu 20.04", "ubuntu 22.04", "rocky 8", "rocky 9"],
            "ansible_core_min": "2.15.5", "ansible_core_below": "2.17.0", "python_min": "3.9",
            "collections": [{"name": "ansible.utils", "versions": ">=2.5.0"}],
            "kube_versions": ["1.28.14", "1.27.16", "1.26.0"],
            "docker_keys": ["data-root", "exec-opts", "iptables", "log-opts"],
        }),
    );
    assert_eq!(read.groups.value(), Some(&["kube_control_plane", "kube_node"].map(str::to_owned).to_vec()));
    let gone = read.gone.iter().find(|gone| gone.name == "containerd_config").expect("its assert names it");
    assert!(gone.source.contains("0040-verify-settings.yml") && gone.since == "2.16", "{gone:?}");
}

#[test]
fn the_current_layout_is_read() {
    let read = demands("2.31");
    same(
        &read,
        json!({
            "release": "2.31.0",
            "os_ids": ["debian", "openEuler", "rocky", "ubuntu"],
            "ansible_core_min": "2.18.0", "ansible_core_below": "2.19.0", "python_min": "3.11",
            // The first and the last of the file, for amd64.
            "kube_version": "1.35.4", "kube_version_min": "1.33.0", "containerd_version": "2.2.3",
            "docker_keys": ["data-root", "exec-opts", "iptables", "log-opts"],
        }),
    );
    assert_eq!(read.groups.value(), Some(&["etcd", "kube_control_plane"].map(str::to_owned).to_vec()));
    assert_eq!(read.choices.keys().collect::<Vec<_>>(), ["kube_network_plugin", "kube_proxy_mode"]);
    assert!(read.gone.iter().any(|gone| gone.name == "kubelet_static_pod_path"));
    assert!(
        matches!(read.default_of("deploy_container_engine").reading, Reading::Unknown(_)),
        "groups decide"
    );
    let plugin = read.default_of("kube_network_plugin");
    assert_eq!(plugin.value(), Some(&json!("calico")));
    let source = "kubespray v2.31.0 (checkout ";
    assert!(plugin.source.starts_with(source) && plugin.source.ends_with("main/main.yml:4)"), "{plugin:?}");
    assert_eq!(read.default_of("no_such_variable").reading, Reading::Absent);
}

/// A copy that may be spoiled.
fn copy(release: &str, into: &Path) -> PathBuf {
    fn walk(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("made");
        for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
            let target = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => walk(&entry.path(), &target),
                false => drop(fs::copy(entry.path(), target).expect("copied")),
            }
        }
    }
    let to = into.join("kubespray");
    walk(&fixture(release), &to);
    to
}

#[test]
fn what_is_not_there_is_unknown_and_never_guessed() {
    let bench = Bench::new();
    let checkout = copy("2.31", bench.path());
    for file in [
        "playbooks/ansible_version.yml",
        "README.md",
        "roles/kubernetes/preinstall/defaults/main.yml",
        "roles/kubespray_defaults/vars/main/checksums.yml",
        "roles/container-engine/docker/templates/docker-options.conf.j2",
        "roles/container-engine/docker/templates/docker.service.j2",
        "roles/validate_inventory/tasks/main.yml",
    ] {
        fs::remove_file(checkout.join(file)).expect("removed");
    }
    let read = Demands::of_checkout(&checkout).expect("a checkout still");
    let facts = serde_json::to_value(&read.facts).expect("facts are JSON");
    for field in [
        "ansible_core_min",
        "ansible_core_below",
        "python_min",
        "os_ids",
        "os_releases",
        "node_memory_min_mb",
        "control_plane_memory_min_mb",
        "kube_version",
        "kube_version_min",
        "kube_versions",
        "containerd_version",
        "docker_keys",
    ] {
        assert!(facts[field].get("unknown").is_some(), "{field}: {}", facts[field]);
    }
    for fact in [&read.groups, &read.booleans] {
        assert!(matches!(fact, Fact { reading: Reading::Unknown(_), .. }), "{fact:?}");
    }
    assert!(read.choices.is_empty());
}

#[test]
fn a_folder_that_is_no_checkout_is_a_clear_error() {
    let bench = Bench::new();
    bench.write("empty/x", "");
    bench.write("half/cluster.yml", "");
    for (folder, says) in [
        ("nowhere", "there is no such folder"),
        ("empty", "it holds no cluster.yml, so it is no checkout of kubespray; name its top folder"),
        ("empty/x", "it is a file; name the top folder"),
        ("half", "it holds no folder `roles`"),
    ] {
        bench.run(&["check", "--kubespray", folder]).complains(&["--kubespray", folder, says]);
    }
    bench.run(&["check", "--set", "kubespray_release=\"1.9\""]).complains(&[
        "kubespray_release",
        "1.9",
        "--kubespray DIR",
    ]);
}

#[test]
fn what_cannot_be_read_names_its_file() {
    let file = "roles/kubespray_defaults/defaults/main/main.yml";
    type Spoil = fn(&Path);
    let spoil: [(&str, Spoil, &str); 5] = [
        ("not YAML", |path| fs::write(path, "b: 1\na: [\n").expect("written"), "line 2"),
        ("no mapping", |path| fs::write(path, "- a\n").expect("written"), "a list instead of variables"),
        ("no text", |path| fs::write(path, b"a: \xff\n").expect("written"), "it is not text"),
        ("too large", |path| fs::write(path, vec![b'#'; 5 << 20]).expect("written"), "larger than 4 MiB"),
        ("a bomb", |path| fs::write(path, bomb()).expect("written"), "alias"),
    ];
    for (what, spoil, says) in spoil {
        let bench = Bench::new();
        let checkout = copy("2.31", bench.path());
        spoil(&checkout.join(file));
        let error = Demands::of_checkout(&checkout).err().unwrap_or_else(|| panic!("{what} is read"));
        let told = error.to_string();
        assert!(told.contains(file) && told.contains(says), "{what}: {told}");
    }
}

fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let before = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    text
}

#[test]
fn links_out_of_the_checkout_are_not_followed() {
    let bench = Bench::new();
    let checkout = copy("2.31", bench.path());
    let secret = bench.write("secret.yml", "stolen: 1\nansible==1\n");
    // What is looked for by its name is refused; what a folder holds besides is left out, a circle too.
    symlink(&secret, checkout.join("roles/kubespray_defaults/defaults/main/more.yml")).expect("linked");
    symlink("../..", checkout.join("roles/circle")).expect("linked");
    let read = Demands::of_checkout(&checkout).expect("a checkout");
    assert_eq!(read.default_of("stolen").reading, Reading::Absent);
    assert!(!read.names.expect("names").read.contains("stolen"));
    fs::remove_file(checkout.join("requirements.txt")).expect("removed");
    symlink(&secret, checkout.join("requirements.txt")).expect("linked");
    let error = Demands::of_checkout(&checkout).expect_err("a link out");
    assert!(error.to_string().contains("a link out of the checkout"), "{error}");
    // A link within is as good as a file: 2.20 has its requirements.txt so.
    fs::remove_file(checkout.join("requirements.txt")).expect("removed");
    fs::write(checkout.join("requirements-2.12.txt"), "netaddr==1\n").expect("written");
    symlink("requirements-2.12.txt", checkout.join("requirements.txt")).expect("linked");
    let read = Demands::of_checkout(&checkout).expect("a checkout");
    assert_eq!(read.facts.python_packages.value().map(Vec::len), Some(1));
}

/// The same inventory is judged by the checkout's word: here dockerd will be told of no DNS.
#[test]
fn the_report_says_whose_limits_were_used() {
    let bench = Bench::new();
    bench.gather();
    let checkout = fixture("2.31");
    let args = [
        "check",
        "--facts",
        "facts",
        "--select",
        "cpu-count",
        "--report",
        "table=table.txt",
        "--format",
        "json",
    ];
    let ran = bench.run(&args);
    assert_eq!(ran.json()["kubespray"], json!({"release": "2.31", "checkout": null, "commit": null}));
    let ran = bench.run(&[&args[..], &["--set", "kubespray_release=v2.28"]].concat());
    assert_eq!(ran.json()["kubespray"]["release"], "2.28");
    let named = checkout.display().to_string();
    let ran = bench.run(&[&args[..], &["--kubespray", &named]].concat());
    let wanted = format!("kubespray 2.31.0 (checkout {named})");
    assert_eq!(ran.json()["kubespray"], json!({"release": "2.31.0", "checkout": named, "commit": null}));
    let table: String = bench.read("table.txt").split_whitespace().collect();
    assert!(table.contains(&wanted.replace(' ', "")), "{table}");
}

/// The profile of current releases means the newest of the table.
#[test]
fn profiles_name_releases_that_the_table_has() {
    use airworthy::checks::{Profiles, shipped};
    let profiles = Profiles { shipped: shipped::PROFILES };
    for (profile, named, taken) in [("openpai", "2.12", "2.12"), ("kubespray", "", "2.31")] {
        let profile = profiles.named(profile).expect("it ships");
        assert_eq!(profile.parameters["kubespray_release"], named);
        let demands = Demands::of_release(named).expect("the table has it");
        assert_eq!(demands.facts.release.value().map(String::as_str), Some(taken));
    }
}

#[test]
fn without_a_checkout_kube_version_tells_the_release() {
    for (version, release) in [
        ("v1.28.6", Some("2.24")), // 2.25 takes it too, and has 1.29 as its own
        ("1.16.3", Some("2.12")),
        ("v1.99.0", None),
        ("latest", None),
    ] {
        assert_eq!(Demands::releases_deploying(version).first().map(String::as_str), release, "{version}");
    }
    let bench = Bench::new();
    bench.write("inventory.ini", "[kube_control_plane]\nn1\n[etcd]\nn1\n[kube_node]\nn1\n");
    bench.write("group_vars/all.yml", "kube_version: v1.28.6\n");
    let cluster = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/healthy");
    let args = ["check", "-i", "inventory.ini", "--devbox", "none", "--facts", cluster, "--format", "json"];
    let ran = bench.run(&args);
    let report: Value = serde_json::from_str(&ran.out).expect("a report");
    assert_eq!(report["kubespray"]["release"], "2.24", "{}", ran.err);
    assert!(
        ran.err.contains("the limits of kubespray 2.24, which deploys Kubernetes v1.28.6"),
        "{}",
        ran.err
    );
}

/// What a survey with the newest checkout says of the variables' names.
fn names_of(variables: &str) -> (Vec<String>, Vec<String>) {
    let bench = Bench::new();
    let hosts = "[kube_control_plane]\nn1\n[etcd]\nn1\n[kube_node]\nn1\n";
    let inventory = bench.write("inventory.ini", hosts);
    bench.write("group_vars/all.yml", variables);
    let inventory = airworthy::inventory::load(&[inventory]).expect("an inventory");
    let survey = airworthy::kubespray::survey(&inventory, &demands("2.31")).inventory;
    let told = |fact: Fact<Vec<String>>| fact.value().expect("a checkout has names").clone();
    (told(survey.misspelt_variables), told(survey.unread_variables))
}

#[test]
fn a_slip_is_told_from_a_name_of_ones_own() {
    // Each has a word of the checkout that differs in few letters; none is a slip of a variable.
    let own = "docker_group: x\nipmi_host: x\nmaster_ip: x\nadmin_user: x\ngpu_enabled: x\nvm_memory: x\nnfs_server: x\n";
    let (misspelt, unread) = names_of(own);
    assert_eq!(misspelt, Vec::<String>::new());
    assert_eq!(unread.len(), own.lines().count(), "{unread:?}");

    let (misspelt, unread) = names_of("kube_netwrok_plugin: x\ncontainer_manger: x\ncontainer: x\n");
    assert_eq!(misspelt.len(), 2, "{misspelt:?}");
    assert!(misspelt[0].ends_with("did you mean `container_manager`?"), "{misspelt:?}");
    assert!(misspelt[1].ends_with("did you mean `kube_network_plugin`?"), "{misspelt:?}");
    assert!(unread[0].ends_with("is never read; there is `container_manager`"), "{unread:?}");
}

#[test]
fn an_inventory_that_the_checkout_leaves_out_of_a_folder_is_named() {
    let bench = Bench::new();
    let checkout = copy("2.31", bench.path());
    fs::write(checkout.join("ansible.cfg"), "[defaults]\ninventory_ignore_extensions = ~, .orig, .ini\n")
        .expect("written");
    bench.write("mine/inventory.ini", "[kube_control_plane]\nn1\n[etcd]\nn1\n[kube_node]\nn1\n");
    let checkout = checkout.to_str().expect("a path");
    let says = ["mine/inventory.ini", "`.ini`", "inventory_ignore_extensions"];
    bench.run(&["check", "-i", "mine", "--kubespray", checkout]).complains(&says);
}

/// What contradicts in an inventory with these variables, by a checkout with asserts of its own.
fn contradictions(vars: &str) -> Result<Vec<String>, String> {
    let bench = crate::environment::folder();
    let checkout = copy("2.31", bench.path());
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    write(
        checkout.join("roles/validate_inventory/tasks/more.yml"),
        "- assert:\n    that:\n      - not helm_version.startswith('v')\n      - not derived_version.startswith('v')\n\
         - assert: {that: cloud_provider == 'external'}\n  when: cloud_provider is defined and cloud_provider\n\
         - assert: {that: ansible_memtotal_mb > helm_memory}\n- assert: {that: registered.stdout == helm_version}\n",
    );
    write(
        checkout.join("roles/network_plugin/cilium/tasks/check.yml"),
        "- when: cilium_checked | default(true)\n  block:\n    - assert: {that: \"cilium_version is version('1.15', '>=')\"}\n",
    );
    write(
        checkout.join("roles/kubespray_defaults/defaults/main/more.yml"),
        "helm_version: 3.16.4\nderived_version: \"{{ helm_version }}\"\nhelm_memory: 1\n",
    );
    let hosts = "[kube_control_plane]\nnode1\n[kube_node]\nnode2\n[etcd]\nnode1\n[k8s_cluster:children]\nkube_control_plane\nkube_node\n";
    write(bench.path().join("inv/hosts.ini"), hosts);
    write(bench.path().join("inv/group_vars/all.yml"), vars);
    let demands = Demands::of_checkout(&checkout).expect("a checkout");
    let options = airworthy::inventory::LoadOptions::default();
    let inventory =
        airworthy::inventory::load_with(&[bench.path().join("inv/hosts.ini")], &options).expect("read");
    let found = airworthy::kubespray::survey(&inventory, &demands).inventory.contradictions;
    match &found.reading {
        airworthy::facts::Reading::Unknown(reason) => Err(reason.to_string()),
        _ => Ok(found.value().cloned().unwrap_or_default()),
    }
}

#[test]
fn the_checkouts_own_asserts_are_evaluated_over_the_inventory() {
    let none: Result<Vec<String>, String> = Ok(Vec::new());
    for healthy in [
        "helm_version: 3.17.0\n",
        "cloud_provider: external\nexternal_cloud_provider: openstack\n",
        // Of a plugin that is not chosen.
        "cilium_version: 1.2.0\n",
        "kube_network_plugin: cilium\nkube_owner: root\ncilium_version: 1.15.0\n",
        "kube_network_plugin: cilium\nkube_owner: root\ncilium_version: 1.2.0\ncilium_checked: false\n",
        // What hosts and tasks tell is not the inventory's.
        "helm_memory: 2\n",
    ] {
        assert_eq!(contradictions(healthy), none, "{healthy}");
    }
    for (broken, told) in [
        ("helm_version: v3.17.0\n", "`helm_version` is `v3.17.0`"),
        (
            "cloud_provider: aws\n",
            "`cloud_provider == 'external'` does not hold (roles/validate_inventory/tasks/more.yml)",
        ),
        (
            "kube_network_plugin: cilium\nkube_owner: root\ncilium_version: 1.2.0\n",
            "`cilium_version` is `1.2.0`",
        ),
    ] {
        let found = contradictions(broken).expect("known");
        assert!(found.len() == 1 && found[0].contains(told), "{broken}: {found:?}");
    }
    let unknown = contradictions("helm_version: \"{{ lookup('env', 'X') }}\"\n").expect_err("unknown");
    assert!(
        unknown
            .contains("`not helm_version.startswith('v')`, at which kubespray stops where it does not hold"),
        "{unknown}"
    );
}

/// What is found of an inventory in INI, by the fixture of 2.31.
fn surveyed(hosts: &str, vars: &str) -> airworthy::facts::inventory::Inventory {
    let bench = crate::environment::folder();
    fs::create_dir_all(bench.path().join("group_vars")).expect("made");
    fs::write(bench.path().join("hosts.ini"), hosts).expect("written");
    let networks = "kube_pods_subnet: 10.233.64.0/18\nkube_service_addresses: 10.233.0.0/18\nipv4_stack: true\nipv6_stack: false\n";
    fs::write(bench.path().join("group_vars/all.yml"), format!("{networks}{vars}")).expect("written");
    let options = airworthy::inventory::LoadOptions::default();
    let inventory =
        airworthy::inventory::load_with(&[bench.path().join("hosts.ini")], &options).expect("read");
    airworthy::kubespray::survey(&inventory, &demands("2.31")).inventory
}

#[test]
fn addresses_that_cannot_be_known_are_no_pass_and_ports_tell_machines_apart() {
    let hosts = "[kube_control_plane]\nnode1 ansible_host=10.0.0.9 ansible_ssh_port=2201\n[kube_node]\nnode2 ansible_host=10.0.0.9 \
                 ansible_ssh_port=2202\n[etcd]\nnode1\n[k8s_cluster:children]\nkube_control_plane\nkube_node\n";
    let none = Some(&Vec::new());
    let healthy = surveyed(hosts, "nodelocaldns_ip: 169.254.25.10\n");
    assert_eq!(healthy.overlapping_networks.value(), none, "{:?}", healthy.overlapping_networks);
    assert_eq!(healthy.invalid_addresses.value(), none, "{:?}", healthy.invalid_addresses);
    for vars in [
        "loadbalancer_apiserver: {address: \"{{ lookup('env', 'X') }}\"}\n",
        "nodelocaldns_ip: \"{{ lookup('env', 'X') }}\"\n",
    ] {
        assert!(matches!(surveyed(hosts, vars).overlapping_networks.reading, Reading::Unknown(_)), "{vars}");
    }
    for vars in ["loadbalancer_apiserver: {address: vip.example}\n", "nodelocaldns_ip: 169.254.25\n"] {
        let found = surveyed(hosts, vars).overlapping_networks;
        assert!(
            found.value().is_some_and(|found| found.len() == 1 && found[0].contains("which is no address")),
            "{found:?}"
        );
    }
    let manifests = "kube_network_plugin: custom_cni\ncustom_cni_manifests: [\"{{ playbook_dir }}/x.yml\"]\n";
    assert_eq!(surveyed(hosts, manifests).contradictions.value(), none);
}
