//! What belongs to a network plugin: which variables matter with it, and which do not go together.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::findings::text_of;
use super::networks::{has_family, is_on, whole};
use super::rule::{Case, Ruling};
use super::unknown::Unknown;
use super::view::View;

/// The first release whose asserts about etcd are for every host.
const VALIDATES_ALL_HOSTS: (u64, u64) = (2, 28);

/// Whether a variable matters, by what it belongs to.
pub(super) fn applies(view: &View<'_>, host: &str, name: &str) -> Result<bool, Unknown> {
    let text =
        |name: &str| Ok::<_, Unknown>(view.get(host, name)?.map(|it| text_of(&it)).unwrap_or_default());
    let cilium = || -> Result<bool, Unknown> {
        let besides = view.get(host, "cilium_deploy_additionally")?.is_some_and(|it| is_on(&it));
        Ok(text("kube_network_plugin")? == "cilium" || besides)
    };
    let on = |name: &str| Ok::<_, Unknown>(view.get(host, name)?.is_some_and(|it| is_on(&it)));
    match name {
        "external_cloud_provider" => Ok(text("cloud_provider")? == "external"),
        // Before, only the hosts that run etcd are asked, and a worker may have another default.
        "etcd_deployment_type" => {
            Ok(view.is_at_least(VALIDATES_ALL_HOSTS) || view.members("etcd").contains(&host))
        }
        "cilium_encryption_type" => Ok(cilium()? && on("cilium_encryption_enabled")?),
        name if name.ends_with("_mode_ipv6") => {
            Ok(text("kube_network_plugin")? == "calico" && has_family(view, host, true)?)
        }
        name if name.starts_with("calico_") => {
            Ok(matches!(text("kube_network_plugin")?.as_str(), "calico" | "canal"))
        }
        name if name.starts_with("cilium_") => cilium(),
        name if name.starts_with("flannel_") => Ok(text("kube_network_plugin")? == "flannel"),
        name if name.starts_with("kube_ovn_") => Ok(text("kube_network_plugin")? == "kube-ovn"),
        _ => Ok(true),
    }
}

/// The rules, each by itself.
pub(super) const RULES: &[fn(&Case<'_, '_>) -> Ruling] = &[
    two_encapsulations,
    calico_datastore,
    calico_pool,
    calico_on_azure,
    route_reflectors,
    cilium_owner,
    cilium_encryption,
    cilium_cluster,
    cilium_buffer,
    custom_cni,
];

fn two_encapsulations(case: &Case<'_, '_>) -> Ruling {
    const ON: [&str; 2] = ["Always", "CrossSubnet"];
    if applies(case.view, case.host, "calico_ipip_mode")?
        && case.is("calico_ipip_mode", &ON)?
        && case.is("calico_vxlan_mode", &ON)?
    {
        let (ipip, vxlan) = (case.told("calico_ipip_mode")?, case.told("calico_vxlan_mode")?);
        return Ok(Some(format!("{ipip}, and {vxlan}: one of them has to be `Never`")));
    }
    Ok(None)
}

fn calico_datastore(case: &Case<'_, '_>) -> Ruling {
    let is_calico = applies(case.view, case.host, "calico_datastore")?;
    if !is_calico || !case.is("calico_datastore", &["etcd"])? {
        return Ok(None);
    }
    for name in ["typha_enabled", "calico_apiserver_enabled"] {
        if case.on(name)? {
            let (needs, store) = (case.told(name)?, case.told("calico_datastore")?);
            return Ok(Some(format!("{needs}, which needs `calico_datastore: kdd`, and {store}")));
        }
    }
    Ok(None)
}

