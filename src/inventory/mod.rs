//! Who is in the cluster and how to reach them: the operator's files, as Ansible and OpenPAI
//! understand them. Reads files and nothing else; names no other room.
//!
//! [`load`] tells the formats apart. Each reader (`ansible`, `openpai`) gives a `Cluster`: hosts, groups and
//! layers of variables. Values that `ansible-vault` encrypted stay encrypted (`{"__ansible_vault": …}`), and
//! templates stay text.

mod ansible;
mod cluster;
mod diagnostic;
mod error;
mod host;
mod listing;
mod load;
mod nearest;
mod number;
mod openpai;
mod options;
mod pattern;
mod source;
mod ssh_arguments;
mod variables;
mod yaml;

pub use cluster::{Group, Groups, View};
pub use diagnostic::Diagnostic;
pub use error::InventoryError;
pub use host::{Connection, Host, HostKeyChecking, Layout};
pub use listing::Listing;
pub use load::{Inventory, Kind, load, load_with};
pub use openpai::OpenPaiConfig;
pub use options::LoadOptions;
pub use ssh_arguments::SshArguments;
pub use variables::Layer;
