//! Docker's flags as the inventory's own variables change them.

use serde_json::Value;

use crate::facts::kubespray::Kubespray;
use crate::facts::{Fact, docker_flag_keys};
use crate::inventory::{Host, Inventory, Kind};
use crate::role::Role;

/// What dockerd is told of name servers where `resolvconf_mode` is `docker_dns`.
const DNS_KEYS: [&str; 3] = ["dns", "dns-opts", "dns-search"];

/// The facts of a release with what an inventory for kubespray sets: as its first control plane host has it, and its first
/// node. What the inventory leaves to facts or lookups is as the release has it.
pub fn tailored(inventory: &Inventory, mut facts: Kubespray) -> Kubespray {
    if inventory.kind == Kind::OpenPai {
        return facts;
    }
    let first = |role: Role| inventory.hosts.iter().find(|host| host.roles.contains(&role));
    let own = |host: &Host, name: &str| inventory.value_of(&host.name, name).ok().flatten();
    for role in [Role::Infra, Role::Worker] {
        let Some(host) = first(role) else { continue };
        if let Some(known) = facts.docker_keys.value() {
            let keys = docker_keys(known, &|name| own(host, name));
            if keys != *known {
                facts.docker_keys =
                    Fact::known(keys, format!("{} and the inventory", facts.docker_keys.source));
            }
        }
    }
    facts
}

/// The keys of Docker's flags, with those that variables of the inventory add or take away.
fn docker_keys(known: &[String], own: &dyn Fn(&str) -> Option<Value>) -> Vec<String> {
    let mut keys = known.to_vec();
    for (variable, key) in [
        ("docker_insecure_registries", "insecure-registries"),
        ("docker_registry_mirrors", "registry-mirrors"),
    ] {
        if own(variable).is_some_and(|list| list.as_array().is_some_and(|list| !list.is_empty())) {
            keys.push(key.to_owned());
        }
    }
    for variable in ["docker_options", "docker_storage_options", "docker_log_opts"] {
        if let Some(Value::String(options)) = own(variable) {
            keys.extend(docker_flag_keys(options.split_whitespace().filter(|word| word.starts_with('-'))));
        }
    }
    if let Some(Value::String(mode)) = own("resolvconf_mode") {
        keys.retain(|key| !DNS_KEYS.contains(&key.as_str()));
        if mode == "docker_dns" {
            keys.extend(DNS_KEYS.map(str::to_owned));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::tailored;
    use crate::inventory;
    use crate::kubespray::Demands;

    #[test]
    fn the_inventory_adds_flags() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hosts.yaml");
        let text = "all:\n  vars:\n    docker_insecure_registries: [r.local]\n    docker_registry_mirrors: []\n    \
                    docker_options: --live-restore -s overlay2\n    resolvconf_mode: none\n  children:\n    \
                    kube_control_plane: {hosts: {a: {}}}\n    etcd: {hosts: {a: {}}}\n    kube_node: {hosts: {b: {}}}\n";
        fs::write(&path, text).expect("written");
        let inventory = inventory::load(&[path]).expect("an inventory");
        let demands = Demands::of_release("2.12").expect("in the table");
        let facts = tailored(&inventory, demands.facts);
        let keys = facts.docker_keys.value().expect("known");
        let wanted =
            ["data-root", "insecure-registries", "iptables", "live-restore", "log-opts", "storage-driver"];
        assert_eq!(keys, &wanted);
        assert!(facts.docker_keys.source.ends_with("and the inventory"));
    }
}
