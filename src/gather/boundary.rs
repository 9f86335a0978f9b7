//! The word that frames an answer: 128 random bits, new for every visit.

/// A boundary no host can guess.
///
/// # Errors
/// When the system gives no random bits.
pub fn random() -> Result<String, String> {
    let mut bits = [0u8; 16];
    getrandom::fill(&mut bits).map_err(|error| format!("no random bits: {error}"))?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}
