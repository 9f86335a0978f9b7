//! How fast an inventory of 10,000 hosts with group_vars is read, beside `ansible-inventory` on the same files.
//!
//! `cargo bench --bench inventory [-- --hosts N --runs N]`. Ansible is the `ansible-inventory` on PATH, or the one that
//! ANSIBLE_INVENTORY_PROGRAM names; without it only airworthy is measured. Both print everything they read, and that is compared.
#![allow(clippy::print_stdout, reason = "figures are what a benchmark gives")]

#[path = "../sweep/measure.rs"]
mod measure;

use std::env;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use measure::{Cost, run};
use serde_json::Value;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let flag = |name: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(default, |at| arguments[at + 1].parse().expect("a number"))
    };
    let (hosts, runs) = (flag("--hosts", 10_000), flag("--runs", 3));
    let folder = tempfile::tempdir().expect("a folder");
    write_inventory(folder.path(), hosts);
    let load = fs::read_to_string("/proc/loadavg").expect("a load");
    println!("{hosts} hosts, {runs} runs; load at the start: {}", load.trim());

    let ours = folder.path().join("ours.json");
    let theirs = folder.path().join("theirs.json");
    let mut costs: [Vec<Cost>; 2] = [Vec::new(), Vec::new()];
    let program = ansible();
    // In turn, so that what else runs here disturbs both alike.
    for _ in 0..runs {
        let mut airworthy = Command::new(env!("CARGO_BIN_EXE_airworthy"));
        airworthy.arg("inventory").args(["--format", "json"]);
        costs[0].push(measured(airworthy, folder.path(), &ours));
        if let Some(program) = &program {
            let mut ansible = Command::new(program);
            ansible
                .env_remove("ANSIBLE_INVENTORY")
                .env("ANSIBLE_CONFIG", folder.path().join("ansible.cfg"))
                .arg("--list");
            costs[1].push(measured(ansible, folder.path(), &theirs));
        }
    }
    let fastest = |costs: &[Cost]| costs.iter().map(|cost| cost.wall).min().expect("a run").as_secs_f64();
    let show = |name: &str, costs: &[Cost]| {
        let walls: Vec<String> = costs.iter().map(|cost| format!("{:.2}", cost.wall.as_secs_f64())).collect();
        let cpu = costs.iter().map(|cost| cost.cpu).min().expect("a run").as_secs_f64();
        let peak = costs.iter().map(|cost| cost.peak_mb).fold(0.0, f64::max);
        println!("{name}: wall {} s, CPU {cpu:.2} s, peak {peak:.0} MB", walls.join(" "));
    };
    show("airworthy", &costs[0]);
    if program.is_none() {
        println!("no ansible-inventory here to compare with");
        return;
    }
    show("ansible-inventory", &costs[1]);
    println!("{:.0} times faster", fastest(&costs[1]) / fastest(&costs[0]));
    let read = |path: &Path| -> Value {
        serde_json::from_str(&fs::read_to_string(path).expect("what was printed")).expect("JSON")
    };
    assert!(read(&ours) == read(&theirs), "both print the same");
    println!("both printed the same, {:.0} MB", fs::metadata(&ours).expect("a file").len() as f64 / 1e6);
}

fn ansible() -> Option<PathBuf> {
    let named = env::var_os("ANSIBLE_INVENTORY_PROGRAM").map(PathBuf::from);
    let program = named.unwrap_or_else(|| PathBuf::from("ansible-inventory"));
    let answer = Command::new(&program).env_remove("ANSIBLE_INVENTORY").arg("--version").output().ok()?;
    answer.status.success().then_some(program)
}

fn measured(mut command: Command, folder: &Path, into: &Path) -> Cost {
    command.arg("-i").arg(folder.join("inventory.ini")).current_dir(folder.join("empty"));
    run(command.stdout(File::create(into).expect("a file")).stderr(Stdio::null()))
}

/// kubespray's groups, some variables a host, and group_vars of the size of kubespray's sample.
fn write_inventory(folder: &Path, hosts: usize) {
    let mut text = String::from(
        "[kube_control_plane]\nnode[00001:00003]\n[etcd:children]\nkube_control_plane\n[kube_node]\n",
    );
    for host in 1..=hosts {
        let (high, low) = (host / 250, host % 250 + 1);
        writeln!(
            text,
            "node{host:05} ansible_host=10.0.{high}.{low} ip=10.1.{high}.{low} rack=r{high} gpus=8"
        )
        .expect("text");
    }
    text.push_str(
        "[k8s_cluster:children]\nkube_control_plane\nkube_node\n[k8s_cluster:vars]\nansible_user=ops\n",
    );
    fs::write(folder.join("inventory.ini"), text).expect("written");
    fs::write(folder.join("ansible.cfg"), "").expect("written");
    fs::create_dir(folder.join("empty")).expect("a folder");
    for (file, count) in [
        ("all/all.yml", 30),
        ("all/docker.yml", 20),
        ("k8s_cluster/k8s.yml", 60),
        ("k8s_cluster/addons.yml", 40),
    ] {
        let mut text = String::from("---\n");
        let stem = file.replace(['/', '.'], "_");
        for number in 0..count {
            let value = match number % 5 {
                0 => "true".to_owned(),
                1 => format!("\"{{{{ {stem}_0 | default({number}) }}}}\""),
                2 => number.to_string(),
                3 => format!("\n  - 10.{number}.0.0/16\n  - name: n{number}\n    port: {number}"),
                _ => format!("text of some words {number}"),
            };
            writeln!(text, "# what it is for\n{stem}_{number}: {value}").expect("text");
        }
        let path = folder.join("group_vars").join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
}
