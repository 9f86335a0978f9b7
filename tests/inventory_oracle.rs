//! Every inventory under fixtures/inventories/ansible, and every one of the corpus, reads as Ansible reads it: value by
//! value and type by type. Compared with the stored expectations always, and with `ansible-inventory` itself where it is
//! on PATH, or where ANSIBLE_INVENTORY_PROGRAM names it.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "support/differences.rs"]
mod differences;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "support/environment.rs"]
mod environment;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use airworthy::inventory::{LoadOptions, View, load_with};
use differences::differences;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folders(at: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(at).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    let mut folders: Vec<PathBuf> = entries.unwrap_or_default();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// What a folder's inventory is read with: the words of its `args`, names of files in it made whole.
struct Arguments(Vec<String>);

impl Arguments {
    fn of(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("args")).unwrap_or("-i\ninventory.ini\n".to_owned());
        let whole = |word: &str| {
            let (mark, file) = word.strip_prefix('@').map_or(("", word), |file| ("@", file));
            let file = folder.join(file);
            if file.exists() { format!("{mark}{}", file.display()) } else { word.to_owned() }
        };
        Arguments(text.lines().map(whole).collect())
    }

    fn all(&self, flag: &str) -> Vec<String> {
        self.0.chunks(2).filter(|pair| pair[0] == flag).map(|pair| pair[1].clone()).collect()
    }

    fn ours(&self) -> Result<Value, String> {
        let paths: Vec<PathBuf> = self.all("-i").iter().map(PathBuf::from).collect();
        let options = LoadOptions { extra_vars: self.all("-e"), ..LoadOptions::listing() };
        let inventory = load_with(&paths, &options).map_err(|error| error.to_string())?;
        let only: Option<HashSet<&str>> = match self.all("-l").first() {
            Some(pattern) => Some(inventory.select(pattern).map_err(|error| error.to_string())?),
            None => None,
        };
        Ok(inventory.to_json(View::Files, only.as_ref()))
    }
}

/// What Ansible printed. Python writes numbers that JSON has not (`Infinity`, `NaN`) bare; we write them as texts.
fn read_json(text: &str) -> serde_json::Result<Value> {
    let quoted = |line: &str| {
        let (line, comma) = line.strip_suffix(',').map_or((line, ""), |line| (line, ","));
        let value =
            ["-Infinity", "Infinity", "NaN"].into_iter().find(|value| line.ends_with(&format!(" {value}")));
        value.map_or(format!("{line}{comma}"), |value| line.replace(value, &format!("\"{value}\"")) + comma)
    };
    serde_json::from_str(&text.lines().map(quoted).collect::<Vec<_>>().join("\n"))
}

fn compare(folder: &Path, theirs: &Value, wrong: &mut Vec<String>) {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    match Arguments::of(folder).ours() {
        Ok(ours) => {
            let mut found = Vec::new();
            differences("", &ours, theirs, &mut found);
            wrong.extend(found.into_iter().map(|difference| format!("{name}{difference}")));
        }
        Err(error) => wrong.push(format!("{name}: {error}")),
    }
}

/// The program to compare with, and whether it is there.
fn ansible() -> Option<PathBuf> {
    let program = environment::ansible("ansible-inventory")?;
    let answer = environment::ansible_command(&program).arg("--version").output().ok()?;
    answer.status.success().then_some(program)
}

/// What Ansible prints, without a configuration and without variables beside the working directory.
fn ask(program: &Path, folder: &Path, empty: &Path) -> Value {
    let answer = environment::ansible_command(program)
        .current_dir(empty)
        .args(&Arguments::of(folder).0)
        .arg("--list")
        .output()
        .unwrap();
    let text = String::from_utf8(answer.stdout).unwrap();
    let told = String::from_utf8_lossy(&answer.stderr);
    read_json(&text).unwrap_or_else(|error| panic!("{}: {error}: {told}", folder.display()))
}

fn corpus() -> Vec<PathBuf> {
    let places = ["../shared/corpus/inventories", "../../shared/corpus/inventories"];
    places
        .iter()
        .map(|place| folders(&root().join(place)))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn own() -> Vec<PathBuf> {
    folders(&root().join("fixtures/inventories/ansible"))
}

#[test]
fn inventories_read_as_ansible_once_read_them() {
    let mut wrong = Vec::new();
    for folder in own().iter().chain(&corpus()) {
        let expected = std::fs::read_to_string(folder.join("expected.json"))
            .unwrap_or_else(|error| panic!("{}: {error}; run the script `expect`", folder.display()));
        compare(folder, &read_json(&expected).unwrap(), &mut wrong);
    }
    assert!(own().len() >= 40, "{} inventories", own().len());
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn inventories_read_as_the_ansible_here_reads_them() {
    let Some(program) = ansible() else {
        eprintln!("note: compared with stored expectations only; there is no ansible-inventory here");
        return;
    };
    let empty = environment::folder();
    let folders: Vec<PathBuf> = own().into_iter().chain(corpus()).collect();
    let halves = folders.chunks(folders.len().div_ceil(2));
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let compared = halves.map(|half| {
            let (program, empty) = (&program, empty.path());
            scope.spawn(move || {
                let mut wrong = Vec::new();
                for folder in half {
                    compare(folder, &ask(program, folder, empty), &mut wrong);
                }
                wrong
            })
        });
        let running: Vec<_> = compared.collect();
        running.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn patterns() -> PathBuf {
    root().join("fixtures/inventories/patterns")
}

/// What a pattern chooses, as Ansible's answer is written: names by the alphabet. Nobody, where it is refused.
fn chosen(pattern: &str) -> String {
    let inventory = airworthy::inventory::load(&[patterns().join("hosts.ini")]).unwrap();
    let pattern = pattern.replace("@retry", &format!("@{}", patterns().join("retry").display()));
    let mut names: Vec<String> = inventory
        .select(&pattern)
        .map(|names| names.into_iter().map(str::to_owned).collect())
        .unwrap_or_default();
    names.sort();
    names.join(" ")
}

#[test]
fn patterns_choose_what_ansible_once_chose() {
    let expected = std::fs::read_to_string(patterns().join("expected.txt")).unwrap();
    let asked = std::fs::read_to_string(patterns().join("patterns.txt")).unwrap();
    assert_eq!(asked.lines().count(), expected.lines().count(), "run the script `expect`");
    let lines = expected.lines().map(|line| line.split_once('\t').unwrap());
    let wrong: Vec<String> = lines
        .map(|(pattern, theirs)| (pattern, theirs, chosen(pattern)))
        .filter(|(_, theirs, ours)| theirs != ours)
        .map(|(pattern, theirs, ours)| format!("{pattern}: {ours} instead of {theirs}"))
        .collect();
    assert!(expected.lines().count() >= 50);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn patterns_choose_what_the_ansible_here_chooses() {
    let Some(program) = ansible() else { return };
    let asked = std::fs::read_to_string(patterns().join("patterns.txt")).unwrap();
    // Each costs half a second: of each kind a few, all of them in the stored expectations.
    for pattern in asked.lines().step_by(6) {
        let answer = environment::ansible_command(&program)
            .current_dir(patterns())
            .args(["-i", "hosts.ini", "--list", &format!("--limit={pattern}")])
            .output()
            .unwrap();
        let theirs = read_json(&String::from_utf8_lossy(&answer.stdout)).unwrap_or_default();
        let names =
            theirs["_meta"]["hostvars"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        assert_eq!(chosen(pattern), names.collect::<Vec<_>>().join(" "), "{pattern}");
    }
}
