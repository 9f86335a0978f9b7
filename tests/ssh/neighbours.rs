//! Hosts that are up to no good beside hosts that are not: what is said of the others stays what it was, and memory stays small.

#![allow(clippy::print_stdout)] // how much memory it took

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::environment;
use crate::floods::before_login;
use crate::server::{Answer, Flood, Plan, Server};

/// The most memory that the process may ever have, in MiB.
const MOST: u64 = 1024;

/// A host that answers as one once did, framed by the boundary of the script that it is sent.
fn healthy() -> Server {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/infra/transcript");
    let text = fs::read(&recorded).expect("a recorded host");
    let boundary = airworthy::gather::boundary_of(&text).expect("a boundary");
    answering(&format!("sed \"s/^@{boundary} /@$b /\" '{}'", recorded.display()))
}

/// A host whose shell reads the script for its boundary, and then does this.
fn answering(act: &str) -> Server {
    let rc = format!(
        "while IFS= read -r l; do case $l in mark__=*) b=${{l#mark__=}}; break ;; esac; done; b=${{b#\\'}}; b=${{b%\\'}}\n\
         {act}\nexit"
    );
    Server::start(Plan { answer: Answer::Login { shell: "sh", rc }, ..Plan::open() })
}

/// Hosts up to no good: the ports of those that speak no SSH, and those that do.
struct Hostile {
    ports: Vec<u16>,
    servers: Vec<Server>,
}

impl Hostile {
    fn all() -> Hostile {
        let floods = [Flood::ExitStatus, Flood::Success, Flood::FlowControl, Flood::Unread];
        let mut servers: Vec<Server> =
            floods.map(|flood| Server::start(Plan { answer: Answer::Floods(flood), ..Plan::open() })).into();
        servers.push(answering("yes"));
        servers.push(answering("yes >&2"));
        servers.push(answering("printf '\\n@%s airworthy 1 1.0 root\\n' $b; yes"));
        // 20,000 sections, and 60,000 addresses.
        servers.push(answering("printf '\\n@%s airworthy 1 1.0 root\\n' $b; seq 20000 | sed \"s/.*/\\n@$b out s&\\nx\\n\\n@$b exit s& 0/\"; printf '\\n@%s end\\n' $b"));
        servers.push(answering("printf '\\n@%s airworthy 1 1.0 root\\n\\n@%s out network-ip\\n' $b $b; seq 60000 | sed 's|.*|&: e&    inet 10.0.0.1/24|'; printf '\\n@%s exit network-ip 0\\n\\n@%s end\\n' $b $b"));
        Hostile { ports: before_login().into_iter().map(|(_, port)| port).collect(), servers }
    }

    /// So many addresses, each kind as often as any other.
    fn ports(&self, count: usize) -> Vec<u16> {
        let all = self.ports.iter().copied().chain(self.servers.iter().map(Server::port));
        all.collect::<Vec<_>>().into_iter().cycle().take(count).collect()
    }
}

/// What was said of the healthy hosts, by host and check, and the most memory that it took, in MiB.
fn judged(healthy: &[u16], hostile: &[u16]) -> (BTreeMap<String, String>, u64) {
    let folder = environment::folder();
    let line = |name: &str, port: &u16| format!("{name}{port} ansible_host=127.0.0.1 ansible_port={port}\n");
    let mut text: String = healthy.iter().map(|port| line("healthy", port)).collect();
    // Several hosts of one kind share a port.
    text.extend(hostile.iter().enumerate().map(|(at, port)| line(&format!("hostile{at}x"), port)));
    let names: String =
        text.lines().filter_map(|line| line.split(' ').next()).map(|name| format!("{name}\n")).collect();
    fs::write(folder.path().join("hosts"), format!("{text}\n[kube_node]\n{names}")).expect("written");
    let report = folder.path().join("report.json");
    let mut child = environment::command(env!("CARGO_BIN_EXE_airworthy"))
        .current_dir(folder.path())
        .args([
            "check",
            "-i",
            "hosts",
            "--devbox",
            "none",
            "--host-key-checking",
            "off",
            "--timeout",
            "3",
            "-u",
            "ops",
        ])
        .args(["--format", "json"])
        .stdin(Stdio::null())
        .stdout(fs::File::create(&report).expect("a file"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("airworthy");
    let status = format!("/proc/{}/status", child.id());
    let mut stderr = child.stderr.take().expect("piped");
    let said = thread::spawn(move || {
        let mut said = String::new();
        let _ = stderr.read_to_string(&mut said);
        said
    });
    let mut peak = 0;
    let code = loop {
        let now = fs::read_to_string(&status).unwrap_or_default();
        let most = now
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .map(|line| line.trim().trim_end_matches(" kB"));
        peak = most.and_then(|most| most.parse::<u64>().ok()).unwrap_or_default().max(peak);
        if let Some(code) = child.try_wait().expect("a child") {
            break code;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let said = said.join().expect("what it said");
    assert!(code.code().is_some_and(|code| code <= 1), "{code}: {said}");
    let text = fs::read_to_string(&report).expect("a report");
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {said}"));
    let of_healthy = report["results"].as_array().expect("results").iter().filter_map(|result| {
        let host = result["host"].as_str()?;
        host.starts_with("healthy")
            .then(|| (format!("{host} {}", result["check"]), result["status"].to_string()))
    });
    (of_healthy.collect(), peak / 1024)
}

/// So many of either.
fn are_judged_as_without_hostile(healthy_count: usize, hostile_count: usize) {
    let servers: Vec<Server> = (0..healthy_count).map(|_| healthy()).collect();
    let healthy: Vec<u16> = servers.iter().map(Server::port).collect();
    let hostile = Hostile::all();
    let (alone, _) = judged(&healthy, &[]);
    assert!(alone.len() > healthy_count * 20, "{} verdicts", alone.len());
    assert!(alone.values().filter(|status| *status == "\"pass\"").count() > healthy_count * 10, "{alone:?}");
    let (beside, peak) = judged(&healthy, &hostile.ports(hostile_count));
    assert_eq!(beside, alone);
    assert!(peak < MOST, "{peak} MiB");
    println!("{healthy_count} healthy hosts, {hostile_count} hostile: {peak} MiB at the most");
}

#[test]
fn hosts_beside_hostile_ones_are_judged_as_without_them() {
    // Of each hostile kind one.
    are_judged_as_without_hostile(5, 17);
}

#[test]
#[ignore = "takes a minute; the test above is smaller"]
fn fifty_hosts_beside_hostile_ones_are_judged_as_without_them() {
    are_judged_as_without_hostile(50, 1);
    are_judged_as_without_hostile(50, 50);
}

/// A port where nobody answers is a host that is down.
#[test]
fn a_host_that_is_down_is_told_beside_healthy_ones() {
    let server = healthy();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    assert!(TcpStream::connect(("127.0.0.1", closed)).is_err());
    let (alone, _) = judged(&[server.port()], &[]);
    let (beside, _) = judged(&[server.port()], &[closed]);
    assert_eq!(beside, alone);
}
