//! Verdicts that are one thing to a person: the same check with the same outcome on many hosts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::paper::Tone;
use super::survey::Survey;
use crate::checks::{Found, Severity, Status, Verdict};
use crate::report::document::HostRow;
use crate::report::escape;

/// One check with one outcome, on one host or many.
pub(super) struct Block<'a> {
    /// One of its verdicts; check, title, severity and status are those of all.
    pub(super) verdict: &'a Verdict,
    /// On how many hosts; 0 where it is about the fleet alone.
    pub(super) hosts: usize,
    /// What was found, each distinct thing once; the most frequent first.
    pub(super) variants: Vec<Variant<'a>>,
    /// The checks that are unknown because of it.
    pub(super) followers: BTreeSet<&'a str>,
    /// On how many of its hosts `--fix` can mend it.
    pub(super) fixable: usize,
}

/// Hosts about which the same was found.
pub(super) struct Variant<'a> {
    /// The hosts, in inventory order; none where it is about the fleet.
    pub(super) hosts: Vec<&'a str>,
    /// What was found.
    pub(super) evidence: Evidence,
}

/// What is shown of a verdict besides its name: two verdicts with the same evidence are one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Evidence {
    pub(super) message: String,
    pub(super) reason: String,
    /// Fact, value, source.
    pub(super) found: Vec<(String, String, String)>,
    pub(super) expected: String,
    pub(super) remediation: String,
}

impl Evidence {
    /// A verdict's own words.
    fn exact(verdict: &Verdict) -> Evidence {
        // Where the message has said one list of findings, lists without findings are no evidence.
        let is_said = |value: &Value| is_said(value, &verdict.message);
        let says = verdict.found.iter().any(|found| is_said(&found.value));
        let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
        let shown = |found: &&Found| !(is_said(&found.value) || says && is_empty(&found.value));
        let found = verdict.found.iter().filter(shown).map(|found| {
            let value = match (&found.unknown, found.value.is_null()) {
                (Some(_), _) => "not known".to_owned(),
                (None, true) => "absent".to_owned(),
                (None, false) => escape::value(&found.value),
            };
            (found.fact.to_string(), value, found.source.clone())
        });
        let reason = match (&verdict.reason, &verdict.cause) {
            (Some(reason), _) if !reason.is_empty() => reason.to_string(),
            (_, Some(cause)) => format!("it stands after {cause}, which did not pass"),
            _ => String::new(),
        };
        Evidence {
            message: verdict.message.to_string(),
            reason,
            found: found.collect(),
            expected: verdict.expected.to_string(),
            remediation: verdict.remediation.to_string(),
        }
    }

    /// The same words with the host's own name and address made general: then `cannot connect to
    /// 10.0.0.17` and `cannot connect to 10.0.0.18` are one fault, told once.
    fn general(self, row: Option<&HostRow>) -> Evidence {
        let Some(row) = row else { return self };
        let general = |text: String| general(text, row);
        Evidence {
            message: general(self.message),
            reason: general(self.reason),
            found: self.found.into_iter().map(|(f, v, s)| (f, general(v), general(s))).collect(),
            expected: self.expected,
            remediation: general(self.remediation),
        }
    }
}

/// Whether a value is nothing but sentences, and the message has said each of them.
fn is_said(value: &Value, message: &str) -> bool {
    let said = |item: &Value| item.as_str().is_some_and(|text| text.contains(' ') && message.contains(text));
    value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(said))
}

/// Puts `<address>` and `<host>` where a text names this host.
pub(super) fn general(text: String, row: &HostRow) -> String {
    let text = replace_word(text, &row.address, "<address>");
    replace_word(text, &row.name, "<host>")
}

fn replace_word(text: String, word: &str, by: &str) -> String {
    // Single letters and digits are names too (`-n 1`), but too often something else.
    if word.len() < 2 || !text.contains(word) {
        return text;
    }
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut replaced = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        let before = text[..at].chars().next_back();
        let mut after = text[end..].chars();
        let joined = match after.next() {
            Some('.') => after.next().is_some_and(part),
            other => other.is_some_and(part),
        };
        if at < from || joined || before.is_some_and(|c| part(c) || c == '.') {
            continue;
        }
        replaced.push_str(&text[from..at]);
        replaced.push_str(by);
        from = end;
    }
    replaced.push_str(&text[from..]);
    replaced
}

/// How soon a verdict is told: what stops the deployment first, what passed last.
pub(super) fn rank(verdict: &Verdict) -> u8 {
    match (verdict.status, verdict.severity) {
        (Status::Fail, Severity::Error) => 0,
        (Status::Unknown, Severity::Error) => 1,
        (Status::Fail, Severity::Warning) => 2,
        (Status::Unknown, Severity::Warning) => 3,
        (Status::Fail, Severity::Info) => 4,
        (Status::Unknown, Severity::Info) => 5,
        (Status::Waived, _) => 6,
        (Status::NotApplicable, _) => 7,
        (Status::Pass, _) => 8,
    }
}

