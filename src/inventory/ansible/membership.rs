//! From groups and variables to hosts with roles and connections.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::connection::{connection, through_bastion};
use super::extra_vars::{self, ExtraVars};
use super::files::Files;
use super::graph::{Graph, HostEntry};
use super::group_layers::GroupLayers;
use super::roles::{WITHOUT_ROLE, accelerator, misspelt, require_roles, roles};
use super::runtime_groups;
use super::vars_files::{Subject, VarsFiles};
use crate::inventory::cluster::{Cluster, Group, Groups, Layers, View};
use crate::inventory::error::InventoryError;
use crate::inventory::host::{Connection, Host};
use crate::inventory::options::{LoadOptions, SshWords};
use crate::inventory::settle::{Settled, settle};
use crate::inventory::template::{Context, Scene};
use crate::inventory::variables::{Layer, text};

/// What the files say about the cluster. Hosts are described as kubespray will see them, with the groups it makes.
pub(in crate::inventory) fn describe(
    files: Files<'_>,
    paths: &[PathBuf],
    options: &LoadOptions,
) -> Result<Cluster, InventoryError> {
    let Files { reader, mut graph, mut warnings, left_out, passed_over, first, .. } = files;
    graph.reconcile(&mut warnings)?;
    if let Err(error) = require_roles(&graph, first.as_ref()) {
        // The reason is the file that Ansible does not read either, not what little was read in its stead.
        let others: Vec<&Path> = left_out.iter().skip(1).map(|it| it.path.as_path()).collect();
        let left_out = left_out.first().map(|it| it.explain(&others, &passed_over));
        let error = left_out.or(passed_over.into_iter().next()).unwrap_or(error);
        if options.for_judging {
            return Err(error);
        }
        warnings.push(error.to_string());
    } else {
        let notable = left_out.iter().filter(|it| it.is_notable());
        warnings.extend(notable.map(|it| it.explain(&[], &[]).to_string()));
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
    let extra = extra_vars::read(options, reader, &mut warnings)?;
    let ExtraVars { layers, locked } = extra;
    let extra: Vec<usize> = layers.into_iter().map(|layer| cluster.layers.add(layer)).collect();
    // Facts stand between the inventory and extra variables; before a play there is but this one.
    let facts = options.keeps_facts_apart.then(|| {
        let variables = Map::from_iter([("ansible_local".to_owned(), Value::Object(Map::new()))]);
        cluster.layers.add(Layer::new("inject_facts_as_vars".to_owned(), variables))
    });
    let mut vars_files = VarsFiles::new(paths, reader, &mut warnings, options);
    // What `-e` may say of any variable is not known for any host.
    vars_files.locked.extend(locked.into_iter().map(|file| (Subject::Group, "all".to_owned(), file)));
    let groups = GroupLayers::read(&mut graph, &mut vars_files, &mut cluster)?;
    for (at, entry) in graph.hosts.iter_mut().enumerate() {
        let mut own = Vec::new();
        let origin = format!("{} host `{}`", entry.place.origin(), entry.name);
        let owner = format!("host {}", entry.name);
        own.extend(std::mem::take(&mut entry.variables).into_layer(origin, owner));
        own.extend(vars_files.layers(Subject::Host, &entry.name)?.into_iter().flatten());
        own.extend(vars_files.playbook_layers(Subject::Host, &entry.name)?);
        let own = own.into_iter().map(|layer| cluster.layers.add(layer));
        let own: Vec<usize> = own.chain(facts).collect();
        let all = |groups_of: &[usize], layers: &mut Layers| {
            let numbers = [groups.of(groups_of), own.clone(), extra.clone()].concat();
            if options.merge_mappings { layers.merge_mappings(numbers) } else { numbers }
        };
        let numbers = all(&groups_by_host[at], &mut cluster.layers);
        cluster.layers.assign(&entry.name, numbers);
        if let Some(plain) =
            plain_by_host.as_ref().map(|plain| &plain[at]).filter(|plain| **plain != groups_by_host[at])
        {
            let numbers = all(plain, &mut cluster.layers);
            cluster.layers.assign_plain(&entry.name, numbers);
        }
    }
    let locked: Vec<Option<String>> =
        (0..graph.hosts.len()).map(|at| vars_files.lock_on(&graph, at, &groups_by_host[at])).collect();
    let folders = folders_of(&graph);
    cluster.context = Context { vault: Arc::clone(&options.vault), folders, locked, ..Context::default() };
    let scene = Scene::new(&cluster.layers, &cluster.groups, &cluster.context);
    let bastion = bastion(&graph, &groups_by_host);
    let mut words = options.ssh_words.clone();
    if bastion.is_some() {
        words.common_args = None;
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
        let Some((variables, connection)) =
            reached(&cluster.layers, &scene, entry, &words, options, &mut warnings)?
        else {
            continue;
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
    // kubespray names the bastion's port itself.
    let words = SshWords { port: None, ..options.ssh_words.clone() };
    if let Some(bastion) = bastion.map(|at| &graph.hosts[at])
        && let Some((_, way)) = reached(&cluster.layers, &scene, bastion, &words, options, &mut warnings)?
    {
        through_bastion(&mut cluster.hosts, &bastion.name, &way);
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

/// A host's variables as they are used, and its connection.
type Reached = (Map<String, Value>, Connection);

/// A host's variables as they are used, and how it is reached; `None` where that makes no sense and need not.
fn reached(
    layers: &Layers,
    scene: &Scene<'_>,
    entry: &HostEntry,
    words: &SshWords,
    options: &LoadOptions,
    warnings: &mut Vec<String>,
) -> Result<Option<Reached>, InventoryError> {
    let variables = layers.merged(&entry.name, is_read).unwrap_or_default();
    let Settled { variables, address, mut unresolved } = settle(scene, &entry.name, variables, warnings);
    // What an encrypted file says is no place to show.
    let place_of = |name: &str| {
        let layers = layers.of(&entry.name, View::Runtime).into_iter().flatten();
        let layer = layers.rev().find(|layer| layer.variables.contains_key(name));
        let place = layer.filter(|layer| !layer.is_secret()).and_then(|layer| layer.places.get(name));
        place.unwrap_or(&entry.place).clone()
    };
    match connection(&entry.name, &variables, &place_of, words, warnings) {
        Ok(mut known) => {
            unresolved.append(&mut known.unresolved);
            let address = address.unwrap_or(known.address);
            Ok(Some((variables, Connection { unresolved, address, ..known })))
        }
        Err(error) if !options.for_judging => {
            warnings.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The host that kubespray jumps through: the first of its group `bastion`, or the one of that name.
fn bastion(graph: &Graph, groups_by_host: &[Vec<usize>]) -> Option<usize> {
    let group = graph.group("bastion");
    let member = |at: &usize| group.is_some_and(|group| groups_by_host[*at].contains(&group));
    let named = |at: &usize| graph.hosts[*at].name == "bastion";
    (0..graph.hosts.len()).find(member).or_else(|| (0..graph.hosts.len()).find(named))
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
