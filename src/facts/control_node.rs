//! Ansible's control node: what `ansible-playbook` would run with on the dev box. Not read by the script, which may be
//! root there: it is the user's own environment that counts.

use std::sync::{Arc, LazyLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Untyped};
use super::seen::Seen;

/// What `ansible-playbook` would run with on the dev box.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ControlNode {
    /// Where `ansible-playbook` is; absent where PATH has none.
    pub ansible_playbook: Fact<String>,
    /// Its ansible-core; of Ansible before 2.11 its own version.
    pub ansible_core: Fact<String>,
    /// The interpreter that runs it.
    pub python: Fact<String>,
    /// That interpreter's version.
    pub python_version: Fact<String>,
    /// The packages that were asked for, as that interpreter sees them.
    pub packages: Fact<Vec<InstalledPackage>>,
    /// The collections that were asked for.
    pub collections: Fact<Vec<InstalledCollection>>,
    /// Hosts at a time, as Ansible is configured.
    pub forks: Fact<i64>,
    /// How many files a process of the user's may have open: the soft limit.
    pub open_files: Fact<i64>,
    /// The `ssh` in PATH; absent where there is none.
    pub ssh: Fact<String>,
    /// The `sshpass` in PATH; absent where there is none.
    pub sshpass: Fact<String>,
    /// Whether a host is logged in to by password.
    pub password_login: Fact<bool>,
    /// The length of the longest ControlPath of Ansible's SSH connections, in bytes.
    pub control_path_bytes: Fact<i64>,
}

impl ControlNode {
    /// Whether nobody asked.
    pub fn is_blank(&self) -> bool {
        static BLANK: LazyLock<ControlNode> = LazyLock::new(ControlNode::default);
        *self == *BLANK
    }
}

/// The facts of one that nobody asked, by field, without their types.
pub(super) fn unasked() -> &'static Arc<Untyped> {
    const WHY: &str = "not asked when the facts were gathered; gather them again with --kubespray";
    static UNASKED: LazyLock<Arc<Untyped>> = LazyLock::new(|| {
        let fields = Seen::default().subject(&ControlNode::default(), |_| true);
        let unknown = Arc::new(Fact::unknown(WHY, ""));
        Arc::new(fields.keys().map(|field| (field.clone(), Arc::clone(&unknown))).collect())
    });
    &UNASKED
}

/// A package as an interpreter sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstalledPackage {
    /// As pip knows it.
    pub name: String,
    /// What is imported.
    pub module: String,
    /// Whether it can be imported.
    pub importable: bool,
    /// The version that is installed; null where none is told.
    pub version: Option<String>,
    /// What importing it complained of.
    pub error: Option<String>,
}

/// A collection that Ansible finds, or does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstalledCollection {
    /// `ansible.utils`.
    pub name: String,
    /// Where it is; null where it is nowhere.
    pub path: Option<String>,
    /// Its version; null where it tells none.
    pub version: Option<String>,
}

/// What stands before the one line that [`super::control_node`]'s program writes.
pub const MARK: &str = "@airworthy-control-node ";

/// What Ansible's interpreter tells.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Told {
    /// The interpreter.
    pub python: Option<String>,
    /// Its version.
    pub python_version: Option<String>,
    /// ansible-core's version.
    #[serde(default)]
    pub ansible_core: Option<String>,
    /// The packages that were asked for.
    #[serde(default)]
    pub packages: Vec<InstalledPackage>,
    /// The collections that were asked for; none where Ansible's paths could not be asked.
    #[serde(default)]
    pub collections: Option<Vec<InstalledCollection>>,
    /// `forks`.
    #[serde(default)]
    pub forks: Option<i64>,
    /// `control_path` of the configuration or the environment.
    #[serde(default)]
    pub control_path: Option<String>,
    /// `control_path_dir`, likewise, without `~`.
    #[serde(default)]
    pub control_path_dir: Option<String>,
    /// What went wrong with asking Ansible.
    #[serde(default)]
    pub error: Option<String>,
}

/// Reads what the interpreter wrote.
///
/// # Errors
/// Where its line is not there or no JSON.
pub fn told(output: &str) -> Result<Told, String> {
    let line = output.lines().rev().find_map(|line| line.strip_prefix(MARK));
    let line = line.ok_or("it did not answer whole")?;
    serde_json::from_str(line).map_err(|error| format!("its answer makes no sense: {error}"))
}

/// What `ansible-playbook --version` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnsibleVersion {
    /// ansible-core's version; of older Ansible its own.
    pub core: Option<String>,
    /// The interpreter, where it is told (since 2.13).
    pub python: Option<String>,
    /// The interpreter's version.
    pub python_version: Option<String>,
}

