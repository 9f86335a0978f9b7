//! Several releases that could deploy an inventory: what all of them find fault with, and what only some do.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::demands::Demands;
use super::survey::survey_inventory;
use crate::facts::inventory::Inventory as Found;
use crate::facts::kubespray::Kubespray;
use crate::facts::{Fact, Reading};
use crate::inventory::{GatheredFacts, Inventory};

/// One list of findings.
type List = fn(&mut Found) -> &mut Fact<Vec<String>>;

/// The lists of findings; each sentence names what is wrong and where it is written.
const LISTS: [List; 16] = [
    |found| &mut found.missing_groups,
    |found| &mut found.misplaced_hosts,
    |found| &mut found.invalid_names,
    |found| &mut found.invalid_addresses,
    |found| &mut found.invalid_networks,
    |found| &mut found.overlapping_networks,
    |found| &mut found.service_addresses_taken,
    |found| &mut found.tight_networks,
    |found| &mut found.removed_variables,
    |found| &mut found.leftover_variables,
    |found| &mut found.misspelt_variables,
    |found| &mut found.unread_variables,
    |found| &mut found.text_booleans,
    |found| &mut found.unsupported_choices,
    |found| &mut found.contradictions,
    |found| &mut found.unsupported_versions,
];

/// The inventory as releases find it that could all deploy it.
#[derive(Debug)]
pub struct CandidateSurvey {
    /// What all of them find, and apart from that what only some do (`release_findings`).
    pub inventory: Found,
    /// The place of the release that finds least, of those the first: whose limits count for hosts.
    pub best: usize,
}

/// Holds an inventory against several releases, in the order in which they are preferred; of one alone everything is a finding
/// of all.
///
/// # Panics
/// Where there is no release.
pub fn survey_candidates(
    inventory: &Inventory,
    candidates: &[Demands],
    facts: &GatheredFacts,
) -> CandidateSurvey {
    let mut all: Vec<Found> =
        candidates.par_iter().map(|demands| survey_inventory(inventory, demands, facts)).collect();
    let count = |found: &mut Found| -> usize {
        LISTS.iter().map(|list| list(found).value().map_or(0, Vec::len)).sum()
    };
    let counts: Vec<usize> = all.iter_mut().map(count).collect();
    let best = (0..counts.len()).min_by_key(|at| counts[*at]).unwrap_or_default();
    let mut merged = all[best].clone();
    let mut by_sentence: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for list in LISTS {
        // What is unknown by one is unknown: a release that would find fault may be the one that deploys.
        let unknown = all
            .iter_mut()
            .map(|found| list(found).clone())
            .find(|fact| matches!(fact.reading, Reading::Unknown(_)));
        if let Some(unknown) = unknown {
            *list(&mut merged) = unknown;
            continue;
        }
        let keys: Vec<BTreeSet<String>> = all
            .iter_mut()
            .map(|found| list(found).value().into_iter().flatten().map(|sentence| key(sentence)).collect())
            .collect();
        let is_shared = |sentence: &str| keys.iter().all(|known| known.contains(&key(sentence)));
        for (found, demands) in all.iter_mut().zip(candidates) {
            let release = demands.facts.release.value().cloned().unwrap_or_default();
            for sentence in list(found).value().into_iter().flatten().filter(|sentence| !is_shared(sentence))
            {
                by_sentence.entry(sentence.clone()).or_default().push(release.clone());
            }
        }
        if let Reading::Known(sentences) = &mut list(&mut merged).reading {
            sentences.retain(|sentence| is_shared(sentence));
        }
    }
    let findings = by_sentence.into_iter();
    let findings =
        findings.map(|(sentence, releases)| format!("with kubespray {}: {sentence}", releases.join(", ")));
    merged.release_findings = Fact::known(findings.collect(), "inventory and the built-in table of releases");
    CandidateSurvey { inventory: merged, best }
}

/// What a sentence is about: `` `name` is `value` (file:line) `` where it begins so, whatever a release has to say of it.
fn key(sentence: &str) -> String {
    let about = sentence.starts_with('`').then(|| sentence.split_once(')')).flatten();
    about.map_or(sentence, |(about, _)| about).to_owned()
}

/// The limits for hosts where several releases could deploy: those of the best one, less strict where another one is.
pub fn lenient(candidates: &[Demands], best: usize) -> Kubespray {
    let mut facts = candidates[best].facts.clone();
    for other in candidates.iter().map(|demands| &demands.facts) {
        for (own, list) in [(&mut facts.os_ids, &other.os_ids), (&mut facts.os_releases, &other.os_releases)]
        {
            if let (Reading::Known(own), Some(list)) = (&mut own.reading, list.value()) {
                own.extend(list.iter().filter(|it| !own.contains(it)).cloned().collect::<Vec<_>>());
            }
        }
        for (own, least) in [
            (&mut facts.control_plane_memory_min_mb, &other.control_plane_memory_min_mb),
            (&mut facts.node_memory_min_mb, &other.node_memory_min_mb),
        ] {
            if let (Reading::Known(own), Some(least)) = (&mut own.reading, least.value()) {
                *own = (*own).min(*least);
            }
        }
        if let (Reading::Known(own), Some(keys)) = (&mut facts.docker_keys.reading, other.docker_keys.value())
        {
            own.retain(|key| keys.contains(key));
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn a_sentence_is_known_by_variable_value_and_place() {
        let one = "`dns_mode` is `x` (all.yml:1); kubespray takes coredns, none";
        let other = "`dns_mode` is `x` (all.yml:1); kubespray takes coredns";
        assert_eq!(key(one), key(other));
        assert_ne!(key(one), key("`dns_mode` is `y` (all.yml:1); kubespray takes coredns"));
        assert_eq!(key("the group `etcd` is empty"), "the group `etcd` is empty");
    }
}
