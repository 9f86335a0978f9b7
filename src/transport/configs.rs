//! The ssh_config of each host: the user's and the machine's, unless the inventory names a file with `-F`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::account::login_name;
use super::ssh_config::{ConfigFiles, SshConfig};
use super::target::{Resolver, Target, only_config_of};
use super::{Options, TransportError};
use crate::inventory::Connection;

/// Every ssh_config of a run, each read once.
#[derive(Debug)]
pub(super) struct Configs {
    /// Who runs this.
    login_name: String,
    usual: Arc<SshConfig>,
    named: Mutex<HashMap<Option<PathBuf>, Arc<SshConfig>>>,
}

impl Configs {
    /// Reads the usual files.
    pub(super) fn new(files: ConfigFiles) -> Self {
        let usual = Arc::new(SshConfig::read(files.user.as_deref(), files.system.as_deref()));
        Configs { login_name: login_name(), usual, named: Mutex::default() }
    }

    /// Where a visit by this connection really goes.
    ///
    /// # Errors
    /// What makes no sense to ssh, or could be taken for something else by a shell.
    pub(super) fn target(
        &self,
        options: &Options,
        connection: &Connection,
    ) -> Result<Target, TransportError> {
        Resolver { options, login_name: &self.login_name }.host(connection, &self.of(connection))
    }

    /// What holds for a host.
    fn of(&self, connection: &Connection) -> Arc<SshConfig> {
        let Some(file) = only_config_of([&connection.ssh_arguments, &connection.more_ssh_arguments]) else {
            return Arc::clone(&self.usual);
        };
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let config =
            named.entry(file).or_insert_with_key(|file| Arc::new(SshConfig::read(file.as_deref(), None)));
        Arc::clone(config)
    }
}
