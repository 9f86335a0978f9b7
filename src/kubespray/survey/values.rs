//! Values that kubespray does not take: texts for booleans, choices outside the list, versions it cannot deploy.

use serde_json::Value;

use super::findings::{Findings, quoted, text_of};
use super::network_plugins::applies;
use super::networks::is_on;
use super::unknown::Unknown;
use super::view::View;
use crate::facts::Reading;
use crate::inventory::nearest;

/// Booleans that are written as texts.
///
/// Those that kubespray itself insists on, and all others whose default is a boolean: Jinja takes the text `false` for true.
pub(super) fn text_booleans(view: &View<'_>) -> Findings {
    let mut findings = Findings::default();
    let insisted: &[String] = match &view.demands.booleans.reading {
        Reading::Known(names) => names,
        Reading::Absent => &[],
        Reading::Unknown(reason) => {
            let reason = format!("which booleans kubespray insists on: {reason}");
            findings.cannot_tell(Unknown::of_release(reason));
            &[]
        }
    };
    let others = view.booleans();
    let names = insisted.iter().chain(others.iter().filter(|name| !insisted.contains(name)));
    for name in names {
        let is_insisted = insisted.contains(name);
        for &host in &view.hosts {
            if view.written(host, name).is_none() {
                continue;
            }
            let place = view.place(host, name).unwrap_or_default();
            match view.get(host, name) {
                Ok(Some(Value::Bool(_)) | None) => {}
                Ok(Some(Value::String(text))) if is_boolean(&text) => findings.say(format!(
                    "`{name}` is the text {} ({place}): write it without quotes, or as JSON on the command line (-e '{{\"{name}\": {}}}')",
                    quoted(&text.as_str().into()),
                    is_on(&text.as_str().into()),
                )),
                Ok(Some(value)) if is_insisted => {
                    findings.say(format!("`{name}` is {} ({place}), which is no boolean", quoted(&value)));
                }
                Ok(Some(_)) => {}
                Err(reason) if is_insisted => findings.cannot_tell(reason),
                // One of hundreds that kubespray does not insist on either: its value is not what is judged here.
                Err(_) => {}
            }
        }
    }
    findings
}

fn is_boolean(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off")
}

/// Choices whose list no assert of kubespray's `validate_inventory` has, or only that of a network plugin.
const PLUGIN_CHOICES: [(&str, &[&str]); 10] = [
    ("calico_network_backend", &["bird", "vxlan", "none"]),
    ("calico_ipip_mode", &["Always", "CrossSubnet", "Never"]),
    ("calico_vxlan_mode", &["Always", "CrossSubnet", "Never"]),
    ("calico_ipip_mode_ipv6", &["Never"]),
    ("calico_vxlan_mode_ipv6", &["Always", "CrossSubnet", "Never"]),
    ("calico_datastore", &["kdd", "etcd"]),
    ("cilium_identity_allocation_mode", &["crd", "kvstore"]),
    ("cilium_encryption_type", &["ipsec", "wireguard"]),
    ("kube_ovn_network_type", &["geneve", "vlan"]),
    ("flannel_backend_type", &["vxlan", "host-gw", "udp", "wireguard"]),
];

/// Values outside their lists.
pub(super) fn unsupported_choices(view: &View<'_>) -> Findings {
    let mut findings = Findings::default();
    if view.demands.choices.is_empty() {
        findings
            .cannot_tell(Unknown::of_release("what this release of kubespray takes is not known".to_owned()));
    }
    for (name, choices) in &view.demands.choices {
        let name: &'static str = match JUDGED.iter().find(|known| *known == name) {
            Some(name) => name,
            None => continue,
        };
        match &choices.reading {
            Reading::Known(choices) => {
                let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                choose(view, name, &choices, &mut findings);
            }
            Reading::Absent => {}
            Reading::Unknown(reason) => {
                findings.cannot_tell(Unknown::of_release(format!("what `{name}` may be: {reason}")));
            }
        }
    }
    for (name, choices) in PLUGIN_CHOICES.iter().filter(|(name, _)| !view.demands.choices.contains_key(*name))
    {
        choose(view, name, choices, &mut findings);
    }
    findings
}

