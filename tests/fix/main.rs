//! `check --fix`: the edit, the plan, and the script that applies it, run for real against a Docker that is a stand-in.

mod apply;
mod bench;
mod cuts;
mod disks;
mod fixtures;
mod plans;
mod properties;
