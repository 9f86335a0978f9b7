//! What `--fix` did, in a line or two for each outcome.

use super::finding::{MARGIN, labelled};
use super::host_list::compress;
use super::paper::{Paper, Text, Tone};
use crate::report::FixRow;
use crate::report::escape;

/// What people are told of a fix besides its host.
fn parts(fix: &FixRow) -> [&str; 5] {
    [
        &fix.fix,
        fix.path.as_deref().unwrap_or_default(),
        fix.action.as_deref().unwrap_or_default(),
        fix.outcome.as_str(),
        fix.reason.as_deref().unwrap_or_default(),
    ]
}

/// Lays out the fixes; hosts with the same outcome share a line.
pub(super) fn write(paper: &mut Paper, fixes: &[FixRow], verbose: bool) {
    let mut groups: Vec<([&str; 5], Vec<&FixRow>)> = Vec::new();
    for fix in fixes {
        let key = parts(fix);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(fix),
            None => groups.push((key, vec![fix])),
        }
    }
    for ([fix, path, action, outcome, reason], members) in groups {
        paper.gap();
        let hosts: Vec<&str> = members.iter().map(|fix| fix.host.as_str()).collect();
        let mut text = Text::of(Tone::Strong, fix).and(Tone::Plain, " on ");
        text = text.and(Tone::Strong, &compress(&hosts, verbose));
        for (lead, part) in [(": ", outcome), (", ", action), (" ", path), (": ", reason)] {
            if !part.is_empty() {
                text = text.and(Tone::Plain, lead).and(Tone::Plain, &escape::sentence(part));
            }
        }
        paper.write_labelled(0, &Text::of(Tone::Strong, "FIX"), MARGIN, MARGIN + 2, text);
        let backups = members.iter().filter_map(|fix| Some((fix.backup.as_deref()?, fix)));
        for (backup, fix) in backups.take(if verbose { usize::MAX } else { 1 }) {
            labelled(paper, "backup", Text::plain(&format!("{backup} (on {})", fix.host)));
        }
    }
}
