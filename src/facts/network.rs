//! A machine's interfaces, routes and the address by which the cluster will know it.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address_origin::{self, Origin, Target};
use super::default_route;
use super::fact::{Fact, Reading};
use super::interfaces::{self, Interface, InterfaceAddress, InterfaceKind};
use super::network_manager;
use super::probe::Probe;
use super::routes::{Line, Route, Routes};
use super::transcript::Transcript;

const IP: Probe = Probe::shell(
    "network-ip",
    "ip -o addr, ip -o link",
    // All in one process, where `ip` is iproute2's.
    "shown=$(ip -o -batch - 2>/dev/null <<END
addr show
link show
route show default
END
) && [ -n \"$shown\" ] && printf '%s\\n' \"$shown\" && return
ip -o addr show || return
ip -o link show
ip -o route show default",
);

const FILES: Probe = Probe::files(&[
    "/proc/net/route",
    "/proc/net/ipv6_route",
    "/sys/class/net/*/uevent",
    "/sys/class/net/*/device/uevent",
    "/etc/netplan/*.yaml",
    "/run/netplan/*.yaml",
    "/lib/netplan/*.yaml",
    "/etc/systemd/network/*.network",
    "/etc/systemd/network/*.network.d/*.conf",
    "/run/systemd/network/*.network",
    "/run/systemd/network/*.network.d/*.conf",
    // Where /lib leads to /usr/lib these are the same files; read once.
    "/lib/systemd/network/*.network",
    "/lib/systemd/network/*.network.d/*.conf",
    "/run/systemd/netif/links/*",
    "/run/systemd/netif/leases/*",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/*",
    "/run/network/ifstate",
    "/run/ifstate",
    "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/sysconfig/network/ifcfg-*",
    "/var/lib/dhcp/dhclient*.lease*",
    "/var/lib/dhclient/*.lease*",
    "/var/lib/NetworkManager/*.lease",
]);

/// Interfaces, routes, and the node's address with where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Network {
    /// Every interface with its addresses.
    pub interfaces: Fact<Vec<Interface>>,
    /// Where packets to anywhere leave: IPv4's default route, else IPv6's; absent where there is none.
    pub default_route_interface: Fact<String>,
    /// The gateway of the default route; absent where the route needs none.
    pub default_route_gateway: Fact<String>,
    /// The host's own address on packets that take the default route.
    pub default_route_source: Fact<String>,
    /// The node's address: the inventory's `ip`, else the default route's source.
    pub address: Fact<String>,
    /// Whether the node's address is on one of the interfaces.
    pub address_assigned: Fact<bool>,
    /// The interface that has the node's address; absent where none has.
    pub address_interface: Fact<String>,
    /// That interface's Ethernet address; absent where it has none.
    pub address_mac: Fact<String>,
    /// That interface's largest packet, in bytes.
    pub address_mtu: Fact<u32>,
    /// The network of the node's address there, as CIDR.
    pub address_network: Fact<String>,
    /// `static` or `dhcp`; absent where the address is on no interface.
    pub address_origin: Fact<String>,
    /// What speaks for and against a lease, in sentences with their sources.
    pub address_evidence: Fact<Vec<String>>,
    /// Global addresses by which other machines may know this one, those of container networks left out.
    pub addresses: Fact<Vec<String>>,
    /// Networks that the kernel has routes to, default routes left out.
    pub routes: Fact<Vec<Route>>,
}

impl Network {
    /// What to read on a host.
    pub const PROBES: &[Probe] = &[FILES, IP, network_manager::PROBE];

    /// Makes sense of what was read. `node_ip` is the inventory's `ip` for this host; `now_epoch` the
    /// host's own clock, in seconds since 1970.
    pub fn parse(transcript: &Transcript, node_ip: Option<&str>, now_epoch: i64) -> Network {
        let interfaces = interfaces(transcript);
        let routes = Routes::read(transcript);
        let default_route = routes.default();
        let default_route_source = default_route::source(
            transcript.answer(IP.name).value().map_or("", |answer| &answer.out),
            &default_route,
            &interfaces,
        );
        let address = node_address(node_ip, &default_route_source);
        let place = place(&address, &interfaces);
        let origin = origin(transcript, &address, &place, now_epoch);
        let addresses = addresses(&interfaces, &default_route);
        let address_network = and_then(&place, |(_, its)| match its.network() {
            Some(network) => Reading::Known(network.to_string()),
            None => Reading::Absent,
        });
        Network {
            default_route_interface: default_route.clone().map(|line| line.interface),
            default_route_gateway: and_then(&default_route, |line| match line.gateway {
                Some(gateway) => Reading::Known(gateway.to_string()),
                None => Reading::Absent,
            }),
            default_route_source: default_route_source.map(|address| address.to_string()),
            address_assigned: match &place.reading {
                Reading::Absent if address.value().is_some() => Fact::known(false, place.source.clone()),
                _ => place.clone().map(|_| true),
            },
            address: address.map(|address| address.to_string()),
            address_mac: and_then(&place, |(interface, _)| given(interface.mac.clone())),
            address_mtu: and_then(&place, |(interface, _)| given(interface.mtu)),
            address_interface: place.clone().map(|(interface, _)| interface.name),
            address_network,
            address_origin: origin.0,
            address_evidence: origin.1,
            addresses,
            routes: routes.listed(),
            interfaces,
        }
    }
}

fn given<T>(value: Option<T>) -> Reading<T> {
    value.map_or(Reading::Absent, Reading::Known)
}

/// Another reading made of a known one; absent and unknown stay what they are.
fn and_then<T: Clone, U>(fact: &Fact<T>, change: impl FnOnce(&T) -> Reading<U>) -> Fact<U> {
    let reading = match &fact.reading {
        Reading::Known(value) => change(value),
        Reading::Absent => Reading::Absent,
        Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
    };
    Fact::new(reading, fact.source.clone())
}

fn interfaces(transcript: &Transcript) -> Fact<Vec<Interface>> {
    let answer = transcript.answer(IP.name);
    and_then(&answer, |answer| {
        let found = interfaces::parse(&answer.out, transcript);
        match (found.is_empty(), answer.status) {
            (false, _) => Reading::Known(found),
            (true, 127) => Reading::Unknown("there is no `ip` command: install iproute2".to_owned()),
            (true, status) => {
                Reading::Unknown(format!("`ip` told of no interface (status {status}): {}", answer.err))
            }
        }
    })
}

fn node_address(node_ip: Option<&str>, default_route_source: &Fact<IpAddr>) -> Fact<IpAddr> {
    match node_ip.map(str::trim).filter(|text| !text.is_empty()) {
        None => default_route_source.clone(),
        Some(text) => match text.parse() {
            Ok(address) => Fact::known(address, "inventory"),
            Err(_) => Fact::unknown(
                format!("the inventory's `ip` is `{text}`, which is not an address"),
                "inventory",
            ),
        },
    }
}

/// The interface that has the node's address; of several one that is not for containers.
fn place(address: &Fact<IpAddr>, interfaces: &Fact<Vec<Interface>>) -> Fact<(Interface, InterfaceAddress)> {
    let address = match &address.reading {
        Reading::Known(address) => address,
        Reading::Absent => return Fact::absent(address.source.clone()),
        Reading::Unknown(reason) => return Fact::unknown(reason.clone(), address.source.clone()),
    };
    and_then(interfaces, |found| {
        let having = found.iter().filter_map(|interface| {
            let its = interface.addresses.iter().find(|its| its.address == *address)?;
            Some((interface.clone(), its.clone()))
        });
        match having.min_by_key(|(interface, _)| interface.is_for_containers()) {
            Some(found) => Reading::Known(found),
            None => Reading::Absent,
        }
    })
}

fn origin(
    transcript: &Transcript,
    address: &Fact<IpAddr>,
    place: &Fact<(Interface, InterfaceAddress)>,
    now: i64,
) -> (Fact<String>, Fact<Vec<String>>) {
    match (&address.reading, &place.reading) {
        (Reading::Known(address), Reading::Known((interface, _))) => {
            let Origin { origin, evidence } =
                address_origin::judge(transcript, Target { address: *address, interface }, now);
            let source = origin.source.clone();
            (origin, Fact::known(evidence, source))
        }
        (Reading::Known(address), Reading::Absent) => {
            let sentence = format!("{address} is on no interface of this host");
            (Fact::absent(place.source.clone()), Fact::known(vec![sentence], place.source.clone()))
        }
        _ => (and_then(place, |_| Reading::Absent), and_then(place, |_| Reading::Absent)),
    }
}

/// A bridge counts only where the default route leaves by it: every Docker host has the others.
fn addresses(interfaces: &Fact<Vec<Interface>>, default_route: &Fact<Line>) -> Fact<Vec<String>> {
    let way_out = default_route.value().map(|line| line.interface.as_str());
    interfaces.clone().map(|found| {
        let counted = found.iter().filter(|interface| match interface.kind {
            _ if way_out == Some(interface.name.as_str()) => true,
            InterfaceKind::Loopback => false,
            InterfaceKind::Bridge => false,
            _ => !interface.is_for_containers(),
        });
        let all = counted.flat_map(|interface| &interface.addresses);
        all.filter(|its| its.scope == "global").map(|its| its.address.to_string()).collect()
    })
}

#[cfg(test)]
mod tests;
