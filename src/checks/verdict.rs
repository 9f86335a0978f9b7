//! What a check concluded about a host or the fleet: complete before it is shown.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

/// One check's conclusion about one host, or about the fleet. Verdicts of many hosts share their texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The check's id.
    pub check: Arc<str>,
    /// Its title: the requirement as a sentence.
    pub title: Arc<str>,
    /// How much it weighs here.
    pub severity: Severity,
    /// What it concluded.
    pub status: Status,
    /// The host; null for the fleet.
    pub host: Option<Arc<str>>,
    /// One sentence that names what was found.
    pub message: Arc<str>,
    /// What was wanted: the condition as written, or the title where there is none.
    pub expected: Arc<str>,
    /// What was looked at.
    pub found: Arc<[Found]>,
    /// Why it is unknown, not applicable or waived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// The failed check that it stands after; set where that one's failure made this one unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Arc<str>>,
    /// The exact command or edit that mends it.
    pub remediation: Arc<str>,
    /// Where to read more.
    pub references: Arc<[String]>,
    /// Whether `--fix` can mend it.
    pub fixable: bool,
}

impl Verdict {
    /// A failed or unknown verdict of severity error or warning: something people act on.
    pub fn is_finding(&self) -> bool {
        matches!(self.status, Status::Fail | Status::Unknown) && self.severity >= Severity::Warning
    }
}
