//! Parse, run, exit.

use std::process::ExitCode;

use airworthy::cli::Cli;
use airworthy::run::run;
use clap::Parser as _;

fn main() -> ExitCode {
    // ssh starts this program to ask for a password that is known.
    if let Some(status) = airworthy::run::answer_prompt() {
        return ExitCode::from(status);
    }
    // clap itself ends with status 2 on a bad flag, and with 0 on --help and --version.
    ExitCode::from(run(&Cli::parse()))
}
