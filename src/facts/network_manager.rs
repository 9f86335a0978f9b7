//! NetworkManager's connection profiles. They hold secrets: only lines about addresses are read.

use std::collections::BTreeMap;

use super::address_origin::{Saying, Says, Shelf, Target};
use super::fact::Reading;
use super::ini::{self, Entry};
use super::probe::Probe;

/// Picks section names and lines about addresses out of the profiles; a folder that may not be
/// listed is told as `unreadable:PATH`. Starts a process only where there are profiles.
pub(super) const PROBE: Probe = Probe::shell(
    "network-manager",
    "NetworkManager connection profiles",
    r#"set --
for d in /etc/NetworkManager/system-connections /run/NetworkManager/system-connections /usr/lib/NetworkManager/system-connections; do
    [ -d "$d" ] || continue
    [ -r "$d" ] && [ -x "$d" ] || echo "unreadable:$d"
    for f in "$d"/*; do
        [ ! -f "$f" ] || set -- "$@" "$f"
    done
done
[ $# = 0 ] || grep -EH '^ *(\[|(id|type|interface-name|mac-address|method|address(es)?[0-9]*|nm-generated|external) *=)' "$@"
:"#,
)
.light();

/// What the profiles say about the target.
pub(super) fn read(shelf: &mut Shelf<'_>, target: Target<'_>) -> Vec<Saying> {
    let answer = match shelf.transcript.answer(PROBE.name).reading {
        Reading::Known(answer) => answer,
        Reading::Absent => return Vec::new(),
        Reading::Unknown(reason) => {
            shelf.unread.push(format!("{} ({reason})", PROBE.source));
            return Vec::new();
        }
    };
    let mut profiles: BTreeMap<&str, String> = BTreeMap::new();
    for line in answer.out.lines() {
        if let Some(folder) = line.strip_prefix("unreadable:") {
            shelf.unread.push(format!("{folder} (Permission denied)"));
        } else if let Some((path, text)) = split(line) {
            let profile = profiles.entry(path).or_default();
            profile.push_str(text);
            profile.push('\n');
        }
    }
    for line in answer.err.lines() {
        let Some((path, reason)) = line.trim_start_matches("grep: ").rsplit_once(": ") else { continue };
        if path.starts_with('/') {
            shelf.unread.push(format!("{path} ({reason})"));
        }
    }
    profiles.iter().flat_map(|(path, text)| about(path, text, target)).collect()
}

/// The path before the first colon that a section or a key follows: profiles may have colons in their names.
fn split(line: &str) -> Option<(&str, &str)> {
    const KEYS: &[&str] = &[
        "[",
        "id",
        "type",
        "interface-name",
        "mac-address",
        "method",
        "address",
        "nm-generated",
        "external",
    ];
    line.match_indices(':')
        .map(|(place, _)| (&line[..place], &line[place + 1..]))
        .find(|(_, text)| KEYS.iter().any(|key| text.trim_start().starts_with(key)))
}

fn about(path: &str, text: &str, target: Target<'_>) -> Vec<Saying> {
    let entries: Vec<Entry<'_>> = ini::entries(text).collect();
    // A profile that only mirrors what somebody else set up says nothing.
    let mirrored = entries.iter().any(|entry| {
        matches!(entry.key, "nm-generated" | "external") && matches!(entry.value, "true" | "yes" | "1")
    });
    let interface = target.interface;
    let mut leases = Says::MayLease;
    for entry in &entries {
        let met = match (entry.section, entry.key) {
            ("connection", "interface-name") => interface.is_called(entry.value),
            ("match", "interface-name") => {
                entry.value.split([';', ',']).any(|glob| !glob.is_empty() && interface.fits(glob))
            }
            ("connection", "type") => {
                if matches!(
                    entry.value,
                    "loopback" | "wifi" | "802-11-wireless" | "gsm" | "vpn" | "wireguard"
                ) {
                    return Vec::new();
                }
                continue;
            }
            ("ethernet" | "802-3-ethernet", "mac-address") => interface.is_card(entry.value),
            _ => continue,
        };
        if !met {
            return Vec::new();
        }
        leases = Says::Leases;
    }
    if mirrored {
        return Vec::new();
    }
    let section = if target.address.is_ipv4() { "ipv4" } else { "ipv6" };
    let mut sayings = Vec::new();
    for entry in entries.iter().filter(|entry| entry.section == section) {
        let sentence = format!("{path}: [{section}] {}={}", entry.key, entry.value);
        if entry.key.starts_with("address") && target.is(entry.value) {
            sayings.push(Saying::new(Says::Names, sentence));
        } else if entry.key == "method" && matches!(entry.value, "auto" | "dhcp") {
            sayings.push(Saying::new(leases, sentence));
        }
    }
    sayings
}

#[cfg(test)]
mod tests {
    use super::super::network::Network;
    use super::super::recorded::Recorded;
    use super::*;

    const FOLDER: &str = "/etc/NetworkManager/system-connections";

    fn with(profile: &str, err: &str) -> Network {
        let path = format!("{FOLDER}/Wired: 1.nmconnection");
        let out: String = profile.lines().map(|line| format!("{path}:{line}\n")).collect();
        let out = if profile.starts_with("unreadable") { profile } else { &out };
        Recorded::with_eth0(&["10.0.0.5/24 scope global noprefixroute eth0"])
            .ended(PROBE.name, super::super::Ended::Exited(0), out, err)
            .network(None)
    }

    fn origin(profile: &str) -> Option<String> {
        with(profile, "").address_origin.value().cloned()
    }

    #[test]
    fn fixed_and_leased() {
        let start = "[connection]\nid=office\ntype=ethernet\ninterface-name=eth0\n[ethernet]\n[ipv4]\n";
        assert_eq!(
            origin(&format!("{start}address1=10.0.0.5/24,10.0.0.1\nmethod=manual")).as_deref(),
            Some("static")
        );
        assert_eq!(
            origin(&format!("{start}addresses1=10.0.0.5;24;10.0.0.1;\nmethod=manual")).as_deref(),
            Some("static")
        );
        assert_eq!(origin(&format!("{start}method=auto\n[ipv6]\nmethod=ignore")).as_deref(), Some("dhcp"));
        assert_eq!(origin(&format!("{start}method=disabled\n[ipv6]\nmethod=auto")), None);
        assert_eq!(origin("[connection]\nid=any\n[ipv4]\nmethod=auto").as_deref(), Some("dhcp"));
        assert_eq!(origin("[connection]\ninterface-name=eth1\n[ipv4]\nmethod=auto"), None);
        let by_mac = "[ethernet]\nmac-address=52:54:00:12:34:56\n[ipv4]\naddress1=10.0.0.5/24\nmethod=manual";
        assert_eq!(origin(by_mac).as_deref(), Some("static"));
    }

    #[test]
    fn a_mirror_of_the_kernel_proves_nothing() {
        let text = "[connection]\nid=eth0\ninterface-name=eth0\n[ipv4]\naddress1=10.0.0.5/24\nmethod=manual\n[.nmmeta]\nnm-generated=true\nexternal=true";
        assert_eq!(origin(text), None);
    }

    #[test]
    fn unreadable() {
        let reason = format!("{:?}", with(&format!("unreadable:{FOLDER}\n"), "").address_origin.reading);
        assert!(reason.contains("system-connections (Permission denied)"), "{reason}");
        let err = format!("grep: {FOLDER}/a.nmconnection: Permission denied\n");
        let reason = format!("{:?}", with("", &err).address_origin.reading);
        assert!(reason.contains("a.nmconnection (Permission denied)"), "{reason}");
    }
}
