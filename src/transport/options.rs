//! What a run decides once for all its hosts.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::ssh_config::ConfigFiles;
use crate::inventory::HostKeyChecking;

/// Asks for the passphrase of a key file; `None` when there is nobody to ask.
pub type AskPassphrase = Box<dyn Fn(&Path) -> Option<SecretString> + Send + Sync>;

/// How hosts are reached where the inventory does not say; given by flags and the environment.
pub struct Options {
    /// The user where the host has none (`--user`); else the one who runs this.
    pub user: Option<String>,
    /// The only key file where the host has none (`--private-key`); else [`Options::default_keys`].
    pub private_key: Option<PathBuf>,
    /// The key files that are tried, in this order, where none is configured; missing ones are passed over.
    pub default_keys: Vec<PathBuf>,
    /// The password where the host has none (`--ask-pass`).
    pub password: Option<SecretString>,
    /// The socket of an SSH agent (`SSH_AUTH_SOCK`); `None` asks no agent.
    pub agent: Option<PathBuf>,
    /// The user's known_hosts files, where ssh_config names no others. New keys are appended to the first.
    pub known_hosts: Vec<PathBuf>,
    /// The machine's known_hosts files, where ssh_config names no others.
    pub global_known_hosts: Vec<PathBuf>,
    /// Where ssh_config is read.
    pub config: ConfigFiles,
    /// `--host-key-checking`: goes before what the inventory says of a host.
    pub host_key_checking: Option<HostKeyChecking>,
    /// What to do where neither the flag nor the inventory says.
    pub default_host_key_checking: HostKeyChecking,
    /// The program that answers ssh's question for a password, which is this one; see [`super::answer_prompt`].
    pub askpass: Option<PathBuf>,
    /// Asked at most once for each encrypted key file, when a host is about to need it.
    pub passphrase: AskPassphrase,
    /// How long a visit may take.
    pub timeouts: Timeouts,
}

impl Options {
    /// What OpenSSH would do for the user who runs this: its key files, agent and known_hosts; nobody
    /// to ask for a passphrase.
    pub fn from_environment() -> Self {
        let folder = env::home_dir().map(|home| home.join(".ssh"));
        let own = |names: &[&str]| -> Vec<PathBuf> {
            folder.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).collect()
        };
        Options {
            user: None,
            private_key: None,
            default_keys: own(&["id_ed25519", "id_ecdsa", "id_rsa"]),
            password: None,
            agent: env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from),
            known_hosts: own(&["known_hosts", "known_hosts2"]),
            global_known_hosts: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
                .map(PathBuf::from)
                .into(),
            config: ConfigFiles {
                user: folder.as_ref().map(|folder| folder.join("config")),
                system: Some("/etc/ssh/ssh_config".into()),
            },
            host_key_checking: None,
            default_host_key_checking: HostKeyChecking::Strict,
            askpass: env::current_exe().ok(),
            passphrase: Box::new(|_| None),
            timeouts: Timeouts::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("user", &self.user)
            .field("private_key", &self.private_key)
            .field("agent", &self.agent)
            .field("known_hosts", &self.known_hosts)
            .field("host_key_checking", &self.host_key_checking)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

/// How long each stage of a visit, and the whole of it, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Finding the address, opening the connection, banner and key exchange, all of it together (Ansible's `--timeout`, which
    /// is ssh's `ConnectTimeout`).
    pub connect: Duration,
    /// Logging in, all methods together; typing a passphrase does not count.
    pub authenticate: Duration,
    /// From the exec request to the end of the answer.
    pub run: Duration,
    /// The whole visit.
    pub host: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(10),
            authenticate: Duration::from_secs(15),
            run: Duration::from_secs(90),
            host: Duration::from_secs(120),
        }
    }
}
