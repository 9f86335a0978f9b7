//! netplan's YAML files, merged as netplan merges them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::address_origin::{Saying, Says, Shelf, Target};

/// In order of precedence: of files with one name the first folder's is read.
const FOLDERS: &[&str] = &["/run/netplan/", "/etc/netplan/", "/lib/netplan/"];

/// One interface's definition, with the file that said each thing last.
#[derive(Debug, Default)]
struct Definition<'t> {
    selector: Option<Map<String, Value>>,
    set_name: Option<String>,
    dhcp: Option<(bool, &'t str)>,
    addresses: Vec<(String, &'t str)>,
}

/// What the merged definitions say about the target.
pub(super) fn read(shelf: &mut Shelf<'_>, target: Target<'_>) -> Vec<Saying> {
    let mut files: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for folder in FOLDERS {
        for (path, text) in shelf.files(folder, ".yaml") {
            files.entry(path.strip_prefix(folder).unwrap_or(path)).or_insert((path, text));
        }
    }
    let mut definitions = BTreeMap::new();
    for (path, text) in files.into_values() {
        if text.trim().is_empty() {
            continue;
        }
        match serde_saphyr::from_str::<Value>(text) {
            Ok(document) => merge(&mut definitions, &document, path, target),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().next().unwrap_or("not YAML").trim();
                shelf.unread.push(format!("{path} ({reason})"));
            }
        }
    }

    let mut sayings = Vec::new();
    for ((section, id), definition) in &definitions {
        let Some(leases) = fits(section, id, definition, target) else { continue };
        for (address, path) in definition.addresses.iter().filter(|(address, _)| target.is(address)) {
            sayings.push(Saying::new(Says::Names, format!("{path}: {id} addresses: {address}")));
        }
        if let Some((true, path)) = definition.dhcp {
            let key = dhcp_key(target);
            sayings.push(Saying::new(leases, format!("{path}: {id} {key}: true")));
        }
    }
    sayings
}

fn dhcp_key(target: Target<'_>) -> &'static str {
    if target.address.is_ipv4() { "dhcp4" } else { "dhcp6" }
}

fn merge<'t>(
    definitions: &mut BTreeMap<(String, String), Definition<'t>>,
    document: &Value,
    path: &'t str,
    target: Target<'_>,
) {
    let Some(network) = document.get("network").and_then(Value::as_object) else { return };
    for (section, members) in network {
        let Some(members) = members.as_object() else { continue }; // `version`, `renderer`
        for (id, member) in members {
            let Some(member) = member.as_object() else { continue };
            let definition = definitions.entry((section.clone(), id.clone())).or_default();
            if let Some(selector) = member.get("match") {
                definition.selector = Some(selector.as_object().cloned().unwrap_or_default());
            }
            if let Some(name) = member.get("set-name").and_then(Value::as_str) {
                definition.set_name = Some(name.to_owned());
            }
            if let Some(dhcp) = member.get(dhcp_key(target)).and_then(truth) {
                definition.dhcp = Some((dhcp, path));
            }
            for address in member.get("addresses").and_then(Value::as_array).into_iter().flatten() {
                let texts = match address {
                    Value::String(text) => vec![text.clone()],
                    Value::Object(with_options) => with_options.keys().cloned().collect(),
                    _ => Vec::new(),
                };
                definition.addresses.extend(texts.into_iter().map(|text| (text, path)));
            }
        }
    }
}

