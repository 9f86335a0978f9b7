//! Every type that clap fills; only `main` and `run` name it. Flags that exist in `ansible-playbook` keep
//! their name and meaning.

mod handoff;
mod target;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use handoff::HandoffArgs;
pub use target::{Devbox, HostKeyPolicy, Nvml, TargetArgs, TransportKind, VaultArgs};

/// Tells whether machines are fit to become a Kubernetes cluster, before kubespray touches them.
#[derive(Debug, Parser)]
#[command(name = "airworthy", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge the cluster: visit every host once, say GO or NO-GO with the evidence
    Check(Box<CheckArgs>),
    /// Gather only, and write what was read
    Facts(Box<FactsArgs>),
    /// The checks of a profile: id, roles, severity, title
    List(ListArgs),
    /// Why a check exists, how it is read, how to remedy it
    Explain(ExplainArgs),
    /// Hosts, roles and groups as understood
    Inventory(InventoryArgs),
    /// Check, then run kubespray if GO
    Handoff(Box<HandoffArgs>),
    /// Take back what `check --fix` did
    #[command(subcommand)]
    Fix(FixCommand),
    /// Lint check files and run their examples
    CheckFile(CheckFileArgs),
    /// JSON Schemas of what is written and read
    Schema(SchemaArgs),
    /// Completions for a shell
    Completions(CompletionsArgs),
}

/// What to judge by.
#[derive(Args, Clone, Debug, Default)]
pub struct ProfileArgs {
    /// Which checks and limits: a profile's name, or a file
    #[arg(long, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// A folder with more check files; an id that exists replaces the shipped one; repeatable
    #[arg(long, value_name = "DIR")]
    pub checks: Vec<PathBuf>,
    /// A parameter of the profile, its value as YAML; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Only these checks: ids or globs; repeatable
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Not these checks: ids or globs; repeatable
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub skip: Vec<String>,
}

/// `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Which hosts.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to judge by.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// What the deployment is; beyond new, what kubespray itself left does not count
    #[arg(long, value_name = "STAGE", default_value = "new")]
    pub stage: Stage,
    /// Judge saved facts (a folder of JSON, or an NDJSON file, or `-` for stdin); connects to nothing
    #[arg(long, value_name = "PATH", conflicts_with = "as_role")]
    pub facts: Option<PathBuf>,
    /// Facts older than this are unknown: 15m, 2h, 1d
    #[arg(long, value_name = "AGE", requires = "facts", conflicts_with = "as_role", value_parser = parse_age)]
    pub facts_max_age: Option<std::time::Duration>,
    /// Keep what was gathered, one JSON file a host
    #[arg(long, value_name = "DIR", conflicts_with = "facts")]
    pub save_facts: Option<PathBuf>,
    /// What goes to stdout [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// A report into a file, besides stdout's; `-` is stdout, in --format's place; repeatable
    #[arg(long, value_name = "FORMAT=PATH", value_parser = parse_report)]
    pub report: Vec<(Format, PathBuf)>,
    /// The table groups findings by check or by host
    #[arg(long, value_name = "WHAT", default_value = "check")]
    pub by: By,
    /// The table lists every verdict
    #[arg(short, long)]
    pub verbose: bool,
    /// What makes a NO-GO
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub fail_on: FailOn,
    /// Repair what a failing check's fix can: show the plan, ask, apply, judge again
    #[arg(long, conflicts_with = "facts")]
    pub fix: bool,
    /// How a fix goes about it.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// How a fix goes about it.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ConsentArgs {
    /// Show what a fix would do, and stop there
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
    /// Where a reload is not enough, restart Docker, if no container runs or live-restore is on
    #[arg(long)]
    pub allow_restart: bool,
}

/// `fix`.
#[derive(Debug, Subcommand)]
pub enum FixCommand {
    /// Put back the file that the latest fix replaced
    Undo(Box<UndoArgs>),
}

