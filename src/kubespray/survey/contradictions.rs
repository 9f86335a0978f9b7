//! Values that do not go together, or not without another: what kubespray's asserts stop at, and what they should.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::findings::{Findings, address, quoted, text_of};
use super::networks::{has_family, is_on, whole};
use super::stops;
use super::view::View;
use crate::facts::Fact;

/// One host's variables, as rules ask for them.
struct Case<'c, 'i> {
    view: &'c View<'i>,
    host: &'i str,
}

/// What is wrong, or nothing; the error is the reason why it cannot be told.
type Ruling = Result<Option<String>, String>;

impl Case<'_, '_> {
    fn get(&self, name: &str) -> Result<Option<Value>, String> {
        self.view.get(self.host, name)
    }

    fn text(&self, name: &str) -> Result<String, String> {
        Ok(self.get(name)?.map(|value| text_of(&value)).unwrap_or_default())
    }

    fn is(&self, name: &str, wanted: &[&str]) -> Result<bool, String> {
        Ok(self.get(name)?.is_some_and(|value| wanted.contains(&text_of(&value).as_str())))
    }

    fn on(&self, name: &str) -> Result<bool, String> {
        Ok(self.get(name)?.is_some_and(|value| is_on(&value)))
    }

    /// Whether it is set at all, by whomever.
    fn set(&self, name: &str) -> Result<bool, String> {
        Ok(self.get(name)?.is_some_and(|value| !value.is_null() && value != Value::String(String::new())))
    }

    /// `` `name` is `value` (file:line) ``.
    fn told(&self, name: &str) -> Result<String, String> {
        let place = self.view.place(self.host, name);
        let place = place.as_deref().unwrap_or("kubespray's default");
        Ok(match self.get(name)? {
            Some(value) => format!("`{name}` is {} ({place})", quoted(&value)),
            None => format!("`{name}` is not set"),
        })
    }
}

