//! What was found for one host.

use std::collections::BTreeMap;

use super::tokens::Tokens;

/// Options that change how a host is reached or who gets in, and that libssh2 cannot obey.
const ONLY_OPENSSH: [&str; 11] = [
    "addressfamily",
    "bindaddress",
    "bindinterface",
    "canonicalizehostname",
    "certificatefile",
    "hostbasedauthentication",
    "knownhostscommand",
    "pkcs11provider",
    "proxyusefdpass",
    "securitykeyprovider",
    "verifyhostkeydns",
];

/// What was found for one host; of most keywords the first value counts.
#[derive(Debug, Default)]
pub(in crate::transport) struct Settings {
    single: BTreeMap<String, String>,
    /// Every `IdentityFile`, each once.
    pub(in crate::transport) identity_files: Vec<String>,
    /// What is not obeyed, or makes no sense.
    pub(in crate::transport) notes: Vec<String>,
}

impl Settings {
    /// A value; where it was written, unless that was the command line.
    pub(super) fn take(&mut self, keyword: &str, value: &str, place: Option<&str>) {
        match keyword {
            "identityfile" => {
                if !self.identity_files.iter().any(|known| known == value) {
                    self.identity_files.push(value.to_owned());
                }
                return;
            }
            // Whichever comes first rules the other out.
            "proxycommand" | "proxyjump"
                if self.single.contains_key("proxycommand") || self.single.contains_key("proxyjump") =>
            {
                return;
            }
            _ => {}
        }
        let is_off = matches!(value, "no" | "none" | "any" | "false");
        if ONLY_OPENSSH.contains(&keyword) && !is_off && !self.single.contains_key(keyword) {
            let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
            self.note(format!("{place}`{keyword}` is not obeyed; --transport openssh does"));
        }
        // On the command line several files are one word, in a file they are words already.
        let value = match (keyword, place) {
            ("userknownhostsfile" | "globalknownhostsfile", None) => {
                value.split_ascii_whitespace().collect::<Vec<_>>().join("\u{1f}")
            }
            _ => value.to_owned(),
        };
        self.single.entry(keyword.to_owned()).or_insert(value);
    }

    /// What was said of a keyword that has one value.
    pub(in crate::transport) fn one(&self, keyword: &str) -> Option<&str> {
        self.single.get(keyword).map(String::as_str)
    }

    /// What was said of a keyword that has several.
    pub(in crate::transport) fn several(&self, keyword: &str) -> Option<Vec<&str>> {
        Some(self.one(keyword)?.split('\u{1f}').collect())
    }

    /// Whether a keyword was said to be `yes`.
    pub(in crate::transport) fn is_yes(&self, keyword: &str) -> bool {
        self.one(keyword).is_some_and(|value| matches!(value, "yes" | "true"))
    }

    /// Puts the name that was asked for into `HostName`.
    pub(super) fn replace_host(&mut self, asked: &str) {
        if let Some(name) = self.single.get_mut("hostname") {
            *name = Tokens::of_host(asked).expand(name);
        }
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
