//! Saved facts: judged again they say the same, and broken ones say where they are broken.

use serde_json::{Value, json};

use airworthy::checks::{shipped, yaml};

use crate::environment;
use crate::harness::{Bench, Ran, validates};

fn results(report: &Value) -> Value {
    report["results"].clone()
}

#[test]
fn saved_facts_give_the_verdicts_that_the_visit_gave() {
    let bench = Bench::new();
    for role in ["devbox", "infra", "worker"] {
        let live = bench.run(&["check", "--as", role, "--save-facts", role, "--format", "json"]);
        let again = bench.run(&["check", "--facts", role, "--format", "json"]);
        assert_eq!(live.code, again.code);
        let (live, again) = (live.json(), again.json());
        assert_eq!((&live["mode"], &again["mode"]), (&json!("live"), &json!("facts")));
        assert_eq!(results(&live), results(&again), "{role}");
        assert_eq!(live["summary"], again["summary"], "{role}");
        assert_eq!(live["inventory"], again["inventory"], "{role}");
    }
}

#[test]
fn what_is_written_is_what_the_schemas_say() {
    let bench = Bench::new();
    let schema = bench.run(&["schema", "facts"]).json();
    for role in ["devbox", "infra", "worker"] {
        let ran = bench.run(&["facts", "--local", "--as", role]);
        assert_eq!(ran.code, 0, "{ran:?}");
        validates(&schema, &ran.json());
    }
    let check = bench.run(&["schema", "check"]).json();
    for (id, text) in shipped::CHECKS {
        validates(&check, &yaml::<Value>(id, text).expect("YAML"));
    }
    let profile = bench.run(&["schema", "profile"]).json();
    for (name, text) in shipped::PROFILES {
        validates(&profile, &yaml::<Value>(name, text).expect("YAML"));
    }
    let config = bench.run(&["schema", "config"]).json();
    let text = "inventory: [hosts.yaml]\nprofile: openpai\nparameters: {worker_cpus: 4}\nchecks: [own]\n\
                waivers: [{check: unreachable, hosts: [a], reason: b, expires: 2030-01-31}]\n";
    validates(&config, &yaml::<Value>("airworthy.yaml", text).expect("YAML"));
}

