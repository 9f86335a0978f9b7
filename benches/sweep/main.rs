//! How fast 1,000 simulated hosts are gathered and judged, beside the least that ssh2 needs to run one command on each.
//!
//! `cargo bench --bench sweep [-- --hosts N --runs N --forks N]`. Three processes, so that each one's cost is its own:
//! this one, which measures; the fleet, an SSH server that answers every command after 100 ms; and the client of the
//! round: the bare sweep, or `airworthy check` (another build of it: `AIRWORTHY=PATH`).
//! `KEEP_REPORT=PATH` keeps its last report. `docs/performance.md` says how to read the figures.
#![allow(clippy::print_stdout, reason = "figures are what a benchmark gives")]

mod bare;
mod fleet;
mod keys;
mod measure;

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use measure::{Cost, cpu_of, run};

/// What stands after the executable's name in a child of this process.
const FLEET: &str = "--as-fleet";
const BARE: &str = "--as-bare-client";

struct Plan {
    hosts: usize,
    runs: usize,
    /// Of the bare sweep; airworthy takes its own default.
    forks: usize,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize| -> usize { arguments[at].parse().expect("a number") };
    match arguments.first().map(String::as_str) {
        Some(FLEET) => fleet::serve(number(1)),
        Some(BARE) => bare::sweep(Path::new(&arguments[1]), number(2), number(3), number(4)),
        _ => compare(&plan(&arguments)),
    }
}

fn plan(arguments: &[String]) -> Plan {
    let flag = |name: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(default, |at| arguments[at + 1].parse().expect("a number"))
    };
    Plan { hosts: flag("--hosts", 1000), runs: flag("--runs", 5), forks: flag("--forks", 256) }
}

fn compare(plan: &Plan) {
    let folder = tempfile::tempdir().expect("a folder");
    let fleet = Fleet::start(plan.hosts);
    keys::write(folder.path(), plan.hosts, fleet.port);
    write_inventory(folder.path(), plan.hosts, fleet.port);
    let load = fs::read_to_string("/proc/loadavg").expect("a load");
    println!(
        "{} hosts, {} at a time, {} runs; load at the start: {}",
        plan.hosts,
        plan.forks,
        plan.runs,
        &load[..4]
    );

    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for round in 0..=plan.runs {
        let one = fleet.beside(|| run(&mut bare_client(folder.path(), plan, fleet.port)));
        let other = fleet.beside(|| check(folder.path()));
        if round == 0 {
            println!("{}", verdicts(folder.path())); // it also warms what is read
        } else {
            bare.push(one);
            ours.push(other);
        }
    }
    println!(
        "{:<10}{:>24}{:>13}{:>13}{:>13}",
        "", "wall s [min-max]", "CPU ms/host", "peak MB", "fleet's CPU"
    );
    for (name, costs) in [("bare", &bare), ("airworthy", &ours)] {
        let wall = spread(costs, |(cost, _)| cost.wall.as_secs_f64());
        let cpu = spread(costs, |(cost, _)| cost.cpu.as_secs_f64() * 1000.0 / plan.hosts as f64);
        let fleets = spread(costs, |(_, fleets)| fleets.as_secs_f64() * 1000.0 / plan.hosts as f64);
        let peak = spread(costs, |(cost, _)| cost.peak_mb);
        let walls = format!("{:.2} [{:.2}-{:.2}]", wall[1], wall[0], wall[2]);
        println!("{name:<10}{walls:>24}{:>13.2}{:>13.1}{:>13.2}", cpu[1], peak[2], fleets[1]);
    }
    if let Some(path) = env::var_os("KEEP_REPORT") {
        fs::copy(folder.path().join("report.json"), path).expect("kept");
    }
    let walls = bare.iter().zip(&ours).map(|((bare, _), (ours, _))| (bare.wall, ours.wall));
    let ratio = median(walls.map(|(bare, ours)| ours.as_secs_f64() / bare.as_secs_f64()));
    println!("ratio of the walls, median over the rounds: {ratio:.2}");
}

/// Least, median and most.
fn spread(costs: &[(Cost, Duration)], figure: impl Fn(&(Cost, Duration)) -> f64) -> [f64; 3] {
    let all = || costs.iter().map(&figure);
    [all().fold(f64::MAX, f64::min), median(all()), all().fold(0.0, f64::max)]
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The simulated hosts, in a process of their own. It ends with this value.
struct Fleet {
    child: Child,
    port: u16,
}

impl Fleet {
    fn start(hosts: usize) -> Self {
        let mut child = itself()
            .args([FLEET, &hosts.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fleet starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("the fleet's port");
        Fleet { child, port: line.trim().parse().expect("a port") }
    }

    /// A client's cost, and the fleet's beside it.
    fn beside(&self, client: impl FnOnce() -> Cost) -> (Cost, Duration) {
        let before = cpu_of(self.child.id());
        let cost = client();
        (cost, cpu_of(self.child.id()) - before)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait(); // it ends when its stdin does
    }
}

fn itself() -> Command {
    Command::new(env::current_exe().expect("the path of this executable"))
}

fn bare_client(folder: &Path, plan: &Plan, port: u16) -> Command {
    let mut command = itself();
    command.arg(BARE).arg(folder).args([port.to_string(), plan.hosts.to_string(), plan.forks.to_string()]);
    command
}

/// The real thing, with a home of its own.
fn check(folder: &Path) -> Cost {
    let report = File::create(folder.join("report.json")).expect("created");
    let binary = env::var_os("AIRWORTHY").unwrap_or_else(|| env!("CARGO_BIN_EXE_airworthy").into());
    let mut command = Command::new(binary);
    command
        .args(["check", "--devbox", "none", "--profile", "openpai", "--format", "json", "-i"])
        .arg(folder.join("inventory.ini"))
        .arg("--private-key")
        .arg(folder.join("id"))
        .env("HOME", folder)
        .env_remove("SSH_AUTH_SOCK")
        .stdout(report)
        .stderr(Stdio::null());
    run(&mut command)
}

/// An inventory of kubespray's kind: three control planes, the rest nodes.
fn write_inventory(folder: &Path, hosts: usize, port: u16) {
    let mut file = File::create(folder.join("inventory.ini")).expect("created");
    let mut write = |line: String| writeln!(file, "{line}").expect("written");
    write("[all]".to_owned());
    for host in 0..hosts {
        let (name, address) = (fleet::name(host), fleet::address(host));
        // What the others would use: a loopback address means another machine on each.
        let peer = format!("10.{}.{}.{}", host >> 16 & 255, host >> 8 & 255, host & 255);
        write(format!(
            "{name} ansible_host={address} ip={address} access_ip={peer} ansible_port={port} ansible_user=ops"
        ));
    }
    let planes = 3.min(hosts - 1);
    for (group, members) in
        [("kube_control_plane", 0..planes), ("etcd", 0..planes), ("kube_node", planes..hosts)]
    {
        write(format!("[{group}]"));
        members.for_each(|host| write(fleet::name(host)));
    }
    write("[k8s_cluster:children]\nkube_control_plane\nkube_node".to_owned());
}

/// How the report came out: that every host was reached and judged, else the figures mean nothing.
fn verdicts(folder: &Path) -> String {
    let text = fs::read(folder.join("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let rows = report["hosts"].as_array().expect("hosts");
    let lost = rows.iter().filter(|row| row["reached"] != true).count();
    assert_eq!(lost, 0, "not every host was reached; the first row: {}", rows[0]);
    format!("report: {} KB, verdict {}, {}", text.len() / 1000, report["verdict"], report["summary"])
}
