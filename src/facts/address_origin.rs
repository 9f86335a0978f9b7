//! Whether the node's address is configured on the host or leased: all evidence about this very address.

use std::collections::HashSet;
use std::net::IpAddr;

use super::fact::{Fact, Reading};
use super::interfaces::Interface;
use super::transcript::{NO_SUCH_FILE, Transcript};
use super::{dhcp_lease, ifcfg, ifupdown, netplan, network_manager, networkd};

/// The address in question and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'i> {
    pub(super) address: IpAddr,
    pub(super) interface: &'i Interface,
}

impl Target<'_> {
    /// Whether a configured address (`10.0.0.5/24`, quoted or not) is this one.
    pub(super) fn is(&self, text: &str) -> bool {
        address_in(text) == Some(self.address)
    }
}

/// What a configuration says about the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It names the address: static.
    Names,
    /// It asks for leases on the interface.
    Leases,
    /// It asks for leases on any interface, or nothing shows that it is in use.
    MayLease,
}

/// One statement of a configuration, with the sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saying {
    pub(super) says: Says,
    pub(super) sentence: String,
}

impl Saying {
    pub(super) fn new(says: Says, sentence: String) -> Self {
        Saying { says, sentence }
    }
}

/// Files as they were found, and those that could not be read.
#[derive(Debug)]
pub(super) struct Shelf<'t> {
    pub(super) transcript: &'t Transcript,
    /// `/etc/netplan/01.yaml (Permission denied)`.
    pub(super) unread: Vec<String>,
    /// No file was read at all.
    closed: bool,
}

impl<'t> Shelf<'t> {
    fn new(transcript: &'t Transcript) -> Self {
        let closed = transcript.nothing_under("/").map(|reason| format!("configuration files ({reason})"));
        Shelf { transcript, closed: closed.is_some(), unread: closed.into_iter().collect() }
    }

    /// The readable files that a probe's glob `<folder>*<ending>` found; the others are noted.
    pub(super) fn files(&mut self, folder: &str, ending: &str) -> Vec<(&'t str, &'t str)> {
        if self.closed {
            return Vec::new();
        }
        if let Some(reason) = self.transcript.nothing_under(folder) {
            self.note(&[folder, "*"].concat(), &reason);
            return Vec::new();
        }
        // A folder that may not be entered leaves its glob as it is.
        let glob = [folder, "*", ending].concat();
        let mut texts = Vec::new();
        for (path, told) in self.transcript.told_under(folder) {
            let is_file = !path.contains('*') && (path.ends_with(ending) || ending.contains('*'));
            match told {
                Ok(text) if is_file => texts.push((path, text)),
                Err(reason) if reason != NO_SUCH_FILE && (is_file || path == glob) => self.note(path, reason),
                Ok(_) | Err(_) => {}
            }
        }
        texts
    }

    /// One file, where there is one; noted where it could not be read.
    pub(super) fn file(&mut self, path: &str) -> Option<&'t str> {
        let text = self.transcript.file(path);
        if let Reading::Unknown(reason) = &text.reading {
            self.note(path, reason);
        }
        text.value().copied()
    }

    fn note(&mut self, path: &str, reason: &str) {
        if reason != "Is a directory" && !self.closed {
            self.unread.push(format!("{path} ({reason})"));
        }
    }
}

/// What all evidence together says.
#[derive(Debug)]
pub(super) struct Origin {
    /// `static` or `dhcp`.
    pub(super) origin: Fact<String>,
    /// Sentences for people, the strongest first.
    pub(super) evidence: Vec<String>,
}

