//! kubespray's own asserts, evaluated over the inventory's variables: what the release would stop at is found before it
//! starts. What an assert asks of a host's facts is taken from what was read of the host; what other checks judge is left to
//! them.

use std::collections::BTreeSet;

use super::findings::{Findings, quoted, some};
use super::unknown::Unknown;
use super::view::View;
use crate::kubespray::asserts::Assertion;
use crate::redact::is_secret_name;

/// How many variables a sentence names.
const NAMED: usize = 4;

/// Adds what the asserts stop at, apart from what other sentences say already.
pub(super) fn add(view: &View<'_>, others: &[String], findings: &mut Findings) {
    let Some(first) = view.hosts.first() else { return };
    let layers = view.inventory.layers();
    let written: BTreeSet<&str> =
        layers.flat_map(|layer| layer.variables.keys().map(String::as_str)).collect();
    let (mut direct, mut derived) = (Vec::new(), Vec::new());
    for assertion in view.demands.assertions.iter().filter(|it| !it.is_judged_elsewhere()) {
        let names: Vec<&str> =
            assertion.names.iter().map(String::as_str).filter(|name| written.contains(name)).collect();
        let same = |host: &str| {
            let of =
                |host: &str, name: &str| view.written(host, name).map(|(value, _)| std::ptr::from_ref(value));
            view.facts.get(host) == view.facts.get(*first)
                && names.iter().all(|name| of(host, name) == of(first, name))
        };
        // Hosts for which the inventory writes the same of it need not be asked one by one.
        let by_host = assertion.depends_on_the_host();
        let differing = view.hosts.iter().skip(1).filter(|host| by_host || !same(host));
        let mut broken: Vec<&str> = Vec::new();
        for &host in std::iter::once(first).chain(differing) {
            match view.decide(&|| holds(view, host, assertion), &|one, other| one == other) {
                Ok(true) => {}
                Ok(false) => broken.push(host),
                Err(unknown) if is_registered(assertion, &unknown.reason) => {}
                Err(unknown) => findings.cannot_tell(Unknown {
                    // A template that is undefined stops only what uses it.
                    from_inventory: unknown.from_inventory
                        || names.iter().any(|name| view.get(host, name).is_err_and(|it| it.from_inventory)),
                    reason: format!(
                        "`{}`, at which kubespray stops where it does not hold ({}): {}",
                        assertion.text, assertion.file, unknown.reason
                    ),
                    ..unknown
                }),
            }
        }
        let own: Vec<&str> = names.iter().copied().filter(|name| assertion.text.contains(name)).collect();
        let about: Vec<&str> = match own.is_empty() {
            true => assertion.variables_of_text().collect(),
            false => own.clone(),
        };
        let is_said = |sentence: &String| {
            !about.is_empty() && about.iter().all(|name| sentence.contains(&format!("`{name}`")))
        };
        let Some(host) = broken.first() else { continue };
        if !others.iter().any(is_said) && !findings.sentences().iter().any(is_said) {
            let sentence = sentence(view, host, assertion, &broken);
            if own.is_empty() { derived.push(sentence) } else { direct.push(sentence) }
        }
    }
    // What follows from a value that is named already is the same mistake.
    let said = if direct.is_empty() { derived } else { direct };
    said.into_iter().for_each(|sentence| findings.say(sentence));
}

/// Whether what could not be known is a value that the assert's own tasks set while they run.
fn is_registered(assertion: &Assertion, reason: &str) -> bool {
    let undefined =
        reason.strip_suffix("is not defined in the inventory").and_then(|rest| rest.strip_prefix('`'));
    let name = undefined.map(|rest| rest.split(['.', '`', '[']).next().unwrap_or_default());
    name.is_some_and(|name| assertion.names.contains(name))
}

/// Whether an assert holds for a host, or does not concern it.
fn holds(view: &View<'_>, host: &str, assertion: &Assertion) -> Result<bool, Unknown> {
    let mut undecided = None;
    for when in &assertion.when {
        match view.is_true(host, when) {
            Ok(true) => {}
            Ok(false) => return Ok(true),
            Err(unknown) => undecided = Some(unknown),
        }
    }
    match (view.is_true(host, &assertion.text), undecided) {
        (Ok(true), _) => Ok(true),
        (_, Some(unknown)) => Err(unknown),
        (held, None) => held,
    }
}

fn sentence(view: &View<'_>, host: &str, assertion: &Assertion, broken: &[&str]) -> String {
    let mut named: Vec<String> = Vec::new();
    for name in &assertion.names {
        let place = view.place(host, name);
        let is_asked = assertion.text.contains(name.as_str()) || place.is_some();
        let Some(Ok(Some(value))) = is_asked.then(|| view.get(host, name)) else { continue };
        // A mapping of checksums is no value to be shown.
        if value.is_object() || value.is_array() {
            continue;
        }
        let place = place.unwrap_or_else(|| "kubespray's default".to_owned());
        named.push(match is_secret_name(name) || view.is_encrypted(host, name) {
            true => format!("`{name}` is set ({place})"),
            false => format!("`{name}` is {} ({place})", quoted(&value)),
        });
    }
    named.truncate(NAMED);
    let named = if named.is_empty() { String::new() } else { format!("{}: ", named.join(", ")) };
    let whom = if broken.len() > 1 { format!(" for {}", some(broken)) } else { String::new() };
    format!("{named}kubespray stops{whom}, because `{}` does not hold ({})", assertion.text, assertion.file)
}
