//! The built binary in a folder of its own and an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

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
        Bench { folder: tempfile::tempdir().expect("a scratch folder") }
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

    /// Runs airworthy here, with nothing of this process' environment but the search path.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[])
    }

    pub(crate) fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Ran {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_airworthy"))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path())
            .env("NO_COLOR", "1")
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