/// Weighs the evidence. `now` is the host's clock, in seconds since 1970.
pub(super) fn judge(transcript: &Transcript, target: Target<'_>, now: i64) -> Origin {
    let mut shelf = Shelf::new(transcript);
    let (address, name) = (target.address, &target.interface.name);

    let mut proofs = Vec::new();
    for own in target.interface.addresses.iter().filter(|own| own.address == address && own.dynamic) {
        let valid = own.valid_s.map(|left| format!(" (valid {left} s)")).unwrap_or_default();
        proofs.push(format!("kernel marks {address} dynamic on {name}{valid}"));
    }
    let leases = dhcp_lease::read(&mut shelf);
    let (mut maybe_leased, mut stale) = (Vec::new(), Vec::new());
    for lease in leases.iter().filter(|lease| lease.address == address) {
        match lease.is_valid(now) {
            Some(true) => proofs.push(lease.sentence()),
            Some(false) => stale.push(format!("{}: stale", lease.sentence())),
            None => maybe_leased.push(lease.sentence()),
        }
    }
    let route = format!(" src {address} ");
    let routes = transcript.answer("network-ip");
    let routes = routes.value().map(|answer| answer.out.as_ref()).unwrap_or_default();
    for line in routes.lines().filter(|line| line.starts_with("default ")) {
        if line.contains(" proto dhcp ") && format!("{line} ").contains(&route) {
            proofs.push(format!("ip route: {}", line.trim()));
        }
    }

    // A lease that another address on the interface shows says nothing about this one.
    let valid = leases.iter().filter(|lease| lease.is_valid(now) == Some(true));
    let valid: HashSet<IpAddr> = valid.map(|lease| lease.address).collect();
    let others_leased = target.interface.addresses.iter().any(|other| {
        let leased = || valid.contains(&other.address);
        other.address != address
            && other.address.is_ipv4() == address.is_ipv4()
            && other.scope == "global"
            && (other.dynamic || leased())
    });
    let (mut names, mut dhcp) = (Vec::new(), Vec::new());
    for sayings in [
        netplan::read(&mut shelf, target),
        networkd::read(&mut shelf, target),
        ifupdown::read(&mut shelf, target),
        network_manager::read(&mut shelf, target),
        ifcfg::read(&mut shelf, target),
    ] {
        let named = sayings.iter().any(|saying| saying.says == Says::Names);
        for saying in sayings {
            match saying.says {
                Says::Names => names.push(saying.sentence),
                // One that names the address leases another beside it.
                _ if named || others_leased => {}
                Says::Leases => dhcp.push(saying.sentence),
                Says::MayLease => maybe_leased.push(saying.sentence),
            }
        }
    }

    let source = "kernel, network configuration and leases";
    let unread = shelf.unread.join(", ");
    let could_not = || Fact::unknown(format!("{address} may be leased: could not read {unread}"), source);
    let origin = if !proofs.is_empty() || !dhcp.is_empty() {
        Fact::known("dhcp".to_owned(), source)
    } else if !unread.is_empty() {
        could_not()
    } else if !names.is_empty() {
        Fact::known("static".to_owned(), source)
    } else if !maybe_leased.is_empty() {
        Fact::known("dhcp".to_owned(), source)
    } else {
        Fact::unknown(
            format!(
                "no configuration names {address}: looked in netplan, systemd-networkd, ifupdown, \
                 NetworkManager and ifcfg files for {name}"
            ),
            source,
        )
    };
    Origin { origin, evidence: [proofs, dhcp, names, maybe_leased, stale].concat() }
}

