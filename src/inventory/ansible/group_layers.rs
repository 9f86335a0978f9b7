//! The variables of groups, as layers in the order in which Ansible merges them.

use super::graph::{ALL, Graph};
use super::vars_files::{Subject, VarsFiles};
use crate::inventory::cluster::Cluster;
use crate::inventory::error::InventoryError;

/// The layers of all groups, in Ansible's order: inline first, vars files above them.
pub(super) struct GroupLayers {
    inline: Vec<Option<usize>>,
    /// By `-i`, then by group.
    files: Vec<Vec<Vec<usize>>>,
    /// Beside the playbook, by group.
    playbook: Vec<Vec<usize>>,
}

impl GroupLayers {
    /// Takes the inline variables out of the graph, and reads the files.
    pub(super) fn read(
        graph: &mut Graph,
        vars_files: &mut VarsFiles<'_>,
        cluster: &mut Cluster,
    ) -> Result<Self, InventoryError> {
        let mut layers = GroupLayers { inline: Vec::new(), files: Vec::new(), playbook: Vec::new() };
        for group in &mut graph.groups {
            let place = group.place.as_ref().map(|place| place.origin()).unwrap_or_default();
            let origin = format!("{place} group `{}`", group.name).trim_start().to_owned();
            let owner = format!("group {}", group.name);
            let layer = std::mem::take(&mut group.variables).into_layer(origin, owner);
            layers.inline.push(layer.map(|layer| cluster.layers.add(layer)));
            for (source, found) in vars_files.layers(Subject::Group, &group.name)?.into_iter().enumerate() {
                let indices = found.into_iter().map(|layer| cluster.layers.add(layer)).collect();
                if layers.files.len() <= source {
                    layers.files.push(Vec::new());
                }
                layers.files[source].push(indices);
            }
            let beside = vars_files.playbook_layers(Subject::Group, &group.name)?;
            layers.playbook.push(beside.into_iter().map(|layer| cluster.layers.add(layer)).collect());
        }
        Ok(layers)
    }

    /// The layers for a host that is in these groups beside `all`.
    pub(super) fn of(&self, groups: &[usize]) -> Vec<usize> {
        let mut layers: Vec<usize> = self.inline[ALL].into_iter().collect();
        layers.extend(groups.iter().filter_map(|&group| self.inline[group]));
        layers.extend(self.files.iter().flat_map(|by_group| &by_group[ALL]));
        layers.extend(&self.playbook[ALL]);
        for by_group in &self.files {
            layers.extend(groups.iter().flat_map(|&group| &by_group[group]));
        }
        layers.extend(groups.iter().flat_map(|&group| &self.playbook[group]));
        layers
    }
}
