//! kubespray's asserts by a real ansible-core on the dev box: where it stops at each case of `tests/differential`, and at
//! faults of the lab's own hosts, whose facts it gathers over SSH.

use std::fs;

use crate::control_node::{self, WITH_2_18, WITH_2_19};
use crate::fault::{KUBESPRAY, OUTSIDE};
use crate::judge::{Applied, named};
use crate::rig::Lab;

#[allow(clippy::unwrap_used)]
#[path = "../differential/ansible.rs"]
mod ansible;
#[allow(clippy::unwrap_used, dead_code)] // what airworthy has to find is that suite's own
#[path = "../differential/case.rs"]
mod case;

/// Runs the playbook over every case below, two at a time; a hundred take minutes.
const EVERY_CASE: &str = r#"cd ~/cases && ls | xargs -P 2 -I{} sh -c 'cd {} || exit
    set -- -i hosts.yml -i facts.yml
    while read -r words; do set -- "$@" -e "$words"; done <extra
    ANSIBLE_CONFIG=$PWD/ansible.cfg ANSIBLE_HOME=$PWD/home ANSIBLE_NOCOLOR=1 ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 LC_ALL=C.UTF-8 \
        ansible-playbook "$@" /srv/kubespray/cluster.yml >out 2>err
    echo $? >status'"#;

/// Gathers facts, and goes on with kubespray's asserts.
const GATHERING: &str = "- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.setup: {gather_subset: ['!all', hardware, network]}
- import_playbook: /srv/kubespray/cluster.yml
";

/// Faults of the table and the assert that stops at each.
const STOPS: [(&str, &str); 5] = [
    ("distribution_that_kubespray_does_not_know", "Stop at an unknown distribution"),
    ("control_plane_with_little_memory", "Stop at too little memory for a control plane"),
    ("node_with_little_memory", "Stop at too little memory for a node"),
    ("address_of_another_machine", "Stop where ip is none of the host's"),
    ("kernel_too_old_for_cilium", "Stop at a kernel too old for Cilium"),
];

#[test]
fn ansible_stops_at_every_case_where_it_was_recorded_to_stop() {
    let lab = Lab::take();
    control_node::lay(&lab);
    let folder = tempfile::tempdir().expect("a folder");
    let cases = case::cases();
    for case in &cases {
        let own = folder.path().join(&case.name);
        fs::create_dir(&own).expect("a folder");
        ansible::prepare(case, &own);
        let extra: String = case.extra.iter().map(|words| format!("{words}\n")).collect();
        fs::write(own.join("extra"), extra).expect("written");
    }
    lab.must(
        OUTSIDE,
        &format!(
            "tar -C '{}' -c . | lab exec pai@devbox 'rm -rf ~/cases && mkdir ~/cases && tar -C ~/cases -x --no-same-owner'",
            folder.path().display()
        ),
    );
    // Recorded with this release; 2.18 lets conditions pass that are texts.
    lab.must("pai@devbox", &format!("{WITH_2_19}; {EVERY_CASE}"));
    let told = tempfile::tempdir().expect("a folder");
    let fetched = "lab exec pai@devbox 'cd ~/cases && tar -c */out */err */status; rm -rf ~/cases'";
    lab.must(OUTSIDE, &format!("{fetched} | tar -C '{}' -x --no-same-owner", told.path().display()));
    let mut wrong = Vec::new();
    for case in &cases {
        let read = |file: &str| {
            let path = told.path().join(&case.name).join(file);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let stopped =
            ansible::stopped_at(&case.name, &read("out"), &read("err"), read("status").trim() == "0");
        if stopped != case.stops {
            wrong.push(format!("{}: recorded is {:?}, Ansible said {stopped:?}", case.name, case.stops));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.iter().filter(|case| case.stops.is_some()).count() >= 40);
}

/// That airworthy finds each of these is the table's own test.
#[test]
fn ansible_stops_at_faults_of_real_hosts_and_not_at_healthy_ones() {
    let lab = Lab::take();
    control_node::lay(&lab);
    lab.wait(OUTSIDE);
    assert_eq!(stopped(&lab, "healthy hosts"), None);
    for (name, task) in STOPS {
        let applied = Applied::apply(&lab, named(name));
        assert_eq!(stopped(&lab, name).as_deref(), Some(task), "{name}");
        drop(applied);
    }
}

/// Where the asserts stop at the lab's hosts, as they are now.
fn stopped(lab: &Lab, name: &str) -> Option<String> {
    lab.must_with("pai@devbox", "cat > ~/asserts.yml", GATHERING);
    let command = format!(
        "cd && {WITH_2_18} && export ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=1 ANSIBLE_SSH_ARGS='-o ControlMaster=no' LC_ALL=C.UTF-8 \
         && timeout 120 ansible-playbook -i {} asserts.yml; status=$?; rm -rf asserts.yml ~/.ansible; exit $status",
        KUBESPRAY.inventory
    );
    let done = lab.shell_with("pai@devbox", &command, "");
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    ansible::stopped_at(name, &out, &err, done.status.success())
}
