//! An inventory as a release of kubespray will act on it: its asserts with the facts of hosts, its own keys of checksums, and the
//! releases that could deploy it where none is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use airworthy::checks::{Catalog, Judge, Profiles, Severity, Source, Status, Verdict, shipped};
use airworthy::facts::os::Os;
use airworthy::facts::{Deployment, Fact, Fleet};
use airworthy::inventory::{GatheredFacts, Inventory};
use airworthy::kubespray::{self, Demands};

use super::checkouts::fixture;
use super::environment;
use super::harness::Bench;

const HOSTS: &str = "cp1 ansible_host=10.0.0.11 ip=10.0.0.11\nw1 ansible_host=10.0.0.21 ip=10.0.0.21\n
[kube_control_plane]\ncp1\n[etcd]\ncp1\n[kube_node]\nw1\n[k8s_cluster:children]\nkube_control_plane\nkube_node\n";

/// An inventory of these hosts, with variables for all of them.
fn inventory(hosts: &str, vars: &str, folder: &Path) -> Inventory {
    fs::create_dir_all(folder.join("group_vars")).expect("made");
    fs::write(folder.join("hosts.ini"), hosts).expect("written");
    fs::write(folder.join("group_vars/all.yml"), vars).expect("written");
    airworthy::inventory::load(&[folder.join("hosts.ini")]).expect("an inventory")
}

/// What Ansible would gather of hosts on this architecture with this `ID`.
fn gathered(hosts: &[&str], architecture: &str, id: &str) -> GatheredFacts {
    let known = |value: &str| Fact::known(value.to_owned(), "test");
    let os = Os { architecture: known(architecture), id: known(id), ..Os::default() };
    hosts.iter().map(|host| ((*host).to_owned(), kubespray::ansible_facts(&os))).collect()
}

/// The findings of the checks of an inventory, of severity warning or error.
fn findings(candidates: &[Demands], hosts: &str, vars: &str, facts: &GatheredFacts) -> Vec<Verdict> {
    let folder = environment::folder();
    let inventory = inventory(hosts, vars, folder.path());
    let survey = kubespray::survey_candidates(&inventory, candidates, facts);
    let kubespray = kubespray::lenient(candidates, survey.best);
    let deployment = Deployment { kubespray, inventory: survey.inventory };
    let profile = Profiles { shipped: shipped::PROFILES }.named("kubespray").expect("the profile loads");
    let sources = shipped::CHECKS.iter().filter(|(id, _)| id.starts_with("inventory-"));
    let sources: Vec<Source<'_>> = sources.map(|(id, text)| Source { file: id, id, text }).collect();
    let profile = airworthy::checks::Profile {
        checks: sources.iter().map(|source| source.id.to_owned()).collect(),
        severities: Default::default(),
        ..profile
    };
    let catalog = Catalog::load(&sources, &[], &profile).expect("the checks load");
    let verdicts = Judge::new(&catalog, &profile, &deployment).fleet(&[], &Fleet::default());
    verdicts.into_iter().filter(Verdict::is_finding).collect()
}

fn checkout(release: &str) -> Vec<Demands> {
    vec![Demands::of_checkout(&fixture(release)).unwrap_or_else(|error| panic!("{error}"))]
}

fn shown(findings: &[Verdict]) -> Vec<(&str, Status, Severity)> {
    findings.iter().map(|it| (&*it.check, it.status, it.severity)).collect()
}

const CHECKOUTS: [(&str, &str); 6] = [
    ("2.16", "v1.20.7"),
    ("2.24", "v1.28.14"),
    ("2.27", "v1.31.9"),
    ("2.28", "1.31.12"),
    ("2.31", "1.34.7"),
    ("newest", "1.35.7"),
];

#[test]
fn a_healthy_inventory_has_no_finding_whether_kube_version_is_set_or_hosts_were_read() {
    for (release, version) in CHECKOUTS {
        for vars in [String::new(), format!("kube_version: {version}\n")] {
            for facts in [
                GatheredFacts::default(),
                gathered(&["cp1", "w1"], "x86_64", "ubuntu"),
                gathered(&["cp1", "w1"], "aarch64", "rocky"),
                gathered(&["cp1"], "x86_64", "debian"),
            ] {
                let found = findings(&checkout(release), HOSTS, &vars, &facts);
                assert!(found.is_empty(), "{release} {vars}: {found:#?}");
            }
        }
    }
}

