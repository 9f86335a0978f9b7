//! The word that frames an answer: 128 random bits, new for every visit.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A boundary no host can guess, and none is told but by the stdin of our own shells: letters, digits, `-` and `_`. It stands in an answer some hundred times, so it is written
/// short.
///
/// # Errors
/// When the system gives no random bits.
pub fn random() -> Result<String, String> {
    let mut bits = [0u8; 16];
    getrandom::fill(&mut bits).map_err(|error| format!("no random bits: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}
