//! A report without secrets, whatever put them into it: done once, before any format is laid out, for what is wrapped or cut
//! there is not recognised any more.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::Report;
use crate::checks::{Conclusion, Found, Verdict};
use crate::redact;

impl Report {
    /// Takes every secret out of it. Names of hosts and of checks are none.
    pub fn redact(&mut self) {
        self.scope.limit.iter_mut().for_each(hide);
        self.inventory.sources.iter_mut().for_each(hide);
        for (name, value) in &mut self.parameters {
            *value = redact::value(name, value);
        }
        for host in &mut self.hosts {
            hide(&mut host.address);
            host.unreachable.iter_mut().for_each(|unreachable| hide(&mut unreachable.reason));
        }
        for fix in &mut self.fixes {
            let texts = [&mut fix.path, &mut fix.diff, &mut fix.backup, &mut fix.reason];
            texts.into_iter().flatten().chain(&mut fix.notes).for_each(hide);
        }
        // What many hosts share stays shared.
        let mut known: HashMap<usize, (Arc<Conclusion>, Option<Arc<Conclusion>>)> = HashMap::new();
        for verdict in &mut self.results {
            let conclusion = verdict.conclusion();
            let (_, hidden) = known
                .entry(Arc::as_ptr(conclusion).addr())
                .or_insert_with(|| (Arc::clone(conclusion), without_secrets(conclusion).map(Arc::new)));
            if let Some(hidden) = hidden {
                *verdict = Verdict::new(verdict.host.clone(), Arc::clone(hidden));
            }
        }
    }
}

fn hide(text: &mut String) {
    if let Cow::Owned(hidden) = redact::shown(text) {
        *text = hidden;
    }
}

/// The conclusion without secrets; none where it has none.
fn without_secrets(conclusion: &Conclusion) -> Option<Conclusion> {
    let text = |text: &Arc<str>| match redact::shown(text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(hidden) => Some(Arc::<str>::from(hidden)),
    };
    let message = text(&conclusion.message);
    let reason = conclusion.reason.as_ref().and_then(text);
    let remediation = text(&conclusion.remediation);
    let found: Vec<Option<Found>> = conclusion.found.iter().map(found).collect();
    let is_found = found.iter().any(Option::is_some);
    if message.is_none() && reason.is_none() && remediation.is_none() && !is_found {
        return None;
    }
    let mut hidden = conclusion.clone();
    hidden.message = message.unwrap_or(hidden.message);
    hidden.reason = reason.or(hidden.reason);
    hidden.remediation = remediation.unwrap_or(hidden.remediation);
    if is_found {
        let both = found.into_iter().zip(conclusion.found.iter());
        hidden.found = both.map(|(hidden, before)| hidden.unwrap_or_else(|| before.clone())).collect();
    }
    Some(hidden)
}

fn found(found: &Found) -> Option<Found> {
    let value = match found.source.contains(redact::ENCRYPTED) && found.unknown.is_none() {
        true => Some(redact::STARS.into()),
        false => value(&found.value),
    };
    let unknown = found.unknown.as_deref().map(redact::shown);
    let source = redact::shown(&found.source);
    let changes =
        value.is_some() || matches!(unknown, Some(Cow::Owned(_))) || matches!(source, Cow::Owned(_));
    changes.then(|| Found {
        fact: Arc::clone(&found.fact),
        value: value.map_or_else(|| Arc::clone(&found.value), Arc::new),
        unknown: unknown.map(|it| it.into_owned().into_boxed_str()),
        source: source.into_owned(),
        omitted: found.omitted,
    })
}

/// A fact's value whose texts are hidden where they are secret; none where none is. What is secret by its name was hidden when
/// the fact was read.
fn value(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => match redact::shown(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(hidden) => Some(hidden.into()),
        },
        Value::Array(items) => {
            let hidden: Vec<Option<Value>> = items.iter().map(self::value).collect();
            hidden.iter().any(Option::is_some).then(|| {
                hidden
                    .into_iter()
                    .zip(items)
                    .map(|(hidden, before)| hidden.unwrap_or_else(|| before.clone()))
                    .collect()
            })
        }
        Value::Object(fields) => {
            let hidden: Vec<(&String, Value)> =
                fields.iter().filter_map(|(key, field)| Some((key, self::value(field)?))).collect();
            (!hidden.is_empty()).then(|| {
                let mut fields = fields.clone();
                fields.extend(hidden.into_iter().map(|(key, value)| (key.clone(), value)));
                Value::Object(fields)
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use crate::redact;
    use crate::report::sample;

    #[test]
    fn no_text_of_a_report_keeps_a_secret_and_what_is_shared_stays_shared() {
        redact::remember("zqReportSecret1");
        let mut report = sample::findings();
        let shared = report.results.iter().position(|it| it.host.is_some()).expect("a host's");
        report.results.push(report.results[shared].clone());
        for verdict in &mut report.results {
            let mut changed = verdict.clone();
            changed.message = "x zqReportSecret1".into();
            changed.reason = Some("http://joe:zq@proxy".into());
            let mut found = changed.found.to_vec();
            for it in &mut found {
                it.value = Arc::new(json!({"a": ["zqReportSecret1", 1], "b": null}));
            }
            changed.found = found.into();
            *verdict = changed;
        }
        report.hosts[0].address = "zqReportSecret1".to_owned();
        report.parameters.insert("registry_password".to_owned(), json!("zq"));
        let one = report.results[shared].clone();
        *report.results.last_mut().expect("one") = one;
        report.redact();
        let text = crate::report::json::render(&report);
        assert!(!text.contains("zq") && text.contains(redact::STARS), "{text}");
        let last = report.results.last().expect("one");
        assert!(Arc::ptr_eq(last.conclusion(), report.results[shared].conclusion()));
    }
}
