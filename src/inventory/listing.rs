//! What an inventory says of its hosts: variables, where each came from, and all of it as Ansible prints it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::cluster::{Groups, View};
use super::load::Inventory;
use super::variables::Layer;

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
        self.layers.merged_in(view, host, |name| !INTERNAL.contains(&name))
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

    /// What `ansible-inventory --list` prints for the same files. Passwords are in clear.
    pub fn to_ansible_json(&self) -> Value {
        self.to_json(View::Files, None)
    }

    /// The shape of `ansible-inventory --list`, by the groups of one view; with only these hosts, if some are named.
    pub fn to_json(&self, view: View, only: Option<&HashSet<&str>>) -> Value {
        let shown = |name: &&String| only.is_none_or(|only| only.contains(name.as_str()));
        let mut hostvars = Map::new();
        for name in self.names().iter().filter(shown) {
            let variables = self.vars_in(view, name).unwrap_or_default();
            if !variables.is_empty() {
                hostvars.insert(name.clone(), Value::Object(variables));
            }
        }
        let mut all = Map::new();
        for group in self.groups_in(view).iter() {
            let mut written = Map::new();
            let hosts: Vec<&String> = group.hosts.iter().filter(shown).collect();
            if !hosts.is_empty() && group.name != "all" {
                written.insert("hosts".to_owned(), json!(hosts));
            }
            if !group.children.is_empty() {
                written.insert("children".to_owned(), json!(group.children));
            }
            if !written.is_empty() {
                all.insert(group.name.clone(), Value::Object(written));
            }
        }
        all.insert("_meta".to_owned(), json!({"hostvars": hostvars, "profile": "inventory_legacy"}));
        Value::Object(all)
    }
}
