//! docs/reliability.md: every fault and bad input that the tests try, what must become of it, and where its test is.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::coverage::{fault::Expect, faults, kubespray};
use crate::environment;

/// The files of which each test tries a fault or a bad input, and what has it.
const TRIED: [(&str, &[&str]); 6] = [
    (
        "Hosts that fail, hang, or mean harm",
        &[
            "tests/ssh/faults.rs",
            "tests/ssh/floods.rs",
            "tests/ssh/neighbours.rs",
            "tests/ssh/host_keys.rs",
            "tests/ssh/trust.rs",
            "tests/ssh/secrets.rs",
            "tests/lab/deadlines.rs",
            "tests/lab/bad_days.rs",
            "tests/lab/leftovers.rs",
            "tests/lab/secrets.rs",
        ],
    ),
    (
        "Neighbours on a host",
        &["tests/integration/trust.rs", "tests/integration/impostors.rs", "tests/fix/trust.rs"],
    ),
    (
        "Files, inventories, check files and saved facts",
        &[
            "tests/inventory_robustness.rs",
            "tests/integration/limits.rs",
            "tests/integration/robustness.rs",
            "tests/integration/deletions.rs",
            "tests/scaling/main.rs",
        ],
    ),
    (
        "What is shown and written",
        &[
            "tests/integration/terminal_safety.rs",
            "tests/integration/secrets.rs",
            "tests/integration/output_files.rs",
            "tests/integration/interruption.rs",
            "tests/handoff/secrets.rs",
        ],
    ),
    ("Repairing daemon.json", &["tests/fix/cuts.rs", "tests/fix/disks.rs", "tests/lab/fix.rs"]),
    ("Answers that are cut or forged", &["src/gather/frame.rs", "src/facts/transcript.rs"]),
];

fn source(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// `a_flood_before_login` as words.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// The names of the tests in a source.
fn tests_of(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        is_test |= line == "#[test]";
        if let Some(name) = line.strip_prefix("fn ").filter(|_| is_test) {
            names.extend(name.split(['(', '<']).next());
            is_test = false;
        }
    }
    names
}

/// The texts in quotes of a piece of Rust.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut letters = text.chars();
    while letters.by_ref().any(|letter| letter == '"') {
        let mut literal = String::new();
        while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
            literal.extend(if letter == '\\' { letters.next() } else { Some(letter) });
        }
        found.push(literal);
    }
    found
}

/// What a report must say of a fault.
fn expected(expect: &Expect) -> String {
    let on = |hosts: &[&str]| hosts.join(", ");
    match expect {
        Expect::Fails(check, host) => format!("`{check}` fails on {host}: NO-GO"),
        Expect::FailsOnAll(check, hosts) => format!("`{check}` fails on {}: NO-GO", on(hosts)),
        Expect::FleetFails(check) => format!("`{check}` fails for the fleet: NO-GO"),
        Expect::Warns(check, hosts) => format!("`{check}` warns on {}: still GO", on(hosts)),
        Expect::FleetWarns(check) => format!("`{check}` warns for the fleet: still GO"),
        Expect::FailsOrUnknown(check, host) => format!("`{check}` fails or is unknown on {host}: NO-GO"),
        Expect::Unreachable(check, host) => format!("{host} is unreachable, told by `{check}`: NO-GO"),
        Expect::Passes(check, host) => format!("`{check}` passes on {host}"),
        Expect::Say(checks) => {
            let ids: Vec<String> = checks.iter().map(|(check, ..)| format!("`{check}`")).collect();
            format!("{} say so: NO-GO", ids.join(", "))
        }
        Expect::Nothing => "it is no fault: GO".to_owned(),
    }
}

/// The page, and how many rows it has.
fn page() -> (String, usize) {
    let mut page = String::from(
        "# Reliability\n\nEvery fault and bad input that the tests try, what must become of it, and where its test is. This page is made from the \
         tests:\n`UPDATE_GOLDEN=1 cargo test --test integration reliability`.\n\n## Faults of real hosts\n\nEach is brought about on a host \
         of the lab (containers with systemd, sshd, Docker, chrony), one run is judged, the fault is taken\naway, and the next run must be \
         GO. Nothing but what is named here may be blamed.\n\n| fault | what must be said | test |\n|---|---|---|\n",
    );
    let mut rows = 0;
    let mut row = |page: &mut String, what: &str, must: &str, test: &str| {
        rows += 1;
        writeln!(page, "| {} | {} | {test} |", what.replace('|', "\\|"), must.replace('|', "\\|"))
            .expect("text");
    };
    for (name, fault) in faults::all() {
        row(&mut page, &words(name), &expected(&fault.expect), "`tests/lab/faults`");
    }
    for (name, fault) in kubespray::FAULTS {
        row(&mut page, &words(name), &expected(&fault.expect), "`tests/lab/kubespray.rs`");
    }

    page.push_str(
        "\n## Inventories that are wrong\n\nOne clear complaint with file, line and column; exit status 2. The files are in \
         `fixtures/inventories/broken`.\n\n| file | what must be said | test |\n|---|---|---|\n",
    );
    let text = source("tests/inventory_robustness.rs");
    let table =
        text.split("const BROKEN").nth(1).and_then(|rest| rest.split("\n];").next()).expect("the table");
    for fields in literals(table).chunks(3) {
        let [file, message, help] = fields else { panic!("three texts a row: {fields:?}") };
        let must = format!("{message}; {help}");
        row(&mut page, &format!("`{file}`"), &must, "`tests/inventory_robustness.rs`");
    }

    for (title, files) in TRIED {
        write!(page, "\n## {title}\n\n| what is tried, and what must become of it | test |\n|---|---|\n")
            .expect("text");
        for file in files {
            let text = source(file);
            let tests = tests_of(&text);
            assert!(!tests.is_empty(), "{file} has no test");
            for name in tests.into_iter().filter(|name| *name != "workload") {
                rows += 1;
                writeln!(page, "| {} | `{file}` |", words(name)).expect("text");
            }
        }
    }
    (page, rows)
}

#[test]
fn the_reliability_page_is_what_the_tests_try() {
    let (made, rows) = page();
    assert!(rows >= 250, "{rows} faults");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    if environment::variable("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == made,
        "docs/reliability.md is stale: run UPDATE_GOLDEN=1 cargo test --test integration"
    );
}

/// The tests that docs/security.md names: `folder/file.rs::test`, or another test of the file named last.
#[test]
fn the_security_page_names_tests_that_there_are() {
    let page = source("docs/security.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for name in page.split('`').skip(1).step_by(2).filter(|name| name.contains(".rs")) {
        let (file, test) = name.split_once("::").unwrap_or((name, ""));
        let folders = ["tests", "src", "."].map(|folder| root.join(folder).join(file));
        let path =
            folders.iter().find(|path| path.is_file()).unwrap_or_else(|| panic!("{file} is not there"));
        let text = fs::read_to_string(path).expect("a source");
        assert!(test.is_empty() || tests_of(&text).contains(&test), "{file} has no test {test}");
        count += 1;
    }
    assert!(count >= 25, "{count} tests");
}
