//! Which names are those of secrets, judged by their word parts: `kubelet_token` is one, `keyring`, `authorized_keys` and
//! `token_ttl` are none.

/// How surely a name is that of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sensitivity {
    /// It is not.
    None,
    /// Its texts are secret; its numbers are switches and sizes.
    Texts,
    /// Its numbers are secret as well.
    All,
}

/// Parts that name a secret by themselves.
const SECRETS: [&str; 20] = [
    "pass",
    "passwd",
    "password",
    "passwords",
    "passphrase",
    "passcode",
    "pwd",
    "pw",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "cred",
    "creds",
    "apikey",
    "apikeys",
    "psk",
    "bearer",
];

/// The same where they are written together with others: `dbpassword`.
const WITHIN: [&str; 6] = ["password", "passwd", "passphrase", "secret", "credential", "apikey"];

/// Parts with the letters of a secret in them that name none.
const HARMLESS: [&str; 6] = ["passwordless", "nopasswd", "bypass", "compass", "secretless", "tokenless"];

/// What stands before `key` where the key is a secret for sure.
const KEY_KINDS: [&str; 29] = [
    "access",
    "account",
    "admin",
    "api",
    "app",
    "application",
    "auth",
    "bootstrap",
    "client",
    "customer",
    "encrypt",
    "encryption",
    "ingest",
    "ingestion",
    "integration",
    "license",
    "master",
    "private",
    "recovery",
    "secret",
    "session",
    "shared",
    "sign",
    "signing",
    "ssh",
    "storage",
    "subscription",
    "unseal",
    "write",
];

/// What stands before `key` where the key is for everybody to see.
const PUBLIC_KINDS: [&str; 8] =
    ["public", "pub", "authorized", "known", "trusted", "gpg", "label", "topology"];

/// Last parts that say where a secret is.
const PLACES: [&str; 8] = ["file", "files", "path", "paths", "dir", "dirs", "directory", "folder"];

/// Last parts that say whose a secret is, or how it is used, and not what it is.
const ABOUT: [&str; 81] = [
    "addr",
    "address",
    "algo",
    "algorithm",
    "algorithms",
    "attempts",
    "audience",
    "backend",
    "bin",
    "binary",
    "claim",
    "count",
    "days",
    "disabled",
    "domain",
    "driver",
    "duration",
    "enable",
    "enabled",
    "encryption",
    "endpoint",
    "endpoints",
    "engine",
    "expiration",
    "expires",
    "expiry",
    "format",
    "group",
    "groups",
    "host",
    "hostname",
    "hosts",
    "image",
    "interval",
    "issuer",
    "length",
    "lifetime",
    "max",
    "method",
    "methods",
    "min",
    "mode",
    "modes",
    "name",
    "names",
    "namespace",
    "namespaces",
    "owner",
    "period",
    "permissions",
    "plugin",
    "plugins",
    "policy",
    "port",
    "prefix",
    "provider",
    "region",
    "repo",
    "repository",
    "required",
    "retries",
    "review",
    "scope",
    "scopes",
    "size",
    "sock",
    "socket",
    "tag",
    "tags",
    "timeout",
    "tries",
    "ttl",
    "type",
    "types",
    "uri",
    "url",
    "urls",
    "user",
    "username",
    "version",
    "versions",
];

/// Whether a variable, a key or a flag of this name is likely to hold a secret.
pub fn is_secret_name(name: &str) -> bool {
    let parts = parts(name);
    match sensitivity_of(&parts) {
        Sensitivity::None => false,
        Sensitivity::Texts => !ends_in_place(&parts),
        Sensitivity::All => true,
    }
}

/// How surely a name is that of a secret.
pub(super) fn sensitivity(name: &str) -> Sensitivity {
    sensitivity_of(&parts(name))
}

/// Whether a name says that its value is a place in a file system.
pub(super) fn is_place(name: &str) -> bool {
    ends_in_place(&parts(name))
}

/// Whether a name is that of a key: its value may be the key's file.
pub(super) fn is_key(name: &str) -> bool {
    parts(name).last().is_some_and(|last| last == "key")
}

/// Whether a name says that its value is an address: there a user alone may be a token.
pub(super) fn is_address(name: &str) -> bool {
    const ADDRESSES: [&str; 14] = [
        "proxy",
        "proxies",
        "mirror",
        "mirrors",
        "registry",
        "registries",
        "url",
        "urls",
        "uri",
        "endpoint",
        "endpoints",
        "address",
        "addr",
        "dsn",
    ];
    parts(name).iter().any(|part| ADDRESSES.contains(&part.as_str()))
}

fn ends_in_place(parts: &[String]) -> bool {
    parts.last().is_some_and(|last| PLACES.contains(&last.as_str()))
}

fn sensitivity_of(parts: &[String]) -> Sensitivity {
    // `passwords_by_user` are passwords all the same.
    let is_of_each = parts.iter().any(|part| ["by", "for", "per"].contains(&part.as_str()));
    if !is_of_each && parts.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return Sensitivity::None;
    }
    let of_part = |(at, part): (usize, &String)| match part.as_str() {
        // A file of a key is no key, whatever it is called.
        "key" | "keys" => {
            key(parts, at).min(if ends_in_place(parts) { Sensitivity::Texts } else { Sensitivity::All })
        }
        // In Ansible, variables in clear that stand for encrypted ones; `authorization` as a header.
        "auth" | "auths" | "cookie" | "cookies" | "vault" => Sensitivity::Texts,
        "authorization" if at + 1 == parts.len() => Sensitivity::Texts,
        part if is_secret_part(part) => Sensitivity::All,
        _ => Sensitivity::None,
    };
    parts.iter().enumerate().map(of_part).max().unwrap_or(Sensitivity::None)
}

/// Whether `key`, the part at this place, is a secret: `api_key` is one, and so is `key` at the end of most names.
fn key(parts: &[String], at: usize) -> Sensitivity {
    let before = at.checked_sub(1).map(|before| parts[before].as_str());
    match before {
        Some(kind) if PUBLIC_KINDS.contains(&kind) => Sensitivity::None,
        Some(kind) if KEY_KINDS.contains(&kind) => Sensitivity::All,
        // `keys` of a file or a flag are its names.
        _ if at + 1 == parts.len() && parts[at] == "key" => Sensitivity::Texts,
        _ => Sensitivity::None,
    }
}

fn is_secret_part(part: &str) -> bool {
    let ends = |end: &str| part.len() > end.len() && part.ends_with(end);
    !HARMLESS.contains(&part)
        && (SECRETS.contains(&part)
            || WITHIN.iter().any(|word| part.contains(word))
            || ["pass", "pwd", "pw", "token", "tokens"].iter().any(|end| ends(end))
            || part.strip_suffix("key").is_some_and(|kind| KEY_KINDS.contains(&kind)))
}

/// The words of a name, in lower case and without numbers: `dd-api-key`, `dd_api_key1` and `ddApiKey` have the same.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        let next_is_lower = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        let is_new_word = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || before.is_ascii_digit() || before.is_uppercase() && next_is_lower
            });
        if (is_new_word || !c.is_alphanumeric()) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if c.is_alphanumeric() {
            part.extend(c.to_lowercase());
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    // `unseal_key_1`, `password2`: one of several.
    for part in &mut parts {
        part.truncate(part.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    }
    parts.retain(|part| !part.is_empty());
    parts
}
