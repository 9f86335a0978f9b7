//! Network interfaces and their addresses, as `ip -o` shows them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::transcript::Transcript;

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Interface {
    /// `eth0`.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// Its Ethernet address in lower case; none on tunnels.
    pub mac: Option<String>,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// Whether it is up and has a carrier.
    pub state: LinkState,
    /// What it is made of.
    pub kind: InterfaceKind,
    /// The bridge, bond or VRF it belongs to.
    pub master: Option<String>,
    /// Other names the kernel knows it by.
    pub other_names: Vec<String>,
    /// Every address on it, of both families.
    pub addresses: Vec<InterfaceAddress>,
}

/// One address on an interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InterfaceAddress {
    /// `10.0.0.5`; no prefix length.
    pub address: IpAddr,
    /// The length of its network's prefix, in bits.
    pub prefix: u8,
    /// The kernel will drop it unless somebody renews it: it is leased.
    pub dynamic: bool,
    /// How long it stays unless renewed, in seconds; none is for ever.
    pub valid_s: Option<u64>,
    /// `global`, `link`, `host`, `site`.
    pub scope: String,
}

/// Whether packets can leave an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Switched on, with a carrier.
    Up,
    /// Switched off, or without a carrier.
    #[default]
    Down,
}

/// What an interface is made of, where that is cheap to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterfaceKind {
    /// `lo`.
    Loopback,
    /// A device on a bus: a network card, virtio among them.
    Physical,
    /// A software switch: `br0`, `docker0`.
    Bridge,
    /// Several cards as one.
    Bond,
    /// A tagged part of another interface.
    Vlan,
    /// A wireless card.
    Wlan,
    /// Anything else: veth, dummy, tunnels.
    #[default]
    Virtual,
}

impl InterfaceAddress {
    /// The network it lies in.
    pub fn network(&self) -> Option<IpNet> {
        IpNet::new(self.address, self.prefix).ok().map(|network| network.trunc())
    }
}

impl Interface {
    /// Made by a container engine or a cluster's network plugin, the same on many hosts.
    pub fn is_for_containers(&self) -> bool {
        const STARTS: &[&str] = &[
            "docker",
            "br-",
            "virbr",
            "lxcbr",
            "lxdbr",
            "cni",
            "podman",
            "veth",
            "cali",
            "cilium",
            "flannel",
            "kube-",
            "nodelocaldns",
            "tunl",
            "vxlan",
            "weave",
            "lxc",
            "ovn-",
            "incusbr",
        ];
        STARTS.iter().any(|start| self.name.starts_with(start))
    }

    /// Goes by that name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.other_names.iter().any(|other| other == name)
    }

    /// Has a name that a shell glob (`en*`) fits.
    pub(super) fn fits(&self, glob: &str) -> bool {
        glob_fits(glob, &self.name) || self.other_names.iter().any(|name| glob_fits(glob, name))
    }

    /// Is the very card with that Ethernet address: a VLAN, bond or bridge on top has its card's.
    pub(super) fn is_card(&self, mac: &str) -> bool {
        !self.is_on_top() && self.has_mac(mac)
    }

    /// Stands on other interfaces.
    pub(super) fn is_on_top(&self) -> bool {
        matches!(self.kind, InterfaceKind::Bridge | InterfaceKind::Bond | InterfaceKind::Vlan)
    }

    /// Has that Ethernet address, in whatever spelling.
    pub(super) fn has_mac(&self, mac: &str) -> bool {
        let digits = |text: &str| -> String {
            text.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_lowercase()).collect()
        };
        self.mac.as_deref().is_some_and(|own| digits(own) == digits(mac))
    }
}

