//! `list`, `explain` and the reference page: what the checks say of themselves.

use std::fmt::Write as _;
use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::error::RunError;
use super::settings::{Settings, TeamConfig};
use super::terminal;
use crate::checks::{Check, Scope, SeverityByRole, nearest};
use crate::cli::{ExplainArgs, ListArgs, ListFormat};
use crate::exit_code;

/// Runs `list`.
pub(super) fn list(args: &ListArgs) -> Result<u8, RunError> {
    let settings = Settings::load(&args.profile, &TeamConfig::find(&[])?, "openpai", &Default::default())?;
    let mut checks: Vec<&Check> = settings.catalog.checks().iter().map(|check| &**check).collect();
    checks.sort_by(|a, b| a.id.cmp(&b.id));
    let text = match args.format {
        ListFormat::Table => table(&checks),
        ListFormat::Json => {
            let rows: Vec<_> = checks
                .iter()
                .map(|check| {
                    json!({"id": check.id, "roles": roles(check), "severity": severity(check), "title": check.file.title})
                })
                .collect();
            serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n"
        }
        ListFormat::Markdown => markdown(&settings.profile.name, &checks),
    };
    terminal::out(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

fn table(checks: &[&Check]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(terminal::width()).unwrap_or(u16::MAX));
    table.set_header(["ID", "ROLES", "SEVERITY", "TITLE"]);
    for check in checks {
        table.add_row([check.id.clone(), roles(check).join(", "), severity(check), check.file.title.clone()]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

fn roles(check: &Check) -> Vec<String> {
    match check.file.scope {
        Scope::Fleet => vec!["fleet".to_owned()],
        Scope::Host => check.file.roles.iter().map(ToString::to_string).collect(),
    }
}

fn severity(check: &Check) -> String {
    let word = |severity| format!("{severity:?}").to_lowercase();
    match &check.file.severity {
        SeverityByRole::One(severity) => word(*severity),
        SeverityByRole::ByRole(by_role) => by_role
            .iter()
            .map(|(role, severity)| format!("{role}: {}", word(*severity)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Runs `explain`.
pub(super) fn explain(args: &ExplainArgs) -> Result<u8, RunError> {
    let settings = Settings::load(&args.profile, &TeamConfig::find(&[])?, "openpai", &Default::default())?;
    let Some(check) = settings.catalog.get(&args.id) else {
        let ids = settings.catalog.checks().iter().map(|check| check.id.as_str());
        let near = nearest(&args.id, ids).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let reason = format!(
            "the profile `{}` has no check `{}`{near} (see `airworthy list`)",
            settings.profile.name, args.id
        );
        return Err(RunError::flag("explain", reason));
    };
    let mut text = format!("{}: {}\n", check.id, check.file.title);
    let _ = writeln!(text, "{} · {}\n", roles(check).join(", "), severity(check));
    let mut part = |head: &str, body: &str| {
        if !body.trim().is_empty() {
            let _ = writeln!(text, "{head}\n{}\n", indent(body.trim()));
        }
    };
    part("Why", &check.file.why);
    part("Wanted", &check.file.require);
    part("Applies when", check.file.when.as_deref().unwrap_or_default());
    let read: Vec<String> = check.require.paths.iter().map(|path| path.join(".")).collect();
    part("Read", &read.join("\n"));
    let parameters: Vec<String> = check
        .require
        .paths
        .iter()
        .filter(|path| path[0] == "params" && path.len() > 1)
        .filter_map(|path| Some(format!("{} = {}", path[1], settings.profile.parameters.get(&path[1])?)))
        .collect();
    part("Parameters (--set)", &parameters.join("\n"));
    part("After", &check.file.after.join(", "));
    part("Remedy", &check.file.remediation);
    part("References", &check.file.references.join("\n"));
    terminal::out(&(text.trim_end().to_owned() + "\n"))
        .map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// docs/checks.md: made from the checks, never edited.
fn markdown(profile: &str, checks: &[&Check]) -> String {
    let mut text = format!(
        "# The checks of profile `{profile}`\n\n\
         Made by `airworthy list --format markdown` from the files in `checks/`; edit those.\n\n\
         | id | roles | severity | requirement |\n|---|---|---|---|\n"
    );
    for check in checks {
        let _ = writeln!(
            text,
            "| [`{id}`](#{id}) | {} | {} | {} |",
            roles(check).join(", "),
            severity(check),
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
        let _ = write!(text, "\nRemedy: {}\n", check.file.remediation.trim());
        if !check.file.references.is_empty() {
            text.push_str("\nReferences:\n\n");
            for reference in &check.file.references {
                let _ = writeln!(text, "- <{reference}>");
            }
        }
    }
    text
}
