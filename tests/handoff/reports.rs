//! `--from-report`: what stands for a check, and what does not.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, Ran};

/// A report of the kubespray inventory, made by `check`, then changed.
fn report(bench: &Bench, more: &[&str], change: impl Fn(&mut Value)) {
    let words = [
        "check",
        "-i",
        "inv/hosts.ini",
        "--kubespray",
        "checkout",
        "--profile",
        "./profile.yaml",
        "--checks",
        "checks",
        "--format",
        "json",
    ];
    let ran = bench.run(&[&words[..], more].concat());
    let mut report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    change(&mut report);
    bench.write("report.json", report.to_string());
}

fn from_report(bench: &Bench, more: &[&str]) -> Ran {
    bench.handoff(&[&["--from-report", "report.json"], more].concat())
}

#[test]
fn a_fresh_complete_go_stands_for_a_check() {
    let bench = Bench::new();
    report(&bench, &[], |_| ());
    // Nobody is visited again: what would be found now is not asked.
    let ran = from_report(&bench, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(bench.started().is_some());
    let record = bench.record("inv");
    assert_eq!(record["report"]["path"], bench.at("report.json"));
    assert!(record["report"]["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
}

#[test]
fn a_no_go_does_not_but_for_what_is_overridden() {
    let bench = Bench::new();
    report(&bench, &["--set", "fit=false"], |_| ());
    from_report(&bench, &["--set", "fit=false"]).refuses(1, &["NO-GO: fit"]);
    let ran = from_report(&bench, &["--set", "fit=false", "--override", "fit", "--reason", "known"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // A verdict that its own results do not bear is none.
    report(&bench, &["--set", "fit=false"], |report| report["verdict"] = json!("go"));
    from_report(&bench, &["--set", "fit=false"]).refuses(1, &["NO-GO: fit"]);
    report(&bench, &[], |report| report["verdict"] = json!("no-go"));
    from_report(&bench, &[]).refuses(1, &["NO-GO"]);
}

/// A profile that has nothing to ask of a host hands nothing over that nobody looked at.
#[test]
fn a_host_that_was_not_judged_is_not_handed_over() {
    let bench = Bench::new();
    let only = "[devbox, worker]";
    for name in ["fit", "sound"] {
        let text = bench.read(&format!("checks/{name}.yaml")).replace("[devbox, infra, worker]", only);
        bench.write(&format!("checks/{name}.yaml"), text);
    }
    bench.write(
        "inv/hosts.ini",
        "master1 ansible_connection=local\nnode1 ansible_connection=local\n\n\
        [kube_control_plane]\nmaster1\n\n[etcd]\nmaster1\n\n[kube_node]\nnode1\n",
    );
    bench.write("profile.yaml", bench.read("profile.yaml").replace(", host-reachable", ""));
    let told = ["NO-GO", "not judged", "master1"];
    bench.handoff(&[]).refuses(1, &told);
    bench.handoff(&["--dry-run"]).refuses(1, &told);
    report(&bench, &[], |report| assert_eq!(report["verdict"], json!("go")));
    from_report(&bench, &[]).refuses(1, &told);
    // There is no verdict to let through.
    from_report(&bench, &["--override", "fit", "--reason", "known"]).refuses(1, &told);
    assert!(bench.started().is_none());
}

#[test]
fn a_part_counts_for_the_same_part_alone() {
    let bench = Bench::new();
    report(&bench, &["--limit", "node1"], |_| ());
    from_report(&bench, &[]).refuses(2, &["--limit 'node1'"]);
    from_report(&bench, &["--limit", "all"]).refuses(2, &["--limit 'node1'"]);
    let ran = from_report(&bench, &["--limit", "node1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(bench.started().expect("started").join(" ").contains("--limit node1"));
    report(&bench, &[], |_| ());
    from_report(&bench, &["--limit", "node1"]).refuses(2, &["whole inventory"]);
    // Judged as a whole, deployed in part: that is what `--` is for.
    assert_eq!(from_report(&bench, &["--", "--limit", "node1"]).code, 0);
}

/// A change of a report.
type Change = fn(&mut Value);

#[test]
fn whatever_does_not_fit_is_refused_with_its_reason() {
    let bench = Bench::new();
    let old = |minutes: i64| {
        let then = Timestamp::now() - SignedDuration::from_mins(minutes);
        json!(then.to_string())
    };
    let cases: [(Change, &str); 12] = [
        (|report| report["schema"] = json!("airworthy/report/v2"), "it is no report"),
        (|report| report["tool"]["version"] = json!("0.0.1"), "airworthy 0.0.1 wrote it"),
        (|report| report["mode"] = json!("facts"), "saved facts"),
        (|report| report["inventory"]["digest"] = json!("sha256:00"), "another inventory"),
        (|report| report["scope"]["skip"] = json!(["fit"]), "--select or --skip"),
        (|report| report["scope"]["devbox"] = json!("none"), "leaves the dev box out"),
        (|report| report["scope"]["complete"] = json!(false), "not complete"),
        (|report| report["scope"]["interrupted"] = json!(true), "was interrupted"),
        (|report| report["profile"] = json!("base"), "the profile `base`"),
        (|report| report["kubespray"] = json!(null), "without --kubespray"),
        (|report| report["kubespray"]["commit"] = json!("f00"), "at f00), not by"),
        (|report| report["parameters"]["sound"] = json!(7), "sound = 7"),
    ];
    for (change, told) in cases {
        report(&bench, &[], change);
        from_report(&bench, &[]).refuses(2, &["--from-report", told]);
    }
    report(&bench, &[], |report| report["hosts"][1]["gathered_at"] = old(16));
    from_report(&bench, &[]).refuses(2, &["node1 was visited 16 min ago", "--facts-max-age is 15 min"]);
    assert_eq!(from_report(&bench, &["--facts-max-age", "1h"]).code, 0);
    report(&bench, &[], |report| report["hosts"][1]["gathered_at"] = old(-60));
    from_report(&bench, &[]).refuses(2, &["a clock is wrong"]);
    report(&bench, &[], |report| report["hosts"][1]["gathered_at"] = json!(null));
    from_report(&bench, &[]).refuses(2, &["does not say when"]);
    report(&bench, &[], |report| {
        report["hosts"].as_array_mut().expect("a list").pop();
    });
    from_report(&bench, &[]).refuses(2, &["node1 is not in it"]);
    bench.write("report.json", "{\"schema\": ");
    from_report(&bench, &[]).refuses(2, &["no JSON report"]);
}

#[test]
fn an_inventory_that_changed_since_is_another() {
    let bench = Bench::new();
    report(&bench, &[], |_| ());
    let text = bench.read("inv/hosts.ini");
    bench.write("inv/hosts.ini", text + "\n[all:vars]\nkube_version=v1.31.4\n");
    from_report(&bench, &[]).refuses(2, &["has changed since"]);
    report(&bench, &["-e", "kube_version=v1.31.4"], |_| ());
    from_report(&bench, &[]).refuses(2, &["another inventory"]);
    assert_eq!(from_report(&bench, &["-e", "kube_version=v1.31.4"]).code, 0);
    report(&bench, &["--stage", "scale"], |_| ());
    from_report(&bench, &[]).refuses(2, &["stage"]);
    assert_eq!(from_report(&bench, &["--stage", "scale"]).code, 0);
}
