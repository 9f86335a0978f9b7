//! The inventory's variables as kubespray will see them, with its own defaults beneath.

use serde_json::{Map, Value};

use super::findings::{quoted, some};
use crate::facts::{Fact, Reading};
use crate::inventory::{Defaults, Inventory, Layer, Values};
use crate::kubespray::demands::Demands;

/// Groups whose hosts kubespray deploys to.
const DEPLOYED: [&str; 7] =
    ["k8s_cluster", "k8s-cluster", "kube_control_plane", "kube_node", "etcd", "calico_rr", "kube-master"];

/// A release's own defaults, as templates of the inventory see them.
pub(super) fn defaults(demands: &Demands) -> Defaults {
    let known = |(name, fact): (&String, &Fact<Value>)| Some((name.clone(), fact.value()?.clone()));
    let values: Map<String, Value> = demands.defaults.iter().filter_map(known).collect();
    Defaults::new("kubespray's default", values)
}

/// The inventory's variables as kubespray will see them.
pub(super) struct View<'i> {
    pub(super) inventory: &'i Inventory,
    pub(super) demands: &'i Demands,
    pub(super) values: Values<'i>,
    /// The hosts that kubespray deploys to, in the order of the files.
    pub(super) hosts: Vec<&'i str>,
}

/// One value of a variable, and the hosts that have it.
pub(super) struct Setting<'i> {
    pub(super) name: &'static str,
    pub(super) value: Value,
    /// Where it is written; none where it is kubespray's own default.
    pub(super) place: Option<String>,
    pub(super) hosts: Vec<&'i str>,
    /// Whether every host has it.
    pub(super) everywhere: bool,
}

impl Setting<'_> {
    /// `` `name` is `value` (file:line) ``, and for whom.
    pub(super) fn told(&self) -> String {
        let place = self.place.as_deref().unwrap_or("kubespray's default");
        let whom = if self.everywhere { String::new() } else { format!(" for {}", some(&self.hosts)) };
        format!("`{}` is {} ({place}){whom}", self.name, quoted(&self.value))
    }
}

impl<'i> View<'i> {
    /// Over an inventory, with the defaults of these demands.
    pub(super) fn new(inventory: &'i Inventory, demands: &'i Demands, defaults: &'i Defaults) -> View<'i> {
        let deployed: std::collections::HashSet<&str> =
            DEPLOYED.iter().flat_map(|group| inventory.members(group)).collect();
        let hosts = inventory.names().iter().map(String::as_str).filter(|name| deployed.contains(name));
        View { inventory, demands, values: inventory.values(defaults), hosts: hosts.collect() }
    }

    /// A host's variable, `None` where neither the inventory nor kubespray sets it; the error is the reason why it cannot
    /// be known.
    pub(super) fn get(&self, host: &str, name: &str) -> Result<Option<Value>, String> {
        match self.written(host, name) {
            Some(_) => self.values.of(host, name).map_err(|unresolved| unresolved.to_string()),
            None => self.default_of(name),
        }
    }

    /// What kubespray itself sets.
    pub(super) fn default_of(&self, name: &str) -> Result<Option<Value>, String> {
        match self.demands.defaults.get(name).map(|fact| (&fact.reading, &fact.source)) {
            Some((Reading::Known(value), _)) => Ok(Some(value.clone())),
            Some((Reading::Unknown(reason), source)) => {
                Err(format!("`{name}` (kubespray's default, {source}): {reason}"))
            }
            Some((Reading::Absent, _)) | None => Ok(None),
        }
    }

    /// What the inventory writes.
    pub(super) fn written(&self, host: &str, name: &str) -> Option<(&'i Value, &'i Layer)> {
        self.values.written(host, name)
    }

    /// Where a host's variable is written.
    pub(super) fn place(&self, host: &str, name: &str) -> Option<String> {
        self.written(host, name).map(|(_, layer)| layer.place_of(name))
    }

    /// A variable's values over these hosts, and why some are not known.
    pub(super) fn settings(&self, name: &'static str, hosts: &[&'i str]) -> (Vec<Setting<'i>>, Vec<String>) {
        let mut settings: Vec<Setting<'i>> = Vec::new();
        let mut unknown: Vec<String> = Vec::new();
        for host in hosts {
            match self.get(host, name) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    let place = self.place(host, name);
                    match settings.iter_mut().find(|it| it.place == place && it.value == value) {
                        Some(setting) => setting.hosts.push(host),
                        None => settings.push(Setting {
                            name,
                            value,
                            place,
                            hosts: vec![host],
                            everywhere: false,
                        }),
                    }
                }
                Err(reason) if unknown.contains(&reason) => {}
                Err(reason) => unknown.push(reason),
            }
        }
        for setting in &mut settings {
            setting.everywhere = setting.hosts.len() == hosts.len();
        }
        (settings, unknown)
    }

    /// The hosts of a group, in the order of the files.
    pub(super) fn members(&self, group: &str) -> Vec<&'i str> {
        self.inventory.members(group)
    }

    /// Whether the release is at least this one; unknown releases are new ones.
    pub(super) fn is_at_least(&self, release: (u64, u64)) -> bool {
        let told = self.demands.facts.release.value().and_then(|told| number(told));
        told.is_none_or(|told| told >= release)
    }
}

/// Major and minor number of a release.
fn number(release: &str) -> Option<(u64, u64)> {
    let mut parts = release.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}
