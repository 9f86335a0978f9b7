//! Sentences about what is wrong, and about what could not be judged.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::Value;

use super::unknown::Unknown;
use crate::facts::Fact;
use crate::redact;

/// How many sentences are kept: a mistake in a template has one for every host.
const KEPT: usize = 200;

/// How many reasons an unknown fact names.
const REASONS: usize = 20;

/// The longest value that is quoted, in characters.
const QUOTED: usize = 80;

/// Sentences about what is wrong, and about what could not be judged, each once.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<String>,
    unknown: Vec<String>,
    /// What could not be judged although every variable that the inventory sets has a value.
    unevaluated: Vec<String>,
    told: HashSet<String>,
}

impl Findings {
    /// Something is wrong.
    pub(super) fn say(&mut self, sentence: String) {
        if self.told.insert(sentence.clone()) {
            self.found.push(sentence);
        }
    }

    /// What is wrong so far.
    pub(super) fn sentences(&self) -> &[String] {
        &self.found
    }

    /// Something could not be judged.
    pub(super) fn cannot_tell(&mut self, unknown: impl Into<Unknown>) {
        let Unknown { reason, from_inventory, .. } = unknown.into();
        if self.told.insert(reason.clone()) {
            let list = if from_inventory { &mut self.unknown } else { &mut self.unevaluated };
            list.push(reason);
        }
    }

    /// Takes out what could not be judged for other reasons than the inventory's own variables: then it no longer keeps the
    /// rest from being known.
    pub(super) fn take_unevaluated(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unevaluated)
    }

    /// What is wrong stands whatever else could not be judged; nothing is right where something could not be.
    pub(super) fn into_fact(
        mut self,
        source: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Fact<Vec<String>> {
        self.unknown.append(&mut self.unevaluated);
        if self.found.is_empty() && !self.unknown.is_empty() {
            let more = self.unknown.len().saturating_sub(REASONS);
            self.unknown.truncate(REASONS);
            let more = if more > 0 { format!("; and {more} more reasons") } else { String::new() };
            return Fact::unknown(self.unknown.join("; ") + &more, source);
        }
        let omitted = self.found.len().saturating_sub(KEPT);
        self.found.truncate(KEPT);
        Fact::shortened(self.found, omitted, source)
    }
}

/// A value as it is quoted in a sentence: without secrets, for what is cut is not recognised any more.
pub(super) fn quoted(value: &Value) -> String {
    let text = text_of(&redact::value("", value));
    match text.char_indices().nth(QUOTED) {
        Some((at, _)) => format!("`{}…`", &text[..at]),
        None => format!("`{text}`"),
    }
}

/// A value as Ansible would write it into a text.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        other => other.to_string(),
    }
}

/// Names, the first few of them.
pub(super) fn some(names: &[&str]) -> String {
    const SOME: usize = 5;
    match names.len().checked_sub(SOME).filter(|&more| more > 1) {
        Some(more) => format!("{} and {more} more", names[..SOME].join(", ")),
        None => names.join(", "),
    }
}

/// An address as the operator wrote it, without what surrounds it.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_outweighs_what_is_unknown_and_neither_is_a_pass() {
        let fact = |found: &[&str], unknown: &[&str]| {
            let mut findings = Findings::default();
            found.iter().for_each(|it| findings.say((*it).to_owned()));
            unknown.iter().for_each(|it| findings.cannot_tell((*it).to_owned()));
            findings.into_fact("inventory")
        };
        assert_eq!(fact(&[], &[]), Fact::known(vec![], "inventory"));
        assert_eq!(fact(&["a", "a"], &["b"]), Fact::known(vec!["a".to_owned()], "inventory"));
        assert_eq!(fact(&[], &["b", "c"]), Fact::unknown("b; c", "inventory"));
    }

    #[test]
    fn of_a_thousand_findings_the_number_left_out_is_kept() {
        let mut findings = Findings::default();
        (0..1000).for_each(|number| findings.say(format!("finding {number}")));
        let fact = findings.into_fact("inventory");
        assert_eq!((fact.value().map(Vec::len), fact.omitted), (Some(KEPT), 1000 - KEPT));
        let json = serde_json::to_value(&fact).unwrap();
        assert_eq!(json["omitted"], 800);
        assert_eq!(serde_json::from_value::<Fact<Vec<String>>>(json).unwrap(), fact);
    }
}
