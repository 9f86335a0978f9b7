//! How a block is laid out: what it is, what was found, what was wanted, what to do.

use super::block::{Block, Evidence, Variant, word};
use super::host_list::compress;
use super::paper::{Long, Paper, Text, Tone};
use crate::checks::{Severity, Status};
use crate::report::escape::{self, NAME_MAX};

/// The column in which all text but the status word starts.
pub(super) const MARGIN: usize = 9;

/// So many distinct findings of one check, and so many values of one finding, are shown.
const SHOWN: usize = 5;

/// How much of a block is laid out.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Everything, or what one look can take.
    pub(super) verbose: bool,
    /// The number of hosts in the report; none where the block stands under its host's name.
    pub(super) of_hosts: Option<usize>,
}

/// Lays out one block.
pub(super) fn write(paper: &mut Paper, block: &Block<'_>, extent: Extent) {
    let finding = matches!(block.verdict.status, Status::Fail | Status::Unknown);
    heading(paper, block, extent);
    let shown = if extent.verbose || block.variants.len() <= SHOWN { block.variants.len() } else { SHOWN };
    let (told, untold) = block.variants.split_at(shown);
    let same_wish = same(&block.variants, |evidence| &evidence.expected);
    let same_remedy = same(&block.variants, |evidence| &evidence.remediation);

    let mut label = if block.verdict.status == Status::Fail || block.verdict.status == Status::Pass {
        "found"
    } else {
        "reason"
    };
    for variant in told {
        found(paper, label, block, variant, extent);
        label = "";
        if finding && !same_wish {
            wish(paper, &variant.evidence, "wanted");
        }
        if finding && !same_remedy {
            remedy(paper, &variant.evidence.remediation);
        }
    }
    let hosts: Vec<&str> = untold.iter().flat_map(|variant| variant.hosts.iter().copied()).collect();
    if !untold.is_empty() {
        let rest = format!("… and {} more (--verbose shows what): ", count(hosts.len(), "host"));
        let text = Text::of(Tone::Faint, &rest).and(Tone::Plain, &compress(&hosts, false));
        paper.write(MARGIN, MARGIN + 2, &text, Long::Broken);
    }
    if !finding {
        return;
    }
    labelled(paper, "wanted", Text::plain(&escape::sentence(&block.verdict.title)));
    if let (true, Some(first)) = (same_wish, block.variants.first())
        && *first.evidence.expected != *block.verdict.title
    {
        wish(paper, &first.evidence, "");
    }
    let by_hand = block.variants.first().filter(|_| same_remedy).map(|first| &first.evidence.remediation);
    fix(paper, block, by_hand.is_some_and(|remedy| !remedy.trim().is_empty()));
    if let Some(remediation) = by_hand {
        remedy(paper, remediation);
    }
    followers(paper, block);
    if extent.verbose {
        for reference in block.verdict.references.iter() {
            let text = Text::of(Tone::Faint, "see ").and(Tone::Faint, reference);
            paper.write(MARGIN, MARGIN + 2, &text, Long::Whole);
        }
    }
}

/// `3 hosts`, `1 host`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Text in the margin's column, with a faint word before it.
pub(super) fn labelled(paper: &mut Paper, label: &str, text: Text) {
    paper.write_labelled(2, &Text::of(Tone::Faint, label), MARGIN, MARGIN + 2, text);
}

/// A remedy: its sentences flow, its commands stay whole on lines of their own.
pub(super) fn remedy(paper: &mut Paper, remediation: &str) {
    let mut arrow = "→ ";
    let mut write = |paragraph: &str, is_command: bool| {
        if paragraph.is_empty() {
            return;
        }
        let text = Text::of(Tone::Strong, arrow).and(Tone::Plain, paragraph);
        let first = if arrow.is_empty() { MARGIN + 2 } else { MARGIN };
        match is_command {
            true if arrow.is_empty() => paper.write(MARGIN + 6, MARGIN + 6, &text, Long::Verbatim),
            true => paper.write(MARGIN, MARGIN + 2, &text, Long::Verbatim),
            false => paper.write(first, MARGIN + 2, &text, Long::Whole),
        }
        arrow = "";
    };
    let mut sentences = String::new();
    for line in remediation.lines() {
        // Indented lines are commands by the convention of plain text; an empty line ends a paragraph.
        let is_command = line.starts_with("    ") || line.starts_with('\t') || line.starts_with("$ ");
        if is_command || line.trim().is_empty() {
            write(&std::mem::take(&mut sentences), false);
            // What is deeper stays deeper: YAML that is copied from here has to mean what it says.
            let margin = line.strip_prefix("    ").or_else(|| line.strip_prefix('\t'));
            write(margin.unwrap_or(line).trim_end(), is_command);
        } else {
            if !sentences.is_empty() {
                sentences.push(' ');
            }
            sentences.push_str(line.trim());
        }
    }
    write(&sentences, false);
}

