//! Hosts that could not be reached: by stage, with the reason, and how to go on without them.

use super::block::general;
use super::finding::{MARGIN, count, labelled, remedy};
use super::host_list::compress;
use super::paper::{Long, Paper, Text, Tone};
use super::survey::Survey;
use crate::checks::Verdict;
use crate::report::document::{HostRow, Scope};
use crate::report::escape::{self, NAME_MAX};

/// So many hosts are named in a limit that leaves them out; with more, the network is the matter.
const LEFT_OUT: usize = 12;

/// So many distinct reasons of one stage are shown.
const SHOWN: usize = 5;

/// Hosts lost for the same reason.
struct Loss<'a> {
    rows: Vec<&'a HostRow>,
    reason: String,
    remediation: String,
    /// Reason and remedy without the hosts' own names: what makes two losses one.
    shared: (String, String),
}

/// Lays out the hosts that were lost, a block for each stage.
pub(super) fn write(paper: &mut Paper, survey: &Survey<'_>, verbose: bool) {
    missed(paper, survey, verbose);
    let mut stages: Vec<(&str, Option<&str>, Vec<Loss<'_>>)> = Vec::new();
    for (row, verdict) in &survey.lost {
        let stage = row.unreachable.as_ref().map_or("", |unreachable| &unreachable.stage);
        let check = verdict.map(|verdict| &*verdict.check);
        let at = stages.iter().position(|known| (known.0, known.1) == (stage, check)).unwrap_or(stages.len());
        if at == stages.len() {
            stages.push((stage, check, Vec::new()));
        }
        if let Some((_, _, losses)) = stages.get_mut(at) {
            add(losses, row, *verdict);
        }
    }
    let several = stages.len() > 1;
    for (stage, check, losses) in stages {
        paper.gap();
        block(paper, stage, check, losses, survey.report.hosts.len(), verbose);
    }
    if let Some(command) = keyscan(survey) {
        paper.write(
            MARGIN,
            MARGIN + 2,
            &Text::plain("All unknown keys at once, for you to compare:"),
            Long::Whole,
        );
        paper.write(MARGIN + 6, MARGIN + 6, &Text::plain(&command), Long::Verbatim);
    }
    if let Some(limit) = limit_without(survey) {
        let them = if survey.lost.len() == 1 { "it" } else { "them" };
        if several {
            paper.gap();
        }
        let text = Text::plain(&format!("To go on without {them} for now: `--limit '{limit}'`"));
        paper.write(MARGIN, MARGIN + 2, &text, Long::Whole);
    }
}

/// The hosts that an interrupted run did not come to: nothing is known of them, and there is nothing to mend.
fn missed(paper: &mut Paper, survey: &Survey<'_>, verbose: bool) {
    if survey.missed.is_empty() {
        return;
    }
    paper.gap();
    let names: Vec<&str> = survey.missed.iter().map(|row| row.name.as_str()).collect();
    let hosts = Text::plain(&format!("{} of {}", names.len(), count(survey.report.hosts.len(), "host")));
    paper.write_labelled(0, &Text::of(Tone::Bad, "NOT VISITED"), MARGIN, MARGIN + 2, hosts);
    let who = Text::of(Tone::Strong, &compress(&names, verbose));
    labelled(paper, "reason", who.and(Tone::Plain, ": the run was interrupted before they answered"));
}

fn add<'a>(losses: &mut Vec<Loss<'a>>, row: &'a HostRow, verdict: Option<&'a Verdict>) {
    let own = (reason(row, verdict), verdict.map(|v| v.remediation.to_string()).unwrap_or_default());
    let shared = (general(own.0.clone(), row), general(own.1.clone(), row));
    if let Some(loss) = losses.iter_mut().find(|loss| loss.shared == shared) {
        // Two or more are no longer called by one's name.
        (loss.reason, loss.remediation) = shared;
        loss.rows.push(row);
        return;
    }
    losses.push(Loss { rows: vec![row], reason: own.0, remediation: own.1, shared });
}

