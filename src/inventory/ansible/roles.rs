//! What kubespray's groups make of a host.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::graph::Graph;
use super::host_list::is_host_list;
use crate::inventory::error::InventoryError;
use crate::inventory::nearest::nearest;
use crate::inventory::source::{Mark, Source};
use crate::role::Role;

/// kubespray's groups that make a host infra, old names included.
const INFRA: [&str; 4] = ["kube_control_plane", "etcd", "kube-master", "kube_master"];
/// kubespray's groups that make a host a worker.
const WORKER: [&str; 2] = ["kube_node", "kube-node"];
/// The groups that promise a device of that very name.
const DEVICES: [&str; 3] = ["nvidia.com/gpu", "amd.com/gpu", "enflame.com/dtu"];

/// Groups whose hosts are no part of what is judged, and are there on purpose.
pub(super) const WITHOUT_ROLE: [&str; 3] = ["bastion", "calico_rr", "calico-rr"];

/// A host without a role in a group whose name is nearly one that gives a role: it would be left out unseen.
pub(super) fn misspelt(graph: &Graph, groups: &[&str]) -> Result<(), InventoryError> {
    let expected = || INFRA.into_iter().chain(WORKER);
    for name in groups.iter().filter(|name| !WITHOUT_ROLE.contains(name)) {
        let place = graph.group(name).and_then(|at| graph.groups[at].place.as_ref());
        if let (Some(near), Some(place)) = (nearest(name, expected()), place) {
            let message = format!("`{name}` is not one of kubespray's groups, and its hosts have no role");
            let help = format!("did you mean `{near}`? If not, give the group a name that is less like it");
            return Err(place.complain(message, help).into());
        }
    }
    Ok(())
}

/// The roles that a host in these groups has.
pub(super) fn roles(groups: &[&str]) -> BTreeSet<Role> {
    let mut roles = BTreeSet::new();
    if groups.iter().any(|group| INFRA.contains(group)) {
        roles.insert(Role::Infra);
    }
    if groups.iter().any(|group| WORKER.contains(group)) {
        roles.insert(Role::Worker);
    }
    roles
}

/// The groups that a host with this role is in at least.
pub(super) fn groups_of(role: Role) -> &'static [&'static str] {
    match role {
        Role::Devbox => &[],
        Role::Infra => &["kube_control_plane", "etcd"],
        Role::Worker => &["kube_node"],
    }
}

/// The device that these groups promise.
pub(super) fn accelerator(groups: &[&str]) -> Option<String> {
    let named = DEVICES.into_iter().find(|device| groups.contains(device));
    let gpu = groups.iter().any(|group| *group == "gpu" || group.starts_with("kube_gpu"));
    named.or(gpu.then_some(DEVICES[0])).map(str::to_owned)
}

/// At least one host must be in one of kubespray's groups.
pub(super) fn require_roles(graph: &Graph, first: Option<&Arc<Source>>) -> Result<(), InventoryError> {
    let expected = || INFRA.into_iter().chain(WORKER);
    let empty = |at: usize| {
        let mut open = vec![at];
        let mut seen = vec![at];
        while let Some(next) = open.pop() {
            if !graph.groups[next].hosts.is_empty() {
                return false;
            }
            let fresh: Vec<usize> =
                graph.groups[next].children.iter().copied().filter(|child| !seen.contains(child)).collect();
            seen.extend(&fresh);
            open.extend(fresh);
        }
        true
    };
    if expected().filter_map(|name| graph.group(name)).any(|at| !empty(at)) {
        return Ok(());
    }
    let needs = "kubespray needs hosts in kube_control_plane, etcd and kube_node";
    if graph.hosts.is_empty() {
        let Some(source) = first else {
            return Err(InventoryError::Unreadable {
                path: PathBuf::from("inventory"),
                reason: "the folder holds no inventory file".to_owned(),
                help: "put an inventory.ini or hosts.yml into it".to_owned(),
            });
        };
        return Err(source.complain(Mark::START, "the inventory holds no host", needs).into());
    }
    for group in &graph.groups {
        if let (Some(near), Some(place)) = (nearest(&group.name, expected()), &group.place)
            && near != group.name
        {
            let message = format!("no host has a role: `{}` is not one of kubespray's groups", group.name);
            return Err(place.complain(message, format!("did you mean `{near}`? {needs}")).into());
        }
    }
    let place = &graph.hosts[0].place;
    let message = "no host has a role: none is in one of kubespray's groups";
    if graph.hosts.iter().all(|host| is_host_list(&host.place.source.path)) {
        let help = "a list of hosts has no groups: say what they are with --as worker, or --as infra";
        return Err(place.complain(message, help).into());
    }
    Err(place.complain(message, needs).into())
}
