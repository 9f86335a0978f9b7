//! Whether a `Host` or `Match` block is about a host.

use super::Settings;
use super::tokens::Tokens;
use crate::transport::known_hosts::pattern::glob;

/// What conditions are judged by.
#[derive(Debug)]
pub(super) struct Sight {
    /// What `Host` is matched with: as it was asked for, in the final pass the real name.
    pub(super) host: String,
    /// As it was asked for.
    asked: String,
    /// Who runs this.
    user: String,
    /// Whether this is the second pass.
    pub(super) is_final: bool,
    /// Whether a `Match final` wants one.
    pub(super) wants_final: bool,
}

/// The patterns of `Host`: one must match, and no negated one.
pub(super) fn hosts_match(patterns: &[String], host: &str) -> bool {
    let mut meant = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern.as_bytes(), host.as_bytes()) => return false,
            Some(_) => {}
            None => meant |= glob(pattern.as_bytes(), host.as_bytes()),
        }
    }
    meant
}

fn list_matches(list: &str, text: &str) -> bool {
    let patterns: Vec<String> = list.split(',').map(str::to_owned).collect();
    hosts_match(&patterns, text)
}

impl Sight {
    pub(super) fn new(host: &str, user: &str) -> Self {
        Sight {
            host: host.to_owned(),
            asked: host.to_owned(),
            user: user.to_owned(),
            is_final: false,
            wants_final: false,
        }
    }

    /// The terms of `Match`: all must hold. What only ssh can tell does not hold, and is noted.
    pub(super) fn matches(&mut self, terms: &[String], settings: &mut Settings, place: &str) -> bool {
        let mut terms = terms.iter();
        let mut holds = true;
        while let Some(term) = terms.next() {
            let (negated, name) = match term.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, term.as_str()),
            };
            let (name, joined) = match name.split_once('=') {
                Some((name, argument)) => (name, Some(argument.to_owned())),
                None => (name, None),
            };
            let name = name.to_ascii_lowercase();
            let told = match name.as_str() {
                "all" => true,
                "canonical" => false, // names are not canonicalised here
                "final" => {
                    self.wants_final = true;
                    self.is_final
                }
                _ => {
                    let Some(argument) = joined.or_else(|| terms.next().cloned()) else {
                        settings.note(format!("{place}: `Match {name}` lacks its argument"));
                        return false;
                    };
                    match self.attribute(&name, &argument, settings) {
                        Some(told) => told,
                        None if holds => {
                            settings.note(format!(
                                "{place}: `Match {name}` is not judged, and its block is left out; --transport \
                                 openssh obeys it"
                            ));
                            return false;
                        }
                        None => return false,
                    }
                }
            };
            holds &= told != negated;
        }
        holds
    }

    fn attribute(&self, name: &str, argument: &str, settings: &Settings) -> Option<bool> {
        let user = settings.one("user").unwrap_or(&self.user);
        match name {
            "host" => {
                let host = match settings.one("hostname") {
                    Some(name) => Tokens::of_host(&self.host).expand(name),
                    None => self.host.clone(),
                };
                Some(list_matches(&argument.to_lowercase(), &host.to_lowercase()))
            }
            "originalhost" => Some(list_matches(&argument.to_lowercase(), &self.asked.to_lowercase())),
            "user" => Some(list_matches(argument, user)),
            "localuser" => Some(list_matches(argument, &self.user)),
            "tagged" => Some(list_matches(argument, settings.one("tag").unwrap_or_default())),
            _ => None,
        }
    }
}
