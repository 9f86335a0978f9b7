//! Answers that no host of the lab can give, because its kernel has no modules and its hosts share one network: a recorded
//! answer in which some sections are written by hand, through the real frame, parsers and checks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use airworthy::checks::{Judge, Status, Verdict};
use airworthy::facts::fleet::{self, Essence};
use airworthy::facts::{self, Circumstances, Deployment, Fleet, HostRecord, Outcome, Subject};
use airworthy::gather;
use airworthy::role::Role;

use super::harness::shipped_checks;

/// What a check has to say of a host, or of several.
pub(crate) struct Case {
    pub(crate) check: &'static str,
    pub(crate) status: Status,
    stage: &'static str,
    /// Hosts of `fixtures/hosts`, each with the sections of its answer that are written here: name, status, text.
    hosts: &'static [(&'static str, &'static [Section])],
}

pub(crate) type Section = (&'static str, i32, &'static str);

/// Ubuntu 18.04 with its kernel's modules.
const UBUNTU: &str = "release 4.15.0-112-generic
modular
loaded overlay
loaded nf_conntrack
sign /proc/sys/net/netfilter
installed 4.15.0-112-generic
directory /lib/modules/4.15.0-112-generic
/lib/modules/4.15.0-112-generic/modules.dep:kernel/net/bridge/br_netfilter.ko
/lib/modules/4.15.0-112-generic/modules.dep:kernel/net/netfilter/ipvs/ip_vs.ko
/lib/modules/4.15.0-112-generic/modules.dep:kernel/net/netfilter/ipvs/ip_vs_rr.ko
/lib/modules/4.15.0-112-generic/modules.dep:kernel/net/netfilter/ipvs/ip_vs_wrr.ko
/lib/modules/4.15.0-112-generic/modules.dep:kernel/net/netfilter/ipvs/ip_vs_sh.ko
";

/// The same after an upgrade that took the running kernel's modules away.
const UPGRADED: &str = "release 4.15.0-112-generic
modular
loaded overlay
loaded nf_conntrack
installed 4.15.0-213-generic
";

/// The same of a cloud's kernel: IPVS is in a package of its own.
const CLOUD: &str = "release 5.4.0-1103-kvm
modular
loaded overlay
directory /lib/modules/5.4.0-1103-kvm
/lib/modules/5.4.0-1103-kvm/modules.builtin:kernel/net/netfilter/nf_conntrack.ko
/lib/modules/5.4.0-1103-kvm/modules.dep:kernel/net/bridge/br_netfilter.ko
";

/// A card of a cloned machine; the address is infra1's.
const CLONE: &str = r"1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
2: eth0    inet 10.0.0.11/24 brd 10.0.0.255 scope global eth0\       valid_lft forever preferred_lft forever
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP\    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
default via 10.0.0.1 dev eth0 src 10.0.0.11
";
const OTHER_CLONE: &str = r"1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
2: eth0    inet 10.0.0.12/24 brd 10.0.0.255 scope global eth0\       valid_lft forever preferred_lft forever
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP\    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
default via 10.0.0.1 dev eth0 src 10.0.0.12
";

/// A kubelet runs; what one left.
const KUBELET: Section = ("kubelet-process", 0, "/proc/77/comm\n");
const LEFT: Section = ("kubernetes-leftovers", 0, "there /etc/kubernetes/kubelet.conf\n");

