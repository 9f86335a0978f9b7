//! From groups and variables to hosts with roles and connections.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Map;

use super::connection::connection;
use super::files::Files;
use super::graph::{ALL, Graph};
use super::vars_files::{Subject, VarsFiles};
use crate::inventory::cluster::{Cluster, Group};
use crate::inventory::error::InventoryError;
use crate::inventory::host::{Connection, Host};
use crate::inventory::nearest::nearest;
use crate::inventory::settle::{Settled, settle};
use crate::inventory::source::{Mark, Source};
use crate::inventory::template::{Context, Scene};
use crate::inventory::variables::{Layer, text};
use crate::role::Role;

/// kubespray's groups that make a host infra, old names included.
const INFRA: [&str; 4] = ["kube_control_plane", "etcd", "kube-master", "kube_master"];
/// kubespray's groups that make a host a worker.
const WORKER: [&str; 2] = ["kube_node", "kube-node"];
/// The groups that promise a device of that very name.
const DEVICES: [&str; 3] = ["nvidia.com/gpu", "amd.com/gpu", "enflame.com/dtu"];

/// What the files say about the cluster.
pub(in crate::inventory) fn describe(files: Files<'_>, paths: &[PathBuf]) -> Result<Cluster, InventoryError> {
    let Files { reader, options, mut graph, mut warnings, first } = files;
    graph.reconcile();
    let groups_by_host = graph.groups_by_host();
    require_roles(&graph, first.as_ref())?;
    let mut cluster = Cluster::default();
    let mut vars_files = VarsFiles::new(paths, reader, &mut warnings, &options.vault);
    let groups = GroupLayers::read(&graph, &mut vars_files, &mut cluster)?;
    for (at, entry) in graph.hosts.iter().enumerate() {
        let mut layers = groups.of(&groups_by_host[at]);
        if !entry.variables.is_empty() {
            let origin = format!("{} host `{}`", entry.place.origin(), entry.name);
            layers.push(cluster.layers.add(Layer { origin, variables: entry.variables.clone() }));
        }
        for layer in vars_files.layers(Subject::Host, &entry.name)?.into_iter().flatten() {
            layers.push(cluster.layers.add(layer));
        }
        cluster.layers.assign(&entry.name, layers);
    }
    let locked: Vec<Option<String>> =
        (0..graph.hosts.len()).map(|at| vars_files.lock_on(&graph, at, &groups_by_host[at])).collect();
    cluster.groups =
        graph.groups.iter().map(|group| (group.name.clone(), published(&graph, group))).collect();
    let folders = folders_of(&graph);
    cluster.context = Context { vault: Arc::clone(&options.vault), folders, locked };
    let scene = Scene::new(&cluster.layers, &cluster.groups, &cluster.context);
    let mut roleless = Vec::new();
    for (at, entry) in graph.hosts.iter().enumerate() {
        let groups: Vec<&str> =
            groups_by_host[at].iter().map(|&group| graph.groups[group].name.as_str()).collect();
        let roles = roles(&groups);
        if roles.is_empty() {
            misspelt(&graph, &groups)?;
            if !groups.iter().any(|group| WITHOUT_ROLE.contains(group)) {
                roleless.push(entry.name.as_str());
            }
            continue;
        }
        let variables = cluster.layers.merged(&entry.name, is_read).unwrap_or_else(Map::new);
        let Settled { variables, address, unresolved } =
            settle(&scene, &entry.name, variables, &mut warnings);
        let known = connection(&entry.name, &variables, &entry.place, &mut warnings)?;
        cluster.hosts.push(Host {
            name: entry.name.clone(),
            roles,
            accelerator: accelerator(&groups),
            layout: None,
            ip: variables.get("ip").and_then(text),
            access_ip: variables.get("access_ip").and_then(text),
            connection: Connection { unresolved, address: address.unwrap_or(known.address), ..known },
        });
    }
    if !roleless.is_empty() {
        warnings.push(format!(
            "not judged, for they are in none of kube_control_plane, etcd and kube_node: {}",
            roleless.join(", ")
        ));
    }
    cluster.warnings = warnings;
    Ok(cluster)
}

