//! From a checkout to what it demands.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::asserts::Asserts;
use super::checkout::Checkout;
use super::demands::{CheckoutError, Defaults, Demands, Gone};
use super::{ansible_facts, distributions, docker_unit, git, gone, names, requirements, roles as role_vars};
use crate::facts::Fact;
use crate::facts::kubespray::Kubespray;
use crate::inventory::{RoleVars, read_yaml};

/// Plays that compare the version of Ansible, by release: since 2.22, since 2.14, before.
const ANSIBLE_PLAYS: [&str; 4] =
    ["playbooks/ansible_version.yml", "ansible_version.yml", "playbooks/cluster.yml", "cluster.yml"];

/// Mappings of checksums by architecture and version of Kubernetes.
const CHECKSUMS: [&str; 2] = ["kubelet_checksums", "kubeadm_checksums"];

/// Network plugins that have had asserts of their own in `tasks/check.yml`.
const PLUGINS: [&str; 8] =
    ["calico", "canal", "cilium", "flannel", "kube-ovn", "kube-router", "macvlan", "weave"];

/// Reads a checkout.
pub(super) fn read(folder: &Path) -> Result<Demands, CheckoutError> {
    let checkout = Checkout::open(folder)?;
    let roles = role_vars::defaults(&checkout)?;
    let git = git::look(folder);
    let galaxy = galaxy(&checkout)?;
    let told = release(git.tag.value(), galaxy.as_ref(), &roles);
    let label =
        told.as_ref().map_or_else(|| "kubespray".to_owned(), |(release, _)| format!("kubespray v{release}"));
    let reader = Reader {
        checkout: &checkout,
        roles: &roles,
        source: format!("{label} (checkout {}, ", folder.display()),
    };
    let asserts = reader.asserts()?;
    let (control_plane_memory_min_mb, node_memory_min_mb) =
        (reader.whole_number("minimal_master_memory_mb"), reader.whole_number("minimal_node_memory_mb"));
    let (ansible_core_min, ansible_core_below) = reader.ansible()?;
    let python_min = ansible_core_min.clone().try_map(|core| {
        let min = requirements::python_min(&core).map(str::to_owned);
        min.ok_or_else(|| format!("which Python ansible-core {core} needs is not known here"))
    });
    let host_python_versions = requirements::host_python_versions(&ansible_core_min, &ansible_core_below);
    let facts = Kubespray {
        release: match &told {
            Some((release, place)) => Fact::known(release.clone(), reader.place(place)),
            None => Fact::unknown(
                "neither a tag nor galaxy.yml nor kube_version tells",
                reader.place("galaxy.yml"),
            ),
        },
        checkout: Fact::known(folder.display().to_string(), "--kubespray"),
        commit: git.commit,
        tag: git.tag,
        modified: git.modified,
        os_ids: reader.os_ids(&asserts),
        os_releases: match checkout.text("README.md")?.as_deref().and_then(distributions::in_readme) {
            Some(releases) => Fact::known(releases, reader.place("README.md")),
            None => Fact::unknown("README.md has no list of distributions", reader.place("README.md")),
        },
        control_plane_memory_min_mb,
        node_memory_min_mb,
        ansible_core_min,
        ansible_core_below,
        python_min,
        host_python_versions,
        python_packages: match checkout.text("requirements.txt")? {
            Some(text) => Fact::known(requirements::packages(&text), reader.place("requirements.txt")),
            None => Fact::absent(reader.place("requirements.txt")),
        },
        collections: match galaxy.as_ref().and_then(requirements::collections) {
            Some(collections) => Fact::known(collections, reader.place("galaxy.yml")),
            None => Fact::absent(reader.place("galaxy.yml")),
        },
        kube_version: reader.version("kube_version"),
        kube_version_min: reader.version("kube_version_min_required"),
        kube_versions: reader.kube_versions(),
        docker_version: reader.version("docker_version"),
        containerd_version: reader.version("containerd_version"),
        docker_keys: reader.docker_keys()?,
    };
    let choices = || asserts.choices().into_iter().filter(|(name, _)| !name.starts_with("ansible_"));
    let choice_conditions = choices().map(|(name, choice)| (name, choice.when)).collect();
    let choices =
        choices().map(|(name, choice)| (name, Fact::known(choice.values, reader.place(&choice.file))));
    let choices = choices.collect();
    let listed = |found: Option<(Vec<String>, String)>, what: &str| match found {
        Some((names, file)) => Fact::known(names, reader.place(&file)),
        // A release may insist on none; but where it lists no choices either, its asserts are somewhere else.
        None if !asserts.choices().is_empty() => Fact::absent(reader.place("roles")),
        None => Fact::unknown(format!("no assert of the checkout is about {what}"), reader.place("roles")),
    };
    let own = asserts.removed().into_iter().map(|(name, file)| Gone {
        name,
        since: String::new(),
        instead: None,
        refused: true,
        source: reader.place(&file),
    });
    let release = told.as_ref().map_or("", |(release, _)| release.as_str());
    let names = names::read(&checkout, &roles)?;
    // A checkout may be older or newer than its number: what its own roles name or its sample inventory sets is not gone, unless
    // they name it only to refuse it.
    let plugins = reader.plugin_asserts()?;
    let refused: BTreeSet<String> =
        plugins.iter().flat_map(|(_, asserts)| asserts.removed()).map(|(name, _)| name).collect();
    let is_in_use = |name: &str| names.in_use.contains(name) && !refused.contains(name);
    let gone = gone::among(own.collect(), release, is_in_use);
    let of_plugins = plugins.iter().flat_map(|(plugin, asserts)| asserts.assertions(Some(plugin)));
    let assertions = asserts.assertions(None).into_iter().chain(of_plugins).collect();
    Ok(Demands {
        facts,
        names: Some(names),
        choices,
        choice_conditions,
        booleans: listed(asserts.booleans(), "booleans"),
        gone,
        groups: listed(asserts.groups(), "groups"),
        assertions,
        kube_versions_have_v: reader.kube_versions_have_v(),
        possible_facts: ansible_facts::possible(
            reader.checksum_keys("amd64").is_some().then(|| reader.architectures()),
        ),
        defaults: Defaults::Roles { source: reader.source.clone(), roles: Box::new(roles.clone()) },
    })
}

