//! Every check of profile `openpai`, base's among them, fails and passes on real hosts: in the lab's table of faults, and in
//! the recorded clusters; what no host of the lab can show, in answers that `written.rs` changes by hand. Needs no lab;
//! what it counts are the faults that `tests/lab` brings about.

use std::collections::BTreeSet;
use std::path::Path;

use airworthy::checks::{Profiles, Status, shipped};
use airworthy::report::{Outcome, Report};

/// The lab makes tests of the names; here the table itself is enough.
macro_rules! each_fault {
    ($($name:ident)*) => {};
}

#[allow(dead_code)]
#[macro_use]
#[path = "../lab/fault.rs"]
pub(crate) mod fault;
#[allow(dead_code)]
#[path = "../lab/faults/mod.rs"]
pub(crate) mod faults;
#[allow(dead_code)]
#[path = "../lab/kubespray.rs"]
pub(crate) mod kubespray;

use super::control_node::COVERED as CONTROL_NODE;
use fault::{Expect, Fault};

use crate::{environment, written};

fn checks_of(profile: &str) -> BTreeSet<String> {
    Profiles { shipped: shipped::PROFILES }.named(profile).expect("the profile loads").checks
}

fn ids() -> BTreeSet<String> {
    let ids = checks_of("openpai");
    assert!(ids.len() >= 67, "the profile has lost checks: {ids:?}");
    ids
}

/// The checks that fail by a fault, by which `tests/lab` sees to it that they say so.
fn fails((_, fault): &(&str, Fault)) -> Vec<&'static str> {
    match fault.expect {
        Expect::Fails(check, _)
        | Expect::FailsOnAll(check, _)
        | Expect::FleetFails(check)
        | Expect::Warns(check, _)
        | Expect::FleetWarns(check)
        | Expect::Unreachable(check, _) => vec![check],
        Expect::Say(checks) => checks.iter().map(|(check, ..)| *check).collect(),
        // Not certain to fail.
        Expect::FailsOrUnknown(..) | Expect::Passes(..) | Expect::Nothing => Vec::new(),
    }
}

/// The checks that a fault of the lab fails, or an answer written by hand.
fn failing() -> BTreeSet<&'static str> {
    let in_lab = faults::all().flat_map(fails);
    in_lab.chain(written_as(Status::Fail)).chain(CONTROL_NODE).collect()
}

/// The checks that are judged so of an answer written by hand.
fn written_as(status: Status) -> impl Iterator<Item = &'static str> {
    written::CASES.iter().filter(move |case| case.status == status).map(|case| case.check)
}

/// The checks that pass on a recorded host, or in a state that the lab brings about for that.
fn passing(healthy: &Report) -> BTreeSet<&str> {
    let recorded = healthy.results.iter().filter(|v| v.status == Status::Pass).map(|v| &*v.check);
    let in_lab = faults::all().filter_map(|(_, fault)| match fault.expect {
        Expect::Passes(check, _) => Some(check),
        _ => None,
    });
    let mut passing: BTreeSet<&str> = recorded.chain(in_lab).chain(CONTROL_NODE).collect();
    for check in written_as(Status::Pass) {
        passing.insert(check);
    }
    passing
}

/// One line for each check that lacks a failure or a pass.
fn gaps(ids: &BTreeSet<String>, failing: &BTreeSet<&str>, passing: &BTreeSet<&str>) -> Vec<String> {
    let lacks = |what: &str, has: &BTreeSet<&str>| -> Vec<String> {
        let without = ids.iter().filter(|id| !has.contains(id.as_str()));
        without.map(|id| format!("{id}: nothing makes it {what}")).collect()
    };
    [lacks("fail", failing), lacks("pass", passing)].concat()
}

/// `airworthy check --facts` of a recorded cluster, with no other flags than the format; its exit status.
fn judged(cluster: &str) -> (Report, Option<i32>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters").join(cluster);
    let output = environment::command(env!("CARGO_BIN_EXE_airworthy"))
        .args(["check", "--format", "json", "--facts"])
        .arg(folder)
        .output()
        .expect("airworthy starts");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code())
}

