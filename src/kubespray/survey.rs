//! How an inventory fares by what kubespray demands: pure, but for the permissions of the files with secrets.

mod addresses;
mod contradictions;
mod findings;
mod groups;
mod host;
mod images;
mod names;
mod network_plugins;
mod networks;
mod node;
mod ports;
mod rule;
mod stops;
mod unknown;
mod values;
mod view;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::facts::Fact;
use crate::facts::inventory::Inventory as Found;
use crate::facts::proxy::Proxy;
use crate::facts::variables::Variables;
use crate::inventory::{GatheredFacts, Inventory, Kind};

use super::demands::Demands;
use findings::Findings;
use host::Members;
use images::Images;
use view::View;

/// For fewer hosts no view is made.
const PIECE: usize = 64;

/// What an inventory is found to be.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Apart from any one host.
    pub inventory: Found,
    /// What it sets of what kubespray reads, by host.
    pub variables: HashMap<String, Variables>,
    /// By which proxy hosts get their images, of those that have one.
    pub proxies: HashMap<String, Proxy>,
}

/// Holds an inventory for kubespray against what a release demands. One of OpenPAI's has no variables of kubespray's yet.
pub fn survey(inventory: &Inventory, demands: &Demands) -> Survey {
    if inventory.kind == Kind::OpenPai {
        return Survey::default();
    }
    // The visits wait for it. A view stays on its thread, so each has one.
    let facts = GatheredFacts::default();
    let (survey, found) =
        rayon::join(|| survey_hosts(inventory, demands), || survey_inventory(inventory, demands, &facts));
    Survey { inventory: found, ..survey }
}

/// The same of the inventory as a whole, with what was read of its hosts' facts: asserts of kubespray may ask for them.
pub fn survey_inventory(inventory: &Inventory, demands: &Demands, facts: &GatheredFacts) -> Found {
    match inventory.kind {
        Kind::OpenPai => Found::default(),
        Kind::Kubespray => found(&View::new(inventory, demands, &view::defaults(demands), facts)),
    }
}

/// The same of its hosts alone: what is found of the inventory as a whole is not gathered.
pub fn survey_hosts(inventory: &Inventory, demands: &Demands) -> Survey {
    if inventory.kind == Kind::OpenPai {
        return Survey::default();
    }
    let (defaults, facts) = (view::defaults(demands), GatheredFacts::default());
    let hosts = View::new(inventory, demands, &defaults, &facts).hosts;
    let piece = hosts.len().div_ceil(rayon::current_num_threads()).max(PIECE);
    let pieces = hosts.par_chunks(piece).map(|hosts| {
        let defaults = view::defaults(demands);
        let view = View::new(inventory, demands, &defaults, &facts);
        let members = Members::of(&view);
        let variables = |host: &&str| ((*host).to_owned(), host::variables(&view, &members, host));
        let proxy = |host: &&str| Some(((*host).to_owned(), Images::new(&view, host).proxy()?));
        let variables: Vec<_> = hosts.iter().map(variables).collect();
        (variables, hosts.iter().filter_map(proxy).collect::<Vec<_>>())
    });
    let (variables, proxies): (Vec<_>, Vec<_>) = pieces.collect::<Vec<_>>().into_iter().unzip();
    Survey {
        variables: variables.into_iter().flatten().collect(),
        proxies: proxies.into_iter().flatten().collect(),
        inventory: Found::default(),
    }
}

fn found(view: &View<'_>) -> Found {
    let networks = networks::survey(view);
    let names = names::survey(view);
    let mut text_booleans = values::text_booleans(view);
    let mut unsupported_choices = values::unsupported_choices(view);
    let mut unsupported_versions = values::unsupported_versions(view);
    let told = [&networks.invalid, &networks.tight, &networks.overlapping, &names.removed];
    let told = told.iter().filter_map(|fact| fact.value()).flatten();
    let values = [&text_booleans, &unsupported_choices, &unsupported_versions];
    let told = told.chain(values.into_iter().flat_map(Findings::sentences));
    let told: Vec<String> = told.cloned().collect();
    let mut contradictions = contradictions::survey(view, &told);
    let unevaluated =
        [&mut text_booleans, &mut unsupported_choices, &mut unsupported_versions, &mut contradictions];
    let unevaluated = unevaluated.into_iter().flat_map(Findings::take_unevaluated);
    let mut not_evaluated = Findings::default();
    unevaluated.for_each(|reason| not_evaluated.cannot_tell(reason));
    Found {
        missing_groups: groups::missing(view),
        misplaced_hosts: groups::misplaced(view),
        etcd_hosts: groups::etcd(view),
        invalid_names: groups::invalid_names(view),
        invalid_addresses: addresses::invalid(view),
        pod_networks: networks.pods,
        service_networks: networks.services,
        invalid_networks: networks.invalid,
        overlapping_networks: networks.overlapping,
        service_addresses_taken: networks.service_addresses_taken,
        tight_networks: networks.tight,
        removed_variables: names.removed,
        leftover_variables: names.leftover,
        misspelt_variables: names.misspelt,
        unread_variables: names.unread,
        text_booleans: text_booleans.into_fact("inventory"),
        unsupported_choices: unsupported_choices.into_fact("inventory and kubespray's defaults"),
        contradictions: contradictions.into_fact("inventory and kubespray's defaults"),
        unsupported_versions: unsupported_versions.into_fact("inventory and kubespray's checksums"),
        unevaluated_asserts: not_evaluated.into_fact("kubespray's asserts"),
        release_findings: Fact::known(Vec::new(), "inventory"),
        exposed_secrets: exposed(view),
    }
}

fn exposed(view: &View<'_>) -> Fact<Vec<String>> {
    let mut findings = Findings::default();
    for secret in view.inventory.exposed_secrets() {
        let (name, place) = (&secret.name, &secret.place);
        findings.say(format!("`{name}` ({place}) is in clear, and the file's mode is {:04o}", secret.mode));
    }
    findings.into_fact("the inventory's files")
}
