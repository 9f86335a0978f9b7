//! Findings that a team accepted for a while, by name, with a reason and a last day.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::glob::matches;
use super::verdict::{Status, Verdict};

/// One accepted finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The check's id, or `unreachable` for hosts that may be missing.
    pub check: String,
    /// The hosts, by name or by a glob of names (`gpu*`); empty means the fleet's own verdict.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Why, for whoever reads the report.
    pub reason: String,
    /// The last day on which it holds, as 2026-12-31.
    #[schemars(with = "String")]
    #[serde(deserialize_with = "date")]
    pub expires: Date,
}

/// A date as people who know no other way are told to write it.
fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    let text = String::deserialize(from)?;
    text.trim().parse().map_err(|_| D::Error::custom(format!("`{text}` is not a date")))
}

/// A waiver, or one of its hosts, by which nothing was waived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Idle {
    /// Which waiver.
    pub waiver: usize,
    /// Which of its hosts; none where it is the fleet's.
    pub host: Option<usize>,
}

/// What a waiver is called that lets hosts be missing.
pub const UNREACHABLE: &str = "unreachable";

/// Turns findings into `waived` where a waiver holds on `today`; an expired one says so and waives nothing.
/// `unreachable` names the hosts that were not reached. Gives what there was no finding for.
pub fn apply(waivers: &[Waiver], verdicts: &mut [Verdict], unreachable: &[&str], today: Date) -> Vec<Idle> {
    let mut by_check: HashMap<&str, Vec<(usize, &Waiver)>> = HashMap::new();
    for (at, waiver) in waivers.iter().enumerate() {
        by_check.entry(waiver.check.as_str()).or_default().push((at, waiver));
    }
    let mut used: HashSet<Idle> = HashSet::new();
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.is_finding()) {
        let lost = verdict.host.as_deref().is_some_and(|host| unreachable.contains(&host));
        let named = if lost { UNREACHABLE } else { &*verdict.check };
        let host = verdict.host.as_deref();
        let mut meant =
            by_check.get(named).into_iter().flatten().flat_map(|(at, waiver)| {
                uses(*at, waiver, host).into_iter().map(move |used| (used, *waiver))
            });
        let Some((first, waiver)) = meant.next() else { continue };
        used.insert(first);
        used.extend(meant.map(|(other, _)| other));
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
    let all = waivers.iter().enumerate().flat_map(|(waiver, it)| match it.hosts.len() {
        0 => vec![Idle { waiver, host: None }],
        hosts => (0..hosts).map(|host| Idle { waiver, host: Some(host) }).collect(),
    });
    all.filter(|part| !used.contains(part)).collect()
}

/// The parts of a waiver that mean a host, or the fleet.
fn uses(at: usize, waiver: &Waiver, host: Option<&str>) -> Vec<Idle> {
    match host {
        None if waiver.hosts.is_empty() => vec![Idle { waiver: at, host: None }],
        None => Vec::new(),
        Some(host) => {
            let named = waiver.hosts.iter().enumerate().filter(|(_, pattern)| matches(pattern, host));
            named.map(|(which, _)| Idle { waiver: at, host: Some(which) }).collect()
        }
    }
}
