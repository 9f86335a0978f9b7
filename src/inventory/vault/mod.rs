//! What `ansible-vault` encrypted, read with the passwords that were given: whole files and single values, formats 1.1
//! and 1.2.

mod envelope;
mod password;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use envelope::Envelope;

pub use password::{VaultSource, read_password};

/// A password and the vault id it is for.
pub struct VaultSecret {
    /// The vault id; `default` where none was given.
    pub label: String,
    /// The password.
    pub password: SecretString,
}

/// The passwords that were given, and the keys that were made of them.
#[derive(Default)]
pub struct Vault {
    secrets: Vec<VaultSecret>,
    /// A key costs ten milliseconds: each is made once, by the password's number and the salt.
    keys: Mutex<HashMap<(usize, Vec<u8>), Keys>>,
}

/// PBKDF2's 80 bytes: the cipher's key, the signature's key, the counter's start.
type Keys = zeroize::Zeroizing<[u8; 80]>;

/// Why something stays encrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no password.
    #[error(
        "encrypted by ansible-vault, and no vault password was given; give --vault-password-file, --vault-id or --ask-vault-pass"
    )]
    NoPassword,
    /// No password fits.
    #[error("encrypted by ansible-vault{}, and no vault password that was given opens it (tried: {})", label.as_ref().map(|label| format!(" with the vault id `{label}`")).unwrap_or_default(), tried.join(", "))]
    WrongPassword {
        /// The vault id it names.
        label: Option<String>,
        /// The vault ids of the passwords that were tried.
        tried: Vec<String>,
    },
    /// It is not what ansible-vault writes.
    #[error("not what ansible-vault writes: {0}; encrypt it anew")]
    Malformed(&'static str),
}

/// The vault ids only.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.secrets.iter().map(|secret| &secret.label)).finish()
    }
}

impl Vault {
    /// A vault that these passwords open.
    pub fn new(secrets: Vec<VaultSecret>) -> Self {
        Vault { secrets, keys: Mutex::default() }
    }

    /// Whether a text is something that `ansible-vault` encrypted.
    pub fn is_encrypted(text: &str) -> bool {
        text.starts_with("$ANSIBLE_VAULT;")
    }

    /// What was encrypted. Passwords of the vault id that the text names are tried first, then all others, as in
    /// Ansible.
    pub fn decrypt(&self, text: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, VaultError> {
        if self.secrets.is_empty() {
            return Err(VaultError::NoPassword);
        }
        let envelope = Envelope::parse(text)?;
        let mut order: Vec<usize> = (0..self.secrets.len()).collect();
        order.sort_by_key(|&at| Some(&self.secrets[at].label) != envelope.label.as_ref());
        for at in &order {
            let keys = self.keys(*at, &envelope.salt);
            if is_signed(&envelope, &keys[32..64]) {
                return envelope.open(&keys[..32], &keys[64..]);
            }
        }
        let tried = order.iter().map(|&at| self.secrets[at].label.clone()).collect();
        Err(VaultError::WrongPassword { label: envelope.label, tried })
    }

    fn keys(&self, at: usize, salt: &[u8]) -> Keys {
        let key = (at, salt.to_vec());
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let mut made = Keys::new([0; 80]);
            let password = self.secrets[at].password.expose_secret().as_bytes();
            pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ITERATIONS, made.as_mut_slice());
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key, made.clone());
            made
        })
    }
}

/// ansible-vault's, for ever.
const ITERATIONS: u32 = 10_000;

/// Whether the signature is that of the content; compared in constant time.
fn is_signed(envelope: &Envelope, key: &[u8]) -> bool {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return false };
    mac.update(&envelope.content);
    mac.verify_slice(&envelope.signature).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Written by ansible-vault 2.19 with the password `pw1`.
    const INLINE: &str = "$ANSIBLE_VAULT;1.2;AES256;dev\n\
        32333337316165363166393333343730323630313263383261613635336339326135646161653234\n\
        6235316334643534386538363330613634316330643839640a663031653035373232363432636363\n\
        66353936646432373638353966303361653931663865663366366161663035353266376561663339\n\
        3863346535626462310a613365666564346339383364396331633039663566646134373536663762\n3135\n";

    fn vault(passwords: &[(&str, &str)]) -> Vault {
        let secret = |(label, password): &(&str, &str)| VaultSecret {
            label: (*label).to_owned(),
            password: SecretString::from(*password),
        };
        Vault::new(passwords.iter().map(secret).collect())
    }

    #[test]
    fn what_ansible_vault_wrote_is_read() {
        for passwords in [
            &[("dev", "pw1")][..],
            &[("default", "pw1")],
            &[("prod", "x"), ("dev", "pw1")],
            &[("dev", "x"), ("prod", "pw1")],
        ] {
            assert_eq!(&vault(passwords).decrypt(INLINE).unwrap()[..], b"x{{ secret }}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert_eq!(Vault::default().decrypt(INLINE).unwrap_err(), VaultError::NoPassword);
        let wrong = vault(&[("dev", "pw2")]).decrypt(INLINE).unwrap_err().to_string();
        assert!(wrong.contains("`dev`") && !wrong.contains("pw2"), "{wrong}");
        let changed = INLINE.replace("3135\n", "3136\n");
        assert!(matches!(vault(&[("dev", "pw1")]).decrypt(&changed), Err(VaultError::WrongPassword { .. })));
        for broken in [
            "$ANSIBLE_VAULT;1.1;AES256\n31\n",
            "$ANSIBLE_VAULT;9;AES256\n31",
            "$ANSIBLE_VAULT;1.1;AES\n31",
            "x",
        ] {
            assert!(
                matches!(vault(&[("d", "p")]).decrypt(broken), Err(VaultError::Malformed(_))),
                "{broken}"
            );
        }
        assert!(!format!("{:?}", vault(&[("dev", "pw1")])).contains("pw1"));
    }
}
