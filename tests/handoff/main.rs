//! `airworthy handoff` with a stand-in for ansible-playbook: what is judged, written, started, passed on and recorded. The lab
//! has the real one.

mod bench;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
mod flags;
mod openpai;
mod records;
mod reports;
mod running;
mod secrets;
#[path = "../support/vault.rs"]
mod vault;
mod writer;