/// Whether a variable matters, by what it belongs to.
pub(super) fn applies(view: &View<'_>, host: &str, name: &str) -> Result<bool, String> {
    let text = |name: &str| Ok::<_, String>(view.get(host, name)?.map(|it| text_of(&it)).unwrap_or_default());
    let cilium = || -> Result<bool, String> {
        let besides = view.get(host, "cilium_deploy_additionally")?.is_some_and(|it| is_on(&it));
        Ok(text("kube_network_plugin")? == "cilium" || besides)
    };
    let on = |name: &str| Ok::<_, String>(view.get(host, name)?.is_some_and(|it| is_on(&it)));
    match name {
        "external_cloud_provider" => Ok(text("cloud_provider")? == "external"),
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

/// Judges every host's variables by every rule, and by the release's own asserts as far as `told` does not tell of them.
pub(super) fn survey(view: &View<'_>, told: &[String]) -> Fact<Vec<String>> {
    let mut findings = Findings::default();
    for &host in &view.hosts {
        let case = Case { view, host };
        for rule in RULES {
            match rule(&case) {
                Ok(None) => {}
                Ok(Some(sentence)) => findings.say(sentence),
                Err(reason) => findings.cannot_tell(reason),
            }
        }
    }
    stops::add(view, told, &mut findings);
    findings.into_fact("inventory and kubespray's defaults")
}

/// The rules, each by itself.
const RULES: &[fn(&Case<'_, '_>) -> Ruling] = &[
    etcd_in_docker,
    kata,
    gvisor,
    download_on_localhost,
    renewal_of_foreign_certificates,
    two_encapsulations,
    calico_datastore,
    calico_pool,
    calico_on_azure,
    route_reflectors,
    cilium_owner,
    cilium_encryption,
    cilium_cluster,
    cilium_buffer,
    external_cloud,
    custom_cni,
    manual_dns,
    no_family,
    admission_plugins,
    kube_vip,
    rbac,
    containerd_version,
];

fn etcd_in_docker(case: &Case<'_, '_>) -> Ruling {
    let wrong = case.is("etcd_deployment_type", &["docker"])?
        && !case.text("container_manager")?.is_empty()
        && !case.is("container_manager", &["docker"])?;
    let told = || Ok::<_, String>((case.told("etcd_deployment_type")?, case.told("container_manager")?));
    wrong.then(told).transpose().map(|told| {
        told.map(|(etcd, manager)| format!("{etcd}, which needs `container_manager: docker`, and {manager}"))
    })
}

fn kata(case: &Case<'_, '_>) -> Ruling {
    if case.on("kata_containers_enabled")? && case.is("container_manager", &["docker"])? {
        let (kata, manager) = (case.told("kata_containers_enabled")?, case.told("container_manager")?);
        return Ok(Some(format!("{kata}, which needs containerd or crio, and {manager}")));
    }
    Ok(None)
}

fn gvisor(case: &Case<'_, '_>) -> Ruling {
    if case.on("gvisor_enabled")? && !case.is("container_manager", &["containerd"])? {
        let (gvisor, manager) = (case.told("gvisor_enabled")?, case.told("container_manager")?);
        return Ok(Some(format!("{gvisor}, which needs containerd, and {manager}")));
    }
    Ok(None)
}

fn download_on_localhost(case: &Case<'_, '_>) -> Ruling {
    if case.on("download_localhost")? && !case.on("download_run_once")? {
        let (local, once) = (case.told("download_localhost")?, case.told("download_run_once")?);
        return Ok(Some(format!("{local}, which needs `download_run_once: true`, and {once}")));
    }
    Ok(None)
}

fn renewal_of_foreign_certificates(case: &Case<'_, '_>) -> Ruling {
    if case.on("kube_external_ca_mode")? && case.on("auto_renew_certificates")? {
        let (renew, external) = (case.told("auto_renew_certificates")?, case.told("kube_external_ca_mode")?);
        return Ok(Some(format!(
            "{renew}, and {external}: nobody here can renew certificates of a foreign CA"
        )));
    }
    Ok(None)
}

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
            return Ok(Some(format!("{}, which is not within what {}", case.told(pool)?, case.told(pods)?)));
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
        Err(_) => Some(format!(
            "there are hosts in `calico_rr`, which needs `cluster_id`, an IPv4 address, and {}",
            case.told("cluster_id")?
        )),
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

fn external_cloud(case: &Case<'_, '_>) -> Ruling {
    if case.set("external_cloud_provider")? && !case.is("cloud_provider", &["external"])? {
        let (which, cloud) = (case.told("external_cloud_provider")?, case.told("cloud_provider")?);
        return Ok(Some(format!("{which}, which is read with `cloud_provider: external` only, and {cloud}")));
    }
    Ok(None)
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

fn manual_dns(case: &Case<'_, '_>) -> Ruling {
    if !case.is("dns_mode", &["manual"])? {
        return Ok(None);
    }
    let server = case.text("manual_dns_server")?;
    match address(&server) {
        Some(_) => Ok(None),
        None => Ok(Some(format!(
            "{}, which needs the address `manual_dns_server`, and {}",
            case.told("dns_mode")?,
            case.told("manual_dns_server")?
        ))),
    }
}

fn no_family(case: &Case<'_, '_>) -> Ruling {
    match has_family(case.view, case.host, false)? || has_family(case.view, case.host, true)? {
        true => Ok(None),
        false => Ok(Some(format!("{}, and IPv6 is off too", case.told("ipv4_stack")?))),
    }
}

fn admission_plugins(case: &Case<'_, '_>) -> Ruling {
    const NAME: &str = "kube_apiserver_enable_admission_plugins";
    let plugins = case.get(NAME)?;
    let first = plugins.as_ref().and_then(|list| list.get(0)).and_then(Value::as_str).unwrap_or_default();
    match first.contains(',') || plugins.as_ref().is_some_and(Value::is_string) && case.set(NAME)? {
        true => Ok(Some(format!("{}; write one list item for each plugin", case.told(NAME)?))),
        false => Ok(None),
    }
}

fn kube_vip(case: &Case<'_, '_>) -> Ruling {
    if !case.on("kube_vip_enabled")? {
        return Ok(None);
    }
    if case.on("kube_vip_bgp_enabled")?
        && case.set("kube_vip_bgp_sourceip")?
        && case.set("kube_vip_bgp_sourceif")?
    {
        let (ip, interface) = (case.told("kube_vip_bgp_sourceip")?, case.told("kube_vip_bgp_sourceif")?);
        return Ok(Some(format!("{ip}, and {interface}: kube-vip takes one of the two")));
    }
    match case.on("kube_vip_controlplane_enabled")? && address(&case.text("kube_vip_address")?).is_none() {
        true => Ok(Some(format!(
            "{}, which needs the address `kube_vip_address`, and {}",
            case.told("kube_vip_controlplane_enabled")?,
            case.told("kube_vip_address")?
        ))),
        false => Ok(None),
    }
}

/// Older releases: the dashboard and OCI's cloud controller need RBAC.
fn rbac(case: &Case<'_, '_>) -> Ruling {
    let modes = case.get("authorization_modes")?;
    let Some(modes) = modes.as_ref().and_then(Value::as_array) else { return Ok(None) };
    if modes.iter().any(|mode| mode == "RBAC") {
        return Ok(None);
    }
    for (name, on) in [
        ("dashboard_enabled", case.on("dashboard_enabled")?),
        ("cloud_provider", case.is("cloud_provider", &["oci"])?),
    ] {
        if on {
            return Ok(Some(format!(
                "{}, which needs RBAC, and {}",
                case.told(name)?,
                case.told("authorization_modes")?
            )));
        }
    }
    Ok(None)
}

fn containerd_version(case: &Case<'_, '_>) -> Ruling {
    if !case.is("container_manager", &["containerd"])?
        || case.is("containerd_version", &["latest", "edge", "stable"])?
    {
        return Ok(None);
    }
    let parts = |text: &str| -> Option<Vec<u64>> {
        text.trim_start_matches('v').split('.').map(|it| it.parse().ok()).collect()
    };
    let (own, min) = (case.text("containerd_version")?, case.text("containerd_min_version_required")?);
    match (parts(&own), parts(&min)) {
        (Some(own), Some(min)) if own < min => Ok(Some(format!(
            "{}; {}",
            case.told("containerd_version")?,
            case.told("containerd_min_version_required")?
        ))),
        _ => Ok(None),
    }
}
