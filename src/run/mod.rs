//! The pipeline of each command; the only user of threads and progress. Parses no format, judges
//! nothing, lays nothing out.

mod check;
mod check_file;
mod cluster;
mod control_node;
mod core_dumps;
mod diagnostic;
mod errand;
mod error;
mod facts;
mod fix;
mod fixing;
mod gathering;
mod handoff;
mod idle_waivers;
mod interrupt;
mod inventory;
mod list;
mod output_folder;
mod reading;
mod report_file;
mod safe_output;
mod saved;
mod settings;
mod settled;
mod sweep;
mod terminal;
mod undo;
mod whole_file;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ErrorKind};

use crate::checks::{CheckFile, Config, ProfileFile, shipped};
use crate::cli::{Cli, Command, FixCommand, SchemaOf};
use crate::exit_code;
use crate::facts::saved::SavedHost;
use crate::handoff::record;
use crate::redact;
use crate::report;

pub use crate::transport::answer_prompt;
pub use core_dumps::forbid as forbid_core_dumps;
pub use error::RunError;

/// Runs a command and gives its exit status; an error is told on stderr, and nothing stands on stdout then.
pub fn run(cli: &Cli) -> u8 {
    let checks = shipped::CHECKS.iter().map(|(_, text)| shipped::without_examples(text));
    redact::publish(shipped::CHECKS.iter().map(|(id, _)| *id));
    redact::publish_texts(checks.chain(shipped::PROFILES.iter().map(|(_, text)| *text)));
    let result = match &cli.command {
        Command::Check(args) => check::check(args),
        Command::Facts(args) => facts::facts(args),
        Command::List(args) => list::list(args),
        Command::Explain(args) => list::explain(args),
        Command::Inventory(args) => inventory::inventory(args),
        Command::Handoff(args) => handoff::handoff(args),
        Command::Fix(FixCommand::Undo(args)) => undo::undo(args),
        Command::CheckFile(args) => check_file::check_file(args),
        Command::Schema(args) => schema(args.of),
        Command::Completions(args) => completions(args.shell),
    };
    result.unwrap_or_else(|error| {
        let color = terminal::color(terminal::stderr_is_terminal());
        terminal::error(diagnostic::render(&error, color, terminal::width()).trim_end(), color);
        if matches!(cli.command, Command::Handoff(_)) {
            terminal::note(handoff::NOT_STARTED);
        }
        exit_code::COULD_NOT_RUN
    })
}

/// Tells what clap has to say of the command line, and gives the exit status: 0 for --help and --version, else 2.
pub fn refuse(words: &clap::Error) -> u8 {
    terminal::clap(words);
    let unknown = words.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    if words.kind() == ErrorKind::UnknownArgument && !unknown.is_empty() && !unknown.starts_with('-') {
        terminal::note(&format!(
            "\n  tip: hosts are named with -i: airworthy check -i '{unknown},' --as worker"
        ));
    }
    if !words.use_stderr() {
        return exit_code::GO;
    }
    if std::env::args_os().nth(1).is_some_and(|word| word == "handoff") {
        terminal::note(handoff::NOT_STARTED);
    }
    exit_code::COULD_NOT_RUN
}

fn schema(of: SchemaOf) -> Result<u8, RunError> {
    let schema = match of {
        SchemaOf::Report => report::json::schema(),
        SchemaOf::Facts => schemars::schema_for!(SavedHost).to_value(),
        SchemaOf::Handoff => record::schema(),
        SchemaOf::Check => schemars::schema_for!(CheckFile).to_value(),
        SchemaOf::Profile => schemars::schema_for!(ProfileFile).to_value(),
        SchemaOf::Config => schemars::schema_for!(Config).to_value(),
    };
    let text =
        serde_json::to_string_pretty(&schema).map_err(|error| RunError::Internal(error.to_string()))?;
    terminal::json(&(text + "\n")).map_err(stdout)?;
    Ok(exit_code::GO)
}

fn completions(shell: clap_complete::Shell) -> Result<u8, RunError> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "airworthy", &mut bytes);
    terminal::out(&String::from_utf8_lossy(&bytes)).map_err(stdout)?;
    Ok(exit_code::GO)
}

/// Why stdout could not be written to.
fn stdout(error: std::io::Error) -> RunError {
    RunError::file(std::path::Path::new("stdout"), &error)
}
