//! Host patterns of inventory files: `node[01:50]`, `db-[a:f].example.com:2222`.

use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::source::{Mark, Source};

/// More hosts than this no one deploys with one inventory.
const MAX_HOSTS: usize = 100_000;
/// Nor names that come to more.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Why a pattern stands for no hosts.
#[derive(Debug)]
pub(super) struct Unusable {
    message: String,
    /// Whether Ansible would take it: a bound of this program.
    ours_alone: bool,
}

impl From<&str> for Unusable {
    fn from(message: &str) -> Self {
        Unusable { message: message.to_owned(), ours_alone: false }
    }
}

impl Unusable {
    fn bound(message: String) -> Self {
        Unusable { message, ours_alone: true }
    }

    /// The complaint about a place with such a pattern.
    pub(super) fn complain(self, source: &Source, mark: Mark) -> Diagnostic {
        let help = "write a host name, an address, or a range such as node[01:12]";
        let complaint = source.complain_of_syntax(mark, self.message, help);
        if self.ours_alone { complaint.ours_alone() } else { complaint }
    }
}

/// The hosts a pattern stands for, and the port behind it.
pub(super) fn expand(pattern: &str) -> Result<(Vec<String>, Option<u64>), Unusable> {
    let (address, port) = split_port(pattern);
    let mut names = vec![address.to_owned()];
    // Ansible expands the leftmost range first; so the rightmost one changes fastest.
    while names.iter().any(|name| name.contains('[')) {
        let mut expanded = Vec::with_capacity(names.len());
        // Long names multiply, too.
        if names.len().saturating_mul(pattern.len()) > MAX_BYTES {
            return Err(Unusable::bound(format!(
                "a range whose names are longer than {} MiB",
                MAX_BYTES >> 20
            )));
        }
        for name in names {
            expand_first(&name, &mut expanded)?;
            if expanded.len() > MAX_HOSTS {
                return Err(Unusable::bound(format!("a range of more than {MAX_HOSTS} hosts")));
            }
        }
        names = expanded;
    }
    if pattern.trim().ends_with(':') && port.is_none() {
        return Err("`:` at the end of a host name".into());
    }
    if names.iter().any(|name| name.is_empty()) {
        return Err("an empty host name".into());
    }
    if names.iter().any(|name| name.trim() == "---") {
        return Err("`---` in an INI inventory".into());
    }
    Ok((names, port))
}

fn expand_first(name: &str, into: &mut Vec<String>) -> Result<(), Unusable> {
    let Some((head, rest)) = name.split_once('[') else {
        into.push(name.to_owned());
        return Ok(());
    };
    let (range, tail) = rest.split_once(']').ok_or("`[` without `]` in a host name")?;
    let bounds: Vec<&str> = range.split(':').collect();
    let (begin, end, step) = match bounds.as_slice() {
        [begin, end] => (*begin, *end, 1),
        [begin, end, step] => {
            (*begin, *end, step.parse().ok().filter(|&step| step > 0).ok_or("a range with an unusable step")?)
        }
        _ => return Err("a range that is not `[begin:end]` or `[begin:end:step]`".into()),
    };
    if end.is_empty() {
        return Err("a range without an end".into());
    }
    let begin = if begin.is_empty() { "0" } else { begin };
    for member in members(begin, end, step)? {
        into.push(format!("{head}{member}{tail}"));
    }
    Ok(())
}

fn members(begin: &str, end: &str, step: usize) -> Result<Vec<String>, Unusable> {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let letter = |text: &str| LETTERS.find(text).filter(|_| text.len() == 1);
    if let (Some(from), Some(to)) = (letter(begin), letter(end)) {
        if from > to {
            return Err("a range whose begin is after its end".into());
        }
        return Ok(LETTERS[from..=to].chars().step_by(step).map(String::from).collect());
    }
    let width = if begin.starts_with('0') && begin.len() > 1 { begin.len() } else { 0 };
    if width > 0 && width != end.len() {
        return Err("a range whose begin and end are not of one length".into());
    }
    let number = |text: &str| text.parse::<usize>().map_err(|_| "a range of neither numbers nor letters");
    let (from, to) = (number(begin)?, number(end)?);
    if from > to {
        return Err("a range whose begin is after its end".into());
    }
    if (to - from) / step >= MAX_HOSTS {
        return Err(Unusable::bound(format!("a range of more than {MAX_HOSTS} hosts")));
    }
    Ok((from..=to).step_by(step).map(|number| format!("{number:0width$}")).collect())
}

/// A port counts only behind what can be a host; else the whole is a name.
pub(super) fn split_port(pattern: &str) -> (&str, Option<u64>) {
    let Some((address, port)) = pattern.rsplit_once(':') else { return (pattern, None) };
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return (pattern, None);
    }
    let bracketed = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let host = match bracketed {
        Some(inner) => inner,
        None if without_ranges(address).contains(':') => return (pattern, None),
        None => address,
    };
    match port.parse() {
        Ok(port) if is_host(host) => (host, Some(port)),
        _ => (pattern, None),
    }
}

/// The pattern with a `0` in place of each range.
fn without_ranges(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((head, tail)) = rest.split_once('[') {
        plain.push_str(head);
        match tail.split_once(']') {
            Some((_, after)) => {
                plain.push('0');
                rest = after;
            }
            None => {
                plain.push('[');
                rest = tail;
            }
        }
    }
    plain + rest
}

fn is_host(pattern: &str) -> bool {
    let plain = without_ranges(pattern);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with(['-', '_'])
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    plain.parse::<std::net::Ipv6Addr>().is_ok() || plain.split('.').all(label)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<String> {
        expand(pattern).unwrap().0
    }

    #[test]
    fn ranges_expand_as_in_ansible() {
        assert_eq!(names("n[01:03:2]-[a:b]"), ["n01-a", "n01-b", "n03-a", "n03-b"]);
        assert_eq!(names("n[9:11]"), ["n9", "n10", "n11"]);
        assert_eq!(names("n[:2]"), ["n0", "n1", "n2"]);
        assert_eq!(expand("node1:2222").unwrap(), (vec!["node1".to_owned()], Some(2222)));
        assert_eq!(expand("[fd00::1]:22").unwrap(), (vec!["fd00::1".to_owned()], Some(22)));
        assert_eq!(expand("fd00::1").unwrap(), (vec!["fd00::1".to_owned()], None));
        assert_eq!(expand("n[1:2]:22").unwrap().1, Some(22));
    }

    #[test]
    fn broken_ranges_are_told() {
        for pattern in
            ["n[1:", "n[1]", "n[1:]", "n[01:100]", "n[5:1]", "n[1:9:0]", "n[0:99999999999]", "n:", ""]
        {
            assert!(expand(pattern).is_err(), "{pattern}");
        }
        assert!(expand("n[1:9999][1:9999]").is_err());
    }
}
