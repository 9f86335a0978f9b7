//! Whatever names, values and files hold: nothing that a command writes drives a terminal, reorders a line or hides in it.

use serde_json::{Value, json};

use crate::harness::{Bench, Ran};

/// ESC, OSC, C0, DEL, C1, bidirectional and invisible characters; the same as YAML and JSON spell them.
const EVIL: &str =
    "\u{1b}[31m\u{1b}]0;own\u{7}\u{8}\u{7f}\u{9b}2J\u{85}\u{61c}\u{200e}\u{202e}\u{2066}\u{2028}\u{200b}";
const SPELLED: &str =
    "\\u001b[31m\\u001b]0;own\\u0007\\u0008\\u007f\\u009b2J\\u0085\\u061c\\u200e\\u202e\\u2066\\u2028\\u200b";
/// What of them a file name and a line of a configuration file can hold raw.
const RAW: &str = "\u{1b}[31m\u{7f}\u{9b}2J\u{85}\u{61c}\u{200e}\u{202e}\u{2066}";

fn is_effective(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What was written, if none of it is effective. The harness reads it as UTF-8, so each byte is judged.
#[track_caller]
fn safe(args: &[&str], ran: &Ran) {
    for (stream, text) in [("stdout", &ran.out), ("stderr", &ran.err)] {
        let found = text.char_indices().find(|(_, c)| is_effective(*c));
        if let Some((at, c)) = found {
            let around: String =
                text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            panic!("{args:?}: {c:?} on {stream} behind {around:?}");
        }
    }
    assert_ne!(ran.code, -1, "{args:?}: {ran:?}");
    assert!(!ran.err.contains("panicked"), "{args:?}: {ran:?}");
}

/// Runs each of them with and without a wish for colours; without, not even a style is written.
#[track_caller]
fn all_safe(bench: &Bench, runs: &[&[&str]]) {
    for args in runs {
        safe(args, &bench.run(args));
    }
}

#[test]
fn inventories_cannot_drive_the_terminal() {
    let bench = Bench::new();
    // A bracket would be a range of hosts.
    let name = SPELLED.replace('[', "");
    let yaml = format!(
        "all:\n  children:\n    kube_node:\n      vars: {{\"v{SPELLED}\": \"x{SPELLED}\"}}\n      hosts:\n        \
         \"h{name}\": {{\"ansible_user\": \"u{SPELLED}\", \"ansible_host\": \"a{SPELLED}\", ip: \"i{SPELLED}\", \
         kube_network_plugin: \"p{SPELLED}\", \"{SPELLED}\": 1}}\n    \"g{SPELLED}\":\n      hosts: {{n1: }}\n"
    );
    bench.write("hosts.yml", yaml);
    bench.write(
        "hosts.ini",
        format!("[kube_node]\nn{RAW} a{RAW}=b{RAW} ansible_user=u{RAW}\n[g{RAW}]\nn1 x={RAW}\n"),
    );
    bench.write("list.ini", format!("[kube_node]\nn1\nn{RAW}\n"));
    bench.write("broken.yml", format!("all: {{hosts: {{a: \"{RAW}\n{RAW}: [\n"));
    bench.write("broken.ini", format!("[kube_node]\nn1 a='{RAW}\n[{RAW}\n"));
    bench.write(&format!("{RAW}.ini"), "[kube_node]\nn1 a='open\n");
    let host = format!("h{}", EVIL.replace('[', ""));
    let named = format!("{RAW}.ini");
    for inventory in ["hosts.yml", "hosts.ini", "list.ini", "broken.yml", "broken.ini", &named, &host] {
        all_safe(
            &bench,
            &[
                &["inventory", "-i", inventory],
                &["inventory", "-i", inventory, "--format", "json"],
                &["inventory", "-i", inventory, "--host", &host],
                &["inventory", "-i", inventory, "--host", &host, "--format", "json"],
                &["inventory", "-i", inventory, "--host", "n1"],
                &["inventory", "-i", inventory, "--limit", &host],
                &["inventory", "-i", inventory, "-e", &format!("a={EVIL} b='")],
                &["inventory", "-i", inventory, "-e", &format!("@{RAW}")],
                &["check", "-i", inventory, "--devbox", "none", "--timeout", "1", "-v"],
                &["check", "-i", inventory, "--devbox", "none", "--timeout", "1", "--format", "json"],
                &["facts", "-i", inventory, "--devbox", "none", "--timeout", "1"],
                &["fix", "undo", "-i", inventory, "--dry-run", "--timeout", "1"],
            ],
        );
    }
    let json = bench.run(&["inventory", "-i", "hosts.yml", "--format", "json"]).json();
    let listed = json["_meta"]["hostvars"].as_object().expect("an object");
    assert!(listed.contains_key(&host), "JSON has the same values: {listed:?}");
}

#[test]
fn check_files_and_profiles_cannot_drive_the_terminal() {
    let bench = Bench::new();
    let check = |more: &str| {
        format!(
            "title: \"T{SPELLED}\"\nseverity: error\nroles: [worker]\nrequire: |-\n  cpu.count > 0\n\
             message: \"m{SPELLED} {{{{ cpu.count }}}}\"\nwhy: \"w{SPELLED}\"\nremediation: \"r{SPELLED}\"\n\
             references: [\"https://x/{SPELLED}\"]\n{more}"
        )
    };
    let examples = "examples:\n  - {facts: {cpu: {count: 1}}, expect: pass}\n  - {facts: {cpu: {count: 1}}, expect: fail}\n  \
                    - {facts: {}, expect: unknown}\n";
    bench.write("own/evil.yaml", check(examples));
    bench.write("broken/evil.yaml", check(&format!("severity: \"{RAW}\n")));
    bench.write("unknown/evil.yaml", check(&format!("\"k{SPELLED}\": 1\n")));
    bench.write("condition/evil.yaml", check("").replace("cpu.count > 0", &format!("cpu.{RAW} > \"{RAW}\"")));
    bench.write(&format!("named/{RAW}.yaml"), check("titel: x\n"));
    bench.write(
        "profile.yaml",
        format!("title: \"{SPELLED}\"\nchecks: [evil]\nparameters: {{\"p{SPELLED}\": \"{SPELLED}\"}}\n"),
    );
    bench.write("wrong.yaml", format!("title: x\nchecks: [\"{RAW}\"]\n"));
    for folder in ["own", "broken", "unknown", "condition", "named", RAW] {
        all_safe(
            &bench,
            &[
                &["list", "--checks", folder],
                &["list", "--checks", folder, "--format", "json"],
                &["list", "--checks", folder, "--format", "markdown"],
                &["explain", "evil", "--checks", folder],
                &["explain", RAW, "--checks", folder],
                &["list", "--checks", folder, "--profile", "profile.yaml"],
                &["list", "--checks", folder, "--profile", "wrong.yaml"],
                &["check-file", &format!("{folder}/evil.yaml"), &format!("{folder}/{RAW}.yaml")],
            ],
        );
    }
    let probe = format!("probe: {{run: \"echo {SPELLED}\"}}\n{examples}");
    bench.write("probing/evil.yaml", check(&probe));
    all_safe(
        &bench,
        &[&["facts", "--script", "--checks", "probing"], &["facts", "--script", "--checks", "own"]],
    );
    let narrow = bench.run_with(&["list", "--checks", "own"], &[("COLUMNS", "40")]);
    safe(&["list"], &narrow);
    bench.gather();
    all_safe(
        &bench,
        &[
            &["check", "--facts", "facts", "--checks", "own", "--select", "evil", "-v"],
            &["check", "--facts", "facts", "--checks", "own", "--select", "evil", "--format", "json"],
        ],
    );
    bench.write(
        "facts/airworthy.yaml",
        format!("profile: \"{SPELLED}\"\nwaivers: [{{check: \"{SPELLED}\"}}]\n"),
    );
    all_safe(&bench, &[&["check", "--facts", "facts"]]);
    bench.write("facts/airworthy.yaml", format!("profil{RAW}: {RAW}\n"));
    all_safe(&bench, &[&["check", "--facts", "facts"]]);
}

/// Every text of a value, with something behind it; `keep` says of which not.
fn mangle(value: &mut Value, keep: &dyn Fn(&str) -> bool) {
    match value {
        Value::String(text) if !keep(text) => text.push_str(EVIL),
        Value::Array(items) => items.iter_mut().for_each(|item| mangle(item, keep)),
        Value::Object(fields) => fields.values_mut().for_each(|field| mangle(field, keep)),
        _ => {}
    }
}

#[test]
fn saved_facts_cannot_drive_the_terminal() {
    let bench = Bench::new();
    bench.gather();
    let whole: Value = serde_json::from_str(&bench.read("facts/localhost.json")).expect("JSON");
    let write = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut document = whole.clone();
        change(&mut document);
        bench.write(&format!("{name}/localhost.json"), document.to_string());
    };
    write("all", &|document| mangle(document, &|_| false));
    let is_word = |text: &str| {
        [
            "worker",
            "airworthy/facts/v1",
            "none",
            "up",
            "down",
            "loopback",
            "physical",
            "virtual",
            "bridge",
            "2.31",
        ]
        .contains(&text)
            || text.parse::<std::net::IpAddr>().is_ok()
            || text.starts_with("sha256:")
            || text.ends_with('Z')
    };
    write("most", &|document| mangle(document, &is_word));
    write("facts-only", &|document| mangle(&mut document["facts"], &is_word));
    write("unreachable", &|document| {
        document["facts"] = Value::Null;
        document["unreachable"] = json!({"stage": EVIL, "reason": format!("r{EVIL}")});
        mangle(&mut document["host"]["name"], &|_| false);
        mangle(&mut document["host"]["address"], &|_| false);
    });
    bench.write("broken/x.json", format!("{{\"schema\": \"{RAW}\", \n{RAW}"));
    for facts in ["all", "most", "facts-only", "unreachable", "broken", RAW] {
        all_safe(
            &bench,
            &[
                &["check", "--facts", facts],
                &["check", "--facts", facts, "-v", "--by", "host"],
                &["check", "--facts", facts, "--format", "json"],
                &[
                    "check",
                    "--facts",
                    facts,
                    "--report",
                    "json=r.json",
                    "--report",
                    "table=r.txt",
                    "--limit",
                    RAW,
                ],
                &["facts", "--transcript", &format!("{facts}/localhost.json")],
            ],
        );
        let args = ["check", "--facts", facts, "--report", "json=r.json", "--report", "table=r.txt"];
        if bench.run(&args).code < 2 {
            for name in ["r.json", "r.txt"] {
                let text = bench.read(name);
                assert!(!text.chars().any(is_effective), "{facts}: {name}");
            }
        }
    }
    assert_eq!(bench.run(&["check", "--facts", "most", "--format", "json"]).code, 1, "it is judged");
}

