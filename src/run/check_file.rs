//! `check-file`: lints check files and runs their examples.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic;
use super::error::RunError;
use super::{settings, terminal};
use crate::checks::{
    Expected, LoadError, Profile, Severity, Source, Status, compile, lint_after, meets, run_example, shipped,
};
use crate::cli::CheckFileArgs;
use crate::escape::line;
use crate::{exit_code, input};

/// Runs `check-file`; every file is looked at before the status is given. A file that is no check file is an
/// error, and then nothing stands on stdout; an example that comes out otherwise is a NO-GO.
pub(super) fn check_file(args: &CheckFileArgs) -> Result<u8, RunError> {
    let profile = settings::profile(&args.profile)?;
    let mut broken = 0;
    let mut sound = true;
    let mut text = String::new();
    for path in &args.files {
        match judge_file(path, &args.files, &profile) {
            Ok(lines) => {
                let failed = lines.iter().filter(|(ok, _)| !ok).count();
                sound &= failed == 0;
                let word = if failed == 0 { "ok" } else { "FAILED" };
                let _ = writeln!(
                    text,
                    "{word:6}  {}: {} examples",
                    line(&path.display().to_string()),
                    lines.len()
                );
                for (_, told) in lines.iter().filter(|(ok, _)| !ok) {
                    let _ = writeln!(text, "        {}", line(told));
                }
            }
            Err(error) => {
                broken += 1;
                let color = terminal::color(terminal::stderr_is_terminal());
                terminal::error(diagnostic::render(&error, color, terminal::width()).trim_end(), color);
            }
        }
    }
    if broken > 0 {
        terminal::note(text.trim_end());
        return Ok(exit_code::COULD_NOT_RUN);
    }
    terminal::out(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(if sound { exit_code::GO } else { exit_code::NO_GO })
}

/// Ids that a check may stand after: those that ship, those that are looked at too, and its neighbours.
fn ids(path: &Path, files: &[PathBuf]) -> Vec<String> {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let neighbours = input::entries(folder).unwrap_or_default().into_iter();
    let neighbours = neighbours.filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "yml"));
    let own = files.iter().cloned().chain(neighbours).filter_map(|path| stem(&path));
    shipped::CHECKS.iter().map(|(id, _)| (*id).to_owned()).chain(own).collect()
}

fn judge_file(path: &Path, files: &[PathBuf], profile: &Profile) -> Result<Vec<(bool, String)>, RunError> {
    let text =
        input::read_named_text(path, settings::LARGEST).map_err(|error| RunError::file(path, &error))?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = path.display().to_string();
    let source = Source { file: &file, id: &id, text: &text };
    let check = Arc::new(compile(&source, profile)?);
    let ids = ids(path, files);
    lint_after(
        &source,
        &check,
        &ids.iter().map(String::as_str).filter(|other| *other != id).collect::<Vec<_>>(),
    )?;
    let examples = &check.file.examples;
    let mut results = Vec::new();
    for (at, example) in examples.iter().enumerate() {
        let verdict =
            run_example(&check, example, profile).map_err(|message| misplaced(&file, &text, at, message))?;
        let line = format!(
            "example {}: expected {}, is {}: {}",
            at + 1,
            words(example.expect.status(), example.severity),
            words(verdict.status, example.severity.map(|_| verdict.severity)),
            verdict.message
        );
        results.push((meets(example, &verdict), line));
    }
    for (word, expected) in
        [("pass", Expected::Pass), ("fail", Expected::Fail), ("unknown", Expected::Unknown)]
    {
        if !examples.iter().any(|example| example.expect == expected) {
            let error = LoadError::new(&file, &text, format!("no example is expected to be `{word}`")).help(
                "a check that cannot fail, or cannot be unknown, is not a check: add an example of each",
            );
            let error =
                if text.contains("\nexamples:") { error.at_text("examples:") } else { error.at(1, 1) };
            return Err(error.into());
        }
    }
    Ok(results)
}

/// A status, and a severity where one is expected, in the words of check files.
fn words(status: Status, severity: Option<Severity>) -> String {
    let word = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let status = word(serde_json::to_value(status));
    match severity {
        Some(severity) => format!("{status} ({})", word(serde_json::to_value(severity))),
        None => status,
    }
}

/// A mistake of one example, at the name it is about: the last step of the last name in backticks.
fn misplaced(file: &str, text: &str, at: usize, message: String) -> RunError {
    let path = format!("examples.{at}");
    let (message, help) = match message.split_once("; ") {
        Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
        None => (message, None),
    };
    let name =
        message.rsplit('`').nth(1).and_then(|name| name.rsplit('.').next()).unwrap_or_default().to_owned();
    let error = LoadError { help, ..LoadError::new(file, text, message) };
    error.at_text_in(&path, &name).into()
}
