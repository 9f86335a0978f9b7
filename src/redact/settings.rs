//! Settings within a text whose names are those of secrets: `password: …`, `--token=…`, `--token …`, `sshpass -p …`.

use super::beginning;
use super::name::{Sensitivity, is_secret_name, sensitivity};
use super::span::Spans;

/// Whether [`find`] may find something; much quicker than that.
pub(super) fn may_be_in(text: &str) -> bool {
    text.contains(['=', ':']) || text.contains('-') && text.contains(' ') || text.contains("sshpass ")
}

/// Finds the values of such settings, each to the end of its line.
pub(super) fn find(text: &str, spans: &mut Spans) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        if let Some(at) = value_in(content).into_iter().chain(word_behind(content)).min() {
            spans.add(start + at..start + content.trim_end().len().max(at));
        }
        start += line.len();
    }
}

/// The same for a file that cannot be parsed: whatever follows a word of a secret's name and a sign.
pub(super) fn find_roughly(text: &str, spans: &mut Spans) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_word = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let mut names = line.split_inclusive(|c| !is_word(c)).scan(0, |at, piece| {
            *at += piece.len();
            Some((*at - piece.len(), piece.trim_end_matches(|c| !is_word(c))))
        });
        if let Some((at, _)) = names.find(|(_, name)| is_secret_name(name))
            && let Some(sign) = line[at..].find(['=', ':'])
        {
            let at = at + sign + 1;
            let value = line[at..].trim_matches(|c: char| c.is_whitespace() || c == ',');
            if !is_switch(value) {
                spans.add(start + at..start + line.trim_end_matches('\n').len());
            }
        }
        start += line.len();
    }
}

/// Whether a text is one of Ansible's words for a boolean, or nothing.
pub(super) fn is_switch(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']);
    ["", "true", "false", "yes", "no", "on", "off", "none", "null"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
}

/// Where the value begins of the first setting with a secret's name, and where what `sshpass` is given does.
fn value_in(line: &str) -> Option<usize> {
    let setting = line.match_indices(['=', ':']).find_map(|(at, sign)| {
        let behind = &line[at + sign.len()..];
        let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let start = before.rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)));
        let name =
            &before[start.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8))..];
        // `image:tag`, `url://`, `/etc/token: Permission denied` and `a hardware key: …` are no settings, and `==` compares.
        let is_setting = match sign {
            ":" if start.is_some_and(|at| before[at..].starts_with('/')) || name == "key" => false,
            // `"name":"value"` is one, as JSON has it.
            ":" => {
                behind.starts_with(char::is_whitespace)
                    || line[..at].ends_with(['"', '\''])
                    || name == "auth" && !behind.starts_with('/')
            }
            _ => !behind.starts_with('='),
        };
        let sensitivity = sensitivity(name.trim_start_matches('-'));
        if !is_setting || sensitivity == Sensitivity::None || !is_secret_name(name) {
            return None;
        }
        let value = behind.trim_start();
        let beginning = beginning(value, 4096);
        let first = beginning.split([' ', ',', ';', '}', '&']).next().unwrap_or_default();
        let is_public = match sensitivity {
            Sensitivity::Texts => is_switch(first) || first.bytes().all(|byte| byte.is_ascii_digit()),
            _ => is_switch(first),
        };
        // `sshpass: not found` is what a program says of a thing.
        let is_said = sign == ":" && is_sentence(beginning);
        let is_path = super::value::is_path(name, beginning);
        (!is_said && !is_public && !is_path && !value.is_empty()).then(|| line.len() - value.len())
    });
    let sshpass = line.find("sshpass ").map(|at| at + "sshpass ".len());
    setting.into_iter().chain(sshpass).min()
}

/// Whether this is what is said of a thing, and no value of a setting.
fn is_sentence(text: &str) -> bool {
    const SAID: [&str; 8] =
        ["denied", "expired", "failed", "invalid", "missing", "refused", "required", "unauthorized"];
    let text = text.trim_end();
    let Some(first) = text.split_whitespace().next() else { return false };
    let is_word = first.trim_end_matches(',').bytes().all(|byte| byte.is_ascii_lowercase());
    is_word && (first != text || SAID.contains(&text))
}

/// Where the word begins that follows a flag with a secret's name (`--token abc`), or one for user and password.
fn word_behind(line: &str) -> Option<usize> {
    let flag = line.match_indices(" -").map(|(at, _)| at + 1).chain(line.starts_with('-').then_some(0));
    let mut flags: Vec<usize> = flag.collect();
    flags.sort_unstable();
    flags.into_iter().find_map(|at| {
        let (flag, behind) = line[at..].split_once(' ')?;
        let value = behind.trim_start();
        let is_secret = flag.starts_with("--") && is_secret_flag(flag) && !value.starts_with('-');
        // `curl -u joe:…`
        let is_login = ["-u", "-U", "--user", "--proxy-user"].contains(&flag)
            && value.split(' ').next().is_some_and(|word| word.contains(':') && !word.contains("://"));
        ((is_secret || is_login) && !value.is_empty()).then(|| line.len() - value.len())
    })
}

/// Whether what follows this word of a command line is a secret.
pub(super) fn is_secret_flag(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    let is_secret = match sensitivity(name) {
        Sensitivity::All => true,
        // `--proxy-auth joe:…`
        Sensitivity::Texts => name.ends_with("auth"),
        Sensitivity::None => name == "pw", // of plink
    };
    word.starts_with('-') && !name.contains('=') && is_secret && !super::name::is_place(name)
}
