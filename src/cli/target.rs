//! Which hosts a command is about, and how they are reached.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::role::Role;

/// Which hosts, and how to reach them.
#[derive(Args, Clone, Debug, Default)]
pub struct TargetArgs {
    /// Inventory: kubespray/Ansible (YAML, INI, directory), OpenPAI layout.yaml, master.csv or worker.csv, or hosts with a comma
    /// (h1,h2 with --as); repeatable
    #[arg(short, long, value_name = "PATH")]
    pub inventory: Vec<PathBuf>,
    /// The kubespray that will deploy, a checkout: limits and flags are read from it
    #[arg(long, value_name = "DIR")]
    pub kubespray: Option<PathBuf>,
    /// Only these hosts: an Ansible host pattern (gpu*, infra:!node3, ~regex, @file)
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
    /// Variables above the inventory's: key=value, YAML or JSON in brackets, or @FILE; repeatable
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Log in as this user
    #[arg(short, long, value_name = "NAME")]
    pub user: Option<String>,
    /// Log in with this key
    #[arg(long, visible_alias = "key-file", value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Ask for the login password
    #[arg(short = 'k', long)]
    pub ask_pass: bool,
    /// Accepted for Ansible's sake: root is always tried
    #[arg(short, long)]
    pub r#become: bool,
    /// Ask for the sudo password; the dev box gets it too
    #[arg(short = 'K', long)]
    pub ask_become_pass: bool,
    /// Vault passwords.
    #[command(flatten)]
    pub vault: VaultArgs,
    /// Hosts at a time [default: ansible.cfg's, else 192]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub forks: Option<u16>,
    /// Seconds for a host to be connected to: name, TCP and SSH's handshake together; what follows has its own deadlines
    /// [default: ansible.cfg's, else 10]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=600))]
    pub timeout: Option<u16>,
    /// What to do about host keys [default: the inventory's word, else ansible.cfg's, else strict]
    #[arg(long, value_name = "POLICY")]
    pub host_key_checking: Option<HostKeyPolicy>,
    /// How hosts are reached: ssh2 needs no ssh here; openssh runs the system's (certificates, GSSAPI, hardware keys, Match exec)
    #[arg(long, value_name = "WHICH", default_value = "ssh2")]
    pub transport: TransportKind,
    /// GPUs through NVML: a small helper goes to hosts with an NVIDIA device; auto takes nvidia-smi where it cannot run
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub nvml: Nvml,
    /// Look here first for airworthy-nvml, or x86_64/airworthy-nvml; repeatable [then: beside airworthy, /usr/lib/airworthy]
    #[arg(long, value_name = "DIR")]
    pub helper_dir: Vec<PathBuf>,
    /// The dev box: this machine, or none where the runner is not the dev box
    #[arg(long, value_name = "WHERE", default_value = "local")]
    pub devbox: Devbox,
    /// Judge hosts without an inventory as infra or worker: those of -i h1,h2, else this machine (also: devbox)
    #[arg(long = "as", value_name = "ROLE")]
    pub as_role: Option<Role>,
}

/// How to open what `ansible-vault` encrypted.
#[derive(Args, Clone, Debug, Default)]
pub struct VaultArgs {
    /// The vault password: a file, or a program that prints it; repeatable
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE")]
    pub vault_password_file: Vec<PathBuf>,
    /// Ask for the vault password
    #[arg(short = 'J', long, visible_alias = "ask-vault-password")]
    pub ask_vault_pass: bool,
    /// A vault id and its password's source: a file, a program, or `prompt`; repeatable
    #[arg(long, value_name = "[LABEL@]SOURCE")]
    pub vault_id: Vec<String>,
}

/// `--host-key-checking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostKeyPolicy {
    /// Only hosts in known_hosts
    Strict,
    /// An unknown host's key is learned, a changed one refused
    AcceptNew,
    /// Any key
    Off,
}

/// `--transport`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TransportKind {
    /// libssh2, built in
    #[default]
    Ssh2,
    /// The system's ssh
    Openssh,
}

/// `--devbox`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Devbox {
    /// This machine
    #[default]
    Local,
    /// Not judged
    None,
}

/// `--nvml`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Nvml {
    /// NVML, or nvidia-smi where the helper cannot run
    #[default]
    Auto,
    /// NVML alone: where the helper cannot run, what the GPUs are is unknown
    Always,
    /// nvidia-smi alone: nothing is brought to a host
    Never,
}
