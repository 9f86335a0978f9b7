//! What `%h` and the like, `~` and `${VARIABLE}` stand for.

use std::env;
use std::path::PathBuf;

/// What tokens stand for; those of which nothing is known stay as they are.
#[derive(Clone, Debug, Default)]
pub(in crate::transport) struct Tokens {
    /// `%h`: the host's real name.
    pub(in crate::transport) host: String,
    /// `%n`: as it was asked for.
    pub(in crate::transport) asked: Option<String>,
    /// `%k`: its alias among the known hosts.
    pub(in crate::transport) alias: Option<String>,
    /// `%p`.
    pub(in crate::transport) port: Option<u16>,
    /// `%r`: who logs in.
    pub(in crate::transport) remote_user: Option<String>,
    /// `%u`: who runs this.
    pub(in crate::transport) local_user: Option<String>,
}

impl Tokens {
    /// Only `%h` is known.
    pub(super) fn of_host(host: &str) -> Self {
        Tokens { host: host.to_owned(), ..Tokens::default() }
    }

    /// The text with its tokens replaced.
    pub(in crate::transport) fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match characters.next() {
                Some('%') => out.push('%'),
                Some(token) => match self.value(token) {
                    Some(value) => out.push_str(&value),
                    None => out.extend(['%', token]),
                },
                None => out.push('%'),
            }
        }
        out
    }

    fn value(&self, token: char) -> Option<String> {
        match token {
            'h' => Some(self.host.clone()),
            'n' => self.asked.clone(),
            'k' => self.alias.clone().or_else(|| self.asked.clone()),
            'p' => self.port.map(|port| port.to_string()),
            'r' => self.remote_user.clone(),
            'u' => self.local_user.clone(),
            'd' => env::home_dir().map(|home| home.display().to_string()),
            'i' => Some(rustix::process::getuid().as_raw().to_string()),
            'l' => Some(this_machine()),
            'L' => this_machine().split('.').next().map(str::to_owned),
            _ => None,
        }
    }

    /// A path: `~`, `${VARIABLE}` and tokens replaced.
    pub(in crate::transport) fn path(&self, text: &str) -> PathBuf {
        expand_home(&self.expand(&with_variables(text)))
    }
}

fn this_machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// `${NAME}` as the environment has it; what is not set stays as it is.
fn with_variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((env::var(name).ok()?, after))) {
            Some((value, after)) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out + rest
}

/// `~/…` as a path in the user's home.
pub(in crate::transport) fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix('~'), env::home_dir()) {
        (Some(""), Some(home)) => home,
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    }
}