/// Groups whose hosts are no part of what is judged, and are there on purpose.
const WITHOUT_ROLE: [&str; 3] = ["bastion", "calico_rr", "calico-rr"];

/// A host without a role in a group whose name is nearly one that gives a role: it would be left out unseen.
fn misspelt(graph: &Graph, groups: &[&str]) -> Result<(), InventoryError> {
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

/// The folders of the files that first name the hosts; `None` where no file does.
fn folders_of(graph: &Graph) -> Vec<Option<PathBuf>> {
    let mut known: HashMap<&Path, Option<PathBuf>> = HashMap::new();
    let mut folder = |path| {
        let found = known.entry(path).or_insert_with(|| {
            let path = std::path::absolute(path).ok().filter(|path| path.is_file())?;
            path.parent().map(Path::to_owned)
        });
        found.clone()
    };
    graph.hosts.iter().map(|entry| folder(entry.place.source.path.as_path())).collect()
}

/// The variables a connection is read from.
fn is_read(name: &str) -> bool {
    name.starts_with("ansible_") || matches!(name, "ip" | "access_ip")
}

fn published(graph: &Graph, group: &super::graph::GroupEntry) -> Group {
    Group {
        name: group.name.clone(),
        hosts: group.hosts.iter().map(|&host| graph.hosts[host].name.clone()).collect(),
        children: group.children.iter().map(|&child| graph.groups[child].name.clone()).collect(),
    }
}

/// The layers of all groups, in Ansible's order: inline first, vars files above them.
struct GroupLayers {
    inline: Vec<Option<usize>>,
    /// By `-i`, then by group.
    files: Vec<Vec<Vec<usize>>>,
}

impl GroupLayers {
    fn read(
        graph: &Graph,
        vars_files: &mut VarsFiles<'_>,
        cluster: &mut Cluster,
    ) -> Result<Self, InventoryError> {
        let mut layers = GroupLayers { inline: Vec::new(), files: Vec::new() };
        for group in &graph.groups {
            layers.inline.push((!group.variables.is_empty()).then(|| {
                let place = group.place.as_ref().map(|place| place.origin()).unwrap_or_default();
                let origin = format!("{place} group `{}`", group.name).trim_start().to_owned();
                cluster.layers.add(Layer { origin, variables: group.variables.clone() })
            }));
            for (source, found) in vars_files.layers(Subject::Group, &group.name)?.into_iter().enumerate() {
                let indices = found.into_iter().map(|layer| cluster.layers.add(layer)).collect();
                if layers.files.len() <= source {
                    layers.files.push(Vec::new());
                }
                layers.files[source].push(indices);
            }
        }
        Ok(layers)
    }

    /// The layers for a host that is in these groups beside `all`.
    fn of(&self, groups: &[usize]) -> Vec<usize> {
        let mut layers: Vec<usize> = self.inline[ALL].into_iter().collect();
        layers.extend(groups.iter().filter_map(|&group| self.inline[group]));
        layers.extend(self.files.iter().flat_map(|by_group| &by_group[ALL]));
        for by_group in &self.files {
            layers.extend(groups.iter().flat_map(|&group| &by_group[group]));
        }
        layers
    }
}

fn roles(groups: &[&str]) -> BTreeSet<Role> {
    let mut roles = BTreeSet::new();
    if groups.iter().any(|group| INFRA.contains(group)) {
        roles.insert(Role::Infra);
    }
    if groups.iter().any(|group| WORKER.contains(group)) {
        roles.insert(Role::Worker);
    }
    roles
}

fn accelerator(groups: &[&str]) -> Option<String> {
    let named = DEVICES.into_iter().find(|device| groups.contains(device));
    let gpu = groups.iter().any(|group| *group == "gpu" || group.starts_with("kube_gpu"));
    named.or(gpu.then_some(DEVICES[0])).map(str::to_owned)
}

/// At least one host must be in one of kubespray's groups.
fn require_roles(graph: &Graph, first: Option<&Arc<Source>>) -> Result<(), InventoryError> {
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
    Err(place.complain("no host has a role: none is in one of kubespray's groups", needs).into())
}
