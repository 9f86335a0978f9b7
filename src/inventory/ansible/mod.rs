//! Ansible's inventories: INI, YAML, a folder of them, and the variables beside them.

mod connection;
mod dynamic;
mod files;
mod graph;
mod ini;
mod literal;
mod membership;
mod range;
mod vars_files;
mod words;
mod yaml;

pub(super) use connection::expand_home;
pub(super) use dynamic::{find as find_program, is_executable};
pub(super) use files::Files;
pub(super) use graph::Graph;
pub(super) use membership::describe;
