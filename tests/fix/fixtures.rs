//! Pairs of a daemon.json and what becomes of it, byte for byte; or the reason why it is left alone. `UPDATE_GOLDEN=1` rewrites
//! what comes out; what goes in is never written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use airworthy::fix::daemon_json::{Edit, Wish, edit};
use serde_json::Value;

use crate::environment;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/daemon-json");

/// Each case and the branch that no other reaches.
const CASES: &[(&str, &str)] = &[
    ("absent", "no such file: a new one"),
    ("empty", "a file of no bytes"),
    ("blank", "a file of white space only"),
    ("object-empty", "an object without members, broken up"),
    ("object-empty-no-newline", "no line end at the end stays so"),
    ("object-empty-crlf", "an object without members, with CRLF"),
    ("object-empty-indented", "the object itself is indented"),
    ("one-line", "one line stays one line"),
    ("one-line-tight", "one line without spaces"),
    ("one-line-spaced", "spaces before colons and commas"),
    ("two-spaces", "indentation of two spaces"),
    ("four-spaces", "indentation of four, gap taken from the last two members"),
    ("tabs", "indentation by tabs"),
    ("crlf", "CRLF"),
    ("mixed-line-ends", "line ends mixed: that of the first line is used for what is new"),
    ("no-final-newline", "no final line end behind members"),
    ("trailing-blank-lines", "blank lines behind the object"),
    ("not-indented", "lines broken and not indented"),
    ("comma-first", "commas lead their lines"),
    ("blank-line-between", "a blank line before the last member is not repeated"),
    ("colon-on-next-line", "a line end around the colon is not copied"),
    ("big-integers", "integers above 2^53 keep their digits"),
    ("number-spelling", "numbers keep their spelling"),
    ("escapes", "escapes and < > & stay as they are spelt"),
    ("escaped-key", "a key spelt with an escape is the key"),
    ("keys-of-others", "keys that are not ours stay, however deep"),
    ("features-containerd-store", "features with containerd's image store stay"),
    ("mirrors-and-tokens", "secrets stay in the file"),
    ("default-runc", "a wrong default is replaced in its place"),
    ("default-null", "a default of null is a leaf"),
    ("default-false", "a default that is neither text nor null, which dockerd refuses"),
    ("runtimes-null", "runtimes of null (nvidia-ctk panics)"),
    ("runtimes-null-one-line", "the same on one line"),
    ("runtimes-empty", "runtimes without members"),
    ("runtimes-others", "another runtime gets a neighbour"),
    ("runtimes-others-inline", "runtimes on a line of their own stay on it"),
    ("nvidia-registered", "the runtime is there: only the default is missing (pai#5622)"),
    ("nvidia-with-args", "arguments of its own are kept and told"),
    ("nvidia-with-ctk-args", "`args`, as nvidia-ctk writes it, are kept and told"),
    ("nvidia-other-path", "a path of its own is kept and told"),
    ("nvidia-shim", "a shim has no path and gets none"),
    ("nvidia-null", "a runtime of null is set"),
    ("nvidia-empty", "a runtime without members gets its path"),
    ("nvidia-path-empty", "a path without text is replaced"),
    ("nvidia-path-null", "a path of null is replaced"),
    ("nvidia-path-missing", "a path that lacks goes behind what is there"),
    ("settled", "says it all: not a byte changes"),
    ("settled-untidy", "says it all, untidily: not a byte changes"),
    ("bom", "byte order mark"),
    ("bom-utf16", "UTF-16"),
    ("comment-line", "comment to the end of the line"),
    ("comment-block", "comment in a block"),
    ("comment-hash", "comment before the object"),
    ("duplicate-keys", "a key twice"),
    ("duplicate-default", "the default twice: which one counts is not ours to say"),
    ("duplicate-nested", "a key twice, deep inside"),
    ("duplicate-by-escape", "a key twice, once in another spelling"),
    ("trailing-comma", "comma behind the last member"),
    ("trailing-text", "a second object behind the first"),
    ("trailing-brace", "a brace too many"),
    ("cut-off", "a file cut off"),
    ("not-utf-8", "invalid UTF-8"),
    ("not-utf-8-outside", "invalid UTF-8 behind the object"),
    ("array", "an array"),
    ("text", "a text"),
    ("number", "a number"),
    ("null", "null"),
    ("single-quotes", "single quotes"),
    ("control-character", "a control character inside a text"),
    ("nul", "a NUL behind the object"),
    ("nan", "NaN"),
    ("leading-zero", "a number with a leading zero"),
    ("lone-surrogate", "half of a surrogate pair"),
    ("too-deep", "deeper than any daemon.json"),
    ("huge-number", "a number that no machine holds"),
    ("runtimes-array", "runtimes is an array"),
    ("runtimes-text", "runtimes is text"),
    ("nvidia-text", "the runtime is text"),
    ("nvidia-path-array", "the path is an array"),
    ("default-object", "the default is an object"),
    ("default-other-case", "the default in another case, which dockerd refuses"),
];

