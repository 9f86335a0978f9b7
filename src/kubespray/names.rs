//! The names of a checkout's variables: those that may be set, and those that are read.

use std::collections::BTreeSet;

use super::checkout::Checkout;
use super::demands::CheckoutError;
use crate::inventory::RoleVars;

/// The names of variables that a release knows.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Those that have a default, or stand in the sample inventory: what a user may have meant.
    pub settable: BTreeSet<String>,
    /// Those, and every name in an expression. What is not among them is never read.
    pub read: BTreeSet<String>,
    /// Those that have a default, are read in an expression, or are set by the sample inventory. What is not among them, the
    /// release does without; a line of the sample that is commented out proves nothing.
    pub(super) in_use: BTreeSet<String>,
}

/// The folders with what the playbooks run.
const FOLDERS: [&str; 4] = ["roles", "playbooks", "extra_playbooks", "inventory/sample"];
/// The playbooks at the top, of any release.
const PLAYBOOKS: [&str; 8] = [
    "ansible_version.yml",
    "cluster.yml",
    "facts.yml",
    "legacy_groups.yml",
    "remove-node.yml",
    "reset.yml",
    "scale.yml",
    "upgrade-cluster.yml",
];
/// Keys of tasks whose values are expressions without braces; `with_items` and its like, too.
const BARE: [&str; 7] = ["when", "that", "failed_when", "changed_when", "until", "var", "loop"];

/// Reads the names.
pub(super) fn read(checkout: &Checkout, defaults: &RoleVars) -> Result<Names, CheckoutError> {
    let mut names = Names { settable: defaults.names().map(str::to_owned).collect(), ..Names::default() };
    let mut paths: Vec<String> = PLAYBOOKS.map(str::to_owned).into();
    for folder in FOLDERS {
        paths.extend(checkout.files(folder)?);
    }
    for path in paths {
        let is_yaml = path.ends_with(".yml") || path.ends_with(".yaml");
        if !is_yaml && !path.ends_with(".j2") {
            continue;
        }
        let Some(text) = checkout.text(&path)? else { continue };
        if path.starts_with("inventory/sample/") {
            names.settable.extend(shown(&text).map(str::to_owned));
            names.in_use.extend(keys(&text).map(str::to_owned));
        }
        // The vars of a role cannot be set, but they are read.
        if is_yaml && path.contains("/vars/") {
            names.read.extend(shown(&text).map(str::to_owned));
        }
        within_braces(&text, &mut names.read);
        if is_yaml {
            bare(&text, &mut names.read);
        }
    }
    names.in_use.extend(names.read.iter().cloned().chain(defaults.names().map(str::to_owned)));
    names.read.extend(names.settable.iter().cloned());
    Ok(names)
}

/// The keys at the left margin of a file of variables, those too that are commented out.
fn shown(text: &str) -> impl Iterator<Item = &str> {
    let uncommented =
        text.lines().map(|line| line.strip_prefix("# ").or_else(|| line.strip_prefix('#')).unwrap_or(line));
    uncommented.filter_map(key)
}

/// The keys at the left margin of a file of variables.
fn keys(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(key)
}

/// The key of a line that begins with a variable.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    let is_name = key.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(key)
}

/// The words of `{{ … }}` and `{% … %}`.
fn within_braces(text: &str, names: &mut BTreeSet<String>) {
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        rest = &rest[start + 1..];
        let end = match rest.as_bytes().first() {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => continue,
        };
        let inside = &rest[..rest.find(end).unwrap_or(rest.len())];
        words(inside, names);
        rest = &rest[inside.len()..];
    }
}

/// The words of expressions that stand without braces, with the lines that belong to them.
fn bare(text: &str, names: &mut BTreeSet<String>) {
    let mut expression: Option<usize> = None;
    for line in text.lines() {
        let content = line.trim_start_matches([' ', '-']);
        let is_item = line.trim_start().starts_with('-');
        let (margin, at) = (line.len() - line.trim_start().len(), line.len() - content.len());
        if content.is_empty() {
            continue;
        }
        if expression.is_some_and(|key| margin > key || (margin == key && is_item)) {
            words(content, names);
            continue;
        }
        expression = None;
        if let Some((key, value)) = content.split_once(':')
            && (BARE.contains(&key) || key.starts_with("with_"))
        {
            words(value, names);
            expression = Some(at);
        }
    }
}

fn words(text: &str, names: &mut BTreeSet<String>) {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for word in words.filter(|word| (2..=64).contains(&word.len())) {
        if !word.starts_with(|c: char| c.is_ascii_digit()) && !names.contains(word) {
            names.insert(word.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_expressions_and_nowhere_else() {
        let mut names = BTreeSet::new();
        let task = "\
- name: Install metrics_server for everybody
  include_role: {name: kubernetes-apps/metrics_server}
  when:
  - metrics_server_enabled
  - inventory_hostname in groups['kube_node']
  tags: [metrics_tag]
- debug: msg=\"{{ first_word | default(hostvars[item]['second_word']) }}\"
  with_items: old_list
  until: result.rc == 0 or
    third_word
  retries: 4 # fourth_word
";
        within_braces(task, &mut names);
        bare(task, &mut names);
        for read in
            ["metrics_server_enabled", "first_word", "second_word", "old_list", "third_word", "groups"]
        {
            assert!(names.contains(read), "{read} is read: {names:?}");
        }
        for other in ["metrics_server", "metrics_tag", "fourth_word", "everybody"] {
            assert!(!names.contains(other), "{other} is not read: {names:?}");
        }
    }

    #[test]
    fn an_open_brace_ends_with_the_text() {
        let mut names = BTreeSet::new();
        within_braces("{ x: {{ one_name {% two_name", &mut names);
        assert_eq!(names, BTreeSet::from(["one_name".to_owned(), "two_name".to_owned()]));
    }

    #[test]
    fn the_sample_shows_names_that_are_commented_out() {
        let text = "## A word: of explanation\n# helm_enabled: false\n#upstream_dns_servers:\nkube_version: 1\n  nested: 2\n# Note: no\n";
        let shown: Vec<&str> = shown(text).collect();
        assert_eq!(shown, ["helm_enabled", "upstream_dns_servers", "kube_version"]);
    }
}
