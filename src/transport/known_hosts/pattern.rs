//! The names field of a known_hosts line: patterns, or one hashed name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Which hosts a line is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// `|1|salt|hash`: HMAC-SHA1 of one name.
    Hashed {
        /// The key of the HMAC.
        salt: Vec<u8>,
        /// The HMAC of the name.
        hash: Vec<u8>,
    },
    /// A comma list, lowercase. A match of a `!pattern` outweighs every other.
    Patterns(Vec<String>),
}

impl Names {
    /// `None` when the field is malformed.
    pub(super) fn parse(field: &str) -> Option<Self> {
        if let Some(hashed) = field.strip_prefix("|1|") {
            let (salt, hash) = hashed.split_once('|')?;
            return Some(Names::Hashed {
                salt: STANDARD.decode(salt).ok()?,
                hash: STANDARD.decode(hash).ok()?,
            });
        }
        if field.starts_with('|') {
            return None;
        }
        let patterns: Vec<String> =
            field.split(',').filter(|name| !name.is_empty()).map(str::to_lowercase).collect();
        (!patterns.is_empty()).then_some(Names::Patterns(patterns))
    }

    /// The names, where looking them up in a map is the same as matching.
    pub(super) fn plain(&self) -> Option<&[String]> {
        match self {
            Names::Patterns(patterns) if !patterns.iter().any(|name| name.contains(['*', '?', '!'])) => {
                Some(patterns)
            }
            _ => None,
        }
    }

    /// Whether `name` (lowercase; `[host]:port` unless the port is 22) is meant.
    pub(super) fn match_name(&self, name: &str) -> bool {
        match self {
            Names::Hashed { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
                .is_ok_and(|mac| mac.chain_update(name.as_bytes()).verify_slice(hash).is_ok()),
            Names::Patterns(patterns) => {
                let mut meant = false;
                for pattern in patterns {
                    match pattern.strip_prefix('!') {
                        Some(pattern) if glob(pattern.as_bytes(), name.as_bytes()) => return false,
                        Some(_) => {}
                        None => meant |= glob(pattern.as_bytes(), name.as_bytes()),
                    }
                }
                meant
            }
        }
    }
}

/// `*` and `?`, in time that a hostile pattern cannot blow up: only the last `*` is ever revisited.
pub(in crate::transport) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match last_star {
                Some((star, from)) => {
                    last_star = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(field: &str, name: &str) -> bool {
        Names::parse(field).is_some_and(|names| names.match_name(name))
    }

    #[test]
    fn patterns_match_as_openssh_has_them() {
        assert!(matches("node1,10.0.0.1", "10.0.0.1"));
        assert!(matches("NODE1", "node1"));
        assert!(!matches("node1", "node10"));
        assert!(matches("*.example.org", "a.b.example.org"));
        assert!(!matches("*.example.org", "example.org"));
        assert!(matches("node?", "node1"));
        assert!(!matches("node?", "node"));
        assert!(matches("[127.0.*]:2222", "[127.0.1.5]:2222"));
        assert!(matches("*,!bad*", "good"));
        assert!(!matches("*,!bad*", "bad1"));
        assert!(!matches("!bad", "good"), "a negation alone means nobody");
    }

    #[test]
    fn hashed_names_match() {
        let field = "|1|c2FsdHNhbHRzYWx0c2FsdHNhbHQ=|";
        let salt = STANDARD.decode("c2FsdHNhbHRzYWx0c2FsdHNhbHQ=").expect("base64");
        let mac = Hmac::<Sha1>::new_from_slice(&salt).expect("any length").chain_update(b"[h]:2222");
        let field = format!("{field}{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert!(matches(&field, "[h]:2222"));
        assert!(!matches(&field, "h"));
        assert_eq!(Names::parse("|2|a|b"), None);
        assert_eq!(Names::parse("|1|!!|b"), None);
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(40);
        assert!(!glob(format!("{pattern}b").as_bytes(), "a".repeat(4000).as_bytes()));
    }
}
