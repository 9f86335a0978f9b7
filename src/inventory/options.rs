//! What beside the paths decides how an inventory is read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::ansible_core::CoreLookup;
use super::vault::Vault;
use crate::role::Role;

/// What beside the paths decides how an inventory is read.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The words of Ansible's `-e`: `key=value …`, YAML or JSON in brackets, or `@file`; above all other variables.
    pub extra_vars: Vec<String>,
    /// Whether what cannot be judged (no host has a role, a port that is none) is an error, and not only a warning.
    pub for_judging: bool,
    /// The passwords for what `ansible-vault` encrypted.
    pub vault: Arc<Vault>,
    /// The `ansible-inventory` that inventory scripts and plugin configurations are read through; `None` runs nothing.
    pub ansible_inventory: Option<PathBuf>,
    /// What `ansible-inventory` is told of vault passwords: words of its command line, never a password.
    pub vault_words: Vec<OsString>,
    /// The files that vault passwords were read from.
    pub vault_files: Vec<PathBuf>,
    /// The ansible-core that will read the inventory, asked where its releases differ.
    pub ansible_core: CoreLookup,
    /// The endings of names that are left out of a folder; `None` for Ansible's own.
    pub ignored_endings: Option<Vec<String>>,
    /// Where `ignored_endings` is configured: a file, or an environment variable.
    pub ignored_endings_origin: String,
    /// Regular expressions for names that are left out of a folder, too.
    pub ignored_patterns: Vec<String>,
    /// The playbook's folder: its `group_vars` and `host_vars` stand above the inventory's own. `None` reads none.
    pub playbook_dir: Option<PathBuf>,
    /// `hash_behaviour = merge`: mappings of the same name are merged instead of replaced.
    pub merge_mappings: bool,
    /// `inject_facts_as_vars = False`: every host has `ansible_local`, above what the inventory says.
    pub keeps_facts_apart: bool,
    /// What `ansible.cfg` puts on ssh's command line.
    pub ssh_words: SshWords,
    /// The roles of hosts that are named on the command line (`-i h1,h2`): they join kubespray's groups for these.
    pub roles: BTreeSet<Role>,
}

/// How hosts are reached where their own variables say nothing: words for ssh's command line, each as one shell line.
#[derive(Clone, Debug, Default)]
pub struct SshWords {
    /// For `ansible_ssh_args`.
    pub args: Option<String>,
    /// For `ansible_ssh_common_args`; kubespray sets that variable itself where the inventory has a bastion.
    pub common_args: Option<String>,
    /// For `ansible_ssh_extra_args`.
    pub extra_args: Option<String>,
    /// For `ansible_port`; not on the way to kubespray's bastion, which is sent for by kubespray itself.
    pub port: Option<u16>,
    /// For variables that airworthy cannot honour, or must know of.
    pub stand_ins: Vec<StandIn>,
}

/// What `ansible.cfg` or the environment says in place of a variable.
#[derive(Clone, Debug, PartialEq)]
pub struct StandIn {
    /// The variable's name.
    pub variable: String,
    /// Its value.
    pub value: String,
    /// Where it is set.
    pub origin: String,
}

impl LoadOptions {
    /// For showing an inventory that need not be fit to be judged.
    pub fn listing() -> Self {
        LoadOptions { for_judging: false, ..LoadOptions::default() }
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            extra_vars: Vec::new(),
            for_judging: true,
            vault: Arc::default(),
            ansible_inventory: None,
            vault_words: Vec::new(),
            vault_files: Vec::new(),
            ansible_core: CoreLookup::default(),
            ignored_endings: None,
            ignored_endings_origin: "`inventory_ignore_extensions`".to_owned(),
            ignored_patterns: Vec::new(),
            playbook_dir: None,
            merge_mappings: false,
            keeps_facts_apart: false,
            ssh_words: SshWords::default(),
            roles: BTreeSet::new(),
        }
    }
}
