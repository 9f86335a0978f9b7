//! Secrets that are known by their form: addresses with a password, private keys, bearer tokens, texts of ansible-vault, and
//! tokens whose makers give them a prefix.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::beginning;
use super::span::Spans;

/// What tokens begin with that can be told by it, with the least number of characters behind.
const PREFIXES: [(&str, usize); 15] = [
    ("AGE-SECRET-KEY-1", 16),
    ("AKIA", 16),
    ("ASIA", 16),
    ("dckr_pat_", 16),
    ("dop_v1_", 32),
    ("eyJ", 20),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("ghu_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("hvs.", 20),
    ("xoxb-", 16),
    ("xoxp-", 16),
];

/// How long the line is at the most that announces a key or a vault text, in bytes.
const HEADER: usize = 256;

/// Without one of these no text holds a secret by its form.
static TRIGGERS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = ["@", "PRIVATE KEY", "PuTTY-User-Key-File", "$ANSIBLE_VAULT;", "earer ", "EARER "];
    AhoCorasick::new(words.into_iter().chain(PREFIXES.map(|(prefix, _)| prefix))).ok()
});

/// Characters that end an address in a text.
fn ends_address(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')
}

/// Whether a text may hold such a secret.
pub(super) fn may_be_in(text: &str) -> bool {
    TRIGGERS.as_ref().is_none_or(|triggers| triggers.is_match(text))
}

/// Finds all of them.
pub(super) fn find(text: &str, spans: &mut Spans) {
    if !may_be_in(text) {
        return;
    }
    find_addresses(text, spans);
    find_private_keys(text, spans);
    find_vault_texts(text, spans);
    find_bearers(text, spans);
    find_prefixed(text, spans);
}

/// Finds users and passwords in URLs, and in addresses without a scheme: `joe:pw@proxy:3128`.
pub(super) fn find_addresses(text: &str, spans: &mut Spans) {
    if !text.contains('@') {
        return;
    }
    let mut urls: Vec<Range<usize>> = Vec::new();
    let starts: Vec<(usize, usize)> =
        text.match_indices("://").map(|(at, _)| (scheme(text, at), at + 3)).collect();
    for (number, &(from, start)) in starts.iter().enumerate() {
        let limit = starts.get(number + 1).map_or(text.len(), |next| next.0.max(start));
        let rest = &text[start..limit];
        let (user, end) = user_of_url(&text[from..start], rest);
        if let Some(user) = user {
            spans.add(start..start + user);
        }
        urls.push(from..start + end);
    }
    let mut urls = urls.iter().peekable();
    // Where the last URL ends that begins before the token does end.
    let (mut at, mut url_end) = (0, 0);
    for token in text.split(ends_address) {
        let start = at;
        at = start + token.len() + text[start + token.len()..].chars().next().map_or(0, char::len_utf8);
        while let Some(url) = urls.next_if(|url| url.start < start + token.len()) {
            url_end = url_end.max(url.end);
        }
        if token.contains('@')
            && url_end <= start
            && let Some(user) = user_without_scheme(token)
        {
            spans.add(start + user.start..start + user.end);
        }
    }
}

/// Where the scheme begins that ends before `://` at this place.
fn scheme(text: &str, at: usize) -> usize {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    text[..at]
        .rfind(|c: char| !is_scheme(c))
        .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8))
}

/// How long user and password are that a URL begins with, behind its scheme, and how long the URL is. A password may hold what
/// RFC 3986 wants encoded: `/`, `@`, `'`.
fn user_of_url(scheme: &str, rest: &str) -> (Option<usize>, usize) {
    let end = rest.find(ends_address).unwrap_or(rest.len());
    let run = &rest[..end];
    let authority = run.find(['/', '?', '#']).map_or(run, |end| &run[..end]);
    if let Some(at) = authority.rfind('@') {
        let user = &authority[..at];
        if !user.contains(':') {
            let is_login = user.is_empty() || scheme.ends_with("ssh://");
            return ((!is_login).then_some(at), end);
        }
        // With a password: whatever has an `@` behind it may be a part of it.
        return (run.rfind('@'), end);
    }
    let Some((_, port)) = authority.split_once(':').filter(|_| !authority.starts_with('[')) else {
        return (None, end);
    };
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        let at = run.rfind('@').filter(|at| has_port(&run[at + 1..]));
        return (at, end);
    }
    match run.rfind('@') {
        Some(at) => (Some(at), end),
        // A quote within the password ended it too early.
        None => {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (rest[..end].rfind('@').filter(|_| !port.is_empty()), end)
        }
    }
}

