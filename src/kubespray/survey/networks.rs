//! The networks of pods and services: whether they are networks, are apart from each other and from the hosts, and are
//! large enough.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::findings::{Findings, address, quoted, text_of};
use super::unknown::Unknown;
use super::view::{Setting, View};
use crate::facts::Fact;

/// kubeadm wants that many addresses for services (`MinimumAddressesInServiceSubnet`).
const SERVICES_MIN: u128 = 10;
/// kubeadm's largest network of services, in bits of the host part (`MaximumBitsForServiceSubnet`).
const SERVICES_MAX_BITS: u8 = 20;
/// kubeadm's largest difference between the pods' prefix and a node's (`PodSubnetNodeMaskMaxDiff`).
const NODE_PREFIX_DIFFERENCE_MAX: i64 = 16;
/// The kubelet's own limit where `kubelet_max_pods` is not set.
const PODS_PER_NODE: i64 = 110;

/// One family's variables.
struct Family {
    ipv6: bool,
    pods: &'static str,
    services: &'static str,
    node_prefix: &'static str,
    bits: i64,
}

const FAMILIES: [Family; 2] = [
    Family {
        ipv6: false,
        pods: "kube_pods_subnet",
        services: "kube_service_addresses",
        node_prefix: "kube_network_node_prefix",
        bits: 32,
    },
    Family {
        ipv6: true,
        pods: "kube_pods_subnet_ipv6",
        services: "kube_service_addresses_ipv6",
        node_prefix: "kube_network_node_prefix_ipv6",
        bits: 128,
    },
];

/// What the networks of an inventory are found to be.
pub(super) struct Networks {
    pub(super) pods: Fact<Vec<String>>,
    pub(super) services: Fact<Vec<String>>,
    pub(super) invalid: Fact<Vec<String>>,
    pub(super) overlapping: Fact<Vec<String>>,
    pub(super) service_addresses_taken: Fact<Vec<String>>,
    pub(super) tight: Fact<Vec<String>>,
}

/// A network and how it is told.
struct Told<'i> {
    network: IpNet,
    setting: Setting<'i>,
}

/// Whether hosts are to have addresses of a family.
pub(super) fn has_family(view: &View<'_>, host: &str, ipv6: bool) -> Result<bool, Unknown> {
    let on = |name: &str| -> Result<Option<bool>, Unknown> {
        Ok(view.get(host, name)?.map(|value| is_on(&value)))
    };
    if !ipv6 {
        return Ok(on("ipv4_stack")?.unwrap_or(true));
    }
    // The new variable's default is the old variable.
    match view.written(host, "ipv6_stack").is_some() {
        true => Ok(on("ipv6_stack")?.unwrap_or(false)),
        false => Ok(on("enable_dual_stack_networks")?.unwrap_or(false)),
    }
}

/// What Ansible's `bool` makes of a value.
pub(super) fn is_on(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => matches!(text.to_ascii_lowercase().as_str(), "yes" | "on" | "1" | "true"),
        _ => false,
    }
}

