//! `.network` files of systemd-networkd.

use std::collections::BTreeMap;

use super::address_origin::{Saying, Says, Shelf, Target};
use super::ini::{self, Entry};
use super::interfaces::{Interface, InterfaceKind};

/// In order of precedence: of files with one name the first folder's is read. /usr/lib's is reached through /lib.
const FOLDERS: &[&str] = &["/etc/systemd/network/", "/run/systemd/network/", "/lib/systemd/network/"];

/// What the file that wins for the interface says about the target.
pub(super) fn read(shelf: &mut Shelf<'_>, target: Target<'_>) -> Vec<Saying> {
    // By file name, then by folder.
    let mut files: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut drop_ins = Vec::new();
    for folder in FOLDERS {
        for (path, text) in shelf.files(folder, ".network") {
            let name = path.strip_prefix(folder).unwrap_or(path);
            files.entry(name).or_insert((path, text));
        }
        drop_ins.extend(shelf.files(folder, ".conf"));
    }
    let state = shelf.transcript.file(&format!("/run/systemd/netif/links/{}", target.interface.index));
    let state = state.value().copied().unwrap_or_default();
    let in_use = ini::entries(state).find(|entry| entry.key == "NETWORK_FILE");
    let in_use =
        in_use.and_then(|entry| entry.value.rsplit('/').next()).filter(|name| files.contains_key(name));

    let mut sayings = Vec::new();
    for (name, (path, text)) in files {
        let fit = match in_use {
            Some(file) if file == name => Fit::Yes,
            Some(_) => Fit::No,
            None => fits(text, target.interface),
        };
        if fit == Fit::No {
            continue;
        }
        let mut texts = vec![(path, text)];
        let beside = format!("/{name}.d/");
        texts.extend(drop_ins.iter().filter(|(path, _)| path.contains(&beside)));
        sayings.extend(about(&texts, target, if in_use.is_some() { Says::Leases } else { Says::MayLease }));
        if fit == Fit::Yes {
            break;
        }
    }
    sayings
}

fn about(texts: &[(&str, &str)], target: Target<'_>, leases: Says) -> Vec<Saying> {
    let mut sayings = Vec::new();
    let mut dhcp = None;
    let name = &target.interface.name;
    for (path, text) in texts {
        for Entry { section, key, value } in ini::entries(text) {
            match (section, key) {
                ("Network" | "Address", "Address") if target.is(value) => {
                    sayings.push(Saying::new(Says::Names, format!("{path}: {name} Address={value}")));
                }
                ("Network", "DHCP") => dhcp = Some((path, value)),
                _ => {}
            }
        }
    }
    if let Some((path, value)) = dhcp {
        let family = if target.address.is_ipv4() { ["ipv4", "v4"] } else { ["ipv6", "v6"] };
        let value = value.to_ascii_lowercase();
        if ["yes", "true", "both", "on", "1", "y", "t"].contains(&value.as_str())
            || family.contains(&value.as_str())
        {
            sayings.push(Saying::new(leases, format!("{path}: {name} DHCP={value}")));
        }
    }
    sayings
}

/// Whether a file is for an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    /// It asks for something not known here (`Driver=`).
    Perhaps,
}

fn fits(text: &str, interface: &Interface) -> Fit {
    let mut fit = Fit::Yes;
    for Entry { key, value, .. } in ini::entries(text).filter(|entry| entry.section == "Match") {
        let (value, negated) = match value.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (value, false),
        };
        let mut values = value.split([' ', '\t', ',']).filter(|one| !one.is_empty()).peekable();
        if values.peek().is_none() {
            continue;
        }
        let met = match key {
            "Name" => values.any(|glob| interface.fits(glob)),
            "MACAddress" | "PermanentMACAddress" => values.any(|mac| interface.has_mac(mac)),
            "Type" => values.any(|kind| is_of(interface, kind)),
            _ => {
                fit = Fit::Perhaps;
                continue;
            }
        };
        if met == negated {
            return Fit::No;
        }
    }
    fit
}

