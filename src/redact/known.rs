//! Secrets that are known by their origin: what was decrypted, typed at a prompt or given as a password variable. They are
//! remembered for the life of the process, so that they are found wherever they show.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use serde_json::Value;

use super::name::{Sensitivity, is_place, sensitivity};
use super::settings::is_switch;
use super::span::Spans;

/// Shorter ones would be found in every other word, and `eth0` or `sudo` in every report.
const SHORTEST: usize = 5;
/// So long ones with digits or signs in them are found within words too.
const TELLING: usize = 8;

/// Words that stand in every report for other reasons, or that its readers look for: as secrets they are none.
const PUBLIC_WORDS: [&str; 77] = [
    "absent",
    "access",
    "admin",
    "administrator",
    "airworthy",
    "ansible",
    "authenticate",
    "calico",
    "centos",
    "changeme",
    "check",
    "cluster",
    "config",
    "connect",
    "containerd",
    "debian",
    "declined",
    "default",
    "devbox",
    "docker",
    "error",
    "facts",
    "fail",
    "failed",
    "false",
    "fedora",
    "fixed",
    "flag",
    "handoff",
    "handshake",
    "home",
    "host",
    "host-key",
    "info",
    "infra",
    "interrupted",
    "inventory",
    "known",
    "kubernetes",
    "kubespray",
    "live",
    "local",
    "localhost",
    "lost",
    "no-go",
    "node",
    "none",
    "not-applicable",
    "not-judged",
    "null",
    "nvidia",
    "openpai",
    "pass",
    "password",
    "planned",
    "refused",
    "report",
    "rerun",
    "resolve",
    "restored",
    "root",
    "runc",
    "scale",
    "schema",
    "secret",
    "service",
    "stuck",
    "true",
    "ubuntu",
    "unknown",
    "untouched",
    "upgrade",
    "user",
    "vagrant",
    "waived",
    "warning",
    "worker",
];

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);
/// Whether there is any: nearly always there is none, and nothing is locked.
static ANY: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct Known {
    secrets: HashSet<String>,
    /// Names that everybody sees: of hosts and groups.
    public: HashSet<String>,
    /// Texts that everybody has: of the checks and profiles that ship.
    published: Vec<&'static str>,
    /// Made when it is first needed after a change.
    search: Option<Arc<Search>>,
}

struct Search {
    automaton: AhoCorasick,
    secrets: Vec<String>,
}

/// Remembers a secret. What is too short to be told from other words, and what everybody knows, is not.
pub fn remember(secret: &str) {
    let whole = secret.trim();
    let mut forms: Vec<String> = vec![whole.to_owned()];
    if whole.contains('\n') {
        // Lines of a key and the like show one by one.
        let lines = whole.lines().map(str::trim).filter(|line| line.len() >= 2 * TELLING);
        forms.extend(lines.map(str::to_owned));
    }
    // As it stands in JSON, and in what Rust's `{:?}` shows.
    if let Ok(quoted) = serde_json::to_string(whole)
        && quoted.len() != whole.len() + 2
    {
        forms.push(quoted[1..quoted.len() - 1].to_owned());
    }
    forms.retain(|form| is_telling(form));
    if forms.is_empty() {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for form in forms {
        if known.secrets.insert(form) {
            known.search = None;
        }
    }
    ANY.store(true, Ordering::Release);
}

/// Remembers every text and number of a value, such as of a file that was decrypted.
pub fn remember_all(value: &Value) {
    match value {
        Value::String(text) => remember(text),
        Value::Number(number) => remember(&number.to_string()),
        Value::Array(items) => items.iter().for_each(remember_all),
        Value::Object(fields) => fields.values().for_each(remember_all),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Remembers the texts of a variable whose name is that of a password or a token. Templates name their secrets only, and a number
/// stands in an inventory for other reasons too: it is hidden by its name alone.
pub fn remember_named(name: &str, value: &Value) {
    let is_secret = sensitivity(name) == Sensitivity::All && !is_place(name);
    let is_template = |text: &str| text.contains("{{") || text.contains("{%");
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match value {
        Value::String(text) if is_secret && !is_template(text) && !is_number(text) => remember(text),
        Value::Array(items) => items.iter().for_each(|item| remember_named(name, item)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| remember_named(key, value)),
        _ => {}
    }
}

/// Names that are no secrets, whatever else has the same letters: those of hosts and groups.
pub fn publish<'n>(names: impl IntoIterator<Item = &'n str>) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for name in names {
        known.public.insert(name.to_owned());
    }
    known.search = None;
}

/// Texts of the program's own that reports repeat: a word of them is no secret, such as `/var/lib/docker` or a version that
/// stands in a file that was decrypted.
pub fn publish_texts(texts: impl IntoIterator<Item = &'static str>) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.published.extend(texts);
    known.search = None;
}

/// Whether a text has a word that is this one, whole.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    text.match_indices(word).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + word.len()..]);
        let behind = behind.strip_prefix(['.', '/']).unwrap_or(behind); // the end of a sentence
        !before.ends_with(joins) && !behind.starts_with(joins)
    })
}

/// Whether a text holds a remembered secret.
pub fn holds_known(text: &str) -> bool {
    let mut spans = Spans::default();
    find(text, &mut spans);
    !spans.is_empty()
}

/// Whether [`find`] may find something.
pub(super) fn is_in(text: &str) -> bool {
    search().is_some_and(|search| search.automaton.is_match(text))
}

/// Finds every remembered secret.
pub(super) fn find(text: &str, spans: &mut Spans) {
    let Some(search) = search() else { return };
    let mut at = 0;
    while let Some(found) = search.automaton.find(Input::new(text).span(at..text.len())) {
        let secret = &search.secrets[found.pattern().as_usize()];
        let (before, behind) =
            (text[..found.start()].chars().next_back(), text[found.end()..].chars().next());
        if stands_alone(secret, before, behind) {
            spans.add(found.range());
            at = found.end();
        } else {
            at = found.start() + text[found.start()..].chars().next().map_or(1, char::len_utf8);
        }
    }
}

/// Whether letters like those of a secret are the secret, and no part of another word.
fn stands_alone(secret: &str, before: Option<char>, behind: Option<char>) -> bool {
    let is_plain_word = secret.chars().all(|c| c.is_lowercase() || c == '-' || c == '_');
    let has_letters = secret.chars().any(char::is_alphabetic);
    if secret.len() >= TELLING && has_letters && !is_plain_word {
        return true;
    }
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || has_letters && "-_".contains(c));
    // A number is not its beginning, nor an address a longer one's.
    !joins(before) && !joins(behind)
}

fn is_telling(secret: &str) -> bool {
    let is_public = PUBLIC_WORDS.iter().any(|word| word.eq_ignore_ascii_case(secret));
    secret.chars().count() >= SHORTEST && !is_switch(secret) && !is_public
}

fn search() -> Option<Arc<Search>> {
    if !ANY.load(Ordering::Acquire) {
        return None;
    }
    if let Some(search) = &KNOWN.read().unwrap_or_else(PoisonError::into_inner).search {
        return Some(Arc::clone(search));
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let is_public = |secret: &String| {
        known.public.contains(secret) || known.published.iter().any(|text| has_word(text, secret))
    };
    let secrets: Vec<String> = known.secrets.iter().filter(|secret| !is_public(secret)).cloned().collect();
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&secrets);
    let search = Arc::new(Search { automaton: built.ok()?, secrets });
    known.search = Some(Arc::clone(&search));
    Some(search)
}
