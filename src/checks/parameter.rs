//! What the values of the shipped profiles' parameters can mean, beyond their type: a parameter that nothing can hold against
//! is refused where it is set, and not found out as an unknown by some check.

use ipnet::IpNet;
use serde_json::Value;

use super::types::Type;
use crate::facts::registries::base_url;

/// What a value, or each element of a list, has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// A network with its prefix.
    Network,
    /// A registry as [`base_url`] knows it.
    Registry,
    /// Dotted numbers, as a tag has them, too: `3.8`, `v2.28`.
    Version,
    /// A release of Ubuntu: `22.04`.
    UbuntuRelease,
    /// A name without blanks: a kernel module, a controller, a key of daemon.json.
    Name,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number that is not below this.
    AtLeast(i64),
    /// A whole number from 0 to 100.
    Percent,
    /// A TCP port.
    Port,
    /// MiB that have to be free, by absolute path.
    RoomByPath,
}

/// The parameters whose values have a form; booleans, and what flags of their own set, have none. `true`: an empty text
/// leaves the choice to the inventory or the release.
const FORMS: [(&str, Form, bool); 30] = [
    ("dhcp_reserved", Form::Network, false),
    ("kube_pods_subnet", Form::Network, true),
    ("kube_service_addresses", Form::Network, true),
    ("registries", Form::Registry, false),
    ("registry_mirrors", Form::Registry, false),
    ("kubespray_release", Form::Version, true),
    ("python_version_min", Form::Version, true),
    ("docker_version_newer_than", Form::Version, false),
    ("os_supported", Form::UbuntuRelease, false),
    ("os_tested", Form::UbuntuRelease, false),
    ("kernel_modules", Form::Name, false),
    ("cgroup_v1_controllers", Form::Name, false),
    ("cgroup_v2_controllers", Form::Name, false),
    ("docker_reserved_keys", Form::Name, false),
    ("container_manager", Form::OneOf(&["docker", "containerd", "crio"]), true),
    ("clock_skew_max_ms", Form::AtLeast(1), false),
    ("infra_cpus", Form::AtLeast(0), false),
    ("worker_cpus", Form::AtLeast(0), false),
    ("infra_memory_available_mib", Form::AtLeast(0), false),
    ("worker_memory_available_mib", Form::AtLeast(0), false),
    ("gpu_memory_used_max_mib", Form::AtLeast(0), false),
    ("cpu_idle_min_percent", Form::Percent, false),
    ("disk_inodes_free_min_percent", Form::Percent, false),
    ("layout_tolerance_percent", Form::Percent, false),
    ("infra_ports", Form::Port, false),
    ("worker_ports", Form::Port, false),
    ("infra_disk_available_mib", Form::RoomByPath, false),
    ("worker_disk_available_mib", Form::RoomByPath, false),
    ("stage", Form::OneOf(&["new", "rerun", "scale", "upgrade"]), false),
    ("devbox", Form::OneOf(&["local", "none"]), false),
];

/// The type of what is in a parameter's list.
pub(super) fn element_of(key: &str) -> Type {
    match FORMS.iter().find(|(name, ..)| *name == key) {
        Some((_, Form::AtLeast(_) | Form::Percent | Form::Port, _)) => Type::Int,
        Some((_, Form::RoomByPath, _)) | None => Type::Any,
        Some(_) => Type::String,
    }
}

/// Whether a value of the right type can mean something.
///
/// # Errors
/// What it has to be instead.
pub(super) fn require_meaning(key: &str, value: &Value) -> Result<(), String> {
    let Some((_, form, may_be_empty)) = FORMS.iter().find(|(name, ..)| *name == key) else { return Ok(()) };
    if *may_be_empty && value.as_str().is_some_and(str::is_empty) {
        return Ok(());
    }
    let values = match value {
        Value::Array(items) => items.as_slice(),
        value => std::slice::from_ref(value),
    };
    values.iter().try_for_each(|value| form.require(value).map_err(|wanted| format!("{key}: {wanted}")))
}