/// Reads the lines of `ip -o addr` and `ip -o link`, in any order and mixture.
pub(super) fn parse(text: &str, transcript: &Transcript) -> Vec<Interface> {
    let mut found: Vec<Interface> = Vec::new();
    // Where in it an interface stands, by the kernel's number.
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut seen: HashSet<(u32, IpAddr, u8)> = HashSet::new();
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines() {
        let Some((index, rest)) = line.split_once(": ") else { continue };
        let Ok(index) = index.trim().parse::<u32>() else { continue };
        let is_between = |letter: char| letter == '\\' || letter.is_whitespace();
        words.clear();
        words.extend(rest.split(is_between).filter(|word| !word.is_empty()));
        let Some((first, words)) = words.split_first() else { continue };
        let is_link = words.first().is_some_and(|word| word.starts_with('<'));
        let name = first.trim_end_matches(':');
        let name = if is_link { name.split('@').next().unwrap_or(name) } else { name };
        let place = *places.entry(index).or_insert_with(|| {
            found.push(Interface { name: name.to_owned(), index, ..Interface::default() });
            found.len() - 1
        });
        let interface = &mut found[place];
        if is_link {
            read_link(interface, words);
        } else if let Some(address) = read_address(words)
            && seen.insert((index, address.address, address.prefix))
        {
            interface.addresses.push(address);
        }
    }
    for interface in &mut found {
        interface.kind = kind(interface, transcript);
    }
    found
}

fn after<'w>(words: &[&'w str], key: &str) -> Option<&'w str> {
    words.iter().position(|word| *word == key).and_then(|place| words.get(place + 1)).copied()
}

fn read_link(interface: &mut Interface, words: &[&str]) {
    let flags: Vec<&str> = words[0].trim_matches(['<', '>']).split(',').collect();
    let up = flags.contains(&"UP") && flags.contains(&"LOWER_UP");
    interface.state = if up { LinkState::Up } else { LinkState::Down };
    if flags.contains(&"LOOPBACK") {
        interface.kind = InterfaceKind::Loopback;
    }
    interface.mtu = after(words, "mtu").and_then(|mtu| mtu.parse().ok());
    interface.master = after(words, "master").map(str::to_owned);
    interface.mac = after(words, "link/ether").map(str::to_ascii_lowercase);
    interface.other_names =
        words.windows(2).filter(|pair| pair[0] == "altname").map(|pair| pair[1].to_owned()).collect();
}

fn read_address(words: &[&str]) -> Option<InterfaceAddress> {
    let family = words.iter().position(|word| matches!(*word, "inet" | "inet6"))?;
    let words = &words[family..];
    let (own, mut prefix) = split_prefix(words.get(1)?);
    if let Some(peer) = after(words, "peer") {
        prefix = split_prefix(peer).1;
    }
    let address: IpAddr = own.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let valid_s = after(words, "valid_lft")
        .filter(|left| *left != "forever")
        .and_then(|left| left.trim_end_matches("sec").parse().ok());
    Some(InterfaceAddress {
        address,
        prefix: prefix.and_then(|bits| bits.parse().ok()).unwrap_or(longest).min(longest),
        dynamic: words.contains(&"dynamic") || valid_s.is_some(),
        valid_s,
        scope: after(words, "scope").unwrap_or("global").to_owned(),
    })
}

fn split_prefix(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    }
}

/// By the kernel's device type, its bus device, else by its name.
fn kind(interface: &Interface, transcript: &Transcript) -> InterfaceKind {
    let name = &interface.name;
    if interface.kind == InterfaceKind::Loopback || name == "lo" {
        return InterfaceKind::Loopback;
    }
    let text = |path: String| transcript.file(&path).value().copied().unwrap_or_default();
    let uevent = text(format!("/sys/class/net/{name}/uevent"));
    match uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")) {
        Some("bridge") => return InterfaceKind::Bridge,
        Some("bond") => return InterfaceKind::Bond,
        Some("vlan") => return InterfaceKind::Vlan,
        Some("wlan") => return InterfaceKind::Wlan,
        _ => {}
    }
    if !text(format!("/sys/class/net/{name}/device/uevent")).is_empty() {
        return InterfaceKind::Physical;
    }
    let bridges = ["docker", "br-", "virbr", "lxcbr", "lxdbr", "cni0", "podman"];
    if uevent.is_empty() && bridges.iter().any(|start| name.starts_with(start)) {
        return InterfaceKind::Bridge;
    }
    InterfaceKind::Virtual
}

/// Whether a name fits a pattern of `*`, `?` and `[…]`.
pub(super) fn glob_fits(glob: &str, name: &str) -> bool {
    // Most begin otherwise, or are no patterns at all.
    let plain = memchr::memchr3(b'*', b'?', b'[', glob.as_bytes()).unwrap_or(glob.len());
    let (plain, glob) = glob.split_at(plain);
    match name.strip_prefix(plain) {
        Some(rest) if glob.is_empty() => rest.is_empty(),
        Some(rest) => pattern_fits(glob, rest),
        None => false,
    }
}

