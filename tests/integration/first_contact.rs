//! The first commands of a new user: plain `check`, hosts without an inventory, and what is refused with its reason.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::environment;
use crate::harness::{Bench, validates};

const NO_GO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/no-go");

/// Checks whose verdict is unknown because there is no inventory that sets variables.
fn not_gathered(report: &Value) -> Vec<&Value> {
    let is_so = |reason: &str| reason.contains("variables.") && reason.contains("not gathered");
    let results = report["results"].as_array().expect("a list").iter();
    results.filter(|row| row["reason"].as_str().is_some_and(is_so)).collect()
}

#[test]
fn plain_check_says_what_it_judges_and_why_by_this_profile() {
    let bench = Bench::new();
    let ran = bench.run(&["check", "--report", "json=r.json"]);
    assert!(ran.code < 2, "{ran:?}");
    let head: String =
        ran.out.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in ["this machine", "no inventory", "-i", "profile kubespray (the default)", "1 devbox"] {
        assert!(head.contains(wanted), "no `{wanted}` in: {head}");
    }
    let report: Value = serde_json::from_str(&bench.read("r.json")).expect("JSON");
    assert_eq!((&report["profile"], &report["profile_source"]), (&json!("kubespray"), &json!("default")));
    // Nobody is held to the releases of Ubuntu that OpenPAI names.
    assert_eq!(report["parameters"]["os_supported"], json!([]));

    let head = |more: &[&str]| {
        let out = bench.run(&[&["check"], more].concat()).out;
        out.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(head(&["--as", "worker", "--profile", "base"]).contains("profile base (--profile)"));
    assert!(head(&["--facts", NO_GO]).contains("profile openpai (for OpenPAI's files)"));
    bench.write("hosts.ini", "[kube_control_plane]\na ansible_connection=local\n[etcd]\na\n[kube_node]\na\n");
    assert!(head(&["-i", "hosts.ini"]).contains("profile kubespray (for an Ansible inventory)"));
    bench.write("airworthy.yaml", "profile: openpai\n");
    assert!(head(&[]).contains("profile openpai (airworthy.yaml)"));
}

#[test]
fn without_an_inventory_the_releases_defaults_count() {
    let bench = Bench::new();
    for (role, ports) in [("worker", 10250), ("infra", 6443)] {
        let ran = bench.run(&["check", "--as", role, "--format", "json", "--save-facts", role]);
        let report = ran.json();
        assert_eq!(not_gathered(&report), Vec::<&Value>::new(), "{role}");
        let saved: Value =
            serde_json::from_str(&bench.read(&format!("{role}/localhost.json"))).expect("JSON");
        let variables = &saved["facts"]["variables"];
        assert!(
            variables["ports"]["known"].as_array().is_some_and(|it| it.contains(&json!(ports))),
            "{variables}"
        );
        assert_eq!(variables["container_manager"]["known"], json!("containerd"));
    }
    // Extra variables count here as well.
    let ran = bench.run(&["check", "--as", "worker", "-e", "container_manager=crio", "--save-facts", "e"]);
    assert!(ran.code < 2, "{ran:?}");
    let saved: Value = serde_json::from_str(&bench.read("e/localhost.json")).expect("JSON");
    assert_eq!(saved["facts"]["variables"]["container_manager"]["known"], json!("crio"));
}

#[test]
fn hosts_are_given_a_role_by_as() {
    let bench = Bench::new();
    // The second address is nobody's, and refuses at once.
    let ran = bench.run(&["check", "-i", "127.0.0.1:1,localhost:1", "--as", "worker", "--format", "json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.err, "", "nobody asked for a whole cluster: {ran:?}");
    let report = ran.json();
    validates(&bench.run(&["schema", "report"]).json(), &report);
    let hosts: Vec<(&Value, &Value)> =
        report["hosts"].as_array().expect("a list").iter().map(|row| (&row["name"], &row["roles"])).collect();
    let worker = json!(["worker"]);
    assert_eq!(hosts, [(&json!("127.0.0.1"), &worker), (&json!("localhost"), &worker)]);
    assert_eq!((&report["profile"], &report["profile_source"]), (&json!("kubespray"), &json!("default")));
    // An inventory that is not there has no findings.
    let about = |row: &&Value| row["check"].as_str().is_some_and(|id| id.starts_with("inventory-"));
    assert_eq!(report["results"].as_array().expect("a list").iter().filter(about).count(), 0);

    for (words, told) in [
        (&["-i", "h1,h2"][..], &["no host has a role", "--as worker"][..]),
        (&["-i", "gpu17", "--as", "worker"], &["--as: a list of hosts has a comma: -i 'gpu17,'"]),
        (&["-i", "gpu17"], &["gpu17", "No such file", "-i 'gpu17,'"]),
        (&["-i", "hosts.ini", "--as", "worker"], &["hosts.ini is an inventory", "leave --as away"]),
        (&["-i", "h1,", "--as", "devbox"], &["the dev box is this machine"]),
        (&["-i", "h1,", "--as", "master"], &["`master` is not a role"]),
        (&["--as", "worker", "--fix", "--yes"], &["--fix", "-i gpu17, --as worker"]),
        (&["host1"], &["unexpected argument 'host1'", "airworthy check -i 'host1,' --as worker"]),
        (&["-i", "hosts.ini", "-e", "@nosuch.yml"], &["nosuch.yml: No such file", "given with -e"]),
    ] {
        bench.write("hosts.ini", "[kube_control_plane]\na ansible_host=192.0.2.1\n");
        bench.run(&[&["check"], words].concat()).complains(told);
    }
}

/// One word finds every error in a log, whoever found it.
#[test]
fn every_error_begins_alike() {
    let bench = Bench::new();
    bench.write("broken.yaml", "all: [\n");
    bench.write("own/x.yaml", "title: x\n");
    for words in [
        &["check", "--bogus"][..],
        &["check", "--facts", "x", "--fix"],
        &["check", "--format", "xml"],
        &["check", "-i", "nosuch.ini"],
        &["check", "-i", "broken.yaml"],
        &["check", "--set", "worker_cpus=x"],
        &["check", "--checks", "own"],
        &["check", "--facts", "nowhere"],
        &["explain", "nosuch"],
        &["check-file", "own/x.yaml"],
        &["handoff", "-i", "broken.yaml"],
    ] {
        let ran = bench.run(words);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.starts_with("error: "), "{words:?}: {}", ran.err);
        assert_eq!(ran.err.matches("error: ").count(), 1, "{words:?}: {}", ran.err);
    }
}

#[test]
fn a_dash_is_stdin_or_stdout() {
    let bench = Bench::new();
    let facts = bench.run(&["facts", "--local", "--as", "worker"]).out;
    let from = |words: &[&str], stdin: &str| {
        let command = environment::command(env!("CARGO_BIN_EXE_airworthy"));
        let mut command = assert_cmd::Command::from_std(command);
        command.env("HOME", bench.path());
        let output =
            command.current_dir(bench.path()).args(words).write_stdin(stdin).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let select = ["check", "--facts", "-", "--select", "cpu-count", "--set", "worker_cpus=1"];
    let (code, out, err) =
        from(&[&select[..], &["--report", "json=-", "--report", "table=t.txt"]].concat(), &facts);
    assert_eq!(code, Some(0), "{err}");
    let report: Value = serde_json::from_str(&out).expect("one JSON document and nothing else");
    assert_eq!(report["mode"], json!("facts"));
    assert!(bench.read("t.txt").starts_with("GO "), "{}", bench.read("t.txt"));
    assert!(!bench.path().join("-").exists(), "nothing is called so");
    let (code, _, err) = from(&select, "not facts");
    assert!(code == Some(2) && err.contains("not JSON"), "{err}");
    for more in
        [&["--report", "json=-", "--format", "table"][..], &["--report", "json=-", "--report", "table=-"]]
    {
        let (code, out, err) = from(&[&select[..], more].concat(), &facts);
        assert!(code == Some(2) && out.is_empty() && err.contains("`-` is stdout"), "{err}");
    }
    bench.run(&["check", "--as", "worker", "--save-facts", "-"]).complains(&["a folder is wanted", "./-"]);
    bench.run(&["facts", "--local", "-o", "-"]).complains(&["a folder is wanted"]);
    let script = bench.run(&["facts", "--script"]).out;
    bench.write("probe.sh", script);
    let answer = environment::command("sh").arg("probe.sh").current_dir(bench.path()).output();
    let answer = String::from_utf8(answer.expect("sh runs").stdout).expect("text");
    let (code, out, err) = from(&["facts", "--transcript", "-", "--host", "w1"], &answer);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("\"name\": \"w1\""), "{out}");
}

/// The advice that a report with a dead host gives is followed.
#[test]
fn limit_works_on_saved_facts_without_their_inventory() {
    let bench = Bench::new();
    let names = |limit: &str| {
        let ran = bench.run(&["check", "--facts", NO_GO, "--limit", limit, "--format", "json"]);
        assert!(ran.code < 2, "{ran:?}");
        let report = ran.json();
        assert_eq!((&report["scope"]["limit"], &report["scope"]["complete"]), (&json!(limit), &json!(false)));
        let rows = report["hosts"].as_array().expect("a list").iter();
        rows.map(|row| row["name"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    let ran = bench.run(&["check", "--facts", NO_GO]);
    assert!(ran.out.contains("`--limit '!worker3'`"), "{}", ran.out);
    assert_eq!(names("!worker3"), ["localhost", "infra1", "infra2", "worker1", "worker2"]);
    // Nobody is held to reach a host that was left out.
    let without = bench.run(&["check", "--facts", NO_GO, "--limit", "!worker3"]);
    assert!(!without.out.contains("peers-reachable"), "{}", without.out);
    assert_eq!(names("worker1,infra1"), ["localhost", "infra1", "worker1"]);
    assert_eq!(names("worker*:!worker1"), ["localhost", "worker2", "worker3"]);
    assert_eq!(names("infra"), ["localhost", "infra1", "infra2"]);
    bench.run(&["check", "--facts", NO_GO, "--limit", "wroker1"]).complains(&["did you mean `worker1`?"]);
    bench.run(&["check", "--facts", NO_GO, "--limit", "gpu-machine"]).complains(&[
        "--limit",
        "no groups",
        "-i INVENTORY",
    ]);
}

#[test]
fn one_time_out_covers_the_connection_and_the_handshake() {
    let bench = Bench::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let began = Instant::now();
    let list = format!("127.0.0.1:{port},");
    let ran = bench.run(&["check", "-i", &list, "--as", "worker", "--timeout", "1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("timed out after 1.0 s"), "{}", ran.out);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let help = bench.run(&["check", "--help"]).out;
    let told = help.split("--timeout").nth(1).unwrap_or_default();
    assert!(
        told.split("--host-key-checking").next().is_some_and(|told| told.contains("handshake")),
        "{told}"
    );
}

#[test]
fn transcripts_are_told_whose_they_are() {
    let bench = Bench::new();
    let script = bench.run(&["facts", "--script"]);
    bench.write("probe.sh", &script.out);
    let answer = environment::command("sh").arg("probe.sh").current_dir(bench.path()).output();
    bench.write("answer.txt", answer.expect("sh runs").stdout);
    for (name, role) in [("m1", "infra"), ("w1", "worker"), ("w2", "worker")] {
        let ran =
            bench.run(&["facts", "--transcript", "answer.txt", "--host", name, "--as", role, "-o", "alone"]);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    }
    let report = bench.run(&["check", "--facts", "alone", "--format", "json"]).json();
    let names = |report: &Value| {
        let rows = report["hosts"].as_array().expect("a list").iter();
        rows.map(|row| row["name"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&report), ["m1", "w1", "w2"]);
    assert_eq!(not_gathered(&report).len(), 0, "the release's defaults are known");

    // As hosts of an inventory, whose variables count.
    bench.write(
        "hosts.ini",
        "[kube_control_plane]\nm1\n[etcd]\nm1\n[kube_node]\nw1\n[all:vars]\ncontainer_manager=crio\n",
    );
    for name in ["w1", "m1"] {
        let ran = bench.run(&[
            "facts",
            "--transcript",
            "answer.txt",
            "-i",
            "hosts.ini",
            "--host",
            name,
            "-o",
            "of",
        ]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let saved: Value = serde_json::from_str(&bench.read("of/w1.json")).expect("JSON");
    assert_eq!(saved["host"]["roles"], json!(["worker"]));
    assert_eq!(saved["facts"]["variables"]["container_manager"]["known"], json!("crio"));
    assert_eq!(names(&bench.run(&["check", "--facts", "of", "--format", "json"]).json()), ["m1", "w1"]);

    let transcript = ["facts", "--transcript", "answer.txt"];
    for (more, told) in [
        (&["-i", "hosts.ini"][..], &["--host NAME"][..]),
        (&["-i", "hosts.ini", "--host", "w11"], &["has no host `w11`", "did you mean `w1`?"]),
        (&["--limit", "w1"], &["cannot be used with", "--limit"]),
        (&["--user", "pai"], &["cannot be used with", "--user"]),
        (&["--save-transcripts", "x"], &["cannot be used with"]),
    ] {
        bench.run(&[&transcript, more].concat()).complains(told);
    }
    bench.run(&["facts", "--script", "-i", "hosts.ini"]).complains(&["cannot be used with"]);
    bench.run(&["facts", "--local", "--transport", "openssh"]).complains(&["cannot be used with"]);
    bench.run(&["facts", "--host", "w1"]).complains(&["--transcript"]);
    // Two that nobody named are told apart by nobody.
    for name in ["a", "b"] {
        bench.write(&format!("same/{name}.json"), bench.run(&transcript).out);
    }
    bench.run(&["check", "--facts", "same"]).complains(&["localhost is there twice", "--host NAME"]);
}
