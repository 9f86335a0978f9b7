//! The groups that kubespray makes while it runs, from what the inventory has.

use std::collections::HashSet;

use super::graph::Graph;

/// A group and those whose hosts it gets. Old names come first, for they lead into the new ones, as in the releases that
/// knew them well: those made one group after the other (current ones look only at the names of the files).
const MADE_FROM: [(&str, &[&str]); 5] = [
    ("kube_control_plane", &["kube-master"]),
    ("kube_node", &["kube-node"]),
    ("calico_rr", &["calico-rr"]),
    ("no_floating", &["no-floating"]),
    ("k8s_cluster", &["k8s-cluster", "kube_node", "kube_control_plane", "calico_rr"]),
];

/// Adds kubespray's groups, given the groups each host is in; says whether that changed anything.
pub(super) fn grow(graph: &mut Graph, groups_by_host: &[Vec<usize>]) -> bool {
    let mut member: Vec<HashSet<usize>> =
        groups_by_host.iter().map(|groups| groups.iter().copied().collect()).collect();
    let mut changed = false;
    for (name, sources) in MADE_FROM {
        let sources: Vec<usize> = sources.iter().filter_map(|source| graph.group(source)).collect();
        let known = graph.group(name);
        let fresh: Vec<usize> = (0..member.len())
            .filter(|&host| sources.iter().any(|source| member[host].contains(source)))
            .filter(|&host| known.is_none_or(|group| !member[host].contains(&group)))
            .collect();
        if fresh.is_empty() {
            continue;
        }
        changed = true;
        let group = graph.gather(name, &fresh);
        let mut above = graph.ancestors(group);
        above.push(group);
        for host in fresh {
            member[host].extend(&above);
        }
    }
    changed
}
