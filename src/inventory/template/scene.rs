//! What a template can see: the variables of every host, the groups, and who is in them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::budget::RunCost;
use super::made::List;
use super::stop::HostFact;
use crate::inventory::cluster::{Groups, Layers, View};
use crate::inventory::variables::Layer;
use crate::inventory::vault::Vault;

/// What templates depend on beside variables and groups; the lists are in the order of the hosts.
#[derive(Clone, Debug, Default)]
pub(in crate::inventory) struct Context {
    pub(in crate::inventory) vault: Arc<Vault>,
    /// The folder of the file that first names a host; `None` where that is not known.
    pub(in crate::inventory) folders: Vec<Option<PathBuf>>,
    /// Why a host's variables are not all known.
    pub(in crate::inventory) locked: Vec<Option<String>>,
    /// Whether there is no inventory: what templates ask of hosts and groups is not known.
    pub(in crate::inventory) apart: bool,
    /// What the templates have cost so far.
    pub(in crate::inventory) cost: RunCost,
}

/// What a template can see.
pub(in crate::inventory) struct Scene<'v> {
    layers: &'v Layers,
    groups: &'v Groups,
    context: &'v Context,
    /// What counts where no layer says anything, a later one before an earlier one: roles' own defaults.
    beneath: Vec<&'v Layer>,
    /// The number of each host, in the order of the inventory.
    numbers: HashMap<&'v str, usize>,
    /// The names of the groups each host is in, sorted, without `all`.
    group_names: Vec<Vec<&'v str>>,
    /// The members of the groups that were asked for.
    members: RefCell<HashMap<&'v str, List<'v>>>,
    /// What is known of the hosts' facts.
    facts: Option<&'v GatheredFacts>,
    /// Facts that are taken for granted while an evaluation tries what hosts could have.
    assumed: RefCell<Vec<(HostFact, Value)>>,
}

/// Facts by host, each under its name without `ansible_`.
pub type GatheredFacts = HashMap<String, Map<String, Value>>;

impl<'v> Scene<'v> {
    /// The scene of an inventory that is read already.
    pub(in crate::inventory) fn new(layers: &'v Layers, groups: &'v Groups, context: &'v Context) -> Self {
        let numbers: HashMap<&str, usize> =
            layers.hosts().iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let mut scene = Scene {
            layers,
            groups,
            context,
            beneath: Vec::new(),
            numbers,
            group_names: Vec::new(),
            members: RefCell::default(),
            facts: None,
            assumed: RefCell::default(),
        };
        let mut group_names = vec![Vec::new(); layers.hosts().len()];
        for (names, hosts) in groups.with_those_above() {
            for at in hosts.iter().filter_map(|host| scene.numbers.get(host.as_str())) {
                group_names[*at].extend(names.iter().filter(|name| **name != "all"));
            }
        }
        for names in &mut group_names {
            names.sort_unstable();
            names.dedup();
        }
        scene.group_names = group_names;
        scene
    }

    /// The same with roles' defaults beneath all layers.
    pub(in crate::inventory) fn above(mut self, defaults: Vec<&'v Layer>) -> Self {
        self.beneath = defaults;
        self
    }

    /// The same with facts that were read from hosts.
    pub(in crate::inventory) fn with_facts(mut self, facts: &'v GatheredFacts) -> Self {
        self.facts = Some(facts);
        self
    }

    /// Takes a fact for granted until [`Scene::stop_assuming`].
    pub(in crate::inventory) fn assume(&self, fact: HostFact, value: Value) {
        self.assumed.borrow_mut().push((fact, value));
    }

    /// Ends the latest assumption.
    pub(in crate::inventory) fn stop_assuming(&self) {
        self.assumed.borrow_mut().pop();
    }