/// All of them.
pub(crate) const CASES: &[Case] = &[
    Case {
        check: "kernel-modules-directory",
        stage: "new",
        status: Status::Pass,
        hosts: &[("infra", &[("kernel-modules", 0, UBUNTU)])],
    },
    Case {
        check: "kernel-modules-directory",
        stage: "new",
        status: Status::Fail,
        hosts: &[("infra", &[("kernel-modules", 0, UPGRADED)])],
    },
    Case {
        check: "kernel-modules-loadable",
        stage: "new",
        status: Status::Pass,
        hosts: &[("infra", &[("kernel-modules", 0, UBUNTU)])],
    },
    Case {
        check: "kernel-modules-loadable",
        stage: "new",
        status: Status::Fail,
        hosts: &[("infra", &[("kernel-modules", 0, CLOUD)])],
    },
    Case {
        check: "kernel-modules-loadable",
        stage: "new",
        status: Status::Unknown,
        hosts: &[("infra", &[("kernel-modules", 2, "release 4.15.0-112-generic\nmodular\n")])],
    },
    Case {
        check: "reboot-not-pending",
        stage: "new",
        status: Status::Fail,
        hosts: &[("infra", &[("kernel-modules", 0, UPGRADED)])],
    },
    Case {
        check: "mac-unique",
        stage: "new",
        status: Status::Fail,
        hosts: &[("infra", &[("network-ip", 0, CLONE)]), ("worker-gpu", &[("network-ip", 0, OTHER_CLONE)])],
    },
    Case {
        check: "mac-unique",
        stage: "new",
        status: Status::Unknown,
        hosts: &[("infra", &[("network-ip", 0, CLONE)]), ("worker-gpu", &[("network-ip", 127, "")])],
    },
    Case { check: "mac-unique", stage: "new", status: Status::NotApplicable, hosts: &[("infra", &[])] },
    Case {
        check: "package-database-sound",
        stage: "new",
        status: Status::Fail,
        hosts: &[(
            "infra",
            &[(
                "package-database",
                0,
                "manager rpm\njournal /var/lib/yum/transaction-all.2026-11-22.10:00.00\n",
            )],
        )],
    },
    // Cards that no layout and no group promises.
    Case { check: "gpu-declared", stage: "new", status: Status::Fail, hosts: &[("worker-gpu", &[])] },
    Case { check: "gpu-declared", stage: "new", status: Status::Pass, hosts: &[("infra", &[])] },
    Case {
        check: "gpu-declared",
        stage: "new",
        status: Status::Unknown,
        hosts: &[("worker-gpu", &[("pci", 2, "")])],
    },
    // A node that is to be added, beside one that runs.
    Case {
        check: "scale-adds-node",
        stage: "scale",
        status: Status::Pass,
        hosts: &[("infra", &[KUBELET, LEFT]), ("worker-gpu", &[])],
    },
    Case {
        check: "scale-adds-node",
        stage: "scale",
        status: Status::Fail,
        hosts: &[("infra", &[KUBELET, LEFT]), ("worker-gpu", &[KUBELET, LEFT])],
    },
    Case { check: "kubernetes-absent", stage: "scale", status: Status::Fail, hosts: &[("infra", &[LEFT])] },
    Case { check: "kubernetes-absent", stage: "scale", status: Status::Pass, hosts: &[("infra", &[])] },
    Case {
        check: "kubernetes-absent",
        stage: "scale",
        status: Status::NotApplicable,
        hosts: &[("infra", &[KUBELET, LEFT])],
    },
];

/// The answer, with one section as it is written here.
pub(crate) fn rewritten(answer: &str, boundary: &str, (name, status, text): Section) -> String {
    let mark = format!("\n@{boundary} ");
    let is_its = |piece: &&str| {
        let line = piece.lines().next().unwrap_or_default();
        let words: Vec<&str> = line.split(' ').collect();
        !matches!(words.as_slice(), ["out" | "err" | "exit" | "timeout", other, ..] if *other == name)
    };
    let kept: Vec<&str> = answer.split(&mark).filter(is_its).collect();
    let (end, kept) = kept.split_last().expect("an answer ends");
    assert!(end.starts_with("end"), "the last mark is the end");
    let own = [format!("out {name}\n{text}"), format!("exit {name} {status}\n"), format!("err {name}\n")];
    let pieces = kept.iter().copied().chain(own.iter().map(String::as_str)).chain([*end]);
    pieces.collect::<Vec<_>>().join(&mark)
}

fn record(host: &str, sections: &[Section]) -> HostRecord {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(host).join("transcript");
    let recorded = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let boundary = gather::boundary_of(recorded.as_bytes()).expect("the answer's boundary");
    let answer = sections.iter().fold(recorded, |answer, section| rewritten(&answer, &boundary, *section));
    let answered = gather::take_apart(answer, &boundary, &facts::host::probes()).expect("an answer");
    HostRecord {
        subject: Subject {
            name: host.to_owned(),
            roles: BTreeSet::from([Role::Worker]),
            ..Subject::default()
        },
        gathered_at: None,
        duration_ms: None,
        outcome: Outcome::Gathered(Box::new(facts::host::parse(
            &answered.transcript,
            &Circumstances::default(),
        ))),
    }
}

fn compared(hosts: &[HostRecord]) -> Fleet {
    let hosts: Vec<_> = hosts.iter().map(|host| host.clone().map(Essence::from)).collect();
    fleet::compare(&hosts)
}

impl Case {
    /// The verdicts of the case's check.
    fn verdicts(&self) -> Vec<Verdict> {
        let (profile, catalog) = shipped_checks("openpai", self.stage);
        let hosts: Vec<HostRecord> =
            self.hosts.iter().map(|(host, sections)| record(host, sections)).collect();
        let judge = Judge::new(catalog, profile, &Deployment::default());
        let mut verdicts = judge.fleet(&hosts, &compared(&hosts));
        verdicts.extend(hosts.iter().flat_map(|host| judge.host(host)));
        verdicts.retain(|verdict| *verdict.check == *self.check);
        verdicts
    }
}

#[test]
fn what_is_written_by_hand_is_judged_so() {
    for case in CASES {
        let verdicts = case.verdicts();
        assert_eq!(verdicts.len(), 1, "{}", case.check);
        assert_eq!(verdicts[0].status, case.status, "{}: {}", case.check, verdicts[0].message);
    }
}