/// Names that a release may list choices of.
const JUDGED: [&str; 9] = [
    "kube_network_plugin",
    "dns_mode",
    "kube_proxy_mode",
    "cert_management",
    "resolvconf_mode",
    "etcd_deployment_type",
    "container_manager",
    "cloud_provider",
    "external_cloud_provider",
];

/// Whether the release compares a variable on a host: where it matters, and its assert's own conditions hold.
fn asks(view: &View<'_>, host: &str, name: &str) -> Result<bool, Unknown> {
    for when in view.demands.choice_conditions.get(name).into_iter().flatten() {
        let holds = view.decide(&|| view.is_true(host, when), &|one, other| one == other);
        if holds == Ok(false) {
            return Ok(false);
        }
    }
    applies(view, host, name)
}

fn choose(view: &View<'_>, name: &'static str, choices: &[&str], findings: &mut Findings) {
    let mut hosts = Vec::new();
    for &host in &view.hosts {
        match asks(view, host, name) {
            Ok(true) => hosts.push(host),
            Ok(false) => {}
            Err(reason) => findings.cannot_tell(reason),
        }
    }
    let (settings, unknown) = view.settings(name, &hosts);
    unknown.into_iter().for_each(|reason| findings.cannot_tell(reason));
    for setting in settings {
        let text = text_of(&setting.value);
        if choices.contains(&text.as_str()) {
            continue;
        }
        let near = nearest(&text, choices.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        let list: Vec<&str> = choices.iter().map(|it| if it.is_empty() { "(empty)" } else { *it }).collect();
        let near = near.unwrap_or_default();
        findings.say(format!("{}; kubespray takes {}{near}", setting.told(), list.join(", ")));
    }
}

/// Versions of Kubernetes that this release cannot deploy.
pub(super) fn unsupported_versions(view: &View<'_>) -> Findings {
    let mut findings = Findings::default();
    let (settings, unknown) = view.settings("kube_version", &view.hosts);
    unknown.into_iter().for_each(|reason| findings.cannot_tell(reason));
    let known = &view.demands.facts.kube_versions;
    let min = view.demands.facts.kube_version_min.value();
    let wants_v = view.demands.kube_versions_have_v;
    for setting in settings {
        let text = text_of(&setting.value);
        let bare = text.trim_start_matches('v');
        let told = setting.told();
        if let Some(min) = min.filter(|min| older(bare, min)) {
            findings.say(format!("{told}; the oldest that this release deploys is {min}"));
            continue;
        }
        match &known.reading {
            Reading::Known(known) if !known.iter().any(|known| known == bare) => {
                let minor = bare.rsplit_once('.').map_or(bare, |(minor, _)| minor);
                let kin = known.iter().filter(|it| it.rsplit_once('.').is_some_and(|(of, _)| of == minor));
                let newest = kin.max_by(|a, b| parts(a).cmp(&parts(b)));
                let newest = newest.map(|it| format!("; of {minor} the newest is {it}")).unwrap_or_default();
                findings.say(format!("{told}, of which this release has no checksums{newest}"));
            }
            Reading::Known(_) if setting.place.is_some() && text.starts_with('v') != wants_v => {
                let right = if wants_v { format!("v{bare}") } else { bare.to_owned() };
                findings.say(format!("{told}, as other releases write it; this one wants `{right}`"));
            }
            Reading::Unknown(reason) => {
                let reason = format!("which versions kubespray has checksums of: {reason}");
                findings.cannot_tell(Unknown::of_release(reason));
            }
            Reading::Known(_) | Reading::Absent => {}
        }
    }
    findings
}

fn parts(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn older(version: &str, than: &str) -> bool {
    parts(version) < parts(than.trim_start_matches('v'))
}
