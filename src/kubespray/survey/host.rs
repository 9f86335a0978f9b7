//! What the inventory sets for one host, and what kubespray wants of a host for that.

use std::collections::HashSet;

use super::findings::text_of;
use super::images::Images;
use super::networks::{has_family, is_on, whole};
use super::node::Node;
use super::view::View;
use crate::facts::variables::Variables;
use crate::facts::{Fact, Reading};
use crate::redact;

/// Who is in the groups that kubespray's minima are for.
pub(super) struct Members<'i> {
    pub(super) control_plane: HashSet<&'i str>,
    pub(super) nodes: HashSet<&'i str>,
    pub(super) etcd: HashSet<&'i str>,
}

impl<'i> Members<'i> {
    /// Of an inventory.
    pub(super) fn of(view: &View<'i>) -> Members<'i> {
        let of = |names: [&str; 2]| names.iter().flat_map(|name| view.members(name)).collect();
        Members {
            control_plane: of(["kube_control_plane", "kube-master"]),
            nodes: of(["kube_node", "kube-node"]),
            etcd: view.members("etcd").into_iter().collect(),
        }
    }
}

/// What the inventory sets for a host.
pub(super) fn variables(view: &View<'_>, members: &Members<'_>, host: &str) -> Variables {
    let (node, images) = (Node::new(view, members, host), Images::new(view, host));
    let (kernel_min, kernel_min_for) = kernel(view, &node, host);
    Variables {
        container_manager: text(view, host, "container_manager"),
        kube_network_plugin: text(view, host, "kube_network_plugin"),
        kube_proxy_mode: text(view, host, "kube_proxy_mode"),
        ip: text(view, host, "ip"),
        pod_networks: networks(view, host, ["kube_pods_subnet", "kube_pods_subnet_ipv6"]),
        service_networks: networks(view, host, ["kube_service_addresses", "kube_service_addresses_ipv6"]),
        memory_min_mb: memory(view, members, host),
        kernel_min,
        kernel_min_for,
        allow_unsupported_os: switch(view, host, "allow_unsupported_distribution_setup"),
        kubelet_fail_swap_on: text(view, host, "kubelet_fail_swap_on").map(|text| is_on(&text.into())),
        local_release_dir: match view.told(host, "local_release_dir") {
            Ok(None) => Fact::absent(source(view, host, "local_release_dir")),
            _ => text(view, host, "local_release_dir"),
        },
        cpus_min: node.cpus_min(),
        kernel_modules: node.kernel_modules(),
        ports: node.ports(),
        ntp_enabled: node.ntp_enabled(),
        registries: images.registries(),
        registry_mirrors: images.hub_mirrors(),
    }
}

/// A switch that is off where it is not set.
fn switch(view: &View<'_>, host: &str, name: &str) -> Fact<bool> {
    let told = text(view, host, name);
    match told.reading {
        Reading::Absent => Fact::known(false, told.source),
        _ => told.map(|text| is_on(&text.into())),
    }
}

/// Where a host's variable is written.
fn source(view: &View<'_>, host: &str, name: &str) -> String {
    let place = view.place(host, name).unwrap_or_else(|| match view.demands.source_of(name) {
        source if !source.is_empty() => source,
        _ => "kubespray's default".to_owned(),
    });
    match view.is_encrypted(host, name) {
        // It is judged, and not shown.
        true => format!("{place} {}", redact::ENCRYPTED),
        false => place,
    }
}

fn text(view: &View<'_>, host: &str, name: &str) -> Fact<String> {
    let source = source(view, host, name);
    match view.get(host, name) {
        Ok(Some(value)) if !text_of(&value).is_empty() && !value.is_null() => {
            Fact::known(text_of(&value), source)
        }
        Ok(_) => Fact::absent(source),
        Err(reason) => Fact::unknown(reason, source),
    }
}

/// The networks of the families that are on: the first name is IPv4's.
fn networks(view: &View<'_>, host: &str, names: [&'static str; 2]) -> Fact<Vec<String>> {
    let mut networks = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    for (name, ipv6) in names.into_iter().zip([false, true]) {
        let value =
            has_family(view, host, ipv6).and_then(|on| if on { view.get(host, name) } else { Ok(None) });
        match value {
            Ok(Some(value)) => {
                let text = text_of(&value);
                if text.parse::<ipnet::IpNet>().is_err() {
                    let source = source(view, host, name);
                    return Fact::unknown(format!("`{name}` is `{text}`, which is no network"), source);
                }
                networks.push(text);
                sources.push(source(view, host, name));
            }
            Ok(None) => {}
            Err(reason) => return Fact::unknown(reason, source(view, host, name)),
        }
    }
    sources.dedup();
    match networks.is_empty() {
        true => Fact::unknown("neither the inventory nor what is known of kubespray sets them", names[0]),
        false => Fact::known(networks, sources.join(", ")),
    }
}

