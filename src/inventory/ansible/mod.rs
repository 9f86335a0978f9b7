//! Ansible's inventories: INI, YAML, a folder of them, and the variables beside them.

mod connection;
mod dynamic;
mod extra_vars;
mod files;
mod graph;
mod group_layers;
mod host_list;
mod ignored;
mod ini;
mod key_values;
mod literal;
mod membership;
mod range;
mod roles;
mod runtime_groups;
mod unsupported;
mod vars_files;
mod words;
mod yaml;

pub(super) use connection::expand_home;
pub(super) use dynamic::{find as find_program, is_executable};
pub(super) use files::Files;
pub(super) use graph::Graph;
pub(super) use host_list::is_host_list;
pub(super) use ignored::Ignored;
pub(super) use membership::describe;
