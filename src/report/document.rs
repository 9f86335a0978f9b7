//! The report as a value: what every format lays out, and, serialised, `airworthy/report/v1`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checks::Verdict;
use crate::role::Role;

/// The schema's name in every report.
pub const SCHEMA: &str = "airworthy/report/v1";

/// A whole report. Results are in inventory order, then check id; the fleet's last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always `airworthy/report/v1`.
    pub schema: String,
    /// Who wrote it.
    pub tool: Tool,
    /// Whether hosts were visited or saved facts judged.
    pub mode: Mode,
    /// The answer.
    pub verdict: Outcome,
    /// What part of the cluster and of the checks was looked at.
    pub scope: Scope,
    /// When the run started, RFC 3339.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The profile's name.
    pub profile: String,
    /// The profile's parameters as used.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Where the hosts came from.
    pub inventory: InventoryRow,
    /// Counts; the statuses are disjoint.
    pub summary: Summary,
    /// Every host of the inventory in scope, reached or not.
    pub hosts: Vec<HostRow>,
    /// Every verdict.
    pub results: Vec<Verdict>,
    /// What `--fix` did; empty without it.
    pub fixes: Vec<serde_json::Value>,
}

/// Who wrote a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `airworthy`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Where facts came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Hosts were visited.
    Live,
    /// Saved facts were judged.
    Facts,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Fit.
    Go,
    /// Not fit, or not known to be.
    NoGo,
}

/// What was looked at; a partial run is visible as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// `--limit`.
    pub limit: Option<String>,
    /// `--select`.
    pub select: Vec<String>,
    /// `--skip`.
    pub skip: Vec<String>,
    /// `local`, or `none` where the runner is not the dev box.
    pub devbox: String,
    /// `new`, `rerun`, `scale` or `upgrade`.
    pub stage: String,
    /// False where limit, select or skip left something out.
    pub complete: bool,
}

/// Where the hosts came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryRow {
    /// The files, as given.
    pub sources: Vec<String>,
    /// `sha256:…` over their contents.
    pub digest: String,
}

/// How many of what; `pass` to `waived` are disjoint and add up to the number of results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Hosts in scope.
    pub hosts: usize,
    /// Of these, not reached.
    pub unreachable: usize,
    /// Verdicts that passed.
    pub pass: usize,
    /// Failed, of severity error.
    pub fail: usize,
    /// Failed, of severity warning or info.
    pub warn: usize,
    /// Could not be told, of any severity.
    pub unknown: usize,
    /// Do not concern their host.
    pub not_applicable: usize,
    /// Accepted for a while.
    pub waived: usize,
}

/// One host of the inventory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostRow {
    /// The inventory's name.
    pub name: String,
    /// Where it was reached, or tried.
    pub address: String,
    /// What it is for.
    pub roles: Vec<Role>,
    /// The host's own answer.
    pub verdict: Outcome,
    /// Whether its facts were read.
    pub reached: bool,
    /// Why not.
    pub unreachable: Option<Unreachable>,
    /// When its facts were read, RFC 3339.
    pub gathered_at: Option<String>,
    /// How long the visit took, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// Why a host was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreachable {
    /// `resolve`, `connect`, `handshake`, `host-key`, `authenticate`, `run`, or `facts` where saved facts lack it.
    pub stage: String,
    /// What happened.
    pub reason: String,
}