/// `galaxy.yml`, which checkouts have since 2.22.
fn galaxy(checkout: &Checkout) -> Result<Option<Value>, CheckoutError> {
    let Some(text) = checkout.text("galaxy.yml")? else { return Ok(None) };
    let read = read_yaml(Path::new("galaxy.yml"), &text).map_err(|complaint| CheckoutError {
        path: checkout.folder.join("galaxy.yml"),
        reason: format!("line {}: {}; {}", complaint.line, complaint.message, complaint.help),
    })?;
    Ok(Some(read))
}

/// The release, and where it is told: the tag, else galaxy.yml, else the Kubernetes it deploys, which moved with
/// kubespray's second number from 2.11 (1.15) on.
fn release(tag: Option<&String>, galaxy: Option<&Value>, roles: &RoleVars) -> Option<(String, String)> {
    if let Some(tag) = tag {
        return Some((tag.trim_start_matches('v').to_owned(), ".git".to_owned()));
    }
    if let Some(version) = galaxy.and_then(|galaxy| galaxy.get("version")?.as_str()) {
        return Some((version.to_owned(), "galaxy.yml".to_owned()));
    }
    let Ok(Some(Value::String(version))) = roles.value_of("kube_version") else { return None };
    let minor: u32 = version.trim_start_matches('v').split('.').nth(1)?.parse().ok()?;
    Some((format!("2.{}", minor.checked_sub(4)?), roles.place_of("kube_version").unwrap_or_default()))
}

/// What several facts are read with.
struct Reader<'c> {
    checkout: &'c Checkout,
    roles: &'c RoleVars,
    /// What sources begin with.
    source: String,
}

