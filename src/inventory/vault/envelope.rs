//! What `ansible-vault` writes: a header, then in hexadecimal a salt, a signature and the content, each in hexadecimal
//! again.

use aes::Aes256;
use ctr::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use super::VaultError;

/// One encrypted file or value.
pub(super) struct Envelope {
    /// The vault id; format 1.2 has one.
    pub(super) label: Option<String>,
    pub(super) salt: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) content: Vec<u8>,
}

impl Envelope {
    pub(super) fn parse(text: &str) -> Result<Envelope, VaultError> {
        let mut lines = text.trim().lines().map(str::trim);
        let header: Vec<&str> = lines.next().unwrap_or_default().split(';').map(str::trim).collect();
        let label = match header[..] {
            ["$ANSIBLE_VAULT", "1.1", "AES256"] => None,
            ["$ANSIBLE_VAULT", "1.2", "AES256", label] => Some(label.to_owned()),
            ["$ANSIBLE_VAULT", ..] => {
                return Err(VaultError::Malformed("its format is not 1.1 or 1.2 with AES256"));
            }
            _ => return Err(VaultError::Malformed("it does not begin with $ANSIBLE_VAULT")),
        };
        let inner = unhex(lines.collect::<String>().as_bytes())?;
        let mut parts = inner.splitn(3, |byte| *byte == b'\n');
        let mut part = || unhex(parts.next().ok_or(VaultError::Malformed("a part is missing"))?);
        Ok(Envelope { label, salt: part()?, signature: part()?, content: part()? })
    }

    /// The content in clear; only for one whose signature was checked.
    pub(super) fn open(self, key: &[u8], counter: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let mut clear = Zeroizing::new(self.content);
        let mut cipher = ctr::Ctr128BE::<Aes256>::new_from_slices(key, counter)
            .map_err(|_| VaultError::Malformed("its key has another length"))?;
        cipher.apply_keystream(&mut clear);
        let padding = usize::from(clear.last().copied().unwrap_or(0));
        let text = clear.len().checked_sub(padding).filter(|_| (1..=16).contains(&padding));
        let text = text.filter(|&end| clear[end..].iter().all(|&byte| usize::from(byte) == padding));
        clear.truncate(text.ok_or(VaultError::Malformed("its end is not padded"))?);
        Ok(clear)
    }
}

fn unhex(text: &[u8]) -> Result<Vec<u8>, VaultError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or(VaultError::Malformed("it is not hexadecimal"))
}
