//! What hostile inventories, files and checks may cost: little time, little memory, and a sentence that says so.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::environment;
use crate::harness::{Bench, Ran};

/// The address space that a run has, in KiB. Most of it are the stacks of its threads.
const ROOM: usize = 1_500_000;

/// Runs airworthy with little memory; `input` is what its stdin is in the shell's words.
fn limited(bench: &Bench, args: &[&str], input: &str) -> (Ran, Duration) {
    let begun = Instant::now();
    let output = environment::command("sh")
        .args(["-c", &format!("ulimit -v {ROOM}; exec timeout 60 \"$0\" \"$@\" {input}")])
        .arg(env!("CARGO_BIN_EXE_airworthy"))
        .args(args)
        .current_dir(bench.path())
        .output()
        .expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) };
    (ran, begun.elapsed())
}

fn doubled(first: &str, step: &str, times: usize) -> String {
    format!("{{% set a = {first} %}}{}", format!("{{% set a = {step} %}}").repeat(times))
}

/// Templates that would make gigabytes, or take minutes.
fn templates() -> Vec<String> {
    let long = |unit: &str, times: usize| format!("('{unit}' * {times})");
    let mut found: Vec<String> = [
        format!("{} | replace('x', 'y' * 1000000)", long("x", 1_000_000)),
        format!("{} | replace('', 'y' * 100000)", long("x", 100_000)),
        format!("{}.replace('x', 'y' * 1000000)", long("x", 1_000_000)),
        format!("{}.replace('', 'y' * 100000)", long("x", 100_000)),
        format!("{} | regex_replace('x', 'y' * 100000)", long("x", 100_000)),
        format!("{} | regex_replace('', 'y' * 100000)", long("x", 100_000)),
        format!("{} | regex_replace('(x+)', '\\1' * 30000)", long("x", 100_000)),
        format!("{}.join(range(10000) | map('string'))", long("y", 1_000_000)),
        format!("{}.join({})", long("y", 100_000), long("x", 100_000)),
        format!("range(100000) | join({})", long("y", 100_000)),
        format!("range(100000) | map('ternary', {}, '') | list", long("x", 1_000_000)),
        format!("range(1, 100000) | map('ternary', {}) | join", long("x", 1_000_000)),
        format!("range(100000) | map('string') | map('replace', '0', {}) | list", long("x", 100_000)),
        format!("({0} ~ {0}) ~ ({0} ~ {0}) ~ ({0} ~ {0})", long("x", 8_000_000)),
        format!("({} | b64encode | b64encode | b64encode)", long("x", 8_000_000)),
        format!("{} | quote", long("\"", 8_000_000)),
        format!("{} | list", long("x", 3_000_000)),
        format!("{} | reverse | list", long("x", 3_000_000)),
        format!("{}[::-1]", long("x", 3_000_000)),
        format!("{}.split()", long("x ", 3_000_000)),
        format!("{} | split(' ')", long("x ", 3_000_000)),
        format!("('[' ~ {} ~ '1]') | from_json", long("1,", 3_000_000)),
        format!("{} | regex_findall('x')", long("x", 900_000)),
        format!("{} | regex_findall('.*[^A-Z]|[A-Z]')", long("A", 900_000)),
        format!("range(100000) | map('string') | map('regex_search', {}) | list", long("[a-z]", 300)),
        "range(100000) | zip(range(100000)) | map('join', ' ') | list".to_owned(),
        "range(100000000)".to_owned(),
        "dict(a=range(100000) | list).values() | flatten | unique".to_owned(),
        "range(30000) | unique | list".to_owned(),
        "range(1000) | zip(range(1000)) | list | intersect(range(1000) | zip(range(1000)) | list)".to_owned(),
    ]
    .into_iter()
    .map(|expression| format!("{{{{ {expression} }}}}"))
    .collect();
    found.extend([
        doubled("'x' * 1000", "a ~ a", 24) + "{{ a }}",
        doubled("'x' * 1000", "a + a", 24) + "{{ a }}",
        doubled("'x' * 1000", "a.replace('x', a)", 4) + "{{ a }}",
        doubled("[1]", "a + a", 40) + "{{ a | length }}",
        doubled("['x']", "[a, a]", 40) + "{{ a }}",
        doubled("['x']", "{'k': a, 'l': a}", 40) + "{{ a }}",
        "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}".to_owned(),
        "{% for i in range(10000) %}{% for j in range(10000) %}{% if i == j %}x{% endif %}{% endfor %}{% endfor %}"
            .to_owned(),
    ]);
    found
}

