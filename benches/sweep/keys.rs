//! Keys of the simulated hosts and of the user: the same in every process, for they come from a number.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};

use super::fleet::address;

/// The user's.
pub(crate) fn of_user() -> PrivateKey {
    ed25519(u64::MAX)
}

/// A host's.
pub(crate) fn of_host(host: usize) -> PrivateKey {
    ed25519(host as u64)
}

fn ed25519(number: u64) -> PrivateKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed)), "").expect("a key")
}

/// `type base64`, as in known_hosts.
pub(crate) fn text(key: &PrivateKey) -> String {
    let text = key.public_key().to_openssh().expect("encoded");
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Writes `id`, `id.pub` and `.ssh/known_hosts` into a folder.
pub(crate) fn write(folder: &Path, hosts: usize, port: u16) {
    let key = of_user();
    let path = folder.join("id");
    fs::write(&path, key.to_openssh(LineEnding::LF).expect("encoded").as_bytes()).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    fs::write(folder.join("id.pub"), text(&key)).expect("written");
    fs::create_dir(folder.join(".ssh")).expect("made");
    let mut known = File::create(folder.join(".ssh/known_hosts")).expect("created");
    for host in 0..hosts {
        writeln!(known, "[{}]:{port} {}", address(host), text(&of_host(host))).expect("written");
    }
}
