//! `--override`: findings of one named check are let through, by hand and with a reason. There is no way to let all
//! through, nor a host that was not reached: that takes a waiver.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checks::{Severity, Status, Verdict, nearest};
use crate::report::{HostOutcome, Outcome, Report, host_outcome, outcome};

/// A check whose findings are let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The check's id.
    pub check: String,
    /// Why, for whoever reads the record.
    pub reason: String,
}

/// What an override did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LetThrough {
    /// The check's id.
    pub check: String,
    /// Why.
    pub reason: String,
    /// The hosts whose finding was let through; none where it was the fleet's.
    pub hosts: Vec<String>,
    /// Whether there was anything to let through.
    pub used: bool,
    /// What went with it: checks that could not be judged because this one failed.
    #[serde(default)]
    pub unjudged: Vec<Unjudged>,
}

impl LetThrough {
    /// How many findings went: its own, and those of checks that could not be judged because of it.
    pub fn findings(&self) -> usize {
        let of = |hosts: &[String]| hosts.len().max(1);
        let own = if self.used { of(&self.hosts) } else { 0 };
        own + self.unjudged.iter().map(|it| of(&it.hosts)).sum::<usize>()
    }
}

/// A check that could not be judged because an overridden one failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unjudged {
    /// The check's id.
    pub check: String,
    /// The hosts on which nobody knows; none where it is the fleet's.
    pub hosts: Vec<String>,
}

/// What a report and the overrides come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether kubespray may start.
    pub is_go: bool,
    /// What each override did.
    pub overrides: Vec<LetThrough>,
    /// The checks that stand in the way still, each once.
    pub in_the_way: Vec<String>,
    /// The hosts that the profile leaves no check: nobody knows whether they are fit.
    pub not_judged: Vec<String>,
}

/// Pairs `--override`s with `--reason`s, in the order in which they were given.
///
/// # Errors
/// A check that does not exist, one that is named twice, a reason that is missing.
pub fn pair(checks: &[String], reasons: &[String], known: &[&str]) -> Result<Vec<Override>, String> {
    if checks.len() != reasons.len() {
        return Err(format!(
            "{} checks and {} reasons: each --override needs its own --reason behind it",
            checks.len(),
            reasons.len()
        ));
    }
    let mut overrides: Vec<Override> = Vec::new();
    for (check, reason) in checks.iter().zip(reasons) {
        if !known.contains(&check.as_str()) {
            let help = match nearest(check, known.iter().copied()) {
                _ if check == "all" || check.contains(['*', '?', '[', ',']) => {
                    "name one check; there is no way to let all through".to_owned()
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => "the report and `airworthy list` have the ids".to_owned(),
            };
            return Err(format!("there is no check `{check}` in this profile; {help}"));
        }
        if reason.trim().is_empty() {
            return Err(format!("the reason for `{check}` is empty"));
        }
        if overrides.iter().any(|known| known.check == *check) {
            return Err(format!("`{check}` is there twice"));
        }
        overrides.push(Override { check: check.clone(), reason: reason.clone() });
    }
    Ok(overrides)
}

/// Decides anew, with the overrides' findings taken for waived.
pub fn decide(report: &Report, overrides: &[Override], fail_on: Severity) -> Decision {
    let lost = |verdict: &Verdict| {
        let of = |host: &str| report.hosts.iter().any(|row| row.name == host && !row.reached);
        verdict.host.as_deref().is_some_and(of)
    };
    let mut let_through: Vec<LetThrough> = overrides
        .iter()
        .map(|it| LetThrough {
            check: it.check.clone(),
            reason: it.reason.clone(),
            hosts: Vec::new(),
            used: false,
            unjudged: Vec::new(),
        })
        .collect();
    let mut results = report.results.clone();
    for verdict in results.iter_mut().filter(|verdict| verdict.is_finding() && !lost(verdict)) {
        let host = verdict.host.as_deref().map(str::to_owned);
        if let Some(it) = let_through.iter_mut().find(|it| *it.check == *verdict.check) {
            it.used = true;
            it.hosts.extend(host);
        } else if let Some(it) = unjudged_by(verdict, &mut let_through) {
            let known = it.unjudged.iter().position(|known| *known.check == *verdict.check);
            let at = known.unwrap_or_else(|| {
                it.unjudged.push(Unjudged { check: verdict.check.to_string(), hosts: Vec::new() });
                it.unjudged.len() - 1
            });
            it.unjudged[at].hosts.extend(host);
        } else {
            continue;
        }
        verdict.status = Status::Waived;
    }
    let mut in_the_way: Vec<String> = Vec::new();
    for verdict in results.iter().filter(|verdict| verdict.is_finding() && verdict.severity >= fail_on) {
        if !in_the_way.iter().any(|known| **known == *verdict.check) {
            in_the_way.push(verdict.check.to_string());
        }
    }
    let answer = |results: &[Verdict]| outcome(&report.hosts, results, &report.scope, fail_on);
    // A NO-GO whose own results do not bear it (it was made with --fail-on warning, perhaps) is still one.
    let unborne = report.verdict == Outcome::NoGo && answer(&report.results) == Outcome::Go;
    let not_judged: Vec<String> = report
        .hosts
        .iter()
        .filter(|row| {
            let own = results.iter().filter(|verdict| verdict.host.as_deref() == Some(&row.name));
            host_outcome(row.reached, own, &report.scope, fail_on) == HostOutcome::NotJudged
        })
        .map(|row| row.name.clone())
        .collect();
    let is_go = !unborne && not_judged.is_empty() && answer(&results) == Outcome::Go;
    Decision { is_go, overrides: let_through, in_the_way, not_judged }
}

/// The override of the check whose failure left this one unjudged: it is told as one finding, and let through as one.
fn unjudged_by<'l>(verdict: &Verdict, let_through: &'l mut [LetThrough]) -> Option<&'l mut LetThrough> {
    let cause = verdict.cause.as_ref().filter(|_| verdict.status == Status::Unknown)?;
    let_through.iter_mut().find(|it| *it.check == **cause)
}