/// An inventory of these hosts, with these templates as their addresses.
fn inventory(hosts: impl IntoIterator<Item = (String, String)>) -> String {
    let hosts: serde_json::Map<String, Value> =
        hosts.into_iter().map(|(name, template)| (name, json!({"ansible_host": template}))).collect();
    let names: Value =
        hosts.keys().map(|name| (name.clone(), Value::Null)).collect::<serde_json::Map<_, _>>().into();
    let group = json!({"hosts": names});
    json!({"all": {"hosts": hosts, "children": {"kube_control_plane": group, "kube_node": group}}})
        .to_string()
}

#[test]
fn templates_pay_before_they_make_anything() {
    let bench = Bench::new();
    let templates = templates();
    for (at, template) in templates.iter().enumerate() {
        bench.write("hosts.yml", inventory([("n1".to_owned(), template.clone())]));
        let (ran, took) = limited(&bench, &["inventory", "-i", "hosts.yml"], "");
        assert!(ran.code == 0 && took < Duration::from_secs(10), "{at} {template}: {took:?} {ran:?}");
        let told = ran.told();
        assert!(
            told.contains("not decidable") && told.contains("the template costs"),
            "{at} {template}: {told}"
        );
    }
    // Each host has its share, and all of them together are bounded too.
    let hosts = (0..40).map(|at| (format!("n{at}"), templates[at % templates.len()].clone()));
    bench.write("hosts.yml", inventory(hosts));
    let (ran, took) = limited(&bench, &["inventory", "-i", "hosts.yml"], "");
    assert!(ran.code == 0 && took < Duration::from_secs(30), "{took:?} {ran:?}");
}

/// Files that are none, or too much of one, by name.
fn special_files(folder: &Path) -> Vec<&'static str> {
    let at = |name: &str| folder.join(name);
    assert!(environment::command("mkfifo").arg(at("fifo.yaml")).status().expect("it runs").success());
    symlink("/dev/zero", at("zero.yaml")).expect("a link");
    symlink("loop.yaml", at("loop.yaml")).expect("a link");
    fs::create_dir(at("folder.yaml")).expect("a folder");
    let huge = fs::File::create(at("huge.yaml")).expect("a file");
    huge.set_len(1 << 40).or_else(|_| huge.set_len(1 << 33)).expect("a sparse file");
    vec!["fifo.yaml", "zero.yaml", "loop.yaml", "folder.yaml", "huge.yaml"]
}

