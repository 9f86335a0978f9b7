//! kubespray's inventory and variables from OpenPAI's files, as OpenPAI's own generator defines them (microsoft/pai,
//! contrib/kubespray/script/k8s_generator.py and quick-start/hosts.yml.template at a95d9420).

use secrecy::ExposeSecret as _;
use serde_json::Map;

use super::openpai_variables::variables;
use super::yaml::Yaml;
use crate::inventory::{Inventory, OpenPaiConfig};
use crate::role::Role;

/// What the first line of each file says.
const HEAD: &str =
    "# Written by `airworthy handoff` from OpenPAI's layout and config.yaml: change those, not this.\n";

/// The texts of the files.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// `hosts.yml`: hosts and groups. Passwords of config.yaml are in it, in clear.
    pub hosts: String,
    /// `openpai.yml`: variables, to be given with `-e`.
    pub variables: String,
}

/// Writes both.
///
/// # Errors
/// When the configuration cannot be said in kubespray's terms; the text says what and why.
pub fn write(inventory: &Inventory) -> Result<Written, String> {
    let config = inventory.openpai.as_ref().ok_or("not an OpenPAI layout")?;
    let empty = Map::new();
    let settings = config.settings.as_ref().map_or(&empty, |layer| &layer.variables);
    let document = |yaml: Yaml| yaml.document().map(|text| format!("{HEAD}{text}"));
    Ok(Written {
        hosts: document(hosts(inventory, config)?)?,
        variables: document(Yaml::Mapping(variables(settings)?))?,
    })
}

fn hosts(inventory: &Inventory, config: &OpenPaiConfig) -> Result<Yaml, String> {
    let with = |role: Role| inventory.hosts.iter().filter(move |host| host.roles.contains(&role));
    let masters: Vec<&str> = with(Role::Infra).map(|host| host.name.as_str()).collect();
    let workers: Vec<&str> = with(Role::Worker).map(|host| host.name.as_str()).collect();
    let head = masters.first().ok_or("no machine is a master: Kubernetes needs a control plane")?;
    let login = login(config);
    let mut machines: Vec<(&str, Yaml)> = Vec::new();
    for host in with(Role::Infra).chain(with(Role::Worker)) {
        if machines.iter().any(|(name, _)| *name == host.name) {
            continue;
        }
        let address = Yaml::text(host.connection.address.as_str());
        let own = ["ip", "access_ip", "ansible_host"].map(|name| (name, address.clone()));
        machines.push((&host.name, Yaml::mapping(own.into_iter().chain(login.iter().cloned()))));
    }
    let mut nodes = masters.clone();
    nodes.extend(workers.iter().filter(|worker| !masters.contains(worker)));
    let group = |members: &[&str]| {
        let members = members.iter().map(|name| (*name, Yaml::mapping::<&str>([])));
        Yaml::mapping([("hosts", Yaml::mapping(members))])
    };
    let both = ["kube-node", "kube-master"].map(|name| (name, Yaml::mapping::<&str>([])));
    let children = Yaml::mapping([
        // OpenPAI has one control plane, the first master, whatever etcd has.
        ("kube-master", group(&[head])),
        ("kube-node", group(&nodes)),
        ("gpu", group(&workers)),
        ("etcd", group(&masters)),
        ("k8s-cluster", Yaml::mapping([("children", Yaml::mapping(both))])),
        ("calico-rr", group(&[])),
    ]);
    Ok(Yaml::mapping([("all", Yaml::mapping([("hosts", Yaml::mapping(machines)), ("children", children)]))]))
}

/// How every machine is logged in to.
fn login(config: &OpenPaiConfig) -> Vec<(&'static str, Yaml)> {
    let mut login = Vec::new();
    if let Some(user) = &config.user {
        login.push(("ansible_ssh_user", Yaml::Text(verbatim(user))));
    }
    if let Some(password) = &config.password {
        let password = Yaml::Text(verbatim(password.expose_secret()));
        login.push(("ansible_ssh_pass", password.clone()));
        login.push(("ansible_become_pass", password));
    }
    if let Some(key) = &config.ssh_key_file_path {
        login.push(("ansible_ssh_private_key_file", Yaml::text(key.as_str())));
    }
    login.push(("ansible_ssh_extra_args", Yaml::text("-o StrictHostKeyChecking=no")));
    login
}

/// A text that Ansible must not take for a template: braces in a password are its own.
fn verbatim(text: &str) -> String {
    match ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
        true => format!("{{% raw %}}{text}{{% endraw %}}"),
        false => text.to_owned(),
    }
}
