//! The first lines: the answer's word, what was judged, and what was left out.

use super::finding::{MARGIN, count};
use super::paper::{Long, Paper, Text, Tone};
use crate::report::document::{Mode, Outcome, ProfileSource, Report};
use crate::role::Role;

/// Lays out the first lines.
pub(super) fn write(paper: &mut Paper, report: &Report) {
    if let Some(interrupted) = interrupted(report) {
        paper.write(0, MARGIN, &Text::of(Tone::Bad, &interrupted), Long::Broken);
    }
    let (word, tone) = answer(report.verdict);
    let mut about = vec![
        whose(report),
        profile(report),
        hosts(report),
        format!("stage {}", report.scope.stage),
        looked(report),
    ];
    if let Some(kubespray) = &report.kubespray {
        about.insert(2, kubespray.to_string());
    }
    let text = Text::plain(&about.join(" · "));
    paper.write_labelled(0, &Text::of(tone, word), MARGIN, MARGIN, text);
    let left_out = left_out(report);
    if !left_out.is_empty() {
        let text = Text::plain(&format!("{}: what this leaves out was not judged", left_out.join(", ")));
        paper.write_labelled(0, &Text::of(Tone::Caution, "PARTIAL"), MARGIN, MARGIN, text);
    }
}

/// The answer as a word.
pub(super) fn answer(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Go => ("GO", Tone::Good),
        Outcome::NoGo => ("NO-GO", Tone::Bad),
    }
}

/// What an interrupted run says before all else.
fn interrupted(report: &Report) -> Option<String> {
    let missing = report.hosts.iter().filter(|host| host.is_interrupted()).count();
    let rest = match missing {
        0 => String::new(),
        _ => format!(": {missing} of {} not visited", count(report.hosts.len(), "host")),
    };
    report.scope.interrupted.then(|| format!("INTERRUPTED after {}{rest}", duration(report.duration_ms)))
}

/// The flags that left something out.
pub(super) fn left_out(report: &Report) -> Vec<String> {
    let scope = &report.scope;
    let mut flags: Vec<String> = scope.limit.iter().map(|limit| format!("--limit {limit}")).collect();
    flags.extend(scope.select.iter().map(|id| format!("--select {id}")));
    flags.extend(scope.skip.iter().map(|id| format!("--skip {id}")));
    if scope.devbox == "none" {
        flags.push("--devbox none".to_owned());
    }
    flags
}

/// Where the hosts came from.
fn whose(report: &Report) -> String {
    match (report.inventory.sources.is_empty(), report.mode) {
        (false, _) => report.inventory.sources.join(", "),
        (true, Mode::Live) => "this machine (no inventory: -i names one)".to_owned(),
        (true, Mode::Facts) => "hosts without an inventory".to_owned(),
    }
}

/// The profile, and why this one.
fn profile(report: &Report) -> String {
    let why = match (report.profile_source, report.profile.as_str()) {
        (ProfileSource::Flag, _) => "--profile",
        (ProfileSource::Config, _) => "airworthy.yaml",
        (ProfileSource::Inventory, "openpai") => "for OpenPAI's files",
        (ProfileSource::Inventory, _) => "for an Ansible inventory",
        (ProfileSource::Default, _) => "the default",
    };
    format!("profile {} ({why})", report.profile)
}

fn hosts(report: &Report) -> String {
    let roles = Role::ALL.into_iter().filter_map(|role| {
        let number = report.hosts.iter().filter(|host| host.roles.contains(&role)).count();
        (number > 0).then(|| format!("{number} {role}"))
    });
    let roles = roles.collect::<Vec<_>>().join(", ");
    let hosts = count(report.hosts.len(), "host");
    if roles.is_empty() { hosts } else { format!("{hosts} ({roles})") }
}

/// When and how the hosts were looked at.
fn looked(report: &Report) -> String {
    match report.mode {
        Mode::Live => format!("visited {} in {}", moment(&report.started_at), duration(report.duration_ms)),
        Mode::Facts => match report.hosts.iter().filter_map(|host| host.gathered_at.as_deref()).min() {
            Some(oldest) => format!("saved facts, the oldest of {}", moment(oldest)),
            None => "saved facts".to_owned(),
        },
    }
}

/// RFC 3339 without its fraction of a second.
fn moment(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, rest)) => {
            let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{seconds}{zone}")
        }
        None => time.to_owned(),
    }
}

fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(moment("2026-07-01T03:12:45.123456Z"), "2026-07-01T03:12:45Z");
        assert_eq!(moment("2026-07-01T03:12:45.5+02:00"), "2026-07-01T03:12:45+02:00");
        assert_eq!(moment("2026-07-01T03:12:45Z"), "2026-07-01T03:12:45Z");
        assert_eq!(duration(999), "999 ms");
        assert_eq!(duration(3_249), "3.2 s");
        assert_eq!(duration(65_000), "1 min 05 s");
    }
}
