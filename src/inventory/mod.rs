//! Who is in the cluster and how to reach them: the operator's files, as Ansible and OpenPAI
//! understand them. Reads files and nothing else; names no other room.

mod host;

pub use host::{Connection, Host, HostKeyChecking, Layout};
