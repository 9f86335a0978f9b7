//! The record, and what `--override` leaves in it.

use serde_json::{Value, json};

use crate::bench::{Bench, COMMIT};
use crate::environment;

fn validated(record: &Value) {
    let done = environment::command(env!("CARGO_BIN_EXE_airworthy"))
        .args(["schema", "handoff"])
        .output()
        .expect("it runs");
    let schema: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<String> = validator.iter_errors(record).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{record}");
}

#[test]
fn it_has_what_was_judged_started_and_given_back() {
    let bench = Bench::new();
    assert_eq!(bench.handoff(&["--limit", "node1", "--", "-v"]).code, 0);
    let record = bench.record("inv");
    validated(&record);
    assert_eq!(record["schema"], "airworthy/handoff/v1");
    assert_eq!(record["kubespray"]["commit"], COMMIT);
    assert_eq!(record["kubespray"]["path"], bench.at("checkout"));
    assert_eq!(record["directory"], bench.at("checkout"));
    assert_eq!((&record["limit"], &record["stage"]), (&json!("node1"), &json!("new")));
    let command: Vec<&str> =
        record["command"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(command[0], bench.at("bin/ansible-playbook"));
    assert_eq!(command.last(), Some(&"-v"));
    assert_eq!((&record["started"], &record["result"]), (&json!(true), &json!({"status": 0})));

    // The report is there, whole, with the digest that the record has.
    let report = std::fs::read(record["report"]["path"].as_str().expect("a path")).expect("readable");
    let sum = environment::command("sha256sum")
        .arg(record["report"]["path"].as_str().expect("a path"))
        .output()
        .expect("it runs");
    let sum = String::from_utf8_lossy(&sum.stdout).into_owned();
    assert_eq!(record["report"]["digest"], format!("sha256:{}", sum.split(' ').next().expect("a sum")));
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!((&report["schema"], &report["verdict"]), (&json!("airworthy/report/v1"), &json!("go")));
    assert_eq!(report["inventory"]["digest"], record["inventory"]["digest"]);
}

#[test]
fn ansible_does_not_take_it_for_a_part_of_the_inventory() {
    let bench = Bench::new();
    // ansible-core up to 2.18 reads no `.ini` files of a folder.
    std::fs::rename(bench.path().join("inv/hosts.ini"), bench.path().join("inv/hosts")).expect("renamed");
    let digest = |bench: &Bench| {
        let ran = bench.run(&[
            "check",
            "-i",
            "inv",
            "--profile",
            "./profile.yaml",
            "--checks",
            "checks",
            "--format",
            "json",
        ]);
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        report["inventory"]["digest"].clone()
    };
    let before = digest(&bench);
    assert_eq!(bench.handoff_of("inv", &[]).code, 0);
    assert_eq!(bench.handoff_of("inv", &[]).code, 0);
    assert_eq!(bench.records("inv").len(), 2);
    assert_eq!(digest(&bench), before);
}

#[test]
fn an_override_lets_one_check_through_and_is_seen() {
    let bench = Bench::new();
    let both = ["--set", "fit=false", "--set", "sound=false"];
    let one = [&both[..], &["--override", "fit", "--reason", "burn-in until Friday"]].concat();
    bench.handoff(&one).refuses(
        1,
        &[
            "NO-GO: sound",
            "override: fit",
            "burn-in until Friday",
            "NO-GO, 2 findings overridden (fit): NO-GO",
        ],
    );
    assert_eq!(bench.started(), None);

    let two = [&one[..], &["--override", "sound", "--reason", "heard it"]].concat();
    let ran = bench.handoff(&two);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.err.contains("override: fit lets through on localhost, node1; burn-in until Friday"),
        "{ran:?}"
    );
    // In one line what the report said and what the overrides made of it.
    assert!(
        ran.err.contains("airworthy: NO-GO, 4 findings overridden (fit, sound): GO; the record:"),
        "{ran:?}"
    );
    let records = bench.records("inv");
    validated(&records[1]);
    assert_eq!(
        records[1]["overrides"],
        json!([
            {"check": "fit", "reason": "burn-in until Friday", "hosts": ["localhost", "node1"], "used": true, "unjudged": []},
            {"check": "sound", "reason": "heard it", "hosts": ["localhost", "node1"], "used": true, "unjudged": []}
        ])
    );
    // The report says what was found, whatever was let through.
    assert_eq!(records[1]["report"]["verdict"], "no-go");
}

