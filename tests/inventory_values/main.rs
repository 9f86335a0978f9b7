//! Values as Ansible uses them: templates against Ansible's own answers, vault, scripts, `ansible.cfg`.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod ansible_cfg;
mod bench;
mod connections;
mod folders;
mod programs;
mod releases;
mod templates;
mod vault;