/// Whether this is `host:port`, and perhaps a path.
fn has_port(text: &str) -> bool {
    let (host, rest) = text.split_at(host_length(text));
    let port = rest.strip_prefix(':').map(|rest| rest.split(['/', ',']).next().unwrap_or_default());
    !host.is_empty()
        && port.is_some_and(|port| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()))
}

/// How long the host's name or address is that a text begins with.
fn host_length(text: &str) -> usize {
    if text.starts_with('[') {
        return text.find(']').map_or(0, |end| end + 1);
    }
    text.find(|c: char| !(c.is_alphanumeric() || ".-_".contains(c))).unwrap_or(text.len())
}

/// User and password in `joe:pw@proxy:3128`.
fn user_without_scheme(token: &str) -> Option<Range<usize>> {
    let at = token.rfind('@')?;
    let behind = &token[at + 1..];
    let length = host_length(behind);
    let after = behind[length..].chars().next();
    // An image's digest is no host.
    let is_host = length > 0
        && after.is_none_or(|c| ":/,;)]}|.".contains(c))
        && !["sha256:", "sha512:"].iter().any(|digest| behind.starts_with(digest));
    if !is_host {
        return None;
    }
    let before = &token[..at];
    let colon = before.find(':')?;
    let start = before[..colon].rfind(|c: char| "=,;([{|".contains(c)).map_or(0, |it| it + 1);
    let start = if before[start..].starts_with("//") { start + 2 } else { start };
    let (user, password) = (&before[start..colon], &before[colon + 1..]);
    let is_user = user.chars().all(|c| c.is_alphanumeric() || "._%+-$\\".contains(c));
    // `nfs1:/export@snapshot` and `mailto:joe@host` are no logins.
    let is_path = password.starts_with('/') && !has_port(behind);
    let is_login = is_user && !password.is_empty() && !is_path && !["mailto", "sip", "xmpp"].contains(&user);
    is_login.then_some(start..at)
}

fn find_private_keys(text: &str, spans: &mut Spans) {
    if let Some(at) = text.find("PuTTY-User-Key-File") {
        spans.add(at..text.len());
    }
    let mut behind = 0;
    for (at, _) in text.match_indices("-----BEGIN ") {
        if at < behind
            || !beginning(&text[at..], HEADER).lines().next().unwrap_or_default().contains("PRIVATE KEY")
        {
            continue;
        }
        let end = text[at..].find("-----END ").map(|end| {
            let last = at + end + "-----END ".len();
            last + text[last..].find("-----").map_or(text.len() - last, |end| end + 5)
        });
        // One without an end takes the rest, and what begins within one is a part of it.
        behind = end.unwrap_or(text.len());
        spans.add(at..behind);
    }
}

fn find_vault_texts(text: &str, spans: &mut Spans) {
    let mut behind = 0;
    for (at, _) in text.match_indices("$ANSIBLE_VAULT;") {
        if at < behind {
            continue;
        }
        let first = beginning(&text[at..], HEADER);
        let head = at + first.find(char::is_whitespace).unwrap_or(first.len());
        let more = text[head..].find(|c: char| !(c.is_ascii_hexdigit() || c.is_whitespace()));
        let end = more.map_or(text.len(), |more| head + more);
        // A word behind it that begins like a hexadecimal number is none of it.
        let last_blank = || text[at..end].rfind(char::is_whitespace).map(|blank| at + blank);
        let whole = last_blank().filter(|_| end < text.len()).unwrap_or(end);
        spans.add(at..at + text[at..whole.max(head)].trim_end().len());
        behind = end;
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._~+/=-".contains(c)
}

fn find_bearers(text: &str, spans: &mut Spans) {
    for (at, word) in ["earer ", "EARER "].iter().flat_map(|word| text.match_indices(word)) {
        let start = at + word.len();
        let rest = text[start..].trim_start_matches(' ');
        let start = text.len() - rest.len();
        let token = &rest[..rest.find(|c| !is_token(c)).unwrap_or(rest.len())];
        let is_one = token.len() >= 20 || token.len() >= 6 && token.bytes().any(|byte| byte.is_ascii_digit());
        if is_one && text[..at].ends_with(['b', 'B']) {
            spans.add(start..start + token.len());
        }
    }
}

fn find_prefixed(text: &str, spans: &mut Spans) {
    for (prefix, least) in PREFIXES {
        let mut behind = 0;
        for (at, _) in text.match_indices(prefix) {
            if at < behind || text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &text[at + prefix.len()..];
            let is_part =
                |c: char| c.is_ascii_alphanumeric() || "_-".contains(c) || prefix == "eyJ" && c == '.';
            let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            behind = at + prefix.len() + length;
            // A JSON Web Token has three parts.
            if length >= least && (prefix != "eyJ" || rest[..length].matches('.').nth(1).is_some()) {
                spans.add(at..behind);
            }
        }
    }
}
