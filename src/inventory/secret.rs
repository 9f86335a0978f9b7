//! Which variables are likely to hold secrets, by their names.

/// What such a name has in it.
pub(super) const WORDS: [&str; 9] =
    ["pass", "pwd", "secret", "token", "vault", "auth", "credential", "_key", "apikey"];

/// Whether a variable of this name is likely to hold a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let word = |words: &[&str]| words.iter().any(|word| name.contains(word));
    // The path of a key is none.
    match ["_file", "_path", "_dir"].iter().any(|end| name.ends_with(end)) {
        true => word(&WORDS[..4]),
        false => word(&WORDS) || name.ends_with("key"),
    }
}
