//! What any kind of inventory comes down to: hosts, groups, and layers of variables.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::host::Host;
use super::openpai::OpenPaiConfig;
use super::template::Context;
use super::variables::Layer;

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

/// What a format's reader gives.
#[derive(Default)]
pub(super) struct Cluster {
    pub(super) hosts: Vec<Host>,
    pub(super) groups: BTreeMap<String, Group>,
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

    /// Every host, those without a role too, in the order of the files.
    pub(super) fn hosts(&self) -> &[String] {
        &self.names
    }

    /// A host's layers, lowest precedence first.
    pub(super) fn of(&self, host: &str) -> Option<impl Iterator<Item = &Layer>> {
        Some(self.by_host.get(host)?.iter().map(|&at| &self.layers[at]))
    }

    /// A host's variables of the wanted names; the layer with the highest precedence counts.
    pub(super) fn merged(&self, host: &str, wanted: impl Fn(&str) -> bool) -> Option<Map<String, Value>> {
        let mut merged = Map::new();
        for layer in self.of(host)? {
            let chosen = layer.variables.iter().filter(|(name, _)| wanted(name));
            merged.extend(chosen.map(|(name, value)| (name.clone(), value.clone())));
        }
        Some(merged)
    }
}
