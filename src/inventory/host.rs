//! One machine of the inventory: who it is, what it is for, how to reach it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use secrecy::SecretString;

use super::ssh_arguments::SshArguments;
use super::template::Unresolved;
use crate::role::Role;

/// One machine of the inventory.
#[derive(Clone, Debug)]
pub struct Host {
    /// The inventory's name for it (`inventory_hostname`, a layout's `hostname`).
    pub name: String,
    /// What it is for; a host that only jumps (kubespray's `bastion`) has none and is not visited.
    pub roles: BTreeSet<Role>,
    /// The device plugin resource it promises: `nvidia.com/gpu`, `amd.com/gpu`, `enflame.com/dtu`.
    pub accelerator: Option<String>,
    /// What an OpenPAI layout promises of its hardware.
    pub layout: Option<Layout>,
    /// kubespray's `ip`: the address Kubernetes binds to.
    pub ip: Option<String>,
    /// kubespray's `access_ip`: the address the other hosts use.
    pub access_ip: Option<String>,
    /// How to reach it.
    pub connection: Connection,
}

impl Host {
    /// The address the other hosts use: `access_ip`, else `ip`, else the one we connect to.
    pub fn peer_address(&self) -> &str {
        self.access_ip.as_deref().or(self.ip.as_deref()).unwrap_or(&self.connection.address)
    }
}

/// What an OpenPAI layout's `machine-sku` promises of a machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The `machine-type` it is listed under.
    pub machine_type: String,
    /// `mem`, in MiB.
    pub memory_mib: Option<u64>,
    /// `cpu.vcore`.
    pub cpus: Option<u64>,
    /// `computing-device.model`.
    pub accelerator_model: Option<String>,
    /// `computing-device.count`.
    pub accelerator_count: Option<u64>,
}

/// How to reach a host, in Ansible's terms. What is `None` is left to flags and defaults.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `ansible_connection: local`: this machine, without SSH.
    pub local: bool,
    /// `ansible_host`, else the host's name.
    pub address: String,
    /// `ansible_port`; else what the user's ssh_config says, else 22.
    pub port: Option<u16>,
    /// `ansible_user`.
    pub user: Option<String>,
    /// `ansible_ssh_private_key_file`.
    pub private_key: Option<PathBuf>,
    /// `ansible_password` / `ansible_ssh_pass`.
    pub password: Option<SecretString>,
    /// `ansible_become_password` / `ansible_become_pass`.
    pub become_password: Option<SecretString>,
    /// `ansible_python_interpreter`; a template where it cannot be known.
    pub python_interpreter: Option<String>,
    /// `ansible_host_key_checking` / `StrictHostKeyChecking` in the SSH arguments.
    pub host_key_checking: Option<HostKeyChecking>,
    /// `ansible_ssh_args`: on ssh's command line before what the variables above put there.
    pub ssh_arguments: SshArguments,
    /// `ansible_ssh_common_args` and `ansible_ssh_extra_args`: behind it.
    pub more_ssh_arguments: SshArguments,
    /// Whether `ansible_ssh_common_args` is set at all: then kubespray's own, which lead through its bastion, are not.
    pub has_common_arguments: bool,
    /// kubespray's bastion, where the host is reached through it.
    pub bastion: Option<Box<Connection>>,
    /// The connection variables whose values cannot be known: with one of them the host must not be visited.
    pub unresolved: Vec<Unresolved>,
}

impl Connection {
    /// SSH to `address`, everything else left to flags and defaults.
    pub fn ssh(address: impl Into<String>) -> Self {
        Connection {
            local: false,
            address: address.into(),
            port: None,
            user: None,
            private_key: None,
            password: None,
            become_password: None,
            python_interpreter: None,
            host_key_checking: None,
            ssh_arguments: SshArguments::default(),
            more_ssh_arguments: SshArguments::default(),
            has_common_arguments: false,
            bastion: None,
            unresolved: Vec::new(),
        }
    }
}

/// What to do about host keys; the words are those of `--host-key-checking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyChecking {
    /// Only hosts in known_hosts are spoken to.
    Strict,
    /// An unknown host's key is learned; a changed one is refused.
    AcceptNew,
    /// Any key is taken.
    Off,
}

impl HostKeyChecking {
    /// What a value of ssh's `StrictHostKeyChecking` means. To `ask` is to refuse, where nobody can be asked.
    pub fn from_ssh(value: &str) -> Option<Self> {
        match value.to_ascii_lowercase().as_str() {
            "no" | "off" | "false" => Some(HostKeyChecking::Off),
            "accept-new" => Some(HostKeyChecking::AcceptNew),
            "yes" | "true" | "ask" => Some(HostKeyChecking::Strict),
            _ => None,
        }
    }
}
