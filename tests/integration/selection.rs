//! Hosts that `--select`, `--skip`, own checks or a profile leave no check.

use serde_json::{Value, json};

use crate::harness::{Bench, Ran, validates};

const HEALTHY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/healthy");

/// The verdict of each host, in the report's order.
fn verdicts(report: &Value) -> Vec<(&str, &str)> {
    let rows = report["hosts"].as_array().expect("a list").iter();
    rows.map(|row| (row["name"].as_str().expect("text"), row["verdict"].as_str().expect("text"))).collect()
}

fn judge(bench: &Bench, more: &[&str]) -> Ran {
    judge_in(bench, HEALTHY, more)
}

/// The same facts without the team's `airworthy.yaml`, whose parameters other profiles do not have.
fn without_team(bench: &Bench) -> String {
    for entry in std::fs::read_dir(HEALTHY).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            bench.write(&format!("healthy/{name}"), std::fs::read(&path).expect("readable"));
        }
    }
    bench.path().join("healthy").display().to_string()
}

fn judge_in(bench: &Bench, facts: &str, more: &[&str]) -> Ran {
    let words = ["check", "--facts", facts, "--format", "json", "--report", "table=table.txt"];
    bench.run(&[&words[..], more].concat())
}

#[test]
fn a_selection_leaves_hosts_not_judged_and_is_a_go() {
    let bench = Bench::new();
    let ran = judge(&bench, &["--select", "gpu-*", "--skip", "gpu-declared"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    validates(&bench.run(&["schema", "report"]).json(), &report);
    let not = |host| (host, "not-judged");
    let wanted = [
        not("localhost"),
        not("infra1"),
        not("infra2"),
        ("worker1", "go"),
        ("worker2", "go"),
        // Without a GPU: every check of the selection is for workers, and none applies to this one.
        not("worker3"),
    ];
    assert_eq!(verdicts(&report), wanted);
    assert_eq!((&report["verdict"], &report["scope"]["complete"]), (&json!("go"), &json!(false)));
    let table = bench.read("table.txt");
    assert_eq!(table.lines().filter(|line| line.contains("  not judged  ")).count(), 4, "{table}");
    assert!(table.contains("not judged: localhost, infra1, infra2, worker3"), "{table}");

    // The dev box is no exception, whatever is selected.
    for select in ["cpu-count,memory-available", "docker-*"] {
        let report = judge(&bench, &["--select", select]).json();
        assert_eq!(report["hosts"].as_array().map(Vec::len), Some(6), "{select}");
    }
    let report = judge(&bench, &["--select", "cpu-count"]).json();
    assert_eq!(verdicts(&report)[0], not("localhost"));
    // What all hosts together owe judges none of them alone.
    let ran = judge(&bench, &["--select", "clock-skew"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(verdicts(&ran.json()).iter().all(|(_, verdict)| *verdict == "not-judged"));
}

#[test]
fn what_is_skipped_or_in_no_profile_is_not_missed_either() {
    let bench = Bench::new();
    let facts = without_team(&bench);
    // All that a worker without a GPU is asked by this profile.
    bench.write("p/gpus.yaml", "checks: [gpu-present, cpu-count]\nparameters: {resource_check: true, infra_cpus: 1, worker_cpus: 1}\n");
    let of = |more: &[&str]| judge_in(&bench, &facts, &[&["--profile", "./p/gpus.yaml"], more].concat());
    let ran = of(&["--skip", "cpu-count"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(verdicts(&ran.json())[5], ("worker3", "not-judged"));
    let ran = of(&[]);
    assert_eq!((ran.code, verdicts(&ran.json())[0]), (0, ("localhost", "not-judged")), "{ran:?}");

    // An own check for workers beside a profile without any.
    bench.write("p/none.yaml", "checks: []\n");
    bench.write(
        "own/kernel-known.yaml",
        "title: The kernel is known\nseverity: error\nroles: [worker]\nrequire: os.kernel_release != \"\"\nwhy: For tests.\n\
         remediation: Look.\n",
    );
    let ran = judge_in(&bench, &facts, &["--profile", "./p/none.yaml", "--checks", "own"]);
    let report = ran.json();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        verdicts(&report)[1..4],
        [("infra1", "not-judged"), ("infra2", "not-judged"), ("worker1", "go")]
    );
}

/// A profile as a whole that has checks for a host of which none applies does not know whether it is fit.
#[test]
fn a_whole_profile_of_which_nothing_applies_to_a_host_is_no_go() {
    let bench = Bench::new();
    bench.write("p/gpus.yaml", "checks: [gpu-present]\n");
    let ran = judge_in(&bench, &without_team(&bench), &["--profile", "./p/gpus.yaml"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(verdicts(&ran.json())[5], ("worker3", "no-go"));
    assert!(bench.read("table.txt").contains("no check applied to worker3"));
}

#[test]
fn nothing_applied_anywhere_could_not_run() {
    let bench = Bench::new();
    bench.write(
        "p/gpus.yaml",
        "checks: [device-runtime]\nparameters: {docker_check: true, container_manager: docker}\n",
    );
    let facts = without_team(&bench);
    for more in [&["--select", "device-runtime"][..], &["--profile", "./p/gpus.yaml"]] {
        judge_in(&bench, &facts, more).complains(&["nothing was judged"]);
    }
}

/// A selection never lets a host that was not reached go, and says what a whole run would have said of it.
#[test]
fn a_host_that_was_not_reached_is_told_whatever_is_selected() {
    let bench = Bench::new();
    bench.gather();
    let mut document: Value = serde_json::from_str(&bench.read("facts/localhost.json")).expect("JSON");
    document["inventory"]["hosts"] = json!(2);
    bench.write("facts/localhost.json", document.to_string());
    document["host"]["name"] = json!("w2");
    document["inventory"]["position"] = json!(1);
    document["facts"] = Value::Null;
    document["unreachable"] = json!({"stage": "connect", "reason": "timed out after 10.0 s"});
    bench.write("facts/w2.json", document.to_string());
    let select =
        ["check", "--facts", "facts", "--select", "cpu-count", "--set", "worker_cpus=1", "--format", "json"];
    let ran = bench.run(&select);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    let of_w2 = |row: &&Value| row["host"] == "w2";
    let told: Vec<&Value> = report["results"].as_array().expect("a list").iter().filter(of_w2).collect();
    assert_eq!((told.len(), &told[0]["check"]), (1, &json!("host-reachable")));
    // So a waiver reaches it as well.
    bench.write(
        "facts/airworthy.yaml",
        "waivers: [{check: unreachable, hosts: [w2], reason: in repair, expires: 2999-12-31}]\n",
    );
    let ran = bench.run(&select);
    assert_eq!((ran.code, verdicts(&ran.json())[1]), (0, ("w2", "go")), "{ran:?}");
    // Who skips the check by name does not hear of it, and has no GO by that.
    let ran = bench.run(&[&select[..3], &["--skip", "host-reachable"]].concat());
    assert_eq!(ran.code, 1, "{ran:?}");
}
