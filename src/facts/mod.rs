//! What is true of a machine: typed facts per subject, the probes that read them, and the pure
//! parsers of what the probes answered. Does no I/O; names no other room.

mod address_origin;
mod default_route;
mod dhcp_lease;
mod fact;
mod ifcfg;
mod ifupdown;
mod ini;
mod interfaces;
mod netplan;
mod network;
mod network_manager;
mod networkd;
mod probe;
#[cfg(test)]
mod recorded;
mod routes;
mod transcript;

pub use fact::{Fact, Reading};
pub use interfaces::{Interface, InterfaceAddress, InterfaceKind, LinkState};
pub use network::Network;
pub use probe::{DEADLINE, Probe, Read};
pub use routes::Route;
pub use transcript::{Answer, Ended, Section, Transcript};