/// Judges all of them.
pub(super) fn survey(view: &View<'_>) -> Networks {
    let (mut invalid, mut overlapping, mut tight) =
        (Findings::default(), Findings::default(), Findings::default());
    let (mut all_pods, mut all_services) = (Names::default(), Names::default());
    let mut told: Vec<(bool, Told<'_>)> = Vec::new();
    for family in &FAMILIES {
        let mut hosts = Vec::new();
        for &host in &view.hosts {
            match has_family(view, host, family.ipv6) {
                Ok(true) => hosts.push(host),
                Ok(false) => {}
                Err(reason) => invalid.cannot_tell(reason),
            }
        }
        for (name, is_pods) in [(family.pods, true), (family.services, false)] {
            let (settings, unknown) = view.settings(name, &hosts);
            let names = if is_pods { &mut all_pods } else { &mut all_services };
            if settings.is_empty() && unknown.is_empty() && !hosts.is_empty() {
                names.unknown.get_or_insert_with(|| format!("`{name}` is not known"));
            }
            for reason in unknown {
                names.unknown.get_or_insert_with(|| reason.to_string());
                invalid.cannot_tell(reason);
            }
            for setting in settings {
                match network(&setting, family.ipv6) {
                    Ok(network) => {
                        names.add(network.to_string());
                        told.push((is_pods, Told { network, setting }));
                    }
                    Err(fault) => {
                        names
                            .unknown
                            .get_or_insert_with(|| format!("{} is no network", quoted(&setting.value)));
                        invalid.say(format!("{}, {fault}", setting.told()));
                    }
                }
            }
        }
        room_for_pods(view, family, &hosts, &told, &mut tight);
    }
    for names in [&all_pods, &all_services] {
        for findings in [&mut invalid, &mut overlapping, &mut tight] {
            if let Some(reason) = &names.unknown {
                findings.cannot_tell(reason.clone());
            }
        }
    }
    apart(view, &told, &mut overlapping);
    let mut taken = Findings::default();
    if let Some(reason) = &all_services.unknown {
        taken.cannot_tell(reason.clone());
    }
    node_local_dns(view, &told, &mut overlapping, &mut taken);
    room_for_services(&told, &mut tight);
    let source = "inventory and kubespray's defaults";
    Networks {
        pods: all_pods.into_fact(source),
        services: all_services.into_fact(source),
        invalid: invalid.into_fact(source),
        overlapping: overlapping.into_fact(source),
        service_addresses_taken: taken.into_fact(source),
        tight: tight.into_fact(source),
    }
}

/// The networks of one kind, each once.
#[derive(Default)]
struct Names {
    known: Vec<String>,
    unknown: Option<String>,
}

impl Names {
    fn add(&mut self, network: String) {
        if !self.known.contains(&network) {
            self.known.push(network);
        }
    }

    fn into_fact(self, source: &'static str) -> Fact<Vec<String>> {
        match self.unknown {
            Some(reason) => Fact::unknown(reason, source),
            None => Fact::known(self.known, source),
        }
    }
}

/// A value as a network of that family.
pub(super) fn network(setting: &Setting<'_>, ipv6: bool) -> Result<IpNet, String> {
    let text = text_of(&setting.value);
    let example = if ipv6 { "fd00:10:233::/64" } else { "10.233.64.0/18" };
    let parsed: IpNet = text.trim().parse().map_err(|_| format!("which is no network such as {example}"))?;
    if parsed.addr() != parsed.network() {
        return Err(format!("which is an address in a network; the network is {}", parsed.trunc()));
    }
    if parsed.network().is_ipv6() != ipv6 {
        return Err(format!("which is no {} network such as {example}", if ipv6 { "IPv6" } else { "IPv4" }));
    }
    if text.trim() != text {
        return Err("which has blanks around it; leave them away".to_owned());
    }
    Ok(parsed)
}

/// Pods, services and hosts each have addresses of their own.
fn apart(view: &View<'_>, told: &[(bool, Told<'_>)], findings: &mut Findings) {
    for (at, (is_pods, one)) in told.iter().enumerate() {
        for (other_is_pods, other) in &told[at + 1..] {
            if is_pods != other_is_pods && overlap(one.network, other.network) {
                let (one, other) = (one.setting.told(), other.setting.told());
                findings.say(format!("{one}, and {other}: they overlap"));
            }
        }
    }
    for &host in &view.hosts {
        for name in ["ip", "access_ip", "ip6", "access_ip6", "ansible_host"] {
            hold(view, host, name, told, findings);
        }
    }
    if let Some(host) = view.hosts.first() {
        is_address(view, host, "kube_vip_address", findings);
        hold(view, host, "kube_vip_address", told, findings);
        load_balancer(view, host, told, findings);
    }
}

/// A variable that has to be an address, and that nothing else judges: what cannot be known of it is said here.
fn is_address(view: &View<'_>, host: &str, name: &str, findings: &mut Findings) {
    if let Err(unknown) = view.get(host, name)
        && view.written(host, name).is_some()
    {
        findings.cannot_tell(unknown);
    }
    if let (Ok(Some(value)), Some(place)) = (view.get(host, name), view.place(host, name))
        && !text_of(&value).is_empty()
        && address(&text_of(&value)).is_none()
    {
        findings.say(format!("`{name}` is {} ({place}), which is no address", quoted(&value)));
    }
}

