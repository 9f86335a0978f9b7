//! Keys of hosts and users.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};

/// What guards the encrypted keys in `keys/`.
pub(crate) const PASSPHRASE: &str = "correct horse";

/// An Ed25519 key; the same for the same number.
pub(crate) fn ed25519(seed: u8) -> PrivateKey {
    let pair = Ed25519Keypair::from_seed(&[seed; 32]);
    PrivateKey::new(KeypairData::Ed25519(pair), format!("key {seed}")).expect("a key")
}

/// A key of `keys/`, made by ssh-keygen.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ssh/keys").join(name)
}

/// A key of `keys/` that is not encrypted.
pub(crate) fn load(name: &str) -> PrivateKey {
    PrivateKey::read_openssh_file(path(name)).expect("a key")
}

/// The public half of a key of `keys/`.
pub(crate) fn public(name: &str) -> PublicKey {
    PublicKey::read_openssh_file(path(&format!("{name}.pub"))).expect("a public key")
}

/// Writes a private key, without its `.pub`.
pub(crate) fn save(key: &PrivateKey, folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, key.to_openssh(LineEnding::LF).expect("encoded").as_bytes()).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    path
}

/// `type base64`, as in known_hosts.
pub(crate) fn text(key: &PrivateKey) -> String {
    let text = key.public_key().to_openssh().expect("encoded");
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
