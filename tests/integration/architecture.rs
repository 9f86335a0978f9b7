//! Who may name whom: the table of the house, kept true.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may name.
const TABLE: [(&str, &[&str]); 21] = [
    ("main", &["cli", "run"]),
    ("lib", &[]),
    ("cli", &["role"]),
    ("exit_code", &[]),
    ("redact", &[]),
    ("destination", &[]),
    ("escape", &[]),
    ("role", &[]),
    ("merge_conflict", &[]),
    ("input", &[]),
    ("inventory", &["input", "merge_conflict", "redact", "role"]),
    ("transport", &["destination", "input", "inventory"]),
    ("facts", &["merge_conflict", "redact", "role"]),
    ("nvml", &["facts"]),
    ("bin", &["nvml"]),
    ("gather", &["input", "inventory", "transport", "facts"]),
    ("checks", &["facts", "merge_conflict", "role"]),
    ("kubespray", &["facts", "input", "inventory", "redact", "role"]),
    ("report", &["checks", "escape", "facts", "redact", "role"]),
    ("handoff", &["checks", "inventory", "redact", "report", "role"]),
    ("fix", &["facts", "gather", "inventory", "redact", "role", "transport"]),
];

/// The rooms a file's text names: by `crate::room` paths, by nested `use crate::{…}`, and by `super` chains that
/// leave the room.
fn named(text: &str, depth: usize) -> BTreeSet<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let mut rooms = BTreeSet::new();
    let mut take = |rest: &str| {
        let rest = rest.trim_start();
        if let Some(list) = rest.strip_prefix('{') {
            let mut level = 0;
            let mut item = String::new();
            for c in list.chars() {
                match c {
                    '{' => level += 1,
                    '}' if level == 0 => break,
                    '}' => level -= 1,
                    ',' if level == 0 => {
                        rooms.insert(head(&item));
                        item.clear();
                        continue;
                    }
                    _ => {}
                }
                item.push(c);
            }
            rooms.insert(head(&item));
        } else {
            rooms.insert(head(rest));
        }
    };
    for (at, _) in code.match_indices("crate::") {
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            take(&code[at + "crate::".len()..]);
        }
    }
    // `super` more often than the file is deep comes out in the house itself.
    let out = "super::".repeat(depth);
    for (at, _) in code.match_indices(&out) {
        let before = &code[..at];
        let rest = &code[at + out.len()..];
        if !before.ends_with("super::") && !rest.starts_with("super::") && depth > 0 {
            take(rest);
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

fn head(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn violations(room: &str, depth: usize, text: &str) -> Vec<String> {
    if room == "run" {
        return Vec::new();
    }
    let (_, allowed) =
        TABLE.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("no room {room}"));
    let houses: BTreeSet<&str> = TABLE.iter().map(|(name, _)| *name).chain(["run"]).collect();
    named(text, depth)
        .into_iter()
        .filter(|name| houses.contains(name.as_str()) && name != room && !allowed.contains(&name.as_str()))
        .collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => sources(&path, files),
            false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
            false => {}
        }
    }
}

