//! The ssh_config of each host: the user's and the machine's, unless the inventory names a file with `-F`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::ssh_config::{ConfigFiles, SshConfig};
use super::target::only_config_of;
use crate::inventory::Connection;

/// Every ssh_config of a run, each read once.
#[derive(Debug)]
pub(super) struct Configs {
    usual: Arc<SshConfig>,
    named: Mutex<HashMap<Option<PathBuf>, Arc<SshConfig>>>,
}

impl Configs {
    /// Reads the usual files.
    pub(super) fn new(files: ConfigFiles) -> Self {
        let usual = Arc::new(SshConfig::read(files.user.as_deref(), files.system.as_deref()));
        Configs { usual, named: Mutex::default() }
    }

    /// What holds for a host.
    pub(super) fn of(&self, connection: &Connection) -> Arc<SshConfig> {
        let Some(file) = only_config_of([&connection.ssh_arguments, &connection.more_ssh_arguments]) else {
            return Arc::clone(&self.usual);
        };
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let config =
            named.entry(file).or_insert_with_key(|file| Arc::new(SshConfig::read(file.as_deref(), None)));
        Arc::clone(config)
    }
}
