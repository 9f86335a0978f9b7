//! Values that do not go together, or not without another: what kubespray's asserts stop at, and what they should.

use serde_json::Value;

use super::findings::{Findings, address};
use super::network_plugins;
use super::networks::has_family;
use super::rule::{Case, Ruling};
use super::stops;
use super::unknown::Unknown;
use super::view::View;

/// Judges every host's variables by every rule, and by the release's own asserts as far as `told` does not tell of them.
pub(super) fn survey(view: &View<'_>, told: &[String]) -> Findings {
    let mut findings = Findings::default();
    for &host in &view.hosts {
        let case = Case { view, host };
        for rule in RULES.iter().chain(network_plugins::RULES) {
            // Which values are told may depend on a fact; whether something is wrong must not.
            match view.decide(&|| rule(&case), &|one, other| one.is_some() == other.is_some()) {
                Ok(None) => {}
                Ok(Some(sentence)) => findings.say(sentence),
                Err(unknown) => findings.cannot_tell(unknown),
            }
        }
    }
    stops::add(view, told, &mut findings);
    findings
}

/// The rules, each by itself; those of network plugins are in `network_plugins.rs`.
const RULES: &[fn(&Case<'_, '_>) -> Ruling] = &[
    etcd_in_docker,
    kata,
    gvisor,
    download_on_localhost,
    renewal_of_foreign_certificates,
    external_cloud,
    manual_dns,
    no_family,
    admission_plugins,
    kube_vip,
    rbac,
    containerd_version,
];

fn etcd_in_docker(case: &Case<'_, '_>) -> Ruling {
    if !network_plugins::applies(case.view, case.host, "etcd_deployment_type")? {
        return Ok(None);
    }
    let wrong = case.is("etcd_deployment_type", &["docker"])?
        && !case.text("container_manager")?.is_empty()
        && !case.is("container_manager", &["docker"])?;
    let told = || Ok::<_, Unknown>((case.told("etcd_deployment_type")?, case.told("container_manager")?));
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

fn external_cloud(case: &Case<'_, '_>) -> Ruling {
    if case.set("external_cloud_provider")? && !case.is("cloud_provider", &["external"])? {
        let (which, cloud) = (case.told("external_cloud_provider")?, case.told("cloud_provider")?);
        return Ok(Some(format!("{which}, which is read with `cloud_provider: external` only, and {cloud}")));
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