#[test]
fn what_is_no_regular_file_is_refused_at_once_wherever_it_is_named() {
    let bench = Bench::new();
    bench.gather();
    bench.write("hosts.ini", "[kube_control_plane]\nn1 ansible_connection=local\n[kube_node]\nn1\n");
    let names = special_files(bench.path());
    let with = |args: &[&'static str], name: &'static str| -> Vec<&'static str> {
        args.iter().map(|arg| if *arg == "FILE" { name } else { *arg }).collect()
    };
    let limit_of = |name: &str| -> &'static str { format!("@{name}").leak() };
    let vars_of = |name: &str| -> &'static str { format!("@{name}").leak() };
    for name in names {
        let mut runs = vec![
            with(&["check", "--facts", "facts", "--profile", "./FILE"], name),
            with(&["check-file", "FILE"], name),
            with(&["inventory", "-i", "hosts.ini", "--vault-password-file", "FILE"], name),
            vec!["inventory", "-i", "hosts.ini", "-e", vars_of(name)],
            vec!["inventory", "-i", "hosts.ini", "--limit", limit_of(name)],
            with(&["handoff", "-i", "hosts.ini", "--from-report", "FILE", "--dry-run"], name),
        ];
        if name != "folder.yaml" {
            runs.push(with(&["check", "--facts", "FILE"], name));
            runs.push(with(&["facts", "--transcript", "FILE"], name));
        }
        let profile: &'static str = format!("./{name}").leak();
        runs[0] = vec!["check", "--facts", "facts", "--profile", profile];
        for args in runs {
            let (ran, took) = limited(&bench, &args, "</dev/null");
            assert!(ran.code == 2 && took < Duration::from_secs(10), "{args:?}: {took:?} {ran:?}");
            assert!(!ran.err.contains("panicked"), "{args:?}: {ran:?}");
        }
    }
}

#[test]
fn what_is_no_regular_file_is_refused_in_folders_too() {
    for name in ["fifo.yaml", "zero.yaml", "loop.yaml", "folder.yaml", "huge.yaml"] {
        let bench = Bench::new();
        special_files(bench.path());
        bench.write("facts/x.txt", "");
        bench.write("checks/x.txt", "");
        bench.write("team/facts/x.txt", "");
        for to in ["facts/x.json", "checks/x.yaml", "team/airworthy.yaml"] {
            fs::rename(bench.path().join(name), bench.path().join("moved")).expect("moved");
            let target =
                if name == "loop.yaml" { Path::new("moved").to_owned() } else { bench.path().join("moved") };
            if name == "loop.yaml" {
                fs::remove_file(bench.path().join("moved")).expect("removed");
                symlink(&target, bench.path().join("moved")).expect("a link");
            }
            symlink(bench.path().join("moved"), bench.path().join(to)).expect("a link");
            fs::rename(bench.path().join("moved"), bench.path().join(name)).expect("moved back");
            fs::remove_file(bench.path().join(to)).expect("removed");
            symlink(bench.path().join(name), bench.path().join(to)).expect("a link");
        }
        for args in [
            ["check", "--facts", "facts"].as_slice(),
            &["check", "--as", "worker", "--checks", "checks"],
            &["check", "--facts", "team/facts"],
        ] {
            let (ran, took) = limited(&bench, args, "</dev/null");
            assert!(ran.code == 2 && took < Duration::from_secs(10), "{name} {args:?}: {took:?} {ran:?}");
        }
    }
}

#[test]
fn streams_that_are_named_are_read_and_bounded() {
    let bench = Bench::new();
    let ran = bench.run(&["facts", "--local", "--as", "worker"]);
    bench.write("all.ndjson", &ran.out);
    for path in ["-", "/dev/stdin", "/dev/fd/0"] {
        let (ran, _) = limited(&bench, &["check", "--facts", path, "--format", "json"], "<all.ndjson");
        assert!(ran.code < 2 && ran.out.contains("\"results\""), "{path}: {ran:?}");
        let (ran, took) = limited(&bench, &["check", "--facts", path], "</dev/zero");
        assert!(ran.code == 2 && took < Duration::from_secs(20), "{path}: {took:?} {ran:?}");
        assert!(ran.told().contains("larger than"), "{path}: {ran:?}");
        let (ran, took) = limited(&bench, &["facts", "--transcript", path], "</dev/zero");
        assert!(ran.code == 2 && took < Duration::from_secs(20), "{path}: {took:?} {ran:?}");
    }
}

#[test]
fn a_folder_with_too_many_files_is_refused() {
    let bench = Bench::new();
    bench.write("facts/0.json", "");
    for at in 0..60_000 {
        let name = bench.path().join(format!("facts/{at}.json"));
        fs::hard_link(bench.path().join("facts/0.json"), &name)
            .or_else(|_| fs::write(&name, ""))
            .expect("a file");
    }
    let (ran, took) = limited(&bench, &["check", "--facts", "facts"], "");
    assert!(took < Duration::from_secs(20), "{took:?}");
    ran.complains(&["it holds more than", "files"]);
}

