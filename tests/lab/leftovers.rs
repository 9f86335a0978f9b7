//! A host is left as it was found.

use std::collections::BTreeSet;

use crate::judge::Applied;
use crate::rig::{HOSTS, Lab};

/// Files where a visitor might drop something, and processes; less what the host's own services stir.
const TRACES: &str = r#"
    find /tmp /var/tmp /dev/shm /run /root /home /etc /usr/local -xdev \
        -not -path '/run/systemd/*' -not -path '/run/docker*' -not -path '/run/containerd/*' -not -path '/run/log/*' \
        -not -path '/run/sudo/*' -not -path '/run/chrony/*' -not -path '/run/lab/hanging*' -printf 'file %p %m %u %s\n'
    ps -e -o pid=,args= | grep -v -e 'ps -e -o' -e 'bash -c' -e 'find /tmp' -e 'grep -v' -e 'lab/hang' -e 'sleep 86400' -e 'sed s/' \
        | sed 's/^ *[0-9]* */process /'
"#;

/// The processes of a `docker` that hangs; the fault's own proof leaves some.
const HANGING: &str = "cd /run/lab/hanging && for pid in *; do [ -d /proc/$pid ] && echo $pid; done; true";

pub(crate) fn traces(lab: &Lab) -> Vec<(String, BTreeSet<String>)> {
    HOSTS.iter().map(|h| (h.to_string(), lab.must(h, TRACES).lines().map(String::from).collect())).collect()
}

pub(crate) fn nothing_new(before: &[(String, BTreeSet<String>)], after: &[(String, BTreeSet<String>)]) {
    for ((host, before), (_, after)) in before.iter().zip(after) {
        let left: Vec<_> = after.difference(before).collect();
        let lost: Vec<_> = before.difference(after).filter(|l| l.starts_with("file")).collect();
        assert!(left.is_empty() && lost.is_empty(), "{host}: left {left:#?}, lost {lost:#?}");
    }
}

#[test]
fn a_run_leaves_nothing_behind() {
    let lab = Lab::take();
    let before = traces(&lab);
    lab.check(&[]);
    nothing_new(&before, &traces(&lab));
}

#[test]
fn a_run_past_a_hanging_docker_leaves_nothing_behind() {
    let lab = Lab::take();
    let _applied = Applied::apply(&lab, &crate::deadlines::DOCKER_CLIENT_HANGS);
    let before = traces(&lab);
    let hanging = lab.must("worker3", HANGING);
    lab.check(&[]);
    nothing_new(&before, &traces(&lab));
    assert_eq!(lab.must("worker3", HANGING), hanging, "hanging children are still there");
}

/// No signal comes to a host when the connection dies: the script there has to end by itself, and clean up.
#[test]
fn a_run_that_is_killed_leaves_nothing_behind() {
    let lab = Lab::take();
    let _applied = Applied::apply(&lab, &crate::deadlines::DOCKER_CLIENT_HANGS);
    let before = traces(&lab);
    let hanging = lab.must("worker3", HANGING);
    lab.airworthy(
        "timeout -s KILL 2 airworthy check -i /lab/layout.yaml --profile /lab/profile.yaml --format json",
        "",
    );
    std::thread::sleep(std::time::Duration::from_secs(15));
    nothing_new(&before, &traces(&lab));
    assert_eq!(lab.must("worker3", HANGING), hanging, "hanging children are still there");
}