#[test]
fn every_check_fails_and_passes_somewhere() {
    let (healthy, _) = judged("healthy");
    let gaps = gaps(&ids(), &failing(), &passing(&healthy));
    assert!(
        gaps.is_empty(),
        "tests/lab/faults, fixtures/clusters/healthy and written.rs leave out:\n{}",
        gaps.join("\n")
    );
}

#[test]
fn each_check_is_missed_where_nothing_names_it() {
    let (ids, (healthy, _)) = (ids(), judged("healthy"));
    let (failing, passing) = (failing(), passing(&healthy));
    for id in &ids {
        let without =
            |all: &BTreeSet<&'static str>| all.iter().copied().filter(|other| other != id).collect();
        assert_eq!(gaps(&ids, &without(&failing), &passing), [format!("{id}: nothing makes it fail")]);
        let without = passing.iter().copied().filter(|other| other != id).collect();
        assert_eq!(gaps(&ids, &failing, &without), [format!("{id}: nothing makes it pass")]);
    }
}

#[test]
fn the_table_of_faults_names_checks_of_the_profile_and_real_faults() {
    let ids = ids();
    let strangers: Vec<_> = failing().into_iter().filter(|check| !ids.contains(*check)).collect();
    assert!(strangers.is_empty(), "not in the profile: {strangers:?}");
    let mut names = BTreeSet::new();
    for (name, fault) in faults::all().chain(kubespray::FAULTS) {
        assert!(names.insert(name), "{name} is there twice");
        for command in [fault.apply, fault.proof, fault.restore] {
            assert!(
                !matches!(command.trim(), "" | "true" | "false"),
                "{name} brings nothing about: {fault:?}"
            );
        }
    }
}

/// What no inventory of the lab shows: an assert that cannot be evaluated is unknown and never fails, and the lab names its
/// checkout; `releases.rs` has both.
const NOT_IN_THE_LAB: [&str; 2] = ["inventory-asserts-evaluated", "inventory-release-known"];

/// What no container shows: a folder of modules, which only a kernel of its own looks for, and two cards of one address, which
/// their bridge would not carry; `written.rs` has both. No group of kubespray's promises the devices of `device-runtime`.
const NOT_IN_CONTAINERS: [&str; 3] = ["device-runtime", "kernel-modules-directory", "mac-unique"];

#[test]
fn every_check_of_kubesprays_profile_fails_in_the_lab_under_its_inventory() {
    let ours = kubespray::FAULTS.iter().flat_map(fails);
    let together = kubespray::BAD_DAYS.iter().copied().flatten().flat_map(|name| {
        let fault = faults::all().find(|(other, _)| other == name);
        fails(fault.unwrap_or_else(|| panic!("no fault is named {name}")))
    });
    let mut failing: BTreeSet<&str> = ours.chain(together).collect();
    for excused in NOT_IN_CONTAINERS.into_iter().chain(NOT_IN_THE_LAB) {
        assert!(failing.insert(excused), "{excused} needs no excuse");
    }
    let without: Vec<String> =
        checks_of("kubespray").into_iter().filter(|check| !failing.contains(check.as_str())).collect();
    assert!(without.is_empty(), "tests/lab/kubespray.rs leaves out {without:?}");
}

#[test]
fn the_healthy_cluster_is_go() {
    let (report, status) = judged("healthy");
    let findings: Vec<_> = report.results.iter().filter(|v| v.is_finding()).collect();
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!((report.verdict, status, report.hosts.len()), (Outcome::Go, Some(0), 6));
}

#[test]
fn the_bad_day_is_no_go_with_these_findings() {
    let (report, status) = judged("no-go");
    assert_eq!((report.verdict, status, report.hosts.len()), (Outcome::NoGo, Some(1), 6));
    let failed = report.results.iter().filter(|v| v.status == Status::Fail);
    let failed: BTreeSet<_> = failed.map(|v| (v.host.as_deref().unwrap_or_default(), &*v.check)).collect();
    let wanted = [
        ("infra2", "ntp-enabled"),
        ("worker1", "docker-default-runtime"),
        ("worker2", "ports-free"),
        ("worker3", "host-reachable"),
    ];
    assert_eq!(failed, BTreeSet::from(wanted));
}
