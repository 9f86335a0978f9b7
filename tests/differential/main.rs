//! Whatever kubespray's asserts stop at, airworthy finds, and some of what they let pass: broken inventories and hosts,
//! held against `kubespray/`, a checkout in miniature. Where Ansible stops was recorded (`stops` in `cases.yaml`);
//! `tests/lab/asserts.rs` holds it against a real ansible-core, and so does this where ANSIBLE_PLAYBOOK_PROGRAM names an
//! `ansible-playbook`.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]

mod ansible;
mod case;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
mod ours;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use case::{Case, cases, here};

/// Does something with every case, two at a time, and gives what is wrong.
fn each(work: impl Fn(&Case) -> Option<String> + Sync) -> Vec<String> {
    let (cases, next, wrong) = (cases(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let run = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(told) = work(case) {
                wrong.lock().unwrap().push(format!("{}: {told}", case.name));
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(run);
        run();
    });
    wrong.into_inner().unwrap()
}

/// The names of the asserts of the checkout.
pub(crate) fn asserts() -> Vec<String> {
    let roles = here().join("kubespray/roles");
    let files = [
        "validate_inventory/tasks/main.yml",
        "kubernetes/preinstall/tasks/0040-verify-settings.yml",
        "network_plugin/calico/tasks/check.yml",
        "network_plugin/cilium/tasks/check.yml",
    ];
    let texts = files.map(|file| fs::read_to_string(roles.join(file)).unwrap());
    let names = texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("- name: "));
    names.map(str::to_owned).collect()
}

/// The task at which the playbook stops; none where it goes on to its end.
fn stopped(program: &Path, case: &Case) -> Option<String> {
    let folder = environment::folder();
    let inventory = ansible::prepare(case, folder.path());
    let mut command = environment::ansible_command(program);
    command.current_dir(folder.path()).arg("-i").arg(inventory).args(["-i", "facts.yml"]);
    for words in &case.extra {
        command.args(["-e", words]);
    }
    let answer = command
        .arg(here().join("kubespray/cluster.yml"))
        .env("ANSIBLE_CONFIG", folder.path().join("ansible.cfg"))
        .env("ANSIBLE_HOME", folder.path().join("home"))
        .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&answer.stdout), String::from_utf8_lossy(&answer.stderr));
    ansible::stopped_at(&case.name, &out, &told, answer.status.success())
}

#[test]
fn whatever_kubesprays_asserts_stop_at_is_found() {
    let wrong = each(|case| {
        let failed = ours::failed(case);
        match (&case.finds, &case.stops) {
            (Some(check), _) if !failed.contains_key(check.as_str()) => {
                Some(format!("{check} does not fail; there is {failed:?}"))
            }
            (None, None) if !failed.is_empty() => {
                Some(format!("there is nothing to find, and yet {failed:?}"))
            }
            (None, Some(task)) if failed.is_empty() => {
                Some(format!("Ansible stops ({task}), and nothing is found"))
            }
            _ => None,
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_cases_for_every_assert_of_the_checkout_and_more() {
    let cases = cases();
    let broken = cases.iter().filter(|case| case.stops.is_some()).count();
    assert!(broken >= 40, "{broken} broken inventories and hosts");
    let missed = cases.iter().filter(|case| case.stops.is_none() && case.finds.is_some()).count();
    assert!(missed >= 10, "{missed} faults that kubespray misses");
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "a name is there twice");
    let stops: BTreeSet<&str> = cases.iter().filter_map(|case| case.stops.as_deref()).collect();
    let without: Vec<String> = asserts().into_iter().filter(|task| !stops.contains(task.as_str())).collect();
    assert!(without.is_empty(), "no case stops at {without:?}");
}

#[test]
fn ansible_stops_where_it_was_recorded_to_stop() {
    let Some(program) = environment::variable("ANSIBLE_PLAYBOOK_PROGRAM") else {
        eprintln!("skipped: ANSIBLE_PLAYBOOK_PROGRAM names no ansible-playbook");
        return;
    };
    let wrong = each(|case| {
        let stopped = stopped(Path::new(&program), case);
        (stopped != case.stops).then(|| format!("recorded is {:?}, Ansible said {stopped:?}", case.stops))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
