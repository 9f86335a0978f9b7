//! What `ansible-vault` would write, for tests that need secrets of their own.

use aes::Aes256;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A text in the format 1.1, encrypted with this password.
pub(crate) fn encrypt(password: &str, text: &str) -> String {
    let salt = [7u8; 32];
    let mut keys = [0u8; 80];
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, 10_000, &mut keys);
    let padding = 16 - text.len() % 16;
    let mut content = text.as_bytes().to_vec();
    content.extend(std::iter::repeat_n(u8::try_from(padding).expect("at most 16"), padding));
    let mut cipher = ctr::Ctr128BE::<Aes256>::new_from_slices(&keys[..32], &keys[64..]).expect("lengths fit");
    cipher.apply_keystream(&mut content);
    let mut mac = <Hmac<Sha256>>::new_from_slice(&keys[32..64]).expect("any length");
    mac.update(&content);
    let signature = mac.finalize().into_bytes();
    let inner = [hex(&salt), hex(&signature), hex(&content)].join("\n");
    let outer = hex(inner.as_bytes());
    let lines: Vec<&str> =
        outer.as_bytes().chunks(80).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("$ANSIBLE_VAULT;1.1;AES256\n{}\n", lines.join("\n"))
}

/// The same as a value in YAML.
pub(crate) fn encrypt_value(password: &str, text: &str) -> String {
    let lines: Vec<String> = encrypt(password, text).lines().map(|line| format!("  {line}\n")).collect();
    format!("!vault |\n{}", lines.concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
