//! What a check concludes of what it sees, whichever host shows it.

use std::sync::Arc;

use cel::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::case::Case;
use super::catalog::Check;
use super::condition::{Condition, Truth};
use super::message;
use super::sight::Sight;
use super::verdict::{Found, Severity, Status};
use crate::facts::Reading;

/// A verdict without its host. A clone shares its texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conclusion {
    /// The check's id.
    pub check: Arc<str>,
    /// Its title: the requirement as a sentence.
    pub title: Arc<str>,
    /// How much it weighs here.
    pub severity: Severity,
    /// What it concluded.
    pub status: Status,
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

impl Conclusion {
    /// What a check concludes where nothing was looked at.
    pub(super) fn bare(check: &Check, severity: Severity, status: Status, message: Arc<str>) -> Conclusion {
        Conclusion {
            check: Arc::clone(&check.id),
            title: Arc::clone(&check.title),
            severity,
            status,
            message,
            expected: Arc::clone(&check.require.source),
            found: Arc::default(),
            reason: None,
            cause: None,
            remediation: Arc::clone(&check.remediation),
            references: Arc::clone(&check.references),
            fixable: check.file.fix.is_some(),
        }
    }

    /// What a check makes of what is in sight.
    pub(super) fn of(case: &Case<'_>) -> Conclusion {
        let Case { check, sight, .. } = case;
        let context = sight.context(&check.outlook);
        let bare = |status, message| Conclusion::bare(check, case.severity(&context), status, message);
        let finding = |status, message| {
            let remedy = check.remedy.as_ref();
            let told = remedy.and_then(|remedy| remedy.render(|subject, field| sight.told(subject, field)));
            let remediation = told.map_or_else(|| Arc::clone(&check.remediation), Into::into);
            Conclusion { remediation, ..bare(status, message) }
        };
        let unknown = |condition: &Condition, said: String, cause: Option<Arc<str>>| {
            let reason: Arc<str> = why_unknown(condition, said, sight, &context).into();
            let message = format!("could not be told: {reason}").into();
            Conclusion {
                found: sight.found(condition).into(),
                reason: Some(reason),
                cause,
                ..finding(Status::Unknown, message)
            }
        };
        if let Some(when) = &check.when {
            match when.evaluate(&context) {
                Truth::True => {}
                Truth::False => {
                    let reason = Arc::clone(&when.applies);
                    return Conclusion {
                        found: sight.found(when).into(),
                        reason: Some(Arc::clone(&reason)),
                        ..bare(Status::NotApplicable, reason)
                    };
                }
                Truth::Unknown(said) => {
                    // Whether it concerns the host may be what the cause keeps from being known.
                    let cause = fold(case, true).or_else(|| fold(case, false));
                    return unknown(when, said, cause);
                }
            }
        }
        if let Some(cause) = fold(case, true) {
            let reason: Arc<str> = format!("not judged, because {cause} failed").into();
            return Conclusion {
                found: sight.found(&check.require).into(),
                reason: Some(Arc::clone(&reason)),
                cause: Some(cause),
                ..finding(Status::Unknown, reason)
            };
        }
        let status = match check.require.evaluate(&context) {
            Truth::True => Status::Pass,
            Truth::False => Status::Fail,
            Truth::Unknown(said) => return unknown(&check.require, said, fold(case, false)),
        };
        let found = sight.found(&check.require);
        let told = check
            .message
            .as_ref()
            .and_then(|message| message.render(|subject, field| sight.told(subject, field)));
        let message = told.unwrap_or_else(|| message::plain(&found)).into();
        match status {
            Status::Fail => Conclusion { found: found.into(), ..finding(status, message) },
            _ => Conclusion { found: found.into(), ..bare(status, message) },
        }
    }
}

/// The check to blame: one of those this one stands after that failed (`failed`), or that could not be told
/// either. A cause's own cause is named, so that everything folds under the one finding.
fn fold(case: &Case<'_>, failed: bool) -> Option<Arc<str>> {
    case.earlier().find_map(|verdict| match verdict.status {
        Status::Fail if failed => Some(Arc::clone(&verdict.check)),
        Status::Unknown if verdict.cause.is_some() && failed => verdict.cause.clone(),
        Status::Unknown if !failed => Some(Arc::clone(&verdict.check)),
        _ => None,
    })
}

/// Why a condition could not be told; `said` is what its own evaluation says of it.
fn why_unknown(condition: &Condition, said: String, sight: &Sight<'_>, context: &Context<'_, '_>) -> String {
    // One reason may stand behind several facts: it is told once, behind all of them.
    let mut facts_by_reason: Vec<(&str, Vec<String>)> = Vec::new();
    for path in &condition.paths {
        let Some(Reading::Unknown(reason)) = sight.fact(path).map(|fact| &fact.reading) else { continue };
        let name = path.iter().take(2).cloned().collect::<Vec<_>>().join(".");
        match facts_by_reason.iter_mut().find(|(other, _)| other == reason) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => facts_by_reason.push((reason, vec![name])),
        }
    }
    let told = facts_by_reason.iter().map(|(reason, names)| format!("{}: {reason}", names.join(", ")));
    let mut reasons: Vec<String> = (!said.is_empty()).then_some(said).into_iter().chain(told).collect();
    if reasons.is_empty() {
        let error = condition.error(context).unwrap_or_else(|| "no reason is known".to_owned());
        reasons.push(format!("the condition could not be evaluated: {error}"));
    }
    reasons.join("; ")
}