#[test]
fn a_version_without_checksums_for_the_architecture_of_a_host_fails_where_the_host_was_read() {
    // The fixture has this one for arm64 alone.
    let vars = "kube_version: 1.99.0\n";
    let of = |facts: &GatheredFacts| {
        let found = findings(&checkout("2.31"), HOSTS, vars, facts);
        found.iter().map(|it| format!("{} {:?}: {}", it.check, it.status, it.message)).collect::<Vec<_>>()
    };
    let found = of(&gathered(&["cp1", "w1"], "x86_64", "ubuntu"));
    assert!(found.len() == 1 && found[0].starts_with("inventory-choices Fail"), "{found:#?}");
}

#[test]
fn an_assert_that_hosts_decide_is_unknown_as_a_warning_until_they_are_read() {
    let vars = "container_manager: docker\netcd_deployment_type: docker\ndownload_run_once: true\n";
    let unread = findings(&checkout("2.16"), HOSTS, vars, &GatheredFacts::default());
    assert_eq!(shown(&unread), [("inventory-asserts-evaluated", Status::Unknown, Severity::Warning)]);
    let message = &unread[0].message;
    assert!(
        message.contains("ansible_os_family not in") && message.contains("0020-verify-settings.yml"),
        "{message}"
    );
    let read = findings(&checkout("2.16"), HOSTS, vars, &gathered(&["cp1", "w1"], "x86_64", "ubuntu"));
    assert!(read.is_empty(), "{read:#?}");
}

#[test]
fn a_default_that_differs_by_distribution_does_where_every_value_of_it_holds() {
    let vars = "container_manager: containerd\netcd_deployment_type: host\n";
    let found = findings(&checkout("2.16"), HOSTS, vars, &GatheredFacts::default());
    assert!(found.is_empty(), "{found:#?}");
    // Some of its values are too old.
    let strict = format!("{vars}containerd_min_version_required: 1.4.4\n");
    let found = findings(&checkout("2.16"), HOSTS, &strict, &GatheredFacts::default());
    assert_eq!(shown(&found), [("inventory-asserts-evaluated", Status::Unknown, Severity::Warning)]);
}

#[test]
fn a_variable_of_the_inventory_without_a_value_keeps_its_choices_unknown() {
    for vars in [
        "kube_version: \"{{ lookup('env', 'K8S') }}\"\n",
        "etcd_deployment_type: \"{{ undefined_thing }}\"\n",
        "mine: \"{{ lookup('env', 'X') }}\"\ncontainer_manager: \"{{ mine }}\"\n",
    ] {
        let found = findings(&checkout("2.31"), HOSTS, vars, &GatheredFacts::default());
        let choices = found.iter().find(|it| &*it.check == "inventory-choices");
        let choices = choices.unwrap_or_else(|| panic!("{vars}: {found:#?}"));
        assert_eq!((choices.status, choices.severity), (Status::Unknown, Severity::Error), "{vars}");
    }
}

#[test]
fn a_template_of_the_inventory_that_asks_for_facts_is_known_with_them() {
    let vars = "container_manager: \"{{ 'docker' if ansible_distribution == 'Ubuntu' else 'crio' }}\"\netcd_deployment_type: host\n";
    let known = findings(&checkout("newest"), HOSTS, vars, &gathered(&["cp1", "w1"], "x86_64", "ubuntu"));
    assert!(known.is_empty(), "{known:#?}");
    let unknown = findings(&checkout("newest"), HOSTS, vars, &GatheredFacts::default());
    assert!(
        shown(&unknown).contains(&("inventory-choices", Status::Unknown, Severity::Error)),
        "{unknown:#?}"
    );
}

#[test]
fn the_keys_of_the_checkouts_checksums_decide_how_a_version_is_written() {
    // A snapshot between two releases: the next one's number, and the keys of before.
    let (_folder, demands) = small_checkout(&[
        ("galaxy.yml", "name: kubespray\nversion: 2.30.0\n"),
        (
            "roles/kubespray-defaults/defaults/main/checksums.yml",
            "kubelet_checksums:\n  amd64:\n    v1.33.5: 0\n    v1.32.9: 0\n",
        ),
        (
            "roles/kubespray-defaults/defaults/main/main.yml",
            "kube_version: v1.33.5\nkube_version_min_required: v1.31.0\n",
        ),
    ]);
    let versions = |version: &str| {
        let folder = environment::folder();
        let inventory = inventory(HOSTS, &format!("kube_version: {version}\n"), folder.path());
        kubespray::survey(&inventory, &demands).inventory.unsupported_versions.value().cloned()
    };
    assert_eq!(versions("v1.32.9"), Some(vec![]));
    let wrong = versions("1.32.9").expect("known");
    assert!(wrong.len() == 1 && wrong[0].ends_with("this one wants `v1.32.9`"), "{wrong:?}");
}

