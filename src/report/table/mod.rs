//! `--format table`: the report for a person at a terminal.
//!
//! What stops the deployment comes first and last: the answer's word opens the first line, the
//! blocks follow by weight, and the last line is the answer with its reasons. One fault on forty
//! hosts is one block; a value is shown where it was read; what follows from a finding is folded
//! under it.

mod block;
mod closing;
mod finding;
mod fixes;
mod host_list;
mod matrix;
mod opening;
mod paper;
mod survey;
mod unreachable;

use std::collections::BTreeMap;

use self::block::blocks;
use self::finding::Extent;
use self::paper::{Long, Paper, Text, Tone};
use self::survey::Survey;
use super::document::Report;
use crate::checks::{Status, Verdict};

/// How the table is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// Columns a line may take. Only commands and links are ever longer; less than 20 is taken as 20.
    pub width: usize,
    /// Whether tones are shown as ANSI colours.
    pub color: bool,
    /// Whether passes, what did not apply, every host name and every value are listed too.
    pub verbose: bool,
    /// What the findings are grouped by.
    pub by: By,
}

/// What the findings are grouped by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// One block for each host, its findings in it.
    Host,
    /// One block for each check, its hosts in it.
    #[default]
    Check,
}

/// The report as text for a terminal, its lines not longer than the width.
pub fn render(report: &Report, options: &TableOptions) -> String {
    let survey = Survey::of(report);
    let mut paper = Paper::new(options.width, options.color);
    opening::write(&mut paper, report);
    unreachable::write(&mut paper, &survey, options.verbose);
    match options.by {
        By::Check => by_check(&mut paper, &survey, options.verbose),
        By::Host => by_host(&mut paper, &survey, options.verbose),
    }
    fixes::write(&mut paper, &report.fixes, options.verbose);
    paper.gap();
    matrix::write(&mut paper, &survey, options.verbose);
    paper.gap();
    closing::write(&mut paper, &survey);
    paper.into_text()
}

/// Whether a verdict is listed: findings always, and waivers, for they are what a GO rests on.
fn listed(verdict: &Verdict, verbose: bool) -> bool {
    verbose || verdict.is_finding() || matches!(verdict.status, Status::Fail | Status::Waived)
}

fn by_check(paper: &mut Paper, survey: &Survey<'_>, verbose: bool) {
    let verdicts = survey.told.iter().copied().filter(|verdict| listed(verdict, verbose));
    let extent = Extent { verbose, of_hosts: Some(survey.report.hosts.len()) };
    for block in blocks(survey, verdicts) {
        paper.gap();
        finding::write(paper, &block, extent);
    }
}

fn by_host(paper: &mut Paper, survey: &Survey<'_>, verbose: bool) {
    let extent = Extent { verbose, of_hosts: None };
    let mut own: BTreeMap<Option<&str>, Vec<&Verdict>> = BTreeMap::new();
    for verdict in survey.told.iter().copied().filter(|verdict| listed(verdict, verbose)) {
        own.entry(verdict.host.as_deref()).or_default().push(verdict);
    }
    // The fleet first: its findings concern every host that follows.
    let names = std::iter::once(None).chain(survey.report.hosts.iter().map(|row| Some(row.name.as_str())));
    let mut order: Vec<_> = names.filter_map(|name| own.remove_entry(&name)).collect();
    // By contract every verdict's host has a row; a finding is not dropped where one has none.
    order.extend(own);
    for (name, verdicts) in order {
        paper.gap();
        host_heading(paper, survey, name);
        for block in blocks(survey, verdicts) {
            finding::write(paper, &block, extent);
        }
    }
}

fn host_heading(paper: &mut Paper, survey: &Survey<'_>, name: Option<&str>) {
    let Some(name) = name else {
        return paper.write(0, 0, &Text::of(Tone::Strong, "== the fleet"), Long::Broken);
    };
    let mut text = Text::of(Tone::Strong, &format!("== {name}"));
    if let Some(row) = survey.row(name) {
        let roles = row.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        for part in [&row.address, &roles] {
            if !part.is_empty() && part != name {
                text = text.and(Tone::Plain, &format!(" · {part}"));
            }
        }
    }
    paper.write(0, 3, &text, Long::Broken);
}

#[cfg(test)]
mod tests;