/// What kubespray asserts of a host in these groups: the larger minimum where it is in both.
fn memory(view: &View<'_>, members: &Members<'_>, host: &str) -> Fact<i64> {
    let facts = &view.demands.facts;
    let minima = [
        (&members.control_plane, "minimal_master_memory_mb", &facts.control_plane_memory_min_mb),
        (&members.nodes, "minimal_node_memory_mb", &facts.node_memory_min_mb),
    ];
    let mut found: Option<Fact<i64>> = None;
    for (group, name, demanded) in minima {
        if !group.contains(host) {
            continue;
        }
        let own = match view.written(host, name) {
            None => demanded.clone(),
            Some(_) => match view.get(host, name) {
                Ok(Some(value)) => match whole(&value) {
                    Some(number) => Fact::known(number, source(view, host, name)),
                    None => Fact::unknown(format!("`{name}` is no number"), source(view, host, name)),
                },
                Ok(None) => demanded.clone(),
                Err(reason) => Fact::unknown(reason, source(view, host, name)),
            },
        };
        found = Some(match found {
            Some(before)
                if before.value().is_none() || before.value() >= own.value() && own.value().is_some() =>
            {
                before
            }
            _ => own,
        });
    }
    found.unwrap_or_else(|| Fact::absent("inventory"))
}

/// Kernels that what is chosen needs: kubespray's own asserts, and Kubernetes' documentation.
fn kernel(view: &View<'_>, node: &Node<'_, '_>, host: &str) -> (Fact<String>, Fact<String>) {
    let unknown =
        |reason: String| (Fact::unknown(reason.clone(), "inventory"), Fact::unknown(reason, "inventory"));
    match kernels(view, node, host) {
        Err(reason) => unknown(reason),
        Ok(needs) => match needs.into_iter().max_by(|a, b| parts(a.0).cmp(&parts(b.0))) {
            Some((version, of, name)) => {
                let source = source(view, host, name);
                (Fact::known(version.to_owned(), source.clone()), Fact::known(of, source))
            }
            None => (Fact::absent("inventory"), Fact::absent("inventory")),
        },
    }
}

/// Version, what needs it, and the variable that says so.
type Need = (&'static str, String, &'static str);

fn kernels(view: &View<'_>, node: &Node<'_, '_>, host: &str) -> Result<Vec<Need>, String> {
    let text = |name: &str| Ok::<_, String>(view.get(host, name)?.map(|it| text_of(&it)).unwrap_or_default());
    let on = |name: &str| Ok::<_, String>(view.get(host, name)?.is_some_and(|it| is_on(&it)));
    let mut needs: Vec<Need> = Vec::new();
    let version = text("kube_version")?;
    // https://kubernetes.io/docs/reference/node/kernel-version-requirements/ and kubespray's kernel-requirements.md
    // It is kubeadm's preflight that minds, and kernel-requirements.md tells how to go on.
    if parts(version.trim_start_matches('v')) >= vec![1, 32] && !node.ignores("SystemVerification")? {
        needs.push(("4.19", format!("Kubernetes {version}"), "kube_version"));
    }
    let plugin = text("kube_network_plugin")?;
    if plugin == "cilium" || on("cilium_deploy_additionally")? {
        needs.push(("4.9.17", "Cilium".to_owned(), "kube_network_plugin"));
        if on("cilium_encryption_enabled")? && text("cilium_encryption_type")? == "wireguard" {
            needs.push(("5.6.0", "Cilium's WireGuard".to_owned(), "cilium_encryption_type"));
        }
    }
    if plugin == "flannel" && text("flannel_backend_type")? == "wireguard" {
        needs.push(("5.6.0", "Flannel's WireGuard".to_owned(), "flannel_backend_type"));
    }
    if text("kube_proxy_mode")? == "nftables" && !on("kube_proxy_remove")? {
        needs.push(("5.13", "kube_proxy_mode nftables".to_owned(), "kube_proxy_mode"));
    }
    Ok(needs)
}

fn parts(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
