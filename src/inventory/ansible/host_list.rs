//! `-i h1,h2:2222,`: hosts on the command line, in no group but those of the roles that `--as` gives them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::graph::{Graph, UNGROUPED};
use super::range::split_port;
use super::roles::groups_of;
use crate::inventory::source::{Mark, Place, Source};
use crate::role::Role;

/// Whether `-i` was given a list of hosts: a comma, and no such file.
pub(in crate::inventory) fn is_host_list(path: &Path) -> bool {
    path.to_string_lossy().contains(',') && !path.exists()
}

/// Adds the hosts of a list. As in Ansible it knows no ranges, and a port counts only for a host that is new.
pub(super) fn read(source: &Arc<Source>, graph: &mut Graph, roles: &BTreeSet<Role>) {
    let groups: Vec<usize> = roles
        .iter()
        .flat_map(|role| groups_of(*role))
        .map(|group| {
            let place = Place { source: Arc::clone(source), mark: Mark::START };
            graph.add_group(group, Some(place))
        })
        .collect();
    let mut column = 1;
    for word in source.text.split(',') {
        let mark = Mark::new(1, column + word.chars().take_while(|c| c.is_whitespace()).count());
        column += word.chars().count() + 1;
        let word = word.trim();
        if word.is_empty() {
            continue;
        }
        let (name, port) = match split_port(word) {
            (name, _) if name.contains('[') => (word, None),
            parts => parts,
        };
        if !graph.knows_host(name) {
            let place = Place { source: Arc::clone(source), mark };
            for group in groups.iter().chain([&UNGROUPED]) {
                graph.add_host(name, *group, port, &place);
            }
        }
    }
}
