//! Faults of `faults/` together, under kubespray's inventory: each is found, and nothing else is blamed.

use crate::fault::{By, Fault};
use crate::judge::{is_go, judge_together, named};
use crate::kubespray::BAD_DAYS;
use crate::rig::Lab;

#[test]
fn a_healthy_cluster_is_go_by_kubespray_too() {
    is_go(&Lab::take().check_by(By::Kubespray));
}

#[test]
fn every_fault_of_a_bad_day_is_found() {
    for (number, names) in BAD_DAYS.iter().enumerate() {
        let faults: Vec<&'static Fault> = names.iter().copied().map(named).collect();
        judge_together(&format!("bad day {number}"), By::Kubespray, &faults);
    }
    is_go(&Lab::take().check_by(By::Kubespray));
}
