//! The built binary in a folder of its own and an environment of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use airworthy::checks::{Catalog, Profile, Profiles, Source, shipped};
use serde_json::Value;

use crate::environment;

/// A profile that ships and all checks that ship, each compiled once for all tests. An empty stage is the profile's own.
pub(crate) fn shipped_checks(profile: &'static str, stage: &'static str) -> &'static (Profile, Catalog) {
    type ByProfileAndStage = BTreeMap<(&'static str, &'static str), &'static (Profile, Catalog)>;
    static COMPILED: Mutex<ByProfileAndStage> = Mutex::new(BTreeMap::new());
    let known = || COMPILED.lock().expect("no test panics here").get(&(profile, stage)).copied();
    if let Some(compiled) = known() {
        return compiled;
    }
    // Without the lock: threads that wait for it are some of those that compile.
    let mut loaded = Profiles { shipped: shipped::PROFILES }.named(profile).expect("the profile loads");
    if !stage.is_empty() {
        loaded.set("stage", stage.into()).expect("the profile has it");
    }
    let files: Vec<String> = shipped::CHECKS.iter().map(|(id, _)| format!("checks/{id}.yaml")).collect();
    let checks = shipped::CHECKS.iter().zip(&files);
    let sources: Vec<Source<'_>> = checks.map(|((id, text), file)| Source { file, id, text }).collect();
    let catalog = Catalog::load(&sources, &[], &loaded).expect("the checks load");
    let compiled = &*Box::leak(Box::new((loaded, catalog)));
    COMPILED.lock().expect("no test panics here").insert((profile, stage), compiled);
    compiled
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A scratch folder in which commands run.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench { folder: environment::folder() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and its folder.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("readable")
    }

    /// Runs airworthy here, with nothing of this process' environment.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[])
    }

    pub(crate) fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = environment::command(env!("CARGO_BIN_EXE_airworthy"));
        command.env("NO_COLOR", "1");
        let output = assert_cmd::Command::from_std(command)
            .env("COLUMNS", "100")
            .envs(environment.iter().copied())
            .current_dir(self.path())
            .args(args)
            .timeout(Duration::from_secs(120))
            .output()
            .expect("it runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            err: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// This machine's facts as a worker's, in `facts/`.
    pub(crate) fn gather(&self) {
        let ran = self.run(&["facts", "--local", "--as", "worker", "-o", "facts"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

impl Ran {
    /// What stderr says, in one line: words may be broken over lines, with a bar before each.
    pub(crate) fn told(&self) -> String {
        self.err.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The one JSON document that stdout is.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that the run ended with 2, wrote nothing to stdout, and complained of all these.
    #[track_caller]
    pub(crate) fn complains(&self, of: &[&str]) {
        assert_eq!(self.code, 2, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        let told = self.told();
        for wanted in of {
            assert!(told.contains(wanted), "no `{wanted}` in: {told}");
        }
        assert!(!told.contains("os error") && !told.contains("panicked"), "{told}");
    }
}

/// Asserts that a document is what a schema of ours says.
#[track_caller]
pub(crate) fn validates(schema: &Value, document: &Value) {
    let validator = jsonschema::validator_for(schema).expect("the schema is one");
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
