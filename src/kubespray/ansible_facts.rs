//! Facts of hosts as Ansible's `setup` module names them: what was read of a host, and what a host could have.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::distributions;
use crate::facts::Fact;
use crate::facts::os::Os;

/// What each fact may be, by its name without `ansible_`.
pub(super) type PossibleFacts = BTreeMap<String, Vec<Value>>;

/// kubespray's names of architectures and those of `ansible_architecture` (`_host_architecture_groups` in its defaults); others
/// are the same.
const ARCHITECTURES: [(&str, &str); 3] = [("amd64", "x86_64"), ("arm64", "aarch64"), ("arm", "armv7l")];

/// Code names of Debian and Ubuntu that releases of kubespray compare `ansible_distribution_release` with, and one for the rest.
const CODE_NAMES: [&str; 11] = [
    "stretch", "buster", "bullseye", "bookworm", "trixie", "xenial", "bionic", "focal", "jammy", "noble",
    "NA",
];

/// The facts that decide more than a line of kubespray's own defaults, each with every value that a host can have.
///
/// `architectures` are those that the release has checksums for, in kubespray's words; none where that is not known.
pub(super) fn possible(architectures: Option<Vec<&str>>) -> PossibleFacts {
    let machine = |name: &str| {
        let known = ARCHITECTURES.iter().find(|(own, _)| *own == name);
        json!(known.map_or(name, |(_, machine)| machine))
    };
    let architectures = architectures.unwrap_or_else(|| ARCHITECTURES.map(|(own, _)| own).to_vec());
    let machines = architectures.into_iter().map(machine).collect();
    let of = |names: &[&str]| names.iter().map(|name| json!(name)).collect::<Vec<_>>();
    PossibleFacts::from([
        ("architecture".to_owned(), machines),
        ("system".to_owned(), of(&["Linux"])),
        ("os_family".to_owned(), of(&distributions::families())),
        ("distribution_release".to_owned(), of(&CODE_NAMES)),
    ])
}

/// What was read of a host, as far as Ansible's name for it does not depend on Ansible's version.
pub fn ansible_facts(os: &Os) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut add = |name: &str, fact: Option<&str>| {
        facts.extend(fact.map(|value| (name.to_owned(), json!(value))));
    };
    let known = |fact: &Fact<String>| fact.value().cloned();
    let (id, version) = (known(&os.id), known(&os.version_id));
    add("system", os.kernel_release.value().map(|_| "Linux"));
    add("architecture", os.architecture.value().map(String::as_str));
    add("kernel", os.kernel_release.value().map(String::as_str));
    add("distribution", id.as_deref().and_then(distributions::ansible_name));
    add("os_family", id.as_deref().and_then(distributions::family));
    add("distribution_major_version", version.as_deref().and_then(|version| version.split('.').next()));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_s_facts_have_ansible_s_names() {
        let known = |value: &str| Fact::known(value.to_owned(), "test");
        let os = Os {
            id: known("rocky"),
            version_id: known("9.4"),
            architecture: known("aarch64"),
            kernel_release: known("5.14.0"),
            ..Os::default()
        };
        let wanted = json!({
            "system": "Linux", "architecture": "aarch64", "kernel": "5.14.0", "distribution": "Rocky",
            "os_family": "RedHat", "distribution_major_version": "9",
        });
        assert_eq!(Value::Object(ansible_facts(&os)), wanted);
        assert!(ansible_facts(&Os::default()).is_empty(), "what was not read is not there");
    }

    #[test]
    fn names_that_differ_by_ansible_s_version_are_left_out() {
        let os = Os { id: Fact::known("flatcar".to_owned(), "test"), ..Os::default() };
        assert!(ansible_facts(&os).is_empty(), "{:?}", ansible_facts(&os));
    }

    #[test]
    fn architectures_are_those_of_the_release() {
        let of = |names: &[&str]| possible(Some(names.to_vec()))["architecture"].clone();
        assert_eq!(of(&["arm64", "amd64", "ppc64le"]), [json!("aarch64"), json!("x86_64"), json!("ppc64le")]);
    }
}
