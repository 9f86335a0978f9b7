//! The addresses that the inventory gives its hosts.

use std::collections::HashMap;
use std::net::IpAddr;

use super::findings::{Findings, address, quoted, text_of};
use super::view::View;
use crate::facts::Fact;

/// Addresses that have to be one, by family where the name says it.
const ADDRESSES: [(&str, Option<bool>); 4] =
    [("ip", None), ("access_ip", None), ("ip6", Some(true)), ("access_ip6", Some(true))];

/// Addresses that are none, or that several hosts have.
pub(super) fn invalid(view: &View<'_>) -> Fact<Vec<String>> {
    let mut findings = Findings::default();
    let mut owners: HashMap<(&str, IpAddr), &str> = HashMap::new();
    let mut ways: HashMap<(String, String), &str> = HashMap::new();
    for &host in &view.hosts {
        for (name, wants_ipv6) in ADDRESSES {
            let Some(text) = value(view, host, name, &mut findings) else { continue };
            let place = view.place(host, name).unwrap_or_default();
            let owner = view.owner(host, name);
            let told = format!("`{name}` of {owner} is {} ({place})", quoted(&text.as_str().into()));
            let Some(parsed) = address(&text) else {
                findings.say(format!("{told}, which is no address{}", advice(&text)));
                continue;
            };
            if wants_ipv6.is_some_and(|wanted| wanted != parsed.is_ipv6()) {
                findings.say(format!("{told}, which is no IPv6 address"));
            }
            if let Some(kind) = unusable(parsed) {
                findings.say(format!("{told}, which is {kind} and no host's own"));
            } else if let Some(other) = owners.insert((name, parsed), host) {
                findings.say(match owner != host && owner == view.owner(other, name) {
                    true => format!("{told}, so {other} and {host} have the same: give each host its own"),
                    false => format!(
                        "`{name}` of {other} and of {host} is {parsed} ({place}): one of them is wrong"
                    ),
                });
            }
        }
        way(view, host, &mut ways, &mut findings);
    }
    // What the others reach by `access_ip` must not be another host's `ip`.
    let mut strangers: Vec<String> = Vec::new();
    for ((name, parsed), host) in &owners {
        if let ("access_ip", Some(other)) = (*name, owners.get(&("ip", *parsed)))
            && other != host
        {
            strangers.push(format!("`access_ip` of {host} is {parsed}, which is `ip` of {other}"));
        }
    }
    strangers.sort();
    strangers.into_iter().for_each(|it| findings.say(it));
    findings.into_fact("inventory")
}

/// A variable's text; none where it is not set or empty.
fn value(view: &View<'_>, host: &str, name: &str, findings: &mut Findings) -> Option<String> {
    view.written(host, name)?;
    match view.get(host, name) {
        Ok(value) => value.map(|value| text_of(&value)).filter(|text| !text.is_empty()),
        Err(reason) => {
            findings.cannot_tell(format!("{host}: {reason}"));
            None
        }
    }
}

/// The way Ansible takes to a host: two names for one way are one machine.
fn way<'v>(
    view: &View<'v>,
    host: &'v str,
    ways: &mut HashMap<(String, String), &'v str>,
    findings: &mut Findings,
) {
    let name =
        ["ansible_host", "ansible_ssh_host"].into_iter().find(|name| view.written(host, name).is_some());
    let text = match name {
        Some(name) => value(view, host, name, findings),
        None => Some(host.to_owned()),
    };
    let (Some(text), Some(name)) = (text, name.or(Some("ansible_host"))) else { return };
    let place = view.place(host, name).unwrap_or_default();
    let digits = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '/' | ':'));
    if digits && text.contains('.') && address(&text).is_none() {
        let text = quoted(&text.as_str().into());
        let owner = view.owner(host, name);
        findings
            .say(format!("`{name}` of {owner} is {text} ({place}), which is no address{}", advice(&text)));
        return;
    }
    let port =
        ["ansible_port", "ansible_ssh_port"].into_iter().find_map(|it| value(view, host, it, findings));
    let port = port.unwrap_or_else(|| "22".to_owned());
    if let Some(other) = ways.insert((text.to_lowercase(), port), host) {
        findings
            .say(format!("{other} and {host} are the same machine: both are reached at {text} ({place})"));
    }
}

/// What is probably meant.
fn advice(text: &str) -> &'static str {
    match text.trim_matches('`').split_once('/').and_then(|(before, _)| address(before)) {
        Some(_) => "; leave the prefix length away",
        None => "",
    }
}

/// Addresses that are never one host's own.
fn unusable(address: IpAddr) -> Option<&'static str> {
    match address {
        address if address.is_loopback() => Some("loopback"),
        address if address.is_unspecified() => Some("the unspecified address"),
        address if address.is_multicast() => Some("a multicast address"),
        IpAddr::V4(address) if address.is_broadcast() => Some("the broadcast address"),
        _ => None,
    }
}