#[test]
fn the_command_line_cannot_drive_the_terminal() {
    let bench = Bench::new();
    let flag = format!("--{RAW}");
    let report = format!("json={RAW}/x/y");
    let set = format!("{RAW}={EVIL}");
    all_safe(
        &bench,
        &[
            &[RAW],
            &["check", RAW],
            &["check", &flag],
            &["check", "--format", RAW],
            &["check", "--as", RAW],
            &["check", "--local", "--report", RAW],
            &["check", "--as", "worker", "--report", &report],
            &["check", "--as", "worker", "--set", &set],
            &["check", "--as", "worker", "--select", RAW],
            &["check", "--as", "worker", "--profile", RAW],
            &["check", "--kubespray", RAW],
            &["check", "-i", "n1,", "--as", "worker", "--vault-password-file", RAW],
            &["check", "-i", "n1,", "--as", "worker", "--helper-dir", RAW],
            &["facts", "--transcript", RAW],
            &["facts", "--local", "-o", &format!("{RAW}/x")],
            &["handoff", "-i", RAW, "--kubespray", RAW, "--", RAW],
            &["explain", RAW],
            &["check-file", RAW],
            &["schema", RAW],
            &["completions", RAW],
        ],
    );
}

#[test]
fn with_colours_only_styles_are_written() {
    let bench = Bench::new();
    bench.write("own/evil.yaml", format!("title: \"T{SPELLED}\"\nseverty: {RAW}\n"));
    for args in [&["list", "--checks", "own"][..], &["check", RAW], &["inventory", "-i", RAW]] {
        let ran = bench.run_with(args, &[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")]);
        let mut text = ran.err.as_str();
        while let Some(at) = text.find('\u{1b}') {
            let rest = &text[at + 1..];
            let end = rest.find('m').unwrap_or_default();
            let is_style =
                rest.starts_with('[') && rest[1..end.max(1)].chars().all(|c| c.is_ascii_digit() || c == ';');
            assert!(is_style, "{args:?}: {ran:?}");
            text = rest;
        }
        assert!(!ran.err.replace('\u{1b}', "").chars().any(is_effective), "{args:?}: {ran:?}");
    }
}