/// A checkout of these files, and what it demands.
fn small_checkout(files: &[(&str, &str)]) -> (tempfile::TempDir, Demands) {
    let folder = environment::folder();
    let cluster = ("cluster.yml", "- hosts: all\n  roles: [kubespray-defaults]\n");
    for (path, text) in files.iter().chain([&cluster]) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let demands = Demands::of_checkout(folder.path()).expect("a checkout");
    (folder, demands)
}

#[test]
fn what_the_checkouts_own_tasks_or_sample_name_is_read() {
    let (_folder, demands) = small_checkout(&[
        ("roles/kubespray-defaults/defaults/main.yaml", "kube_version: v1.26.1\n"),
        (
            "roles/x/templates/pools.j2",
            "{% if metallb_protocol is defined %}protocol: {{ metallb_protocol }}{% endif %}\n",
        ),
        ("roles/x/tasks/main.yml", "- fail: {msg: pools}\n  when: metallb_pool_name is not defined\n"),
        (
            "inventory/sample/group_vars/all/docker.yml",
            "docker_container_storage_setup: false\n# canal_iface: ''\n",
        ),
    ]);
    let vars = "metallb_protocol: bgp\nmetallb_pool_name: x\ndocker_container_storage_setup: false\ncanal_iface: ''\n\
                metallb_avoid_buggy_ips: true\n";
    let folder = environment::folder();
    let found = kubespray::survey(&inventory(HOSTS, vars, folder.path()), &demands).inventory;
    // Shown in the sample, and read by nothing.
    let leftover = found.leftover_variables.value().expect("known");
    assert!(leftover.len() == 1 && leftover[0].contains("`canal_iface`"), "{leftover:?}");
    let removed = found.removed_variables.value().expect("known");
    // The one that nothing of the checkout names.
    assert!(removed.len() == 1 && removed[0].contains("`metallb_avoid_buggy_ips`"), "{removed:?}");
}

#[test]
fn asserts_for_the_hosts_of_a_group_are_for_these_hosts_alone() {
    // Outside etcd the default `docker` counts, and no release looks at it there.
    let hosts = format!("{HOSTS}[etcd:vars]\netcd_deployment_type=host\n");
    let vars = "container_manager: crio\n";
    for candidates in [checkout("2.16"), table(&["2.16"]), table(&["2.24"])] {
        let found = findings(&candidates, &hosts, vars, &GatheredFacts::default());
        assert!(found.is_empty(), "{found:#?}");
        let wrong = findings(
            &candidates,
            HOSTS,
            "container_manager: crio\netcd_deployment_type: docker\n",
            &GatheredFacts::default(),
        );
        assert_eq!(shown(&wrong), [("inventory-choices", Status::Fail, Severity::Error)], "{wrong:#?}");
    }
    // A choice that its assert compares on etcd's hosts only.
    let elsewhere = format!("{HOSTS}[kube_node:vars]\netcd_deployment_type=none\n");
    let found = findings(&checkout("2.27"), &elsewhere, "", &GatheredFacts::default());
    assert!(found.is_empty(), "{found:#?}");
}

fn table(releases: &[&str]) -> Vec<Demands> {
    releases.iter().map(|release| Demands::of_release(release).expect("in the table")).collect()
}

