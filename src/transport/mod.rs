//! How to reach a host: run one command there and carry a dialogue. Gives no meaning to output.

mod account;
mod agent;
mod askpass;
mod child;
mod configs;
mod conversation;
mod deadline;
mod dialogue;
mod driver;
mod error;
mod gate;
mod host_key;
mod identity;
mod jump;
mod known_hosts;
mod link;
mod local;
mod login;
mod openssh;
mod openssh_log;
mod options;
mod outgoing;
mod peer_text;
mod pipes;
mod proxy_command;
mod relay;
mod socket;
mod ssh;
mod ssh_config;
mod target;
mod tried;
mod wire;

use std::time::SystemTime;

use crate::inventory::Host;

pub use askpass::answer_prompt;
pub use conversation::{Beginning, Conversation, Reply};
pub use error::{Stage, TransportError};
pub use local::Local;
pub use openssh::OpenSsh;
pub use options::{AskPassphrase, Options, Timeouts};
pub use ssh::Ssh;
pub use ssh_config::ConfigFiles;

/// A way to run one command on a host.
pub trait Transport: Sync {
    /// Visits `host` once: one connection, one channel, one command.
    ///
    /// # Errors
    /// When the visit ended before the conversation could start, or the connection broke or its
    /// deadline passed before the conversation said [`Reply::Done`] or the streams ended; the error
    /// names the stage.
    fn run(&self, host: &Host, conversation: &mut dyn Conversation) -> Result<Visit, TransportError>;
}

/// How a visit went.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The user that logged in.
    pub user: String,
    /// What let it in.
    pub login: Login,
    /// The host's key; `None` for this machine.
    pub host_key: Option<HostKey>,
    /// When the command was asked for: what the host says after was written after.
    pub asked_at: SystemTime,
}

/// What let the user in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// No login: this machine.
    Local,
    /// The server asked for nothing.
    None,
    /// An identity of the SSH agent.
    Agent,
    /// A private key file.
    PublicKey,
    /// A password, after no key worked.
    Password,
}

/// A host's key as this visit saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// OpenSSH's name of its type: `ssh-ed25519`.
    pub kind: String,
    /// OpenSSH's fingerprint: `SHA256:…` without padding.
    pub fingerprint: String,
    /// What known_hosts says of it.
    pub standing: HostKeyStanding,
}

/// What known_hosts says of a host's key. A changed or revoked key is an error, never a standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyStanding {
    /// In known_hosts.
    Known,
    /// Was unknown, and was added (`accept-new`).
    Learned,
    /// Unknown, and not asked about (`off`).
    Unchecked,
}
