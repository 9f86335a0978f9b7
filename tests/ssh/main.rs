//! The transport against SSH servers inside the test process.

mod agent;
#[path = "../fix/bench.rs"]
#[allow(dead_code)] // made for the tests of `fix`, which use more of it
mod bench;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
mod faults;
mod fix;
mod fleet;
mod floods;
mod gather;
mod handler;
mod host_keys;
mod jumps;
mod keys;
mod local;
mod login;
mod machine;
mod neighbours;
mod nvml;
mod openssh;
mod proxies;
mod run;
mod secrets;
mod server;
mod stand_in;
mod talk;
mod trust;
