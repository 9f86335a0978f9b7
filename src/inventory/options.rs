//! How an inventory is read, beyond its paths.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::vault::Vault;

/// How an inventory is read, beyond its paths.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The passwords for what `ansible-vault` encrypted.
    pub vault: Arc<Vault>,
    /// The `ansible-inventory` that inventory scripts and plugin configurations are read through; `None` runs nothing.
    pub ansible_inventory: Option<PathBuf>,
    /// What `ansible-inventory` is told of vault passwords: words of its command line, never a password.
    pub vault_words: Vec<OsString>,
}
