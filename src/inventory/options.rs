//! How an inventory is read, beyond its paths.

use std::ffi::OsString;
use std::sync::Arc;

use super::vault::Vault;

/// How an inventory is read, beyond its paths.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The passwords for what `ansible-vault` encrypted.
    pub vault: Arc<Vault>,
    /// What `ansible-inventory` is told of vault passwords, where it has to be asked: words of its command line.
    pub vault_words: Vec<OsString>,
}
