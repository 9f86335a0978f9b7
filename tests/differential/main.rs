//! Whatever kubespray's asserts stop at, airworthy finds, and some of what they let pass: broken inventories and hosts,
//! held against `kubespray/`, a checkout in miniature. Where Ansible stops was recorded (`stops` in `cases.yaml`), and is
//! held against Ansible itself where ANSIBLE_PLAYBOOK_PROGRAM names an `ansible-playbook`.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]

mod ansible;
mod case;
mod ours;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use case::{Case, cases};

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
    let without: Vec<String> =
        ansible::asserts().into_iter().filter(|task| !stops.contains(task.as_str())).collect();
    assert!(without.is_empty(), "no case stops at {without:?}");
}

#[test]
fn ansible_stops_where_it_was_recorded_to_stop() {
    let Some(program) = ansible::program() else {
        eprintln!("skipped: ANSIBLE_PLAYBOOK_PROGRAM names no ansible-playbook");
        return;
    };
    let wrong = each(|case| {
        let stopped = ansible::stopped(&program, case);
        (stopped != case.stops).then(|| format!("recorded is {:?}, Ansible said {stopped:?}", case.stops))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