/// The word for an outcome, and its tone.
pub(super) fn word(verdict: &Verdict) -> (&'static str, Tone) {
    match (verdict.status, verdict.severity) {
        (Status::Pass, _) => ("PASS", Tone::Good),
        (Status::Fail, Severity::Error) => ("FAIL", Tone::Bad),
        (Status::Fail, Severity::Warning | Severity::Info) => ("WARN", Tone::Caution),
        (Status::Unknown, _) => ("UNKNOWN", Tone::Doubt),
        (Status::NotApplicable, _) => ("N/A", Tone::Faint),
        (Status::Waived, _) => ("WAIVED", Tone::Strong),
    }
}

/// Blocks out of verdicts: by rank, then the widest fault first, then by check.
pub(super) fn blocks<'a>(
    survey: &Survey<'a>,
    verdicts: impl IntoIterator<Item = &'a Verdict>,
) -> Vec<Block<'a>> {
    let mut groups: BTreeMap<(u8, &str), Vec<&'a Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        groups.entry((rank(verdict), &verdict.check)).or_default().push(verdict);
    }
    let mut blocks: Vec<(u8, Block<'a>)> = groups
        .into_iter()
        .filter_map(|((rank, _), members)| Some((rank, block(survey, &members)?)))
        .collect();
    blocks.sort_by(|(a, x), (b, y)| a.cmp(b).then(y.hosts.cmp(&x.hosts)));
    blocks.into_iter().map(|(_, block)| block).collect()
}

fn block<'a>(survey: &Survey<'a>, members: &[&'a Verdict]) -> Option<Block<'a>> {
    let mut known: HashMap<Evidence, usize> = HashMap::new();
    let mut variants: Vec<(Variant<'a>, &'a Verdict)> = Vec::new();
    for verdict in members {
        let host = verdict.host.as_deref();
        let evidence = Evidence::exact(verdict).general(host.and_then(|name| survey.row(name)));
        let at = *known.entry(evidence).or_insert_with_key(|evidence| {
            let variant = Variant { hosts: Vec::new(), evidence: evidence.clone() };
            variants.push((variant, verdict));
            variants.len() - 1
        });
        if let Some((variant, _)) = variants.get_mut(at) {
            variant.hosts.extend(host);
        }
    }
    // One remedy for all stays one, with `<host>` in it, even where what was found differs.
    let one_remedy = variants.len() > 1
        && variants.windows(2).all(|w| w[0].0.evidence.remediation == w[1].0.evidence.remediation);
    let mut variants: Vec<Variant<'a>> = variants
        .into_iter()
        .map(|(mut variant, verdict)| {
            // One host alone is called by its name.
            if variant.hosts.len() == 1 {
                let shared = std::mem::take(&mut variant.evidence.remediation);
                variant.evidence = Evidence::exact(verdict);
                if one_remedy {
                    variant.evidence.remediation = shared;
                }
            }
            variant
        })
        .collect();
    variants.sort_by_key(|variant| std::cmp::Reverse(variant.hosts.len()));
    let fixable = members.iter().filter(|v| v.fixable && v.status == Status::Fail).count();
    Some(Block {
        fixable,
        verdict: members.first()?,
        hosts: members.iter().filter(|verdict| verdict.host.is_some()).count(),
        variants,
        followers: members.iter().flat_map(|verdict| survey.followers(verdict)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sentences_that_the_message_has_said_are_not_said_again() {
        let message = "`helm` is never read; `ipip` is gone";
        assert!(is_said(&json!(["`helm` is never read", "`ipip` is gone"]), message));
        for other in [
            json!(["`helm` is never read", "and more"]),
            json!(["`helm`"]),
            json!([]),
            json!("`ipip` is gone"),
        ] {
            assert!(!is_said(&other, message), "{other}");
        }
    }

    #[test]
    fn only_whole_names_are_made_general() {
        let general = |text: &str| replace_word(text.to_owned(), "10.0.0.1", "<address>");
        assert_eq!(general("to 10.0.0.1:22, not 10.0.0.17"), "to <address>:22, not 10.0.0.17");
        assert_eq!(
            general("110.0.0.1 and 10.0.0.1.5 and 10.0.0.1."),
            "110.0.0.1 and 10.0.0.1.5 and <address>."
        );
        assert_eq!(replace_word("gpu1 gpu10 my-gpu1 gpu1".to_owned(), "gpu1", "_"), "_ gpu10 my-gpu1 _");
        assert_eq!(replace_word("1 of 1".to_owned(), "1", "_"), "1 of 1");
        assert_eq!(replace_word("any".to_owned(), "", "_"), "any");
    }
}
