//! Public keys in SSH's wire form: a row of fields, each behind its length.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// One field, and what follows it.
pub(super) fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// The type of a public key.
pub(super) fn kind_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(field(key)?.0).ok()
}

/// `ssh-ed25519 AAAA…`, as in authorized_keys and known_hosts.
pub(super) fn key_text(key: &[u8]) -> Option<String> {
    Some(format!("{} {}", kind_of(key)?, STANDARD.encode(key)))
}

/// OpenSSH's fingerprint: `SHA256:…` without padding.
pub(super) fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}
