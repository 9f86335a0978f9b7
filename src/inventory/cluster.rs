//! What any kind of inventory comes down to: hosts, groups, and layers of variables.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::host::Host;
use super::openpai::OpenPaiConfig;
use super::template::Context;
use super::variables::{Layer, SECRET, is_mapping, merge};

/// A group and its direct members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The hosts that are directly in it, in the order of the files.
    pub hosts: Vec<String>,
    /// The groups that are directly in it, in the order of the files.
    pub children: Vec<String>,
}

/// The groups in the order of the files, found by name.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    groups: Vec<Group>,
    index: HashMap<String, usize>,
}

impl Groups {
    /// The group of that name.
    pub fn get(&self, name: &str) -> Option<&Group> {
        self.index.get(name).map(|&at| &self.groups[at])
    }

    /// The group of that name, to change it.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Group> {
        self.index.get(name).map(|&at| &mut self.groups[at])
    }

    /// The group of that name, new or not.
    pub(super) fn get_or_add(&mut self, name: &str) -> &mut Group {
        let at = *self.index.entry(name.to_owned()).or_insert_with(|| {
            self.groups.push(Group { name: name.to_owned(), ..Group::default() });
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }

    /// All of them, in the order in which they were first named.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// For each group that has hosts itself: the names of it and of all groups above it, and those hosts.
    pub(super) fn with_those_above(&self) -> impl Iterator<Item = (Vec<&str>, &[String])> {
        let mut parents = vec![Vec::new(); self.groups.len()];
        for (at, group) in self.groups.iter().enumerate() {
            for &child in group.children.iter().filter_map(|child| self.index.get(child)) {
                parents[child].push(at);
            }
        }
        let with_hosts = self.groups.iter().enumerate().filter(|(_, group)| !group.hosts.is_empty());
        with_hosts.map(move |(at, group)| {
            let mut seen = vec![false; parents.len()];
            seen[at] = true;
            let mut found = vec![at];
            let mut next = 0;
            while let Some(&above) = found.get(next) {
                let fresh =
                    parents[above].iter().filter(|&&parent| !std::mem::replace(&mut seen[parent], true));
                found.extend(fresh);
                next += 1;
            }
            (found.into_iter().map(|at| self.groups[at].name.as_str()).collect(), group.hosts.as_slice())
        })
    }

    /// The hosts of a group and of the groups below it, level by level, each once, as Ansible counts them in `group[0]`.
    pub fn members(&self, group: &str) -> Vec<&str> {
        let mut open = std::collections::VecDeque::from([group]);
        let mut seen: HashSet<&str> = HashSet::from([group]);
        let mut known: HashSet<&str> = HashSet::new();
        let mut found = Vec::new();
        while let Some(next) = open.pop_front() {
            let Some(group) = self.get(next) else { continue };
            found.extend(group.hosts.iter().map(String::as_str).filter(|host| known.insert(host)));
            open.extend(group.children.iter().map(String::as_str).filter(|child| seen.insert(child)));
        }
        found
    }
}

impl FromIterator<Group> for Groups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Self {
        let groups: Vec<Group> = groups.into_iter().collect();
        let index = groups.iter().enumerate().map(|(at, group)| (group.name.clone(), at)).collect();
        Groups { groups, index }
    }
}

/// Which groups count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Those of the files, as `ansible-inventory` prints them.
    Files,
    /// Those that kubespray makes while it runs, too: `k8s_cluster`, and new names for old ones.
    Runtime,
}

/// What a format's reader gives.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) hosts: Vec<Host>,
    pub(super) groups: Groups,
    /// The groups of the files alone, where kubespray makes more.
    pub(super) plain_groups: Option<Groups>,
    pub(super) layers: Layers,
    pub(super) openpai: Option<OpenPaiConfig>,
    pub(super) warnings: Vec<String>,
    pub(super) context: Context,
}

/// The variables of all hosts; what several hosts share is kept once.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    layers: Vec<Layer>,
    names: Vec<String>,
    by_host: HashMap<String, Vec<usize>>,
    /// What the groups of the files alone give, where that differs.
    plain: HashMap<String, Vec<usize>>,
}

impl Layers {
    /// Keeps a layer, and gives the number to assign it by.
    pub(super) fn add(&mut self, layer: Layer) -> usize {
        self.layers.push(layer);
        self.layers.len() - 1
    }

    /// Names a host and its layers, lowest precedence first.
    pub(super) fn assign(&mut self, host: &str, layers: Vec<usize>) {
        if self.by_host.insert(host.to_owned(), layers).is_none() {
            self.names.push(host.to_owned());
        }
    }

    /// Names the layers a host has by the groups of the files alone.
    pub(super) fn assign_plain(&mut self, host: &str, layers: Vec<usize>) {
        self.plain.insert(host.to_owned(), layers);
    }

    /// With `hash_behaviour = merge`: what a host's mappings of the same name come to, as a layer above those given.
    pub(super) fn merge_mappings(&mut self, mut numbers: Vec<usize>) -> Vec<usize> {
        let mut count: HashMap<&str, usize> = HashMap::new();
        let mappings =
            |&number: &usize| self.layers[number].variables.iter().filter(|(_, value)| is_mapping(value));
        for (name, _) in numbers.iter().flat_map(mappings) {
            *count.entry(name).or_default() += 1;
        }
        let mut merged = Layer::new("hash_behaviour = merge".to_owned(), Map::new());
        let mut names: Vec<&str> =
            count.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect();
        names.sort_unstable();
        for name in names {
            let mut whole = Value::Null;
            for layer in numbers.iter().map(|&number| &self.layers[number]) {
                let Some(value) = layer.variables.get(name) else { continue };
                merge(&mut whole, value.clone());
                if layer.is_secret() && !merged.is_secret() {
                    merged.origin += SECRET;
                }
            }
            merged.variables.insert(name.to_owned(), whole);
        }
        if !merged.variables.is_empty() {
            numbers.push(self.add(merged));
        }
        numbers
    }

    /// All of them, each once.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter()
    }

    /// Every host, those without a role too, in the order of the files.
    pub(super) fn hosts(&self) -> &[String] {
        &self.names
    }

    /// A host's layers, lowest precedence first.
    pub(super) fn of(&self, host: &str, view: View) -> Option<impl DoubleEndedIterator<Item = &Layer>> {
        let plain = if view == View::Files { self.plain.get(host) } else { None };
        Some(plain.or_else(|| self.by_host.get(host))?.iter().map(|&at| &self.layers[at]))
    }

    /// A host's variables of the wanted names; the layer with the highest precedence counts.
    pub(super) fn merged(&self, host: &str, wanted: impl Fn(&str) -> bool) -> Option<Map<String, Value>> {
        self.merged_in(View::Runtime, host, wanted)
    }

    /// The same, by the groups of one view.
    pub(super) fn merged_in(
        &self,
        view: View,
        host: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<Map<String, Value>> {
        let mut merged = Map::new();
        for layer in self.of(host, view)? {
            let chosen = layer.variables.iter().filter(|(name, _)| wanted(name));
            merged.extend(chosen.map(|(name, value)| (name.clone(), value.clone())));
        }
        Some(merged)
    }
}
