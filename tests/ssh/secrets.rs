//! Passwords that are used, and what a host says of its own: none of it is in what a run writes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use russh::MethodKind;

use crate::environment;
use crate::machine::Machine;
use crate::server::{Answer, Plan, Server};

/// What each marker has in it.
const MARK: &str = "zQm4rk";

const DAEMON: &str = r#"{
  "labels": ["rack=7", "api-key=zQm4rk01"],
  "log-opts": {"max-size": "50m", "dd-api-key": "zQm4rk02", "env": "API_TOKEN=zQm4rk03"},
  "proxies": {"http-proxy": "joe:zQm4rk04@10.0.0.1:3128", "https-proxy": "http://joe:zQm4rk05/x@10.0.0.1:3128"},
  "insecure-registries": ["joe:zQm4rk06@r.example:5000"],
  "exec-opts": ["x.secret=zQm4rk07"],
  "runtimes": {"x": {"path": "/x", "runtimeArgs": ["--token", "zQm4rk08"]}}
}
"#;

/// A host that wants passwords for the login and for sudo, and whose programs quote their configuration.
struct Host {
    machine: Machine,
    server: Server,
}

impl Host {
    fn start() -> Host {
        let machine = Machine::new();
        let daemon = machine.path("daemon.json");
        fs::write(&daemon, DAEMON).expect("written");
        machine.sudo(Some("zQm4rk-sudo"));
        let unit = format!(
            "case \"$*\" in *ExecStart*docker.service*)\n\
             echo 'ExecStart={{ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd --config-file={} ; }}' ;;\n\
             *) echo 'Failed: password: zQm4rk10' >&2; exit 1 ;; esac",
            daemon.display()
        );
        machine.program("systemctl", &unit);
        machine.program(
            "docker",
            "echo 'cannot use \"dd-api-key\": \"zQm4rk11\" with joe:zQm4rk12@proxy:3128' >&2; exit 1",
        );
        machine.program("nvidia-smi", "echo 'token=zQm4rk13' >&2; exit 1");
        let server = Server::start(Plan {
            password: Some("zQm4rk-login"),
            methods: &[MethodKind::Password],
            answer: Answer::Login { shell: "sh", rc: machine.rc() },
            ..Plan::default()
        });
        Host { machine, server }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[track_caller]
fn is_clean(what: &str, text: &str) {
    if let Some(line) = text.lines().find(|line| line.contains(MARK)) {
        let at = line.find(MARK).unwrap_or_default();
        let start =
            (0..=at.saturating_sub(100)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
        panic!("{what}: {}", line[start..].chars().take(240).collect::<String>());
    }
}

fn write_inventory(folder: &Path, host: &Host, passwords: &str) {
    let proxy = "-o ProxyCommand='sh -c \"echo token=zQm4rk20 >&2; echo joe:zQm4rk21@proxy:3128 refused >&2; exit 1\"'";
    let text = format!(
        "all:\n  vars: {{ansible_user: root, ansible_host_key_checking: false, http_proxy: \"joe:zQm4rk22@127.0.0.1:1\"}}\n  \
         children:\n    kube_control_plane:\n      hosts: {{n1: }}\n    etcd:\n      hosts: {{n1: }}\n    kube_node:\n      \
         hosts:\n        n1: {{ansible_host: {}, ansible_port: {}, {passwords}}}\n        n2:\n          \
         ansible_host: 127.0.0.1\n          ansible_ssh_common_args: {}\n",
        host.server.address(),
        host.server.port(),
        serde_json::to_string(proxy).expect("text"),
    );
    fs::write(folder.join("hosts.yml"), text).expect("written");
}

#[test]
fn what_a_visit_uses_and_finds_stays_secret() {
    let host = Host::start();
    let folder = environment::folder();
    write_inventory(
        folder.path(),
        &host,
        "ansible_password: zQm4rk-login, ansible_become_password: zQm4rk-sudo",
    );
    let visit = ["-i", "hosts.yml", "--devbox", "none", "--timeout", "5", "--nvml", "never"];
    for args in [
        &[
            "check",
            "--save-facts",
            "kept",
            "--format",
            "json",
            "--report",
            "table=r.txt",
            "--report",
            "json=r.json",
        ][..],
        &["check", "-v"],
        &["facts"],
        &["facts", "-o", "facts"],
        &["check", "--fix", "--dry-run"],
        &["fix", "undo", "--dry-run"],
    ] {
        let run = environment::command(env!("CARGO_BIN_EXE_airworthy"))
            .args([args, &visit].concat())
            .env("COLUMNS", "100")
            .current_dir(folder.path())
            .output()
            .expect("it runs");
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.code() != Some(2) && !err.contains("panicked"), "{args:?}: {err}");
        is_clean(&format!("{args:?}, stdout"), &out);
        is_clean(&format!("{args:?}, stderr"), &err);
        if args[0] == "check" {
            assert!(out.contains("n2"), "{args:?}: {out}");
        }
    }
    assert!(
        host.server.passwords().iter().all(|it| it == "zQm4rk-login") && !host.server.passwords().is_empty()
    );
    assert!(host.machine.sudo_log().contains("try 1"), "sudo asked: {}", host.machine.sudo_log());
    for path in files(folder.path()).iter().filter(|path| !path.ends_with("hosts.yml")) {
        is_clean(&path.display().to_string(), &fs::read_to_string(path).expect("text"));
    }
    // Where a dockerd runs, its own command line says which file it reads, and that is not this test's.
    if Path::new("/run/docker.pid").exists() {
        return;
    }
    let saved = fs::read_to_string(folder.path().join("kept/n1.json")).expect("saved");
    for kept in [
        "rack=7",
        "\"max-size\": \"50m\"",
        "api-key=********",
        "\"********@10.0.0.1:3128\"",
        "API_TOKEN=********",
    ] {
        assert!(saved.contains(kept), "{kept} in the saved facts");
    }
    // What is kept raw is for the user alone.
    let raw = environment::command(env!("CARGO_BIN_EXE_airworthy"))
        .args([&["facts", "--save-transcripts", "raw", "-o", "facts"][..], &visit].concat())
        .current_dir(folder.path())
        .output()
        .expect("it runs");
    is_clean("stderr", &String::from_utf8_lossy(&raw.stderr));
    let transcript = folder.path().join("raw/n1.transcript");
    assert_eq!(fs::metadata(&transcript).expect("kept").permissions().mode() & 0o777, 0o600);
    assert!(
        String::from_utf8_lossy(&fs::read(&transcript).expect("there")).contains("zQm4rk02"),
        "as it came"
    );
}

#[test]
fn what_is_typed_at_prompts_stays_secret() {
    if !environment::has("script") {
        return;
    }
    let host = Host::start();
    let folder = environment::folder();
    write_inventory(folder.path(), &host, "kube_network_plugin: calico");
    let command = format!(
        "{} check -i hosts.yml --devbox none --timeout 5 --nvml never -k -K -v --save-facts kept --report json=r.json",
        env!("CARGO_BIN_EXE_airworthy")
    );
    let mut terminal = environment::command("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut keys = terminal.stdin.take().expect("a pipe");
    for typed in ["zQm4rk-login\n", "zQm4rk-sudo\n"] {
        std::thread::sleep(std::time::Duration::from_millis(1500));
        keys.write_all(typed.as_bytes()).expect("typed");
    }
    let shown = terminal.wait_with_output().expect("it ends").stdout;
    drop(keys);
    assert_eq!(host.server.passwords(), ["zQm4rk-login"], "{}", String::from_utf8_lossy(&shown));
    is_clean("the terminal", &String::from_utf8_lossy(&shown));
    for path in files(folder.path()).iter().filter(|path| !path.ends_with("hosts.yml")) {
        is_clean(&path.display().to_string(), &fs::read_to_string(path).expect("text"));
    }
}
