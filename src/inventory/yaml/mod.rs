//! YAML as PyYAML reads it, with positions and bounds: what Ansible's and OpenPAI's files are written in.

mod builder;
mod cursor;
mod json;
mod node;
mod parser;
mod scalar;
mod scalars;
mod scanner;
mod tags;
mod token;

pub(super) use builder::parse;
pub(super) use node::Node;
