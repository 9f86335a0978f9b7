//! `check-file`: lints check files and runs their examples.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic;
use super::error::RunError;
use super::{settings, terminal};
use crate::checks::{Example, Expected, LoadError, Profile, Source, compile, run_example};
use crate::cli::CheckFileArgs;
use crate::exit_code;

/// Runs `check-file`; every file is looked at before the status is given.
pub(super) fn check_file(args: &CheckFileArgs) -> Result<u8, RunError> {
    let profile = settings::profile(&args.profile)?;
    let mut sound = true;
    let mut text = String::new();
    for path in &args.files {
        match judge_file(path, &profile) {
            Ok(lines) => {
                let failed = lines.iter().filter(|(ok, _)| !ok).count();
                sound &= failed == 0;
                let word = if failed == 0 { "ok" } else { "FAILED" };
                let _ = writeln!(text, "{word:6}  {}: {} examples", path.display(), lines.len());
                for (_, line) in lines.iter().filter(|(ok, _)| !ok) {
                    let _ = writeln!(text, "        {line}");
                }
            }
            Err(error) => {
                sound = false;
                let color = terminal::color(terminal::stderr_is_terminal());
                terminal::error(diagnostic::render(&error, color, terminal::width()).trim_end());
            }
        }
    }
    terminal::out(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(if sound { exit_code::GO } else { exit_code::COULD_NOT_RUN })
}

fn judge_file(path: &Path, profile: &Profile) -> Result<Vec<(bool, String)>, RunError> {
    let text = fs::read_to_string(path).map_err(|error| RunError::file(path, &error))?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = path.display().to_string();
    let check = compile(&Source { file: &file, id: &id, text: &text }, profile)?;
    let check = Arc::new(check);
    let examples = &check.file.examples;
    for (word, expected) in
        [("pass", Expected::Pass), ("fail", Expected::Fail), ("unknown", Expected::Unknown)]
    {
        if !examples.iter().any(|example| example.expect == expected) {
            let error = LoadError::new(&file, &text, format!("no example is expected to be `{word}`")).help(
                "a check that cannot fail, or cannot be unknown, is not a check: add an example of each",
            );
            return Err(error.at_text("examples").into());
        }
    }
    let run = |(at, example): (usize, &Example)| {
        let verdict = run_example(&check, example, profile)?;
        let wanted = example.expect.status();
        let line =
            format!("example {}: expected {wanted:?}, is {:?}: {}", at + 1, verdict.status, verdict.message);
        Ok((verdict.status == wanted, line))
    };
    let results: Result<Vec<(bool, String)>, String> = examples.iter().enumerate().map(run).collect();
    results.map_err(|message| LoadError::new(&file, &text, message).at_text("examples").into())
}