#[test]
fn what_nobody_could_judge_because_of_an_overridden_check_goes_with_it() {
    let bench = Bench::new();
    let sound = bench.read("checks/sound.yaml").replace("severity: error", "severity: error\nafter: [fit]");
    bench.write("checks/sound.yaml", sound);
    let no = ["--set", "fit=false", "--set", "sound=false"];
    bench.handoff(&no).refuses(1, &["NO-GO: fit, sound"]);
    bench.handoff(&[&no[..], &["--override", "sound", "--reason", "x"]].concat()).refuses(1, &["NO-GO: fit"]);
    let ran = bench.handoff(&[&no[..], &["--override", "fit", "--reason", "burn-in"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("with fit go, judged by nobody: sound"), "{ran:?}");
    assert!(ran.err.contains("NO-GO, 4 findings overridden (fit): GO"), "{ran:?}");
    let records = bench.records("inv");
    validated(&records[2]);
    assert_eq!(
        records[2]["overrides"][0]["unjudged"],
        json!([{"check": "sound", "hosts": ["localhost", "node1"]}])
    );
    // What fails by itself does not.
    bench
        .handoff(&["--set", "sound=false", "--override", "fit", "--reason", "x"])
        .refuses(1, &["NO-GO: sound"]);
}

#[test]
fn an_override_without_a_finding_says_so() {
    let bench = Bench::new();
    let ran = bench.handoff(&["--override", "fit", "--reason", "in case"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("it has no finding"), "{ran:?}");
    assert_eq!(bench.record("inv")["overrides"][0]["used"], false);
}

#[test]
fn no_override_reaches_a_host_that_did_not_answer() {
    let bench = Bench::new();
    bench.write(
        "inv/hosts.ini",
        "node1 ansible_connection=local\nnode2 ansible_host=127.0.0.42\n\n[kube_control_plane]\n\
        node1\n\n[kube_node]\nnode2\n",
    );
    bench.write(
        "profile.yaml",
        "title: T\nchecks: [fit, host-reachable, ssh-host-key]\nparameters: {fit: true}\n",
    );
    std::fs::remove_file(bench.path().join("checks/sound.yaml")).expect("removed");
    let ran = bench.handoff(&[
        "--timeout",
        "1",
        "--override",
        "host-reachable",
        "--reason",
        "x",
        "--override",
        "ssh-host-key",
        "--reason",
        "x",
    ]);
    ran.refuses(1, &["NO-GO"]);
    assert_eq!(bench.started(), None);
}

#[test]
fn an_inventory_that_is_changed_meanwhile_is_not_handed_over() {
    for (edited, told) in [
        ("inv/hosts.ini", "it was changed while the hosts were visited"),
        ("inv/group_vars/all.yml", "it was added while the hosts were visited"),
        ("checkout/host_vars/node1.yml", "it was added while the hosts were visited"),
    ] {
        let bench = Bench::new();
        for folder in ["inv/group_vars", "checkout/host_vars"] {
            std::fs::create_dir_all(bench.path().join(folder)).expect("made");
        }
        // A probe of the user's own edits the inventory while hosts are visited.
        let probe = format!(
            "title: T\nseverity: info\nroles: [infra]\nprobe: {{run: \"echo >> {}\", parse: text, deadline: 5s}}\n\
             require: probe != null\nwhy: For tests.\nremediation: None.\nreferences: []\nexamples: []\n",
            bench.at(edited)
        );
        bench.write("checks/edits.yaml", probe);
        bench.write(
            "profile.yaml",
            "title: T\nchecks: [fit, sound, edits]\nparameters: {fit: true, sound: true}\n",
        );
        let ran = bench.handoff(&[]);
        ran.refuses(2, &[told]);
        assert_eq!(bench.started(), None);
    }
}

#[test]
fn without_a_place_for_the_record_nobody_is_visited() {
    let bench = Bench::new();
    bench.write("inv/.airworthy", "a file");
    bench.handoff(&[]).refuses(2, &[".airworthy"]);
    assert_eq!(bench.started(), None);
    assert_eq!(bench.handoff(&["--output", "out"]).code, 0);
    assert_eq!(bench.record("out")["started"], true);
}