fn is_of(interface: &Interface, kind: &str) -> bool {
    match kind {
        "ether" => {
            interface.mac.is_some()
                && matches!(interface.kind, InterfaceKind::Physical | InterfaceKind::Virtual)
        }
        "loopback" => interface.kind == InterfaceKind::Loopback,
        "bridge" => interface.kind == InterfaceKind::Bridge,
        "bond" => interface.kind == InterfaceKind::Bond,
        "vlan" => interface.kind == InterfaceKind::Vlan,
        "wlan" => interface.kind == InterfaceKind::Wlan,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::Recorded;

    const FIXED: &str =
        "[Match]\nName=eth0\n\n[Network]\nLinkLocalAddressing=ipv6\nAddress=10.0.0.5/24\nGateway=10.0.0.1\n";
    const LEASED: &str = "[Match]\nName=e*\n\n[Network]\nDHCP=ipv4\n\n[DHCP]\nUseMTU=true\nRouteMetric=100\n";

    fn origin(files: &[(&str, &str)]) -> Option<String> {
        let host = Recorded::with_eth0(&["10.0.0.5/24 scope global eth0"]);
        let host = files.iter().fold(host, |host, (path, text)| host.file(path, text));
        host.network(None).address_origin.value().cloned()
    }

    #[test]
    fn the_first_that_fits_wins() {
        let early = "/run/systemd/network/10-netplan-eth0.network";
        let late = "/etc/systemd/network/99-default.network";
        assert_eq!(origin(&[(early, FIXED), (late, LEASED)]).as_deref(), Some("static"));
        assert_eq!(origin(&[(early, LEASED), (late, FIXED)]).as_deref(), Some("dhcp"));
        let used = (
            "/run/systemd/netif/links/2",
            "# This is private data. Do not parse.\nADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/99-default.network\n",
        );
        assert_eq!(origin(&[(early, LEASED), (late, FIXED), used]).as_deref(), Some("static"));
    }

    #[test]
    fn matching() {
        for (selector, origin_then) in [
            ("Name=!eth0", None),
            ("Name=ens* eth*", Some("static")),
            ("MACAddress=52-54-00-12-34-56", Some("static")),
            ("MACAddress=52:54:00:00:00:00", None),
            ("Type=ether", Some("static")),
            ("Type=wlan", None),
            ("Driver=virtio_net", Some("static")),
        ] {
            let text = FIXED.replace("Name=eth0", selector);
            assert_eq!(
                origin(&[("/etc/systemd/network/a.network", &text)]).as_deref(),
                origin_then,
                "{selector}"
            );
        }
        let section = "[Match]\nName=eth0\n[Address]\nAddress=10.0.0.5/24\nLabel=x\n";
        assert_eq!(origin(&[("/etc/systemd/network/a.network", section)]).as_deref(), Some("static"));
    }

    #[test]
    fn shadowed_and_extended() {
        let (above, below) = ("/etc/systemd/network/a.network", "/run/systemd/network/a.network");
        assert_eq!(origin(&[(above, FIXED), (below, LEASED)]).as_deref(), Some("static"));
        let bare = "[Match]\nName=eth0\n";
        let extra = ("/etc/systemd/network/a.network.d/dhcp.conf", "[Network]\nDHCP=yes\n");
        assert_eq!(origin(&[(below, bare), extra]).as_deref(), Some("dhcp"));
    }

    #[test]
    fn a_lease_held() {
        let lease = (
            "/run/systemd/netif/leases/2",
            "# This is private data. Do not parse.\nADDRESS=10.0.0.5\nNETMASK=255.255.255.0\nLIFETIME=3600\n",
        );
        assert_eq!(origin(&[lease, ("/etc/systemd/network/a.network", FIXED)]).as_deref(), Some("dhcp"));
    }
}
