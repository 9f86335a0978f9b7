//! A case before the judge: one check, and all that its conclusion depends on.

use std::sync::Arc;

use cel::Context;
use serde_json::Value;

use super::catalog::Check;
use super::condition::Truth;
use super::docket::Entry;
use super::outlook::Fields;
use super::sight::Sight;
use super::verdict::{Severity, Verdict};
use crate::facts::Untyped;

/// One check, and what it sees of a host or of the fleet. Beside this its conclusion depends only on what is the same for all
/// cases of a judge: the parameters and the deployment.
pub(super) struct Case<'c> {
    pub(super) check: &'c Check,
    /// Its place on the docket.
    pub(super) entry: &'c Entry,
    pub(super) sight: Sight<'c>,
    /// The verdicts so far, in the order of the docket.
    pub(super) verdicts: &'c [Verdict],
}

impl<'c> Case<'c> {
    /// How much the check weighs here: by the first case of its severity whose condition holds. Where one is unknown, the
    /// strictest of its own and those that could still match counts.
    pub(super) fn severity(&self, context: &Context<'_, '_>) -> Severity {
        let cases = self.entry.severities.len() - 1;
        for (at, condition) in self.check.severity_conditions.iter().take(cases).enumerate() {
            match condition.evaluate(context) {
                Truth::True => return self.entry.severities[at],
                Truth::False => {}
                Truth::Unknown(_) => return self.entry.strictest_from(at),
            }
        }
        self.entry.strictest_from(cases)
    }

    /// The verdicts of the checks that this one stands after.
    pub(super) fn earlier(&self) -> impl ExactSizeIterator<Item = &'c Verdict> {
        self.entry.earlier(self.verdicts)
    }

    /// The host's subjects of which it looks at facts, each with what of it is looked at. What is no subject of a host is the
    /// same for all hosts.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (&Arc<Untyped>, &'c Fields)> {
        let named = self.check.outlook.subjects();
        named.filter_map(|(subject, fields)| Some((self.sight.facts.get(subject)?, fields)))
    }

    /// What of the inventory's part it looks at.
    pub(super) fn inventory(&self) -> impl Iterator<Item = Option<&'c Value>> {
        let host = self.sight.subject;
        let (whole, named) = match self.check.outlook.fields_of("host") {
            None => (None, None),
            Some(Fields::All) => (Some(host), None),
            Some(Fields::Named(names)) => (None, Some(names)),
        };
        whole.into_iter().chain(named.into_iter().flatten().map(move |name| host?.get(name)))
    }
}
