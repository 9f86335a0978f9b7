//! Sentences about what is wrong, and about what could not be judged.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::Value;

use crate::facts::Fact;

/// How many sentences a report carries: a mistake in a template has one for every host.
const SHOWN: usize = 40;

/// The longest value that is quoted, in characters.
const QUOTED: usize = 80;

/// Sentences about what is wrong, and about what could not be judged, each once.
#[derive(Default)]
pub(super) struct Findings {
    found: Vec<String>,
    unknown: Vec<String>,
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
    pub(super) fn cannot_tell(&mut self, reason: String) {
        if self.told.insert(reason.clone()) {
            self.unknown.push(reason);
        }
    }

    /// What is wrong stands whatever else could not be judged; nothing is right where something could not be.
    pub(super) fn into_fact(self, source: impl Into<std::borrow::Cow<'static, str>>) -> Fact<Vec<String>> {
        match self.found.is_empty() && !self.unknown.is_empty() {
            true => Fact::unknown(bounded(self.unknown).join("; "), source),
            false => Fact::known(bounded(self.found), source),
        }
    }
}

fn bounded(mut sentences: Vec<String>) -> Vec<String> {
    let more = sentences.len().saturating_sub(SHOWN);
    if more > 1 {
        sentences.truncate(SHOWN);
        sentences.push(format!("and {more} more"));
    }
    sentences
}

/// A value as it is quoted in a sentence.
pub(super) fn quoted(value: &Value) -> String {
    let text = text_of(value);
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
    fn a_thousand_findings_are_not_all_told() {
        let mut findings = Findings::default();
        (0..1000).for_each(|number| findings.say(format!("finding {number}")));
        let fact = findings.into_fact("inventory");
        let told = fact.value().unwrap();
        assert_eq!((told.len(), told[SHOWN].as_str()), (SHOWN + 1, "and 960 more"));
    }
}