fn pattern_fits(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    // Where to go on after the last `*`, and how far its match reached.
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < name.len() {
        if glob.get(at) == Some(&'*') {
            star = Some((at + 1, read));
            at += 1;
        } else if let Some(next) = one_fits(&glob, at, name[read]) {
            at = next;
            read += 1;
        } else if let Some((behind, from)) = star {
            star = Some((behind, from + 1));
            at = behind;
            read = from + 1;
        } else {
            return false;
        }
    }
    glob[at..].iter().all(|letter| *letter == '*')
}

/// The place behind the pattern's piece at `at`, where that piece fits the letter.
fn one_fits(glob: &[char], at: usize, letter: char) -> Option<usize> {
    match *glob.get(at)? {
        '?' => Some(at + 1),
        '[' => {
            let Some(length) = glob[at + 1..].iter().position(|end| *end == ']') else {
                return (letter == '[').then_some(at + 1);
            };
            let set = &glob[at + 1..at + 1 + length];
            let (negated, set) = match set.first() {
                Some('!' | '^') => (true, &set[1..]),
                _ => (false, set),
            };
            let inside = set.contains(&letter)
                || set.windows(3).any(|span| span[1] == '-' && span[0] <= letter && letter <= span[2]);
            (inside != negated).then_some(at + length + 2)
        }
        same => (same == letter).then_some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::recorded::Recorded;
    use super::*;

    #[test]
    fn xenial_and_busybox_lines() {
        let text = "\
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: enp0s3    inet 10.0.2.15/24 brd 10.0.2.255 scope global dynamic enp0s3\\       valid_lft 86385sec preferred_lft 86385sec
2: enp0s3    inet6 fe80::a00:27ff:fe4e:66a1/64 scope link \\       valid_lft forever preferred_lft forever
3: ppp0    inet 10.9.0.1 peer 10.9.0.2/32 scope global ppp0
4: docker0    inet 172.17.0.1/16 scope global docker0\\       valid_lft forever preferred_lft forever
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: enp0s3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP mode DEFAULT group default qlen 1000\\    link/ether 08:00:27:4E:66:A1 brd ff:ff:ff:ff:ff:ff\\    altname eno1
4: docker0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN mode DEFAULT group default \\    link/ether 02:42:11:22:33:44 brd ff:ff:ff:ff:ff:ff
7: veth12@if6: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master docker0 state UP\\    link/ether 5a:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0
";
        let recorded = Recorded::default()
            .file("/sys/class/net/enp0s3/device/uevent", "DRIVER=e1000\n")
            .file("/sys/class/net/docker0/uevent", "DEVTYPE=bridge\nINTERFACE=docker0\n");
        let found = parse(text, &recorded.transcript());
        assert_eq!(found.len(), 5);
        let card = &found[1];
        assert_eq!(card.mac.as_deref(), Some("08:00:27:4e:66:a1"));
        assert_eq!((card.mtu, card.state, card.kind), (Some(1500), LinkState::Up, InterfaceKind::Physical));
        assert!(card.is_called("eno1") && card.fits("en*") && card.has_mac("08-00-27-4e-66-a1"));
        assert!(card.addresses[0].dynamic && card.addresses[0].valid_s == Some(86385));
        assert_eq!(card.addresses[1].scope, "link");
        assert_eq!(found[2].addresses[0].prefix, 32);
        assert_eq!((found[3].kind, found[3].state), (InterfaceKind::Bridge, LinkState::Down));
        assert_eq!((found[4].name.as_str(), found[4].master.as_deref()), ("veth12", Some("docker0")));
    }

    #[test]
    fn globs() {
        for (glob, name, fits) in [
            ("en*", "enp0s3", true),
            ("en*", "eth0", false),
            ("*", "", true),
            ("eth[0-3]", "eth2", true),
            ("eth[!0-3]", "eth2", false),
            ("e*p*3", "enp0s3", true),
            ("e?h0", "eth0", true),
            ("eth", "eth0", false),
            ("eth0[", "eth0[", true),
        ] {
            assert_eq!(glob_fits(glob, name), fits, "{glob} {name}");
        }
    }
}