pub(crate) fn wish() -> Wish {
    Wish { runtime_path: "/usr/bin/nvidia-container-runtime".to_owned() }
}

fn folder(case: &str) -> PathBuf {
    Path::new(FOLDER).join(case)
}

fn before(case: &str) -> Option<Vec<u8>> {
    fs::read(folder(case).join("before.json")).ok()
}

fn edited(case: &str) -> Result<Edit, String> {
    edit(before(case).as_deref(), &wish())
}

#[test]
fn the_table_names_every_case_and_each_reaches_something_else() {
    let named: BTreeSet<String> = CASES.iter().map(|(case, _)| (*case).to_owned()).collect();
    let there: BTreeSet<String> = fs::read_dir(FOLDER)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(named, there);
    assert!(named.len() >= 40, "{}", named.len());
    let branches: BTreeSet<&str> = CASES.iter().map(|(_, branch)| *branch).collect();
    assert_eq!(branches.len(), CASES.len());
}

#[test]
fn every_case_comes_out_as_written_down() {
    let update = environment::variable("UPDATE_GOLDEN").is_some();
    for (case, branch) in CASES {
        let (name, text) = match edited(case) {
            Ok(edit) => {
                let notes: String = edit.notes.iter().map(|note| format!("{note}\n")).collect();
                golden(&folder(case).join("notes"), &notes, update, branch);
                ("after.json", edit.after)
            }
            Err(reason) => ("refusal", format!("{reason}\n")),
        };
        golden(&folder(case).join(name), &text, update, branch);
        let other = if name == "refusal" { "after.json" } else { "refusal" };
        assert!(!folder(case).join(other).exists(), "{case}: {other} is there too ({branch})");
    }
}

/// A file that is there only where there is something to say.
fn golden(path: &Path, text: &str, update: bool, branch: &str) {
    if update {
        match text {
            "" => drop(fs::remove_file(path)),
            text => fs::write(path, text).expect("written"),
        }
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(expected, text, "{} ({branch})", path.display());
}

/// Said without the edit's own words: what was there is there, and what was wished is there.
#[test]
fn what_comes_out_is_what_was_there_and_what_was_wished() {
    let mut accepted = 0;
    for (case, branch) in CASES {
        let Ok(edit) = edited(case) else { continue };
        accepted += 1;
        let after: Value = serde_json::from_str(&edit.after).unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(after["default-runtime"], "nvidia", "{case} ({branch})");
        let runtime = &after["runtimes"]["nvidia"];
        assert!(runtime["path"].is_string() || runtime["runtimeType"].is_string(), "{case} ({branch})");
        let before: Value = before(case)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_else(|| Value::Object(serde_json::Map::default()));
        for (key, value) in before.as_object().expect("an object") {
            if !["default-runtime", "runtimes"].contains(&key.as_str()) {
                assert_eq!(after.get(key), Some(value), "{case}: {key} ({branch})");
            }
        }
        let again = airworthy::fix::daemon_json::edit(Some(edit.after.as_bytes()), &wish()).expect("a plan");
        assert_eq!((again.splices.len(), again.after == edit.after), (0, true), "{case}: again ({branch})");
    }
    assert!(accepted >= 40, "{accepted}");
}