/// The address of NodeLocal DNSCache on every node. kubespray deploys one that is inside the services' network: it answers until
/// a Service is given the same address.
fn node_local_dns(
    view: &View<'_>,
    told: &[(bool, Told<'_>)],
    overlapping: &mut Findings,
    taken: &mut Findings,
) {
    const NAME: &str = "nodelocaldns_ip";
    let Some(host) = view.hosts.first() else { return };
    is_address(view, host, NAME, overlapping);
    for (is_pods, findings) in [(true, overlapping), (false, taken)] {
        hold(view, host, NAME, told.iter().filter(|(pods, _)| *pods == is_pods), findings);
    }
}

/// The address of the API server's load balancer, which is no host's.
fn load_balancer(view: &View<'_>, host: &str, told: &[(bool, Told<'_>)], findings: &mut Findings) {
    const NAME: &str = "loadbalancer_apiserver";
    let balancer = match view.get(host, NAME) {
        Ok(balancer) => balancer,
        Err(reason) if view.written(host, NAME).is_some() => return findings.cannot_tell(reason),
        Err(_) => return,
    };
    let Some(text) = balancer.as_ref().and_then(|it| it.get("address")).map(text_of) else { return };
    let place = view.place(host, NAME).unwrap_or_default();
    match address(&text) {
        Some(inside) => {
            within(told, inside, &format!("`{NAME}.address` is {inside} ({place})"), findings);
        }
        None => findings.say(format!(
            "`{NAME}.address` is {} ({place}), which is no address; a name belongs into `apiserver_loadbalancer_domain_name`",
            quoted(&text.as_str().into())
        )),
    }
}

/// An address of the machines' own network must be none of a pod or service.
fn hold<'t, 'i: 't>(
    view: &View<'_>,
    host: &str,
    name: &str,
    told: impl IntoIterator<Item = &'t (bool, Told<'i>)>,
    findings: &mut Findings,
) {
    // What cannot be known of an address is told where addresses are judged.
    let Ok(Some(value)) = view.get(host, name) else { return };
    if let Some(inside) = address(&text_of(&value)) {
        let place = view.place(host, name).unwrap_or_else(|| "kubespray's default".to_owned());
        let is_written = view.written(host, name).is_some();
        let of = if is_written { format!(" of {}", view.owner(host, name)) } else { String::new() };
        within(told, inside, &format!("`{name}`{of} is {inside} ({place})"), findings);
    }
}

fn within<'t, 'i: 't>(
    told: impl IntoIterator<Item = &'t (bool, Told<'i>)>,
    inside: IpAddr,
    what: &str,
    findings: &mut Findings,
) {
    for (_, one) in told.into_iter().filter(|(_, one)| one.network.contains(&inside)) {
        findings.say(format!("{what}, which is inside the network that {}", verb(&one.setting)));
    }
}

fn verb(setting: &Setting<'_>) -> String {
    format!("pods or services will have: {}", setting.told())
}

fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// How many addresses a network has.
fn size(network: IpNet) -> u128 {
    let bits = network.max_prefix_len() - network.prefix_len();
    1_u128.checked_shl(bits.into()).unwrap_or(u128::MAX)
}