/// A check of one's own with this condition and message.
fn check(require: &str, message: &str) -> String {
    format!(
        "title: Costs little\nseverity: error\nroles: [worker]\nrequire: |-\n  {require}\nmessage: |-\n  {message}\n\
         why: because\nremediation: mend it\nexamples:\n  - {{facts: {{}}, expect: unknown}}\n"
    )
}

const MESSAGE: &str = "it is so";

fn conditions() -> Vec<String> {
    let nested = |of: &str, body: &str, names: &str| {
        names.chars().rev().fold(body.to_owned(), |body, name| format!("{of}.all({name}, {body})"))
    };
    let hundred = format!("{:?}", (0..100).collect::<Vec<_>>());
    let grown = |step: &str, times: usize| format!("['x']{}.size() == 0", step.repeat(times));
    vec![
        nested("ports.listening.map(x, ports.listening)", "ports.listening == []", "abc"),
        nested("kernel.modules", "kernel.modules == [] || true", "abcd"),
        nested(&hundred, "[a, b, c, d] != []", "abcd"),
        nested(&hundred, &format!("{hundred} == {hundred}"), "abc"),
        nested("kernel.modules.filter(x, kernel.modules != [])", "true", "abc"),
        grown(".map(x, x + x)", 60),
        grown(".map(x, [x, x])", 60),
        grown(".map(x, {'a': x, 'b': x})", 30),
        "kernel.modules.map(x, kernel.modules.map(y, kernel.modules)).size() == 0".to_owned(),
    ]
}

fn messages() -> Vec<String> {
    let loops = |body: &str, times: usize| {
        let open: String = (0..times).map(|at| format!("{{% for v{at} in range(100000) %}}")).collect();
        open + body + &"{% endfor %}".repeat(times)
    };
    let doubled = |step: &str| {
        "{% set a = 'x' %}".to_owned() + &format!("{{% set a = {step} %}}").repeat(60) + "{{ a }}"
    };
    vec![
        loops("x", 1),
        loops("x", 4),
        loops("", 4),
        doubled("a ~ a"),
        doubled("a + a"),
        doubled("[a, a]"),
        doubled("a | replace('x', 'xx')"),
        doubled("a * 1000"),
        "{{ ('x' * 100000) | replace('x', 'y' * 100000) }}".to_owned(),
        "{{ ([1] * 1000000000) | join(', ') }}".to_owned(),
        "{{ '%900000000d' | format(1) }}".to_owned(),
        "{{ 'x' | indent(1000000000) }}".to_owned(),
        "{{ [1] | slice(1000000000) | list }}".to_owned(),
        "{{ range(100000) | map('replace', '0', os.kernel) | map('replace', '', 'y' * 1000) | join }}"
            .to_owned(),
    ]
}

#[test]
fn checks_of_ones_own_end_soon_and_pass_nothing() {
    let bench = Bench::new();
    bench.gather();
    let judged = |text: String| {
        bench.write("own/costly.yaml", text.clone());
        let (ran, took) = limited(
            &bench,
            &["check", "--facts", "facts", "--checks", "own", "--select", "costly", "--format", "json"],
            "",
        );
        assert!(took < Duration::from_secs(20), "{took:?}: {text}");
        assert!(matches!(ran.code, 0..=2) && !ran.err.contains("panicked"), "{ran:?}: {text}");
        (ran.code < 2).then(|| ran.json()["results"][0].clone())
    };
    for condition in conditions() {
        // One that is refused when it is loaded passes nothing either.
        let Some(verdict) = judged(check(&condition, MESSAGE)) else { continue };
        assert_ne!(verdict["status"], "pass", "{condition}: {verdict}");
    }
    for message in messages() {
        let Some(verdict) = judged(check("docker.running == true && false", &message)) else { continue };
        assert!(verdict["message"].as_str().is_none_or(|text| text.len() < 100_000), "{message}");
    }
    // What costs little is as it was.
    let cheap = "kernel.modules.all(a, kernel.modules.exists(b, a == b)) && [1, 2].map(x, x + 1) == [2, 3]";
    let verdict =
        judged(check(cheap, "{{ kernel.modules | length }} modules, {{ 2 * 3 }}")).expect("it loads");
    assert_eq!(verdict["status"], "pass", "{verdict}");
}