#[test]
fn no_room_names_one_it_may_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "the house is larger than {} files", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("inside");
        let parts: Vec<String> =
            inside.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let depth = parts.iter().filter(|part| *part != "mod").count();
        let text = fs::read_to_string(&file).expect("readable");
        for name in violations(&parts[0], depth, &text) {
            wrong.push(format!("{} names {name}", inside.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn planted_violations_are_found() {
    for (room, depth, text) in [
        ("facts", 2, "use crate::gather::visit;"),
        ("facts", 2, "use crate::{\n    role::Role,\n    transport::{Login, Visit},\n};"),
        ("report", 2, "fn f() { let _ = crate::run::run; }"),
        ("checks", 2, "use super::super::inventory::Host;"),
        ("inventory", 3, "use super::super::super::facts::Fact;"),
        ("transport", 2, "pub(crate) use crate::facts::Fact as F;"),
    ] {
        assert_eq!(violations(room, depth, text).len(), 1, "{room}: {text}");
    }
    for (room, depth, text) in [
        ("facts", 2, "use crate::role::Role; // not crate::run"),
        ("checks", 2, "use super::verdict::Verdict;"),
        ("inventory", 3, "use super::super::host::Host;"),
        ("gather", 2, "use crate::{facts::Fact, inventory::Host};"),
    ] {
        assert_eq!(violations(room, depth, text), Vec::<String>::new(), "{room}: {text}");
    }
}

/// The lines of a test that reach the machine without `tests/support/environment.rs`: its programs, variables and folders.
fn reaches_the_machine(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let forbidden = |line: &str| {
        [
            "Command::new(",
            "env::var(",
            "env::var_os(",
            "env::vars",
            "env::home_dir(",
            "env::temp_dir(",
            "tempdir()",
        ]
        .iter()
        .any(|name| line.contains(name))
    };
    lines.filter(|line| forbidden(line)).collect()
}

/// `tests/lab` is about real hosts, and `tests/support` is what the others go through.
#[test]
fn tests_see_nothing_of_the_machine_but_what_they_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.retain(|file| !["lab", "support"].iter().any(|folder| file.starts_with(root.join(folder))));
    files.retain(|file| !file.ends_with("integration/architecture.rs"));
    assert!(files.len() > 50, "there are more than {} files of tests", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        let name = file.strip_prefix(&root).expect("inside").display().to_string();
        wrong.extend(reaches_the_machine(&text).into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(
        wrong.is_empty(),
        "start programs with `environment::command`, read variables with `environment::variable`, make folders with \
         `environment::folder`:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn planted_reaches_for_the_machine_are_found() {
    for text in [
        "let done = Command::new(\"docker\").output();",
        "std::process::Command::new(env!(\"CARGO_BIN_EXE_airworthy\"))",
        "let path = std::env::var_os(\"PATH\");",
        "let home = env::home_dir();",
        "let folder = tempfile::tempdir().unwrap();",
    ] {
        assert_eq!(reaches_the_machine(text), [text]);
    }
    for text in [
        "environment::command(\"sh\")",
        "// never Command::new(\"docker\")",
        "env!(\"CARGO_BIN_EXE_airworthy\")",
    ] {
        assert_eq!(reaches_the_machine(text), Vec::<&str>::new(), "{text}");
    }
}

/// The files that may name the process' own streams: the one that makes what is written safe, and those that ask a stream what
/// it is, speak another program's protocol, or draw what holds no foreign text.
const STREAMS: [&str; 5] = [
    "bin/airworthy-nvml.rs",
    "run/handoff/start.rs",
    "run/report_file.rs",
    "run/terminal.rs",
    "transport/askpass.rs",
];

/// The lines of a source that write past `run/terminal.rs`.
fn writes_unsafely(text: &str) -> Vec<&str> {
    let code = text.split("\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let names =
        ["println!(", "print!(", "io::stdout()", "io::stderr()", "/dev/tty", "NamedTempFile", "fs::write("];
    lines.filter(|line| names.iter().any(|name| line.contains(name))).collect()
}

#[test]
fn what_is_written_goes_through_the_one_writer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).expect("inside").display().to_string();
        if !STREAMS.contains(&name.as_str()) && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&file).expect("readable");
            wrong.extend(writes_unsafely(&text).into_iter().map(|line| format!("{name}: {line}")));
        }
    }
    assert!(wrong.is_empty(), "write with `run::terminal` and `run::output_folder`:\n{}", wrong.join("\n"));
    for line in ["eprintln!(\"x\");", "writeln!(io::stderr(), \"x\")", "fs::write(path, text)"] {
        assert_eq!(writes_unsafely(line), [line]);
    }
}

/// Lines of a source that open a file, list a folder, or read something to its end, beside `src/input.rs`, which does it
/// within bounds. Tests at the end of a source are not looked at.
fn reads_from_outside(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let forbidden = |line: &str| {
        [
            "fs::read(",
            "fs::read_to_string(",
            "fs::read_dir(",
            "fs::read_link(",
            "File::open(",
            "File::options(",
            "OpenOptions::new(",
            "rustix::fs::open",
            ".read_to_end(",
            ".read_to_string(",
            "io::copy(",
            ".read_dir(",
        ]
        .iter()
        .any(|name| {
            line.match_indices(name)
                .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric()) || name.starts_with('.'))
        })
    };
    lines.filter(|line| forbidden(line)).collect()
}

/// The sources that may read otherwise, how many lines of each do, and what they read.
const READERS: [(&str, usize, &str); 6] = [
    ("inventory/process.rs", 1, "what a program says, up to a bound and for a bounded time"),
    ("transport/agent.rs", 1, "an agent's answer, of the length that it announces and that is checked"),
    ("transport/askpass.rs", 2, "a question and an answer between this program and itself, up to a bound"),
    ("transport/openssh_log.rs", 2, "the log that it made itself for ssh, up to a bound"),
    ("transport/proxy_command.rs", 1, "the end of a file that it made itself for a program's stderr"),
    ("input.rs", 5, "everything else"),
];

#[test]
fn files_from_outside_are_read_within_bounds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).expect("inside").display().to_string();
        if name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("readable");
        let found = reads_from_outside(&text);
        let allowed = READERS.iter().find(|(reader, ..)| *reader == name).map_or(0, |(_, lines, _)| *lines);
        if found.len() != allowed {
            wrong.push(format!(
                "{name}: {allowed} lines may read from outside, and these do:\n  {}",
                found.join("\n  ")
            ));
        }
    }
    assert!(wrong.is_empty(), "read files and folders with `crate::input`:\n{}", wrong.join("\n"));
}

#[test]
fn planted_reads_from_outside_are_found() {
    for text in [
        "let text = fs::read_to_string(path)?;",
        "let bytes = std::fs::read(path)?;",
        "for entry in std::fs::read_dir(folder)? {",
        "let file = File::open(path)?;",
        "file.take(10).read_to_end(&mut bytes)?;",
        "let entries = path.read_dir()?;",
    ] {
        assert_eq!(reads_from_outside(text), [text]);
    }
    for text in
        ["input::read(path, LIMIT)", "// never fs::read(path)", "#[cfg(test)]\nmod tests { fs::read(path) }"]
    {
        assert_eq!(reads_from_outside(text), Vec::<&str>::new(), "{text}");
    }
}
