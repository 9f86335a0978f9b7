//! What kubespray's own asserts compare: choices, booleans, removed variables, needed groups, versions of Ansible.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::inventory::{RoleVars, read_yaml};

/// The conditions of one file's asserts, and the vars of its plays and tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Asserts {
    conditions: Vec<Condition>,
    vars: BTreeMap<String, Value>,
}

#[derive(Clone, Debug)]
struct Condition {
    text: String,
    /// Where it stands.
    file: String,
    /// What its task loops over; null where it does not.
    items: Value,
    /// Its task's `when`, as written.
    when: Vec<String>,
}

/// What a variable may be, as an assert lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The values.
    pub(super) values: Vec<String>,
    /// Where all of these hold.
    pub(super) when: Vec<String>,
    /// Where the assert stands.
    pub(super) file: String,
}

/// A condition at which a release stops where it does not hold, as a survey evaluates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    /// As written.
    pub(super) text: String,
    /// Where it stands.
    pub(super) file: String,
    /// Where all of these hold.
    pub(super) when: Vec<String>,
    /// The names in it and in its `when`.
    pub(super) names: BTreeSet<String>,
    /// The names in it alone.
    pub(super) names_of_text: BTreeSet<String>,
}

/// Networks of pods and services, which are judged by themselves, without filters of Python's.
const NETWORKS: [&str; 3] = ["kube_pods_subnet", "kube_service_addresses", "kube_network_node_prefix"];

/// Facts of hosts that checks of their own judge, and what they are called: `os-systemd`, `os-supported`, `memory-minimum`,
/// `ip-matches-inventory`, `kernel-version`.
const FACTS_OF_OTHER_CHECKS: [&str; 6] =
    ["service_mgr", "distribution", "memtotal_mb", "all_ipv4_addresses", "all_ipv6_addresses", "kernel"];

/// What Ansible knows of one run: its --limit and its tags. Asserts about them are about no deployment of the whole inventory.
const OF_A_RUN: [&str; 3] = ["ansible_limit", "ansible_run_tags", "ansible_skip_tags"];

impl Assertion {
    /// Whether checks of their own judge what it compares, or it is about the flags of one run.
    pub(super) fn is_judged_elsewhere(&self) -> bool {
        static FACT: LazyLock<Regex> = LazyLock::new(|| {
            pattern(r#"\bansible_facts(?:\[\s*['"](\w+)['"]\s*\]|\.(\w+))|\bansible_(\w+)"#)
        });
        // The list of distributions that a release supports.
        static SUPPORTED: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"^ansible_(?:distribution|os_family)\s+in\s+\["));
        if SUPPORTED.is_match(&self.text) || OF_A_RUN.iter().any(|name| self.names.contains(*name)) {
            return true;
        }
        let facts = FACT.captures_iter(&self.text);
        let mut facts = facts.filter_map(|found| found.iter().skip(1).flatten().next());
        facts.any(|fact| FACTS_OF_OTHER_CHECKS.contains(&fact.as_str()))
            || NETWORKS.iter().any(|name| self.text.contains(name))
    }

    /// Whether hosts with the same variables may differ in it: it asks who they are, or for their groups.
    pub(super) fn depends_on_the_host(&self) -> bool {
        ["group_names", "groups", "hostvars", "inventory_hostname"]
            .iter()
            .any(|name| self.names.contains(*name))
    }

    /// The variables that it compares itself, beside the conditions under which it does.
    pub(super) fn variables_of_text(&self) -> impl Iterator<Item = &str> {
        const NOT_SET: [&str; 4] = ["group_names", "groups", "hostvars", "inventory_hostname"];
        self.names_of_text.iter().map(String::as_str).filter(|name| !NOT_SET.contains(name))
    }
}

/// The names of variables in an expression: no texts, attributes, filters, tests or operators.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"'[^']*'|"[^"]*"|\|\s*[A-Za-z_][\w.]*|\bis\s+(?:not\s+)?[A-Za-z_][\w.]*|\.[A-Za-z_]\w*|([A-Za-z_]\w*)"#,
        )
    });
    const OPERATORS: [&str; 9] = ["and", "or", "not", "in", "if", "else", "true", "false", "is"];
    let names = NAME.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str()));
    names.filter(|name| !OPERATORS.contains(name))
}