fn calico_pool(case: &Case<'_, '_>) -> Ruling {
    if !applies(case.view, case.host, "calico_pool_name")? {
        return Ok(None);
    }
    let name = case.text("calico_pool_name")?;
    let is_fine = (2..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !name.is_empty() && !is_fine {
        return Ok(Some(format!("{}, which is no name of a pool", case.told("calico_pool_name")?)));
    }
    for (pool, pods, ipv6) in [
        ("calico_pool_cidr", "kube_pods_subnet", false),
        ("calico_pool_cidr_ipv6", "kube_pods_subnet_ipv6", true),
    ] {
        if !case.set(pool)? || !has_family(case.view, case.host, ipv6)? {
            continue;
        }
        let parse = |text: String| text.parse::<ipnet::IpNet>().ok();
        let within = match (parse(case.text(pool)?), parse(case.text(pods)?)) {
            (Some(pool), Some(pods)) => pods.contains(&pool),
            (None, _) => false,
            // Told where networks are judged.
            (Some(_), None) => true,
        };
        if !within {
            return Ok(Some(format!(
                "{}, and {}: the pool has to be a part of it",
                case.told(pool)?,
                case.told(pods)?
            )));
        }
    }
    Ok(None)
}

/// kubespray up to 2.12 stops there, and projectcalico/calicoctl#949 says why.
fn calico_on_azure(case: &Case<'_, '_>) -> Ruling {
    if case.is("cloud_provider", &["azure"])? && case.is("kube_network_plugin", &["calico"])? {
        let (cloud, plugin) = (case.told("cloud_provider")?, case.told("kube_network_plugin")?);
        return Ok(Some(format!("{cloud}, and {plugin}: Azure's network does not route Calico's addresses")));
    }
    Ok(None)
}

fn route_reflectors(case: &Case<'_, '_>) -> Ruling {
    // The variable's default is whether that group has hosts.
    let is_set = case.view.written(case.host, "peer_with_calico_rr").is_some();
    let reflects = match is_set {
        true => case.on("peer_with_calico_rr")?,
        false => !case.view.members("calico_rr").is_empty(),
    };
    if !reflects || !case.is("kube_network_plugin", &["calico"])? {
        return Ok(None);
    }
    // A reflector's own cluster_id stands with the reflector; kubespray asks a control plane host.
    if case.view.members("kube_control_plane").first().is_none_or(|first| *first != case.host) {
        return Ok(None);
    }
    let id = case.text("cluster_id")?;
    Ok(match id.parse::<Ipv4Addr>() {
        Ok(_) => None,
        Err(_) => {
            let cluster_id = case.told("cluster_id")?;
            let reason = match is_set {
                true => case.told("peer_with_calico_rr")?,
                false => "there are hosts in `calico_rr`".to_owned(),
            };
            Some(format!("{reason}, which needs `cluster_id`, an IPv4 address, and {cluster_id}"))
        }
    })
}

/// Since the release that began to stop there (kubespray#13378): Cilium's init containers may not write to what `kube` owns.
fn cilium_owner(case: &Case<'_, '_>) -> Ruling {
    if !case.view.is_at_least((2, 32)) || !applies(case.view, case.host, "cilium_cni_exclusive")? {
        return Ok(None);
    }
    if case.set("kube_owner")? && !case.is("kube_owner", &["root"])? {
        let owner = case.told("kube_owner")?;
        return Ok(Some(format!("{owner}, and Cilium needs `kube_owner: root`")));
    }
    Ok(None)
}

fn cilium_encryption(case: &Case<'_, '_>) -> Ruling {
    if !applies(case.view, case.host, "cilium_encryption_type")?
        || !case.is("cilium_encryption_type", &["ipsec"])?
    {
        return Ok(None);
    }
    let tunnel = case.text("cilium_tunnel_mode")?;
    if (tunnel.is_empty() || tunnel == "vxlan") && !case.set("cilium_ipsec_key")? {
        let kind = case.told("cilium_encryption_type")?;
        return Ok(Some(format!("{kind}, which needs `cilium_ipsec_key`, and that is not set")));
    }
    Ok(None)
}

fn cilium_cluster(case: &Case<'_, '_>) -> Ruling {
    if !applies(case.view, case.host, "cilium_cluster_id")? || !case.set("cilium_cluster_id")? {
        return Ok(None);
    }
    let id = case.get("cilium_cluster_id")?.as_ref().and_then(whole);
    match id {
        // 0 stands for no cluster mesh.
        Some(0..=255) => Ok(None),
        _ => Ok(Some(format!("{}; it is a number from 1 to 255", case.told("cilium_cluster_id")?))),
    }
}

fn cilium_buffer(case: &Case<'_, '_>) -> Ruling {
    const NAME: &str = "cilium_hubble_event_buffer_capacity";
    if !applies(case.view, case.host, NAME)? || !case.set(NAME)? {
        return Ok(None);
    }
    let capacity = case.get(NAME)?.as_ref().and_then(whole);
    match capacity {
        Some(capacity @ 1..=65535) if (capacity & (capacity + 1)) == 0 => Ok(None),
        _ => Ok(Some(format!("{}; it is a power of 2 minus 1, up to 65535", case.told(NAME)?))),
    }
}

fn custom_cni(case: &Case<'_, '_>) -> Ruling {
    if !case.is("kube_network_plugin", &["custom_cni"])? {
        return Ok(None);
    }
    // What their paths come to is for the playbook to know; that there are some is enough here.
    let written =
        case.view.written(case.host, "custom_cni_manifests").and_then(|(value, _)| value.as_array());
    if written.is_some_and(|manifests| !manifests.is_empty()) {
        return Ok(None);
    }
    let manifests = case.get("custom_cni_manifests")?;
    let is_empty = manifests.as_ref().and_then(Value::as_array).is_none_or(Vec::is_empty);
    if is_empty && !case.set("custom_cni_chart_release_name")? {
        let plugin = case.told("kube_network_plugin")?;
        return Ok(Some(format!(
            "{plugin}, which needs `custom_cni_manifests` or a chart, and neither is set"
        )));
    }
    Ok(None)
}