impl Form {
    /// Values of another type than the form is for are told of by their type.
    fn require(self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Form::RoomByPath, Value::Object(rooms)) => rooms.iter().try_for_each(|(path, room)| {
                if !path.starts_with('/') {
                    return Err(format!("\"{path}\" is not an absolute path, such as /var/lib/kubelet"));
                }
                number(room, 0, i64::MAX).map_err(|wanted| format!("{path}: {wanted}"))
            }),
            (Form::RoomByPath, _) => Ok(()),
            (Form::AtLeast(least), Value::Number(_)) => number(value, least, i64::MAX),
            (Form::Percent, Value::Number(_)) => number(value, 0, 100),
            (Form::Port, Value::Number(_)) => number(value, 1, 65535),
            (_, Value::String(text)) => self.require_text(text),
            _ => Ok(()),
        }
    }

    fn require_text(self, text: &str) -> Result<(), String> {
        let not = |what: &str| Err(format!("\"{text}\" is not {what}"));
        let is_name =
            |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
        match self {
            Form::Network if text.parse::<IpNet>().is_ok() => Ok(()),
            Form::Network if text.parse::<std::net::IpAddr>().is_ok() => {
                not(&format!("a network: the prefix is missing ({text}/16)"))
            }
            Form::Network => not("a network such as 10.233.64.0/18"),
            Form::Registry => base_url(text).map(|_| ()),
            Form::Version if is_dotted(text.trim_start_matches('v'), 1) => Ok(()),
            Form::Version => not("a version such as 3.8"),
            Form::UbuntuRelease if is_dotted(text, 2) => Ok(()),
            Form::UbuntuRelease => not("a release of Ubuntu such as 22.04"),
            Form::Name if is_name(text) => Ok(()),
            Form::Name => not("a name"),
            Form::OneOf(known) if known.contains(&text) => Ok(()),
            Form::OneOf(known) => not(&format!("one of {}", known.join(", "))),
            Form::AtLeast(_) | Form::Percent | Form::Port | Form::RoomByPath => Ok(()),
        }
    }
}

/// Whether a text is at least so many numbers with dots between them.
fn is_dotted(text: &str, least: usize) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() >= least && text.split('.').all(is_number)
}

fn number(value: &Value, least: i64, most: i64) -> Result<(), String> {
    let wanted = match most {
        i64::MAX => format!("{least} or more"),
        most => format!("from {least} to {most}"),
    };
    match value.as_i64().is_some_and(|number| (least..=most).contains(&number)) {
        true => Ok(()),
        false => Err(format!("{value} is not a whole number that is {wanted}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::{Profiles, shipped};

    /// What a profile declares and nobody looks at would be accepted whatever it says.
    #[test]
    fn every_parameter_of_the_shipped_profiles_has_a_form_and_meets_it() {
        for (name, _) in shipped::PROFILES {
            let profile = Profiles { shipped: shipped::PROFILES }.named(name).expect("it loads");
            for (key, value) in &profile.parameters {
                assert_eq!(require_meaning(key, value), Ok(()), "{name}");
                let known = FORMS.iter().any(|(known, ..)| known == key);
                assert!(known || value.is_boolean(), "{name}: what can {key} mean?");
            }
        }
    }

    #[test]
    fn values_that_mean_nothing_are_refused_with_what_is_wanted() {
        for (key, value, wanted) in [
            ("kube_pods_subnet", json!("10.0.0.0"), "the prefix is missing (10.0.0.0/16)"),
            ("kube_pods_subnet", json!("fd00::"), "the prefix is missing"),
            ("kube_service_addresses", json!("10.0.0.0/33"), "not a network such as"),
            ("dhcp_reserved", json!(["10.0.0.0/24", "lab"]), "\"lab\" is not a network"),
            ("dhcp_reserved", json!([""]), "\"\" is not a network"),
            ("registries", json!(["docker.io", "ftp://x"]), "neither http:// nor https://"),
            ("registry_mirrors", json!(["a b"]), "not a registry"),
            ("kubespray_release", json!("newest"), "a version"),
            ("python_version_min", json!("3.x"), "a version such as 3.8"),
            ("docker_version_newer_than", json!(""), "a version"),
            ("os_supported", json!(["jammy"]), "a release of Ubuntu"),
            ("kernel_modules", json!(["br_netfilter overlay"]), "not a name"),
            ("container_manager", json!("podman"), "one of docker, containerd, crio"),
            ("clock_skew_max_ms", json!(-5), "-5 is not a whole number that is 1 or more"),
            ("clock_skew_max_ms", json!(0), "1 or more"),
            ("worker_cpus", json!(-1), "0 or more"),
            ("infra_memory_available_mib", json!(u64::MAX), "0 or more"),
            ("cpu_idle_min_percent", json!(120), "from 0 to 100"),
            ("worker_ports", json!([10250, 70000]), "70000 is not a whole number that is from 1 to 65535"),
            ("infra_ports", json!([0]), "from 1 to 65535"),
            ("worker_disk_available_mib", json!({"var/lib": 5}), "not an absolute path"),
            ("worker_disk_available_mib", json!({"/tmp": -5}), "/tmp: -5 is not"),
            ("worker_disk_available_mib", json!({"/tmp": "5G"}), "/tmp: \"5G\" is not a whole number"),
        ] {
            let refusal = require_meaning(key, &value).expect_err(key);
            assert!(refusal.starts_with(&format!("{key}: ")) && refusal.contains(wanted), "{refusal}");
        }
        for (key, value) in [
            ("kube_pods_subnet", json!("")),
            ("kube_pods_subnet", json!("fd00:10::/56")),
            ("dhcp_reserved", json!([])),
            ("worker_cpus", json!(0)),
            ("layout_tolerance_percent", json!(100)),
            ("registries", json!(["mirror.local:5000", "http://10.0.0.5:5000"])),
            ("of_my_own", json!(-5)),
        ] {
            assert_eq!(require_meaning(key, &value), Ok(()));
        }
    }
}
