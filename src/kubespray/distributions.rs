//! Distributions: Ansible's names, those of kubespray's README, and os-release's `ID`.

/// `ID` in os-release by Ansible's `distribution` (`lib/ansible/module_utils/facts/system/distribution.py`, and the
/// os-release files of the distributions).
const BY_DISTRIBUTION: [(&str, &[&str]); 18] = [
    ("RedHat", &["rhel"]),
    ("CentOS", &["centos"]),
    ("Fedora", &["fedora"]),
    ("Ubuntu", &["ubuntu"]),
    ("Debian", &["debian"]),
    ("Flatcar", &["flatcar"]),
    ("Flatcar Container Linux by Kinvolk", &["flatcar"]),
    ("Suse", &[]), // a family; no distribution is called so
    ("openSUSE Leap", &["opensuse-leap"]),
    ("openSUSE Tumbleweed", &["opensuse-tumbleweed"]),
    ("ClearLinux", &["clear-linux-os"]),
    ("OracleLinux", &["ol"]),
    ("AlmaLinux", &["almalinux"]),
    ("Rocky", &["rocky"]),
    ("Amazon", &["amzn"]),
    ("Kylin Linux Advanced Server", &["kylin"]),
    ("UnionTech", &["uos"]),
    ("UniontechOS", &["uos"]),
];

/// The same by Ansible's `os_family`, which releases before 2.17 compare.
const BY_FAMILY: [(&str, &[&str]); 14] = [
    ("RedHat", &["rhel", "centos", "fedora", "ol", "amzn", "almalinux", "rocky"]),
    ("Debian", &["debian", "ubuntu"]),
    ("Suse", &["opensuse-leap", "opensuse-tumbleweed", "opensuse", "sles"]),
    ("CoreOS", &["coreos"]),
    ("Coreos", &["coreos"]),
    ("Container Linux by CoreOS", &["coreos"]),
    ("Flatcar", &["flatcar"]),
    ("Flatcar Container Linux by Kinvolk", &["flatcar"]),
    ("ClearLinux", &["clear-linux-os"]),
    // No families; Ansible never says so.
    ("CentOS", &[]),
    ("Fedora", &[]),
    ("Ubuntu", &[]),
    ("OracleLinux", &[]),
    ("openEuler", &["openEuler"]),
];

/// The `ID`s of distributions that Ansible calls so; a name that is not known here is taken as an `ID` in small letters.
pub(super) fn ids<'n>(names: impl IntoIterator<Item = &'n str>, are_families: bool) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let known: &[(&str, &[&str])] = if are_families { &BY_FAMILY } else { &BY_DISTRIBUTION };
    for name in names {
        match known.iter().find(|(own, _)| *own == name) {
            Some((_, found)) => ids.extend(found.iter().map(|id| (*id).to_owned())),
            // os-release writes it so.
            None if name == "openEuler" => ids.push(name.to_owned()),
            None => ids.push(name.to_lowercase()),
        }
    }
    ids.sort();
    ids.dedup();
    ids
}

/// Families whose name in Ansible depends on its version.
const FAMILIES_BY_VERSION: [&str; 2] = ["flatcar", "openEuler"];

/// What `ansible_os_family` may be on a host that a release of kubespray knows.
pub(super) fn families() -> Vec<&'static str> {
    BY_FAMILY.iter().filter(|(_, ids)| !ids.is_empty()).map(|(name, _)| *name).collect()
}

/// `ansible_os_family` of a distribution with this `ID`; none where it is not known, or depends on Ansible's version.
pub(super) fn family(id: &str) -> Option<&'static str> {
    only_name(&BY_FAMILY, id).filter(|_| !FAMILIES_BY_VERSION.contains(&id))
}

/// `ansible_distribution` of a distribution with this `ID`; likewise.
pub(super) fn ansible_name(id: &str) -> Option<&'static str> {
    only_name(&BY_DISTRIBUTION, id)
}

