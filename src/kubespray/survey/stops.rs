//! kubespray's own asserts, evaluated over the inventory's variables: what the release would stop at is found before it
//! starts. What an assert asks of a host's facts, or of what a task has registered, is for other checks.

use std::collections::BTreeSet;

use super::findings::{Findings, quoted, some};
use super::view::View;
use crate::inventory::is_secret;
use crate::kubespray::asserts::Assertion;

/// How many variables a sentence tells.
const TOLD: usize = 4;

/// Adds what the asserts stop at, apart from what other sentences tell already.
pub(super) fn add(view: &View<'_>, others: &[String], findings: &mut Findings) {
    let Some(first) = view.hosts.first() else { return };
    let layers = view.inventory.layers();
    let written: BTreeSet<&str> =
        layers.flat_map(|layer| layer.variables.keys().map(String::as_str)).collect();
    let (mut direct, mut derived) = (Vec::new(), Vec::new());
    for assertion in &view.demands.assertions {
        let names: Vec<&str> =
            assertion.names.iter().map(String::as_str).filter(|name| written.contains(name)).collect();
        let same = |host: &str| {
            let of =
                |host: &str, name: &str| view.written(host, name).map(|(value, _)| std::ptr::from_ref(value));
            names.iter().all(|name| of(host, name) == of(first, name))
        };
        // Hosts for which the inventory writes the same of it need not be asked one by one.
        let by_group = assertion.names.contains("group_names");
        let differing = view.hosts.iter().skip(1).filter(|host| by_group || !same(host));
        let mut broken: Vec<&str> = Vec::new();
        for &host in std::iter::once(first).chain(differing) {
            match holds(view, host, assertion) {
                Ok(true) => {}
                Ok(false) => broken.push(host),
                // The release's own values are not the user's affair, and facts are those of hosts.
                Err(reason)
                    if names.is_empty()
                        || assertion.asks_facts()
                        || assertion.asks_networks()
                        || is_registered(assertion, &reason) => {}
                Err(reason) => findings.cannot_tell(format!(
                    "whether `{}` holds, at which kubespray stops otherwise ({}): {reason}",
                    assertion.text, assertion.file
                )),
            }
        }
        let own: Vec<&str> = names.iter().copied().filter(|name| assertion.text.contains(name)).collect();
        let own = if own.is_empty() { names.clone() } else { own };
        let is_told = |sentence: &String| {
            !own.is_empty() && own.iter().all(|name| sentence.contains(&format!("`{name}`")))
        };
        let Some(host) = broken.first() else { continue };
        if !others.iter().any(is_told) && !findings.sentences().iter().any(is_told) {
            let sentence = sentence(view, host, assertion, &broken);
            if own.is_empty() { derived.push(sentence) } else { direct.push(sentence) }
        }
    }
    // What follows from a value that is told of already is the same mistake.
    let told = if direct.is_empty() { derived } else { direct };
    told.into_iter().for_each(|sentence| findings.say(sentence));
}

/// Whether what could not be known is a value that the assert's own tasks set while they run.
fn is_registered(assertion: &Assertion, reason: &str) -> bool {
    let undefined =
        reason.strip_suffix("is not defined in the inventory").and_then(|rest| rest.strip_prefix('`'));
    let name = undefined.map(|rest| rest.split(['.', '`', '[']).next().unwrap_or_default());
    name.is_some_and(|name| assertion.names.contains(name))
}

/// Whether an assert holds for a host, or does not concern it.
fn holds(view: &View<'_>, host: &str, assertion: &Assertion) -> Result<bool, String> {
    let mut undecided = None;
    for when in &assertion.when {
        match view.is_true(host, when) {
            Ok(true) => {}
            Ok(false) => return Ok(true),
            Err(reason) => undecided = Some(reason),
        }
    }
    match (view.is_true(host, &assertion.text), undecided) {
        (Ok(true), _) => Ok(true),
        (_, Some(reason)) => Err(reason),
        (held, None) => held,
    }
}

fn sentence(view: &View<'_>, host: &str, assertion: &Assertion, broken: &[&str]) -> String {
    let mut told: Vec<String> = Vec::new();
    for name in &assertion.names {
        let place = view.place(host, name);
        let is_asked = assertion.text.contains(name.as_str()) || place.is_some();
        let Some(Ok(Some(value))) = is_asked.then(|| view.get(host, name)) else { continue };
        // A mapping of checksums is no value to be shown.
        if value.is_object() || value.is_array() {
            continue;
        }
        let place = place.unwrap_or_else(|| "kubespray's default".to_owned());
        told.push(match is_secret(name) {
            true => format!("`{name}` is set ({place})"),
            false => format!("`{name}` is {} ({place})", quoted(&value)),
        });
    }
    told.truncate(TOLD);
    let told = if told.is_empty() { String::new() } else { format!("{}: ", told.join(", ")) };
    let whom = if broken.len() > 1 { format!(" for {}", some(broken)) } else { String::new() };
    format!("{told}kubespray stops{whom}, for `{}` does not hold ({})", assertion.text, assertion.file)
}