#[test]
fn the_script_run_elsewhere_gives_the_same_facts() {
    let bench = Bench::new();
    let script = bench.run(&["facts", "--script"]);
    bench.write("script.sh", &script.out);
    let answer = environment::command("sh")
        .arg("script.sh")
        .current_dir(bench.path())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("sh runs");
    bench.write("answer", &answer.stdout);
    let ran = bench.run(&["facts", "--transcript", "answer", "--as", "infra"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document = ran.json();
    validates(&bench.run(&["schema", "facts"]).json(), &document);
    assert_eq!(document["host"]["roles"], json!(["infra"]));
    let local = bench.run(&["facts", "--local"]).json();
    for (subject, field) in
        [("os", "id"), ("cpu", "count"), ("memory", "total_mib"), ("identity", "hostname")]
    {
        assert_eq!(document["facts"][subject][field], local["facts"][subject][field], "{subject}.{field}");
    }
    // Facts from there can be judged.
    bench.write("elsewhere/a.json", &ran.out);
    assert!(bench.run(&["check", "--facts", "elsewhere", "--format", "json"]).code < 2);
    for cut in [answer.stdout.len() / 2, answer.stdout.len() - 3] {
        bench.write("cut", &answer.stdout[..cut]);
        bench.run(&["facts", "--transcript", "cut"]).complains(&["cut off"]);
    }
}

#[test]
fn broken_facts_are_placed() {
    let bench = Bench::new();
    bench.gather();
    let whole = bench.read("facts/localhost.json");
    let line = serde_json::from_str::<Value>(&whole).expect("JSON").to_string();
    let other = line.replace("\"name\":\"localhost\"", "\"name\":\"other\"");
    let elsewhere = other.replace("sha256:e3b0", "sha256:ffff");
    let lines = |text: &str| text.matches('\n').count();
    let half = &whole[..whole.len() / 2];
    let cases: [(Vec<u8>, Vec<String>); 10] = [
        (half.into(), vec![format!("x.json:{}:", lines(half) + 1), "cut off".into(), "gather again".into()]),
        (b"".to_vec(), vec!["x.json".into(), "it is empty".into()]),
        (b"{}".to_vec(), vec!["x.json:1:2".into(), "missing field `schema`".into()]),
        (b"hello".to_vec(), vec!["x.json:1:1".into(), "not JSON".into()]),
        (b"\xff\xfe\0".to_vec(), vec!["x.json".into(), "not text".into()]),
        (
            whole.replace("facts/v1", "facts/v9").into(),
            vec!["airworthy/facts/v9".into(), "gather again".into()],
        ),
        (format!("{line}\n{line}\n").into(), vec!["localhost is there twice".into()]),
        (format!("{line}\n{elsewhere}\n").into(), vec!["another inventory".into(), "gather again".into()]),
        (format!("{line}\n{{\"a\": }}\n").into(), vec!["x.json:2:7".into()]),
        (
            whole
                .replace("\"unreachable\": null", "\"unreachable\": {\"stage\": \"a\", \"reason\": \"b\"}")
                .into(),
            vec!["either `facts` or `unreachable`".into()],
        ),
    ];
    for (text, wanted) in cases {
        bench.write("x/x.json", text);
        let ran = bench.run(&["check", "--facts", "x"]);
        ran.complains(&wanted.iter().map(String::as_str).collect::<Vec<_>>());
    }
    bench.run(&["check", "--facts", "nowhere"]).complains(&["nowhere", "No such file"]);
    std::fs::create_dir(bench.path().join("empty")).expect("made");
    bench.run(&["check", "--facts", "empty"]).complains(&["holds no saved facts", "--save-facts"]);
    bench.run(&["check", "--facts", "facts", "--limit", "x"]).complains(&["matches no host", "-i INVENTORY"]);
    // NDJSON of two hosts is a cluster.
    bench.write("two.ndjson", format!("{line}\n{other}\n").replace("\"hosts\":1", "\"hosts\":2"));
    let ran = bench.run(&["check", "--facts", "two.ndjson", "--format", "json"]);
    assert_eq!(ran.json()["summary"]["hosts"], 2, "{}", ran.err);
}

#[test]
fn an_inventory_beside_saved_facts_says_who_is_there() {
    let bench = Bench::new();
    cluster(&bench);
    bench.write(
        "hosts.yaml",
        "all: {children: {kube_node: {hosts: {w1: {ansible_host: 192.0.2.7}, w3: }}}}\n",
    );
    let args = ["check", "--facts", "facts", "-i", "hosts.yaml", "--devbox", "none", "--format", "json"];
    let ran = bench.run(&args);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    let hosts: Vec<(&str, bool)> = report["hosts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| (row["name"].as_str().unwrap_or_default(), row["reached"] == true))
        .collect();
    assert_eq!(hosts, [("w1", true), ("w3", false)]);
    assert_eq!(report["hosts"][0]["address"], "192.0.2.7", "the inventory's word counts");
    assert_eq!(report["hosts"][1]["unreachable"]["stage"], "facts");
    assert!(ran.told().contains("are left out: w2"), "{ran:?}");
}

#[test]
fn old_facts_are_unknown() {
    let bench = Bench::new();
    bench.gather();
    let args =
        |age| ["check", "--facts", "facts", "--select", "cpu-count,host-answers", "--facts-max-age", age];
    let young = bench.run(&args("1d"));
    assert!(!young.out.contains("may be"), "{young:?}");
    let text = bench.read("facts/localhost.json");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    for (then, told) in [
        (json!("2020-01-01T00:00:00Z"), "days old, and may be 24 h old"),
        (json!("2999-01-01T00:00:00Z"), "a clock is wrong"),
        (Value::Null, "do not say when they were gathered"),
    ] {
        document["gathered_at"] = then;
        bench.write("facts/localhost.json", document.to_string());
        let old = bench.run(&args("1d"));
        assert_eq!(old.code, 1, "{old:?}");
        let flat = old.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(told), "{flat}");
    }
}

/// Two workers, of which the second was not reached.
fn cluster(bench: &Bench) {
    bench.gather();
    let mut document: Value = serde_json::from_str(&bench.read("facts/localhost.json")).expect("JSON");
    document["host"]["name"] = json!("w1");
    document["inventory"]["hosts"] = json!(2);
    document["facts"]["ssh"]["answered"] = json!({"known": true, "source": "a test"});
    bench.write("facts/localhost.json", document.to_string());
    document["host"]["name"] = json!("w2");
    document["inventory"]["position"] = json!(1);
    document["facts"] = Value::Null;
    document["unreachable"] = json!({"stage": "connect", "reason": "timed out after 10.0 s"});
    bench.write("facts/w2.json", document.to_string());
}

fn judge(bench: &Bench, waivers: &str, cpus: &str) -> Ran {
    bench.write("facts/airworthy.yaml", format!("waivers: [{waivers}]\n"));
    let set = format!("worker_cpus={cpus}");
    bench.run(&[
        "check",
        "--facts",
        "facts",
        "--select",
        "cpu-count,host-reachable",
        "--set",
        &set,
        "--format",
        "json",
        "--report",
        "table=table.txt",
    ])
}

#[test]
fn a_waiver_turns_no_go_into_go_visibly_and_an_expired_one_does_not() {
    let bench = Bench::new();
    cluster(&bench);
    let lost = "{check: unreachable, hosts: [w2], reason: in repair, expires: 2999-12-31}";
    let cpus = "{check: cpu-count, hosts: [w1], reason: a small node, expires: 2999-12-31}";
    let ran = judge(&bench, "", "1");
    assert_eq!((ran.code, &ran.json()["verdict"]), (1, &json!("no-go")), "{ran:?}");
    assert_eq!(ran.json()["summary"]["unreachable"], 1);

    let ran = judge(&bench, lost, "1");
    assert_eq!((ran.code, &ran.json()["verdict"]), (0, &json!("go")), "{ran:?}");
    let report = ran.json();
    let waived: Vec<&Value> = report["results"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|row| row["status"] == "waived")
        .collect();
    assert_eq!(waived.len(), 1);
    assert_eq!(waived[0]["host"], "w2");
    assert_eq!(waived[0]["reason"], "in repair; until 2999-12-31");
    assert_eq!(report["summary"]["waived"], 1);
    let table = bench.read("table.txt");
    assert!(table.contains("in repair") && table.contains("w2"), "a waiver is seen:\n{table}");

    // A finding's own waiver, and only for the host it names.
    assert_eq!(judge(&bench, lost, "100000").code, 1);
    assert_eq!(judge(&bench, &format!("{lost}, {cpus}"), "100000").code, 0);
    assert_eq!(judge(&bench, &format!("{lost}, {}", cpus.replace("w1", "w2")), "100000").code, 1);

    let ran = judge(&bench, &lost.replace("2999", "2020"), "1");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("a waiver expired on 2020-12-31"), "{}", ran.out);
    // Up to and including its last day.
    let today = jiff::Zoned::now().date().to_string();
    assert_eq!(judge(&bench, &lost.replace("2999-12-31", &today), "1").code, 0);
}

#[test]
fn what_hosts_say_cannot_drive_the_terminal() {
    let bench = Bench::new();
    bench.gather();
    let mut document: Value = serde_json::from_str(&bench.read("facts/localhost.json")).expect("JSON");
    let evil = "\u{1b}[31m\u{7}\u{9b}2J\r\nFAIL everything\u{202e}";
    document["host"]["name"] = json!(format!("w{evil}"));
    document["facts"]["os"]["id"] = json!({"known": evil, "source": evil});
    document["facts"]["os"]["version_id"] = json!({"unknown": evil, "source": evil});
    bench.write("facts/localhost.json", document.to_string());
    for width in ["40", "80", "200"] {
        for format in ["table", "json"] {
            let args = ["check", "--facts", "facts", "--verbose", "--format", format];
            let ran = bench.run_with(&args, &[("COLUMNS", width)]);
            assert_eq!(ran.code, 1);
            let driving = |c: char| c != '\n' && (c.is_control() && (c as u32) < 0x80);
            assert!(!ran.out.chars().any(driving), "{:?}", ran.out.chars().find(|c| driving(*c)));
            assert!(!ran.out.lines().any(|line| line.starts_with("FAIL everything")));
        }
        let table = bench.run_with(&["check", "--facts", "facts"], &[("COLUMNS", width)]).out;
        assert!(!table.contains(['\u{9b}', '\u{202e}', '\u{1b}']), "{table:?}");
    }
}
