//! A case before the judge: one check, and all that its conclusion depends on.

use std::sync::Arc;

use serde_json::Value;

use super::catalog::Check;
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
    /// How much the check weighs here.
    pub(super) fn severity(&self) -> Severity {
        self.entry.severity
    }

    /// The verdicts of the checks that this one stands after.
    pub(super) fn earlier(&self) -> impl ExactSizeIterator<Item = &'c Verdict> {
        self.entry.earlier(self.verdicts)
    }

    /// The subjects of which it looks at facts, each with what of it is looked at. One that the host does not have is the same
    /// for all hosts.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (&Arc<Untyped>, &'c Fields)> {
        let named = self.check.outlook.subjects();
        named.filter_map(|(subject, fields)| Some((self.sight.facts.get(subject)?, fields)))
    }

    /// What of the inventory's part it looks at.
    pub(super) fn inventory(&self) -> Vec<Option<&'c Value>> {
        let host = self.sight.subject;
        match self.check.outlook.fields_of("host") {
            None => Vec::new(),
            Some(Fields::All) => vec![host],
            Some(Fields::Named(names)) => names.iter().map(|name| host?.get(name)).collect(),
        }
    }
}
