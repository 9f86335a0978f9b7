//! `airworthy handoff` with a stand-in for ansible-playbook: what is judged, written, started, passed on and recorded. The lab
//! has the real one.

mod bench;
mod flags;
mod openpai;
mod records;
mod reports;
mod running;
mod writer;
