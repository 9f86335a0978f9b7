//! What only many machines together show.

use std::collections::{BTreeMap, HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duplicates::{self, Duplicates};
use super::fact::{Fact, Reading, Untyped};
use super::gpu_uniformity;
use super::host::{HostFacts, HostRecord};
use super::identity::Identity;
use super::network::Network;
use super::os::Os;
use super::peers::Peers;
use super::ssh::Ssh;
use super::time::Time;
use crate::role::Role;

/// What only many machines together show. Hosts that were not reached are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Fleet {
    /// Every login user, with who logs in as it: one entry where all agree.
    pub login_users: Fact<BTreeMap<String, Vec<String>>>,
    /// The largest difference between two infra hosts' clocks, in milliseconds.
    pub infra_clock_spread_ms: Fact<f64>,
    /// How far off that may be, in milliseconds.
    pub infra_clock_uncertainty_ms: Fact<f64>,
    /// Each worker's clock against the infra hosts' median.
    pub worker_clocks: Fact<Vec<ClockDeviation>>,
    /// Hosts that are the dev box itself, each with how that shows.
    pub devbox_twins: Fact<Vec<String>>,
    /// Hosts that show the dev box's own SSH host key.
    pub devbox_host_key_twins: Fact<Vec<String>>,
    /// Pairs of hosts between which no TCP connection opens, as `a -> b (address:port): outcome`; absent where there
    /// are no two hosts.
    pub unreachable_pairs: Fact<Vec<String>>,
    /// How many pairs were tried.
    pub pairs_tried: Fact<i64>,
    /// What only one host of the cluster may have, and several have.
    #[serde(flatten)]
    pub duplicates: Duplicates,
    /// The MTU at each node's address, with the hosts that have it: one entry where all agree; absent where there are no two
    /// hosts.
    pub mtus: Fact<BTreeMap<String, Vec<String>>>,
    /// Nodes that are no control plane and on which no kubelet was seen to run, those that were not reached among them; absent
    /// where all hosts are control plane.
    pub nodes_without_kubelet: Fact<Vec<String>>,
    /// What differs between the GPUs of machines of one type; absent where no two are of one type.
    pub gpu_differences: Fact<Vec<String>>,
}

/// One worker's clock against the infra hosts' median.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockDeviation {
    /// The worker.
    pub host: String,
    /// The difference, in milliseconds, never negative.
    pub deviation_ms: f64,
    /// How far off that may be, in milliseconds.
    pub uncertainty_ms: f64,
}

/// What [`compare`] reads of a host, and nothing else: the facts of a thousand hosts take more room than what is said of
/// them.
#[derive(Clone, Debug, PartialEq)]
pub struct Essence {
    pub(super) identity: Identity,
    pub(super) ssh: Ssh,
    pub(super) time: Time,
    pub(super) peers: Peers,
    pub(super) network: Addresses,
    pub(super) gpu: gpu_uniformity::Make,
    pub(super) kubelet_running: Fact<bool>,
    /// Its operating system, of which kubespray's own asserts ask.
    pub os: Os,
}

/// A host's addresses, and what belongs to the node's own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Addresses {
    pub(super) addresses: Fact<Vec<String>>,
    pub(super) address: Fact<String>,
    pub(super) address_mac: Fact<String>,
    pub(super) address_mtu: Fact<u32>,
}

impl From<HostFacts> for Essence {
    fn from(facts: HostFacts) -> Self {
        let HostFacts { identity, ssh, time, peers, network, gpu, kubernetes, os, .. } = facts;
        let Network { addresses, address, address_mac, address_mtu, .. } = network;
        let network = Addresses { addresses, address, address_mac, address_mtu };
        let kubelet_running = kubernetes.kubelet_running;
        Essence { identity, ssh, time, peers, network, gpu: gpu.into(), kubelet_running, os }
    }
}

/// A host that was reached, with what is compared of it.
pub(super) type Reached<'r> = (&'r HostRecord<Essence>, &'r Essence);

