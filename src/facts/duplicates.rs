//! What only one host of a cluster may have, and several have: names, addresses, ids.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::fleet::{Essence, Reached};
use crate::role::Role;

/// What several hosts of the cluster have in common and must not, each as `value: host, host`. All are absent where there are no
/// two hosts. Two names of one machine are told once, in `same_machines`, and count as one host in the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Duplicates {
    /// Hosts of the inventory that are one machine: one boot id, and not two machine ids.
    pub same_machines: Fact<Vec<String>>,
    /// Host names.
    pub duplicate_hostnames: Fact<Vec<String>>,
    /// Nodes' addresses, wherever the other host has them.
    pub duplicate_addresses: Fact<Vec<String>>,
    /// systemd's machine ids.
    pub duplicate_machine_ids: Fact<Vec<String>>,
    /// The firmware's UUIDs.
    pub duplicate_product_uuids: Fact<Vec<String>>,
    /// Ethernet addresses of the interfaces that have the nodes' addresses.
    pub duplicate_macs: Fact<Vec<String>>,
}

/// Looks for them among the hosts of the cluster; the dev box is none of them.
pub(super) fn find(reached: &[Reached<'_>]) -> Duplicates {
    let hosts = in_cluster(reached);
    Duplicates {
        same_machines: same_machines(&hosts),
        duplicate_hostnames: duplicates(&hosts, "/proc/sys/kernel/hostname", |facts| {
            facts.identity.hostname.as_ref().map(|name| name.to_lowercase().into())
        }),
        duplicate_addresses: addresses(&hosts),
        duplicate_machine_ids: duplicates(&hosts, "/etc/machine-id", |facts| {
            text(&facts.identity.machine_id)
        }),
        duplicate_product_uuids: duplicates(&hosts, "/sys/class/dmi/id/product_uuid", |facts| {
            text(&facts.identity.product_uuid)
        }),
        duplicate_macs: duplicates(&hosts, "ip -o link", |facts| text(&facts.network.address_mac)),
    }
}

/// The MTU at each node's address, by value.
pub(super) fn mtus(reached: &[Reached<'_>]) -> Fact<BTreeMap<String, Vec<String>>> {
    let source = "ip -o link";
    let hosts = in_cluster(reached);
    let mut mtus: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut unknown = None;
    for (host, facts) in &hosts {
        match &facts.network.address_mtu.reading {
            Reading::Known(mtu) => mtus.entry(mtu.to_string()).or_default().push(host.subject.name.clone()),
            // Its address is on no interface, which is a finding of its own.
            Reading::Absent => {}
            Reading::Unknown(reason) => unknown = Some(format!("{}: {reason}", host.subject.name)),
        }
    }
    match unknown {
        _ if hosts.len() < 2 => Fact::absent(source),
        Some(reason) if mtus.len() < 2 => Fact::unknown(reason, source),
        _ => Fact::known(mtus, source),
    }
}

fn in_cluster<'r>(reached: &[Reached<'r>]) -> Vec<Reached<'r>> {
    let is_in = |role: &Role| *role != Role::Devbox;
    reached.iter().copied().filter(|(host, _)| host.subject.roles.iter().any(is_in)).collect()
}

fn text(fact: &Fact<String>) -> Fact<Cow<'_, str>> {
    fact.as_ref().map(|text| text.as_str().into())
}

