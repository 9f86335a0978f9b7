//! Every check that only profile `kubespray` has fails and passes, through the real readers, parsers and checks: inventories
//! written here, and recorded answers of hosts. What it shares with `openpai` is counted by `coverage.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use airworthy::checks::{Judge, Profiles, Status, Verdict, shipped};
use airworthy::facts::{self, Circumstances, Deployment, Fleet, HostRecord, Outcome, Subject};
use airworthy::gather;
use airworthy::inventory;
use airworthy::kubespray::{self, Demands};
use airworthy::role::Role;

use super::harness::shipped_checks;
use super::written::{Section, rewritten};

/// Two recorded hosts, as a cluster of kubespray's.
const INVENTORY: &str = "infra ansible_host=10.219.7.11 ip=10.219.7.11
worker-gpu ansible_host=10.219.7.21 ip=10.219.7.21

[kube_control_plane]
infra

[etcd]
infra

[kube_node]
worker-gpu
";

/// Docker runs there.
const VARIABLES: &str = "container_manager: docker\n";

/// What is changed, and the check that fails by it.
pub(crate) struct Case {
    pub(crate) check: &'static str,
    /// A text of the inventory, and what stands in its place.
    pub(crate) inventory: (&'static str, &'static str),
    /// Further variables of all hosts.
    pub(crate) variables: &'static str,
    /// A text of the hosts' answers, and what stands in its place.
    pub(crate) answer: (&'static str, &'static str),
    /// Sections of the hosts' answers that are written by hand.
    pub(crate) sections: &'static [Section],
    /// The release of kubespray; empty for the newest.
    pub(crate) release: &'static str,
}

const NOTHING: (&str, &str) = ("\0", "");

/// Nothing is changed.
pub(crate) const HEALTHY: Case =
    Case { check: "", inventory: NOTHING, variables: "", answer: NOTHING, sections: &[], release: "" };

const fn grouped(check: &'static str, was: &'static str, is: &'static str) -> Case {
    Case { check, inventory: (was, is), ..HEALTHY }
}

const fn set(check: &'static str, variables: &'static str) -> Case {
    Case { check, variables, ..HEALTHY }
}

const CASES: &[Case] = &[
    grouped("inventory-groups", "[etcd]\ninfra\n", ""),
    grouped("inventory-etcd-odd", "[etcd]\ninfra\n", "[etcd]\ninfra\nworker-gpu\n"),
    grouped("inventory-names", "[kube_node]\n", "[kube_node]\nGPU_4\n"),
    grouped("inventory-addresses", " ip=10.219.7.21", " ip=10.219.7.21 access_ip=10.219.7.300"),
    set("inventory-cidr-valid", "kube_pods_subnet: 10.233.64.0/33\n"),
    set("inventory-cidr-disjoint", "kube_pods_subnet: 10.233.0.0/16\n"),
    set("inventory-pods-fit", "kube_network_plugin: flannel\nkubelet_max_pods: 300\n"),
    set("inventory-variables-known", "ipip: true\n"),
    set("inventory-variables-read", "nerdctl_extra_flags: x\n"),
    set("inventory-booleans", "helm_enabled: 'false'\n"),
    set("inventory-choices", "kube_proxy_mode: ipvss\n"),
    set("inventory-secrets-protected", "ansible_password: hunter2\n"),
    set("memory-minimum", "minimal_node_memory_mb: 99999999\n"),
    grouped("ip-matches-inventory", " ip=10.219.7.21", " ip=10.219.7.99"),
    set("container-manager-change", "container_manager: containerd\n"),
    Case {
        check: "kernel-version",
        variables: "kube_network_plugin: cilium\nkube_owner: root\n",
        answer: (KERNEL, "4.9.16-generic"),
        ..HEALTHY
    },
];

/// The kernel of the machine on which the answers were recorded.
pub(crate) const KERNEL: &str = "6.18.44-fc-v657";

fn record(host: &str, case: &Case, circumstances: &Circumstances) -> HostRecord {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(host).join("transcript");
    let answer = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let answer = answer.replace(case.answer.0, case.answer.1);
    let boundary = gather::boundary_of(answer.as_bytes()).expect("the answer's boundary");
    let answer = case.sections.iter().fold(answer, |answer, section| rewritten(&answer, &boundary, *section));
    let answered = gather::take_apart(answer, &boundary, &facts::host::probes()).expect("an answer");
    let role = if host == "infra" { Role::Infra } else { Role::Worker };
    HostRecord {
        subject: Subject { name: host.to_owned(), roles: BTreeSet::from([role]), ..Subject::default() },
        gathered_at: None,
        duration_ms: None,
        outcome: Outcome::Gathered(Box::new(facts::host::parse(&answered.transcript, circumstances))),
    }
}

