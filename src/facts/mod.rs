//! What is true of a machine: typed facts per subject, the probes that read them, and the pure
//! parsers of what the probes answered. Does no I/O; names no other room.
#![deny(clippy::disallowed_methods)]

pub mod accelerator;
mod address_origin;
mod circumstances;
pub mod container_runtime;
pub mod control_node;
pub mod cpu;
mod default_route;
mod deployment;
mod dhcp_lease;
pub mod docker;
mod docker_flags;
mod docker_unit;
mod fact;
pub mod fleet;
pub mod gpu;
pub mod host;
pub mod identity;
mod ifcfg;
mod ifupdown;
mod ini;
mod interfaces;
pub mod inventory;
pub(crate) mod json_object;
pub mod kubernetes;
pub mod kubespray;
pub mod memory;
mod netplan;
pub mod network;
mod network_manager;
mod networkd;
pub mod os;
pub mod pci;
pub mod peers;
pub mod ports;
mod probe;
#[cfg(test)]
mod recorded;
pub mod registries;
mod routes;
pub mod saved;
pub(crate) mod secret;
pub mod ssh;
pub mod sudo;
pub mod time;
mod transcript;
mod units;
pub mod variables;

pub use circumstances::Circumstances;
pub use deployment::Deployment;
pub use docker_flags::keys as docker_flag_keys;
pub use fact::{Fact, FactTree, Reading};
pub use fleet::Fleet;
pub use host::{HostFacts, HostRecord, Layout, Outcome, Subject};
pub use interfaces::{Interface, InterfaceAddress, InterfaceKind, LinkState};
pub use network::Network;
pub use probe::{DEADLINE, Probe, Read};
pub use routes::Route;
pub use transcript::{Answer, Ended, Section, Transcript};
