//! A private key file, read once for all hosts.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::options::AskPassphrase;
use super::wire::{field, key_text, kind_of};
use crate::input;

/// The largest key file, in bytes; of a key of RSA with 16,384 bits it is 13 KiB.
const LARGEST: u64 = input::MIB;

const OPENSSH_BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const OPENSSH_END: &str = "-----END OPENSSH PRIVATE KEY-----";
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

/// A private key in memory.
#[derive(Debug)]
pub(super) struct Identity {
    path: PathBuf,
    private: SecretString,
    /// Its public half; given along, it spares libssh2 a parse for each host.
    public: Option<PublicHalf>,
    encrypted: bool,
    passphrase: OnceLock<Option<SecretString>>,
}

/// The public half of a key.
#[derive(Debug)]
struct PublicHalf {
    text: String,
    blob: Vec<u8>,
}

impl PublicHalf {
    fn of_blob(blob: Vec<u8>) -> Option<Self> {
        Some(PublicHalf { text: key_text(&blob)?, blob })
    }
}

impl Identity {
    /// Reads a key file; the error is for people and does not name the file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = match input::read_text(path, LARGEST) {
            Ok(text) => text,
            Err(why) if why.kind() == std::io::ErrorKind::InvalidData => {
                return Err("not a private key".into());
            }
            Err(why) => return Err(why.to_string()),
        };
        let (public, encrypted) = match openssh_body(&text) {
            Some(body) => {
                let header = OpensshHeader::parse(&body).ok_or("not a readable OpenSSH private key")?;
                (PublicHalf::of_blob(header.public.to_vec()), header.cipher != b"none")
            }
            None if text.contains("PRIVATE KEY-----") => {
                let encrypted = text.contains("ENCRYPTED");
                (public_beside(path), encrypted)
            }
            None if text.starts_with("PuTTY-User-Key-File") => {
                return Err("a PuTTY key: convert it (puttygen KEY -O private-openssh -o NEW)".into());
            }
            None if text.starts_with("ssh-") || text.starts_with("ecdsa-") => {
                return Err("this is the public key; name the private one".into());
            }
            None => return Err("not a private key".into()),
        };
        let kind = public.as_ref().and_then(|public| kind_of(&public.blob)).unwrap_or_default();
        if kind.starts_with("sk-") {
            return Err("a hardware key: needs an SSH agent that holds it, or --transport openssh".into());
        }
        if kind == "ssh-dss" {
            return Err("a DSA key, which SSH servers take no more".into());
        }
        let private = SecretString::from(text);
        Ok(Identity { path: path.to_owned(), private, public, encrypted, passphrase: OnceLock::new() })
    }

    /// The private key as the file has it.
    pub(super) fn private(&self) -> &str {
        self.private.expose_secret()
    }

    /// The public key as a line of text, where it is known.
    pub(super) fn public(&self) -> Option<&str> {
        self.public.as_ref().map(|public| public.text.as_str())
    }

    /// The public key as it goes over the wire, where it is known.
    pub(super) fn blob(&self) -> Option<&[u8]> {
        self.public.as_ref().map(|public| public.blob.as_slice())
    }

    /// Whether a passphrase guards it.
    pub(super) fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// The passphrase; asked for once, while the other visits that need it wait.
    pub(super) fn passphrase(&self, ask: &AskPassphrase) -> Option<&str> {
        if !self.encrypted {
            return None;
        }
        self.passphrase.get_or_init(|| ask(&self.path)).as_ref().map(ExposeSecret::expose_secret)
    }
}

/// `KEY.pub` beside `KEY`.
fn public_beside(path: &Path) -> Option<PublicHalf> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    public_in(Path::new(&name))
}

/// The public key of a file that ssh_config names for a private one: of the file itself, or of the one beside it.
pub(super) fn public_key(path: &Path) -> Option<Vec<u8>> {
    public_in(path).or_else(|| public_beside(path)).map(|public| public.blob)
}

fn public_in(path: &Path) -> Option<PublicHalf> {
    let text = input::read_text(path, LARGEST).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let (kind, blob) = (fields.next()?, STANDARD.decode(fields.next()?).ok()?);
    if kind_of(&blob)? == kind { PublicHalf::of_blob(blob) } else { None }
}

/// What is between OpenSSH's BEGIN and END.
fn openssh_body(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(OPENSSH_BEGIN)?;
    let (body, _) = rest.split_once(OPENSSH_END)?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}

/// The part of OpenSSH's key format that is never encrypted; it tells whether the rest is, and holds
/// the public key, so that no `.pub` file is needed and none can disagree.
struct OpensshHeader<'a> {
    cipher: &'a [u8],
    public: &'a [u8],
}

impl<'a> OpensshHeader<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let rest = body.strip_prefix(OPENSSH_MAGIC)?;
        let (cipher, rest) = field(rest)?;
        let (_kdf, rest) = field(rest)?;
        let (_kdf_options, rest) = field(rest)?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (public, _) = field(rest)?;
        (u32::from_be_bytes(*count) == 1).then_some(OpensshHeader { cipher, public })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(name: &str, text: &str) -> Result<Identity, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        Identity::read(&path)
    }

    #[test]
    fn what_is_no_private_key_says_so() {
        let message = |text: &str| read("k", text).expect_err("no key");
        assert!(message("hello").contains("not a private key"));
        assert!(message("ssh-ed25519 AAAA me").contains("public key"));
        assert!(message("PuTTY-User-Key-File-3: ssh-ed25519").contains("puttygen"));
        assert!(message(&format!("{OPENSSH_BEGIN}\nAAAA\n{OPENSSH_END}\n")).contains("not a readable"));
        assert!(Identity::read(Path::new("/nonexistent/key")).is_err());
    }

    #[test]
    fn pem_encryption_is_seen_in_both_forms() {
        let plain = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n";
        let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE\n-----END RSA PRIVATE KEY-----\n";
        let pkcs8 = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let encrypted = |text: &str| read("k", text).expect("a key").encrypted();
        assert_eq!([plain, legacy, pkcs8].map(encrypted), [false, true, true]);
    }
}
