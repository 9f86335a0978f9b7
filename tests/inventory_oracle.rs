//! Every inventory under fixtures/inventories/ansible, and every one of the corpus, reads as Ansible reads it: value by
//! value and type by type, by the rules of ansible-core up to 2.18 and by those since 2.19. Compared with the stored
//! expectations always (`expected.json`, and `expected-2.18.json` where the older release differs), and with
//! `ansible-inventory` itself: with each one that ANSIBLE_INVENTORY_PROGRAMS lists as PATH does folders
//! (`/a/bin/ansible-inventory:/b/bin/ansible-inventory`; one below 2.19 and one since are wanted), else with the one that
//! ANSIBLE_INVENTORY_PROGRAM names, else with the one on PATH.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "support/ansible.rs"]
mod ansible;
#[path = "support/differences.rs"]
mod differences;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "support/environment.rs"]
mod environment;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use airworthy::inventory::{CoreRules, LoadOptions, View, load_with};
use ansible::{programs, read_json};
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

    fn ours(&self, rules: CoreRules) -> Result<Value, String> {
        let paths: Vec<PathBuf> = self.all("-i").iter().map(PathBuf::from).collect();
        let extra_vars = self.all("-e");
        let options = LoadOptions { extra_vars, ansible_core: rules.into(), ..LoadOptions::listing() };
        let inventory = load_with(&paths, &options).map_err(|error| error.to_string())?;
        let only: Option<HashSet<&str>> = match self.all("-l").first() {
            Some(pattern) => Some(inventory.select(pattern).map_err(|error| error.to_string())?),
            None => None,
        };
        let text = serde_json::to_string(&inventory.listing(View::Files, only.as_ref()));
        read_json(&text.unwrap()).map_err(|error| error.to_string())
    }
}

const BOTH: [CoreRules; 2] = [CoreRules::UpTo2_18, CoreRules::Since2_19];

/// What a release once printed; `None` for what 2.18 cannot print at all (a set).
fn recorded(folder: &Path, rules: CoreRules) -> Option<Value> {
    let older = folder.join("expected-2.18.json");
    let file =
        if rules == CoreRules::UpTo2_18 && older.exists() { older } else { folder.join("expected.json") };
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run the script `expect`", file.display()));
    Some(read_json(&text).unwrap()).filter(|value| !value.is_null())
}

fn compare(folder: &Path, rules: CoreRules, theirs: &Value, wrong: &mut Vec<String>) {
    let name = format!("{} ({rules:?})", folder.file_name().unwrap().to_string_lossy());
    match Arguments::of(folder).ours(rules) {
        Ok(ours) => {
            let mut found = Vec::new();
            differences("", &ours, theirs, &mut found);
            wrong.extend(found.into_iter().map(|difference| format!("{name}{difference}")));
        }
        Err(error) => wrong.push(format!("{name}: {error}")),
    }
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
        for rules in BOTH {
            if let Some(expected) = recorded(folder, rules) {
                compare(folder, rules, &expected, &mut wrong);
            }
        }
    }
    assert!(own().len() >= 70, "{} inventories", own().len());
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn inventories_read_as_the_ansible_here_reads_them() {
    let programs = programs();
    for rules in BOTH {
        if !programs.iter().any(|program| program.rules == rules) {
            eprintln!(
                "note: compared with stored expectations only for {rules:?}; there is no such ansible-inventory here"
            );
        }
    }
    let empty = environment::folder();
    let folders: Vec<PathBuf> = own().into_iter().chain(corpus()).collect();
    let arguments = |folder: &PathBuf| [Arguments::of(folder).0, vec!["--list".to_owned()]].concat();
    let arguments: Vec<Vec<String>> = folders.iter().map(arguments).collect();
    for program in &programs {
        let mut wrong = Vec::new();
        for (folder, (text, told)) in folders.iter().zip(program.list(&arguments, empty.path())) {
            // 2.18 cannot print a set.
            if program.rules == CoreRules::UpTo2_18 && told.contains("is not JSON serializable") {
                continue;
            }
            let theirs =
                read_json(&text).unwrap_or_else(|error| panic!("{}: {error}: {told}", folder.display()));
            compare(folder, program.rules, &theirs, &mut wrong);
        }
        let path = program.path.display();
        assert!(wrong.is_empty(), "{path}: {} differences:\n{}", wrong.len(), wrong.join("\n"));
    }
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
    let asked = std::fs::read_to_string(patterns().join("patterns.txt")).unwrap();
    let arguments = |pattern| {
        ["-i", "hosts.ini", "--list"].map(str::to_owned).into_iter().chain([format!("--limit={pattern}")])
    };
    let arguments: Vec<Vec<String>> =
        asked.lines().step_by(6).map(|pattern| arguments(pattern).collect()).collect();
    for program in programs() {
        let answers = program.list(&arguments, &patterns());
        for (pattern, (text, _)) in asked.lines().step_by(6).zip(answers) {
            let theirs = read_json(&text).unwrap_or_default();
            let names =
                theirs["_meta"]["hostvars"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            assert_eq!(chosen(pattern), names.collect::<Vec<_>>().join(" "), "{pattern}");
        }
    }
}
