//! The inventory's variables as kubespray will see them, with its own defaults beneath.

use serde_json::{Map, Value};

use super::findings::{quoted, some};
use super::unknown::Unknown;
use crate::inventory::{Defaults, GatheredFacts, Inventory, Layer, Values};
use crate::kubespray::demands::{Defaults as Known, Demands};
use crate::redact;

/// Groups whose hosts kubespray deploys to.
const DEPLOYED: [&str; 7] =
    ["k8s_cluster", "k8s-cluster", "kube_control_plane", "kube_node", "etcd", "calico_rr", "kube-master"];

/// What only inventories set, and every release reads.
pub(super) const OF_HOSTS: [&str; 8] = [
    "ip",
    "access_ip",
    "ip6",
    "access_ip6",
    "ansible_host",
    "ansible_ssh_host",
    "ansible_port",
    "ansible_ssh_port",
];

/// A release's own defaults, as templates of the inventory see them.
pub(super) fn defaults(demands: &Demands) -> Defaults<'_> {
    match &demands.defaults {
        Known::Roles { roles, .. } => Defaults::Roles(roles),
        Known::Table { values, .. } => {
            let set = values.iter().filter(|(_, value)| !value.is_null());
            let set = set.map(|(name, value)| (name.clone(), value.clone()));
            Defaults::plain("kubespray's default", set.collect())
        }
        Known::None => Defaults::plain("kubespray's default", Map::new()),
    }
}

/// The inventory's variables as kubespray will see them.
pub(super) struct View<'i> {
    pub(super) inventory: &'i Inventory,
    pub(super) demands: &'i Demands,
    pub(super) values: Values<'i>,
    /// What was read of the hosts' facts, as Ansible names them.
    pub(super) facts: &'i GatheredFacts,
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
    /// Whether the value was encrypted, and is not to be shown.
    pub(super) encrypted: bool,
}

impl Setting<'_> {
    /// `` `name` is `value` (file:line) ``, and for whom.
    pub(super) fn told(&self) -> String {
        let place = self.place.as_deref().unwrap_or("kubespray's default");
        let whom = if self.everywhere { String::new() } else { format!(" for {}", some(&self.hosts)) };
        let value = match self.encrypted {
            true => redact::ENCRYPTED.to_owned(),
            false => quoted(&redact::value(self.name, &self.value)),
        };
        format!("`{}` is {value} ({place}){whom}", self.name)
    }
}

