//! What profile `kubespray` wants of a host by what the inventory has it run, through the real readers, parsers and checks:
//! checks that `openpai` has too, with limits of its own.

use std::fs;

use airworthy::checks::{Status, Verdict};
use airworthy::facts::variables::Variables;
use airworthy::inventory;
use airworthy::kubespray::{self, Demands, Survey};

use super::kubespray_profile::{Case, HEALTHY, KERNEL, verdicts};
use super::written::Section;

/// A kernel with modules and without IPVS.
const NO_IPVS: Section = (
    "kernel-modules",
    0,
    "release 5.4.0\nmodular\nloaded br_netfilter\nloaded overlay\nloaded nf_conntrack\n\
                           directory /lib/modules/5.4.0\n",
);
const NO_MODULES: Section = ("kernel-modules", 0, "release 5.4.0\nmodular\ndirectory /lib/modules/5.4.0\n");

/// The two roles of `infra` parted: `worker-gpu` is the control plane, `infra` is for etcd alone.
const ETCD_ALONE: (&str, &str) = ("[kube_control_plane]\ninfra\n", "[kube_control_plane]\nworker-gpu\n");

const ONE_CPU: (&str, &str) = ("/sys/devices/system/cpu/online:0-1", "/sys/devices/system/cpu/online:0");

/// Somebody listens on a port, in hexadecimal digits.
macro_rules! listening {
    ($port:literal) => {
        (
            "ports",
            0,
            concat!("   0: 00000000:", $port, " 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n"),
        )
    };
}
const NODE_LOCAL_DNS: Section = listening!("2425");
const API_SERVER: Section = listening!("192B");
const KUBELET: Section = listening!("280A");
const ETCD: Section = listening!("094B");
const PROXY_HEALTH: Section = listening!("1F91");

