//! What `--fix` did, in a line or two for each outcome.

use serde_json::Value;

use super::finding::{MARGIN, labelled};
use super::host_list::compress;
use super::paper::{Paper, Text, Tone};
use crate::report::escape::{self, SENTENCE_MAX};

/// What people are told of a fix besides its host.
const PARTS: [&str; 5] = ["fix", "path", "action", "outcome", "reason"];

/// Lays out the fixes; hosts with the same outcome share a line.
pub(super) fn write(paper: &mut Paper, fixes: &[Value], verbose: bool) {
    let mut groups: Vec<([&str; 5], Vec<&Value>)> = Vec::new();
    for fix in fixes {
        let key = PARTS.map(|part| word(fix, part));
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(fix),
            None => groups.push((key, vec![fix])),
        }
    }
    for ([fix, path, action, outcome, reason], members) in groups {
        paper.gap();
        let hosts: Vec<&str> = members.iter().map(|fix| word(fix, "host")).collect();
        let mut text = Text::of(Tone::Strong, fix).and(Tone::Plain, " on ");
        text = text.and(Tone::Strong, &compress(&hosts, verbose));
        for (lead, part) in [(": ", outcome), (", ", action), (" ", path), (": ", reason)] {
            if !part.is_empty() {
                text = text.and(Tone::Plain, lead).and(Tone::Plain, &escape::clip(part, SENTENCE_MAX));
            }
        }
        paper.write_labelled(0, &Text::of(Tone::Strong, "FIX"), MARGIN, MARGIN + 2, text);
        let backups = members.iter().filter(|fix| !word(fix, "backup").is_empty());
        for fix in backups.take(if verbose { usize::MAX } else { 1 }) {
            let text = format!("{} (on {})", word(fix, "backup"), word(fix, "host"));
            labelled(paper, "backup", Text::plain(&text));
        }
    }
}

fn word<'a>(fix: &'a Value, part: &str) -> &'a str {
    fix.get(part).and_then(Value::as_str).unwrap_or_default()
}
