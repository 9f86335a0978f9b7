//! A profile: which checks, which limits.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::SeverityByRole;

/// A profile file, as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    /// What it is for, in a sentence.
    pub title: String,
    /// Profiles it builds on: their checks, parameters and severities, which its own override.
    #[serde(default)]
    pub include: Vec<String>,
    /// Ids of its checks.
    #[serde(default)]
    pub checks: BTreeSet<String>,
    /// Limits and lists, with their unit in the name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// Severities that differ from the checks' own.
    #[serde(default)]
    pub severities: BTreeMap<String, SeverityByRole>,
}