/// What is changed, on which host it is looked at, and how its check comes out.
const CASES: &[(Case, &str, Status)] = &[
    // Processors: kubeadm's preflight.
    (Case { check: "cpu-count", ..HEALTHY }, "infra", Status::Pass),
    (Case { check: "cpu-count", answer: ONE_CPU, ..HEALTHY }, "infra", Status::Fail),
    (Case { check: "cpu-count", answer: ONE_CPU, ..HEALTHY }, "worker-gpu", Status::Pass),
    (Case { check: "cpu-count", answer: ONE_CPU, inventory: ETCD_ALONE, ..HEALTHY }, "infra", Status::Pass),
    (
        Case {
            check: "cpu-count",
            answer: ONE_CPU,
            variables: "kubeadm_ignore_preflight_errors: [NumCPU]\n",
            ..HEALTHY
        },
        "infra",
        Status::Pass,
    ),
    // A node that is control plane too needs no more than a control plane.
    (
        Case { check: "cpu-count", inventory: ("[kube_node]\n", "[kube_node]\ninfra\n"), ..HEALTHY },
        "infra",
        Status::Pass,
    ),
    // Python: what the release's Ansible runs with.
    (
        Case { check: "python-present", sections: &[PYTHON36], release: "2.28", ..HEALTHY },
        "infra",
        Status::Pass,
    ),
    (
        Case { check: "python-present", sections: &[PYTHON36], release: "2.30", ..HEALTHY },
        "infra",
        Status::Fail,
    ),
    // The kernel that kubeadm asks for.
    (Case { check: "kernel-version", answer: (KERNEL, "4.18.0"), ..HEALTHY }, "infra", Status::Fail),
    (
        Case {
            check: "kernel-version",
            answer: (KERNEL, "4.18.0"),
            variables: "kubeadm_ignore_preflight_errors: [SystemVerification]\n",
            ..HEALTHY
        },
        "infra",
        Status::NotApplicable,
    ),
    (
        Case {
            check: "kernel-version",
            answer: (KERNEL, "4.18.0"),
            variables: "kubeadm_ignore_preflight_errors: \"{{ lookup('env', 'X') }}\"\n",
            ..HEALTHY
        },
        "infra",
        Status::Unknown,
    ),
    // Modules: those that are loaded.
    (
        Case { check: "kernel-modules-loadable", sections: &[NO_IPVS], variables: IPVS, ..HEALTHY },
        "infra",
        Status::Fail,
    ),
    (
        Case {
            check: "kernel-modules-loadable",
            sections: &[NO_IPVS],
            variables: "kube_proxy_mode: iptables\n",
            ..HEALTHY
        },
        "infra",
        Status::Pass,
    ),
    (
        Case {
            check: "kernel-modules-loadable",
            sections: &[NO_MODULES],
            variables: "kube_proxy_mode: iptables\n",
            ..HEALTHY
        },
        "infra",
        Status::Fail,
    ),
    (
        Case {
            check: "kernel-modules-loadable",
            sections: &[NO_MODULES],
            inventory: ETCD_ALONE,
            variables: "container_manager: containerd\n",
            ..HEALTHY
        },
        "infra",
        Status::NotApplicable,
    ),
    // Ports: of what runs there.
    (Case { check: "ports-free", ..HEALTHY }, "infra", Status::Pass),
    (Case { check: "ports-free", sections: &[API_SERVER], ..HEALTHY }, "infra", Status::Fail),
    (
        Case { check: "ports-free", sections: &[API_SERVER], inventory: ETCD_ALONE, ..HEALTHY },
        "infra",
        Status::Pass,
    ),
    (
        Case { check: "ports-free", sections: &[KUBELET], inventory: ETCD_ALONE, ..HEALTHY },
        "infra",
        Status::Pass,
    ),
    (
        Case { check: "ports-free", sections: &[ETCD], inventory: ETCD_ALONE, ..HEALTHY },
        "infra",
        Status::Fail,
    ),
    (Case { check: "ports-free", sections: &[NODE_LOCAL_DNS], ..HEALTHY }, "worker-gpu", Status::Fail),
    (
        Case {
            check: "ports-free",
            sections: &[NODE_LOCAL_DNS],
            variables: "enable_nodelocaldns: false\n",
            ..HEALTHY
        },
        "worker-gpu",
        Status::Pass,
    ),
    (Case { check: "ports-free", sections: &[PROXY_HEALTH], ..HEALTHY }, "worker-gpu", Status::Fail),
    (
        Case {
            check: "ports-free",
            sections: &[PROXY_HEALTH],
            variables: "loadbalancer_apiserver: {address: 10.219.7.5, port: 8443}\n",
            ..HEALTHY
        },
        "worker-gpu",
        Status::Pass,
    ),
    // A time service that kubespray is to install.
    (Case { check: "ntp-enabled", answer: NO_CHRONY, ..HEALTHY }, "infra", Status::Fail),
    (Case { check: "ntp-enabled", answer: NO_CHRONY, variables: NTP, ..HEALTHY }, "infra", Status::Pass),
    (
        Case { check: "ntp-synchronized", answer: NO_CHRONY, variables: NTP, ..HEALTHY },
        "infra",
        Status::NotApplicable,
    ),
    (Case { check: "ntp-synchronized", variables: NTP, ..HEALTHY }, "infra", Status::Pass),
    // The company's 10.0.0.0/8, and a storage network among the pods' addresses.
    (Case { check: "cidr-overlap", answer: (ROUTE, WIDE_ROUTE), ..HEALTHY }, "infra", Status::Pass),
    (Case { check: "cidr-overlap", answer: (ROUTE, POD_ROUTE), ..HEALTHY }, "infra", Status::Fail),
];

const PYTHON36: Section = ("python", 0, "/usr/libexec/platform-python\nPython 3.6\n");
const IPVS: &str = "kube_proxy_mode: ipvs\n";
const NTP: &str = "ntp_enabled: true\n";
const NO_CHRONY: (&str, &str) = ("Id=chrony.service", "Id=another.service");
const ROUTE: &str = "/proc/net/route:docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF";
const WIDE_ROUTE: &str = "/proc/net/route:tun0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF";
const POD_ROUTE: &str = "/proc/net/route:eth1\t0046E90A\t00000000\t0001\t0\t0\t0\t00FFFFFF";