/// `fix undo`.
#[derive(Args, Debug)]
pub struct UndoArgs {
    /// Which hosts.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How it goes about it.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// Flags of a visit over SSH: where no host is visited so, they would do nothing.
const VISIT: [&str; 8] =
    ["user", "private_key", "ask_pass", "forks", "timeout", "host_key_checking", "transport", "devbox"];

/// `facts`.
#[derive(Args, Debug)]
pub struct FactsArgs {
    /// Which hosts.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to ask for.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// This machine, whatever the inventory
    #[arg(long, conflicts_with_all = ["inventory", "limit", "script", "transcript"], conflicts_with_all = VISIT)]
    pub local: bool,
    /// Print the probe script, for another engine to run
    #[arg(long, conflicts_with_all = ["inventory", "limit", "transcript", "output", "save_transcripts", "ask_become_pass"],
        conflicts_with_all = VISIT)]
    pub script: bool,
    /// Read the answer that the script gave elsewhere (`-` for stdin), and print its facts
    #[arg(long, value_name = "FILE", conflicts_with_all = ["limit", "save_transcripts"], conflicts_with_all = VISIT,
        conflicts_with_all = ["ask_become_pass", "nvml", "helper_dir", "checks", "select", "skip"])]
    pub transcript: Option<PathBuf>,
    /// The host that gave the transcript: one of the inventory's, or a name for one that stands in none
    #[arg(long, value_name = "NAME", requires = "transcript")]
    pub host: Option<String>,
    /// Keep the hosts' answers as they came, one file a host; they hold daemon.json and the like unfiltered
    #[arg(long, value_name = "DIR")]
    pub save_transcripts: Option<PathBuf>,
    /// One JSON file a host into this folder, instead of NDJSON to stdout
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Which profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// As a table, JSON, or the page docs/checks.md
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ListFormat,
}

/// `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The check's id
    pub id: String,
    /// Which profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
}

/// `inventory`.
#[derive(Args, Debug)]
pub struct InventoryArgs {
    /// Inventory files, folders, or hosts with a comma (h1,h2); repeatable [default: ansible.cfg's]
    #[arg(short, long, value_name = "PATH")]
    pub inventory: Vec<PathBuf>,
    /// The kubespray that will deploy, a checkout: its ansible.cfg and its own variables count, as for `check`
    #[arg(long, value_name = "DIR")]
    pub kubespray: Option<PathBuf>,
    /// Vault passwords.
    #[command(flatten)]
    pub vault: VaultArgs,
    /// Variables above the inventory's: key=value, YAML or JSON in brackets, or @FILE; repeatable
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<String>,
    /// Only these hosts: an Ansible host pattern
    #[arg(short, long, value_name = "PATTERN", conflicts_with = "host")]
    pub limit: Option<String>,
    /// One host's variables, where each came from, and what it overrode
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// A table, or JSON in the shape of `ansible-inventory --list`
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// JSON with the groups that kubespray makes while it runs (k8s_cluster), as the table has them
    #[arg(long)]
    pub runtime_groups: bool,
}

/// `check-file`.
#[derive(Args, Debug)]
pub struct CheckFileArgs {
    /// Check files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The profile whose parameters they use: a name, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "openpai")]
    pub profile: String,
}

/// `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// Of what
    pub of: SchemaOf,
}

/// `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// For which shell
    pub shell: clap_complete::Shell,
}

/// `--stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// Fresh machines
    New,
    /// A deployment again
    Rerun,
    /// More nodes
    Scale,
    /// A newer release
    Upgrade,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// `list --format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// The reference page
    Markdown,
}

/// `--by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// One block a check
    Check,
    /// One block a host
    Host,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors
    Error,
    /// Warnings too
    Warning,
}

/// `schema OF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The JSON report
    Report,
    /// Saved facts
    Facts,
    /// The record of a handoff
    Handoff,
    /// Check files
    Check,
    /// Profiles
    Profile,
    /// airworthy.yaml
    Config,
}

fn parse_report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("expected FORMAT=PATH, such as json=report.json")?;
    if path.is_empty() {
        return Err("the path is empty".to_owned());
    }
    let known = Format::from_str(format, false).map_err(|_| {
        let names: Vec<String> = Format::value_variants()
            .iter()
            .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("there is no format `{format}`; there are: {}", names.join(", "))
    })?;
    Ok((known, PathBuf::from(path)))
}

fn parse_age(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("`{text}` is not an age such as 90s, 15m, 2h or 1d");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 86400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(std::time::Duration::from_secs(number.saturating_mul(unit)))
}