fn heading(paper: &mut Paper, block: &Block<'_>, extent: Extent) {
    let verdict = block.verdict;
    let (status, tone) = word(verdict);
    let mut text = Text::of(Tone::Strong, &escape::clip(&verdict.check, NAME_MAX));
    match extent.of_hosts {
        _ if block.hosts == 0 => text = text.and(Tone::Plain, " across the fleet"),
        Some(all) => text = text.and(Tone::Plain, &format!(" on {} of {}", block.hosts, count(all, "host"))),
        None => {}
    }
    match (verdict.status, verdict.severity) {
        (Status::Fail, Severity::Info) | (Status::Unknown, Severity::Info) => {
            text = text.and(Tone::Faint, " (info)")
        }
        (Status::Unknown, Severity::Warning) => text = text.and(Tone::Faint, " (warning)"),
        (Status::Pass | Status::NotApplicable | Status::Waived, _) => {
            text = text.and(Tone::Plain, ": ").and(Tone::Plain, &escape::sentence(&verdict.title));
        }
        _ => {}
    }
    paper.write_labelled(0, &Text::of(tone, status), MARGIN, MARGIN + 2, text);
}

/// Where, and what: `gpu[01-03]: default runtime is runc`, then the values and their sources.
fn found(paper: &mut Paper, label: &str, block: &Block<'_>, variant: &Variant<'_>, extent: Extent) {
    let Evidence { message, reason, found, .. } = &variant.evidence;
    let sentence = match block.verdict.status {
        Status::Fail => message.clone(),
        Status::Pass => String::new(),
        // A reason says more than `could not be told`.
        _ if reason.is_empty() => message.clone(),
        _ => reason.clone(),
    };
    let sentence = escape::sentence(sentence.trim());
    let named = extent.of_hosts.is_some() && !variant.hosts.is_empty();
    let mut text = Text::default();
    if named {
        text = text.and(Tone::Strong, &compress(&variant.hosts, extent.verbose));
    }
    if named && !sentence.is_empty() {
        text = text.and(Tone::Plain, ": ");
    }
    text = text.and(Tone::Plain, &sentence);
    let mut label = label;
    if text.width() > 0 {
        labelled(paper, label, text);
        label = "";
    }
    if matches!(block.verdict.status, Status::Waived | Status::NotApplicable) && !extent.verbose {
        return;
    }
    let shown = if extent.verbose || found.len() <= SHOWN { found.len() } else { SHOWN };
    for (fact, value, source) in &found[..shown] {
        let mut text =
            Text::plain(&escape::clip(fact, NAME_MAX)).and(Tone::Plain, " = ").and(Tone::Strong, value);
        if !source.is_empty() {
            text = text.and(Tone::Faint, &format!("  ({})", escape::clip(source, NAME_MAX)));
        }
        let indent = if named { MARGIN + 2 } else { MARGIN };
        paper.write_labelled(2, &Text::of(Tone::Faint, label), indent, indent + 2, text);
        label = "";
    }
    if shown < found.len() {
        let rest = format!("… and {} more values (--verbose shows them)", found.len() - shown);
        paper.write(MARGIN + 2, MARGIN + 2, &Text::of(Tone::Faint, &rest), Long::Broken);
    }
}

/// The condition as written, in one line.
fn wish(paper: &mut Paper, evidence: &Evidence, label: &str) {
    let condition = evidence.expected.split_whitespace().collect::<Vec<_>>().join(" ");
    labelled(paper, label, Text::of(Tone::Faint, &escape::sentence(&condition)));
}

/// That there is a fix, and for how many of the hosts.
fn fix(paper: &mut Paper, block: &Block<'_>, by_hand: bool) {
    if block.fixable == 0 {
        return;
    }
    let some = if block.fixable < block.hosts {
        format!(" on {} of these {}", block.fixable, count(block.hosts, "host"))
    } else {
        String::new()
    };
    let or = if by_hand { "; by hand:" } else { "" };
    let text = format!("`airworthy check --fix` can do it{some}{or}");
    paper.write(MARGIN, MARGIN + 2, &Text::of(Tone::Strong, "→ ").and(Tone::Plain, &text), Long::Whole);
}

fn followers(paper: &mut Paper, block: &Block<'_>) {
    if block.followers.is_empty() {
        return;
    }
    let names = block.followers.iter().copied().collect::<Vec<_>>().join(", ");
    let lead = format!("+ {} unknown because of it: ", count(block.followers.len(), "check"));
    let text = Text::of(Tone::Doubt, &lead).and(Tone::Plain, &names);
    paper.write(MARGIN, MARGIN + 2, &text, Long::Broken);
}

fn same<'v>(variants: &'v [Variant<'_>], part: impl Fn(&'v Evidence) -> &'v String) -> bool {
    variants.windows(2).all(|pair| part(&pair[0].evidence) == part(&pair[1].evidence))
}
