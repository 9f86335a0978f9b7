//! What the control node has to have: Python, its packages, and Ansible's collections.

use serde_json::Value;

use crate::facts::kubespray::{Collection, PythonPackage};
use crate::facts::{Fact, Reading};
use crate::inventory::CoreRules;

/// What is imported, where it has another name than its distribution in small letters with `_`.
const MODULES: [(&str, &str); 4] = [
    ("pyyaml", "yaml"),
    ("ruamel.yaml", "ruamel.yaml"),
    ("python-dateutil", "dateutil"),
    ("msgpack-python", "msgpack"),
];

/// What some releases' requirements.txt names and their playbooks do without: pbr and ruamel.yaml serve scripts of the
/// repository, hvac Vault, which 2.10 removed; MarkupSafe and ruamel.yaml.clib come with what needs them.
const IDLE: [&str; 5] = ["hvac", "markupsafe", "pbr", "ruamel.yaml", "ruamel.yaml.clib"];

/// What Ansible itself is called.
const ANSIBLE: [&str; 3] = ["ansible", "ansible-base", "ansible-core"];

/// The packages of a requirements.txt, without Ansible and without what the playbooks do not use.
pub(super) fn packages(text: &str) -> Vec<PythonPackage> {
    let mut packages = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        // Environment markers stand behind a semicolon, options of pip begin with a dash.
        let line = line.split(';').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('-') {
            continue;
        }
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(line.len());
        let (name, versions) = line.split_at(end);
        let plain = name.to_lowercase().replace('_', "-");
        if name.is_empty() || ANSIBLE.contains(&plain.as_str()) || IDLE.contains(&plain.as_str()) {
            continue;
        }
        let versions = match versions.split_once(']') {
            Some((extras, versions)) if extras.trim_start().starts_with('[') => versions,
            _ => versions,
        };
        packages.push(PythonPackage {
            module: module(&plain),
            name: name.to_owned(),
            versions: versions.split_whitespace().collect(),
        });
    }
    packages
}

fn module(package: &str) -> String {
    match MODULES.iter().find(|(name, _)| *name == package) {
        Some((_, module)) => (*module).to_owned(),
        None => package.replace('-', "_"),
    }
}

/// The collections that a galaxy.yml depends on.
pub(super) fn collections(galaxy: &Value) -> Option<Vec<Collection>> {
    let dependencies = galaxy.get("dependencies")?.as_object()?;
    let mut collections: Vec<Collection> = dependencies
        .iter()
        .map(|(name, versions)| Collection {
            name: name.clone(),
            versions: match versions.as_str() {
                Some("*") | None => String::new(),
                Some(versions) => versions.to_owned(),
            },
        })
        .collect();
    collections.sort_by(|a, b| a.name.cmp(&b.name));
    Some(collections)
}

/// The lowest Python on the control node by ansible-core's release (docs.ansible.com, "ansible-core support matrix").
const PYTHON: [(&str, &str); 11] = [
    ("2.20", "3.12"),
    ("2.19", "3.11"),
    ("2.18", "3.11"),
    ("2.17", "3.10"),
    ("2.16", "3.10"),
    ("2.15", "3.9"),
    ("2.14", "3.9"),
    ("2.13", "3.8"),
    ("2.12", "3.8"),
    ("2.11", "3.5"),
    ("2.5", "3.5"),
];

/// The Pythons of hosts by ansible-core's release (same page: "target Python"), newest first. Upper ends are left away: they
/// tell what was tested, not what stops.
const HOST_PYTHON: [(&str, &[&str]); 6] = [
    ("2.20", &[">=3.9"]),
    ("2.18", &[">=3.8"]),
    ("2.17", &[">=3.7"]),
    ("2.16", &[">=2.7,<3", ">=3.6"]),
    ("2.13", &[">=2.7,<3", ">=3.5"]),
    ("2.4", &[">=2.6,<3", ">=3.5"]),
];

/// What hosts need for the newest ansible-core of a range: the one that a release's requirements.txt installs.
pub(super) fn host_python_versions(min: &Fact<String>, below: &Fact<String>) -> Fact<Vec<String>> {
    let newest = match (&below.reading, min.value().and_then(|min| release(min))) {
        // Below 2.17.0 the newest is of 2.16.
        (Reading::Known(below), _) => release(below).map(|(major, minor)| {
            let patch = below.split('.').nth(2).is_some_and(|patch| patch.parse() != Ok(0));
            (major, if patch { minor } else { minor.saturating_sub(1) })
        }),
        (_, lowest) => lowest,
    };
    let source = if below.value().is_some() { &below.source } else { &min.source };
    let of = |newest| {
        let known = |(core, _): &&(&str, &[&str])| release(core).is_some_and(|core| core <= newest);
        HOST_PYTHON.iter().find(known).map(|(_, versions)| versions.iter().map(ToString::to_string).collect())
    };
    match newest.and_then(of) {
        Some(versions) => Fact::known(versions, source.clone()),
        None => Fact::unknown("which ansible-core it runs with is not known", source.clone()),
    }
}

