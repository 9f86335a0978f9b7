//! Findings that a team accepted for a while, by name, with a reason and a last day.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verdict::{Status, Verdict};

/// One accepted finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The check's id, or `unreachable` for hosts that may be missing.
    pub check: String,
    /// The hosts, by name; empty means the fleet's own verdict.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Why, for whoever reads the report.
    pub reason: String,
    /// The last day on which it holds, as 2026-12-31.
    #[schemars(with = "String")]
    pub expires: Date,
}

/// What a waiver is called that lets hosts be missing.
pub const UNREACHABLE: &str = "unreachable";

/// Turns findings into `waived` where a waiver holds on `today`; an expired one says so and waives nothing.
/// `unreachable` names the hosts that were not reached.
pub fn apply(waivers: &[Waiver], verdicts: &mut [Verdict], unreachable: &[&str], today: Date) {
    let mut by_check: HashMap<&str, Vec<&Waiver>> = HashMap::new();
    for waiver in waivers {
        by_check.entry(waiver.check.as_str()).or_default().push(waiver);
    }
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.is_finding()) {
        let lost = verdict.host.as_deref().is_some_and(|host| unreachable.contains(&host));
        let named = if lost { UNREACHABLE } else { &*verdict.check };
        let meant = by_check.get(named).into_iter().flatten().find(|waiver| match &verdict.host {
            Some(host) => waiver.hosts.iter().any(|waived| **waived == **host),
            None => waiver.hosts.is_empty(),
        });
        let Some(waiver) = meant else { continue };
        if waiver.expires < today {
            verdict.message = format!("{} (a waiver expired on {})", verdict.message, waiver.expires).into();
            continue;
        }
        verdict.status = Status::Waived;
        verdict.reason = Some(format!("{}; until {}", waiver.reason, waiver.expires).into());
        verdict.cause = None;
    }
    let waived: Vec<(Option<Arc<str>>, Arc<str>)> = verdicts
        .iter()
        .filter(|verdict| verdict.status == Status::Waived)
        .map(|verdict| (verdict.host.clone(), verdict.check.clone()))
        .collect();
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.status == Status::Unknown) {
        let Some(cause) = &verdict.cause else { continue };
        if waived.iter().any(|(host, check)| *host == verdict.host && check == cause) {
            let advice = format!("; {cause} is waived, this one is not: waive it too, or --skip it");
            verdict.message = format!("{}{advice}", verdict.message).into();
            verdict.reason = verdict.reason.take().map(|reason| format!("{reason}{advice}").into());
        }
    }
}
