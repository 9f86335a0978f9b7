//! Parse, run, exit.

use std::process::ExitCode;

use airworthy::cli::Cli;
use airworthy::run::run;
use clap::Parser as _;

fn main() -> ExitCode {
    // clap itself ends with status 2 on a bad flag, and with 0 on --help and --version.
    ExitCode::from(run(&Cli::parse()))
}