/// YAML 1.1's words for yes and no, which netplan takes.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// How a definition that asks for leases counts; none where it is for another interface.
fn fits(section: &str, id: &str, definition: &Definition<'_>, target: Target<'_>) -> Option<Says> {
    let interface = target.interface;
    let Some(selector) = &definition.selector else { return interface.is_called(id).then_some(Says::Leases) };
    // A VLAN or bond on a card has the card's Ethernet address; selectors are for cards alone.
    if interface.is_on_top() && matches!(section, "ethernets" | "wifis") {
        return None;
    }
    let renamed = definition.set_name.as_deref().is_some_and(|name| interface.is_called(name));
    let mut counts = if renamed { Says::Leases } else { Says::MayLease };
    for (key, value) in selector {
        let patterns: Vec<&str> = match value {
            Value::String(pattern) => vec![pattern],
            Value::Array(patterns) => patterns.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let met = match key.as_str() {
            "name" => renamed || patterns.iter().any(|pattern| interface.fits(pattern)),
            "macaddress" => patterns.iter().any(|mac| interface.has_mac(mac)),
            _ => continue, // `driver` is not known here
        };
        if !met {
            return None;
        }
        counts = Says::Leases;
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::super::Network;
    use super::super::recorded::Recorded;

    const PLAIN: &str = "10.0.0.5/24 brd 10.0.0.255 scope global eth0";

    fn with(files: &[(&str, &str)]) -> Network {
        let host = Recorded::with_eth0(&[PLAIN]);
        files.iter().fold(host, |host, (path, text)| host.file(path, text)).network(Some("10.0.0.5"))
    }

    fn origin(files: &[(&str, &str)]) -> Option<String> {
        with(files).address_origin.value().cloned()
    }

    #[test]
    fn fixed() {
        let found = with(&[(
            "/etc/netplan/50-cloud-init.yaml",
            "# This file is generated from information provided by the datasource.\nnetwork:\n    version: 2\n    renderer: networkd\n    ethernets:\n        eth0:\n            addresses:\n            - 10.0.0.5/24\n            gateway4: 10.0.0.1\n            nameservers:\n                addresses: [10.0.0.2]\n",
        )]);
        assert_eq!(found.address_origin.value().map(String::as_str), Some("static"));
        assert_eq!(
            found.address_evidence.value(),
            Some(&vec!["/etc/netplan/50-cloud-init.yaml: eth0 addresses: 10.0.0.5/24".to_owned()])
        );
    }

    #[test]
    fn leased() {
        for word in ["true", "yes", "on", "'true'"] {
            let text = format!("network:\n  version: 2\n  ethernets:\n    eth0: {{dhcp4: {word}}}\n");
            assert_eq!(origin(&[("/etc/netplan/01.yaml", &text)]).as_deref(), Some("dhcp"), "{word}");
        }
    }

    #[test]
    fn matched_by_mac_name_and_set_name() {
        for selector in [
            "macaddress: 52:54:00:12:34:56",
            "macaddress: \"52:54:00:12:34:56\"",
            "name: eth*",
            "name: [ens*, eth0]",
        ] {
            let text = format!(
                "network:\n  ethernets:\n    nic0:\n      match: {{{selector}}}\n      addresses:\n      - 10.0.0.5/24: {{label: 'eth0:0'}}\n"
            );
            assert_eq!(origin(&[("/etc/netplan/01.yaml", &text)]).as_deref(), Some("static"), "{selector}");
        }
        let other = "network: {ethernets: {nic0: {match: {macaddress: '52:54:00:00:00:01'}, addresses: [10.0.0.5/24]}}}";
        assert_eq!(origin(&[("/etc/netplan/01.yaml", other)]), None);
        let renamed = "network: {ethernets: {nic0: {match: {name: ens3}, set-name: eth0, dhcp4: true}}}";
        assert_eq!(origin(&[("/etc/netplan/01.yaml", renamed)]).as_deref(), Some("dhcp"));
    }

    #[test]
    fn later_files_override_and_same_names_shadow() {
        let leased = "network: {ethernets: {eth0: {dhcp4: true}}}";
        let fixed = "network: {ethernets: {eth0: {dhcp4: no, addresses: [10.0.0.5/24]}}}";
        assert_eq!(
            origin(&[("/etc/netplan/10.yaml", leased), ("/etc/netplan/20.yaml", fixed)]).as_deref(),
            Some("static")
        );
        assert_eq!(
            origin(&[("/lib/netplan/10.yaml", leased), ("/etc/netplan/10.yaml", fixed)]).as_deref(),
            Some("static")
        );
        assert_eq!(
            origin(&[("/run/netplan/10.yaml", leased), ("/etc/netplan/10.yaml", fixed)]).as_deref(),
            Some("dhcp")
        );
    }

    #[test]
    fn fixed_beside_leased() {
        let both = "network: {ethernets: {eth0: {dhcp4: true, addresses: [10.0.0.5/24]}}}";
        let host = || {
            Recorded::with_eth0(&[PLAIN, "10.0.0.77/24 brd 10.0.0.255 scope global secondary dynamic eth0"])
                .file("/etc/netplan/01.yaml", both)
        };
        assert_eq!(
            host().network(Some("10.0.0.5")).address_origin.value().map(String::as_str),
            Some("static")
        );
        assert_eq!(
            host().network(Some("10.0.0.77")).address_origin.value().map(String::as_str),
            Some("dhcp")
        );
    }

    #[test]
    fn unreadable_or_broken_is_unknown_and_named() {
        let host = Recorded::with_eth0(&[PLAIN])
            .file("/etc/network/interfaces", "iface eth0 inet static\n address 10.0.0.5\n")
            .unreadable("/etc/netplan/50-cloud-init.yaml", "Permission denied");
        let reason = format!("{:?}", host.network(Some("10.0.0.5")).address_origin.reading);
        assert!(
            reason.contains("Unknown")
                && reason.contains("/etc/netplan/50-cloud-init.yaml (Permission denied)"),
            "{reason}"
        );
        let broken = with(&[("/etc/netplan/01.yaml", "network: [\n  eth0: {")]);
        assert!(format!("{:?}", broken.address_origin.reading).contains("/etc/netplan/01.yaml ("));
    }
}