impl<'i> View<'i> {
    /// Over an inventory, with the defaults of these demands.
    pub(super) fn new(
        inventory: &'i Inventory,
        demands: &'i Demands,
        defaults: &'i Defaults<'i>,
        facts: &'i GatheredFacts,
    ) -> View<'i> {
        let deployed: std::collections::HashSet<&str> =
            DEPLOYED.iter().flat_map(|group| inventory.members(group)).collect();
        let hosts = inventory.names().iter().map(String::as_str).filter(|name| deployed.contains(name));
        let values = inventory.values(defaults).with_facts(facts);
        View { inventory, demands, values, facts, hosts: hosts.collect() }
    }

    /// A host's variable, `None` where neither the inventory nor kubespray sets it; the error is the reason why it cannot
    /// be known.
    pub(super) fn get(&self, host: &str, name: &str) -> Result<Option<Value>, Unknown> {
        let get = || match self.values.of(host, name) {
            Ok(None) if self.written(host, name).is_none() && !self.is_known(name) => {
                Err(Unknown::of_release(format!(
                    "what kubespray sets `{name}` to is not in the built-in table; name your checkout with --kubespray"
                )))
            }
            value => value.map_err(Unknown::from),
        };
        self.decide(&get, &|a, b| a == b)
    }

    /// What `evaluate` comes to, whatever the facts of hosts are that were not read: where it asks for one, it is evaluated
    /// with each value that a host of this release could have. Unknown where these results are not all `alike`.
    pub(super) fn decide<T>(
        &self,
        evaluate: &dyn Fn() -> Result<T, Unknown>,
        alike: &dyn Fn(&T, &T) -> bool,
    ) -> Result<T, Unknown> {
        let unknown = match evaluate() {
            Ok(decided) => return Ok(decided),
            Err(unknown) => unknown,
        };
        let Some(fact) = &unknown.fact else { return Err(unknown) };
        let mut decided: Option<T> = None;
        for value in self.demands.possible_facts.get(&fact.name).into_iter().flatten() {
            let found = self.values.assuming(fact, value.clone(), || self.decide(evaluate, alike));
            match (found, &decided) {
                (Ok(found), None) => decided = Some(found),
                (Ok(found), Some(before)) if alike(before, &found) => {}
                _ => return Err(unknown),
            }
        }
        decided.ok_or(unknown)
    }

    /// Whether a condition of a task holds for a host.
    pub(super) fn is_true(&self, host: &str, condition: &str) -> Result<bool, Unknown> {
        let condition = condition.trim();
        let inner = condition.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let condition = inner.filter(|inner| !inner.contains("{{")).unwrap_or(condition);
        match self.values.render(host, &format!("{{{{ true if ({condition}) else false }}}}"))? {
            Value::Bool(held) => Ok(held),
            other => Err(Unknown::of_release(format!("`{condition}` comes to {}", quoted(&other)))),
        }
    }

    /// The same, where what the built-in table does not have is set by nobody.
    pub(super) fn told(&self, host: &str, name: &str) -> Result<Option<Value>, Unknown> {
        match self.written(host, name).is_some() || self.is_known(name) {
            true => self.get(host, name),
            false => Ok(None),
        }
    }

    /// Whether it is known that the release sets a variable, or does not.
    fn is_known(&self, name: &str) -> bool {
        if OF_HOSTS.contains(&name) {
            return true;
        }
        match &self.demands.defaults {
            Known::Roles { .. } => true,
            Known::Table { values, .. } => values.contains_key(name),
            Known::None => false,
        }
    }

    /// The names of those defaults that are booleans.
    pub(super) fn booleans(&self) -> Vec<String> {
        match &self.demands.defaults {
            Known::Roles { roles, .. } => roles.booleans().map(str::to_owned).collect(),
            Known::Table { values, .. } => {
                values.iter().filter(|(_, value)| value.is_boolean()).map(|(name, _)| name.clone()).collect()
            }
            Known::None => Vec::new(),
        }
    }

    /// What the inventory writes.
    pub(super) fn written(&self, host: &str, name: &str) -> Option<(&'i Value, &'i Layer)> {
        self.values.written(host, name)
    }

    /// Whose variable it is that a host has: the host's own, or that of a group: `` group `k8s_cluster` ``.
    pub(super) fn owner(&self, host: &str, name: &str) -> String {
        let group = self.written(host, name).and_then(|(_, layer)| layer.group());
        group.map_or_else(|| host.to_owned(), |group| format!("group `{group}`"))
    }

    /// Where a host's variable is written.
    pub(super) fn place(&self, host: &str, name: &str) -> Option<String> {
        self.written(host, name).map(|(_, layer)| layer.place_of(name))
    }

    /// Whether a host's variable was encrypted by ansible-vault.
    pub(super) fn is_encrypted(&self, host: &str, name: &str) -> bool {
        let written = self.written(host, name);
        written.is_some_and(|(value, layer)| layer.is_secret() || value.get("__ansible_vault").is_some())
    }

    /// A variable's values over these hosts, and why some are not known.
    pub(super) fn settings(&self, name: &'static str, hosts: &[&'i str]) -> (Vec<Setting<'i>>, Vec<Unknown>) {
        let mut settings: Vec<Setting<'i>> = Vec::new();
        let mut unknown: Vec<Unknown> = Vec::new();
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
                            encrypted: self.is_encrypted(host, name),
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
