//! `/etc/network/interfaces`: Debian's ifupdown.

use super::address_origin::{Saying, Says, Shelf, Target, address_in};
use super::interfaces::glob_fits;

/// What its stanzas say about the target.
pub(super) fn read(shelf: &mut Shelf<'_>, target: Target<'_>) -> Vec<Saying> {
    let mut files = Vec::new();
    files.extend(shelf.file("/etc/network/interfaces").map(|text| ("/etc/network/interfaces", text)));
    files.extend(shelf.files("/etc/network/interfaces.d/", ""));
    // Says which interfaces ifupdown brought up: `eth0=eth0`.
    let states = ["/run/network/ifstate", "/run/ifstate"].map(|path| shelf.transcript.file(path));
    let states = states.iter().filter_map(|state| state.value());
    let in_use = states
        .flat_map(|text| text.lines())
        .any(|line| line.split(['=', ' ']).next().is_some_and(|name| name == target.interface.name));
    let leases = if in_use { Says::Leases } else { Says::MayLease };

    let mut sayings = Vec::new();
    for (path, text) in files {
        let text = text.replace("\\\n", " ");
        let mut stanza = None;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["iface", name, rest @ ..] => {
                    stanza = is_for(name, target).then_some(*name);
                    let family = if target.address.is_ipv4() { "inet" } else { "inet6" };
                    if let (Some(name), [its, method @ ("dhcp" | "auto" | "bootp"), ..]) = (stanza, rest)
                        && *its == family
                    {
                        sayings.push(Saying::new(leases, format!("{path}: iface {name} {its} {method}")));
                    }
                }
                ["auto" | "mapping" | "no-auto-down" | "no-scripts" | "rename", ..] => stanza = None,
                ["source" | "source-directory", place, ..] => {
                    stanza = None;
                    let place = place.trim_start_matches("/etc/network/");
                    if !place.starts_with("interfaces.d") {
                        shelf.unread.push(format!("{place} (sourced by {path})"));
                    }
                }
                [first, ..] if first.starts_with("allow-") => stanza = None,
                [option, values @ ..] => {
                    let Some(name) = stanza else { continue };
                    if names(option, values, target) {
                        sayings.push(Saying::new(
                            Says::Names,
                            format!("{path}: iface {name} {}", words.join(" ")),
                        ));
                    }
                }
                [] => {}
            }
        }
    }
    sayings
}

/// `eth0`, its labels (`eth0:1`) and patterns (`/en*`, `/en*/1`).
fn is_for(name: &str, target: Target<'_>) -> bool {
    let base = name.split(':').next().unwrap_or(name);
    match name.strip_prefix('/') {
        Some(pattern) => target.interface.fits(pattern.split('/').next().unwrap_or(pattern)),
        None => {
            target.interface.is_called(base)
                || (base.contains('*') && glob_fits(base, &target.interface.name))
        }
    }
}

/// `address 10.0.0.5/24`, or `up ip addr add 10.0.0.5/24 dev eth0`.
fn names(option: &str, values: &[&str], target: Target<'_>) -> bool {
    match option {
        "address" => values.first().is_some_and(|value| target.is(value)),
        "up" | "post-up" | "pre-up" => {
            values.contains(&"add")
                && values.iter().find_map(|value| address_in(value)) == Some(target.address)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::Recorded;

    const LOOPBACK: &str =
        "# interfaces(5) file\nsource /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n\n";
    const PLAIN: &str = "10.0.0.5/24 brd 10.0.0.255 scope global eth0";

    fn origin(stanzas: &str) -> Option<String> {
        let text = format!("{LOOPBACK}{stanzas}");
        let host = Recorded::with_eth0(&[PLAIN]).file("/etc/network/interfaces", &text);
        host.network(Some("10.0.0.5")).address_origin.value().cloned()
    }

    #[test]
    fn fixed_in_both_spellings() {
        for address in
            ["address 10.0.0.5\n\tnetmask 255.255.255.0", "address 10.0.0.5/24", "address \\\n 10.0.0.5/24"]
        {
            let stanza = format!(
                "auto eth0\niface eth0 inet static\n\t{address}\n\tgateway 10.0.0.1\n\tdns-nameservers 8.8.8.8\n"
            );
            assert_eq!(origin(&stanza).as_deref(), Some("static"), "{address}");
        }
        assert_eq!(
            origin("auto eth0:1\niface eth0:1 inet static\n address 10.0.0.5/24\n").as_deref(),
            Some("static")
        );
        let by_hand = "iface eth0 inet manual\n  up ip addr add 10.0.0.5/24 dev $IFACE\n";
        assert_eq!(origin(by_hand).as_deref(), Some("static"));
    }

    #[test]
    fn leased() {
        assert_eq!(origin("auto eth0\niface eth0 inet dhcp\n").as_deref(), Some("dhcp"));
        assert_eq!(origin("allow-hotplug eth0\niface eth0 inet manual\n"), None);
        assert_eq!(origin("auto eth1\niface eth1 inet static\n address 10.0.0.5/24\n"), None);
    }

    #[test]
    fn a_folder_of_stanzas() {
        let host = Recorded::with_eth0(&[PLAIN])
            .file("/etc/network/interfaces", LOOPBACK)
            .file("/etc/network/interfaces.d/50-cloud-init.cfg", "auto eth0\niface eth0 inet dhcp\n");
        assert_eq!(host.network(None).address_origin.value().map(String::as_str), Some("dhcp"));
    }

    #[test]
    fn what_is_sourced_from_elsewhere_was_not_read() {
        assert_eq!(origin("iface eth0 inet static\n address 10.0.0.5/24\nsource /srv/interfaces\n"), None);
    }

    #[test]
    fn against_another_manager() {
        let host = || {
            Recorded::with_eth0(&[PLAIN])
                .file("/etc/network/interfaces", "iface eth0 inet dhcp\n")
                .file("/etc/netplan/01.yaml", "network: {ethernets: {eth0: {addresses: [10.0.0.5/24]}}}")
        };
        // A leftover: ifupdown did not bring the interface up.
        let left = host().network(None);
        assert_eq!(left.address_origin.value().map(String::as_str), Some("static"));
        let used = host().file("/run/network/ifstate", "lo=lo\neth0=eth0\n").network(None);
        assert_eq!(used.address_origin.value().map(String::as_str), Some("dhcp"));
        assert_eq!(used.address_evidence.value().map(Vec::len), Some(2));
    }
}