/// Puts the hosts side by side. `devbox` is among them where the dev box is this machine.
pub fn compare(hosts: &[HostRecord<Essence>]) -> Fleet {
    let reached: Vec<Reached<'_>> = hosts.iter().filter_map(|host| Some((host, host.facts()?))).collect();
    let with = |role: Role| -> Vec<Reached<'_>> {
        reached.iter().copied().filter(|(host, _)| host.subject.roles.contains(&role)).collect()
    };
    let (infra, workers) = (with(Role::Infra), with(Role::Worker));
    let clocks = clocks(&infra);
    let (devbox_twins, devbox_host_key_twins) = match with(Role::Devbox).first() {
        Some(devbox) => (twins(*devbox, &reached), host_key_twins(*devbox, &reached)),
        None => (
            Fact::unknown("the dev box was not looked at", "this machine"),
            Fact::unknown("the dev box was not looked at", "this machine"),
        ),
    };
    Fleet {
        login_users: login_users(&reached),
        infra_clock_spread_ms: clocks.clone().map(|clocks| spread(&clocks)),
        infra_clock_uncertainty_ms: clocks.clone().map(|clocks| uncertainty(&clocks)),
        worker_clocks: worker_clocks(&clocks, &infra, &workers),
        devbox_twins,
        devbox_host_key_twins,
        unreachable_pairs: unreachable_pairs(hosts, &reached),
        pairs_tried: Fact::known(
            reached
                .iter()
                .filter_map(|(_, facts)| facts.peers.tried.value())
                .map(|tried| tried.len() as i64)
                .sum(),
            "TCP to the peers' SSH ports",
        ),
        duplicates: duplicates::find(&reached),
        mtus: duplicates::mtus(&reached),
        nodes_without_kubelet: nodes_without_kubelet(hosts),
        gpu_differences: gpu_uniformity::differences(&reached),
    }
}

fn nodes_without_kubelet(hosts: &[HostRecord<Essence>]) -> Fact<Vec<String>> {
    let roles = |host: &HostRecord<Essence>, role: Role| host.subject.roles.contains(&role);
    let nodes = || hosts.iter().filter(|host| roles(host, Role::Worker) && !roles(host, Role::Infra));
    let runs = |host: &HostRecord<Essence>| {
        host.facts().is_some_and(|facts| facts.kubelet_running.value() == Some(&true))
    };
    match nodes().next() {
        Some(_) => {
            let without = nodes().filter(|host| !runs(host)).map(|host| host.subject.name.clone());
            Fact::known(without.collect(), "the kubelet of every node")
        }
        None => Fact::absent("inventory"),
    }
}

impl Fleet {
    /// The same facts, without their types: what conditions see.
    pub fn tree(&self) -> Untyped {
        serde_json::to_value(self).and_then(serde_json::from_value).unwrap_or_default()
    }
}

fn login_users(reached: &[Reached<'_>]) -> Fact<BTreeMap<String, Vec<String>>> {
    let source = "the login on every host";
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (host, facts) in reached {
        match &facts.ssh.user.reading {
            Reading::Known(user) => users.entry(user.clone()).or_default().push(host.subject.name.clone()),
            Reading::Absent => {}
            Reading::Unknown(reason) => {
                return Fact::unknown(format!("{}: {reason}", host.subject.name), source);
            }
        }
    }
    match users.is_empty() {
        true => Fact::unknown("no host was logged in to", source),
        false => Fact::known(users, source),
    }
}

/// Offset and uncertainty of each clock, in milliseconds.
fn clocks(hosts: &[Reached<'_>]) -> Fact<Vec<(f64, f64)>> {
    let source = "the first line of each host's answer";
    let mut clocks = Vec::new();
    for (host, facts) in hosts {
        match (&facts.time.clock_offset_ms.reading, &facts.time.clock_uncertainty_ms.reading) {
            (Reading::Known(offset), Reading::Known(uncertainty)) => clocks.push((*offset, *uncertainty)),
            (Reading::Unknown(reason), _) | (_, Reading::Unknown(reason)) => {
                return Fact::unknown(format!("{}: {reason}", host.subject.name), source);
            }
            _ => return Fact::unknown(format!("{}: it has no clock", host.subject.name), source),
        }
    }
    match clocks.is_empty() {
        // None was asked for, or none was reached, which is a finding of its own: there is nothing to compare.
        true => Fact::absent(source),
        false => Fact::known(clocks, source),
    }
}

fn spread(clocks: &[(f64, f64)]) -> f64 {
    let offsets = clocks.iter().map(|(offset, _)| *offset);
    let (low, high) = offsets.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), o| (l.min(o), h.max(o)));
    round(high - low)
}