fn room_for_services(told: &[(bool, Told<'_>)], findings: &mut Findings) {
    for (_, one) in told.iter().filter(|(is_pods, _)| !is_pods) {
        let bits = one.network.max_prefix_len() - one.network.prefix_len();
        if size(one.network) < SERVICES_MIN {
            let told = one.setting.told();
            findings.say(format!(
                "{told}, which has {} addresses; kubeadm wants {SERVICES_MIN}",
                size(one.network)
            ));
        }
        if bits > SERVICES_MAX_BITS {
            let (told, most) = (one.setting.told(), one.network.max_prefix_len() - SERVICES_MAX_BITS);
            findings.say(format!("{told}, which is larger than kubeadm takes; a /{most} is the largest"));
        }
    }
}

/// Every node gets a part of the pods' network, and every pod of a node an address of that part.
fn room_for_pods<'i>(
    view: &View<'i>,
    family: &Family,
    hosts: &[&'i str],
    told: &[(bool, Told<'_>)],
    findings: &mut Findings,
) {
    let nodes: Vec<&str> =
        ["k8s_cluster", "k8s-cluster"].iter().flat_map(|group| view.members(group)).collect();
    let Some(&host) = hosts.first() else { return };
    // Calico gives out blocks as pods come, and 2.12 and older judged its nodes all the same.
    let plugin = match view.get(host, "kube_network_plugin") {
        Ok(plugin) => plugin.map(|plugin| text_of(&plugin)),
        Err(reason) => return findings.cannot_tell(reason),
    };
    let is_calico = matches!(plugin.as_deref(), Some("calico" | "canal"));
    let (prefixes, unknown) = view.settings(family.node_prefix, hosts);
    unknown.into_iter().for_each(|reason| findings.cannot_tell(reason));
    let (most, unknown) = view.settings("kubelet_max_pods", hosts);
    unknown.into_iter().for_each(|reason| findings.cannot_tell(reason));
    let networks = || told.iter().filter(|(is_pods, one)| *is_pods && one.setting.name == family.pods);
    if is_calico {
        for (_, one) in networks().filter(|(_, one)| size(one.network) < nodes.len() as u128) {
            let (told, count) = (one.setting.told(), nodes.len());
            findings.say(format!("{told}, which has fewer addresses than there are nodes ({count})"));
        }
    }
    for prefix in &prefixes {
        let Some(length) = whole(&prefix.value).filter(|length| (0..=family.bits).contains(length)) else {
            findings.say(format!("{}, which is no length of a prefix (0 to {})", prefix.told(), family.bits));
            continue;
        };
        if prefix.value.is_string() && !is_calico {
            findings.say(format!(
                "{}, which is a text and kubespray computes with it: write it without quotes",
                prefix.told()
            ));
        }
        for (_, one) in networks() {
            let difference = length - i64::from(one.network.prefix_len());
            let (told, prefix) = (one.setting.told(), prefix.told());
            if difference < 0 {
                findings.say(format!("{prefix}, which is more than all of {told}"));
            } else if difference > NODE_PREFIX_DIFFERENCE_MAX {
                findings.say(format!(
                    "{prefix}, which is {difference} bits longer than {told}; kubeadm takes {NODE_PREFIX_DIFFERENCE_MAX}"
                ));
            } else if !is_calico && 1_i64 << difference < nodes.len() as i64 {
                let count = nodes.len();
                findings.say(format!(
                    "{prefix} and {told}: that is room for {} nodes, and there are {count}",
                    1_i64 << difference
                ));
            }
        }
        // kubespray's own check leaves IPv6 out, where nodes have billions of addresses; the same sum serves both.
        let exempt = (is_calico && view.is_at_least((2, 17))) || plugin.as_deref() == Some("none");
        let room = 1_i64.checked_shl(u32::try_from(family.bits - length).unwrap_or(63)).unwrap_or(i64::MAX);
        let room = if family.bits - length > 62 { i64::MAX } else { room - 2 };
        let default = || (PODS_PER_NODE, "`kubelet_max_pods` is 110 (the kubelet's default)".to_owned());
        let wanted = most.iter().filter_map(|it| Some((whole(&it.value)?, it.told())));
        let wanted: Vec<(i64, String)> = if most.is_empty() { vec![default()] } else { wanted.collect() };
        for (_, told) in wanted.into_iter().filter(|(wanted, _)| *wanted > room && !exempt) {
            findings.say(format!("{told}, and {}: a node has {} addresses", prefix.told(), room.max(0)));
        }
    }
    let strange = most.iter().filter(|it| whole(&it.value).is_none_or(|number| number < 1));
    strange.for_each(|it| findings.say(format!("{}, which is no number of pods", it.told())));
}

/// A whole number, written as one or as a text.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
