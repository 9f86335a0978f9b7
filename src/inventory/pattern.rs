//! Ansible's host patterns: `gpu*`, `infra:!node3`, `~re`, `kube_node[0:2]`, `@file`.

use std::collections::HashSet;
use std::net::Ipv6Addr;
use std::path::Path;

use fancy_regex::Regex;

use super::error::{InventoryError, io_reason};
use super::host::Host;
use super::load::Inventory;
use super::nearest::did_you_mean;
use crate::input;
use crate::role::Role;

/// The largest file of patterns, in bytes.
const MOST_BYTES: u64 = input::MIB;

impl Inventory {
    /// The hosts a pattern chooses of those that have a role, in the inventory's order. A choice of nobody is an error.
    pub fn limit(&self, pattern: &str) -> Result<Vec<&Host>, InventoryError> {
        let names = self.select(pattern)?;
        let hosts: Vec<&Host> = self.hosts.iter().filter(|host| names.contains(host.name.as_str())).collect();
        if hosts.is_empty() {
            return Err(wrong(
                pattern,
                "leaves no host to check",
                "choose at least one host that has a role",
            ));
        }
        Ok(hosts)
    }

    /// The exclusions of a pattern that exclude nobody: `!bastion` where there is none, or a slip of the pen.
    pub fn idle_exclusions(&self, pattern: &str) -> Vec<String> {
        let mut parts = parts_of(pattern).unwrap_or_default();
        parts.retain(|part| part.strip_prefix('!').is_some_and(|part| self.matching(part).is_err()));
        parts
    }

    /// The names a pattern chooses. `infra` and `worker` are known in every inventory, by their names alone. A part that
    /// matches nothing is an error, unless it would only exclude.
    pub fn select(&self, pattern: &str) -> Result<HashSet<&str>, InventoryError> {
        let parts = parts_of(pattern)?;
        let (mut chosen, mut and, mut not) = (Vec::new(), Vec::new(), Vec::new());
        for part in &parts {
            match (part.strip_prefix('&'), part.strip_prefix('!')) {
                (Some(part), _) => and.push(part),
                (_, Some(part)) => not.push(part),
                _ => chosen.push(part.as_str()),
            }
        }
        if chosen.is_empty() {
            chosen.push("all");
        }
        let mut names: HashSet<&str> = HashSet::new();
        for part in chosen {
            names.extend(self.matching(part)?);
        }
        for part in and {
            let kept: HashSet<&str> = self.matching(part)?.into_iter().collect();
            names.retain(|name| kept.contains(name));
        }
        for part in not {
            compile(split_subscript(part).0)?;
            let dropped: HashSet<&str> = self.matching(part).unwrap_or_default().into_iter().collect();
            names.retain(|name| !dropped.contains(name));
        }
        Ok(names)
    }

    /// The names one part of a pattern stands for; a group stands for its members.
    fn matching(&self, part: &str) -> Result<Vec<&str>, InventoryError> {
        if let Some(name) = self.names().iter().find(|name| *name == part) {
            return Ok(vec![name]);
        }
        let (expression, subscript) = split_subscript(part);
        let (names, is_known) = self.enumerate(expression)?;
        if names.is_empty() && is_known && subscript.is_none() {
            return Ok(names);
        }
        if names.is_empty() {
            let groups = self.groups.iter().map(|group| group.name.as_str()).chain(["infra", "worker"]);
            let known = groups.chain(self.names().iter().map(String::as_str));
            let help = did_you_mean(expression, known, "`airworthy inventory` lists hosts and groups");
            return Err(wrong(part, "matches no host and no group", &help));
        }
        let last = names.len() - 1;
        let range = match subscript {
            None => 0..=last,
            Some(Subscript::One(at)) => {
                let at =
                    if at < 0 { names.len().checked_sub(at.unsigned_abs()) } else { Some(at.unsigned_abs()) };
                let at = at.filter(|&at| at <= last).ok_or_else(|| {
                    wrong(
                        part,
                        "is beyond the group's hosts",
                        &format!("it has {} hosts, counted from 0", last + 1),
                    )
                })?;
                at..=at
            }
            Some(Subscript::Range(from, to)) => from..=to.unwrap_or(last).min(last),
        };
        let chosen = names.get(range).filter(|chosen| !chosen.is_empty());
        chosen.map(<[&str]>::to_vec).ok_or_else(|| {
            wrong(part, "is beyond the group's hosts", &format!("it has {} hosts, counted from 0", last + 1))
        })
    }

    /// The names, and whether a group matched, empty or not.
    fn enumerate(&self, expression: &str) -> Result<(Vec<&str>, bool), InventoryError> {
        let regex = compile(expression)?;
        let matches = |name: &str| regex.is_match(name).unwrap_or(false);
        let mut found: Vec<&str> = Vec::new();
        let mut matched = false;
        for group in self.groups.iter().map(|group| &group.name).filter(|name| matches(name)) {
            matched = true;
            found.extend(self.members(group));
        }
        for role in [Role::Infra, Role::Worker] {
            // Not by globs: `!worker*` means hosts that are called so, as it does to Ansible.
            if expression == role.as_str() && self.groups.get(role.as_str()).is_none() {
                matched = true;
                let hosts = self.hosts.iter().filter(|host| host.roles.contains(&role));
                found.extend(hosts.map(|host| host.name.as_str()));
            }
        }
        if !matched || expression.starts_with('~') || expression.contains(['.', '?', '*', '[']) {
            found.extend(self.names().iter().map(String::as_str).filter(|name| matches(name)));
        }
        // A host that is found twice counts twice in `*[2]`, as in Ansible.
        Ok((found, matched))
    }
}

