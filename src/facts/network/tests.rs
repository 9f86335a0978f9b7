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
    for reading in [format!("{:?}", found.interfaces.reading), format!("{:?}", found.address_origin.reading)]
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
        let answers = [("files", files), (IP.name, ip.clone()), (network_manager::PROBE.name, ip)];
        let sections = answers.map(|(name, out)| {
            let ended = Ended::Exited(0);
            let (out, err) = (out.into(), err.clone().into());
            (name, Section { source: "".into(), ended, out, err, stuck: None })
        });
        let transcript = Transcript::new(sections);
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