#[test]
fn no_core_dump_is_written() {
    let bench = Bench::new();
    let aborted = |program: &str| {
        let script = format!("ulimit -c unlimited 2>/dev/null; {program}");
        let mut command = environment::command("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_airworthy")]).current_dir(bench.path());
        command.status().expect("it runs")
    };
    // The shell becomes the program, so that its end is the shell's.
    let waiting = "(sleep 1; kill -ABRT $$) & exec \"$0\" check --facts - <fifo";
    assert!(
        environment::command("mkfifo").arg(bench.path().join("fifo")).status().expect("it runs").success()
    );
    let ended = aborted(&format!("(exec 3>fifo; sleep 3) & {waiting}"));
    assert_eq!(ended.signal(), Some(6), "{ended:?}");
    assert!(!ended.core_dumped(), "{ended:?}");
}

#[test]
fn without_the_dev_box_this_machine_is_not_visited() {
    let bench = Bench::new();
    bench.write("hosts.ini", "[kube_node]\n");
    for args in [
        ["facts", "--devbox", "none"].as_slice(),
        &["facts", "--devbox", "none", "-o", "saved"],
        &["check", "--devbox", "none"],
    ] {
        let ran = bench.run(args);
        ran.complains(&["--devbox none"]);
        assert!(!bench.path().join("saved").exists(), "{args:?}");
    }
    // Who names a role means this machine.
    let ran = bench.run(&["facts", "--devbox", "none", "--as", "worker"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn hosts_with_long_names_are_saved_and_read_back() {
    let bench = Bench::new();
    let names = ["n".repeat(300), format!("{}x", "n".repeat(299)), "ä/".repeat(100), "short".to_owned()];
    let hosts: String = names.iter().map(|name| format!("{name} ansible_connection=local\n")).collect();
    bench.write("hosts.ini", format!("[kube_control_plane]\n{hosts}[kube_node]\n{hosts}"));
    let common = ["-i", "hosts.ini", "--devbox", "none"];
    let ran =
        bench.run(&[["check", "--save-facts", "saved", "--format", "json"].as_slice(), &common].concat());
    assert!(ran.code < 2, "{ran:?}");
    let live = ran.json();
    let again = bench.run(&["check", "--facts", "saved", "--devbox", "none", "--format", "json"]).json();
    let named = |report: &Value| -> Vec<String> {
        let hosts = report["hosts"].as_array().expect("hosts").iter();
        hosts.map(|host| host["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(named(&live), names);
    assert_eq!(named(&again), names);
    let ran =
        bench.run(&[["facts", "-o", "facts", "--save-transcripts", "raw"].as_slice(), &common].concat());
    assert!(ran.code < 2, "{ran:?}");
    assert_eq!(fs::read_dir(bench.path().join("facts")).expect("a folder").count(), names.len());
}

#[test]
fn a_report_is_made_also_where_facts_cannot_be_saved() {
    let bench = Bench::new();
    // A folder stands where the host's file is to be.
    bench.write("saved/localhost.json/x", "");
    let ran = bench.run(&["check", "--as", "worker", "--save-facts", "saved", "--format", "json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.json()["results"].as_array().is_some_and(|results| !results.is_empty()), "{ran:?}");
    assert!(ran.told().contains("localhost.json") && ran.told().contains("--save-facts"), "{ran:?}");
}
