//! Why a host could not be visited: the stage says how far the visit got.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// How far a visit got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Knowing from the inventory how to reach it.
    Inventory,
    /// Finding the address of a name.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// SSH's banner and key exchange.
    Handshake,
    /// Judging the host's key.
    HostKey,
    /// Logging in.
    Authenticate,
    /// Starting the command and hearing its answer.
    Run,
}

impl Stage {
    /// The word in reports and saved facts.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Inventory => "inventory",
            Stage::Resolve => "resolve",
            Stage::Connect => "connect",
            Stage::Handshake => "handshake",
            Stage::HostKey => "host-key",
            Stage::Authenticate => "authenticate",
            Stage::Run => "run",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A visit that failed: at which stage, and why, for people.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{stage}: {reason}")]
pub struct TransportError {
    /// How far the visit got.
    pub stage: Stage,
    /// What happened and, where there is one, the next move.
    pub reason: String,
}

impl TransportError {
    /// A failure at `stage`.
    pub fn new(stage: Stage, reason: impl Into<String>) -> Self {
        TransportError { stage, reason: reason.into() }
    }

    /// The stage took longer than it may.
    pub fn timed_out(stage: Stage, limit: Duration) -> Self {
        TransportError::new(stage, format!("timed out after {:.1} s", limit.as_secs_f64()))
    }
}