impl Reader<'_> {
    /// The source of what stands in a file of the checkout.
    fn place(&self, file: &str) -> String {
        format!("{}{file})", self.source)
    }

    /// A variable's default, as the fact that `take` makes of it.
    fn default<T>(&self, name: &str, take: impl FnOnce(&Value) -> Option<T>) -> Fact<T> {
        let source = self.place(&self.roles.place_of(name).unwrap_or_else(|| "roles".to_owned()));
        match self.roles.value_of(name) {
            Ok(Some(value)) => match take(&value) {
                Some(taken) => Fact::known(taken, source),
                None => Fact::unknown(format!("`{name}` is of another kind than expected"), source),
            },
            Ok(None) => Fact::unknown(format!("no role of the checkout sets `{name}`"), source),
            Err(unresolved) => Fact::unknown(unresolved.to_string(), source),
        }
    }

    fn whole_number(&self, name: &str) -> Fact<i64> {
        self.default(name, Value::as_i64)
    }

    /// A version without its `v`.
    fn version(&self, name: &str) -> Fact<String> {
        self.default(name, |value| match value {
            Value::String(text) => Some(text.trim_start_matches('v').to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// Versions of Kubernetes as the keys of its checksums for an architecture write them, and the variable with the checksums.
    fn checksum_keys(&self, architecture: &str) -> Option<(&'static str, Vec<&str>)> {
        CHECKSUMS.into_iter().find_map(|name| Some((name, self.roles.keys_of(&[name, architecture])?)))
    }

    /// Whether those keys begin with a `v`; where there are none, by the release's number.
    fn kube_versions_have_v(&self) -> bool {
        match self.checksum_keys("amd64") {
            Some((_, versions)) => versions.iter().any(|version| version.starts_with('v')),
            None => true,
        }
    }

    /// The architectures for which it has checksums of Kubernetes, as kubespray names them: `amd64`.
    fn architectures(&self) -> Vec<&str> {
        CHECKSUMS.into_iter().find_map(|name| self.roles.keys_of(&[name])).unwrap_or_default()
    }

    /// Every Kubernetes there are checksums of, newest first.
    fn kube_versions(&self) -> Fact<Vec<String>> {
        match self.checksum_keys("amd64") {
            Some((name, versions)) => {
                let mut plain: Vec<String> =
                    versions.iter().map(|version| version.trim_start_matches('v').to_owned()).collect();
                plain.sort_by_cached_key(|version| {
                    std::cmp::Reverse(
                        version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>(),
                    )
                });
                Fact::known(plain, self.place(&self.roles.place_of(name).unwrap_or_default()))
            }
            None => Fact::unknown(
                "no role of the checkout has checksums of kubelet or kubeadm",
                self.place("roles"),
            ),
        }
    }

    /// The tasks that verify settings, of any release.
    fn asserts(&self) -> Result<Asserts, CheckoutError> {
        let mut asserts = Asserts::default();
        let tasks = self.checkout.files("roles/kubernetes/preinstall/tasks")?;
        let tasks = tasks.into_iter().filter(|path| path.contains("verify-settings"));
        for path in tasks.chain(self.checkout.files("roles/validate_inventory/tasks")?) {
            self.add(&path, &mut asserts)?;
        }
        Ok(asserts)
    }

    /// The tasks of each network plugin that verify settings.
    fn plugin_asserts(&self) -> Result<Vec<(&'static str, Asserts)>, CheckoutError> {
        let read = |plugin: &'static str| {
            let mut asserts = Asserts::default();
            self.add(&format!("roles/network_plugin/{plugin}/tasks/check.yml"), &mut asserts)?;
            Ok((plugin, asserts))
        };
        PLUGINS.into_iter().map(read).collect()
    }

    fn add(&self, path: &str, asserts: &mut Asserts) -> Result<(), CheckoutError> {
        let Some(text) = self.checkout.text(path)? else { return Ok(()) };
        asserts
            .add(path, &text)
            .map_err(|reason| CheckoutError { path: self.checkout.folder.join(path), reason })
    }

    /// The lowest Ansible, and the lowest that is too new.
    fn ansible(&self) -> Result<(Fact<String>, Fact<String>), CheckoutError> {
        for play in ANSIBLE_PLAYS {
            let mut asserts = Asserts::default();
            self.add(play, &mut asserts)?;
            let Some((min, below, file)) = asserts.ansible(self.roles) else { continue };
            let source = self.place(&file);
            let below = match below {
                Some(below) => Fact::known(below, source.clone()),
                None => Fact::absent(source.clone()),
            };
            return Ok((Fact::known(min, source), below));
        }
        let (reason, source) =
            ("no play of the checkout compares the version of Ansible", self.place("playbooks"));
        Ok((Fact::unknown(reason, source.clone()), Fact::unknown(reason, source)))
    }

    fn os_ids(&self, asserts: &Asserts) -> Fact<Vec<String>> {
        const NAME: &str = "supported_os_distributions";
        if let Ok(Some(Value::Array(names))) = self.roles.value_of(NAME) {
            let place = self.place(&self.roles.place_of(NAME).unwrap_or_default());
            return Fact::known(distributions::ids(names.iter().filter_map(Value::as_str), false), place);
        }
        match asserts.distributions() {
            Some((names, families, file)) => {
                Fact::known(distributions::ids(names.iter().map(String::as_str), families), self.place(&file))
            }
            None => Fact::unknown("neither a default nor an assert lists distributions", self.place("roles")),
        }
    }

    fn docker_keys(&self) -> Result<Fact<Vec<String>>, CheckoutError> {
        const FOLDER: &str = "roles/container-engine/docker/templates";
        let mut templates = Vec::new();
        for name in docker_unit::TEMPLATES {
            if let Some(text) = self.checkout.text(&format!("{FOLDER}/{name}"))? {
                templates.push((name, text));
            }
        }
        if templates.is_empty() {
            return Ok(Fact::unknown("its Docker unit is not where it is known to be", self.place(FOLDER)));
        }
        Ok(Fact::known(docker_unit::keys(&templates, self.roles), self.place(FOLDER)))
    }
}
