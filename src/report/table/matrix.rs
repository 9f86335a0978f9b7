//! One row for each host, or for each kind of host where there are many.

use std::collections::HashMap;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets,
};

use super::finding::count;
use super::host_list::compress;
use super::paper::{Long, Paper, Text};
use super::survey::Survey;
use crate::report::document::{HostOutcome, HostRow, Summary};
use crate::report::escape::{self, NAME_MAX};
use crate::report::summary::fleet_outcome;

/// With more hosts than this, only those with something to tell get a row, and equal ones share it.
const EACH: usize = 20;

/// A row of the matrix.
struct Row<'a> {
    names: Vec<&'a str>,
    address: &'a str,
    roles: String,
    verdict: &'static str,
    summary: Summary,
}

/// Its lines start in this column: whatever a host is called, no line of the matrix can look like
/// the answer, which alone starts at the margin.
const INDENT: usize = 2;

/// Lays out the matrix.
pub(super) fn write(paper: &mut Paper, survey: &Survey<'_>, verbose: bool) {
    let each = verbose || survey.report.hosts.len() <= EACH;
    let (rows, quiet) = rows(survey, each);
    if !rows.is_empty() {
        let width = paper.width() - INDENT;
        for line in table(&rows, width, paper.color(), verbose).lines() {
            paper.paste(&format!("{:INDENT$}{}\n", "", line.trim_end()));
        }
    }
    if quiet > 0 {
        let rest = if rows.is_empty() { count(quiet, "host") } else { count(quiet, "other host") };
        let text = Text::plain(&format!("{rest} without findings"));
        paper.write(INDENT, INDENT, &text, Long::Broken);
    }
}

fn rows<'a>(survey: &Survey<'a>, each: bool) -> (Vec<Row<'a>>, usize) {
    let mut counts: HashMap<Option<&str>, Summary> = HashMap::new();
    for verdict in &survey.report.results {
        counts.entry(verdict.host.as_deref()).or_default().count(verdict);
    }
    let (mut rows, mut quiet): (Vec<Row<'a>>, usize) = (Vec::new(), 0);
    for host in &survey.report.hosts {
        let summary = counts.remove(&Some(host.name.as_str())).unwrap_or_default();
        let calm = summary.fail + summary.warn + summary.unknown == 0;
        if !each && calm && host.reached && host.verdict == HostOutcome::Go {
            quiet += 1;
            continue;
        }
        let roles = host.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" ");
        let row =
            Row { names: vec![&host.name], address: &host.address, roles, verdict: verdict(host), summary };
        match rows.iter_mut().find(|known| !each && alike(known, &row)) {
            Some(known) => known.names.push(&host.name),
            None => rows.push(row),
        }
    }
    if let Some(summary) = counts.remove(&None) {
        let verdict = word(fleet_outcome(&survey.report.results, survey.report.fail_on));
        rows.push(Row { names: vec!["(fleet)"], address: "", roles: String::new(), verdict, summary });
    }
    (rows, quiet)
}

/// What a reader would not tell apart; passes and what did not apply are no difference.
fn alike(a: &Row<'_>, b: &Row<'_>) -> bool {
    let seen = |row: &Row<'_>| (row.verdict, row.summary.fail, row.summary.warn, row.summary.unknown);
    seen(a) == seen(b) && a.roles == b.roles
}

fn verdict(host: &HostRow) -> &'static str {
    match (host.reached, host.verdict) {
        (false, HostOutcome::Go) => "waived",
        (false, _) if host.is_interrupted() => "not visited",
        (false, _) => "unreachable",
        (true, answer) => word(answer),
    }
}

fn word(answer: HostOutcome) -> &'static str {
    match answer {
        HostOutcome::Go => "GO",
        HostOutcome::NoGo => "NO-GO",
        HostOutcome::NotJudged => "not judged",
    }
}

fn table(rows: &[Row<'_>], width: usize, color: bool, verbose: bool) -> Table {
    // The narrower the paper, the fewer columns, before a host's name is broken: what is left out is said in the blocks too.
    let wide = |text: &str| unicode_width::UnicodeWidthStr::width(text) + 2;
    let widest = |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or_default();
    // A list of hosts may be broken, one name may not.
    let lone = |row: &Row<'_>| if row.names.len() == 1 { wide(&escape::clean(row.names[0])) } else { 0 };
    let names = widest(&lone).min(width / 3);
    let numbers = names + "unreachable  FAIL  WARN  UNKNOWN  ".len();
    let with_roles = numbers + widest(&|row| wide(&row.roles)).min(width / 4);
    let with_address = with_roles + widest(&|row| wide(row.address)).min(width / 4);
    let (address, roles, doubts) = (width >= with_address, width >= with_roles, width >= 34);
    let passes = width >= with_address.max(70) + "PASS  ".len();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    if color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let mut titles = vec!["HOST"];
    titles.extend(address.then_some("ADDRESS"));
    titles.extend(roles.then_some("ROLES"));
    titles.extend(["VERDICT", "FAIL"]);
    titles
        .extend(doubts.then_some(["WARN", if width < 48 { "UNK" } else { "UNKNOWN" }]).into_iter().flatten());
    titles.extend(passes.then_some("PASS"));
    table.set_header(titles.iter().map(|title| Cell::new(title).add_attribute(Attribute::Dim)));
    for row in rows {
        let alone = row.names.len() == 1;
        let mut cells = vec![Cell::new(escape::clean(&compress(&row.names, verbose)))];
        if address {
            let many = count(row.names.len(), "host");
            cells.push(Cell::new(if alone { escape::clip(row.address, NAME_MAX) } else { many }));
        }
        if roles {
            cells.push(Cell::new(&row.roles));
        }
        cells.push(colored(match row.verdict {
            "unreachable" | "not visited" if width < 48 => "NO-GO",
            "not judged" if width < 48 => "none",
            verdict => verdict,
        }));
        cells.push(number(row.summary.fail, Color::Red));
        if doubts {
            cells.push(number(row.summary.warn, Color::Yellow));
            cells.push(number(row.summary.unknown, Color::Magenta));
        }
        if passes {
            cells.push(number(row.summary.pass, Color::Reset));
        }
        table.add_row(cells);
    }
    for (at, title) in titles.iter().enumerate() {
        let Some(column) = table.column_mut(at) else { continue };
        column.set_padding((0, 2));
        if ["FAIL", "WARN", "UNK", "UNKNOWN", "PASS"].contains(title) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        // Names give way before words and numbers do.
        if !["HOST", "ADDRESS", "ROLES"].contains(title) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        } else if *title != "HOST" {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Percentage(25)));
        }
    }
    table
}

fn colored(verdict: &str) -> Cell {
    let cell = Cell::new(verdict).add_attribute(Attribute::Bold);
    match verdict {
        "GO" => cell.fg(Color::Green),
        "NO-GO" | "unreachable" | "not visited" => cell.fg(Color::Red),
        _ => cell,
    }
}

/// A zero is a dot, so that what is not zero is seen.
fn number(number: usize, color: Color) -> Cell {
    match number {
        0 => Cell::new("·").add_attribute(Attribute::Dim),
        _ if color == Color::Reset => Cell::new(number),
        _ => Cell::new(number).fg(color),
    }
}
