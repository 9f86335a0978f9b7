//! The running kernel's modules, and the kernel that the next boot will run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::{Answer, Transcript};

/// The running kernel's modules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kernel {
    /// Whether the kernel can load modules at all; one without has everything built in.
    pub loads_modules: Fact<bool>,
    /// `/lib/modules/RELEASE` of the running kernel; absent where it is not there.
    pub modules_directory: Fact<String>,
    /// Modules that a node may need: `loaded`, `builtin`, `loadable` or `missing`.
    pub modules: Fact<BTreeMap<String, String>>,
    /// The newest installed kernel of the running one's kind, where that is newer; absent where none is.
    pub newer_installed: Fact<String>,
}

/// What is looked for: kubespray's own list with its proxies and network plugins.
const MODULES: [&str; 11] = [
    "br_netfilter",
    "dummy",
    "ip_vs",
    "ip_vs_rr",
    "ip_vs_sh",
    "ip_vs_wrr",
    "ipip",
    "nf_conntrack",
    "nf_conntrack_ipv4",
    "overlay",
    "vxlan",
];

/// What a module's being there shows by, where the kernel has it built in.
const SIGNS: [(&str, &str); 4] = [
    ("br_netfilter", "/proc/sys/net/bridge"),
    ("ip_vs", "/proc/sys/net/ipv4/vs"),
    ("nf_conntrack", "/proc/sys/net/netfilter"),
    ("overlay", "/sys/module/overlay"),
];

/// What the subject reads: `/sys/module` has what is loaded, `modules.dep` and `modules.builtin` the rest, by one `grep`.
pub const PROBES: &[Probe] = &[Probe::shell(
    "kernel-modules",
    "/proc/modules, /sys/module and /lib/modules",
    r#"read -r release </proc/sys/kernel/osrelease || return 2
echo "release $release"
if [ -e /proc/modules ]; then echo modular; fi
for f in br_netfilter dummy ip_vs ip_vs_rr ip_vs_sh ip_vs_wrr ipip nf_conntrack nf_conntrack_ipv4 overlay vxlan; do
    if [ -d "/sys/module/$f" ]; then echo "loaded $f"; fi
done
for f in /proc/sys/net/bridge /proc/sys/net/ipv4/vs /proc/sys/net/netfilter; do
    if [ -d "$f" ]; then echo "sign $f"; fi
done
for f in /boot/vmlinuz-*; do
    if [ -e "$f" ]; then echo "installed ${f#/boot/vmlinuz-}"; fi
done
[ -d "/lib/modules/$release" ] || return 0
echo "directory /lib/modules/$release"
set -- "/lib/modules/$release/modules.dep" "/lib/modules/$release/modules.builtin"
[ -r "$1" ] && [ -r "$2" ] || { echo "$1 or $2 cannot be read" >&2; return 2; }
grep -HoE '^[^: ]*/(br_netfilter|dummy|ip_vs|ip_vs_rr|ip_vs_sh|ip_vs_wrr|ipip|nf_conntrack|nf_conntrack_ipv4|overlay|vxlan)\.ko' \
    "$@" || [ $? = 1 ] || return 2"#,
)
.light()];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Kernel {
    let answer = transcript.answer("kernel-modules");
    let told =
        answer.clone().try_map(|answer| match answer.out.lines().any(|line| line.starts_with("release ")) {
            true => Ok(answer),
            false => Err(format!("the kernel does not tell its release (status {})", answer.status)),
        });
    let loads_modules = told.clone().map(|answer| answer.out.lines().any(|line| line == "modular"));
    let directory = words_of(&told, "directory ").map(|found| found.into_iter().next());
    let modules_directory = Fact {
        reading: match directory.reading {
            Reading::Known(Some(path)) => Reading::Known(path),
            Reading::Known(None) | Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason),
        },
        source: "/lib/modules".into(),
        omitted: 0,
    };
    let newer = told.clone().map(|answer| {
        let running = words(&answer.out, "release ").next().unwrap_or_default();
        words(&answer.out, "installed ")
            .filter(|other| kind(other) == kind(running) && numbers(other) > numbers(running))
            .max_by_key(|other| numbers(other))
            .map(str::to_owned)
    });
    let newer_installed = Fact {
        reading: match newer.reading {
            Reading::Known(Some(release)) => Reading::Known(release),
            Reading::Known(None) | Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason),
        },
        source: "/boot".into(),
        omitted: 0,
    };
    Kernel {
        loads_modules,
        modules_directory,
        modules: told.try_map(|answer| modules(&answer)),
        newer_installed,
    }
}

fn words<'t>(text: &'t str, key: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines().filter_map(move |line| line.strip_prefix(key)).map(str::trim)
}

fn words_of(answer: &Fact<Answer<'_>>, key: &str) -> Fact<Vec<String>> {
    answer.clone().map(|answer| words(&answer.out, key).map(str::to_owned).collect())
}

