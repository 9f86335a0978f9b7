//! Waivers that waive nothing: whoever wrote them believes that they do.

use super::settings::{Settings, TeamConfig};
use super::terminal;
use crate::checks::waiver::{Idle, UNREACHABLE};
use crate::checks::{matches, nearest};
use crate::report::HostRow;

/// What a waiver is held against.
pub(super) struct Run<'r> {
    pub(super) team: &'r TeamConfig,
    pub(super) settings: &'r Settings,
    /// The names of the whole inventory, where they are known.
    pub(super) names: Option<&'r [String]>,
    /// The hosts in scope.
    pub(super) hosts: &'r [HostRow],
    /// Whether `--select` or `--skip` leaves checks out.
    pub(super) is_selection: bool,
}

/// Notes every part of a waiver by which nothing was waived, with its place; not what this run does not look at.
pub(super) fn note(run: &Run<'_>, idle: &[Idle]) {
    for part in idle {
        let Some(waiver) = run.team.config.waivers.get(part.waiver) else { continue };
        let host = part.host.and_then(|host| waiver.hosts.get(host)).map(String::as_str);
        let Some((message, help)) = explain(run, &waiver.check, host) else { continue };
        let place = match part.host {
            Some(host) => format!("waivers.{}.hosts.{host}", part.waiver),
            None => format!("waivers.{}.check", part.waiver),
        };
        terminal::note(&format!("airworthy: warning: {}", run.team.mistake(&place, message).help(help)));
    }
}

/// Why a waiver waives nothing on a host (or of the fleet), and what to do; none where that is not known.
fn explain(run: &Run<'_>, check: &str, host: Option<&str>) -> Option<(String, String)> {
    let is_known = check == UNREACHABLE || run.settings.catalog.get(check).is_some();
    if !is_known {
        // A selection leaves checks out on purpose.
        let message = format!("the profile `{}` has no check `{check}` to waive", run.settings.profile.name);
        return (!run.is_selection).then(|| (message, "remove the waiver".to_owned()));
    }
    let remove = || "remove it, if it is not needed any more".to_owned();
    let Some(pattern) = host else {
        return Some((format!("the waiver of `{check}` waives nothing: it has no finding"), remove()));
    };
    if !run.hosts.iter().any(|row| matches(pattern, &row.name)) {
        let names = run.names?;
        if names.iter().any(|name| matches(pattern, name)) {
            return None; // --limit leaves it out
        }
        let help = nearest(pattern, names.iter().map(String::as_str)).map_or_else(
            || "`airworthy inventory` lists the hosts".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Some((format!("the waiver of `{check}` names `{pattern}`, and there is no such host"), help));
    }
    let mut meant = run.hosts.iter().filter(|row| matches(pattern, &row.name));
    if check != UNREACHABLE && meant.all(|row| !row.reached) {
        return None; // nobody knows what it would have been for
    }
    let message = match check {
        UNREACHABLE => format!("the waiver of `{check}` waives nothing: {pattern} was reached"),
        _ => format!("the waiver of `{check}` waives nothing: it has no finding on {pattern}"),
    };
    Some((message, remove()))
}
