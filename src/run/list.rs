//! `list`, `explain` and the reference page: what the checks say of themselves.

use std::fmt::Write as _;
use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::cluster::DEFAULT_PROFILE;
use super::error::RunError;
use super::settings::{Settings, TeamConfig};
use super::terminal;
use crate::checks::{Check, Profile, Scope, SeverityByRole, nearest, shipped};
use crate::cli::{ExplainArgs, ListArgs, ListFormat};
use crate::escape::line;
use crate::exit_code;
use crate::fix;
use crate::fix::catalog::Fix;
use crate::redact;

/// Runs `list`.
pub(super) fn list(args: &ListArgs) -> Result<u8, RunError> {
    let settings =
        Settings::load(&args.profile, &TeamConfig::find(&[])?, DEFAULT_PROFILE, &Default::default())?;
    let mut checks: Vec<&Check> = settings.catalog.checks().iter().map(|check| &**check).collect();
    checks.sort_by(|a, b| a.id.cmp(&b.id));
    let profile = &settings.profile;
    let text = match args.format {
        ListFormat::Table => table(profile, &checks),
        ListFormat::Json => {
            let rows: Vec<_> = checks
                .iter()
                .map(|check| {
                    json!({"id": check.id, "roles": roles(check), "severity": severity(profile, check), "title": check.file.title})
                })
                .collect();
            let text = serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n";
            terminal::json(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
            return Ok(exit_code::GO);
        }
        ListFormat::Markdown => markdown(profile, &checks),
    };
    terminal::out(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

/// The narrowest column of titles that is still a table.
const TITLE: usize = 30;

fn table(profile: &Profile, checks: &[&Check]) -> String {
    let width = |cells: &dyn Fn(&Check) -> String| {
        checks.iter().map(|check| cells(check).chars().count()).max().unwrap_or(0)
    };
    let narrow = width(&|check| check.id.to_string())
        + width(&|check| roles(check).join(", "))
        + width(&|check| severity(profile, check));
    if narrow + TITLE + 8 > terminal::width() {
        return stacked(profile, checks);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(terminal::width()).unwrap_or(u16::MAX));
    table.set_header(["ID", "ROLES", "SEVERITY", "TITLE"]);
    for check in checks {
        let title = line(&check.file.title);
        table.add_row([line(&check.id), roles(check).join(", "), severity(profile, check), title]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// For a narrow terminal: ids stay whole, so that they can be copied.
fn stacked(profile: &Profile, checks: &[&Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let (roles, severity) = (roles(check).join(", "), severity(profile, check));
        let one_line = roles.chars().count() + severity.chars().count() + 5 <= terminal::width();
        let between = if one_line { " · " } else { "\n  " };
        let _ = writeln!(text, "{}\n  {roles}{between}{severity}", line(&check.id));
        let mut words = String::new();
        for word in line(&check.file.title).split_whitespace() {
            if !words.is_empty() && words.chars().count() + word.chars().count() + 3 > terminal::width() {
                let _ = writeln!(text, "  {words}");
                words.clear();
            }
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        let _ = writeln!(text, "  {words}");
    }
    text
}

fn roles(check: &Check) -> Vec<String> {
    match check.file.scope {
        Scope::Fleet => vec!["fleet".to_owned()],
        Scope::Host => check.file.roles.iter().map(ToString::to_string).collect(),
    }
}

/// The severities of a check: the profile's before the check's own. Where facts decide, each case once, the last one first.
fn severity(profile: &Profile, check: &Check) -> String {
    if let Some(by_role) = profile.severities.get(&*check.id) {
        return severity_text(by_role);
    }
    let mut cases: Vec<String> = Vec::new();
    for (_, by_role) in check.file.severity.cases().iter().rev() {
        let text = severity_text(by_role);
        if !cases.contains(&text) {
            cases.push(text);
        }
    }
    cases.join(" or ")
}

fn severity_text(severity: &SeverityByRole) -> String {
    let word = |severity| format!("{severity:?}").to_lowercase();
    match severity {
        SeverityByRole::One(severity) => word(*severity),
        SeverityByRole::ByRole(by_role) => by_role
            .iter()
            .map(|(role, severity)| format!("{role}: {}", word(*severity)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// On which conditions the severity depends, one line each; none where it depends on roles alone.
fn severity_cases(profile: &Profile, check: &Check) -> Vec<String> {
    if profile.severities.contains_key(&*check.id) {
        return Vec::new();
    }
    let cases = check.file.severity.cases();
    if cases.len() < 2 {
        return Vec::new();
    }
    let case = |(when, by_role): &(Option<&str>, &SeverityByRole)| match when {
        Some(when) => format!("{} where {}", severity_text(by_role), when.trim()),
        None => format!("{} otherwise", severity_text(by_role)),
    };
    cases.iter().map(case).collect()
}

/// Runs `explain`.
pub(super) fn explain(args: &ExplainArgs) -> Result<u8, RunError> {
    let team = TeamConfig::find(&[])?;
    let of = |profile| Settings::load(&args.profile, &team, profile, &Default::default());
    let mut settings = of(DEFAULT_PROFILE)?;
    if settings.catalog.get(&args.id).is_none() {
        // Where nobody names a profile, the check is looked for in the other one as well.
        settings = Some(of("openpai")?).filter(|it| it.catalog.get(&args.id).is_some()).unwrap_or(settings);
    }
    let Some(check) = settings.catalog.get(&args.id) else {
        let own = settings.catalog.checks().iter().map(|check| &*check.id);
        let ids = own.chain(shipped::CHECKS.iter().map(|(id, _)| *id));
        let near = nearest(&args.id, ids).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let reason = format!(
            "the profile `{}` has no check `{}`{near} (see `airworthy list`)",
            settings.profile.name, args.id
        );
        return Err(RunError::flag("explain", reason));
    };
    let mut text = format!("{}: {}\n", line(&check.id), line(&check.file.title));
    let _ = writeln!(text, "{} · {}\n", roles(check).join(", "), severity(&settings.profile, check));
    let mut part = |head: &str, body: &str| {
        if !body.trim().is_empty() {
            let _ = writeln!(text, "{head}\n{}\n", indent(body.trim()));
        }
    };
    part("Why", &check.file.why);
    part("Wanted", &check.file.require);
    part("Applies when", check.file.when.as_deref().unwrap_or_default());
    let (parameters, read) = looks_at(&settings.profile, check);
    part("Severity", &severity_cases(&settings.profile, check).join("\n"));
    part("Read", &read.join("\n"));
    if let Some(probe) = &check.file.probe {
        part("Its own probe", &probe.run);
    }
    part("Parameters (--set)", &parameters.join("\n"));
    part("After", &check.file.after.join(", "));
    part("Remedy", check.remediation());
    for (stage, remedy) in &check.file.stage_remediation {
        part(&format!("Remedy at stage {stage}"), remedy);
    }
    part(
        "Fix",
        &check.file.fix.as_deref().and_then(fix::catalog::named).map(declaration).unwrap_or_default(),
    );
    part("References", &check.file.references.join("\n"));
    terminal::out(&(text.trim_end().to_owned() + "\n"))
        .map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

/// A fix as it declares itself.
fn declaration(fix: &Fix) -> String {
    let list = |items: &[&str]| items.iter().map(|item| format!("- {item}\n")).collect::<String>();
    format!(
        "`airworthy check --fix` ({}): {}.\nIt reads:\n{}It acts only where:\n{}Risk: {}.",
        fix.id,
        fix.title,
        list(fix.reads),
        list(fix.preconditions),
        fix.risk
    )
}

/// The parameters that a check's conditions name, with their values, and the facts.
fn looks_at(profile: &Profile, check: &Check) -> (Vec<String>, Vec<String>) {
    let (mut parameters, mut read) = (Vec::new(), Vec::new());
    for path in check.when.iter().chain([&check.require]).flat_map(|condition| &condition.paths) {
        let (told, into) = match path.as_slice() {
            [root, name, ..] if root == "params" => {
                let value = profile.parameters.get(name).map(|value| redact::value(name, value).to_string());
                (format!("{name} = {}", value.unwrap_or_default()), &mut parameters)
            }
            path => (path.join("."), &mut read),
        };
        if !into.contains(&told) {
            into.push(told);
        }
    }
    (parameters, read)
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Commands, which stand indented on lines of their own, as Markdown has them.
fn fenced(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let is_command = line.starts_with("  ");
        if is_command != inside && !line.trim().is_empty() {
            lines.extend(if inside { ["```", ""] } else { ["", "```sh"] }.map(str::to_owned));
            inside = is_command;
        }
        lines.push(
            if inside { line.strip_prefix("    ").unwrap_or(line.trim_start()) } else { line }.to_owned(),
        );
    }
    if inside {
        lines.push("```".to_owned());
    }
    lines.join("\n")
}

/// docs/checks.md: made from the checks, never edited.
fn markdown(profile: &Profile, checks: &[&Check]) -> String {
    let mut text = format!(
        "# The checks of profile `{0}`\n\n\
         Made by `airworthy list --profile {0} --format markdown` from the files in `checks/`; edit those.\n\n\
         | id | roles | severity | requirement |\n|---|---|---|---|\n",
        profile.name
    );
    for check in checks {
        let _ = writeln!(
            text,
            "| [`{id}`](#{id}) | {} | {} | {} |",
            roles(check).join(", "),
            severity(profile, check),
            check.file.title.replace('|', "\\|"),
            id = check.id
        );
    }
    for check in checks {
        let _ = write!(text, "\n## {}\n\n{}\n\n{}\n", check.id, check.file.title, check.file.why.trim());
        let _ = write!(text, "\nWanted:\n\n```cel\n{}\n```\n", check.file.require.trim());
        if let Some(when) = &check.file.when {
            let _ = write!(text, "\nApplies when:\n\n```cel\n{}\n```\n", when.trim());
        }
        let cases = severity_cases(profile, check);
        if !cases.is_empty() {
            let _ = writeln!(text, "\nSeverity:\n");
            for case in cases {
                let _ = writeln!(text, "- {case}");
            }
        }
        let (parameters, _) = looks_at(profile, check);
        if !parameters.is_empty() {
            let _ = writeln!(text, "\nParameters:\n");
            for parameter in parameters {
                let _ = writeln!(text, "- `{parameter}`");
            }
        }
        let _ = write!(text, "\nRemedy:\n\n{}\n", fenced(check.remediation()));
        for (stage, remedy) in &check.file.stage_remediation {
            let _ = write!(text, "\nRemedy at stage `{stage}`:\n\n{}\n", fenced(remedy.trim()));
        }
        if let Some(fix) = check.file.fix.as_deref().and_then(fix::catalog::named) {
            let _ =
                writeln!(text, "\nFix: `airworthy check --fix` (`{}`): {}. {}.", fix.id, fix.title, fix.risk);
        }
        if !check.file.references.is_empty() {
            text.push_str("\nReferences:\n\n");
            for reference in &check.file.references {
                let _ = writeln!(text, "- <{reference}>");
            }
        }
    }
    text
}