impl Asserts {
    /// Those that nothing else here reads, for the network plugin `plugin` where one is told.
    pub(super) fn assertions(&self, plugin: Option<&str>) -> Vec<Assertion> {
        /// What is read by itself, or judged over networks.
        static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
            pattern(
                r"type_debug|\bitem\b|groups\.get\(|groups\.etcd\s*\|\s*length|groups\[['\x22]etcd['\x22]\]\s*\|\s*length|removed_vars_found|ipaddr|^kube_version is version|^inventory_hostname is match|^[a-z0-9_]+\s+is\s+(?:not\s+defined|undefined)$",
            )
        });
        let conditions = self.conditions.iter().filter(|condition| !ELSEWHERE.is_match(&condition.text));
        let of = |condition: &Condition| {
            let mut when = condition.when.clone();
            when.extend(plugin.map(|plugin| match plugin {
                "cilium" => "kube_network_plugin == 'cilium' or cilium_deploy_additionally | default(false) | bool".to_owned(),
                plugin => format!("kube_network_plugin == '{plugin}'"),
            }));
            let texts = when.iter().chain([&condition.text]);
            Assertion {
                names: texts.flat_map(|text| names_in(text)).map(str::to_owned).collect(),
                names_of_text: names_in(&condition.text).map(str::to_owned).collect(),
                text: condition.text.clone(),
                file: condition.file.clone(),
                when,
            }
        };
        conditions.map(of).collect()
    }

    /// Adds those of a file of tasks or plays.
    ///
    /// # Errors
    /// Where it is not YAML.
    pub(super) fn add(&mut self, path: &str, text: &str) -> Result<(), String> {
        let file = read_yaml(Path::new(path), text)
            .map_err(|complaint| format!("line {}: {}", complaint.line, complaint.message))?;
        self.walk(path, &file, &[], 0);
        Ok(())
    }

    fn walk(&mut self, path: &str, value: &Value, above: &[String], depth: usize) {
        if depth > 16 {
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(path, item, above, depth + 1)),
            Value::Object(task) => {
                let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let mut when = above.to_vec();
                match task.get("when") {
                    Some(Value::Array(many)) => when.extend(many.iter().map(text)),
                    Some(Value::Null) | None => {}
                    Some(one) => when.push(text(one)),
                }
                if let Some(Value::Object(vars)) = task.get("vars") {
                    self.vars.extend(vars.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                for name in ["assert", "ansible.builtin.assert"] {
                    let conditions: Vec<&str> = match task.get(name).and_then(|assert| assert.get("that")) {
                        Some(Value::String(one)) => vec![one],
                        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
                        _ => continue,
                    };
                    let items =
                        task.get("with_items").or_else(|| task.get("loop")).cloned().unwrap_or_default();
                    self.conditions.extend(conditions.into_iter().map(|text| Condition {
                        text: text.trim().to_owned(),
                        file: path.to_owned(),
                        items: items.clone(),
                        when: when.clone(),
                    }));
                }
                for inner in ["tasks", "pre_tasks", "block"] {
                    if let Some(inner) = task.get(inner) {
                        self.walk(path, inner, &when, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    /// What variables may be, by name.
    pub(super) fn choices(&self) -> BTreeMap<String, Choice> {
        static ONE_OF: LazyLock<Regex> = LazyLock::new(|| {
            pattern(r"^([a-z][a-z0-9_]*)(?:\s*\|\s*d(?:efault)?\([^()]*\))?\s+in\s+\[([^\[\]]*)\]$")
        });
        let mut choices = BTreeMap::new();
        for Condition { text, file, when, .. } in &self.conditions {
            let Some(found) = ONE_OF.captures(text) else { continue };
            // One that is compared in some cases only may be something else in others.
            let own = |when: &String| {
                ["ignore_assert_errors", "cloud_provider", "inventory_hostname", &found[1]]
                    .iter()
                    .any(|name| when.contains(name))
            };
            if when.iter().all(own) {
                let choice = Choice { values: quoted(&found[2]), when: when.clone(), file: file.clone() };
                choices.insert(found[1].to_owned(), choice);
            }
        }
        choices
    }

    /// Variables that have to be booleans, and a file that says so.
    pub(super) fn booleans(&self) -> Option<(Vec<String>, String)> {
        static DIRECT: LazyLock<Regex> =
            LazyLock::new(|| pattern(r#"^([a-z][a-z0-9_.]*)\s*\|\s*type_debug\s*==\s*['"]bool['"]$"#));
        let mut names = Vec::new();
        let mut place = None;
        for Condition { text: condition, file, items, .. } in &self.conditions {
            let Some(found) = DIRECT.captures(condition) else { continue };
            place = Some(file.clone());
            match &found[1] {
                // Before 2.28: a loop over names and values.
                "item.value" => names.extend(names_of(items)),
                name => names.push(name.to_owned()),
            }
        }
        names.sort();
        names.dedup();
        Some((names, place?))
    }

    /// Variables that must not be there any more; for each the file.
    pub(super) fn removed(&self) -> Vec<(String, String)> {
        static UNDEFINED: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"^([a-z][a-z0-9_]*)\s+is\s+(?:not\s+defined|undefined)$"));
        let mut removed: Vec<(String, String)> = Vec::new();
        for Condition { text: condition, file, .. } in &self.conditions {
            if let Some(found) = UNDEFINED.captures(condition) {
                removed.push((found[1].to_owned(), file.clone()));
            }
            if condition.starts_with("removed_vars_found") {
                let listed = self.vars.get("removed_vars").and_then(Value::as_array).into_iter().flatten();
                removed.extend(listed.filter_map(Value::as_str).map(|name| (name.to_owned(), file.clone())));
            }
        }
        removed
    }

    /// The groups that may not be empty, and a file that says so.
    pub(super) fn groups(&self) -> Option<(Vec<String>, String)> {
        static DIRECT: LazyLock<Regex> = LazyLock::new(|| pattern(r"groups\.get\(\s*'([a-z0-9_-]+)'\s*\)"));
        static LOOPED: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"^groups\.get\(\s*(?:'\{\{\s*item\s*\}\}'|item)\s*\)$"));
        let mut groups: Vec<String> = Vec::new();
        let mut place = None;
        for Condition { text: condition, file, items, .. } in &self.conditions {
            // Before 2.25: a loop over names, with a template inside until 2.21.
            if LOOPED.is_match(condition) {
                let listed = items.as_array().into_iter().flatten();
                groups.extend(listed.filter_map(Value::as_str).map(str::to_owned));
                place = Some(file.clone());
            }
            for found in DIRECT.captures_iter(condition) {
                groups.push(found[1].to_owned());
                place = Some(file.clone());
            }
        }
        groups.sort();
        groups.dedup();
        Some((groups, place?))
    }

    /// The distributions in an assert of old releases, whether they are families, and the file.
    pub(super) fn distributions(&self) -> Option<(Vec<String>, bool, String)> {
        let choices = self.choices();
        let of = |name: &str, families| {
            let choice = choices.get(name)?;
            Some((choice.values.clone(), families, choice.file.clone()))
        };
        of("ansible_distribution", false).or_else(|| of("ansible_os_family", true))
    }

    /// The lowest Ansible, the lowest that is too new, and the file.
    pub(super) fn ansible(&self, vars: &RoleVars) -> Option<(String, Option<String>, String)> {
        static VERSION: LazyLock<Regex> = LazyLock::new(|| {
            pattern(
                r#"^ansible_version\.string\s+is\s+version\(\s*(\w+|["'][0-9.]+["'])\s*,\s*["'](>=|<)["']"#,
            )
        });
        let (mut min, mut below) = (None, None);
        for Condition { text: condition, file, .. } in &self.conditions {
            let Some(found) = VERSION.captures(condition) else { continue };
            let told = &found[1];
            let version = match told.trim_matches(['"', '\'']) {
                plain if plain != told => Some(plain.to_owned()),
                name => match self.vars.get(name).cloned().or_else(|| vars.value_of(name).ok().flatten()) {
                    Some(Value::String(text)) => Some(text),
                    Some(Value::Number(number)) => Some(number.to_string()),
                    _ => None,
                },
            };
            match &found[2] {
                ">=" => min = version.map(|version| (version, file.clone())),
                _ => below = version,
            }
        }
        let (min, file) = min?;
        Some((min, below, file))
    }
}

/// `name` of the items of a loop over `{name: …, value: …}`.
fn names_of(items: &Value) -> Vec<String> {
    let items = items.as_array().into_iter().flatten();
    items.filter_map(|item| item.get("name")?.as_str().map(str::to_owned)).collect()
}

/// The texts in quotes in a list.
fn quoted(list: &str) -> Vec<String> {
    static TEXT: LazyLock<Regex> = LazyLock::new(|| pattern(r#"'([^']*)'|"([^"]*)""#));
    TEXT.captures_iter(list)
        .filter_map(|found| Some(found.get(1).or_else(|| found.get(2))?.as_str().to_owned()))
        .collect()
}

/// A pattern of this file.
fn pattern(text: &str) -> Regex {
    #[allow(clippy::unwrap_used)] // constant; the tests use each
    Regex::new(text).unwrap()
}

#[cfg(test)]
mod tests {
    use super::{Asserts, Choice, names_in};
    use crate::inventory::RoleVars;

    fn asserts(text: &str) -> Asserts {
        let mut asserts = Asserts::default();
        asserts.add("tasks/main.yml", text).expect("YAML");
        asserts
    }

    const FILE: &str = "tasks/main.yml";

    #[test]
    fn choices_are_whole_conditions_only() {
        let choices = asserts(
            "- assert: {that: \"a_b in ['x', 'y-z']\"}\n- block:\n    - ansible.builtin.assert:\n        that:\n          \
             - c|d('script') in [\"script\", 'none']\n          - a in ['n'] or b == 'm'\n          - e in others\n\
             - assert: {that: \"g in ['h']\"}\n  when: [not ignore_assert_errors, x == 'y']\n",
        )
        .choices();
        let wanted = [("a_b", vec!["x", "y-z"]), ("c", vec!["script", "none"])];
        let wanted = wanted.map(|(name, of)| {
            let values = of.into_iter().map(str::to_owned).collect();
            (name.to_owned(), Choice { values, when: Vec::new(), file: FILE.to_owned() })
        });
        assert_eq!(choices, wanted.into());
    }

    #[test]
    fn names_are_variables_and_nothing_else() {
        let names = |text| names_in(text).collect::<Vec<_>>();
        assert_eq!(
            names("kube_version in kubeadm_checksums[image_arch]"),
            ["kube_version", "kubeadm_checksums", "image_arch"]
        );
        assert_eq!(names("a | default('b') | int is not version(c, '>=') or d.e.f"), ["a", "c", "d"]);
    }

    #[test]
    fn both_ways_to_ask_for_booleans_are_read() {
        let old = asserts(
            "- assert:\n    that: item.value|type_debug == 'bool'\n  with_items:\n    - { name: run_once, value: \"{{ run_once }}\" }\n",
        );
        assert_eq!(old.booleans(), Some((vec!["run_once".to_owned()], FILE.to_owned())));
        let new = asserts("- assert: {that: [\"helm_enabled | type_debug == 'bool'\"]}\n");
        assert_eq!(new.booleans(), Some((vec!["helm_enabled".to_owned()], FILE.to_owned())));
        assert_eq!(asserts("- debug: {msg: x}\n").booleans(), None);
    }

    #[test]
    fn removed_variables_and_needed_groups_are_read() {
        let read = asserts(
            "- vars:\n    removed_vars: [old_one]\n  assert: {that: removed_vars_found | length == 0}\n\
             - assert: {that: old_two is not defined}\n- assert: {that: \"groups.get('{{ item }}')\"}\n  with_items: [kube_node]\n\
             - assert: {that: groups.get( item )}\n  with_items: [kube_other]\n- assert: {that: x}\n  with_items: [not_me]\n\
             - assert: {that: \"groups.get( 'etcd') != [] or x\"}\n",
        );
        let removed = ["old_one", "old_two"].map(|name| (name.to_owned(), FILE.to_owned()));
        assert_eq!(read.removed(), removed);
        let groups = ["etcd", "kube_node", "kube_other"].map(str::to_owned).to_vec();
        assert_eq!(read.groups(), Some((groups, FILE.to_owned())));
    }

    #[test]
    fn the_range_of_ansible_is_read() {
        let vars = RoleVars::of([]).expect("no variables");
        let new = asserts(
            "- hosts: all\n  vars: {minimal: 2.16.4, maximal: 2.17.0}\n  tasks:\n    - assert:\n        that:\n          \
             - ansible_version.string is version(minimal, \">=\")\n          - ansible_version.string is version(maximal, \"<\")\n",
        );
        let wanted = ("2.16.4".to_owned(), Some("2.17.0".to_owned()), FILE.to_owned());
        assert_eq!(new.ansible(&vars), Some(wanted));
        let old = asserts(
            "- hosts: x\n  tasks:\n  - assert: {that: ['ansible_version.string is version(\"2.7.8\", \">=\")']}\n",
        );
        assert_eq!(old.ansible(&vars), Some(("2.7.8".to_owned(), None, FILE.to_owned())));
        let untold = asserts("- assert: {that: 'ansible_version.string is version(unknown, \">=\")'}\n");
        assert_eq!(untold.ansible(&vars), None);
    }
}