fn modules(answer: &Answer<'_>) -> Result<BTreeMap<String, String>, String> {
    if answer.status != 0 {
        return Err(format!(
            "reading /lib/modules ended with status {}{}",
            answer.status,
            answer.complaint()
        ));
    }
    let (mut modular, mut signs, mut loaded) = (false, Vec::new(), Vec::new());
    let (mut builtin, mut loadable) = (Vec::new(), Vec::new());
    for line in answer.out.lines() {
        match line.split_once([' ', ':']) {
            None => modular |= line == "modular",
            Some(("sign", sign)) => signs.push(sign.trim()),
            Some(("loaded", module)) => loaded.push(module.trim()),
            Some((index, path)) if index.ends_with("/modules.builtin") => builtin.extend(module_at(path)),
            Some((index, path)) if index.ends_with("/modules.dep") => loadable.extend(module_at(path)),
            Some(_) => {}
        }
    }
    let shows = |module: &str| {
        loaded.contains(&module) || SIGNS.iter().any(|(other, sign)| *other == module && signs.contains(sign))
    };
    let state = |module: &str| match module {
        _ if builtin.contains(&module) => Some("builtin"),
        _ if modular && shows(module) => Some("loaded"),
        _ if shows(module) => Some("builtin"),
        _ if loadable.contains(&module) => Some("loadable"),
        _ if modular || SIGNS.iter().any(|(other, _)| *other == module) => Some("missing"),
        // The schedulers of a kernel without IPVS are not there either; of the others nothing tells.
        _ if module.starts_with("ip_vs_") && !shows("ip_vs") => Some("missing"),
        _ => None,
    };
    Ok(MODULES.iter().filter_map(|module| Some(((*module).to_owned(), state(module)?.to_owned()))).collect())
}

/// The module at a path of an index: `vxlan` for `kernel/drivers/net/vxlan.ko`.
fn module_at(path: &str) -> Option<&str> {
    path.trim().rsplit_once('/')?.1.strip_suffix(".ko")
}

/// The numbers of a kernel's release, by which one is newer than another: `5.4.0-150-generic` is 5, 4, 0, 150.
fn numbers(release: &str) -> Vec<u64> {
    release.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// The words of a kernel's release: `generic`, `cloud-amd64`, `el7.x86_64`. Only kernels of one kind follow each other.
fn kind(release: &str) -> Vec<&str> {
    release.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;
    use crate::facts::transcript::Ended;

    fn read(out: &str) -> Kernel {
        parse(&Recorded::default().answer("kernel-modules", out).transcript())
    }

    #[test]
    fn a_kernel_with_modules() {
        let found = read(
            "release 4.15.0-112-generic\nmodular\nloaded overlay\nloaded nf_conntrack\nsign /proc/sys/net/netfilter\n\
             directory /lib/modules/4.15.0-112-generic\n/lib/modules/4.15.0-112-generic/modules.dep:kernel/net/bridge/br_netfilter.ko\n\
             /lib/modules/4.15.0-112-generic/modules.dep:kernel/net/netfilter/ipvs/ip_vs.ko\n/lib/modules/4.15.0-112-generic/modules.builtin:kernel/net/ipv4/ipip.ko\n",
        );
        assert_eq!(found.loads_modules.value(), Some(&true));
        assert_eq!(
            found.modules_directory.value().map(String::as_str),
            Some("/lib/modules/4.15.0-112-generic")
        );
        let modules = found.modules.value().expect("they are known");
        for (module, state) in [
            ("overlay", "loaded"),
            ("nf_conntrack", "loaded"),
            ("br_netfilter", "loadable"),
            ("ip_vs", "loadable"),
            ("ip_vs_rr", "missing"),
            ("ipip", "builtin"),
            ("vxlan", "missing"),
        ] {
            assert_eq!(modules.get(module).map(String::as_str), Some(state), "{module}");
        }
    }

    #[test]
    fn a_kernel_upgraded_under_the_running_one() {
        let found = read(
            "release 4.15.0-112-generic\nmodular\ninstalled 4.15.0-9-generic\ninstalled 4.15.0-213-generic\n\
                          installed 5.4.0-150-azure\n",
        );
        assert_eq!(found.modules_directory.reading, Reading::Absent);
        assert_eq!(found.newer_installed.value().map(String::as_str), Some("4.15.0-213-generic"));
        let rhel = read(
            "release 3.10.0-1160.el7.x86_64\nmodular\ninstalled 3.10.0-1160.el7.x86_64\n\
                         installed 0-rescue-1234567890abcdef\n",
        );
        assert_eq!(rhel.newer_installed.reading, Reading::Absent);
    }

    #[test]
    fn a_kernel_without_modules() {
        let found = read(
            "release 6.18.44\nloaded overlay\nsign /proc/sys/net/bridge\nsign /proc/sys/net/netfilter\n",
        );
        assert_eq!(found.loads_modules.value(), Some(&false));
        let modules = found.modules.value().expect("they are known");
        assert_eq!(modules.get("overlay").map(String::as_str), Some("builtin"));
        assert_eq!(modules.get("br_netfilter").map(String::as_str), Some("builtin"));
        assert_eq!(modules.get("ip_vs_rr").map(String::as_str), Some("missing"));
        assert_eq!(modules.get("vxlan"), None, "nothing tells");
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let out = "release 5.4.0\nmodular\ndirectory /lib/modules/5.4.0\n";
        let broken =
            Recorded::default().ended("kernel-modules", Ended::Exited(2), out, "modules.dep is not there\n");
        let found = parse(&broken.transcript());
        assert_eq!(found.modules_directory.value().map(String::as_str), Some("/lib/modules/5.4.0"));
        assert!(matches!(found.modules.reading, Reading::Unknown(_)));
        let nothing = read("");
        assert!(matches!(nothing.loads_modules.reading, Reading::Unknown(_)));
        assert!(matches!(nothing.modules_directory.reading, Reading::Unknown(_)));
        assert!(matches!(nothing.newer_installed.reading, Reading::Unknown(_)));
    }
}
