//! What a login tried, for the error when nothing helped.

use super::driver::broke;
use super::{Stage, TransportError};

/// The ways that were tried so far, in words.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// The methods that the server offers, as it lists them; none where it did not tell.
    pub(super) offered: Option<String>,
    /// Whether a key was taken, and the methods that are offered are what the server wants besides.
    pub(super) is_half_in: bool,
    ways: Vec<String>,
}

impl Tried {
    /// Whether the server offers a method.
    pub(super) fn offers(&self, method: &str) -> bool {
        self.offered.iter().flat_map(|offered| offered.split(',')).any(|offered| offered == method)
    }

    /// One more way did not help.
    pub(super) fn note(&mut self, way: impl Into<String>) {
        self.ways.push(way.into());
    }

    /// Nothing helped.
    pub(super) fn denied(&self, user: &str, has_password: bool) -> TransportError {
        let tried = if self.ways.is_empty() { "nothing".into() } else { self.ways.join(", ") };
        let Some(offered) = self.offered.as_deref() else {
            return failed(format!(
                "permission denied for {user}: tried {tried}, then the server hung up. Name a key with --private-key or \
                 load it (ssh-add), or give a password with -k; -u names another user"
            ));
        };
        let offered = if offered.is_empty() { "nothing" } else { offered };
        let dialogue = self.offers("keyboard-interactive");
        let password = if !has_password && (dialogue || self.offers("password")) {
            ", or give a password with -k"
        } else {
            ""
        };
        if !["publickey", "password", "keyboard-interactive"].iter().any(|method| self.offers(method)) {
            return failed(format!(
                "permission denied for {user}: the server offers {offered}, which libssh2 lacks: --transport openssh"
            ));
        }
        if self.is_half_in {
            let hint = match (password.is_empty(), self.offers("password")) {
                (true, _) => "",
                (false, true) => ": give it with -k",
                (false, false) => {
                    ": give a password with -k; a one-time code takes --transport openssh with ControlMaster"
                }
            };
            return failed(format!(
                "permission denied for {user}: tried {tried}; besides the key the server wants {offered}{hint}"
            ));
        }
        failed(format!(
            "permission denied for {user}: tried {tried}; the server offers {offered}. Name a key with \
             --private-key or load it (ssh-add){password}; -u names another user"
        ))
    }

    /// The connection ended in the middle of it.
    pub(super) fn hung_up(&self, user: &str, why: &ssh2::Error) -> TransportError {
        let tried =
            if self.ways.is_empty() { String::new() } else { format!(" (tried {})", self.ways.join(", ")) };
        failed(format!("the server hung up while {user} logged in{tried}: {}", why.message()))
    }
}

/// A failure to log in.
pub(super) fn failed(reason: impl Into<String>) -> TransportError {
    TransportError::new(Stage::Authenticate, reason)
}

/// Whether the connection is gone. While libssh2 waits for the answer to a key, it reports that as a
/// refused key; only the words tell.
pub(super) fn lost(why: &ssh2::Error) -> bool {
    broke(why) || why.message().starts_with("Waiting for")
}
