//! `handoff`: check, then kubespray.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{By, FailOn, Format, ProfileArgs, Stage, TargetArgs};

/// `handoff`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: what ansible-playbook gave. Where it was not started, `airworthy: not started` says so, \
and the status is 1 (NO-GO), 2 (the run could not start or finish) or 130 (interrupted); the record has `started`."
)]
pub struct HandoffArgs {
    /// Which hosts, and the kubespray that will deploy.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to judge by.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// What the deployment is; it decides the playbook: cluster.yml, scale.yml or upgrade-cluster.yml
    #[arg(long, value_name = "STAGE", default_value = "new")]
    pub stage: Stage,
    /// Where kubespray's inventory goes that is written from OpenPAI's files, and the record [default:
    /// kubespray-inventory beside the layout; the record beside the inventory]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Replace an inventory that was written before and differs
    #[arg(long)]
    pub overwrite: bool,
    /// Check, show what would be written and run, and stop there
    #[arg(long)]
    pub dry_run: bool,
    /// A JSON report of the same inventory, instead of checking again
    #[arg(long, value_name = "FILE")]
    pub from_report: Option<PathBuf>,
    /// How old the facts of --from-report may be: 15m, 2h
    #[arg(long, value_name = "AGE", default_value = "15m", value_parser = super::parse_age)]
    pub facts_max_age: Duration,
    /// Let the findings of one check through, with a --reason; repeatable
    #[arg(long = "override", value_name = "ID", requires = "reason")]
    pub overrides: Vec<String>,
    /// Why, for the record; one for each --override
    #[arg(long, value_name = "TEXT", requires = "overrides")]
    pub reason: Vec<String>,
    /// The program [default: the first on PATH]
    #[arg(long, value_name = "PATH")]
    pub ansible_playbook: Option<PathBuf>,
    /// A report into a file; repeatable
    #[arg(long, value_name = "FORMAT=PATH", value_parser = super::parse_report)]
    pub report: Vec<(Format, PathBuf)>,
    /// The table groups findings by check or by host
    #[arg(long, value_name = "WHAT", default_value = "check")]
    pub by: By,
    /// The table lists every verdict
    #[arg(long)]
    pub verbose: bool,
    /// What makes a NO-GO
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub fail_on: FailOn,
    /// More arguments for ansible-playbook
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub words: Vec<String>,
}
