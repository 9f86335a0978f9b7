//! The check file: one YAML file a check, everything about it in one place.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::verdict::{Severity, Status};
use crate::facts::Subject;
use crate::role::Role;

/// A check file, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// The requirement as a sentence.
    pub title: String,
    /// How much a failure weighs: one word, one for each role, or a list of cases of which the first that matches counts.
    pub severity: SeverityRule,
    /// Which hosts it concerns; left out of fleet checks.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// One host at a time, or all side by side.
    #[serde(default)]
    pub scope: Scope,
    /// Checks without which this one makes no sense: where one of them fails, this one is unknown.
    #[serde(default)]
    pub after: Vec<String>,
    /// A condition; where it is false the check does not apply.
    pub when: Option<String>,
    /// The condition that must hold.
    pub require: String,
    /// The visit's stages whose failure is this check's failure.
    #[serde(default)]
    pub stages: Vec<String>,
    /// What was found, in a sentence; `{{ subject.field }}` is filled in.
    pub message: Option<String>,
    /// What breaks later, and in whose log it would be seen.
    pub why: String,
    /// The exact command or edit that mends it; facts are filled in as in `message`, each as one word of a shell.
    pub remediation: String,
    /// What mends it instead where it is a stage of the visit that failed, by stage.
    #[serde(default)]
    pub stage_remediation: BTreeMap<String, String>,
    /// The fix that can mend it.
    pub fix: Option<String>,
    /// Where to read more.
    #[serde(default)]
    pub references: Vec<String>,
    /// A probe of the check's own.
    pub probe: Option<CheckProbe>,
    /// Cases, each of them a test.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// The severity of a check: the same everywhere, or by condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a severity is error, warning or info, one of them by role ({infra: error}), or a list of cases ([{when: CONDITION, severity: warning}, error])"
)]
pub enum SeverityRule {
    /// The same whatever the facts are.
    Fixed(SeverityByRole),
    /// The first case that matches counts; the last one has no condition. A case whose condition is unknown counts as the
    /// strictest of itself and those after it.
    Cases(Vec<SeverityCase>),
}

/// One case of a check's severity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a case of a severity is {when: CONDITION, severity: warning}, and the last one a severity alone"
)]
pub enum SeverityCase {
    /// Where a condition holds.
    When(ConditionalSeverity),
    /// Where no case before it matched.
    Otherwise(SeverityByRole),
}

/// A severity and the condition under which it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionalSeverity {
    /// A condition in CEL, over the same names as `require`.
    pub when: String,
    /// The severity where it holds.
    pub severity: SeverityByRole,
}

impl SeverityRule {
    /// The severity of each case in order, and the condition of those that have one.
    pub fn cases(&self) -> Vec<(Option<&str>, &SeverityByRole)> {
        match self {
            SeverityRule::Fixed(severity) => vec![(None, severity)],
            SeverityRule::Cases(cases) => cases
                .iter()
                .map(|case| match case {
                    SeverityCase::When(case) => (Some(case.when.as_str()), &case.severity),
                    SeverityCase::Otherwise(severity) => (None, severity),
                })
                .collect(),
        }
    }
}

/// One severity, or one for each role; a host with several roles owes the strictest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a severity is error, warning or info, or one of them by role: {infra: error}")]
pub enum SeverityByRole {
    /// The same everywhere.
    One(Severity),
    /// By role.
    ByRole(BTreeMap<Role, Severity>),
}

impl SeverityByRole {
    /// The severity for a host with these roles.
    pub fn of(&self, roles: &BTreeSet<Role>) -> Severity {
        match self {
            SeverityByRole::One(severity) => *severity,
            SeverityByRole::ByRole(by_role) => {
                let mine =
                    by_role.iter().filter(|(role, _)| roles.contains(role)).map(|(_, severity)| *severity);
                mine.max().unwrap_or(Severity::Error)
            }
        }
    }

    /// The strictest there is, for a fleet check.
    pub fn strictest(&self) -> Severity {
        match self {
            SeverityByRole::One(severity) => *severity,
            SeverityByRole::ByRole(by_role) => by_role.values().copied().max().unwrap_or(Severity::Error),
        }
    }
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// One host at a time.
    #[default]
    Host,
    /// All hosts side by side.
    Fleet,
}

/// A probe that stands in a check file. It runs on every host the check's roles name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckProbe {
    /// Shell text (POSIX `sh`). It must not change the host.
    pub run: String,
    /// How its standard output is read.
    #[serde(default)]
    pub parse: Parse,
    /// The longest wait for it: `5s`, `500ms`; 15 s at most.
    #[serde(default)]
    pub deadline: Option<String>,
    /// Whether it means anything without root: where true and root is not to be had, it is unknown.
    #[serde(default)]
    pub root: bool,
}

/// How a probe's standard output is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Parse {
    /// As it is, without the last line end.
    #[default]
    Text,
    /// A list of lines.
    Lines,
    /// JSON.
    Json,
    /// A number.
    Number,
}

/// One case: what is given, and what the verdict must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Example {
    /// What the inventory says of the host; `roles` default to the check's first.
    pub host: ExampleHost,
    /// Facts by subject and field: a value, or null for one that is absent. What is left out is unknown.
    pub facts: BTreeMap<String, BTreeMap<String, Value>>,
    /// Facts of the fleet, likewise.
    pub fleet: BTreeMap<String, Value>,
    /// Parameters that differ from the profile's.
    pub params: BTreeMap<String, Value>,
    /// The value of the check's own probe.
    pub probe: Option<Value>,
    /// The stage at which the host could not be reached.
    pub unreachable: Option<String>,
    /// What the verdict must be.
    pub expect: Expected,
    /// The severity that it must have; not compared where it is left out.
    pub severity: Option<Severity>,
}

/// The inventory's part of an example.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExampleHost {
    /// The inventory's name for it; `example` if the check does not care.
    pub name: Option<String>,
    /// Roles; by default the first of the check's.
    pub roles: BTreeSet<Role>,
    /// The promised device resource.
    pub accelerator: Option<String>,
    /// What a layout promises.
    pub layout: Option<crate::facts::Layout>,
}

impl ExampleHost {
    /// The host of an example, of a check with these roles.
    pub fn subject(&self, roles: &BTreeSet<Role>) -> Subject {
        Subject {
            name: self.name.clone().unwrap_or_else(|| "example".to_owned()),
            address: "192.0.2.1".to_owned(),
            peer_address: "192.0.2.1".to_owned(),
            roles: if self.roles.is_empty() {
                roles.iter().take(1).copied().collect()
            } else {
                self.roles.clone()
            },
            accelerator: self.accelerator.clone(),
            layout: self.layout.clone(),
        }
    }
}

/// The verdict an example must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// The requirement holds.
    #[default]
    Pass,
    /// It does not.
    Fail,
    /// It cannot be told.
    Unknown,
    /// The check does not apply.
    NotApplicable,
}

impl Expected {
    /// The same word as a verdict's status.
    pub fn status(self) -> Status {
        match self {
            Expected::Pass => Status::Pass,
            Expected::Fail => Status::Fail,
            Expected::Unknown => Status::Unknown,
            Expected::NotApplicable => Status::NotApplicable,
        }
    }
}