/// Values that several machines have. What is known is told even where another host's value is not.
fn duplicates<'r>(
    hosts: &[Reached<'r>],
    source: &'static str,
    of: impl Fn(&'r Essence) -> Fact<Cow<'r, str>>,
) -> Fact<Vec<String>> {
    let mut held: Vec<(Cow<'_, str>, Reached<'_>)> = Vec::with_capacity(hosts.len());
    let mut unknown = None;
    for (host, facts) in hosts {
        match of(facts).reading {
            Reading::Known(value) => held.push((value, (*host, *facts))),
            Reading::Absent => {}
            Reading::Unknown(reason) => unknown = Some(format!("{}: {reason}", host.subject.name)),
        }
    }
    held.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut shared = Vec::new();
    for group in held.chunk_by(|(a, _), (b, _)| a == b) {
        let holders: Vec<Reached<'_>> = group.iter().map(|(_, holder)| *holder).collect();
        if are_several(&holders) {
            shared.push(format!("{}: {}", group[0].0, names(&holders)));
        }
    }
    settle(hosts, shared, unknown, source)
}

/// A node's address on another host as well, be it that host's own or one more on its interfaces.
fn addresses(hosts: &[Reached<'_>]) -> Fact<Vec<String>> {
    // Of each address the nodes themselves come first.
    let mut held: Vec<((&str, Holder), Reached<'_>)> = Vec::with_capacity(hosts.len() * 4);
    let mut unknown = None;
    for (host, facts) in hosts {
        match &facts.network.address.reading {
            Reading::Known(address) => held.push(((address, Holder::Node), (*host, *facts))),
            // It has its own finding.
            Reading::Absent => {}
            Reading::Unknown(reason) => unknown = Some(format!("{}: {reason}", host.subject.name)),
        }
        match &facts.network.addresses.reading {
            Reading::Known(addresses) => held
                .extend(addresses.iter().map(|address| ((&**address, Holder::Interface), (*host, *facts)))),
            Reading::Absent => {}
            Reading::Unknown(reason) => unknown = Some(format!("{}: {reason}", host.subject.name)),
        }
    }
    held.sort_by_key(|(place, _)| *place);
    let mut shared = Vec::new();
    for group in held.chunk_by(|((a, _), _), ((b, _), _)| a == b) {
        let ((address, Holder::Node), _) = group[0] else { continue };
        let mut holders: Vec<Reached<'_>> = Vec::new();
        for (_, (host, facts)) in group {
            if !holders.iter().any(|(other, _)| std::ptr::eq(*other, *host)) {
                holders.push((*host, *facts));
            }
        }
        if are_several(&holders) {
            shared.push(format!("{address}: {}", names(&holders)));
        }
    }
    settle(hosts, shared, unknown, "the inventory and ip -o addr")
}

/// Where an address stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Node,
    Interface,
}

fn same_machines(hosts: &[Reached<'_>]) -> Fact<Vec<String>> {
    let mut machines: Vec<Vec<Reached<'_>>> = Vec::new();
    // Where among them those are that show a boot id.
    let mut by_boot_id: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut unknown = None;
    for (host, facts) in hosts {
        match &facts.identity.boot_id.reading {
            Reading::Known(boot_id) => {
                let places = by_boot_id.entry(boot_id).or_default();
                match places.iter().find(|at| is_same(machines[**at][0].1, facts)) {
                    Some(at) => machines[*at].push((*host, *facts)),
                    None => {
                        places.push(machines.len());
                        machines.push(vec![(*host, *facts)]);
                    }
                }
            }
            Reading::Absent => {}
            Reading::Unknown(reason) => unknown = Some(format!("{}: {reason}", host.subject.name)),
        }
    }
    let shared = machines.iter().filter(|names| names.len() > 1).map(|holders| names(holders)).collect();
    settle(hosts, shared, unknown, "boot_id and /etc/machine-id")
}

/// One kernel, and not two systems on it: containers share their host's boot id.
fn is_same(a: &Essence, b: &Essence) -> bool {
    let (a, b) = (&a.identity, &b.identity);
    let differ = match (a.machine_id.value(), b.machine_id.value()) {
        (Some(a), Some(b)) => a != b,
        _ => false,
    };
    !differ && a.boot_id.value().is_some_and(|boot_id| b.boot_id.value() == Some(boot_id))
}

fn are_several(holders: &[Reached<'_>]) -> bool {
    holders.first().is_some_and(|(_, first)| {
        holders.iter().any(|(_, other)| !is_same(first, other) && !std::ptr::eq(*first, *other))
    })
}

fn names(holders: &[Reached<'_>]) -> String {
    holders.iter().map(|(host, _)| host.subject.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn settle(
    hosts: &[Reached<'_>],
    shared: Vec<String>,
    unknown: Option<String>,
    source: &'static str,
) -> Fact<Vec<String>> {
    match unknown {
        _ if hosts.len() < 2 => Fact::absent(source),
        Some(reason) if shared.is_empty() => Fact::unknown(reason, source),
        _ => Fact::known(shared, source),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::fleet;
    use crate::facts::host::{HostFacts, HostRecord, Outcome, Subject};

    fn facts_of(name: &str) -> HostFacts {
        let mut facts = HostFacts::default();
        facts.identity.hostname = Fact::known(name.to_owned(), "");
        facts.identity.machine_id = Fact::known(format!("machine-{name}"), "");
        facts.identity.boot_id = Fact::known(format!("boot-{name}"), "");
        facts.identity.product_uuid = Fact::absent("");
        facts.network.address = Fact::known(format!("10.0.0.{}", name.len()), "");
        facts.network.addresses = Fact::known(vec![format!("10.0.0.{}", name.len())], "");
        facts.network.address_mac = Fact::known(format!("mac-{name}"), "");
        facts.network.address_mtu = Fact::known(1500, "");
        facts
    }

    fn host(name: &str, change: impl FnOnce(&mut HostFacts)) -> HostRecord<Essence> {
        let mut facts = facts_of(name);
        change(&mut facts);
        HostRecord {
            subject: Subject {
                name: name.to_owned(),
                roles: BTreeSet::from([Role::Worker]),
                ..Subject::default()
            },
            gathered_at: None,
            duration_ms: None,
            outcome: Outcome::Gathered(Box::new(facts.into())),
        }
    }

    fn found(hosts: &[HostRecord<Essence>]) -> Duplicates {
        fleet::compare(hosts).duplicates
    }

    fn known(fact: &Fact<Vec<String>>) -> Vec<String> {
        fact.value().unwrap_or_else(|| panic!("{fact:?}")).clone()
    }

    #[test]
    fn hosts_of_their_own_have_nothing_in_common() {
        let found = found(&[host("a", |_| ()), host("bb", |_| ()), host("ccc", |_| ())]);
        for fact in [
            &found.same_machines,
            &found.duplicate_hostnames,
            &found.duplicate_addresses,
            &found.duplicate_machine_ids,
            &found.duplicate_product_uuids,
            &found.duplicate_macs,
        ] {
            assert_eq!(known(fact), Vec::<String>::new());
        }
    }

    #[test]
    fn clones_are_told_by_what_they_share() {
        let cloned = |facts: &mut HostFacts| {
            facts.identity.hostname = Fact::known("NODE".to_owned(), "");
            facts.identity.machine_id = Fact::known("M".to_owned(), "");
            facts.identity.product_uuid = Fact::known("u".to_owned(), "");
            facts.network.address_mac = Fact::known("52:54".to_owned(), "");
        };
        let found = found(&[host("a", cloned), host("bb", cloned), host("ccc", |_| ())]);
        assert_eq!(known(&found.duplicate_hostnames), ["node: a, bb"]);
        assert_eq!(known(&found.duplicate_machine_ids), ["M: a, bb"]);
        assert_eq!(known(&found.duplicate_product_uuids), ["u: a, bb"]);
        assert_eq!(known(&found.duplicate_macs), ["52:54: a, bb"]);
        assert_eq!(known(&found.same_machines), Vec::<String>::new(), "each booted by itself");
    }

    #[test]
    fn one_machine_under_two_names_is_told_once() {
        let found = found(&[host("a", |_| ()), host("bb", |facts| *facts = facts_of("a"))]);
        assert_eq!(known(&found.same_machines), ["a, bb"]);
        for fact in [&found.duplicate_hostnames, &found.duplicate_addresses, &found.duplicate_machine_ids] {
            assert_eq!(known(fact), Vec::<String>::new());
        }
    }

    #[test]
    fn containers_of_one_kernel_are_machines_of_their_own() {
        let on = |boot_id: &'static str, machine_id: &'static str| {
            move |facts: &mut HostFacts| {
                facts.identity.boot_id = Fact::known(boot_id.to_owned(), "");
                facts.identity.machine_id = Fact::known(machine_id.to_owned(), "");
            }
        };
        let silent = |facts: &mut HostFacts| facts.identity.boot_id = Fact::absent("");
        let found = found(&[
            host("z", on("two", "m3")),
            host("a", on("one", "m1")),
            host("b", on("one", "m2")),
            host("c", silent),
            host("d", silent),
            host("e", on("one", "m2")),
            host("f", on("two", "m3")),
        ]);
        assert_eq!(known(&found.same_machines), ["z, f", "b, e"], "in the inventory's order");
    }

    #[test]
    fn a_nodes_address_on_another_hosts_interface() {
        let more = |facts: &mut HostFacts| {
            facts.network.addresses = Fact::known(vec!["10.0.0.2".to_owned(), "10.0.0.1".to_owned()], "");
        };
        assert_eq!(
            known(&found(&[host("a", |_| ()), host("bb", more)]).duplicate_addresses),
            ["10.0.0.1: a, bb"]
        );
        // The node comes first, wherever it stands in the inventory; an address that is told twice counts once.
        let again = |facts: &mut HostFacts| {
            more(facts);
            if let Reading::Known(addresses) = &mut facts.network.addresses.reading {
                addresses.push("10.0.0.1".to_owned());
            }
        };
        assert_eq!(
            known(&found(&[host("bb", again), host("a", |_| ())]).duplicate_addresses),
            ["10.0.0.1: a, bb"]
        );
        // Vagrant's every machine has 10.0.2.15, which is no node's address.
        let nat = |facts: &mut HostFacts| {
            if let Reading::Known(addresses) = &mut facts.network.addresses.reading {
                addresses.push("10.0.2.15".to_owned());
            }
        };
        assert_eq!(
            known(&found(&[host("a", nat), host("bb", nat)]).duplicate_addresses),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_one_host_does_not_tell_is_unknown_unless_others_fail() {
        let mute = |facts: &mut HostFacts| facts.identity.product_uuid = Fact::unknown("root only", "");
        let with = |facts: &mut HostFacts| facts.identity.product_uuid = Fact::known("u".to_owned(), "");
        let some = found(&[host("a", mute), host("bb", with)]);
        assert!(
            matches!(&some.duplicate_product_uuids.reading, Reading::Unknown(reason) if reason == "a: root only")
        );
        let all = found(&[host("a", mute), host("bb", with), host("ccc", with)]);
        assert_eq!(known(&all.duplicate_product_uuids), ["u: bb, ccc"]);
        let alone = found(&[host("a", mute)]);
        assert_eq!(alone.duplicate_product_uuids.reading, Reading::Absent);
    }

    #[test]
    fn mtus_by_value() {
        let jumbo = |facts: &mut HostFacts| facts.network.address_mtu = Fact::known(9000, "");
        let fleet = fleet::compare(&[host("a", jumbo), host("bb", |_| ())]);
        assert_eq!(fleet.mtus.value().map(BTreeMap::len), Some(2));
        assert_eq!(fleet::compare(&[host("a", jumbo)]).mtus.reading, Reading::Absent);
    }
}
