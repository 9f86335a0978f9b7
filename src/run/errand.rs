//! What each host is asked about besides itself: its peers, the registries, the user's own probes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::error::RunError;
use crate::checks::{Catalog, Profile};
use crate::cli::{Nvml, TargetArgs};
use crate::facts::host::OWN_PROBE;
use crate::facts::proxy::Proxy;
use crate::facts::registries::base_url;
use crate::facts::variables::Variables;
use crate::gather::{Errand, Helpers, OwnProbe, Supply};
use crate::inventory::Host;
use crate::role::Role;

/// Up to so many hosts every pair is tried.
const ALL_PAIRS: usize = 64;
/// Above, so many others besides the infra hosts are tried from each host.
const SPREAD: usize = 16;

/// The same for all hosts: registries, the user's own probes, and what airworthy brings along.
pub(super) struct Common {
    supply: Supply,
    registries: Vec<String>,
    mirrors: Vec<String>,
    own_probes: Vec<(Vec<Role>, OwnProbe)>,
}

impl Common {
    pub(super) fn new(profile: &Profile, catalog: &Catalog, target: &TargetArgs) -> Result<Common, RunError> {
        let own = catalog.checks().iter().filter_map(|check| {
            let probe = check.file.probe.as_ref()?;
            let own = OwnProbe {
                name: format!("{OWN_PROBE}{}", check.id),
                run: probe.run.clone(),
                deadline: check.probe_deadline(),
            };
            Some((check.file.roles.iter().copied().collect(), own))
        });
        Ok(Common {
            supply: supply(target)?,
            registries: urls(profile, "registries")?,
            mirrors: urls(profile, "registry_mirrors")?,
            own_probes: own.collect(),
        })
    }

    /// The errand for one of the hosts.
    pub(super) fn of(&self, host: &Host, peers: &Peers<'_>, told: &Told<'_>) -> Errand {
        let own =
            self.own_probes.iter().filter(|(roles, _)| roles.iter().any(|role| host.roles.contains(role)));
        Errand {
            peers: peers.of(host),
            registries: match self.registries.is_empty() {
                false => self.registries.clone(),
                true => told.registries(),
            },
            mirrors: self.mirrors.iter().cloned().chain(told.mirrors()).collect(),
            proxy: told.proxy.cloned(),
            python: host.connection.python_interpreter.clone(),
            own_probes: own.map(|(_, probe)| probe.clone()).collect(),
            supply: self.supply.clone(),
        }
    }

    /// The same, for a script that nobody answers.
    pub(super) fn alone(self) -> Common {
        Common { supply: Supply::default(), ..self }
    }
}

/// What an inventory for kubespray tells of a host's images.
#[derive(Clone, Copy, Default)]
pub(super) struct Told<'c> {
    pub(super) variables: Option<&'c Variables>,
    pub(super) proxy: Option<&'c Proxy>,
}

impl Told<'_> {
    /// As base URLs, where the profile names none; kubespray's usual ones for a host of which nothing is told.
    fn registries(&self) -> Vec<String> {
        let usual = || USUAL.map(str::to_owned).to_vec();
        let names = match self.variables {
            Some(variables) => variables.registries.value().cloned().unwrap_or_default(),
            None => usual(),
        };
        names.iter().filter_map(|name| base_url(name).ok()).collect()
    }

    fn mirrors(&self) -> Vec<String> {
        let names = self.variables.and_then(|variables| variables.registry_mirrors.value());
        names.into_iter().flatten().filter_map(|name| base_url(name).ok()).collect()
    }
}

/// Where kubespray's images come from, where nobody says otherwise.
const USUAL: [&str; 3] = ["registry.k8s.io", "quay.io", "docker.io"];

/// Whether hosts get the helper that reads NVML.
fn supply(target: &TargetArgs) -> Result<Supply, RunError> {
    if let Some(folder) = target.helper_dir.iter().find(|folder| !folder.is_dir()) {
        let reason = format!("{} is no folder; it is one that holds airworthy-nvml", folder.display());
        return Err(RunError::flag("--helper-dir", reason));
    }
    let helpers = || Arc::new(Helpers::new(target.helper_dir.clone()));
    Ok(match target.nvml {
        Nvml::Auto => Supply::Auto(helpers()),
        Nvml::Always => Supply::Always(helpers()),
        Nvml::Never => Supply::Never(Cow::Borrowed("--nvml never")),
    })
}

fn in_cluster(host: &Host) -> bool {
    host.roles.contains(&Role::Infra) || host.roles.contains(&Role::Worker)
}

/// An address that means another machine on each machine: nobody can be asked to reach it.
fn is_loopback(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The hosts that others are asked to reach.
pub(super) struct Peers<'h> {
    infra: Vec<&'h Host>,
    rest: Vec<&'h Host>,
    /// Where each of the rest stands.
    positions: HashMap<&'h str, usize>,
}

impl<'h> Peers<'h> {
    /// Those among `hosts`.
    pub(super) fn among(hosts: &'h [Host]) -> Self {
        let asked = hosts.iter().filter(|host| in_cluster(host) && !is_loopback(host.peer_address()));
        let (infra, rest): (Vec<&Host>, Vec<&Host>) =
            asked.partition(|host| host.roles.contains(&Role::Infra));
        let positions = rest.iter().enumerate().map(|(at, host)| (host.name.as_str(), at)).collect();
        Peers { infra, rest, positions }
    }

    /// Those that `host` is asked to reach: of a small cluster all others, of a large one the infra hosts and a few more.
    fn of(&self, host: &Host) -> Vec<(String, u16)> {
        if !in_cluster(host) {
            return Vec::new();
        }
        let address = |other: &&Host| (other.peer_address().to_owned(), other.connection.port.unwrap_or(22));
        let infra = self.infra.iter().copied().filter(|other| other.name != host.name);
        if self.infra.len() + self.rest.len() <= ALL_PAIRS {
            let rest = self.rest.iter().copied().filter(|other| other.name != host.name);
            return infra.chain(rest).map(|other| address(&other)).collect();
        }
        // Everyone begins at another place, right behind itself, so that together they cover all.
        let others = self.rest.len();
        let start = self.positions.get(host.name.as_str()).map_or(0, |at| at + 1);
        let step = (others / (SPREAD + 1)).max(1);
        let spread =
            (0..SPREAD.min(others.saturating_sub(1))).map(|i| self.rest[(start + i * step) % others]);
        infra.chain(spread).map(|other| address(&other)).collect()
    }
}

/// A parameter's registries as base URLs: `docker.io` is the hub, `host[:port]` speaks HTTPS.
fn urls(profile: &Profile, parameter: &'static str) -> Result<Vec<String>, RunError> {
    let Some(Value::Array(entries)) = profile.parameters.get(parameter) else { return Ok(Vec::new()) };
    let mut urls = Vec::new();
    for entry in entries {
        let text = entry.as_str().ok_or_else(|| RunError::flag(parameter, format!("{entry} is not text")))?;
        urls.push(base_url(text).map_err(|reason| RunError::flag(parameter, reason))?);
    }
    urls.dedup();
    Ok(urls)
}
