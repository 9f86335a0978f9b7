//! Ctrl-C, and the SIGTERM of CI runners: a report of what is done, and exit status 130.

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::environment;
use crate::harness::Bench;

/// Interrupts a check of this machine and of a host that accepts connections and says nothing; the status and stdout.
fn interrupted_by(signal: Signal, bench: &Bench, words: &[&str]) -> (Option<i32>, Option<i32>, String) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    bench.write(
        "hosts.ini",
        format!("[kube_control_plane]\nhere ansible_connection=local\n[etcd]\nhere\n[kube_node]\nmute ansible_host=127.0.0.1 ansible_port={port}\n"),
    );
    let mut child = environment::command(env!("CARGO_BIN_EXE_airworthy"))
        .env("HOME", bench.path())
        .env("COLUMNS", "100")
        .current_dir(bench.path())
        .args(["check", "-i", "hosts.ini", "--devbox", "none", "--timeout", "60"])
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // The visits have begun, so the run listens.
    let _visit = silent.accept().expect("a connection");
    let began = Instant::now();
    // Twice, as `timeout` does it: to the process, and to its group.
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), signal).expect("it runs");
    }
    let mut out = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    let status = child.wait().expect("it ends");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    (status.code(), status.signal(), out)
}

#[test]
fn an_interrupted_run_reports_and_says_so_first() {
    for signal in [Signal::INT, Signal::TERM] {
        let bench = Bench::new();
        let (code, by, out) = interrupted_by(signal, &bench, &["--report", "json=report.json"]);
        assert_eq!((code, by), (Some(130), None), "{out}");
        assert!(out.starts_with("INTERRUPTED after "), "{out}");
        assert!(out.contains("NOT VISITED") && !out.contains("UNREACHABLE"), "{out}");
        assert!(!out.contains("the way Ansible does"), "nothing was tried that there is a remedy for: {out}");
        let report: Value = serde_json::from_str(&bench.read("report.json")).expect("JSON");
        assert_eq!(report["scope"]["interrupted"], json!(true));
        assert_eq!((&report["verdict"], &report["scope"]["complete"]), (&json!("no-go"), &json!(false)));
        let mute = &report["hosts"][1];
        assert_eq!((&mute["name"], &mute["unreachable"]["stage"]), (&json!("mute"), &json!("interrupted")));
    }
}
