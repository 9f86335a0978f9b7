//! Who is in the cluster and how to reach them: the operator's files, as Ansible and OpenPAI
//! understand them. Reads files and nothing else; what of it is secret it tells `redact`.
//!
//! [`load`] tells the formats apart. Each reader (`ansible`, `openpai`) gives a `Cluster`: hosts, groups and
//! layers of variables. There templates stay text and single encrypted values stay encrypted
//! (`{"__ansible_vault": …}`), as Ansible prints them; a value that is used is templated and decrypted then.

mod ansible;
mod ansible_config;
mod ansible_core;
mod cluster;
mod config_file;
mod diagnostic;
mod error;
mod exposure;
mod host;
mod listing;
mod load;
mod nearest;
mod number;
mod openpai;
mod options;
mod pattern;
mod playbook_config;
pub(crate) mod process;
mod role_vars;
mod settle;
mod source;
mod ssh_arguments;
mod template;
mod values;
mod variables;
mod vault;
mod yaml;

pub use ansible_config::{AnsibleConfig, Surroundings};
pub use ansible_core::{AnsibleCore, CoreLookup, CoreRules};
pub use cluster::{Group, Groups, View};
pub use diagnostic::Diagnostic;
pub use error::{InventoryError, io_reason};
pub use exposure::Exposure;
pub use host::{Connection, Host, HostKeyChecking, Layout};
pub use listing::{Exact, Listing};
pub use load::{Inventory, Kind, find_ansible_inventory, is_list_of_hosts, load, load_with};
pub use nearest::{nearest, nearest_within};
pub use openpai::OpenPaiConfig;
pub use options::{LoadOptions, SshWords, StandIn};
pub use role_vars::{RoleVars, read_yaml};
pub use ssh_arguments::SshArguments;
pub use template::{GatheredFacts, HostFact, NotRendered, Unresolved};
pub use values::{Defaults, Values};
pub use variables::Layer;
pub use vault::{Vault, VaultError, VaultSecret, VaultSource, read_password};
