//! The report as a value: what every format lays out, and, serialised, `airworthy/report/v1`.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checks::{Severity, Status, Verdict};
use crate::role::Role;

/// The schema's name in every report.
pub const SCHEMA: &str = "airworthy/report/v1";

/// The stage at which hosts are lost that an interrupted run did not come to.
pub const INTERRUPTED: &str = "interrupted";

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
    /// The least severity of a finding that makes a NO-GO (`--fail-on`).
    pub fail_on: Severity,
    /// What part of the cluster and of the checks was looked at.
    pub scope: Scope,
    /// When the run started, RFC 3339.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The profile's name.
    pub profile: String,
    /// What chose the profile.
    pub profile_source: ProfileSource,
    /// The profile's parameters as used.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Where the hosts came from.
    pub inventory: InventoryRow,
    /// Whose limits were used; left out where no kubespray had a say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubespray: Option<KubesprayRow>,
    /// Counts; the statuses are disjoint.
    pub summary: Summary,
    /// Every host of the inventory in scope, reached or not.
    pub hosts: Vec<HostRow>,
    /// Every verdict.
    pub results: Vec<Verdict>,
    /// What `--fix` did; empty without it.
    pub fixes: Vec<FixRow>,
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

/// The answer for one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HostOutcome {
    /// Fit.
    Go,
    /// Not fit, or not known to be.
    NoGo,
    /// Reached, but `--select`, `--skip` or the profile leaves no check that applies to it.
    NotJudged,
}

/// What chose a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProfileSource {
    /// `--profile`.
    Flag,
    /// `airworthy.yaml`.
    Config,
    /// The kind of the inventory: OpenPAI's files, or an inventory for Ansible.
    Inventory,
    /// Nothing: there is no inventory.
    Default,
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
    /// False where limit, select or skip left something out, or the run was interrupted.
    pub complete: bool,
    /// Whether Ctrl-C or SIGTERM ended the run early.
    pub interrupted: bool,
}

impl Scope {
    /// Whether `--select` or `--skip` left checks out.
    pub fn is_selection(&self) -> bool {
        !self.select.is_empty() || !self.skip.is_empty()
    }
}

/// Where the hosts came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryRow {
    /// The files, as given.
    pub sources: Vec<String>,
    /// `sha256:…` over their contents.
    pub digest: String,
}

/// The kubespray whose limits were used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KubesprayRow {
    /// Its release, as `2.28.0`; null where the checkout does not tell.
    pub release: Option<String>,
    /// The checkout's folder; null where the built-in table of releases stood in.
    pub checkout: Option<String>,
    /// The commit that is checked out; null where that is not known.
    pub commit: Option<String>,
}

impl fmt::Display for KubesprayRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kubespray")?;
        if let Some(release) = &self.release {
            write!(f, " {release}")?;
        }
        match (&self.checkout, &self.commit) {
            (Some(folder), Some(commit)) => write!(f, " (checkout {folder} at {:.12})", commit),
            (Some(folder), None) => write!(f, " (checkout {folder})"),
            (None, _) => f.write_str(" (built-in table)"),
        }
    }
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
    pub verdict: HostOutcome,
    /// Whether its facts were read.
    pub reached: bool,
    /// Why not.
    pub unreachable: Option<Unreachable>,
    /// When its facts were read, RFC 3339.
    pub gathered_at: Option<String>,
    /// How long the visit took, in milliseconds.
    pub duration_ms: Option<u64>,
}

impl HostRow {
    /// Whether the run was interrupted before the host had answered.
    pub fn is_interrupted(&self) -> bool {
        self.unreachable.as_ref().is_some_and(|unreachable| unreachable.stage == INTERRUPTED)
    }
}

/// What `--fix` did, or would do, on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FixRow {
    /// The host.
    pub host: String,
    /// The fix's id.
    pub fix: String,
    /// The file, links followed; null where no plan was made.
    pub path: Option<String>,
    /// The planned change as a unified diff, secrets starred out; null where the file does not change.
    pub diff: Option<String>,
    /// Where the old file is.
    pub backup: Option<String>,
    /// What happens to the service.
    pub action: Option<String>,
    /// How it ended.
    pub outcome: FixOutcome,
    /// Why it ended so.
    pub reason: Option<String>,
    /// Which file is there now: `old`, `new` or `other`; null where nobody looked.
    pub file: Option<String>,
    /// What people should know besides.
    pub notes: Vec<String>,
    /// What the checks that name this fix said before.
    pub before: BTreeMap<String, Status>,
    /// What they said when the host was judged again; empty where nothing was applied.
    pub after: BTreeMap<String, Status>,
}

/// How a fix ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FixOutcome {
    /// Shown, and left at that (`--dry-run`).
    Planned,
    /// Shown, and the answer was no.
    Declined,
    /// Done, and verified.
    Fixed,
    /// There is no plan for this host, or it said no before anything was begun.
    Refused,
    /// It failed before the file was replaced; nothing is changed.
    Failed,
    /// It failed afterwards, and the old file is back.
    Restored,
    /// It failed afterwards, and the old file is not back.
    Stuck,
    /// The host was lost on the way.
    Lost,
    /// Not begun, because another host failed.
    Untouched,
}

impl FixOutcome {
    /// As reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            FixOutcome::Planned => "planned",
            FixOutcome::Declined => "declined",
            FixOutcome::Fixed => "fixed",
            FixOutcome::Refused => "refused",
            FixOutcome::Failed => "failed",
            FixOutcome::Restored => "restored",
            FixOutcome::Stuck => "stuck",
            FixOutcome::Lost => "lost",
            FixOutcome::Untouched => "untouched",
        }
    }
}

/// Why a host was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreachable {
    /// `resolve`, `connect`, `handshake`, `host-key`, `authenticate`, `run`, `facts` where saved facts lack it, or `interrupted`
    /// where the run ended before the host had answered.
    pub stage: String,
    /// What happened.
    pub reason: String,
}
