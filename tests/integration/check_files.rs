//! Check files of the user's own: mistakes are placed, functions and probes work, hostile output is harmless.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::environment;
use crate::harness::{Bench, Ran};

const SOUND: &str = "title: T is so
severity: error
roles: [worker]
require: |-
  docker.running == true
why: because
remediation: mend it
examples:
  - {facts: {docker: {running: true}}, expect: pass}
  - {facts: {docker: {running: false}}, expect: fail}
  - {facts: {}, expect: unknown}
";

const REQUIRE: &str = "require: |-\n  docker.running == true";
const CONDITION: &str = "docker.running == true";

/// What is written instead of what, where the complaint is placed, and what it says.
struct Broken(&'static str, String, &'static str, &'static [&'static str]);

fn broken() -> Vec<Broken> {
    let own = |what, with: &str, at, says| Broken(what, with.to_owned(), at, says);
    let condition = |with: &str, at, says| Broken(CONDITION, with.to_owned(), at, says);
    let tail =
        |with: &str, at, says| Broken("expect: unknown}\n", format!("expect: unknown}}\n{with}\n"), at, says);
    let bomb: String = "abcdefg".chars().zip("bcdefgh".chars()).fold(
        "references: [&a [x, x, x, x, x, x, x, x, x]".to_owned(),
        |text, (of, to)| {
            text + &format!(", &{to} [*{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}]")
        },
    ) + "]";
    vec![
        own(REQUIRE, "require: !docker.running", "4:10", &["YAML tag", "write the condition as a block"]),
        own(REQUIRE, "require: ! docker.running == true", "4:10", &["YAML tag"]),
        own("T is so", "!!str T", "1:8", &["YAML tag"]),
        own(REQUIRE, "require: &a !x docker.running", "4:10", &["YAML tag"]),
        own(REQUIRE, "require:\n  !x docker.running", "5:3", &["YAML tag"]),
        own("[worker]", "[!x worker]", "3:9", &["YAML tag"]),
        own("why: because\n", "", "1:1", &["the key `why` is missing"]),
        own("remediation", "remediaton", "7:1", &["no key `remediaton`", "did you mean `remediation`?"]),
        own("[worker]", "worker", "3:8", &["a list is expected", "[a, b]"]),
        own("[worker]", "[wroker]", "3:9", &["`wroker`", "did you mean `worker`?"]),
        own("roles: [worker]\n", "", "1:1", &["the key `roles` is missing", "scope: fleet"]),
        own("roles:", "scope: fleet\nroles:", "4:8", &["a fleet check has no `roles`", "leave `roles` away"]),
        own("severity: error", "severity: fatal", "2:11", &["error, warning or info"]),
        own("severity: error", "severity: {infra: error}", "2:11", &["says nothing of the role `worker`"]),
        own(
            "severity: error",
            "severity: {worker: error, infra: info}",
            "2:27",
            &["none of the check's `roles`"],
        ),
        own("severity: error", "severity: []", "2:11", &["empty list", "end the list with a severity alone"]),
        own(
            "severity: error",
            "severity: [{when: docker.running == true, severity: warning}]",
            "2:11",
            &["the last case of `severity` has a `when`"],
        ),
        own("severity: error", "severity: [warning, error]", "2:11", &["which never count"]),
        own(
            "severity: error",
            "severity: [{when: docker.runing == true, severity: warning}, error]",
            "2:19",
            &["`runing` does not exist", "did you mean `running`?"],
        ),
        own(
            "severity: error",
            "severity: [{when: docker.running == true, severity: warning}, {infra: error}]",
            "2:11",
            &["says nothing of the role `worker`"],
        ),
        own(
            "severity: error",
            "severity: [{if: docker.running == true}, error]",
            "2:",
            &["[{when: CONDITION, severity: warning}, error]"],
        ),
        own(
            "because",
            "because\nstage_remediation: {connect: mend it}",
            "7:21",
            &["`connect`, which is none of the check's `stages`"],
        ),
        own("because", "because\nwhy: again", "7:1", &["`why` stands here a second time"]),
        own("because", "''", "6:6", &["`why` is empty"]),
        own(REQUIRE, "require:", "4:8", &["the value is missing"]),
        own(REQUIRE, "require: docker.runing == true", "4:17", &["`runing` does not exist", "`running`?"]),
        own(REQUIRE, "require: \"docker.runing == true\"", "4:18", &["`running`?"]),
        own(REQUIRE, "require: >-\n  docker.running == true\n  && docker.runing", "6:13", &["`running`?"]),
        own("require:", "when: docker.runing == true\nrequire:", "4:14", &["`running`?"]),
        own("why:", "\twhy:", "6:", &["mend what stands here or just before"]),
        own("title", "- title", "1:", &["`key: value` lines"]),
        condition("", "4:1", &["the condition is empty", "pass everything"]),
        condition("docker.running == true &&\n    docker.runing == true", "6:12", &["`running`?"]),
        condition("dokcer.running == true", "5:3", &["the subject `dokcer`", "did you mean `docker`?"]),
        condition(
            "params.worker_cpu > 1",
            "5:10",
            &["the profile's parameter `worker_cpu`", "`worker_cpus`?"],
        ),
        condition("docker.zzzzzzzz == true", "5:10", &["there are: client, config"]),
        condition(
            "docker.running && version_atleast(docker.version, '1')",
            "5:21",
            &["`version_atleast`", "did you mean `version_at_least`?"],
        ),
        condition("version_at_least(docker.version)", "5:3", &["wants string and string"]),
        condition("docker.running == 'yes'", "5:18", &["the same type on each side", "bool and string"]),
        condition("docker.version", "5:3", &["true or false", "string"]),
        condition("has(docker.running)", "5:3", &["turn what is unknown into false", "compare with null"]),
        condition("cpu.count == 4u", "5:16", &["never unsigned", "leave the `u` away"]),
        condition("docker.running ==", "5:", &["ends too early"]),
        condition("docker.running = true", "5:18", &["`=` is not CEL", "`==`"]),
        condition("docker.running == true docker.running", "5:26", &["not expected here"]),
        condition(&format!("{}true{}", "(".repeat(10_000), ")".repeat(10_000)), "5:3", &["longer than 4096"]),
        condition(&format!("{}true{}", "(".repeat(40), ")".repeat(40)), "5:3", &["nested deeper than 24"]),
        condition(&format!("{}true", "!".repeat(300)), "5:3", &["more than 256 operators"]),
        condition(&vec!["true"; 2000].join(" && "), "5:3", &["longer than 4096", "split it"]),
        tail("after: [docker-runing]", "12:9", &["`docker-runing`", "did you mean `docker-running`?"]),
        tail("after: [own]", "12:9", &["the check itself"]),
        tail("stages: [conect]", "12:10", &["no stage `conect`", "did you mean `connect`?"]),
        tail("probe: {run: echo, deadline: 5m}", "12:30", &["`5m` is not a deadline", "5s or 500ms"]),
        tail("probe: {run: echo, deadline: 60s}", "12:30", &["not between 1ms and 15s"]),
        tail("probe: {rnu: echo}", "12:9", &["did you mean `run`?"]),
        tail("probe: {run: ''}", "12:14", &["the probe runs nothing"]),
        tail("probe: {run: echo, parse: yaml}", "12:27", &["there are: text, lines, json, number"]),
        tail("message: '{{ docker.runing }}'", "12:10", &["did you mean `running`?"]),
        tail("message: '{{ docker.running'", "12:10", &["minijinja template"]),
        tail("message: '{{ docker.running | nofilter }}'", "12:10", &["nofilter"]),
        tail("message: '{{ docker.running[:9] }}'", "12:10", &["no slices", "loop.index"]),
        tail("---\ntitle: again", "13:1", &["a second YAML document"]),
        tail(&format!("references: {}{}", "[".repeat(5000), "]".repeat(5000)), "12:", &[]),
        tail(&bomb, "12:", &[]),
        own("running: false", "runing: false", "10:23", &["`docker.runing`", "did you mean `running`?"]),
        own("{docker: {running: false", "{dokcer: {running: false", "10:14", &["did you mean `docker`?"]),
        own("running: false", "running: 5", "10:23", &["which is bool, as int (5)"]),
        own("expect: fail", "expect: failed", "10:49", &["did you mean `fail`?"]),
        own(
            "expect: fail",
            "expect: fail, params: {worker_cpu: 1}",
            "10:64",
            &["did you mean `worker_cpus`?"],
        ),
        own("expect: fail", "expect: fail, host: {roles: [infra]}", "10:5", &["none of the check's roles"]),
        own("expect: fail", "expect: pass", "8:1", &["no example is expected to be `fail`"]),
    ]
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_to_do() {
    let bench = Bench::new();
    let started = Instant::now();
    let cases = broken();
    assert!(cases.len() >= 50);
    let mut wrong = Vec::new();
    for Broken(what, with, at, says) in cases {
        assert!(SOUND.contains(what), "{what}");
        bench.write("own.yaml", SOUND.replacen(what, &with, 1));
        let ran = bench.run(&["check-file", "own.yaml"]);
        let told = ran.told();
        let is_right = ran.code == 2
            && ran.out.is_empty()
            && told.contains(&format!("own.yaml:{at}"))
            && says.iter().all(|said| told.contains(said))
            && ran.err.len() < 4000;
        if !is_right {
            let shown: String = with.chars().take(80).collect();
            wrong.push(format!("{shown}: wanted {at} and {says:?}, status {}:\n{}", ran.code, ran.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn ids_and_folders_are_looked_over() {
    let bench = Bench::new();
    bench.write("Own_Check.yaml", SOUND);
    bench
        .run(&["check-file", "Own_Check.yaml"])
        .complains(&["`Own_Check` is not an id", "docker-running.yaml"]);
    bench.write("empty.yaml", "");
    bench.run(&["check-file", "empty.yaml"]).complains(&["empty.yaml", "the file is empty"]);
    bench.write("large.yaml", format!("# {}\n{SOUND}", "x".repeat(300_000)));
    bench.run(&["check-file", "large.yaml"]).complains(&["larger than 256 KiB"]);

    for (id, after) in [("one", "two"), ("two", "three"), ("three", "one")] {
        bench.write(&format!("circle/{id}.yaml"), format!("{SOUND}after: [docker-installed, {after}]\n"));
    }
    let ran = bench.run(&["list", "--checks", "circle"]);
    ran.complains(&["goes round in a circle: one after two after three after one"]);
    assert!(ran.err.contains("circle/three.yaml:12:27"), "{}", ran.err);
    bench.write("lost/own.yaml", format!("{SOUND}after: [docker-runing]\n"));
    bench.run(&["list", "--checks", "lost"]).complains(&["did you mean `docker-running`?"]);
}

#[test]
fn examples_are_run_and_all_files_are_looked_at() {
    let bench = Bench::new();
    bench.write("good.yaml", SOUND);
    bench.write("wrong.yaml", SOUND.replace("== true", "== false"));
    bench.write("broken.yaml", SOUND.replace("== true", "== tru"));
    let ran = bench.run(&["check-file", "good.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "ok      good.yaml: 3 examples\n"));
    let ran = bench.run(&["check-file", "good.yaml", "wrong.yaml"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out.contains("example 1: expected pass, is fail") && ran.out.contains("example 2"),
        "{ran:?}"
    );
    let ran = bench.run(&["check-file", "good.yaml", "wrong.yaml", "broken.yaml"]);
    ran.complains(&["the subject `tru`", "ok good.yaml", "FAILED wrong.yaml"]);
}

#[test]
fn every_function_can_be_called() {
    let bench = Bench::new();
    // True; and such that the arguments make it impossible to tell.
    for (good, bad) in [
        ("version_at_least(host.name, '1')", "version_at_least('stretch', '9')"),
        ("version_at_least('20.10.24+dfsg1', '20.10')", "version_at_least('', '9')"),
        ("version_newer('5.4.0-150-generic', '4.15')", "version_newer('1', 'x')"),
        ("version_matches('1.3.0', '>=1.2,<2')", "version_matches('1.3.0', 'about 2')"),
        ("quantity('60Gi') > quantity('60G')", "quantity('60 apples') > 1.0"),
        ("quantity('500m') == 0.5", "quantity('') == 0.5"),
        ("network_contains('10.0.0.0/8', '10.1.2.3')", "network_contains('10.0.0.0', '10.1.2.3')"),
        ("network_contains('10.0.0.0/8', '10.1.0.0/16')", "network_contains('10.0.0.0/8', 'x')"),
        ("networks_overlap('10.0.0.0/8', '10.1.0.0/16')", "networks_overlap('10.0.0.0/8', '10.0.0.0/99')"),
        ("same_model('Tesla V100-SXM2-32GB', 'v100')", "unknown('not told')"),
        ("!same_model('Tesla K80', 'v100')", "unknown(docker.version)"),
    ] {
        let skip_good = good.contains("host.name");
        let condition =
            |text: &str| format!("(docker.running == true && docker.version == null) ? {text} : false");
        let mut text = SOUND.replace(CONDITION, &condition(if skip_good { "true" } else { good }));
        text = text.replace("{running: true}", "{running: true, version: null}");
        bench.write("own.yaml", &text);
        let ran = bench.run(&["check-file", "own.yaml"]);
        assert_eq!(ran.code, 0, "{good}: {ran:?}");
        let text = SOUND
            .replace(CONDITION, &format!("docker.running == true ? {bad} : false"))
            .replace("expect: pass", "expect: unknown")
            .replace(
                "{facts: {}, expect: unknown}",
                "{facts: {}, expect: unknown}\n  - {facts: {}, expect: pass}",
            );
        bench.write("own.yaml", &text);
        let ran = bench.run(&["check-file", "own.yaml"]);
        // Only the example that was planted to be wrong.
        assert!(
            ran.code == 1 && !ran.out.contains("example 1") && ran.out.contains("example 4"),
            "{bad}: {ran:?}"
        );
    }
}

/// The first case that matches counts; a condition that is unknown counts as the strictest that could still match.
#[test]
fn a_severity_may_depend_on_conditions() {
    let bench = Bench::new();
    let text = "title: T is so
severity:
  - {when: docker.version == 'old', severity: info}
  - {when: docker.running == true, severity: warning}
  - {infra: error, worker: warning}
roles: [infra, worker]
require: |-
  cpu.count > 4
why: because
remediation: mend it
examples:
  - {facts: {cpu: {count: 8}, docker: {version: new, running: true}}, expect: pass, severity: warning}
  - {facts: {cpu: {count: 2}, docker: {version: old, running: true}}, expect: fail, severity: info}
  - {facts: {cpu: {count: 2}, docker: {version: new, running: true}}, expect: fail, severity: warning}
  - {facts: {cpu: {count: 2}, docker: {version: new, running: false}}, expect: fail, severity: error}
  - {facts: {cpu: {count: 2}, docker: {version: new}}, expect: fail, severity: error}
  - {facts: {cpu: {count: 2}}, expect: fail, severity: error}
  - {host: {roles: [worker]}, facts: {cpu: {count: 2}, docker: {version: new, running: false}}, expect: fail, severity: warning}
  - {host: {roles: [infra, worker]}, facts: {cpu: {count: 2}, docker: {running: false, version: null}}, expect: fail, severity: error}
  - {facts: {docker: {version: new, running: true}}, expect: unknown, severity: warning}
";
    bench.write("own.yaml", text);
    let ran = bench.run(&["check-file", "own.yaml"]);
    assert!(ran.code == 0 && ran.out.contains("9 examples"), "{ran:?}");
    bench
        .write("own.yaml", text.replacen("expect: fail, severity: info", "expect: fail, severity: error", 1));
    let ran = bench.run(&["check-file", "own.yaml"]);
    assert!(ran.code == 1 && ran.out.contains("example 2: expected fail (error), is fail (info)"), "{ran:?}");
    // What `list` and `explain` show of it.
    bench.write("own/own.yaml", text);
    let listed = bench.run(&["list", "--checks", "own", "--select", "own", "--format", "json"]).json();
    assert_eq!(listed[0]["severity"], "infra: error, worker: warning or warning or info");
    let explained = bench.run(&["explain", "own", "--checks", "own"]).out;
    assert!(explained.contains("warning where docker.running == true"), "{explained}");
    assert!(explained.contains("infra: error, worker: warning otherwise"), "{explained}");
}

fn probe(require: &str, parse: &str, deadline: &str, run: &str) -> String {
    let run = run.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "title: The probe says so\nseverity: error\nroles: [worker]\nrequire: |-\n  {require}\nwhy: because\n\
         remediation: mend it\nprobe:\n  parse: {parse}\n  deadline: {deadline}\n  run: |\n{run}"
    )
}

fn status(report: &Value, check: &str) -> (String, String) {
    let row = report["results"]
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["check"] == check))
        .unwrap_or_else(|| panic!("no {check}"));
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

#[test]
fn a_message_names_fields_of_what_a_probe_wrote() {
    let bench = Bench::new();
    let text =
        probe("probe.version == 2", "json", "5s", "echo '{\"version\": 1, \"of\": {\"name\": \"fw\"}}'");
    let message = "message: '{{ probe.of.name }} is {{ probe.version }}, {{ probe.nothing }}'\n";
    bench.write("own/own-fields.yaml", text.replace("why: because\n", &format!("{message}why: because\n")));
    let args = ["check", "--as", "worker", "--checks", "own", "--select", "own-*", "--format", "json"];
    let report = bench.run(&args).json();
    assert_eq!(status(&report, "own-fields").0, "fail");
    assert_eq!(report["results"][0]["message"], "fw is 1, unknown");
}

#[test]
fn own_probes_work_and_hostile_output_harms_nobody() {
    let bench = Bench::new();
    let cases = [
        ("own-text", probe("probe == 'hello'", "text", "5s", "echo hello"), "pass", ""),
        ("own-lines", probe("probe == ['a', 'b']", "lines", "5s", "printf 'a\\nb\\n'"), "pass", ""),
        ("own-json", probe("probe.a[0] == 1", "json", "5s", "echo '{\"a\": [1]}'"), "pass", ""),
        ("own-number", probe("probe > 1.0", "number", "5s", "echo 1.5"), "pass", ""),
        ("own-false", probe("probe == 'x'", "text", "5s", "echo y"), "fail", ""),
        ("own-exit", probe("probe == 'x'", "text", "5s", "echo x\nexit 0"), "pass", ""),
        ("own-exit-3", probe("probe == 'x'", "text", "5s", "echo x\nexit 3"), "unknown", "status 3"),
        (
            "own-hang",
            probe("probe == 'x'", "text", "500ms", "echo x\nsleep 100"),
            "unknown",
            "no answer within 0.5 s",
        ),
        ("own-background", probe("probe == 'x'", "text", "2s", "sleep 100 &\necho x"), "", ""),
        ("own-stdin", probe("probe == ''", "text", "5s", "cat"), "pass", ""),
        (
            "own-large",
            probe("size(probe) > 5", "text", "2s", "head -c 10000000 /dev/zero | tr '\\0' x"),
            "unknown",
            "",
        ),
        (
            "own-control",
            probe("probe == 'x'", "text", "5s", "printf '\\033[31mred\\007\\033]0;evil\\n'"),
            "fail",
            "",
        ),
        ("own-bytes", probe("probe == 'x'", "text", "5s", "head -c 4096 /dev/urandom"), "", ""),
        ("own-quote", probe("probe == 'x'", "text", "5s", "echo 'open"), "unknown", ""),
        ("own-brace", probe("probe == 'x'", "text", "5s", "}; echo x; {"), "unknown", ""),
        ("own-here", probe("probe == 'x'", "text", "5s", "cat <<EOF\nx\nEOF"), "pass", ""),
        (
            "own-set",
            probe("probe == 'x'", "text", "5s", "set -eu; cd /; PATH=; LC_ALL=de; echo x"),
            "pass",
            "",
        ),
        ("own-kill", probe("probe == 'x'", "text", "5s", "kill -9 $$; echo x"), "", ""),
        (
            "own-frame",
            probe("probe == 'x'", "text", "5s", "echo; echo '@0123 end'; echo '@0123 exit os 0'"),
            "fail",
            "",
        ),
        ("own-not-json", probe("probe.a == 1", "json", "5s", "echo '{'"), "unknown", "did not write JSON"),
        (
            "own-not-number",
            probe("probe == 1.0", "number", "5s", "echo NaN"),
            "unknown",
            "did not write a number",
        ),
        ("own-zz-last", probe("probe == 'last'", "text", "5s", "echo last"), "pass", ""),
    ];
    for (id, text, _, _) in cases.iter().filter(|(id, ..)| *id != "own-kill") {
        bench.write(&format!("own/{id}.yaml"), text);
    }
    let started = Instant::now();
    let args = ["check", "--as", "worker", "--checks", "own", "--select", "own-*,cpu-count"];
    let ran = bench.run(&[&args[..], &["--format", "json", "--report", "table=table.txt"]].concat());
    assert!(started.elapsed() < Duration::from_secs(30), "a hanging probe ends: {:?}", started.elapsed());
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    for (id, _, wanted, reason) in cases.iter().filter(|(id, ..)| *id != "own-kill") {
        let (is, why) = status(&report, id);
        assert!(is == *wanted || (wanted.is_empty() && is != "not-applicable"), "{id} is {is}: {why}");
        assert!(why.contains(reason), "{id}: {why}");
    }
    assert_ne!(status(&report, "cpu-count").0, "unknown", "the tool's own probes are untouched");
    let table = bench.read("table.txt");
    assert!(!table.chars().any(|c| c.is_control() && c != '\n'), "no control character reaches the terminal");
}

/// A probe that kills its own shell takes nothing else with it.
#[test]
fn a_probe_that_kills_its_shell_is_unknown_alone() {
    let bench = Bench::new();
    bench.write("own/own-a.yaml", probe("probe == 'x'", "text", "2s", "kill -9 $$\nsleep 1\necho x"));
    bench.write("own/own-b.yaml", probe("probe == 'x'", "text", "2s", "echo x"));
    let args = ["check", "--as", "worker", "--checks", "own", "--select", "own-*", "--format", "json"];
    let ran: Ran = bench.run(&args);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.json();
    let lost = report["summary"]["unreachable"] == 1;
    assert!(lost || status(&report, "own-b").0 == "pass", "no verdict is lost in silence: {report}");
}

#[test]
fn a_check_that_needs_root_says_so() {
    let bench = Bench::new();
    bench.gather();
    let text = probe("probe == 'x'", "text", "2s", "echo x").replace("probe:\n", "probe:\n  root: true\n");
    bench.write("own/own-root.yaml", text);
    let mut document: Value = serde_json::from_str(&bench.read("facts/localhost.json")).expect("JSON");
    document["facts"]["sudo"]["privilege"] = serde_json::json!({"known": false, "source": "a test"});
    document["facts"]["probes"] = serde_json::json!({"own-root": {"known": "x\n", "source": "a test"}});
    bench.write("facts/localhost.json", document.to_string());
    let args = ["check", "--facts", "facts", "--checks", "own", "--select", "own-*", "--format", "json"];
    assert_eq!(
        status(&bench.run(&args).json(), "own-root"),
        ("unknown".into(), "probe: the probe needs root".into())
    );
    document["facts"]["sudo"]["privilege"] = serde_json::json!({"known": true, "source": "a test"});
    bench.write("facts/localhost.json", document.to_string());
    assert_eq!(status(&bench.run(&args).json(), "own-root").0, "pass");
}

#[test]
fn a_check_of_ones_own_replaces_the_shipped_one_and_profiles_choose() {
    let bench = Bench::new();
    bench.gather();
    let own = SOUND.replace(CONDITION, "cpu.count == 12345").replace("severity: error", "severity: warning");
    bench.write("own/cpu-count.yaml", &own);
    let args = ["check", "--facts", "facts", "--checks", "own", "--select", "cpu-count", "--format", "json"];
    let report = bench.run(&args).json();
    assert_eq!((report["summary"]["warn"].as_u64(), report["summary"]["fail"].as_u64()), (Some(1), Some(0)));

    bench.write(
        "mine.yaml",
        "title: Mine\ninclude: [base]\nchecks: [cpu-idle, os-tested]\nparameters: {cpu_idle_min_percent: 1, resource_check: true, os_supported: ['1.0'], \
         os_tested: ['1.0']}\nseverities: {os-tested: info}\n",
    );
    let listed = bench.run(&["list", "--profile", "./mine.yaml", "--format", "json"]);
    let listed = listed.json();
    let row = |id: &str| listed.as_array().and_then(|rows| rows.iter().find(|row| row["id"] == id));
    assert!(row("cpu-idle").is_some() && row("swap-off").is_some() && row("cpu-count").is_none(), "{listed}");
    assert_eq!(
        row("os-tested").map(|row| &row["severity"]),
        Some(&"info".into()),
        "the profile's word is shown"
    );
    for (text, at, says) in [
        ("checks: [cpu-idel]\n", "mine.yaml:1:10", "did you mean `cpu-idle`?"),
        ("include: [bse]\n", "mine.yaml:1:11", "base, kubespray, openpai"),
        ("chekcs: []\n", "mine.yaml:1:1", "did you mean `checks`?"),
        (
            "include: [openpai]\nparameters: {worker_cpus: x}\n",
            "mine.yaml:2:27",
            "must be a whole number, not the text",
        ),
        ("include: [openpai]\nseverities: {cpu-count: bad}\n", "mine.yaml:2:25", "error, warning or info"),
        (
            "include: [openpai]\nseverities: {cpu-cuont: info}\n",
            "mine.yaml:2:14",
            "did you mean `cpu-count`?",
        ),
        ("checks: [cpu-idle]\n", "cpu-idle.yaml", "the profile's parameter `resource_check` does not exist"),
    ] {
        bench.write("mine.yaml", text);
        let ran = bench.run(&["list", "--profile", "./mine.yaml"]);
        ran.complains(&[says]);
        assert!(ran.err.contains(at), "{text}: {}", ran.err);
    }
}

/// The reference pages are made, never edited: `UPDATE_GOLDEN=1 cargo test` writes them again.
#[test]
fn the_reference_pages_are_what_list_prints() {
    for (profile, page) in [("openpai", "docs/checks.md"), ("kubespray", "docs/checks-kubespray.md")] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let made = Bench::new().run(&["list", "--profile", profile, "--format", "markdown"]).out;
        if environment::variable("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &made).expect("written");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == made, "{page} is stale: run UPDATE_GOLDEN=1 cargo test --test integration");
    }
}