fn wrong(pattern: &str, message: &str, help: &str) -> InventoryError {
    InventoryError::Pattern {
        pattern: pattern.to_owned(),
        message: message.to_owned(),
        help: help.to_owned(),
    }
}

/// The parts between commas; without commas, between colons or blanks outside brackets.
fn split(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut in_brackets = false;
    let commas = pattern.contains(',');
    let address = pattern.trim().parse::<Ipv6Addr>().is_ok();
    let parts_end = |c: char| if commas { c == ',' } else { !address && (c == ':' || c.is_whitespace()) };
    for c in pattern.chars() {
        match c {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        if parts_end(c) && (commas || !in_brackets) {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The parts of a pattern, those in files included.
fn parts_of(pattern: &str) -> Result<Vec<String>, InventoryError> {
    let mut parts = Vec::new();
    for part in split(pattern) {
        match part.strip_prefix('@') {
            Some(file) => parts.extend(lines_of(&part, file)?),
            None => parts.push(part),
        }
    }
    Ok(parts)
}

/// The patterns of `@file`, one a line; `#` begins a comment.
fn lines_of(part: &str, file: &str) -> Result<Vec<String>, InventoryError> {
    let text = input::read_named_text(Path::new(file), MOST_BYTES).map_err(|error| {
        wrong(part, &io_reason(&error), "give a readable file with a pattern on each line")
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

enum Subscript {
    One(isize),
    Range(usize, Option<usize>),
}

/// `web[0:2]` as `web` and its subscript; a regular expression has none.
fn split_subscript(part: &str) -> (&str, Option<Subscript>) {
    let subscript = || {
        let (expression, inside) = part.strip_suffix(']')?.rsplit_once('[')?;
        if expression.is_empty() || part.starts_with('~') {
            return None;
        }
        if let Ok(at) = inside.parse() {
            return Some((expression, Subscript::One(at)));
        }
        let (from, to) = inside.split_once([':', '-'])?;
        let to = if to.is_empty() { None } else { Some(to.parse().ok()?) };
        Some((expression, Subscript::Range(from.parse().ok()?, to)))
    };
    subscript().map_or((part, None), |(expression, subscript)| (expression, Some(subscript)))
}

/// A shell glob, or a regular expression behind `~`, matched from the beginning as Python's `match` does.
fn compile(expression: &str) -> Result<Regex, InventoryError> {
    let source = match expression.strip_prefix('~') {
        Some(regex) => format!("\\A(?:{regex})"),
        None => format!("(?s)\\A{}\\z", translate(expression)),
    };
    Regex::new(&source)
        .map_err(|_| wrong(expression, "is not a regular expression", "write it as Python does, behind `~`"))
}

/// A glob as a regular expression: `*`, `?`, `[a-f]`, `[!a-f]`.
fn translate(glob: &str) -> String {
    let mut regex = String::new();
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => match class(rest) {
                Some((class, after)) => {
                    regex.push_str(&class);
                    rest = after;
                }
                None => regex.push_str("\\["),
            },
            _ => regex.push_str(&fancy_regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex
}

/// What follows a `[` as a character class, and what follows its `]`.
fn class(rest: &str) -> Option<(String, &str)> {
    let (negation, rest) = match rest.strip_prefix('!') {
        Some(rest) => ("^", rest),
        None => ("", rest),
    };
    // A `]` that comes first is a member.
    let from = rest.chars().next()?.len_utf8();
    let end = from + rest[from..].find(']')?;
    let mut members = String::new();
    for c in rest[..end].chars() {
        if matches!(c, '\\' | '[' | ']' | '^' | '&' | '~') {
            members.push('\\');
        }
        members.push(c);
    }
    Some((format!("[{negation}{members}]"), &rest[end + 1..]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn patterns_split_as_in_ansible() {
        assert_eq!(split("infra:!node3"), ["infra", "!node3"]);
        assert_eq!(split("a, b[1:2] ,&c"), ["a", "b[1:2]", "&c"]);
        assert_eq!(split("kube_node[0:2]:!n"), ["kube_node[0:2]", "!n"]);
        assert_eq!(split("fd00::1"), ["fd00::1"]);
        assert_eq!(split("~n[0-9]+:&b c"), ["~n[0-9]+", "&b", "c"]);
    }

    #[test]
    fn globs_are_those_of_fnmatch() {
        for (glob, name, matches) in [
            ("gpu*", "gpu-1", true),
            ("gpu?", "gpu12", false),
            ("n[0-2]", "n1", true),
            ("n[!0-2]", "n1", false),
            ("n.1", "nx1", false),
            ("n[", "n[", true),
            ("~n\\d+", "n12x", true),
            ("~n\\d+$", "n12x", false),
        ] {
            assert_eq!(compile(glob).unwrap().is_match(name).unwrap(), matches, "{glob} {name}");
        }
        assert!(compile("~(").is_err());
    }
}
