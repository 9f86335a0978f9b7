//! The built binary against real hosts: `cargo test --features lab --test lab`. README.md says what is there.
#![allow(clippy::print_stdout)]

/// Makes a test of every fault of the table.
macro_rules! each_fault {
    ($($name:ident)*) => { $(#[test] fn $name() { crate::judge::judge_named(stringify!($name)); })* };
}

#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
#[macro_use]
mod fault;

mod asserts;
mod bad_days;
mod bastion;
mod control_node;
mod deadlines;
mod faults;
mod fix;
mod fix_cuts;
mod handoff;
mod judge;
mod kubespray;
mod leftovers;
mod nvml;
mod record;
mod rig;
mod secrets;

use std::time::Duration;

use rig::Lab;

#[test]
fn a_healthy_cluster_is_go() {
    judge::is_go(&Lab::take().check(&[]));
}

#[test]
fn a_healthy_cluster_is_judged_within_two_seconds() {
    let lab = Lab::take();
    let best = (0..5).map(|_| lab.check(&[]).wall).min().expect("five runs");
    println!("five hosts and the dev box: {best:?}");
    assert!(best < Duration::from_secs(2), "took {best:?}");
}
