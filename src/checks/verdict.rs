//! What a check concluded about a host or the fleet: complete before it is shown.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conclusion::Conclusion;

/// What a check concluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The requirement holds.
    Pass,
    /// The requirement does not hold.
    Fail,
    /// It could not be told; never a pass.
    Unknown,
    /// The check does not concern this host.
    NotApplicable,
    /// A finding that the team accepted for a while, with a reason.
    Waived,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never a finding.
    Info,
    /// A finding; NO-GO only with `--fail-on warning`.
    Warning,
    /// A finding; NO-GO.
    Error,
}

/// A value that was looked at, and where it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// The fact's path: `docker.default_runtime`; of a fleet check also `gpu1: network.address`.
    pub fact: Arc<str>,
    /// Its value; null where it is absent or unknown.
    pub value: Arc<serde_json::Value>,
    /// Why it is unknown; left out where it is known or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Box<str>>,
    /// The file or command.
    pub source: String,
    /// Of a list: how many of its items are left out of the value.
    #[serde(default, skip_serializing_if = "is_none_omitted")]
    pub omitted: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_none_omitted(omitted: &usize) -> bool {
    *omitted == 0
}

/// One check's conclusion about one host, or about the fleet. Verdicts of many hosts share one conclusion, which they
/// [deref](Deref) to; to change one's part takes a copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "One check's conclusion about one host, or about the fleet.")]
pub struct Verdict {
    /// The host; null for the fleet.
    pub host: Option<Arc<str>>,
    /// The same for this host as for others.
    #[serde(flatten)]
    conclusion: Arc<Conclusion>,
}

impl Verdict {
    /// A conclusion about a host, or about the fleet.
    pub fn new(host: Option<Arc<str>>, conclusion: Arc<Conclusion>) -> Self {
        Verdict { host, conclusion }
    }

    /// What was concluded, of this host as of others.
    pub fn conclusion(&self) -> &Arc<Conclusion> {
        &self.conclusion
    }

    /// A failed or unknown verdict of severity error or warning: something people act on.
    pub fn is_finding(&self) -> bool {
        matches!(self.status, Status::Fail | Status::Unknown) && self.severity >= Severity::Warning
    }
}

impl Deref for Verdict {
    type Target = Conclusion;

    fn deref(&self) -> &Conclusion {
        &self.conclusion
    }
}

impl DerefMut for Verdict {
    fn deref_mut(&mut self) -> &mut Conclusion {
        Arc::make_mut(&mut self.conclusion)
    }
}
