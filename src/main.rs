//! Parse, run, exit.

use std::process::ExitCode;

use airworthy::cli::Cli;
use airworthy::run::{forbid_core_dumps, refuse, run};
use clap::Parser as _;

fn main() -> ExitCode {
    // Before anything is read that could be secret.
    forbid_core_dumps();
    // ssh starts this program to ask for a password that is known.
    if let Some(status) = airworthy::run::answer_prompt() {
        return ExitCode::from(status);
    }
    ExitCode::from(match Cli::try_parse() {
        Ok(cli) => run(&cli),
        Err(words) => refuse(&words),
    })
}