fn likely(version: &str) -> Vec<Demands> {
    let releases = Demands::releases_deploying(version);
    table(&releases.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_only_some_of_the_likely_releases_find_is_a_warning() {
    let none = GatheredFacts::default();
    for (version, says) in [
        // 2.27 writes it with a `v`, and so did releases before it.
        ("1.31.3", "with kubespray 2.27: `kube_version` is `1.31.3`"),
        // 2.15 still has `kube-master`.
        ("v1.19.4", "with kubespray 2.15: the group `kube-master` is not in the inventory"),
    ] {
        let found = findings(&likely(version), HOSTS, &format!("kube_version: {version}\n"), &none);
        assert_eq!(
            shown(&found),
            [("inventory-release-known", Status::Fail, Severity::Warning)],
            "{found:#?}"
        );
        assert!(found[0].message.contains(says), "{}", found[0].message);
    }
    // What all of them refuse stays an error.
    let found =
        findings(&likely("1.31.3"), HOSTS, "kube_version: 1.31.3\nkube_network_plugin: calcio\n", &none);
    assert!(shown(&found).contains(&("inventory-choices", Status::Fail, Severity::Error)), "{found:#?}");
}

#[test]
fn one_fault_of_etcd_or_cilium_is_one_finding() {
    let even = "cp1\nw1\n[kube_control_plane]\ncp1\n[etcd]\ncp1\nw1\n[kube_node]\nw1\n[k8s_cluster:children]\nkube_control_plane\nkube_node\n";
    let vars = "container_manager: docker\netcd_deployment_type: docker\n";
    let found = findings(&checkout("2.16"), even, vars, &GatheredFacts::default());
    assert_eq!(shown(&found), [("inventory-etcd-odd", Status::Fail, Severity::Error)], "{found:#?}");
    let found =
        findings(&checkout("newest"), HOSTS, "kube_network_plugin: cilium\n", &GatheredFacts::default());
    assert_eq!(shown(&found), [("inventory-choices", Status::Fail, Severity::Error)], "{found:#?}");
    assert_eq!(found[0].message.matches("`kube_owner` is `kube`").count(), 1, "{}", found[0].message);
}

#[test]
fn an_address_of_the_dns_cache_among_services_is_a_warning_and_among_pods_an_error() {
    let severity = |address: &str| {
        let vars = format!("nodelocaldns_ip: {address}\n");
        let found = findings(&checkout("2.31"), HOSTS, &vars, &GatheredFacts::default());
        found.into_iter().find(|it| &*it.check == "inventory-cidr-disjoint").map(|it| it.severity)
    };
    assert_eq!(severity("169.254.25.10"), None);
    assert_eq!(severity("10.233.0.10"), Some(Severity::Warning));
    assert_eq!(severity("10.233.64.10"), Some(Severity::Error));
}

/// kubespray's own sample inventories, which no release may find fault with: in the checkouts that this variable names, one
/// folder each.
const REAL: &str = "AIRWORTHY_CHECKOUTS";

#[test]
fn real_checkouts_find_no_fault_with_their_own_sample() {
    let Some(folder) = environment::variable(REAL) else { return };
    let mut folders: Vec<_> =
        fs::read_dir(folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    let folders = folders.iter().filter(|path| path.join("inventory/sample").is_dir());
    let mut wrong = Vec::new();
    for path in folders {
        let demands = Demands::of_checkout(path).unwrap_or_else(|error| panic!("{error}"));
        let version = demands.facts.kube_version.value().cloned().unwrap_or_default();
        // galaxy.yml lags behind in some tags.
        let folder = path.file_name().expect("a name").to_string_lossy().into_owned();
        let release = match folder.strip_prefix('v') {
            Some(release) => release.to_owned(),
            None => demands.facts.release.value().cloned().unwrap_or_default(),
        };
        let written = if version_has_v(&release) { format!("v{version}") } else { version };
        let old_groups =
            demands.groups.value().is_some_and(|groups| groups.iter().any(|group| group == "kube-master"));
        let hosts = if old_groups {
            HOSTS
                .replace("kube_control_plane", "kube-master")
                .replace("kube_node", "kube-node")
                .replace("k8s_cluster", "k8s-cluster")
        } else {
            HOSTS.to_owned()
        };
        for set in ["", written.as_str()] {
            let target = environment::folder();
            copy(&path.join("inventory/sample/group_vars"), &target.path().join("group_vars"));
            fs::write(target.path().join("hosts.ini"), &hosts).expect("written");
            if !set.is_empty() {
                fs::create_dir_all(target.path().join("host_vars")).expect("made");
                for host in ["cp1", "w1"] {
                    fs::write(
                        target.path().join(format!("host_vars/{host}.yml")),
                        format!("kube_version: {set}\n"),
                    )
                    .expect("written");
                }
            }
            let inventory =
                airworthy::inventory::load(&[target.path().join("hosts.ini")]).expect("an inventory");
            for (how, candidates) in [("checkout", vec![demands.clone()]), ("table", by_table(&release))] {
                if candidates.is_empty() {
                    continue;
                }
                let found = kubespray::survey_candidates(&inventory, &candidates, &GatheredFacts::default())
                    .inventory;
                let found = serde_json::to_value(found).expect("JSON");
                for (list, fact) in found.as_object().expect("an object") {
                    let is_finding = !["pod_networks", "service_networks", "etcd_hosts"]
                        .contains(&list.as_str())
                        && fact
                            .get("known")
                            .is_some_and(|known| known.as_array().is_some_and(|all| !all.is_empty()));
                    if is_finding || fact.get("unknown").is_some() {
                        wrong.push(format!("{} {how} kube_version `{set}`: {list}: {fact}", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn version_has_v(release: &str) -> bool {
    let minor = release.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 28)
}

fn by_table(release: &str) -> Vec<Demands> {
    Demands::of_release(release).into_iter().collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

#[test]
fn which_releases_could_deploy_is_said_before_the_report() {
    let bench = Bench::new();
    bench.write("inventory.ini", HOSTS);
    let cluster = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/healthy");
    let args = ["check", "-i", "inventory.ini", "--devbox", "none", "--facts", cluster, "--format", "json"];
    let note = |vars: &str| {
        bench.write("group_vars/all.yml", vars);
        bench.run(&args).err
    };
    let several = note("kube_version: 1.31.3\n");
    assert!(several.contains("which deploys Kubernetes 1.31.3 as 2.27 and"), "{several}");
    assert!(note("{}\n").contains("the inventory does not set `kube_version`"));
    assert!(note("kube_version: 1.99.0\n").contains("no known release deploys Kubernetes 1.99.0"));
    let releases: BTreeSet<String> = Demands::releases_deploying("1.31.3").into_iter().collect();
    assert!(releases.contains("2.27") && releases.contains("2.28"), "{releases:?}");
}

#[test]
fn the_inventorys_own_word_on_swap_and_downloads_is_known() {
    let variables = |vars: &str| {
        let folder = environment::folder();
        let survey = kubespray::survey(&inventory(HOSTS, vars, folder.path()), &table(&["2.28"])[0]);
        survey.variables["w1"].clone()
    };
    let own = variables("kubelet_fail_swap_on: false\nlocal_release_dir: /opt/releases\n");
    assert_eq!(own.kubelet_fail_swap_on.value(), Some(&false));
    assert_eq!(own.local_release_dir.value().map(String::as_str), Some("/opt/releases"));
    let default = variables("");
    assert_eq!(default.kubelet_fail_swap_on.value(), Some(&true));
    assert_eq!(default.local_release_dir.value().map(String::as_str), Some("/tmp/releases"));
}

#[test]
fn a_message_is_whole_and_a_list_says_what_it_leaves_out() {
    // Each has a sentence with its place; together they are longer than a message once was.
    let removed = [
        "calico_upgrade_enabled",
        "canal_iface",
        "contiv_fwd_mode",
        "force_etcd3",
        "helm_skip_refresh",
        "kube_api_pwd",
    ];
    let vars: String = removed.iter().map(|name| format!("{name}: x\n")).collect();
    let found = findings(&table(&["2.28"]), HOSTS, &vars, &GatheredFacts::default());
    let read = found.iter().find(|it| &*it.check == "inventory-variables-read").expect("a finding");
    assert!(
        read.message.len() > 600 || removed.iter().all(|name| read.message.contains(name)),
        "{}",
        read.message
    );
    assert!(read.message.ends_with("remove it"), "{}", read.message);

    let hosts: String = (0..300).map(|at| format!("n{at} ip=10.0.0.{at}.x\n")).collect();
    let hosts = format!("{hosts}[kube_control_plane]\nn0\n[etcd]\nn0\n[kube_node]\nn[0:299]\n");
    let found = findings(&table(&["2.28"]), &hosts, "", &GatheredFacts::default());
    let wrong = found.iter().find(|it| &*it.check == "inventory-addresses").expect("a finding");
    let list = wrong.found.iter().find(|it| &*it.fact == "inventory.invalid_addresses").expect("the fact");
    let kept = list.value.as_array().expect("a list");
    assert_eq!((kept.len(), list.omitted), (200, 100));
    assert!(
        kept.iter().all(|it| it.as_str().is_some_and(|it| it.contains("is no address"))),
        "{:?}",
        kept.last()
    );
    assert!(wrong.message.ends_with("characters omitted)"), "{}", wrong.message);
}

#[test]
fn a_groups_variable_is_a_groups() {
    let found = findings(&table(&["2.28"]), HOSTS, "access_ip: 10.0.0.300\n", &GatheredFacts::default());
    let addresses = found.iter().find(|it| &*it.check == "inventory-addresses").expect("a finding");
    assert_eq!(
        addresses.message.matches("`access_ip` of group `all` is `10.0.0.300`").count(),
        1,
        "{}",
        addresses.message
    );
    assert!(!addresses.message.contains("of cp1"), "{}", addresses.message);
    let section = format!("{HOSTS}[kube_node:vars]\naccess_ip=10.233.0.5\n");
    let found = findings(&table(&["2.28"]), &section, "", &GatheredFacts::default());
    let disjoint = found.iter().find(|it| &*it.check == "inventory-cidr-disjoint").expect("a finding");
    assert!(
        disjoint.message.contains("`access_ip` of group `kube_node` is 10.233.0.5"),
        "{}",
        disjoint.message
    );
}
