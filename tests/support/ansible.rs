//! The `ansible-inventory` programs to compare with, and JSON as Python writes it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use airworthy::inventory::CoreRules;
use serde_json::Value;

use crate::environment;

/// An `ansible-inventory` and the rules of its release.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) rules: CoreRules,
}

/// Those that ANSIBLE_INVENTORY_PROGRAMS lists (as PATH does its folders), else the one that ANSIBLE_INVENTORY_PROGRAM names,
/// else the one on PATH; without those that do not run.
pub(crate) fn programs() -> Vec<Program> {
    let named = match environment::variable("ANSIBLE_INVENTORY_PROGRAMS") {
        Some(several) => std::env::split_paths(&several).collect(),
        None => Vec::from_iter(environment::ansible("ansible-inventory")),
    };
    let program = |path: PathBuf| {
        let answer = environment::ansible_command(&path).arg("--version").output().ok()?;
        // `ansible-inventory [core 2.18.1]`
        let told = String::from_utf8_lossy(&answer.stdout).into_owned();
        let release = told.split_once("[core ")?.1.split_once(']')?.0.to_owned();
        Some(Program { path, rules: CoreRules::of_release(&release)? })
    };
    named.into_iter().filter_map(program).collect()
}

impl Program {
    /// The interpreter that its first line names.
    pub(crate) fn interpreter(&self) -> PathBuf {
        let script = std::fs::read(&self.path).unwrap();
        let first = String::from_utf8_lossy(&script).lines().next().unwrap_or_default().to_owned();
        PathBuf::from(first.trim_start_matches("#!").trim())
    }

    /// What it prints for each list of arguments, to stdout and to stderr: started in a folder, without a configuration and
    /// without variables beside the working directory.
    pub(crate) fn list(&self, arguments: &[Vec<String>], folder: &Path) -> Vec<(String, String)> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/ansible_inventory.py");
        let empty = environment::folder();
        std::fs::write(empty.path().join("ansible.cfg"), "").unwrap();
        let mut command = environment::ansible_command(self.interpreter());
        command.arg(script).current_dir(folder);
        command.env("ANSIBLE_CONFIG", empty.path().join("ansible.cfg"));
        answers(&mut command, &arguments)
    }
}

/// What a Python program answers to a question, both JSON.
pub(crate) fn answers<T: serde::de::DeserializeOwned>(
    command: &mut Command,
    asked: &impl serde::Serialize,
) -> T {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let asked = serde_json::to_vec(asked).unwrap();
    let writer = std::thread::spawn(move || input.write_all(&asked));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Reads JSON as Python writes it: `Infinity` and `NaN`, which JSON has not, become texts, and integers beyond 64 bits
/// `int:` and their digits. For ansible-core up to 2.18 and since 2.19 alike, without the profile that only the latter tells.
pub(crate) fn read_json(text: &str) -> serde_json::Result<Value> {
    let mut quoted = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => {
                let mut escaped = false;
                let inside = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                inside.map_or(rest.len(), |at| at + 2)
            }
            c if c.is_ascii_alphanumeric() || c == '-' => {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (word, behind) = rest.split_at(length);
        let digits = word.trim_start_matches('-');
        let is_whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let is_big = is_whole && word.parse::<i64>().is_err() && word.parse::<u64>().is_err();
        quoted += &match word {
            "Infinity" | "-Infinity" | "NaN" => format!("\"{word}\""),
            _ if is_big => format!("\"int:{word}\""),
            _ => word.to_owned(),
        };
        rest = behind;
    }
    let mut value: Value = serde_json::from_str(&quoted)?;
    if let Some(meta) = value.get_mut("_meta").and_then(Value::as_object_mut) {
        meta.remove("profile");
    }
    Ok(value)
}