/// The two largest uncertainties: a spread is a difference of two readings. One clock alone has none.
fn uncertainty(clocks: &[(f64, f64)]) -> f64 {
    let mut all: Vec<f64> = clocks.iter().map(|(_, uncertainty)| *uncertainty).collect();
    all.sort_by(|a, b| b.total_cmp(a));
    match all.as_slice() {
        [first, second, ..] => round(first + second),
        _ => 0.0,
    }
}

fn round(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

fn worker_clocks(
    infra: &Fact<Vec<(f64, f64)>>,
    infra_hosts: &[Reached<'_>],
    workers: &[Reached<'_>],
) -> Fact<Vec<ClockDeviation>> {
    let only_workers: Vec<Reached<'_>> = workers
        .iter()
        .copied()
        .filter(|(host, _)| !infra_hosts.iter().any(|(i, _)| std::ptr::eq(*i, *host)))
        .collect();
    if only_workers.is_empty() {
        return Fact::known(Vec::new(), infra.source.clone());
    }
    let own = clocks(&only_workers);
    let (Some(infra), Some(own)) = (infra.value(), own.value()) else {
        return if infra.value().is_none() {
            infra.clone().map(|_| Vec::new())
        } else {
            own.map(|_| Vec::new())
        };
    };
    let mut sorted = infra.clone();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (median, median_uncertainty) = match sorted.len() {
        n if n % 2 == 1 => sorted[n / 2],
        n => {
            let (low, high) = (sorted[n / 2 - 1], sorted[n / 2]);
            ((low.0 + high.0) / 2.0, low.1.max(high.1))
        }
    };
    let deviations = only_workers.iter().zip(own).map(|((host, _), (offset, uncertainty))| ClockDeviation {
        host: host.subject.name.clone(),
        deviation_ms: round((offset - median).abs()),
        uncertainty_ms: round(uncertainty + median_uncertainty),
    });
    Fact::known(deviations.collect(), "the first line of each host's answer")
}

fn twins((devbox, own): Reached<'_>, reached: &[Reached<'_>]) -> Fact<Vec<String>> {
    let source = "/etc/machine-id and boot_id on every host, the dev box's addresses";
    let mut twins = Vec::new();
    for (host, facts) in reached.iter().filter(|(host, _)| !std::ptr::eq(*host, devbox)) {
        let name = &host.subject.name;
        let (mine, theirs) = (&own.identity, &facts.identity);
        let same_machine = same(&mine.machine_id, &theirs.machine_id);
        let same_boot = same(&mine.boot_id, &theirs.boot_id);
        let same_address = match (own.network.addresses.value(), facts.network.address.value()) {
            (Some(mine), Some(theirs)) => Some(mine.contains(theirs)),
            _ => None,
        };
        match (same_machine, same_boot, same_address) {
            (Some(true), Some(true), _) => {
                twins.push(format!("{name}: same machine-id and boot id as the dev box"))
            }
            (_, _, Some(true)) => twins.push(format!("{name}: its address is on the dev box")),
            (Some(false), _, Some(false)) | (_, Some(false), Some(false)) => {}
            _ => return Fact::unknown(format!("{name}: its identity or address could not be read"), source),
        }
    }
    Fact::known(twins, source)
}

/// Whether both are known and equal; `None` where that cannot be told. Two absent ids are not equal.
fn same(a: &Fact<String>, b: &Fact<String>) -> Option<bool> {
    match (&a.reading, &b.reading) {
        (Reading::Unknown(_), _) | (_, Reading::Unknown(_)) => None,
        (Reading::Known(a), Reading::Known(b)) => Some(a == b),
        _ => Some(false),
    }
}

fn host_key_twins((devbox, own): Reached<'_>, reached: &[Reached<'_>]) -> Fact<Vec<String>> {
    let twins = own.ssh.own_host_keys.clone().map(|keys| {
        reached
            .iter()
            .filter(|(host, _)| !std::ptr::eq(*host, devbox))
            .filter(|(_, facts)| {
                facts.ssh.host_key_fingerprint.value().is_some_and(|shown| keys.contains(shown))
            })
            .map(|(host, _)| host.subject.name.clone())
            .collect()
    });
    match twins.reading {
        Reading::Absent => Fact::known(Vec::new(), twins.source),
        _ => twins,
    }
}

/// Pairs towards a host that we did not reach ourselves are left out: that host has its own finding. Absent where
/// there are no two hosts to pair.
fn unreachable_pairs(hosts: &[HostRecord<Essence>], reached: &[Reached<'_>]) -> Fact<Vec<String>> {
    let source = "TCP to the peers' SSH ports";
    let in_cluster = |host: &HostRecord<Essence>| host.subject.roles.iter().any(|role| *role != Role::Devbox);
    let reached: Vec<Reached<'_>> = reached.iter().copied().filter(|(host, _)| in_cluster(host)).collect();
    if reached.len() < 2 {
        return Fact::absent(source);
    }
    let mut pairs = Vec::new();
    let mut untold = untried(&reached);
    let mut by_address: HashMap<&str, &HostRecord<Essence>> = HashMap::new();
    for host in hosts {
        by_address.entry(&host.subject.peer_address).or_insert(host);
    }
    for (host, facts) in &reached {
        match &facts.peers.tried.reading {
            Reading::Known(tried) => {
                for peer in tried.iter().filter(|peer| peer.reached != Some(true)) {
                    let target = by_address.get(peer.address.as_str());
                    if target.is_some_and(|target| target.facts().is_none()) {
                        continue;
                    }
                    let name = target.map_or(peer.address.as_str(), |target| target.subject.name.as_str());
                    let pair = format!(
                        "{} -> {name} ({}:{}): {}",
                        host.subject.name, peer.address, peer.port, peer.outcome
                    );
                    match peer.reached {
                        Some(_) => pairs.push(pair),
                        None => untold = Some(pair),
                    }
                }
            }
            Reading::Absent => {}
            Reading::Unknown(reason) => untold = Some(format!("{}: {reason}", host.subject.name)),
        }
    }
    match untold {
        Some(reason) if pairs.is_empty() => Fact::unknown(reason, source),
        _ => Fact::known(pairs, source),
    }
}

/// A host that tried nobody, or that nobody tried: no pair is no proof.
fn untried(reached: &[Reached<'_>]) -> Option<String> {
    let tried = reached.iter().filter_map(|(_, facts)| facts.peers.tried.value());
    let targets: HashSet<&str> = tried.flatten().map(|peer| peer.address.as_str()).collect();
    reached.iter().find_map(|(host, facts)| {
        let subject = &host.subject;
        match facts.peers.tried.value() {
            Some(none) if none.is_empty() => Some(format!("{} tried no peer", subject.name)),
            _ if !targets.contains(subject.peer_address.as_str()) => {
                Some(format!("nobody tried {} at {}", subject.name, subject.peer_address))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Outcome, Subject};

    #[test]
    fn where_nobody_was_reached_nobody_logged_in() {
        let subject = Subject { name: "a".to_owned(), ..Subject::default() };
        let outcome = Outcome::Unreachable { stage: "connect".to_owned(), reason: "refused".to_owned() };
        let lost = HostRecord { subject, gathered_at: None, duration_ms: None, outcome };
        assert!(matches!(compare(&[lost]).login_users.reading, Reading::Unknown(_)));
    }
}