/// Every verdict of profile `kubespray`.
pub(crate) fn verdicts(case: &Case) -> Vec<Verdict> {
    let folder = crate::environment::folder();
    let file = folder.path().join("inventory.ini");
    let (was, is) = case.inventory;
    fs::write(&file, INVENTORY.replace(was, is)).expect("written");
    let variables = folder.path().join("group_vars/all.yml");
    fs::create_dir(folder.path().join("group_vars")).expect("a folder");
    let merged = match case.variables.contains("container_manager:") {
        true => case.variables.to_owned(),
        false => VARIABLES.to_owned() + case.variables,
    };
    fs::write(&variables, merged).expect("written");
    fs::set_permissions(&variables, fs::Permissions::from_mode(0o644)).expect("its mode is set");

    let inventory = inventory::load(&[file]).expect("an inventory");
    let demands = Demands::of_release(case.release).expect("a release of the table");
    let survey = kubespray::survey(&inventory, &demands);
    let deployment = Deployment { kubespray: demands.facts.clone(), inventory: survey.inventory };
    let (profile, catalog) = shipped_checks("kubespray", "");
    let judge = Judge::new(catalog, profile, &deployment);
    let mut verdicts = judge.fleet(&[], &Fleet::default());
    for host in ["infra", "worker-gpu"] {
        let of = inventory.hosts.iter().find(|it| it.name == host).expect("the host");
        let circumstances = Circumstances {
            node_ip: of.ip.clone(),
            variables: survey.variables.get(host).cloned().expect("its variables"),
            ..Circumstances::default()
        };
        verdicts.extend(judge.host(&record(host, case, &circumstances)));
    }
    verdicts
}

fn ids(profile: &str) -> BTreeSet<String> {
    Profiles { shipped: shipped::PROFILES }.named(profile).expect("the profile loads").checks
}

/// Those that `coverage.rs` does not count.
fn own() -> BTreeSet<String> {
    ids("kubespray").difference(&ids("openpai")).cloned().collect()
}

#[test]
fn every_check_of_its_own_passes_on_a_healthy_inventory_and_recorded_hosts() {
    let verdicts = verdicts(&set("", ""));
    for id in own() {
        let of: Vec<&Verdict> = verdicts.iter().filter(|verdict| *verdict.check == *id).collect();
        assert!(!of.is_empty(), "{id} is not judged");
        for verdict in of {
            assert_eq!(verdict.status, Status::Pass, "{id} {:?}: {}", verdict.host, verdict.message);
        }
    }
}

#[test]
fn every_check_of_its_own_fails_where_that_is_broken_and_nothing_else_of_them_does() {
    let mut failed = BTreeSet::new();
    let mut wrong = Vec::new();
    let own = own();
    for case in CASES {
        let verdicts = verdicts(case);
        let fails: BTreeSet<&str> = verdicts
            .iter()
            .filter(|verdict| own.contains(&*verdict.check))
            .filter(|verdict| verdict.cause.is_none())
            .filter(|verdict| matches!(verdict.status, Status::Fail | Status::Unknown))
            .map(|verdict| &*verdict.check)
            .collect();
        if fails != BTreeSet::from([case.check]) {
            let told: Vec<String> = verdicts
                .iter()
                .filter(|verdict| fails.contains(&*verdict.check))
                .map(|verdict| format!("{} {:?}: {}", verdict.check, verdict.status, verdict.message))
                .collect();
            wrong.push(format!("{}: {told:#?}", case.check));
        }
        failed.insert(case.check.to_owned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // `releases.rs` has these: they need several releases, or a checkout with asserts of its own.
    failed.extend(["inventory-asserts-evaluated", "inventory-release-known"].map(str::to_owned));
    assert_eq!(failed, own, "every check of its own has a case");
}

#[test]
fn findings_name_file_and_line_and_what_was_probably_meant() {
    for (variables, says) in [
        (
            "kube_proxy_mode: ipvss\n",
            "group_vars/all.yml:2); kubespray takes iptables, ipvs, nftables; did you mean `ipvs`?",
        ),
        ("kube_version: 1.20.1\n", "all.yml:2); the oldest that this release deploys is"),
        (
            "kubelet_max_pods: '{{ ansible_memtotal_mb }}'\nkube_network_plugin: flannel\n",
            "`kubelet_max_pods`",
        ),
        (
            "kube_pods_subnet: 10.233.0.0/16\n",
            "all.yml:2), and `kube_service_addresses` is `10.233.0.0/18` (kubespray's default): they overlap",
        ),
    ] {
        let verdicts = verdicts(&Case { variables, ..set("", "") });
        let told: Vec<&str> = verdicts
            .iter()
            .filter(|verdict| verdict.check.starts_with("inventory-"))
            .filter(|verdict| matches!(verdict.status, Status::Fail | Status::Unknown))
            .map(|verdict| &*verdict.message)
            .collect();
        assert!(told.iter().any(|it| it.contains(says)), "{variables}: {told:#?}");
    }
}