/// The address in `10.0.0.5/24`, `"2001:db8::5"`, `[fd00::5]`, `10.0.0.5;24;10.0.0.1;` or `10.0.0.5/24,10.0.0.1`.
pub(super) fn address_in(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches(['"', '\'']);
    let end = text.find(['/', ',', ';', '%']).unwrap_or(text.len());
    text[..end].trim().trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::Network;
    use super::super::recorded::Recorded;
    use super::*;

    const PLAIN: &str = "10.0.0.5/24 brd 10.0.0.255 scope global eth0";
    const FIXED: &str = "auto eth0\niface eth0 inet static\n  address 10.0.0.5\n  netmask 255.255.255.0\n";

    fn host() -> Recorded {
        Recorded::with_eth0(&[PLAIN])
    }

    fn origin(found: &Network) -> Option<&str> {
        found.address_origin.value().map(String::as_str)
    }

    fn lease(expire: &str) -> String {
        format!("lease {{\n  interface \"eth0\";\n  fixed-address 10.0.0.5;\n  expire {expire};\n}}\n")
    }

    #[test]
    fn for_ever_alone_proves_nothing() {
        let found = host().network(None);
        let Reading::Unknown(reason) = &found.address_origin.reading else { panic!("{found:?}") };
        assert!(reason.starts_with("no configuration names 10.0.0.5: looked in netplan"), "{reason}");
        assert_eq!(found.address_evidence.value(), Some(&vec![]));
    }

    #[test]
    fn the_kernel_flag_wins() {
        let found = Recorded::with_eth0(&["10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0"])
            .file("/etc/network/interfaces", FIXED)
            .network(None);
        assert_eq!(origin(&found), Some("dhcp"));
        let evidence = found.address_evidence.value().cloned().unwrap_or_default();
        assert_eq!(evidence[0], "kernel marks 10.0.0.5 dynamic on eth0 (valid 3412 s)");
        assert!(evidence[1].starts_with("/etc/network/interfaces: iface eth0 address"));
    }

    #[test]
    fn leases_on_disk() {
        let path = "/var/lib/dhcp/dhclient.eth0.leases";
        let fixed = || host().file("/etc/network/interfaces", FIXED);
        let active = fixed().file(path, &lease("1 2026/11/23 10:00:00")).network(None);
        assert_eq!(origin(&active), Some("dhcp"));
        assert_eq!(
            active.address_evidence.value().map(|all| all[0].as_str()),
            Some("/var/lib/dhcp/dhclient.eth0.leases: lease for 10.0.0.5 until 2026-11-23 10:00:00")
        );
        let stale = fixed().file(path, &lease("1 2026/11/21 10:00:00")).network(None);
        assert_eq!(origin(&stale), Some("static"));
        assert!(stale.address_evidence.value().is_some_and(|all| all[1].ends_with(": stale")));
        let only_stale = host().file(path, &lease("1 2026/11/21 10:00:00")).network(None);
        assert_eq!(origin(&only_stale), None);
        let of_another = fixed().file(path, &lease("never").replace("10.0.0.5", "10.0.0.6")).network(None);
        assert_eq!(origin(&of_another), Some("static"));
        let unreadable = fixed().unreadable(path, "Permission denied").network(None);
        assert_eq!(origin(&unreadable), None);
        // NetworkManager's own client keeps no end: it counts only where nothing names the address.
        let internal = (
            "/var/lib/NetworkManager/internal-1-eth0.lease",
            "# This is private data. Do not parse.\nADDRESS=10.0.0.5\n",
        );
        assert_eq!(origin(&fixed().file(internal.0, internal.1).network(None)), Some("static"));
        assert_eq!(origin(&host().file(internal.0, internal.1).network(None)), Some("dhcp"));
    }

    #[test]
    fn a_folder_that_may_not_be_entered() {
        let found = host()
            .file("/etc/network/interfaces", FIXED)
            .unreadable("/var/lib/NetworkManager/*.lease", "Permission denied");
        assert_eq!(origin(&found.network(None)), None);
        let absent = host()
            .file("/etc/network/interfaces", FIXED)
            .unreadable("/etc/netplan/*.yaml", "No such file or directory");
        assert_eq!(origin(&absent.network(None)), Some("static"));
    }

    #[test]
    fn an_address_added_by_hand_beside_a_lease() {
        let found = Recorded::with_eth0(&[PLAIN, "10.0.0.9/24 scope global secondary dynamic eth0"])
            .file("/etc/netplan/01.yaml", "network: {ethernets: {eth0: {dhcp4: true}}}");
        let found = found.network(Some("10.0.0.5"));
        assert!(matches!(found.address_origin.reading, Reading::Unknown(_)));
    }

    #[test]
    fn a_default_route_that_came_by_dhcp() {
        let route = "2: eth0    inet 10.0.0.5/24 scope global eth0\ndefault via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5 metric 100\n";
        let found = host()
            .answer("network-ip", route)
            .file("/etc/network/interfaces", FIXED)
            .network(Some("10.0.0.5"));
        assert_eq!(origin(&found), Some("dhcp"));
    }

    #[test]
    fn a_vlan_has_its_cards_mac() {
        let ip = "3: eth0.7    inet 10.0.0.5/24 scope global eth0.7\n3: eth0.7@eth0: <UP,LOWER_UP> mtu 1500\\    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff\n";
        let text = "network:\n  ethernets:\n    eth0: {match: {macaddress: '52:54:00:12:34:56'}, dhcp4: true}\n  vlans:\n    eth0.7: {id: 7, link: eth0, addresses: [10.0.0.5/24]}\n";
        let found = host()
            .answer("network-ip", ip)
            .file("/sys/class/net/eth0.7/uevent", "DEVTYPE=vlan\n")
            .file("/etc/netplan/01.yaml", text)
            .file("/etc/sysconfig/network-scripts/ifcfg-eth0", "HWADDR=52:54:00:12:34:56\nBOOTPROTO=dhcp\n")
            .network(Some("10.0.0.5"));
        assert_eq!(origin(&found), Some("static"));
    }

    #[test]
    fn only_version_six() {
        let host = || Recorded::with_eth0(&["2001:db8::5/64 scope global "]);
        let text = "network: {ethernets: {eth0: {dhcp4: true, addresses: ['2001:DB8:0::5/64']}}}";
        let found = host().file("/etc/netplan/01.yaml", text).network(Some("2001:db8::5"));
        assert_eq!(
            (origin(&found), found.address_network.value().map(String::as_str)),
            (Some("static"), Some("2001:db8::/64"))
        );
        let text = "network: {ethernets: {eth0: {dhcp6: true, dhcp4: false}}}";
        assert_eq!(
            origin(&host().file("/etc/netplan/01.yaml", text).network(Some("2001:db8::5"))),
            Some("dhcp")
        );
    }

    #[test]
    fn no_file_was_read() {
        let mut sections = host().transcript().sections().clone();
        sections.remove("files");
        let found = Network::parse(&Transcript::new(sections), Some("10.0.0.5"), 0);
        let Reading::Unknown(reason) = &found.address_origin.reading else { panic!("{found:?}") };
        assert!(reason.contains("configuration files (not in the transcript)"), "{reason}");
    }

    #[test]
    fn spellings_of_an_address() {
        for text in [
            "10.0.0.5",
            "10.0.0.5/24",
            "\"10.0.0.5\"",
            "'10.0.0.5/24'",
            "10.0.0.5/24,10.0.0.1",
            "10.0.0.5;24;10.0.0.1;",
        ] {
            assert_eq!(address_in(text), "10.0.0.5".parse().ok(), "{text}");
        }
        assert_eq!(address_in("[fd00::5]"), "fd00::5".parse().ok());
        assert_eq!(address_in("dhcp"), None);
    }
}
