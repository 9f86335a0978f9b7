//! Judging the key that a host shows, by known_hosts and the policy on it.

use super::known_hosts::{Entries, KnownHosts, Opinion};
use super::wire::{fingerprint, kind_of};
use super::{HostKey, HostKeyStanding, Stage, TransportError};
use crate::inventory::HostKeyChecking;

/// A key that the visit may go on with.
pub(super) struct Accepted {
    /// What the report says of it.
    pub(super) key: HostKey,
    /// Whether the host may be shown a password: not where its key changed, for it may be another's.
    pub(super) trusted_with_password: bool,
}

/// Takes the key or refuses it.
pub(super) fn judge(
    known: &KnownHosts,
    entries: &Entries<'_>,
    address: &str,
    port: u16,
    policy: HostKeyChecking,
    blob: &[u8],
) -> Result<Accepted, TransportError> {
    let shown = Shown {
        kind: kind_of(blob).unwrap_or("unreadable").to_owned(),
        fingerprint: fingerprint(blob),
        file: known
            .first_file()
            .map_or_else(|| "~/.ssh/known_hosts".into(), |file| file.display().to_string()),
        name: entries.name().to_owned(),
        address: address.to_owned(),
        port,
    };
    let accepted = |standing, trusted_with_password| {
        let key = HostKey { kind: shown.kind.clone(), fingerprint: shown.fingerprint.clone(), standing };
        Ok(Accepted { key, trusted_with_password })
    };
    let opinion = entries.opinion(blob);
    if let (Opinion::Unknown { .. }, Some(reason), true) =
        (&opinion, known.unread(), policy != HostKeyChecking::Off)
    {
        return Err(shown.refusal(&format!("whether its key is known cannot be read: {reason}")));
    }
    match (opinion, policy) {
        (Opinion::Known, _) => accepted(HostKeyStanding::Known, true),
        (Opinion::Revoked(place), _) => Err(shown.revoked(&place)),
        (Opinion::Changed(_) | Opinion::OtherKind(..), HostKeyChecking::Off) => {
            accepted(HostKeyStanding::Unchecked, false)
        }
        (Opinion::Changed(place), _) => Err(shown.changed(&place)),
        (Opinion::OtherKind(kind, place), _) => Err(shown.other_kind(&kind, &place)),
        (Opinion::Unknown { .. }, HostKeyChecking::Off) => accepted(HostKeyStanding::Unchecked, true),
        (Opinion::Unknown { authority }, HostKeyChecking::Strict) => Err(shown.unknown(authority)),
        (Opinion::Unknown { .. }, HostKeyChecking::AcceptNew) => match entries.learn(blob) {
            Ok(true) => accepted(HostKeyStanding::Learned, true),
            Ok(false) => Err(shown.two_keys()),
            Err(why) => Err(shown.not_kept(&why)),
        },
    }
}

/// What errors say of the key.
struct Shown {
    kind: String,
    fingerprint: String,
    file: String,
    name: String,
    address: String,
    port: u16,
}

impl Shown {
    fn refusal(&self, what: &str) -> TransportError {
        TransportError::new(Stage::HostKey, what)
    }

    fn keyscan(&self) -> String {
        format!("ssh-keyscan -p {} {} >> {}", self.port, self.address, self.file)
    }

    fn unknown(&self, authority: bool) -> TransportError {
        let vouched = if authority {
            "; a @cert-authority stands for it, and host certificates need --transport openssh"
        } else {
            ""
        };
        self.refusal(&format!("the {} key {} is not in known_hosts{vouched}", self.kind, self.fingerprint,))
    }

    fn changed(&self, place: &str) -> TransportError {
        let file = place.rsplit_once(':').map_or(place, |(file, _)| file);
        self.refusal(&format!(
            "the host's {} key changed: it shows {}, which is not the key in {place}. Another machine may \
             answer in its place. If it was reinstalled: ssh-keygen -f {file} -R '{}' && {}",
            self.kind,
            self.fingerprint,
            self.name,
            self.keyscan(),
        ))
    }

    fn other_kind(&self, known: &str, place: &str) -> TransportError {
        self.refusal(&format!(
            "the host is known by its {known} key in {place}, but offers only {} {}. Another machine may \
             answer in its place. If this key is its own too: {}",
            self.kind,
            self.fingerprint,
            self.keyscan(),
        ))
    }

    fn revoked(&self, place: &str) -> TransportError {
        self.refusal(&format!(
            "the {} key {} is revoked in {place}: the host needs new host keys (ssh-keygen -A)",
            self.kind, self.fingerprint,
        ))
    }

    fn two_keys(&self) -> TransportError {
        self.refusal(&format!(
            "{} showed another key a moment ago than {} {}: two machines answer to this name",
            self.name, self.kind, self.fingerprint,
        ))
    }

    fn not_kept(&self, why: &std::io::Error) -> TransportError {
        self.refusal(&format!(
            "the {} key {} is new and cannot be added to {}: {why}. Make the file writable, or pass \
             --host-key-checking off",
            self.kind, self.fingerprint, self.file,
        ))
    }
}
