//! `airworthy.yaml`: its names, its dates, and waivers that waive nothing.

use crate::harness::{Bench, Ran};

const HEALTHY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/healthy");

/// The healthy cluster in a folder of its own, with these waivers.
fn judge(waivers: &str, more: &[&str]) -> (Bench, Ran) {
    let bench = Bench::new();
    for entry in std::fs::read_dir(HEALTHY).expect("readable") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        bench.write(&format!("facts/{name}"), std::fs::read(&path).expect("readable"));
    }
    let text = bench.read("facts/airworthy.yaml") + &format!("waivers:\n{waivers}");
    bench.write("facts/airworthy.yaml", text);
    let ran = bench.run(&[&["check", "--facts", "facts", "--format", "json"], more].concat());
    (bench, ran)
}

fn waiver(check: &str, hosts: &str) -> String {
    format!("  - {{check: {check}, hosts: {hosts}, reason: known, expires: 2999-12-31}}\n")
}

#[test]
fn a_waiver_that_waives_nothing_is_told_with_its_place() {
    for (check, hosts, told) in [
        (
            "cpu-count",
            "[wroker1]",
            &["names `wroker1`, and there is no such host", "did you mean `worker1`?"][..],
        ),
        ("cpu-count", "[nobody-of-them]", &["there is no such host", "airworthy inventory"]),
        ("cpu-count", "[worker1]", &["it has no finding on worker1", "remove it"]),
        ("cpu-count", "['worker*']", &["it has no finding on worker*"]),
        ("unreachable", "[worker2]", &["worker2 was reached"]),
        ("clock-skew", "[]", &["the waiver of `clock-skew` waives nothing: it has no finding"]),
        ("memory-minimum", "[worker1]", &["the profile `openpai` has no check `memory-minimum` to waive"]),
    ] {
        let (_, ran) = judge(&waiver(check, hosts), &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let err = ran.told();
        assert!(err.contains("airworthy: warning: facts/airworthy.yaml:"), "{check} {hosts}: {err}");
        for wanted in told {
            assert!(err.contains(wanted), "no `{wanted}` in: {err}");
        }
    }
}

#[test]
fn what_a_run_does_not_look_at_is_not_missed() {
    for (waivers, more) in [
        (waiver("cpu-count", "[worker1]"), &["--select", "docker-*"][..]),
        (waiver("cpu-count", "[worker1]"), &["--limit", "worker2"]),
    ] {
        let (_, ran) = judge(&waivers, more);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    }
    // A name that no host has is a mistake whatever the limit.
    let (_, ran) = judge(&waiver("cpu-count", "[wroker1]"), &["--limit", "worker2"]);
    assert!(ran.err.contains("did you mean `worker1`?"), "{ran:?}");
}

#[test]
fn hosts_are_waived_by_globs() {
    let set = ["--set", "worker_cpus=100000", "--select", "cpu-count"];
    let (_, ran) = judge(&waiver("cpu-count", "['worker*']"), &set);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.json()["summary"]["waived"], 3);
    let (_, ran) = judge(&waiver("cpu-count", "['worker[12]', 'worker?', worker9]"), &set);
    assert_eq!(ran.code, 0, "{ran:?}");
    // `*` and `?` alone are globs, and of what matched nothing each part is told.
    assert!(ran.err.contains("`worker[12]`") && ran.err.contains("`worker9`"), "{ran:?}");
    assert!(!ran.err.contains("`worker?`"), "{ran:?}");
}

#[test]
fn both_endings_are_read_and_never_two_files() {
    let bench = Bench::new();
    bench.gather();
    let check = ["check", "--facts", "facts", "--select", "cpu-count", "--format", "json"];
    bench.write("facts/airworthy.yml", "parameters: {worker_cpus: 100000}\n");
    let ran = bench.run(&check);
    assert_eq!((ran.code, &ran.json()["parameters"]["worker_cpus"]), (1, &100_000.into()), "{ran:?}");
    bench.write("facts/airworthy.yml", "parameters: {worker_cpus: many}\n");
    bench.run(&check).complains(&["airworthy.yml:1:", "must be a whole number"]);
    bench.write("facts/airworthy.yaml", "parameters: {worker_cpus: 1}\n");
    bench.run(&check).complains(&["airworthy.yml", "airworthy.yaml is there as well", "keep one"]);
}

#[test]
fn a_date_that_is_none_says_how_dates_are_written() {
    let bench = Bench::new();
    for expires in ["tomorrow", "31.12.2026", "2026-02-30", "12/31/2026"] {
        let waiver =
            format!("waivers:\n  - {{check: cpu-idle, hosts: [a], reason: b, expires: {expires}}}\n");
        bench.write("airworthy.yaml", waiver);
        let ran = bench.run(&["check", "--as", "worker"]);
        ran.complains(&["airworthy.yaml:2:", "is not a date", "2026-12-31"]);
        assert!(!ran.err.contains("four digit"), "{ran:?}");
    }
}
