//! What a check concludes of what it sees, whichever host shows it.

use std::sync::Arc;

use cel::Context;

use super::catalog::Check;
use super::condition::{Condition, Truth};
use super::message;
use super::sight::Sight;
use super::verdict::{Found, Status, Verdict};
use crate::facts::Reading;

/// A verdict without its host. A clone shares its texts.
#[derive(Clone, Debug)]
pub(super) struct Conclusion {
    pub(super) status: Status,
    pub(super) message: Arc<str>,
    pub(super) found: Arc<[Found]>,
    pub(super) reason: Option<Arc<str>>,
    pub(super) cause: Option<Arc<str>>,
}

impl Conclusion {
    /// What a check makes of what is in sight. `earlier` has the same host's verdicts of the checks that it stands after.
    pub(super) fn of(check: &Check, sight: &Sight<'_>, earlier: &[Verdict]) -> Conclusion {
        let context = sight.context(&check.outlook);
        if let Some(when) = &check.when {
            match when.evaluate(&context) {
                Truth::True => {}
                Truth::False => {
                    let reason = Arc::clone(&when.applies);
                    return Conclusion {
                        status: Status::NotApplicable,
                        message: Arc::clone(&reason),
                        found: sight.found(when).into(),
                        reason: Some(reason),
                        cause: None,
                    };
                }
                Truth::Unknown(said) => {
                    // Whether it concerns the host may be what the cause keeps from being known.
                    let cause = fold(check, earlier, true).or_else(|| fold(check, earlier, false));
                    return unknown(when, said, sight, &context, cause);
                }
            }
        }
        if let Some(cause) = fold(check, earlier, true) {
            let reason: Arc<str> = format!("not judged, because {cause} failed").into();
            return Conclusion {
                status: Status::Unknown,
                message: Arc::clone(&reason),
                found: sight.found(&check.require).into(),
                reason: Some(reason),
                cause: Some(cause),
            };
        }
        let status = match check.require.evaluate(&context) {
            Truth::True => Status::Pass,
            Truth::False => Status::Fail,
            Truth::Unknown(said) => {
                return unknown(&check.require, said, sight, &context, fold(check, earlier, false));
            }
        };
        let found = sight.found(&check.require);
        let told = check
            .message
            .as_ref()
            .and_then(|message| message.render(|subject, field| sight.told(subject, field)));
        let message = told.unwrap_or_else(|| message::plain(&found)).into();
        Conclusion { status, message, found: found.into(), reason: None, cause: None }
    }
}

/// The check to blame: one of those this one stands after that failed (`failed`), or that could not be told
/// either. A cause's own cause is named, so that everything folds under the one finding.
fn fold(check: &Check, earlier: &[Verdict], failed: bool) -> Option<Arc<str>> {
    check.file.after.iter().find_map(|before| {
        let verdict = earlier.iter().find(|verdict| *verdict.check == **before)?;
        match verdict.status {
            Status::Fail if failed => Some(Arc::clone(&verdict.check)),
            Status::Unknown if verdict.cause.is_some() && failed => verdict.cause.clone(),
            Status::Unknown if !failed => Some(Arc::clone(&verdict.check)),
            _ => None,
        }
    })
}

fn unknown(
    condition: &Condition,
    said: String,
    sight: &Sight<'_>,
    context: &Context<'_, '_>,
    cause: Option<Arc<str>>,
) -> Conclusion {
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
    let reason: Arc<str> = reasons.join("; ").into();
    Conclusion {
        status: Status::Unknown,
        message: format!("could not be told: {reason}").into(),
        found: sight.found(condition).into(),
        reason: Some(reason),
        cause,
    }
}
