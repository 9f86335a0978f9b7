//! The host's own address towards everywhere else.

use std::net::IpAddr;

use super::fact::{Fact, Reading};
use super::interfaces::Interface;
use super::routes::Line;

/// The address that the default route prefers, else the first global one of the gateway's network
/// on its interface, else the first global one there.
/// `shown` holds the lines of `ip route show default`.
pub(super) fn source(
    shown: &str,
    default_route: &Fact<Line>,
    interfaces: &Fact<Vec<Interface>>,
) -> Fact<IpAddr> {
    let line = match &default_route.reading {
        Reading::Known(line) => line,
        Reading::Absent => return Fact::absent(default_route.source.clone()),
        Reading::Unknown(reason) => return Fact::unknown(reason.clone(), default_route.source.clone()),
    };
    if let Some(preferred) = preferred_source(shown, line) {
        return Fact::known(preferred, "ip route show default");
    }
    let source = interfaces.source.clone();
    let found = match &interfaces.reading {
        Reading::Known(found) => found,
        Reading::Absent => return Fact::absent(source),
        Reading::Unknown(reason) => return Fact::unknown(reason.clone(), source),
    };
    let on_it = found.iter().filter(|interface| interface.name == line.interface);
    let global = || {
        let all = on_it.clone().flat_map(|interface| &interface.addresses);
        all.filter(|its| its.scope == "global" && its.address.is_ipv4() == line.network.addr().is_ipv4())
    };
    let near = global().find(|its| {
        its.network().zip(line.gateway).is_some_and(|(network, gateway)| network.contains(&gateway))
    });
    match near.or_else(|| global().next()) {
        Some(its) => Fact::known(its.address, source),
        None => Fact::absent(source),
    }
}

/// `src` of the default route's line: `default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5 metric 100`.
fn preferred_source(text: &str, line: &Line) -> Option<IpAddr> {
    for shown in text.lines().filter(|shown| shown.starts_with("default ")) {
        let words: Vec<&str> = shown.split_whitespace().collect();
        let after = |key: &str| words.iter().position(|word| *word == key).and_then(|at| words.get(at + 1));
        let metric = after("metric").and_then(|metric| metric.parse().ok()).unwrap_or(0);
        if after("dev").is_some_and(|device| *device == line.interface) && metric == line.metric {
            return after("src").and_then(|source| source.parse().ok());
        }
    }
    None
}