/// By whose rules the ansible-cores of a range read inventories; `None` where they differ, or the range is not known.
pub(super) fn core_rules(min: &Fact<String>, below: &Fact<String>) -> Option<CoreRules> {
    // Below 2.19.0 there is no 2.19.
    let older = below.value().and_then(|below| {
        let zero = below.split('.').skip(2).all(|patch| patch == "0");
        let (major, minor) = release(below)?;
        Some((major, minor) < (2, 19) || ((major, minor) == (2, 19) && zero))
    });
    match older {
        Some(true) => Some(CoreRules::UpTo2_18),
        _ => min.value().and_then(|min| CoreRules::of_release(min)).filter(|it| *it == CoreRules::Since2_19),
    }
}

/// Major and minor number of a release.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// The lowest Python of an ansible-core; `None` where that is not known, as of releases to come.
pub(super) fn python_min(ansible: &str) -> Option<&'static str> {
    let wanted = release(ansible)?;
    let newest = release(PYTHON[0].0)?;
    if wanted > newest {
        return None;
    }
    PYTHON
        .iter()
        .find(|(core, _)| release(core).is_some_and(|core| core <= wanted))
        .map(|(_, python)| *python)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{collections, core_rules, host_python_versions, packages, python_min};
    use crate::facts::Fact;
    use crate::inventory::CoreRules;

    #[test]
    fn packages_are_told_with_their_modules() {
        let read = packages(
            "ansible==9.13.0\n# why\nbcrypt<6\njmespath == 1.0.1 # x\nruamel.yaml==0.17\nPyYAML>=5,<7; python_version > '3'\n\
             -r more.txt\nurllib3[socks]>=1\nsome-thing\n",
        );
        let read: Vec<(&str, &str, &str)> =
            read.iter().map(|it| (it.name.as_str(), it.versions.as_str(), it.module.as_str())).collect();
        let wanted = [
            ("bcrypt", "<6", "bcrypt"),
            ("jmespath", "==1.0.1", "jmespath"),
            ("PyYAML", ">=5,<7", "yaml"),
            ("urllib3", ">=1", "urllib3"),
            ("some-thing", "", "some_thing"),
        ];
        assert_eq!(read, wanted);
    }

    #[test]
    fn collections_are_told_with_their_versions() {
        let galaxy = json!({"dependencies": {"b.c": "*", "ansible.utils": ">=2.5.0"}});
        let read = collections(&galaxy).expect("dependencies");
        let read: Vec<(&str, &str)> =
            read.iter().map(|it| (it.name.as_str(), it.versions.as_str())).collect();
        assert_eq!(read, [("ansible.utils", ">=2.5.0"), ("b.c", "")]);
        assert_eq!(collections(&json!({"name": "kubespray"})), None);
    }

    #[test]
    fn hosts_need_what_the_newest_ansible_of_the_range_wants() {
        let of = |min: &str, below: Option<&str>| {
            let below = below.map_or_else(|| Fact::absent("x"), |below| Fact::known(below.to_owned(), "x"));
            host_python_versions(&Fact::known(min.to_owned(), "x"), &below).value().cloned()
        };
        let told = |versions: &[&str]| Some(versions.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(of("2.15.5", Some("2.17.0")), told(&[">=2.7,<3", ">=3.6"]));
        assert_eq!(of("2.17.3", Some("2.18.0")), told(&[">=3.7"]));
        assert_eq!(of("2.18.0", Some("2.19.0")), told(&[">=3.8"]));
        assert_eq!(of("2.18.0", Some("2.20.4")), told(&[">=3.9"]));
        assert_eq!(of("2.7.8", None), told(&[">=2.6,<3", ">=3.5"]));
        assert_eq!(of("x", None), None);
    }

    #[test]
    fn a_range_on_one_side_of_2_19_decides_on_the_rules() {
        let of = |min: &str, below: Option<&str>| {
            let below = below.map_or_else(|| Fact::absent("x"), |below| Fact::known(below.to_owned(), "x"));
            core_rules(&Fact::known(min.to_owned(), "x"), &below)
        };
        for (min, below) in [("2.18.0", "2.19.0"), ("2.16.4", "2.17.0"), ("2.9.0", "2.19")] {
            assert_eq!(of(min, Some(below)), Some(CoreRules::UpTo2_18), "{below}");
        }
        assert_eq!(of("2.19.0", Some("2.21.0")), Some(CoreRules::Since2_19));
        assert_eq!(of("2.19.1", None), Some(CoreRules::Since2_19));
        for (min, below) in
            [("2.18.0", Some("2.20.0")), ("2.18.0", Some("2.19.3")), ("2.7.8", None), ("x", None)]
        {
            assert_eq!(of(min, below), None, "{below:?}");
        }
    }

    #[test]
    fn the_lowest_python_is_that_of_the_release() {
        let of = |core| python_min(core);
        assert_eq!(
            [of("2.18.0"), of("2.16.4"), of("2.7.8"), of("2.10")],
            [Some("3.11"), Some("3.10"), Some("3.5"), Some("3.5")]
        );
        assert_eq!([of("2.21.0"), of("x")], [None, None]);
    }
}
