//! Which variables are likely to hold secrets, by their names, and what in a value is one.

/// What stands for a secret.
pub const STARS: &str = "********";

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
        false => word(&WORDS) || name.ends_with("key") || name.split('_').any(|part| part == "pw"),
    }
}

/// `https://user:password@host` without the user and the password; a user alone may be a token, apart from ssh's.
pub fn without_users(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (scheme, behind) = rest.split_at(at + 3);
        shown.push_str(scheme);
        let end = behind.find(|c: char| c.is_whitespace() || "/'\",".contains(c)).unwrap_or(behind.len());
        let user = behind[..end].rfind('@').unwrap_or(0);
        let harmless = scheme.ends_with("ssh://") && !behind[..user].contains(':');
        if user > 0 && !harmless {
            shown.push_str(STARS);
            rest = &behind[user..];
        } else {
            rest = behind;
        }
    }
    shown + rest
}
