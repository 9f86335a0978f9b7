//! What an inventory says of its hosts: variables, where each came from, and all of it as Ansible prints it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::ansible_core::CoreRules;
use super::cluster::{Groups, View};
use super::load::Inventory;
use super::number::beyond_64_bits;
use super::variables::Layer;
use crate::redact;

/// Ansible's own variables, which `ansible-inventory` does not print.
const INTERNAL: [&str; 33] = [
    "ansible_async_path",
    "ansible_collection_name",
    "ansible_config_file",
    "ansible_dependent_role_names",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_role_names",
    "ansible_playbook_python",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "groups",
    "group_names",
    "hostvars",
    "playbook_dir",
    "play_hosts",
    "role_name",
    "role_names",
    "role_path",
    "role_uuid",
];

impl Inventory {
    /// Every host the files name, those without a role too (a bastion), in the order of the files.
    pub fn names(&self) -> &[String] {
        self.layers.hosts()
    }

    /// A host's variables as kubespray will see them, merged by Ansible's precedence. Passwords are in clear.
    pub fn vars_of(&self, host: &str) -> Option<Map<String, Value>> {
        self.layers.merged(host, |_| true)
    }

    /// A host's variables by the groups of one view.
    pub fn vars_in(&self, view: View, host: &str) -> Option<Map<String, Value>> {
        self.layers.merged_in(view, host, |name| self.is_printed(name))
    }

    /// Whether `ansible-inventory` prints a variable of that name; `omit` is its own only until ansible-core 2.18.
    fn is_printed(&self, name: &str) -> bool {
        !INTERNAL.contains(&name) && (name != "omit" || self.core.rules() == CoreRules::Since2_19)
    }

    /// Where a host's variables come from: each place and what it says, lowest precedence first.
    pub fn layers_of(&self, host: &str) -> Option<impl Iterator<Item = &Layer>> {
        self.layers.of(host, View::Runtime)
    }

    /// The same, by the groups of one view.
    pub fn layers_in(&self, view: View, host: &str) -> Option<impl Iterator<Item = &Layer>> {
        self.layers.of(host, view)
    }

    /// The groups of one view.
    pub fn groups_in(&self, view: View) -> &Groups {
        match (view, &self.plain_groups) {
            (View::Files, Some(plain)) => plain,
            _ => &self.groups,
        }
    }

    /// The hosts of a group and of the groups below it, those without a role too.
    pub fn members(&self, group: &str) -> Vec<&str> {
        self.groups.members(group)
    }

    /// What `ansible-inventory --list` prints for the same files. Passwords are in clear. As a [`Value`] it has no integers
    /// beyond 64 bits; [`Inventory::listing`] writes them as they are.
    pub fn to_ansible_json(&self) -> Value {
        self.to_json(View::Files, None)
    }

    /// The shape of `ansible-inventory --list`, by the groups of one view; with only these hosts, if some are named.
    pub fn to_json(&self, view: View, only: Option<&HashSet<&str>>) -> Value {
        serde_json::to_value(self.listing(view, only)).unwrap_or_default()
    }

    /// The same, to be written without a copy of every host's variables.
    pub fn listing<'a>(&'a self, view: View, only: Option<&'a HashSet<&'a str>>) -> Listing<'a> {
        Listing { inventory: self, view, only, has_secrets: true, shown: RefCell::default() }
    }
}

/// What `ansible-inventory --list` prints, keys by the alphabet.
pub struct Listing<'a> {
    inventory: &'a Inventory,
    view: View,
    only: Option<&'a HashSet<&'a str>>,
    has_secrets: bool,
    /// What is shown in place of a value, by where it lies: hosts share those of their groups. None where it is the value itself.
    shown: RefCell<HashMap<usize, Option<Value>>>,
}

impl<'a> Listing<'a> {
    /// The same with stars in place of secrets, as it may be shown: passwords and whatever was encrypted.
    #[must_use]
    pub fn without_secrets(self) -> Self {
        Listing { has_secrets: false, ..self }
    }