fn reason(row: &HostRow, verdict: Option<&Verdict>) -> String {
    let told = row.unreachable.as_ref().map(|unreachable| unreachable.reason.as_str());
    let or = verdict.map(|verdict| &*verdict.message);
    told.filter(|reason| !reason.is_empty())
        .or(or)
        .unwrap_or("not reached, and no reason was given")
        .to_owned()
}

fn block(
    paper: &mut Paper,
    stage: &str,
    check: Option<&str>,
    mut losses: Vec<Loss<'_>>,
    all: usize,
    verbose: bool,
) {
    let hosts: usize = losses.iter().map(|loss| loss.rows.len()).sum();
    let mut text = Text::plain(&format!("{hosts} of {}", count(all, "host")));
    if !stage.is_empty() {
        text = text.and(Tone::Plain, " at ").and(Tone::Strong, stage);
    }
    if let Some(check) = check {
        text = text.and(Tone::Faint, &format!("  ({check})"));
    }
    paper.write_labelled(0, &Text::of(Tone::Bad, "UNREACHABLE"), MARGIN, MARGIN + 2, text);
    losses.sort_by_key(|loss| std::cmp::Reverse(loss.rows.len()));
    let same_remedy = losses.windows(2).all(|pair| pair[0].shared.1 == pair[1].shared.1);
    let shown = if verbose { losses.len() } else { losses.len().min(SHOWN) };
    let mut label = "reason";
    for loss in &losses[..shown] {
        let who = match loss.rows[..] {
            [row] if row.address != row.name && !row.address.is_empty() => {
                let address = format!(" ({})", escape::clip(&row.address, NAME_MAX));
                Text::of(Tone::Strong, &escape::clip(&row.name, NAME_MAX)).and(Tone::Plain, &address)
            }
            _ => Text::of(Tone::Strong, &compress(&names(std::slice::from_ref(loss)), verbose)),
        };
        let why = escape::sentence(&loss.reason);
        labelled(paper, std::mem::take(&mut label), who.and(Tone::Plain, ": ").and(Tone::Plain, &why));
        if !same_remedy {
            remedy(paper, &loss.remediation);
        }
    }
    if shown < losses.len() {
        let rest = names(&losses[shown..]);
        let lead = format!("… and {} more (--verbose shows why): ", count(rest.len(), "host"));
        let text = Text::of(Tone::Faint, &lead).and(Tone::Plain, &compress(&rest, false));
        paper.write(MARGIN, MARGIN + 2, &text, Long::Broken);
    }
    match &losses[..] {
        [only] => remedy(paper, &only.remediation),
        [first, ..] if same_remedy => remedy(paper, &first.shared.1),
        _ => {}
    }
}

fn names<'a>(losses: &[Loss<'a>]) -> Vec<&'a str> {
    losses.iter().flat_map(|loss| &loss.rows).map(|row| row.name.as_str()).collect()
}

/// One command for all hosts whose keys are unknown, told once; none where there is one such host, or where an
/// address would not survive a shell.
fn keyscan(survey: &Survey<'_>) -> Option<String> {
    let is_unknown = |row: &HostRow| {
        row.unreachable
            .as_ref()
            .is_some_and(|u| u.stage == "host-key" && u.reason.contains("is not in known_hosts"))
    };
    let rows = survey.lost.iter().map(|(row, _)| *row).filter(|row| is_unknown(row));
    let addresses: Vec<&str> = rows.map(|row| row.address.as_str()).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let usable =
        |address: &&str| !address.is_empty() && !address.starts_with('-') && address.chars().all(plain);
    (addresses.len() > 1 && addresses.iter().all(usable))
        .then(|| format!("ssh-keyscan {} >> ~/.ssh/known_hosts", addresses.join(" ")))
}

