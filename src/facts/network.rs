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

/// Another reading made of a known one; absent and unknown stay what they are.
fn and_then<T: Clone, U>(fact: &Fact<T>, change: impl FnOnce(&T) -> Reading<U>) -> Fact<U> {
    let reading = match &fact.reading {
        Reading::Known(value) => change(value),
        Reading::Absent => Reading::Absent,
        Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
    };
    Fact { reading, source: fact.source.clone() }
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
mod tests {
    use proptest::prelude::*;

    use super::super::recorded::Recorded;
    use super::super::{Ended, Section};
    use super::*;

    const PLAIN: &str = "10.0.0.5/24 brd 10.0.0.255 scope global eth0";

    fn text(fact: &Fact<String>) -> Option<&str> {
        fact.value().map(String::as_str)
    }

    #[test]
    fn the_default_routes_source_is_the_address() {
        let found = Recorded::with_eth0(&["192.168.9.9/24 scope global eth0", PLAIN]).network(None);
        assert_eq!(text(&found.default_route_interface), Some("eth0"));
        assert_eq!(text(&found.default_route_gateway), Some("10.0.0.1"));
        assert_eq!(text(&found.default_route_source), Some("10.0.0.5"));
        assert_eq!(text(&found.address), Some("10.0.0.5"));
        assert_eq!(found.address_assigned.value(), Some(&true));
        assert_eq!(text(&found.address_interface), Some("eth0"));
        assert_eq!(text(&found.address_network), Some("10.0.0.0/24"));
        assert_eq!(found.addresses.value().map(Vec::len), Some(2));
        let route = Route { network: "10.0.0.0/24".to_owned(), interface: "eth0".to_owned() };
        assert_eq!(found.routes.value(), Some(&vec![route]));
    }

    #[test]
    fn the_inventorys_address() {
        let elsewhere = Recorded::with_eth0(&[PLAIN]).network(Some("203.0.113.7"));
        assert_eq!(elsewhere.address_assigned.value(), Some(&false));
        assert_eq!(elsewhere.address_origin.reading, Reading::Absent);
        assert!(elsewhere.address_evidence.value().is_some_and(|all| all[0].contains("no interface")));
        let name = Recorded::with_eth0(&[PLAIN]).network(Some("node1"));
        assert!(matches!(name.address.reading, Reading::Unknown(_)));
        assert!(matches!(name.address_assigned.reading, Reading::Unknown(_)));
        assert!(matches!(name.address_origin.reading, Reading::Unknown(_)));
    }

    #[test]
    fn no_default_route() {
        let host = || {
            Recorded::default()
                .file("/proc/net/route", "Iface\tDestination\tGateway\n")
                .answer("network-ip", &format!("2: eth0    inet {PLAIN}\n"))
        };
        let found = host().network(None);
        for fact in [
            &found.default_route_interface,
            &found.default_route_gateway,
            &found.default_route_source,
            &found.address,
        ] {
            assert_eq!(fact.reading, Reading::Absent);
        }
        assert_eq!(found.address_assigned.reading, Reading::Absent);
        assert_eq!(host().network(Some("10.0.0.5")).address_assigned.value(), Some(&true));
    }

    #[test]
    fn no_ip_command() {
        let host = Recorded::default().ended(IP.name, Ended::Exited(127), "", "sh: 2: ip: not found");
        let found = host.network(Some("10.0.0.5"));
        for reading in
            [format!("{:?}", found.interfaces.reading), format!("{:?}", found.address_origin.reading)]
        {
            assert!(reading.contains("iproute2"), "{reading}");
        }
    }

    #[test]
    fn bridges_count_only_on_the_way_out() {
        let out = "\
2: br0    inet 10.0.0.5/24 brd 10.0.0.255 scope global br0
3: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0
4: br-1f2e3d4c5b6a    inet 172.18.0.1/16 scope global br-1f2e3d4c5b6a
5: kube-ipvs0    inet 10.233.0.1/32 scope global kube-ipvs0
6: bond1    inet 10.1.0.5/24 scope global bond1
7: eth9    inet 169.254.3.4/16 scope link eth9
default via 10.0.0.1 dev br0 proto static src 10.0.0.5 metric 425
";
        let host = Recorded::default()
            .file("/proc/net/route", "h\nbr0\t00000000\t0100000A\t0003\t0\t0\t425\t00000000\t0\t0\t0\n")
            .file("/sys/class/net/br0/uevent", "DEVTYPE=bridge\n")
            .answer(IP.name, out);
        let found = host.network(None);
        assert_eq!(found.addresses.value(), Some(&vec!["10.0.0.5".to_owned(), "10.1.0.5".to_owned()]));
        assert_eq!(found.default_route_source.source, "ip route show default");
    }

    #[test]
    fn saved_and_read_again() {
        let found = Recorded::with_eth0(&[PLAIN, "fe80::1/64 scope link"]).network(None);
        let saved = serde_json::to_string(&found).expect("facts are JSON");
        assert_eq!(serde_json::from_str::<Network>(&saved).expect("as saved"), found);
    }

    const PIECES: &[&str] = &[
        "1: ",
        "2: eth0",
        " inet ",
        "10.0.0.5/24",
        "\\",
        ": <",
        "UP",
        "> mtu ",
        "link/ether ",
        "valid_lft ",
        "lease {",
        "iaaddr ",
        "}",
        ";",
        "expire ",
        "2026/11/23 ",
        "\"",
        "fixed-address ",
        "\n",
        "[Match]\nName=",
        "*",
        "[",
        "]",
        "[!",
        "network:\n ",
        " ethernets: {eth0: {",
        "}}",
        "match: ",
        "iface ",
        "eth0 inet dhcp",
        "/",
        "address ",
        "source ",
        "DHCP=",
        "default via ",
        "00000000\t",
        "é",
        "\u{0}",
        "method=",
        ":",
        "unreadable:",
        "&a ",
        "*a",
    ];
    const PATHS: &[&str] = &[
        "/proc/net/route",
        "/proc/net/ipv6_route",
        "/etc/netplan/a.yaml",
        "/etc/network/interfaces",
        "/etc/systemd/network/a.network",
        "/var/lib/dhcp/dhclient.leases",
        "/run/systemd/netif/leases/2",
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
    ];

    fn soup() -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_bytes(files in any::<Vec<u8>>(), ip in any::<Vec<u8>>(), err in any::<Vec<u8>>(), now in any::<i64>()) {
            let mut transcript = Transcript::default();
            for (name, out) in [("files", files), (IP.name, ip.clone()), (network_manager::PROBE.name, ip)] {
                let ended = Ended::Exited(0);
                transcript.insert(name, Section { source: "".into(), ended, out, err: err.clone(), stuck: None });
            }
            Network::parse(&transcript, Some("10.0.0.5"), now);
        }

        #[test]
        fn likely_words(texts in proptest::collection::vec(soup(), PATHS.len()), ip in soup(), profile in soup()) {
            let host = PATHS.iter().zip(&texts).fold(Recorded::with_eth0(&[PLAIN]), |host, (path, text)| host.file(path, text));
            host.clone().network(None);
            host.answer(IP.name, &ip).answer(network_manager::PROBE.name, &format!("/a:{profile}")).network(None);
        }

        /// What cannot be read never makes a leased address static.
        #[test]
        fn blinding_gives_no_static(blind in proptest::collection::vec(any::<bool>(), 4)) {
            let files = [
                ("/etc/netplan/01.yaml", "network: {ethernets: {eth0: {dhcp4: true}}}"),
                ("/var/lib/dhcp/dhclient.leases", "lease { fixed-address 10.0.0.5; expire never; }"),
                ("/run/systemd/netif/leases/2", "ADDRESS=10.0.0.5"),
                ("/etc/network/interfaces", "iface eth0 inet static\n address 10.0.0.5"),
            ];
            let host = files.iter().zip(&blind).fold(Recorded::with_eth0(&[PLAIN]), |host, ((path, text), blind)| {
                if *blind { host.unreadable(path, "Permission denied") } else { host.file(path, text) }
            });
            let found = host.network(None);
            prop_assert_ne!(text(&found.address_origin), Some("static"));
        }
    }
}