/// The name of which an `ID` is one, where there is one name alone.
fn only_name(table: &[(&'static str, &[&str])], id: &str) -> Option<&'static str> {
    let mut names = table.iter().filter(|(_, ids)| ids.contains(&id)).map(|(name, _)| *name);
    names.next().filter(|_| names.next().is_none())
}

/// README's names, and their `ID`s.
const IN_README: [(&str, &[&str]); 17] = [
    ("Flatcar Container Linux", &["flatcar"]),
    ("Container Linux by CoreOS", &["coreos"]),
    ("Debian", &["debian"]),
    ("Ubuntu", &["ubuntu"]),
    ("CentOS/RHEL", &["centos", "rhel"]),
    ("CentOS Stream / RHEL", &["centos", "rhel"]),
    ("Fedora CoreOS", &[]), // has Fedora's ID
    ("Fedora/CentOS", &[]), // Atomic
    ("Fedora", &["fedora"]),
    ("openSUSE", &["opensuse-leap", "opensuse-tumbleweed"]),
    ("Oracle Linux", &["ol"]),
    ("Alma Linux", &["almalinux"]),
    ("Rocky Linux", &["rocky"]),
    ("Kylin Linux", &["kylin"]),
    ("Amazon Linux", &["amzn"]),
    ("UOS Linux", &["uos"]),
    ("openEuler", &["openEuler"]),
];

/// Debian's code names.
const DEBIAN: [(&str, &str); 7] = [
    ("Trixie", "13"),
    ("Bookworm", "12"),
    ("Bullseye", "11"),
    ("Buster", "10"),
    ("Stretch", "9"),
    ("Jessie", "8"),
    ("Wheezy", "7"),
];

/// The distributions in README's list, as `ubuntu 22.04`, or `flatcar` where it tells no version; `None` where README has
/// no such list.
pub(super) fn in_readme(readme: &str) -> Option<Vec<String>> {
    let (_, rest) = readme
        .split_once("\nSupported Linux Distributions\n")
        .or_else(|| readme.split_once("## Supported Linux Distributions\n"))?;
    // Headings are underlined in 2.11.
    let section = rest.strip_prefix("---").unwrap_or(rest).split("\n## ").next()?.split("\n---").next()?;
    let mut releases = Vec::new();
    for line in section.lines() {
        let item = line.trim().strip_prefix('-').map(str::trim_start);
        let Some((name, rest)) = item.and_then(|item| item.strip_prefix("**")?.split_once("**")) else {
            continue;
        };
        let Some((_, ids)) = IN_README.iter().find(|(own, _)| name.starts_with(own)) else { continue };
        let versions = versions(rest.split(" (experimental").next().unwrap_or_default());
        for id in *ids {
            match versions.is_empty() || id.starts_with("opensuse") {
                true => releases.push((*id).to_owned()),
                false => releases.extend(versions.iter().map(|version| format!("{id} {version}"))),
            }
        }
    }
    (!releases.is_empty()).then_some(releases)
}

/// `7, [8, 9](docs/centos.md#centos-8)`, `Bookworm, Bullseye`.
fn versions(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut in_address = false;
    for c in text.chars() {
        match c {
            '(' => in_address = true,
            ')' => in_address = false,
            '[' | ']' => plain.push(' '),
            c if !in_address => plain.push(c),
            _ => {}
        }
    }
    let words = plain.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
    let version = |word: &str| match DEBIAN.iter().find(|(name, _)| *name == word) {
        Some((_, version)) => Some((*version).to_owned()),
        None => word.starts_with(|c: char| c.is_ascii_digit()).then(|| word.to_owned()),
    };
    words.filter_map(version).collect()
}

#[cfg(test)]
mod tests {
    use super::{ids, in_readme};

    #[test]
    fn names_become_ids() {
        assert_eq!(ids(["Ubuntu", "RedHat", "openEuler", "Suse"], false), ["openEuler", "rhel", "ubuntu"]);
        assert_eq!(ids(["Debian", "Ubuntu", "ClearLinux"], true), ["clear-linux-os", "debian", "ubuntu"]);
        assert_eq!(ids(["Something New"], false), ["something new"]);
    }

    #[test]
    fn the_list_of_a_readme_is_read() {
        let readme = "# x\n## Supported Linux Distributions\n\n- **Flatcar Container Linux by Kinvolk**\n\
                      - **Debian** Bookworm, Bullseye\n- **Ubuntu** 20.04, 22.04\n- **CentOS/RHEL** 7, [8, 9](docs/c.md#8)\n\
                      - **Fedora CoreOS** (see [note](docs/fcos.md))\n- **openSUSE** Leap 15.x/Tumbleweed\n\
                      - **Rocky Linux** 9, 10 (experimental in 10: see [notes](a.md))\n- **Kylin Linux Advanced Server V10** (x)\n\n\
                      Note: 3\n\n## Other\n- **Fedora** 1\n";
        let read = in_readme(readme).expect("a list");
        let wanted = [
            "flatcar",
            "debian 12",
            "debian 11",
            "ubuntu 20.04",
            "ubuntu 22.04",
            "centos 7",
            "centos 8",
            "centos 9",
            "rhel 7",
            "rhel 8",
            "rhel 9",
            "opensuse-leap",
            "opensuse-tumbleweed",
            "rocky 9",
            "rocky 10",
            "kylin",
        ];
        assert_eq!(read, wanted);
        let old = "# x\n\nSupported Linux Distributions\n---------\n\n-   **Ubuntu** 16.04\n\nNote\n\nOther\n-----\n\n-   **Fedora** 1\n";
        assert_eq!(in_readme(old), Some(vec!["ubuntu 16.04".to_owned()]));
        assert_eq!(in_readme("# nothing"), None);
    }
}