/// The limit that leaves the lost hosts out, verbatim for a shell; none where they are too many
/// for it to be an answer, or where a name would not survive quoting.
fn limit_without(survey: &Survey<'_>) -> Option<String> {
    let lost = survey.lost.len();
    if lost == 0 || lost > LEFT_OUT || lost * 2 >= survey.report.hosts.len() {
        return None;
    }
    let Scope { limit, .. } = &survey.report.scope;
    let limit = limit.as_deref().filter(|limit| !limit.trim().is_empty());
    // Ansible splits a pattern at commas where it has one, else at colons.
    let comma = limit.is_some_and(|limit| limit.contains(','));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut parts = Vec::with_capacity(lost + 1);
    if let Some(limit) = limit {
        let harmless = limit.chars().all(|c| c.is_ascii_graphic() && c != '\'' && c != '`');
        parts.push(harmless.then(|| limit.to_owned())?);
    }
    for (row, _) in &survey.lost {
        let usable = !row.name.is_empty() && row.name.chars().all(plain);
        parts.push(usable.then(|| format!("!{}", row.name))?);
    }
    Some(parts.join(if comma { "," } else { ":" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{document::Report, sample};

    fn limit(change: impl Fn(&mut Report)) -> Option<String> {
        let mut report = sample::findings();
        change(&mut report);
        limit_without(&Survey::of(&report))
    }

    #[test]
    fn the_limit_is_verbatim_and_safe() {
        assert_eq!(limit(|_| {}).as_deref(), Some("!gpu03"));
        let with = |pattern: &str| limit(|report| report.scope.limit = Some(pattern.to_owned()));
        assert_eq!(with("gpu*").as_deref(), Some("gpu*:!gpu03"));
        assert_eq!(with("gpu*,m1").as_deref(), Some("gpu*,m1,!gpu03"));
        assert_eq!(with("x'; rm -rf /; '"), None);
        assert_eq!(limit(|report| report.hosts[4].name = "a'$(id)".to_owned()), None);
    }

    #[test]
    fn the_same_reason_is_told_once() {
        let rows: Vec<HostRow> = (1..=7)
            .map(|n| {
                let address = format!("10.0.0.{n}");
                let reason = format!("no connection to {address}:22 within 10 s");
                sample::unreachable(&format!("n{n}"), &address, "connect", &reason)
            })
            .collect();
        let results = rows.iter().map(sample::dead).collect();
        let report = sample::report(rows, results);
        let mut paper = Paper::new(100, false);
        write(&mut paper, &Survey::of(&report), false);
        assert_eq!(
            paper.into_text(),
            "UNREACHABLE 7 of 7 hosts at connect  (host-reachable)\n  \
             reason n[1-7]: no connection to <address>:22 within 10 s\n         \
             → Is it up, and does a firewall stand between? `nc -vz -w 5 <address> 22`\n"
        );
    }

    #[test]
    fn different_reasons_share_a_remedy() {
        let rows = ["refused", "timed out"]
            .iter()
            .zip(1..)
            .map(|(why, n)| sample::unreachable(&format!("n{n}"), &format!("10.0.0.{n}"), "connect", why));
        let rows: Vec<HostRow> = rows.collect();
        let results = rows.iter().map(sample::dead).collect();
        let report = sample::report(rows, results);
        let mut paper = Paper::new(100, false);
        write(&mut paper, &Survey::of(&report), false);
        let text = paper.into_text();
        assert!(
            text.contains("n1 (10.0.0.1): refused") && text.contains("n2 (10.0.0.2): timed out"),
            "{text}"
        );
        assert_eq!(text.matches("→").count(), 1, "{text}");
        assert!(text.contains("`nc -vz -w 5 <address> 22`"), "{text}");
    }

    #[test]
    fn a_dead_network_is_not_left_out() {
        let dead = |report: &mut Report| report.hosts.iter_mut().for_each(|row| row.reached = false);
        assert_eq!(limit(dead), None);
    }
}
