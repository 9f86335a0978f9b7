//! From groups and variables to hosts with roles and connections.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Map;

use super::connection::connection;
use super::extra_vars;
use super::files::Files;
use super::graph::Graph;
use super::group_layers::GroupLayers;
use super::roles::{WITHOUT_ROLE, accelerator, misspelt, require_roles, roles};
use super::runtime_groups;
use super::vars_files::{Subject, VarsFiles};
use crate::inventory::cluster::{Cluster, Group, Groups};
use crate::inventory::error::InventoryError;
use crate::inventory::host::{Connection, Host};
use crate::inventory::options::LoadOptions;
use crate::inventory::settle::{Settled, settle};
use crate::inventory::template::{Context, Scene};
use crate::inventory::variables::text;

/// What the files say about the cluster. Hosts are described as kubespray will see them, with the groups it makes.
pub(in crate::inventory) fn describe(
    files: Files<'_>,
    paths: &[PathBuf],
    options: &LoadOptions,
) -> Result<Cluster, InventoryError> {
    let Files { reader, options: _, mut graph, mut warnings, first } = files;
    graph.reconcile()?;
    if let Err(error) = require_roles(&graph, first.as_ref()) {
        if options.for_judging {
            return Err(error);
        }
        warnings.push(error.to_string());
    }
    let mut cluster = Cluster::default();
    let mut groups_by_host = graph.groups_by_host()?;
    let plain_groups = published(&graph);
    let plain_by_host = if runtime_groups::grow(&mut graph, &groups_by_host) {
        cluster.plain_groups = Some(plain_groups);
        let grown = graph.groups_by_host()?;
        Some(std::mem::replace(&mut groups_by_host, grown))
    } else {
        None
    };
    cluster.groups = published(&graph);
    let extra = extra_vars::read(&options.extra_vars, reader, &mut warnings)?;
    let extra: Vec<usize> = extra.into_iter().map(|layer| cluster.layers.add(layer)).collect();
    let mut vars_files = VarsFiles::new(paths, reader, &mut warnings, &options.vault);
    let groups = GroupLayers::read(&mut graph, &mut vars_files, &mut cluster)?;
    for (at, entry) in graph.hosts.iter_mut().enumerate() {
        let mut own = Vec::new();
        let origin = format!("{} host `{}`", entry.place.origin(), entry.name);
        let owner = format!("host {}", entry.name);
        own.extend(std::mem::take(&mut entry.variables).into_layer(origin, owner));
        own.extend(vars_files.layers(Subject::Host, &entry.name)?.into_iter().flatten());
        let own: Vec<usize> = own.into_iter().map(|layer| cluster.layers.add(layer)).collect();
        let all = |groups_of: &[usize]| [groups.of(groups_of), own.clone(), extra.clone()].concat();
        cluster.layers.assign(&entry.name, all(&groups_by_host[at]));
        if let Some(plain) =
            plain_by_host.as_ref().map(|plain| &plain[at]).filter(|plain| **plain != groups_by_host[at])
        {
            cluster.layers.assign_plain(&entry.name, all(plain));
        }
    }
    let locked: Vec<Option<String>> =
        (0..graph.hosts.len()).map(|at| vars_files.lock_on(&graph, at, &groups_by_host[at])).collect();
    let folders = folders_of(&graph);
    cluster.context = Context { vault: Arc::clone(&options.vault), folders, locked };
    let scene = Scene::new(&cluster.layers, &cluster.groups, &cluster.context);
    let mut roleless = Vec::new();
    for (at, entry) in graph.hosts.iter().enumerate() {
        let groups: Vec<&str> =
            groups_by_host[at].iter().map(|&group| graph.groups[group].name.as_str()).collect();
        let roles = roles(&groups);
        if roles.is_empty() {
            match misspelt(&graph, &groups) {
                Err(error) if options.for_judging => return Err(error),
                Err(error) => warnings.push(error.to_string()),
                Ok(()) => {}
            }
            if !groups.iter().any(|group| WITHOUT_ROLE.contains(group)) {
                roleless.push(entry.name.as_str());
            }
            continue;
        }
        let variables = cluster.layers.merged(&entry.name, is_read).unwrap_or_else(Map::new);
        let Settled { variables, address, unresolved } =
            settle(&scene, &entry.name, variables, &mut warnings);
        let known = match connection(&entry.name, &variables, &entry.place, &mut warnings) {
            Err(error) if !options.for_judging => {
                warnings.push(error.to_string());
                continue;
            }
            result => result?,
        };
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

fn published(graph: &Graph) -> Groups {
    let group = |group: &super::graph::GroupEntry| Group {
        name: group.name.clone(),
        hosts: group.hosts.iter().map(|&host| graph.hosts[host].name.clone()).collect(),
        children: group.children.iter().map(|&child| graph.groups[child].name.clone()).collect(),
    };
    graph.groups.iter().map(group).collect()
}
