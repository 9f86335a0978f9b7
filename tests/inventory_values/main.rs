//! Values as Ansible uses them: templates against Ansible's own answers, vault, scripts, `ansible.cfg`.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod ansible_cfg;
mod bench;
mod connections;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
mod folders;
mod programs;
mod releases;
mod templates;
mod vault;
