//! `check --fix`: the edit, the plan, and the script that applies it, run for real against a Docker that is a stand-in.

mod apply;
mod bench;
mod cuts;
mod disks;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
mod fixtures;
mod plans;
mod properties;
mod trust;