#[test]
fn a_host_owes_what_the_inventory_has_it_run() {
    let mut wrong = Vec::new();
    for (at, (case, host, wanted)) in CASES.iter().enumerate() {
        let verdicts = verdicts(case);
        let of: Vec<&Verdict> = verdicts
            .iter()
            .filter(|verdict| *verdict.check == *case.check && verdict.host.as_deref() == Some(host))
            .collect();
        assert_eq!(of.len(), 1, "{} of {host}", case.check);
        if of[0].status != *wanted {
            wrong.push(format!(
                "case {at}, {} of {host}: wanted {wanted:?}, is {:?}: {}",
                case.check, of[0].status, of[0].message
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is surveyed of one host with these variables.
fn surveyed(variables: &str) -> (Survey, Variables) {
    let folder = crate::environment::folder();
    let file = folder.path().join("inventory.ini");
    fs::write(&file, "[kube_control_plane]\na\n\n[etcd]\na\n\n[kube_node]\na\n").expect("written");
    fs::create_dir(folder.path().join("group_vars")).expect("a folder");
    fs::write(folder.path().join("group_vars/all.yml"), variables).expect("written");
    let inventory = inventory::load(&[file]).expect("an inventory");
    let survey = kubespray::survey(&inventory, &Demands::of_release("2.28").expect("in the table"));
    let variables = survey.variables["a"].clone();
    (survey, variables)
}

#[test]
fn the_inventory_tells_where_images_come_from() {
    let mirror = "{prefix: quay.io, mirrors: [{host: 'http://mirror.local:5000', capabilities: [pull]}]}";
    let hub =
        "{prefix: docker.io, mirrors: [{host: 'https://hub.local'}, {host: 'https://registry-1.docker.io'}]}";
    for (variables, registries, mirrors) in [
        ("x: 1\n".to_owned(), &["registry.k8s.io", "quay.io", "docker.io"][..], &[][..]),
        (
            "registry_host: registry.local:5000\nkube_image_repo: '{{ registry_host }}'\n\
             quay_image_repo: '{{ registry_host }}/quay'\ndocker_image_repo: '{{ registry_host }}'\n\
             gcr_image_repo: gcr.local\n"
                .to_owned(),
            &["registry.local:5000", "gcr.local"],
            &[],
        ),
        (
            format!("containerd_registries_mirrors: [{mirror}, {hub}]\n"),
            &["registry.k8s.io", "http://mirror.local:5000", "docker.io"],
            &["https://hub.local"],
        ),
        (
            format!(
                "container_manager: docker\ncontainerd_registries_mirrors: [{mirror}]\n\
                 docker_registry_mirrors: ['https://hub.local/']\n"
            ),
            &["registry.k8s.io", "quay.io", "docker.io"],
            &["https://hub.local/"],
        ),
    ] {
        let (_, told) = surveyed(&variables);
        assert_eq!(told.registries.value().expect("known"), registries, "{variables}");
        assert_eq!(told.registry_mirrors.value().expect("known"), mirrors, "{variables}");
    }
    for variables in
        ["kube_image_repo: \"{{ lookup('env', 'X') }}\"\n", "quay_image_repo: 'joe:s3cret-word@quay.local'\n"]
    {
        let (_, told) = surveyed(variables);
        assert_eq!(told.registries.value(), None, "{variables}");
        assert!(!format!("{told:?}").contains("s3cret-word"), "{told:?}");
    }
}

#[test]
fn the_inventorys_proxy_is_kept_out_of_facts() {
    let (survey, told) = surveyed("https_proxy: 'http://joe:s3cret@proxy:3128'\nno_proxy: 10.0.0.0/8\n");
    let proxy = &survey.proxies["a"];
    assert!(proxy.https.is_some() && proxy.no.is_some() && proxy.http.is_none());
    assert!(!format!("{survey:?}").contains("s3cret"));
    assert!(!serde_json::to_string(&told).expect("facts are JSON").contains("s3cret"));
    assert!(surveyed("x: 1\n").0.proxies.is_empty());
}