/// Reads what `ansible-playbook --version`, or that of another program of Ansible's, wrote.
pub fn ansible_version(output: &str) -> AnsibleVersion {
    let first = output.lines().find(|line| line.starts_with("ansible"));
    // `ansible-playbook [core 2.16.14]`, `ansible-playbook [base 2.10.17]`, `ansible-playbook 2.9.7`
    let core = first.and_then(|line| {
        let words = line.split([' ', '[', ']']).skip(1);
        words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
    });
    let python = output.lines().find_map(|line| line.trim().strip_prefix("python version = "));
    let python_version = python.and_then(|line| line.split_whitespace().next()).map(str::to_owned);
    // `3.10.12 (main, …) [GCC 11.4.0] (/usr/bin/python3)`
    let interpreter = python.and_then(|line| {
        let path = line.trim_end().strip_suffix(')')?.rsplit_once('(')?.1;
        path.starts_with('/').then(|| path.to_owned())
    });
    AnsibleVersion { core, python: interpreter, python_version }
}

/// The interpreter that a script's first lines name; `None` where it is no interpreter of Python's.
pub fn interpreter(script: &str) -> Option<String> {
    let mut lines = script.lines();
    let shebang = lines.next()?.strip_prefix("#!")?.trim();
    let mut words = shebang.split_whitespace();
    let program = words.next()?;
    let name = program.rsplit('/').next()?;
    if name.starts_with("python") || name.starts_with("pypy") {
        return Some(program.to_owned());
    }
    if name == "env" {
        return words.find(|word| word.starts_with("python")).map(str::to_owned);
    }
    // pip writes this where a path is too long for the kernel: '''exec' "/path/to/python" "$0" "$@"
    let path = lines.next()?.strip_prefix("'''exec' ")?.split_whitespace().next()?.trim_matches('"');
    path.rsplit('/').next()?.starts_with("python").then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{AnsibleVersion, MARK, ansible_version, interpreter, told};

    fn version(core: &str, python: Option<&str>, python_version: &str) -> AnsibleVersion {
        AnsibleVersion {
            core: Some(core.to_owned()),
            python: python.map(str::to_owned),
            python_version: Some(python_version.to_owned()),
        }
    }

    #[test]
    fn every_form_of_the_version_is_read() {
        let new = "ansible-playbook [core 2.16.14]\n  config file = None\n  python version = 3.10.12 (main, Nov 20) [GCC \
                   11.4.0] (/opt/venv/bin/python3)\n  jinja version = 3.1.6\n";
        assert_eq!(ansible_version(new), version("2.16.14", Some("/opt/venv/bin/python3"), "3.10.12"));
        let old = "[DEPRECATION WARNING]: x\nansible-playbook 2.9.7\n  python version = 3.6.9 (default, Apr 18) [GCC 8.4.0]\n";
        assert_eq!(ansible_version(old), version("2.9.7", None, "3.6.9"));
        let base = "ansible-playbook [base 2.10.17.post0] \n  python version = 2.7.18\n";
        assert_eq!(ansible_version(base), version("2.10.17.post0", None, "2.7.18"));
        assert_eq!(ansible_version("ERROR: no"), AnsibleVersion::default());
    }

    #[test]
    fn the_interpreter_of_a_script_is_told() {
        for (script, wanted) in [
            ("#!/opt/venv/bin/python3\nimport re\n", Some("/opt/venv/bin/python3")),
            ("#! /usr/bin/python3 -s\n", Some("/usr/bin/python3")),
            ("#!/usr/bin/env python3\n", Some("python3")),
            ("#!/usr/bin/env bash\nexec x\n", None),
            (
                "#!/bin/sh\n'''exec' \"/a/very/long/python3.11\" \"$0\" \"$@\"\n' '''\n",
                Some("/a/very/long/python3.11"),
            ),
            ("#!/bin/sh\nexec python3\n", None),
            ("\u{7f}ELF", None),
            ("", None),
        ] {
            assert_eq!(interpreter(script).as_deref(), wanted, "{script}");
        }
    }

    #[test]
    fn the_answer_is_found_behind_other_output() {
        let answer = format!(
            "a warning\n{MARK}{{\"python\": \"/p\", \"python_version\": \"3.11.7\", \"forks\": 5}}\n"
        );
        let read = told(&answer).expect("an answer");
        assert_eq!((read.python.as_deref(), read.forks), (Some("/p"), Some(5)));
        assert!(told("nothing").is_err() && told(&format!("{MARK}{{")).is_err());
    }
}
