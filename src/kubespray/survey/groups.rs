//! The groups that kubespray needs, who is in them, and whether their names will do.

use std::collections::{HashMap, HashSet};

use super::findings::{Findings, quoted, some, text_of};
use super::view::View;
use crate::facts::Fact;
use crate::inventory::View as Groups;

const SOURCE: &str = "inventory";

/// What each group is for, by its current name.
const PURPOSE: [(&str, &str); 4] = [
    ("kube_control_plane", "the API server has no host"),
    ("kube_node", "pods have nowhere to run"),
    ("etcd", "etcd has no host"),
    ("k8s_cluster", "most of kubespray's plays run on its hosts"),
];

/// The first release that finds the members of `k8s_cluster` by itself.
const GATHERS_CLUSTER: (u64, u64) = (2, 27);

/// The longest value of a label, and so of `kubernetes.io/hostname`.
const NAME_MAX: usize = 63;

/// Groups that are not there, or are empty.
pub(super) fn missing(view: &View<'_>) -> Fact<Vec<String>> {
    let mut findings = Findings::default();
    let demanded = view.demands.groups.value().map_or(&[][..], Vec::as_slice);
    let old_names = demanded.iter().any(|name| name == "kube-master");
    let usual: &[&str] = match old_names {
        true => &["kube-master", "kube-node", "etcd", "k8s-cluster"],
        false if view.is_at_least(GATHERS_CLUSTER) => &["kube_control_plane", "kube_node", "etcd"],
        false => &["kube_control_plane", "kube_node", "etcd", "k8s_cluster"],
    };
    let mut names: Vec<&str> = usual.to_vec();
    names.extend(demanded.iter().map(String::as_str).filter(|name| !usual.contains(name)));
    for name in names {
        if !view.members(name).is_empty() {
            continue;
        }
        if name == "etcd" {
            match deploys_etcd_by_kubeadm(view) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(reason) => {
                    findings.cannot_tell(format!("whether the group `etcd` is needed: {reason}"));
                    continue;
                }
            }
        }
        let current = name.replace('-', "_").replace("kube_master", "kube_control_plane");
        let purpose = PURPOSE.iter().find(|(of, _)| *of == current).map_or("", |(_, purpose)| purpose);
        let state = match view.inventory.groups_in(Groups::Files).get(name) {
            Some(_) => "is empty",
            None => "is not in the inventory",
        };
        let purpose = if purpose.is_empty() { String::new() } else { format!(": {purpose}") };
        findings.say(format!("the group `{name}` {state}{purpose}"));
    }
    findings.into_fact(SOURCE)
}

/// Whether kubeadm runs etcd, on the control plane. It is one choice for the whole cluster.
fn deploys_etcd_by_kubeadm(view: &View<'_>) -> Result<bool, String> {
    for host in &view.hosts {
        if let Some(way) = view.get(host, "etcd_deployment_type")?
            && text_of(&way) == "kubeadm"
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Hosts outside the group that has to hold them.
pub(super) fn misplaced(view: &View<'_>) -> Fact<Vec<String>> {
    let mut findings = Findings::default();
    if !view.is_at_least(GATHERS_CLUSTER) {
        let files = view.inventory.groups_in(Groups::Files);
        let within: HashSet<&str> =
            ["k8s_cluster", "k8s-cluster"].iter().flat_map(|name| files.members(name)).collect();
        let old = ["kube-master", "kube-node", "calico-rr"];
        for group in ["kube_control_plane", "kube_node", "calico_rr"].iter().chain(&old) {
            let outside: Vec<&str> =
                files.members(group).into_iter().filter(|host| !within.contains(host)).collect();
            // Where the whole group is missing, that is the finding.
            if !outside.is_empty() && !within.is_empty() {
                findings.say(format!(
                    "{} {} in `{group}` and not in `k8s_cluster`",
                    some(&outside),
                    if outside.len() == 1 { "is" } else { "are" }
                ));
            }
        }
    }
    findings.into_fact(SOURCE)
}

/// The hosts that will run etcd, as kubespray counts them: without the group those of the control plane.
pub(super) fn etcd(view: &View<'_>) -> Fact<Vec<String>> {
    let named = view.members("etcd");
    let is_there = view.inventory.groups_in(Groups::Files).get("etcd").is_some();
    let hosts = if is_there { named } else { view.members("kube_control_plane") };
    // An empty group is a finding of its own, unless kubeadm runs etcd: then kubespray counts to zero all the same.
    match hosts.is_empty() && !matches!(deploys_etcd_by_kubeadm(view), Ok(true)) {
        true => Fact::absent(SOURCE),
        false => Fact::known(hosts.into_iter().map(str::to_owned).collect(), SOURCE),
    }
}

/// Names that Kubernetes does not take for nodes, or that two hosts have.
pub(super) fn invalid_names(view: &View<'_>) -> Fact<Vec<String>> {
    let mut findings = Findings::default();
    let mut owners: HashMap<String, &str> = HashMap::new();
    for &host in &view.hosts {
        if let Some(fault) = fault_of(host) {
            findings.say(format!("the host {} {fault}", quoted(&host.into())));
        }
        let name = match view.written(host, "kube_override_hostname") {
            None => host.to_owned(),
            Some(_) => match view.get(host, "kube_override_hostname") {
                Ok(Some(value)) if !text_of(&value).is_empty() => text_of(&value),
                Ok(_) => host.to_owned(),
                Err(reason) => {
                    findings.cannot_tell(format!("{host}: {reason}"));
                    continue;
                }
            },
        };
        if let (Some(fault), true) = (fault_of(&name), name != host) {
            let place = view.place(host, "kube_override_hostname").unwrap_or_default();
            let owner = view.owner(host, "kube_override_hostname");
            findings.say(format!("`kube_override_hostname` of {owner} is `{name}` ({place}), which {fault}"));
        }
        match owners.get(&name) {
            Some(other) => findings.say(format!("{other} and {host} both become the node `{name}`")),
            None => {
                owners.insert(name, host);
            }
        }
    }
    findings.into_fact(SOURCE)
}

/// What is wrong with a name of a node: a subdomain of RFC 1123 that fits into a label.
fn fault_of(name: &str) -> Option<String> {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(is_edge)
            && label.ends_with(is_edge)
            && label.chars().all(|c| is_edge(c) || c == '-')
    };
    if name.chars().count() > NAME_MAX {
        return Some(format!(
            "has {} characters; a node's name has at most {NAME_MAX}",
            name.chars().count()
        ));
    }
    if name.split('.').all(is_label) {
        return None;
    }
    let lower = name.to_ascii_lowercase().replace('_', "-");
    Some(match lower != name && lower.split('.').all(is_label) {
        true => format!("is no name of a node; write `{lower}`"),
        false => {
            "is no name of a node: lower case letters, digits, `-` and `.`, a letter or digit at both ends"
                .to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::fault_of;

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for name in ["node1", "1", "gpu-07.rack3.example.org", &"a".repeat(63)] {
            assert_eq!(fault_of(name), None, "{name}");
        }
        for name in ["Node1", "node_1", "-node", "node-", "a..b", ".a", "", "käse", "no de", &"a".repeat(64)]
        {
            assert!(fault_of(name).is_some(), "{name}");
        }
        assert_eq!(fault_of("GPU_7").unwrap(), "is no name of a node; write `gpu-7`");
    }
}
