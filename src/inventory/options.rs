//! What beside the paths decides how an inventory is read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::vault::Vault;

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
        }
    }
}
