//! Routes, as the kernel's tables in `/proc/net` show them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::transcript::Transcript;

/// Packets to a network leave by an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// `10.0.0.0/24`.
    pub network: String,
    /// `eth0`.
    pub interface: String,
}

/// One line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) network: IpNet,
    pub(super) interface: String,
    /// None where the network is on the link itself.
    pub(super) gateway: Option<IpAddr>,
    pub(super) metric: u32,
}

impl Line {
    pub(super) fn is_default(&self) -> bool {
        self.network.prefix_len() == 0
    }
}

const UP: u32 = 0x1;
const REJECT: u32 = 0x200;
/// The host's own addresses, which the table lists too.
const OWN: u32 = 0x8000_0000 | 0x0010_0000;

/// Reads `/proc/net/route`; numbers are as a little-endian machine writes them.
fn ipv4(table: &str) -> Vec<Line> {
    table.lines().filter_map(ipv4_line).collect()
}

fn ipv4_line(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let address = |word: &str| u32::from_str_radix(word, 16).ok().map(|n| Ipv4Addr::from(n.to_le_bytes()));
    let flags = u32::from_str_radix(words.get(3)?, 16).ok()?;
    if flags & UP == 0 || flags & REJECT != 0 || words[0] == "*" {
        return None;
    }
    let network = Ipv4Net::with_netmask(address(words[1])?, address(words.get(7)?)?).ok()?;
    let gateway = address(words[2])?;
    Some(Line {
        network: network.trunc().into(),
        interface: words[0].to_owned(),
        gateway: (!gateway.is_unspecified()).then_some(gateway.into()),
        metric: words.get(6)?.parse().ok()?,
    })
}

/// Reads `/proc/net/ipv6_route`, without link-local, multicast and loopback lines.
fn ipv6(table: &str) -> Vec<Line> {
    table.lines().filter_map(ipv6_line).collect()
}

fn ipv6_line(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let address = |word: &str| u128::from_str_radix(word, 16).ok().map(Ipv6Addr::from);
    let flags = u32::from_str_radix(words.get(8)?, 16).ok()?;
    let interface = *words.get(9)?;
    let prefix = u8::from_str_radix(words[1], 16).ok()?;
    let network = Ipv6Net::new(address(words[0])?, prefix).ok()?.trunc();
    if flags & UP == 0
        || flags & REJECT != 0
        || flags & OWN != 0
        || interface == "lo"
        || network.addr().is_multicast()
        || network.addr().is_unicast_link_local()
    {
        return None;
    }
    let gateway = address(words[4])?;
    Some(Line {
        network: network.into(),
        interface: interface.to_owned(),
        gateway: (!gateway.is_unspecified()).then_some(gateway.into()),
        metric: u32::from_str_radix(words[5], 16).ok()?,
    })
}

/// The default route that the kernel prefers.
fn preferred(lines: &[Line]) -> Option<&Line> {
    lines.iter().filter(|line| line.is_default()).min_by_key(|line| line.metric)
}

/// Both families' tables.
pub(super) struct Routes {
    ipv4: Fact<Vec<Line>>,
    ipv6: Fact<Vec<Line>>,
}

impl Routes {
    /// From `/proc/net/route` and `/proc/net/ipv6_route`.
    pub(super) fn read(transcript: &Transcript) -> Self {
        Routes {
            ipv4: transcript.file("/proc/net/route").map(ipv4),
            ipv6: transcript.file("/proc/net/ipv6_route").map(ipv6),
        }
    }

    /// The default route of IPv4, else of IPv6.
    pub(super) fn default(&self) -> Fact<Line> {
        for table in [&self.ipv4, &self.ipv6] {
            match &table.reading {
                Reading::Known(lines) => {
                    if let Some(line) = preferred(lines) {
                        return Fact::known(line.clone(), table.source.clone());
                    }
                }
                Reading::Absent => {}
                Reading::Unknown(reason) => return Fact::unknown(reason.clone(), table.source.clone()),
            }
        }
        Fact::absent(self.ipv4.source.clone())
    }

    /// All but the default routes.
    pub(super) fn listed(&self) -> Fact<Vec<Route>> {
        if let Reading::Unknown(reason) = &self.ipv6.reading {
            return Fact::unknown(reason.clone(), self.ipv6.source.clone());
        }
        let six = self.ipv6.value().map(Vec::as_slice).unwrap_or_default();
        self.ipv4.clone().map(|four| {
            let lines = four.iter().chain(six).filter(|line| !line.is_default());
            lines
                .map(|line| Route { network: line.network.to_string(), interface: line.interface.clone() })
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let four = ipv4(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
*\t0000F40A\t00000000\t0201\t0\t0\t1024\t00FFFFFF\t0\t0\t0
",
        );
        assert_eq!(four.len(), 3);
        let default = preferred(&four).expect("a default route");
        assert_eq!((default.interface.as_str(), default.gateway), ("eth0", "10.0.0.1".parse().ok()));
        assert_eq!(four[2].network.to_string(), "10.0.0.0/24");

        let six = ipv6("\
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
20010db8000000000000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
");
        assert_eq!(six.len(), 2);
        assert_eq!(preferred(&six).and_then(|line| line.gateway), "fe80::1".parse().ok());
    }
}
