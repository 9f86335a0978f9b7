//! One machine of an OpenPAI cluster, and the cluster that machines make.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::config::OpenPaiConfig;
use crate::inventory::ansible::expand_home;
use crate::inventory::cluster::{Cluster, Group};
use crate::inventory::host::{Connection, Host, Layout};
use crate::inventory::variables::Layer;
use crate::role::Role;

/// One machine as a layout or a CSV line tells it.
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) roles: BTreeSet<Role>,
    pub(super) accelerator: Option<String>,
    pub(super) layout: Option<Layout>,
    /// What the file says, with its place.
    pub(super) layer: Layer,
}

/// The cluster that machines make, with groups `all`, `infra`, `worker` and the machine types.
pub(super) fn cluster(
    machines: Vec<Machine>,
    config: OpenPaiConfig,
    configured: Option<Layer>,
    warnings: Vec<String>,
) -> Cluster {
    let mut cluster = Cluster { warnings, ..Cluster::default() };
    let shared = configured.map(|layer| cluster.layers.add(layer));
    group(&mut cluster, "all");
    for role in [Role::Infra, Role::Worker] {
        group(&mut cluster, role.as_str());
    }
    for machine in machines {
        let own = cluster.layers.add(machine.layer);
        cluster.layers.assign(&machine.name, shared.into_iter().chain([own]).collect());
        let roles = machine.roles.iter().map(|role| role.as_str().to_owned());
        let types = machine.layout.iter().map(|layout| layout.machine_type.clone());
        for name in roles.chain(types) {
            let group = group(&mut cluster, &name);
            if !group.hosts.contains(&machine.name) {
                group.hosts.push(machine.name.clone());
            }
        }
        if machine.roles.is_empty() {
            continue;
        }
        cluster.hosts.push(Host {
            name: machine.name,
            roles: machine.roles,
            accelerator: machine.accelerator,
            layout: machine.layout,
            ip: Some(machine.address.clone()),
            access_ip: Some(machine.address.clone()),
            connection: connection(&machine.address, &config),
        });
    }
    cluster.openpai = Some(config);
    cluster
}

/// The group of that name, a child of `all` when new.
fn group<'c>(cluster: &'c mut Cluster, name: &str) -> &'c mut Group {
    if name != "all"
        && cluster.groups.get(name).is_none()
        && let Some(all) = cluster.groups.get_mut("all")
    {
        all.children.push(name.to_owned());
    }
    cluster.groups.get_or_add(name)
}

/// OpenPAI logs in to every machine the same way; the password serves sudo, too.
fn connection(address: &str, config: &OpenPaiConfig) -> Connection {
    let password: Option<SecretString> = config.password.clone();
    Connection {
        user: config.user.clone(),
        private_key: config.ssh_key_file_path.as_deref().map(expand_home),
        password: password.clone(),
        become_password: password,
        ..Connection::ssh(address)
    }
}
