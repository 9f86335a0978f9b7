//! The built-in table of releases, which stands in where no checkout is named.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::demands::{Defaults, Demands};
use super::{ansible_facts, gone, requirements};
use crate::facts::Fact;
use crate::facts::kubespray::{Collection, Kubespray};

/// Releases and what [`Demands::of_checkout`] reads of the last tag of each, oldest first.
const TABLE: [(&str, &str); 21] = [
    ("2.11", include_str!("releases/2.11.yaml")),
    ("2.12", include_str!("releases/2.12.yaml")),
    ("2.13", include_str!("releases/2.13.yaml")),
    ("2.14", include_str!("releases/2.14.yaml")),
    ("2.15", include_str!("releases/2.15.yaml")),
    ("2.16", include_str!("releases/2.16.yaml")),
    ("2.17", include_str!("releases/2.17.yaml")),
    ("2.18", include_str!("releases/2.18.yaml")),
    ("2.19", include_str!("releases/2.19.yaml")),
    ("2.20", include_str!("releases/2.20.yaml")),
    ("2.21", include_str!("releases/2.21.yaml")),
    ("2.22", include_str!("releases/2.22.yaml")),
    ("2.23", include_str!("releases/2.23.yaml")),
    ("2.24", include_str!("releases/2.24.yaml")),
    ("2.25", include_str!("releases/2.25.yaml")),
    ("2.26", include_str!("releases/2.26.yaml")),
    ("2.27", include_str!("releases/2.27.yaml")),
    ("2.28", include_str!("releases/2.28.yaml")),
    ("2.29", include_str!("releases/2.29.yaml")),
    ("2.30", include_str!("releases/2.30.yaml")),
    ("2.31", include_str!("releases/2.31.yaml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    /// `2.28`.
    release: String,
    /// The tag it was read of.
    tag: String,
    os_ids: Vec<String>,
    os_releases: Vec<String>,
    control_plane_memory_min_mb: i64,
    node_memory_min_mb: i64,
    ansible_core_min: String,
    #[serde(default)]
    ansible_core_below: Option<String>,
    /// As lines of requirements.txt.
    python_packages: Vec<String>,
    /// By name, as galaxy.yml has them; none where the release has none.
    #[serde(default)]
    collections: Option<BTreeMap<String, String>>,
    kube_version: String,
    kube_version_min: String,
    kube_versions: Vec<String>,
    docker_version: String,
    /// None where it differs by distribution.
    #[serde(default)]
    containerd_version: Option<String>,
    docker_keys: Vec<String>,
    choices: BTreeMap<String, Vec<String>>,
    booleans: Vec<String>,
    groups: Vec<String>,
    defaults: BTreeMap<String, Value>,
}

fn release(text: &str) -> Release {
    #[allow(clippy::unwrap_used)] // embedded; a test reads each
    serde_saphyr::from_str(text).unwrap()
}

/// What the table says of a release; nothing stands for the newest.
pub(super) fn demands(wanted: &str) -> Result<Demands, String> {
    let minor = gone::minor(wanted.trim());
    let found = match wanted.trim() {
        "" => TABLE.last(),
        _ => TABLE.iter().find(|(name, _)| minor.is_some() && gone::minor(name) == minor),
    };
    let known = || TABLE.map(|(name, _)| name).join(", ");
    found.map(|(_, text)| of(&release(text))).ok_or_else(|| {
        format!(
            "kubespray `{wanted}` is not in the built-in table, which has {}; --kubespray DIR reads your checkout",
            known()
        )
    })
}

/// The releases that deploy a version of Kubernetes, the likeliest first: those that have this minor as their own, then the
/// newest. Where none has its checksums, the newest with this minor as its own.
pub(super) fn deploying(kube_version: &str) -> Vec<String> {
    let wanted = kube_version.trim().trim_start_matches('v');
    let releases = TABLE.iter().rev().map(|(_, text)| release(text));
    let (own, others): (Vec<Release>, Vec<Release>) =
        releases.partition(|release| gone::minor(&release.kube_version) == gone::minor(wanted));
    let takes = |release: &&Release| release.kube_versions.iter().any(|version| version == wanted);
    if gone::minor(wanted).is_none() {
        return Vec::new();
    }
    let mut found: Vec<&Release> = own.iter().chain(&others).filter(takes).collect();
    if found.is_empty() {
        found.extend(own.first());
    }
    found.into_iter().map(|release| release.release.clone()).collect()
}

fn of(release: &Release) -> Demands {
    let source = format!("kubespray {} (built-in table)", release.release);
    let no_checkout = || Fact::absent(source.clone());
    let text = |text: &str| Fact::known(text.to_owned(), source.clone());
    let list = |list: &[String]| Fact::known(list.to_vec(), source.clone());
    let python_min = requirements::python_min(&release.ansible_core_min);
    let ansible_core_min = text(&release.ansible_core_min);
    let ansible_core_below = release.ansible_core_below.as_deref().map_or_else(no_checkout, text);
    let facts = Kubespray {
        release: text(&release.release),
        checkout: no_checkout(),
        commit: no_checkout(),
        tag: no_checkout(),
        modified: Fact::absent(source.clone()),
        os_ids: list(&release.os_ids),
        os_releases: list(&release.os_releases),
        control_plane_memory_min_mb: Fact::known(release.control_plane_memory_min_mb, source.clone()),
        node_memory_min_mb: Fact::known(release.node_memory_min_mb, source.clone()),
        host_python_versions: requirements::host_python_versions(&ansible_core_min, &ansible_core_below),
        ansible_core_min,
        ansible_core_below,
        python_min: match python_min {
            Some(python) => text(python),
            None => Fact::unknown("which Python its ansible-core needs is not known here", source.clone()),
        },
        python_packages: Fact::known(
            requirements::packages(&release.python_packages.join("\n")),
            source.clone(),
        ),
        collections: match &release.collections {
            Some(collections) => {
                let one = |(name, versions): (&String, &String)| Collection {
                    name: name.clone(),
                    versions: versions.clone(),
                };
                Fact::known(collections.iter().map(one).collect(), source.clone())
            }
            None => Fact::absent(source.clone()),
        },
        kube_version: text(&release.kube_version),
        kube_version_min: text(&release.kube_version_min),
        kube_versions: list(&release.kube_versions),
        docker_version: text(&release.docker_version),
        containerd_version: match &release.containerd_version {
            Some(version) => text(version),
            None => Fact::unknown("it differs by distribution", source.clone()),
        },
        docker_keys: list(&release.docker_keys),
    };
    Demands {
        facts,
        names: None,
        choice_conditions: BTreeMap::new(),
        kube_versions_have_v: gone::minor(&release.release) < Some((2, 28)),
        possible_facts: ansible_facts::possible(None),
        choices: release.choices.iter().map(|(name, of)| (name.clone(), list(of))).collect(),
        booleans: list(&release.booleans),
        gone: gone::among(Vec::new(), &release.release, |_| false),
        groups: list(&release.groups),
        // The table has no tasks.
        assertions: Vec::new(),
        defaults: Defaults::Table {
            values: release.defaults.clone(),
            source: format!("{source}, {}", release.tag),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLE, demands, release};
    use crate::kubespray::gone::minor;

    #[test]
    fn every_release_is_whole_and_the_newest_is_last() {
        let mut before = None;
        for (name, text) in TABLE {
            let release = release(text);
            assert_eq!(release.release, name);
            assert!(minor(&release.release) > before, "{} is out of order", release.release);
            assert_eq!(minor(&release.tag), minor(&release.release));
            before = minor(&release.release);
            let demands = demands(&release.release).expect("it is in the table");
            let facts = serde_json::to_value(&demands.facts).expect("facts are JSON");
            for (field, fact) in facts.as_object().expect("an object") {
                let differs = field == "containerd_version" && release.containerd_version.is_none();
                assert!(differs || fact.get("unknown").is_none(), "{} {field}: {fact}", release.release);
            }
            assert!(release.kube_versions.contains(&release.kube_version), "{}", release.release);
            for (name, of) in &release.choices {
                let default = demands.default_of(name);
                let listed = default
                    .value()
                    .and_then(|value| value.as_str())
                    .is_none_or(|value| value.is_empty() || of.iter().any(|it| it == value));
                assert!(listed, "{}: {name} is {default:?}, one of {of:?}", release.release);
            }
        }
        assert_eq!(TABLE[0].0, "2.11");
    }

    #[test]
    fn a_release_is_named_in_several_ways() {
        let newest = TABLE[TABLE.len() - 1].0.to_owned();
        let of = |name: &str| demands(name).map(|demands| demands.facts.release.value().cloned());
        assert_eq!(of(""), Ok(Some(newest)));
        for name in ["2.12", "v2.12.10", " 2.12.0 "] {
            assert_eq!(of(name), Ok(Some("2.12".to_owned())));
        }
        for name in ["2.9", "master", "3.0"] {
            let error = of(name).expect_err("not in the table");
            assert!(error.contains(name) && error.contains("2.12"), "{error}");
        }
    }
}
