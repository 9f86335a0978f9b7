//! `ifcfg-eth0` files: network-scripts of Red Hat's family, wicked of SUSE's.

use super::address_origin::{Saying, Says, Shelf, Target};
use super::ini;

/// Endings of copies that the scripts pass over.
const PUT_ASIDE: &[&str] = &["~", ".bak", ".old", ".orig", ".rpmnew", ".rpmorig", ".rpmsave"];

/// What they say about the target.
pub(super) fn read(shelf: &mut Shelf<'_>, target: Target<'_>) -> Vec<Saying> {
    let mut files = shelf.files("/etc/sysconfig/network-scripts/ifcfg-", "");
    files.extend(shelf.files("/etc/sysconfig/network/ifcfg-", ""));
    let mut sayings = Vec::new();
    for (path, text) in files {
        if PUT_ASIDE.iter().any(|ending| path.ends_with(ending)) {
            continue;
        }
        let entries: Vec<_> = ini::entries(text).collect();
        let value = |key: &str| {
            let entry = entries.iter().rev().find(|entry| entry.key == key)?;
            Some(entry.value.trim_matches(['"', '\''])).filter(|value| !value.is_empty())
        };
        let by_mac = value("HWADDR").is_some_and(|mac| target.interface.is_card(mac));
        let called = value("DEVICE").or_else(|| path.rsplit_once("/ifcfg-").map(|(_, name)| name));
        let name = called.unwrap_or_default().split(':').next().unwrap_or_default();
        if !by_mac && !target.interface.is_called(name) {
            continue;
        }
        for entry in &entries {
            let holds_addresses = entry.key.starts_with("IPADDR") || entry.key.starts_with("IPV6ADDR");
            if holds_addresses && entry.value.split_whitespace().any(|value| target.is(value)) {
                sayings.push(Saying::new(Says::Names, format!("{path}: {}={}", entry.key, entry.value)));
            }
        }
        let boot = value("BOOTPROTO").unwrap_or_default();
        let leased = if target.address.is_ipv4() {
            matches!(boot, "dhcp" | "dhcp4" | "bootp" | "autoip" | "dhcp+autoip")
        } else {
            matches!(boot, "dhcp6") || value("DHCPV6C").is_some_and(|yes| yes.eq_ignore_ascii_case("yes"))
        };
        if leased {
            sayings.push(Saying::new(Says::Leases, format!("{path}: BOOTPROTO={boot}")));
        }
    }
    sayings
}

#[cfg(test)]
mod tests {
    use super::super::recorded::Recorded;

    fn origin(path: &str, text: &str) -> Option<String> {
        let host = Recorded::with_eth0(&["10.0.0.5/24 scope global eth0"]).file(path, text);
        host.network(None).address_origin.value().cloned()
    }

    #[test]
    fn red_hat_and_suse() {
        let red_hat = "/etc/sysconfig/network-scripts/ifcfg-eth0";
        let fixed = "DEVICE=\"eth0\"\nBOOTPROTO=\"none\"\nIPADDR=\"10.0.0.5\"\nPREFIX=24\nONBOOT=yes\n";
        assert_eq!(origin(red_hat, fixed).as_deref(), Some("static"));
        assert_eq!(origin(red_hat, "DEVICE=eth0\nBOOTPROTO=dhcp\n").as_deref(), Some("dhcp"));
        assert_eq!(
            origin(red_hat, "HWADDR=52:54:00:12:34:56\nDEVICE=net0\nBOOTPROTO=dhcp\n").as_deref(),
            Some("dhcp")
        );
        assert_eq!(origin(red_hat, "DEVICE=eth1\nBOOTPROTO=dhcp\n"), None);
        assert_eq!(origin(&format!("{red_hat}.bak"), "DEVICE=eth0\nBOOTPROTO=dhcp\n"), None);
        let suse = "BOOTPROTO='static'\nIPADDR='10.0.0.5/24'\nSTARTMODE='auto'\n";
        assert_eq!(origin("/etc/sysconfig/network/ifcfg-eth0", suse).as_deref(), Some("static"));
    }
}
