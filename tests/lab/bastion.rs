//! A host that the dev box reaches only through another one, in the three ways that people say so, over both transports.

use airworthy::checks::Status;

use crate::fault::{DEFAULTS, Expect, Fault};
use crate::judge::{Applied, is_go};
use crate::rig::{Lab, Run};

/// worker3 lets nobody in from the dev box; infra1 gets there.
const BEHIND_INFRA1: Fault = Fault {
    on: "worker3",
    apply: "iptables -I INPUT -s 10.219.7.2 -p tcp --dport 22 -j DROP",
    proof: "iptables -C INPUT -s 10.219.7.2 -p tcp --dport 22 -j DROP",
    restore: "iptables -D INPUT -s 10.219.7.2 -p tcp --dport 22 -j DROP",
    expect: Expect::Unreachable("host-reachable", "worker3"),
    ..DEFAULTS
};

/// The lab as kubespray's inventory; what is said of worker3, and of all, and more groups.
fn inventory(of_worker3: &str, more: &str) -> String {
    format!(
        "all:\n  hosts:\n\
         \x20   infra1: {{ansible_host: 10.219.7.11}}\n    infra2: {{ansible_host: 10.219.7.12}}\n\
         \x20   worker1: {{ansible_host: 10.219.7.21}}\n    worker2: {{ansible_host: 10.219.7.22}}\n\
         \x20   worker3: {{ansible_host: 10.219.7.23{of_worker3}}}\n\
         \x20 children:\n    kube_control_plane: {{hosts: {{infra1: , infra2: }}}}\n    etcd: {{hosts: {{infra1: }}}}\n\
         \x20   kube_node: {{hosts: {{worker1: , worker2: , worker3: }}}}\n{more}"
    )
}

/// worker3 was reached, and its facts were read.
fn is_reached(way: &str, run: &Run) {
    let report = run.report();
    for host in &report.hosts {
        assert!(host.reached, "{way}: {host:#?}");
    }
    let of_worker3 = report.results.iter().filter(|verdict| verdict.host.as_deref() == Some("worker3"));
    let passed = of_worker3.filter(|verdict| verdict.status == Status::Pass).count();
    assert!(passed > 10, "{way}: only {passed} checks passed on worker3: {}", run.stderr);
}

#[test]
fn a_host_behind_a_bastion_is_checked() {
    let lab = Lab::take();
    let _applied = Applied::apply(&lab, &BEHIND_INFRA1);
    let unreached = lab.check(&["--limit", "worker3", "--devbox", "none", "--timeout", "2"]).report();
    assert!(!unreached.hosts[0].reached, "the dev box reaches worker3 by itself");

    for transport in ["ssh2", "openssh"] {
        let over = ["--transport", transport];
        let config = "Host 10.219.7.23\n  ProxyJump 10.219.7.11\n";
        lab.must_with("pai@devbox", "umask 077; cat > ~/.ssh/config", config);
        let by_config = lab.check(&over);
        lab.must("pai@devbox", "rm ~/.ssh/config");
        is_go(&by_config);

        let jump = ", ansible_ssh_common_args: '-o ProxyJump=pai@10.219.7.11'";
        lab.must_with("devbox", "cat > /lab/behind.yml", &inventory(jump, ""));
        is_reached("ansible_ssh_common_args", &lab.check_of("/lab/behind.yml", &over));

        let group = "    bastion: {hosts: {bastion: {ansible_host: 10.219.7.11, ansible_user: pai}}}\n";
        lab.must_with("devbox", "cat > /lab/behind.yml", &inventory("", group));
        is_reached("kubespray's bastion", &lab.check_of("/lab/behind.yml", &over));
    }
    lab.must("devbox", "rm /lab/behind.yml");
}
