//! YAML as PyYAML reads it, with positions and bounds: what Ansible's and OpenPAI's files are written in.

mod anchors;
mod builder;
mod node;
mod scalar;

pub(super) use builder::parse;
pub(super) use node::Node;