    fn shows(&self, name: &str) -> bool {
        self.only.is_none_or(|only| only.contains(name))
    }

    /// The variables of a host; none where there is no such host.
    pub fn variables_of(&self, host: &str) -> Option<Map<String, Value>> {
        let _ = self.inventory.layers.of(host, self.view)?;
        let variables = self.variables(host).into_iter();
        Some(variables.map(|(name, value)| (name.to_owned(), value.into_owned())).collect())
    }

    fn without_secret(&self, name: &str, value: &'a Value) -> Cow<'a, Value> {
        let mut known = self.shown.borrow_mut();
        let shown = known.entry(std::ptr::from_ref(value).addr()).or_insert_with(|| {
            let shown = redact::value(name, value);
            (shown != *value).then_some(shown)
        });
        shown.clone().map_or(Cow::Borrowed(value), Cow::Owned)
    }

    fn variables(&self, host: &str) -> BTreeMap<&'a str, Cow<'a, Value>> {
        let layers = self.inventory.layers.of(host, self.view).into_iter().flatten();
        let mut variables: BTreeMap<&str, (&Layer, &Value)> = BTreeMap::new();
        variables.extend(layers.flat_map(|layer| {
            layer.variables.iter().map(move |(name, value)| (name.as_str(), (layer, value)))
        }));
        variables.retain(|name, _| self.inventory.is_printed(name));
        let shown = |(name, (layer, value)): (&'a str, (&Layer, &'a Value))| match self.has_secrets {
            true => (name, Cow::Borrowed(value)),
            false if layer.is_secret() => (name, Cow::Owned(Value::from(redact::STARS))),
            false => (name, self.without_secret(name, value)),
        };
        variables.into_iter().map(shown).collect()
    }
}

impl Serialize for Listing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::from([("_meta", Part::Meta(Meta(self)))]);
        for group in self.inventory.groups_in(self.view).iter() {
            let listed = group.name != "all";
            let hosts =
                group.hosts.iter().map(String::as_str).filter(|name| listed && self.shows(name)).collect();
            let part = Members { children: &group.children, hosts };
            if !part.children.is_empty() || !part.hosts.is_empty() {
                parts.insert(&group.name, Part::Group(part));
            }
        }
        serializer.collect_map(parts)
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Meta(Meta<'a>),
    Group(Members<'a>),
}

#[derive(Serialize)]
struct Members<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    children: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<&'a str>,
}

/// The variables of all hosts.
struct Meta<'a>(&'a Listing<'a>);

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut meta = serializer.serialize_map(Some(2))?;
        meta.serialize_entry("hostvars", &HostVars(self.0))?;
        meta.serialize_entry("profile", "inventory_legacy")?;
        meta.end()
    }
}

/// A value of the inventory as JSON text, integers beyond 64 bits with all their digits.
pub struct Exact<'a>(pub &'a Value);

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(digits) = beyond_64_bits(self.0) {
            return RawValue::from_string(digits.to_owned()).map_err(S::Error::custom)?.serialize(serializer);
        }
        match self.0 {
            Value::Object(object) => {
                serializer.collect_map(object.iter().map(|(name, value)| (name, Exact(value))))
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Exact)),
            other => other.serialize(serializer),
        }
    }
}

struct HostVars<'a>(&'a Listing<'a>);

impl Serialize for HostVars<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let HostVars(Listing { inventory, .. }) = self;
        let mut names: Vec<&String> = inventory.names().iter().filter(|name| self.0.shows(name)).collect();
        names.sort();
        let mut hosts = serializer.serialize_map(None)?;
        for name in names {
            let variables = self.0.variables(name);
            let variables: BTreeMap<&str, Exact<'_>> =
                variables.iter().map(|(name, value)| (*name, Exact(value))).collect();
            if !variables.is_empty() {
                hosts.serialize_entry(name, &variables)?;
            }
        }
        hosts.end()
    }
}