    /// What is made of a host's fact that was read, or is assumed.
    pub(super) fn fact<T>(&self, host: &str, name: &str, make: impl FnOnce(&Value) -> T) -> Option<T> {
        if let Some(value) = self.facts.and_then(|facts| facts.get(host)?.get(name)) {
            return Some(make(value));
        }
        let assumed = self.assumed.borrow();
        let found = assumed.iter().find(|(fact, _)| fact.host == host && fact.name == name);
        found.map(|(_, value)| make(value))
    }

    /// What the templates of the inventory have cost so far.
    pub(super) fn cost(&self) -> &'v RunCost {
        &self.context.cost
    }

    /// The passwords for what is encrypted.
    pub(super) fn vault(&self) -> &'v Vault {
        &self.context.vault
    }

    /// Whether there is no inventory.
    pub(super) fn is_apart(&self) -> bool {
        self.context.apart
    }

    /// The number of a host.
    pub(super) fn host(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// The names of all hosts.
    pub(super) fn hosts(&self) -> &'v [String] {
        self.layers.hosts()
    }

    /// The groups of a host, as `group_names` has them.
    pub(super) fn groups_of(&self, host: usize) -> &[&'v str] {
        self.group_names.get(host).map_or(&[], Vec::as_slice)
    }

    /// The folder of the file that first names a host.
    pub(super) fn folder(&self, host: usize) -> Option<&PathBuf> {
        self.context.folders.get(host)?.as_ref()
    }

    /// Why a host's variables are not all known.
    pub(super) fn locked(&self, host: usize) -> Option<&str> {
        self.context.locked.get(host)?.as_deref()
    }

    /// Why the variables of a host of that name are not all known.
    pub(in crate::inventory) fn lock_of(&self, name: &str) -> Option<&str> {
        self.locked(self.host(name)?)
    }

    /// A host's variable: that of the layer with the highest precedence, and the layer.
    pub(super) fn variable(&self, host: usize, name: &str) -> Option<(&'v Value, &'v Layer)> {
        let beneath = || of_first(self.beneath.iter().rev().copied(), name);
        self.in_layers(host, name).or_else(beneath)
    }

    /// Whether a layer is one of the roles' defaults, and none of the inventory.
    pub(super) fn is_default(&self, layer: &Layer) -> bool {
        self.beneath.iter().any(|default| std::ptr::eq(*default, layer))
    }

    /// The same without the roles' defaults.
    fn in_layers(&self, host: usize, name: &str) -> Option<(&'v Value, &'v Layer)> {
        of_first(self.layers.of(self.hosts().get(host)?, View::Runtime)?.rev(), name)
    }

    /// A host's variable as it is written, and the layer it stands in; a role's defaults are none.
    pub(in crate::inventory) fn written(&self, host: &str, name: &str) -> Option<(&'v Value, &'v Layer)> {
        self.in_layers(self.host(host)?, name)
    }

    /// Whether there is a group of that name.
    pub(super) fn is_group(&self, group: &str) -> bool {
        self.groups.get(group).is_some()
    }

    /// The members of a group that was asked for before.
    pub(super) fn known_members(&self, group: &str) -> Option<List<'v>> {
        self.members.borrow().get(group).cloned()
    }

    /// The hosts of a group and of the groups below it, in the order of Ansible: level by level.
    pub(super) fn members(&self, group: &str) -> Option<Vec<&'v str>> {
        let groups: &'v Groups = self.groups;
        Some(groups.members(groups.get(group)?.name.as_str()))
    }

    /// Keeps the members of a group for who asks next.
    pub(super) fn keep_members(&self, group: &str, members: &List<'v>) {
        let groups: &'v Groups = self.groups;
        if let Some(group) = groups.get(group) {
            self.members.borrow_mut().insert(group.name.as_str(), members.clone());
        }
    }
}

/// A variable as the first of these layers has it that has it at all, and that layer.
fn of_first<'v>(mut layers: impl Iterator<Item = &'v Layer>, name: &str) -> Option<(&'v Value, &'v Layer)> {
    layers.find_map(|layer| Some((layer.variables.get(name)?, layer)))
}
