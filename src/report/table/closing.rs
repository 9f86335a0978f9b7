//! The last line: the answer with what it rests on. It is what a terminal shows at the end, so it
//! alone must say enough.

use std::collections::HashSet;

use super::finding::{MARGIN, count};
use super::host_list::compress;
use super::opening::{answer, left_out};
use super::paper::{Long, Paper, Text, Tone};
use super::survey::Survey;
use crate::checks::{Severity, Status, Verdict};
use crate::report::document::{HostOutcome, Mode, Outcome, Report};
use crate::report::summary::idle;

/// Lays out the last line (which wraps, where the paper is narrow).
pub(super) fn write(paper: &mut Paper, survey: &Survey<'_>) {
    let (word, tone) = answer(survey.report.verdict);
    let is_part = survey.report.scope.interrupted || !left_out(survey.report).is_empty();
    let partial = if is_part { " (partial)" } else { "" };
    let text = match survey.report.verdict {
        Outcome::Go => go(survey),
        Outcome::NoGo => no_go(survey),
    };
    let mut clauses: Vec<String> = interrupted(survey).into_iter().collect();
    clauses.extend(Some(text).filter(|text| !text.is_empty()));
    clauses.extend(remarks(survey.report));
    let line = Text::of(tone, word)
        .and(Tone::Caution, partial)
        .and(tone, ": ")
        .and(Tone::Plain, &clauses.join("; "));
    paper.write(0, MARGIN, &line, Long::Broken);
}

fn interrupted(survey: &Survey<'_>) -> Option<String> {
    match (survey.report.scope.interrupted, survey.missed.len()) {
        (true, 0) => Some("the run was interrupted".to_owned()),
        (true, missed) => {
            Some(format!("the run was interrupted before {} had answered", count(missed, "host")))
        }
        // Facts that such a run saved.
        (false, missed) => (missed > 0).then(|| format!("{} not visited", count(missed, "host"))),
    }
}

fn go(survey: &Survey<'_>) -> String {
    let summary = &survey.report.summary;
    let not_judged = idle(&survey.report.hosts, &survey.report.results, HostOutcome::NotJudged);
    let judged = survey.report.hosts.len() - survey.waived_hosts() - not_judged.len();
    let waived = summary.waived.saturating_sub(survey.waived_hosts());
    let on = if judged > 0 { format!("on {}", count(judged, "host")) } else { "across the fleet".to_owned() };
    let mut text = format!("{} passed {on}", count(summary.pass, "check"));
    let rest = [
        (summary.warn, count(summary.warn, "warning")),
        (summary.unknown, format!("{} unknown", summary.unknown)),
        (waived, format!("{waived} waived")),
    ];
    for (number, words) in rest {
        if number > 0 {
            text.push_str(&format!(", {words}"));
        }
    }
    if survey.waived_hosts() > 0 {
        text.push_str(&format!("; {} unreachable and waived", count(survey.waived_hosts(), "host")));
    }
    text
}

fn no_go(survey: &Survey<'_>) -> String {
    let report = survey.report;
    let of = |status: Status, severity: Severity| {
        survey.told.iter().copied().filter(move |v| v.status == status && v.severity == severity)
    };
    let (on_fleet, on_hosts): (Vec<&Verdict>, Vec<&Verdict>) =
        of(Status::Fail, Severity::Error).partition(|verdict| verdict.host.is_none());
    let unknown = of(Status::Unknown, Severity::Error).count();
    let warnings = report.summary.warn;
    let doubts = of(Status::Unknown, Severity::Warning).count();

    let mut words = Vec::new();
    if !on_hosts.is_empty() {
        words.push(format!(
            "{}{} {}",
            count(on_hosts.len(), "error"),
            distinct(&on_hosts),
            spread(&on_hosts, report)
        ));
    }
    if !on_fleet.is_empty() {
        words.push(format!("{} across the fleet", count(on_fleet.len(), "error")));
    }
    if unknown > 0 {
        words.push(if on_hosts.is_empty() && on_fleet.is_empty() {
            let verdicts: Vec<&Verdict> = of(Status::Unknown, Severity::Error).collect();
            format!("{unknown} unknown{} {}", distinct(&verdicts), spread(&verdicts, report))
        } else {
            format!("{unknown} unknown")
        });
    }
    if survey.folded > 0 {
        words.push(format!("{} more unknown because of these", survey.folded));
    }
    if warnings > 0 {
        words.push(count(warnings, "warning"));
    }
    if doubts > 0 {
        words.push(count(doubts, "unknown warning"));
    }
    let mut clauses = if words.is_empty() { Vec::new() } else { vec![words.join(", ")] };
    if !survey.lost.is_empty() {
        // Where nothing before it said of how many hosts, this does.
        clauses.push(match clauses.is_empty() {
            true => format!("{} of {} unreachable", survey.lost.len(), count(report.hosts.len(), "host")),
            false => format!("{} unreachable", count(survey.lost.len(), "host")),
        });
    }
    let idle = idle(&report.hosts, &report.results, HostOutcome::NoGo);
    if !idle.is_empty() {
        clauses.push(format!("no check applied to {}", compress(&idle, false)));
    }
    let stopped = !on_hosts.is_empty() || !on_fleet.is_empty() || unknown > 0;
    if !stopped && survey.lost.is_empty() && survey.missed.is_empty() && idle.is_empty() {
        // Only the severity that the run was told to fail on can be the reason.
        clauses.push(if warnings + doubts > 0 {
            "warnings stop it (--fail-on warning)".to_owned()
        } else {
            "nothing was judged".to_owned()
        });
    }
    clauses.join("; ")
}

/// `(2 checks)`, where that is fewer than the verdicts.
fn distinct(verdicts: &[&Verdict]) -> String {
    let checks: HashSet<&str> = verdicts.iter().map(|verdict| &*verdict.check).collect();
    if checks.len() < verdicts.len() { format!(" ({})", count(checks.len(), "check")) } else { String::new() }
}

/// `on 2 of 5 hosts`.
fn spread(verdicts: &[&Verdict], report: &Report) -> String {
    let hosts: HashSet<&str> = verdicts.iter().filter_map(|verdict| verdict.host.as_deref()).collect();
    if hosts.is_empty() {
        return "across the fleet".to_owned();
    }
    format!("on {} of {}", hosts.len(), count(report.hosts.len(), "host"))
}

/// What makes this answer less than the whole answer.
fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    let not_judged = idle(&report.hosts, &report.results, HostOutcome::NotJudged);
    // A selection of the fleet's checks judges no host by itself, and that is said before.
    let is_all = report.hosts.iter().all(|host| host.verdict == HostOutcome::NotJudged);
    if !not_judged.is_empty() && !is_all {
        remarks.push(format!("not judged: {}", compress(&not_judged, false)));
    }
    let left_out = left_out(report);
    if !left_out.is_empty() {
        remarks.push(format!("only a part was judged: {}", left_out.join(", ")));
    }
    if report.mode == Mode::Facts {
        remarks.push("judged from saved facts".to_owned());
    }
    remarks
}
