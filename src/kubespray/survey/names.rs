//! Which of the inventory's variables anybody reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::findings::{Findings, some};
use super::view::{OF_HOSTS, View};
use crate::facts::Fact;
use crate::inventory::nearest_within;

/// Names that Ansible itself or its connection plugins read, by how they begin.
const ANSIBLES: [&str; 3] = ["ansible_", "__ansible_", "pipelining"];

/// Shorter names are near to many others.
const COMPARED_FROM: usize = 6;
/// In names of this length one may slip twice.
const LONG: usize = 16;

/// Which variables nobody reads.
pub(super) struct Unread {
    pub(super) removed: Fact<Vec<String>>,
    pub(super) leftover: Fact<Vec<String>>,
    pub(super) misspelt: Fact<Vec<String>>,
    pub(super) unread: Fact<Vec<String>>,
}

/// Judges every name that any layer of the inventory sets.
pub(super) fn survey(view: &View<'_>) -> Unread {
    let set = set(view);
    let source = "inventory";
    let (mut removed, mut leftover) = (Findings::default(), Findings::default());
    for gone in &view.demands.gone {
        let Some(places) = set.get(gone.name.as_str()) else { continue };
        let instead =
            gone.instead.as_ref().map_or_else(|| "remove it".to_owned(), |it| format!("use `{it}`"));
        let since =
            if gone.since.is_empty() { "any more".to_owned() } else { format!("since {}", gone.since) };
        let (name, places, source) = (&gone.name, some_of(places), &gone.source);
        let told = format!("`{name}` ({places}) is not read {since}; {instead}");
        match gone.instead.is_some() || gone.refused {
            true => removed.say(format!("{told} ({source})")),
            false => leftover.say(told),
        }
    }
    let (removed, leftover) = (removed.into_fact(source), leftover.into_fact(source));
    let Some(known) = &view.demands.names else {
        let absent = || Fact::absent("the built-in table of releases, which has no list of variables");
        return Unread { removed, leftover, misspelt: absent(), unread: absent() };
    };
    let read = read(view, set.keys().copied().collect());
    let (mut misspelt, mut unread) = (Findings::default(), Findings::default());
    let gone: BTreeSet<&str> = view.demands.gone.iter().map(|gone| gone.name.as_str()).collect();
    for (name, places) in &set {
        let is_ansibles = ANSIBLES.iter().any(|start| name.starts_with(start));
        let is_of_hosts = OF_HOSTS.contains(name);
        if known.read.contains(*name)
            || is_ansibles
            || is_of_hosts
            || gone.contains(name)
            || read.contains(name)
        {
            continue;
        }
        let told = format!("`{name}` ({}) is never read", some_of(places));
        match (meant(name, &known.settable), longer(name, &known.settable)) {
            (Some(near), _) => misspelt.say(format!("{told}; did you mean `{near}`?")),
            (None, Some(longer)) => unread.say(format!("{told}; there is `{longer}`")),
            (None, None) => unread.say(told),
        }
    }
    Unread { removed, leftover, misspelt: misspelt.into_fact(source), unread: unread.into_fact(source) }
}

/// The name that was mistyped. `kube_node_prefix_2` is no slip of `kube_node_prefix_1`, and short names are near to many.
fn meant<'n>(name: &str, settable: &'n BTreeSet<String>) -> Option<&'n str> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let slips = match name.len() {
        0..COMPARED_FROM => return None,
        COMPARED_FROM..LONG => 1,
        _ => 2,
    };
    let candidates = settable.iter().map(String::as_str).filter(|near| digits(name) == digits(near));
    nearest_within(slips, name, candidates)
}

/// The name that this one is a part of: `helm` of `helm_enabled`.
fn longer<'n>(name: &str, settable: &'n BTreeSet<String>) -> Option<&'n str> {
    let (as_start, as_end) = (format!("{name}_"), format!("_{name}"));
    let is_longer = |it: &&str| it.starts_with(&as_start) || it.ends_with(&as_end);
    let longer: Vec<&str> = settable.iter().map(String::as_str).filter(is_longer).collect();
    let switch = longer.iter().find(|it| **it == format!("{name}_enabled"));
    switch.or(if longer.len() == 1 { longer.first() } else { None }).copied()
}

/// Every name that is set, and where.
fn set<'v>(view: &'v View<'_>) -> BTreeMap<&'v str, Vec<String>> {
    let mut set: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for layer in view.inventory.layers() {
        for name in layer.variables.keys() {
            let (places, place) = (set.entry(name).or_default(), layer.place_of(name));
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    set
}

fn some_of(places: &[String]) -> String {
    some(&places.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Those of `names` that a template of the inventory itself reads.
fn read<'v>(view: &View<'_>, names: BTreeSet<&'v str>) -> BTreeSet<&'v str> {
    let mut read = BTreeSet::new();
    let mut texts: Vec<&Value> = view.inventory.layers().flat_map(|layer| layer.variables.values()).collect();
    while let Some(value) = texts.pop() {
        match value {
            Value::String(text) if text.contains("{{") || text.contains("{%") => {
                let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                read.extend(words.filter_map(|word| names.get(word).copied()));
            }
            Value::Array(items) => texts.extend(items),
            Value::Object(fields) => texts.extend(fields.values()),
            _ => {}
        }
    }
    read
}
