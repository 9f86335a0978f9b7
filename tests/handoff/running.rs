//! GO starts it, NO-GO does not; its words, its status, and the signals on their way to it.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use serde_json::json;

use crate::bench::Bench;
use crate::environment;

#[test]
fn go_starts_the_playbook_in_the_checkout() {
    let bench = Bench::new();
    let ran = bench.handoff(&["--", "-v", "--tags", "etcd"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        bench.started().expect("started"),
        [
            &bench.at("checkout"),
            "-i",
            &bench.at("inv/hosts.ini"),
            "cluster.yml",
            "--become",
            "-v",
            "--tags",
            "etcd"
        ]
    );
    assert!(ran.out.contains("GO") && ran.out.ends_with("told on stdout\n"), "{ran:?}");
    assert!(ran.err.contains("--tags etcd") && !ran.err.contains("not started"), "{ran:?}");
}

#[test]
fn no_go_starts_nothing() {
    let bench = Bench::new();
    let ran = bench.handoff(&["--set", "fit=false"]);
    ran.refuses(1, &["NO-GO: fit"]);
    assert!(ran.out.contains("NO-GO"), "{ran:?}");
    assert_eq!(bench.started(), None);
    let record = bench.record("inv");
    assert_eq!(
        (&record["started"], &record["command"], &record["result"]),
        (&json!(false), &json!([]), &json!(null))
    );
    assert_eq!(record["report"]["verdict"], "no-go");
}

#[test]
fn the_stage_decides_the_playbook() {
    for (stage, playbook) in [
        ("new", "cluster.yml"),
        ("rerun", "cluster.yml"),
        ("scale", "scale.yml"),
        ("upgrade", "upgrade-cluster.yml"),
    ] {
        let bench = Bench::new();
        assert_eq!(bench.handoff(&["--stage", stage]).code, 0);
        assert!(bench.started().expect("started").contains(&playbook.to_owned()), "{stage}");
    }
}

#[test]
fn its_status_comes_back() {
    for (does, code, result) in [
        ("exit 4", 4, json!({"status": 4})),
        ("exit 250", 250, json!({"status": 250})),
        ("kill -KILL $$", 137, json!({"signal": 9})),
    ] {
        let bench = Bench::new();
        bench.ansible(does);
        let ran = bench.handoff(&[]);
        assert_eq!(ran.code, code, "{ran:?}");
        let record = bench.record("inv");
        assert_eq!((&record["started"], &record["result"]), (&json!(true), &result));
        assert!(record["start"].as_str() <= record["end"].as_str() && record["end"].is_string());
    }
}

/// Ends with 42 a while after the first of the signals, and writes all of them down.
fn listening(signal: &str) -> String {
    format!(
        "trap 'echo {signal} >> \"$BENCH/heard\"' {signal}\ntouch \"$BENCH/ready\"\n\
         until [ -s \"$BENCH/heard\" ]; do sleep 0.05; done\nsleep 0.6\nexit 42"
    )
}

#[test]
fn a_signal_to_airworthy_alone_is_passed_on_and_it_waits() {
    for (name, signal) in [("TERM", "TERM"), ("INT", "INT"), ("HUP", "HUP")] {
        let bench = Bench::new();
        bench.ansible(&listening(name));
        let mut child = bench.start(&[]);
        bench.wait_for("ready");
        let sent =
            environment::command("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(42), "{name}: {status:?}");
        assert_eq!(bench.read("heard"), format!("{name}\n"));
        assert_eq!(bench.record("inv")["result"], json!({"status": 42}));
    }
}

#[test]
fn ctrl_c_on_a_terminal_reaches_it_once() {
    let bench = Bench::new();
    bench.ansible(&listening("INT"));
    let line = format!(
        "exec {} handoff -i inv/hosts.ini --kubespray checkout --profile ./profile.yaml --checks checks",
        env!("CARGO_BIN_EXE_airworthy")
    );
    // util-linux' script gives it a terminal of its own.
    let mut command = bench.program("script");
    command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("script starts");
    bench.wait_for("ready");
    let mut keys = child.stdin.take().expect("piped");
    keys.write_all(b"\x03").expect("typed");
    keys.flush().expect("typed");
    let done = child.wait_with_output().expect("it ends");
    drop(keys);
    assert_eq!(done.status.code(), Some(42), "{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(bench.read("heard"), "INT\n");
    assert_eq!(bench.record("inv")["result"], json!({"status": 42}));
}

#[test]
fn a_kill_leaves_a_record_without_a_result() {
    let bench = Bench::new();
    bench.ansible("touch \"$BENCH/ready\"\nsleep 1");
    let mut child = bench.start(&[]);
    bench.wait_for("ready");
    child.kill().expect("killed");
    assert_eq!(child.wait().expect("it ends").signal(), Some(9));
    let record = bench.record("inv");
    assert_eq!(
        (&record["started"], &record["result"], &record["end"]),
        (&json!(true), &json!(null), &json!(null))
    );
}

#[test]
fn a_dry_run_shows_and_starts_nothing_and_writes_nothing() {
    let bench = Bench::new();
    let ran = bench.handoff(&["--dry-run", "--limit", "node1", "--", "-v"]);
    ran.refuses(0, &["(--dry-run)"]);
    let line =
        format!("/ansible-playbook -i {} cluster.yml --become --limit node1 -v\n", bench.at("inv/hosts.ini"));
    assert!(ran.out.contains(&line), "{ran:?}");
    assert_eq!(bench.started(), None);
    assert!(bench.records("inv").is_empty() && !bench.path().join("inv/.airworthy").exists());
    let ran = bench.handoff(&["--dry-run", "--set", "fit=false"]);
    ran.refuses(1, &["NO-GO: fit"]);
}

#[test]
fn a_program_that_cannot_be_started_is_not_started() {
    let bench = Bench::new();
    let path = bench.write("bin/ansible-playbook", "#!/no/such/interpreter\n");
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    let ran = bench.handoff(&[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("could not be started") && ran.err.contains("airworthy: not started"),
        "{ran:?}"
    );
    let record = bench.record("inv");
    assert_eq!(record["started"], false);
    assert!(record["result"]["error"].is_string(), "{record}");
}
