//! From groups and variables to hosts with roles and connections.

use std::path::PathBuf;

use serde_json::Map;

use super::connection::{connection, through_bastion};
use super::extra_vars;
use super::files::Files;
use super::graph::Graph;
use super::group_layers::GroupLayers;
use super::roles::{WITHOUT_ROLE, accelerator, misspelt, require_roles, roles};
use super::runtime_groups;
use super::vars_files::{Subject, VarsFiles};
use crate::inventory::cluster::{Cluster, Group, Groups};
use crate::inventory::error::InventoryError;
use crate::inventory::host::Host;
use crate::inventory::options::LoadOptions;
use crate::inventory::variables::text;

/// What the files say about the cluster. Hosts are described as kubespray will see them, with the groups it makes.
pub(in crate::inventory) fn describe(
    files: Files<'_>,
    paths: &[PathBuf],
    options: &LoadOptions,
) -> Result<Cluster, InventoryError> {
    let Files { reader, mut graph, mut warnings, first } = files;
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
    let mut vars_files = VarsFiles::new(paths, reader, &mut warnings);
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
        let connection = match connection(&entry.name, &variables, &entry.place, &mut warnings) {
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
            connection,
        });
    }
    if let Some(at) = bastion(&graph, &groups_by_host) {
        let entry = &graph.hosts[at];
        let variables = cluster.layers.merged(&entry.name, is_read).unwrap_or_default();
        let way = connection(&entry.name, &variables, &entry.place, &mut warnings)?;
        through_bastion(&mut cluster.hosts, &entry.name, &way);
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

/// The host that kubespray jumps through: the first of its group `bastion`, or the one of that name.
fn bastion(graph: &Graph, groups_by_host: &[Vec<usize>]) -> Option<usize> {
    let group = graph.group("bastion");
    let member = |at: &usize| group.is_some_and(|group| groups_by_host[*at].contains(&group));
    let named = |at: &usize| graph.hosts[*at].name == "bastion";
    (0..graph.hosts.len()).find(member).or_else(|| (0..graph.hosts.len()).find(named))
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
