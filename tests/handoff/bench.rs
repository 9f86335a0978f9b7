//! A scratch folder with a checkout, inventories, a profile whose answer is known, and a stand-in for ansible-playbook.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::environment;

/// The commit that the checkout is at.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Writes down how it was started; then comes what a test adds.
const STAND_IN: &str = "#!/bin/sh\n\
    [ \"$1\" != --version ] || { echo 'ansible-playbook [core 2.16.14]'; exit; }\n\
    { pwd; for word; do printf '%s\\n' \"$word\"; done; } > \"$BENCH/started\"\n\
    echo told on stdout\n";

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let bench = Bench { folder: environment::folder() };
        bench.write("checkout/cluster.yml", "- hosts: all\n");
        bench.write("checkout/scale.yml", "- hosts: all\n");
        bench.write("checkout/upgrade-cluster.yml", "- hosts: all\n");
        bench.write("checkout/roles/README", "none is needed here\n");
        bench.write("checkout/inventory/sample/group_vars/all/all.yml", "bin_dir: /usr/local/bin\n");
        bench.write("checkout/.git/HEAD", COMMIT);
        bench.write("inv/hosts.ini", INVENTORY);
        bench.write(
            "profile.yaml",
            "title: Of these tests\nchecks: [fit, sound, host-reachable]\nparameters: {fit: true, sound: true}\n",
        );
        for name in ["fit", "sound"] {
            bench.write(&format!("checks/{name}.yaml"), check(name));
        }
        bench.ansible("");
        bench
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it, as text.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Gives the stand-in something to do.
    pub(crate) fn ansible(&self, does: &str) {
        let path = self.write("bin/ansible-playbook", format!("{STAND_IN}{does}\n"));
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("executable");
    }

    /// `airworthy handoff` of the kubespray inventory, with more words.
    pub(crate) fn handoff(&self, more: &[&str]) -> Ran {
        self.handoff_of("inv/hosts.ini", more)
    }

    pub(crate) fn handoff_of(&self, inventory: &str, more: &[&str]) -> Ran {
        self.run(&[&["handoff", "-i", inventory, "--kubespray", "checkout"], PROFILE, more].concat())
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().expect("it runs");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            err: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// The same, running.
    pub(crate) fn start(&self, more: &[&str]) -> Child {
        let words = [&["handoff", "-i", "inv/hosts.ini", "--kubespray", "checkout"], PROFILE, more].concat();
        let mut command = self.command(&words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    }

    /// A command of ours here, with the stand-in on PATH.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_airworthy"));
        command.args(words);
        command
    }

    /// Any program here.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = environment::command(name);
        command
            .env("PATH", environment::path(&[&self.path().join("bin")]))
            .env("BENCH", self.path())
            .env("NO_COLOR", "1")
            .env("COLUMNS", "400")
            .current_dir(self.path());
        command
    }

    /// How ansible-playbook was started: its folder and its words; `None` where it was not.
    pub(crate) fn started(&self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.path().join("started")).ok()?;
        Some(text.lines().map(str::to_owned).collect())
    }

    /// The only record below a folder.
    pub(crate) fn record(&self, folder: &str) -> Value {
        let records = self.records(folder);
        let [record] = records.as_slice() else { panic!("{} records in {folder}", records.len()) };
        record.clone()
    }

    pub(crate) fn records(&self, folder: &str) -> Vec<Value> {
        let Ok(entries) = fs::read_dir(self.path().join(folder).join(".airworthy")) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("handoff-"))
        });
        paths.sort();
        let parse = |path: &PathBuf| serde_json::from_str(&fs::read_to_string(path).expect("readable"));
        paths.iter().map(|path| parse(path).expect("JSON")).collect()
    }

    /// Waits until a file is there.
    pub(crate) fn wait_for(&self, name: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.path().join(name).exists() {
            assert!(Instant::now() < deadline, "{name} does not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Ran {
    /// Asserts that nothing was started, with this status, and that all these were told.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, told: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains("airworthy: not started"), "{self:?}");
        let words: Vec<&str> = self.err.split_whitespace().filter(|word| *word != "│").collect();
        let err = words.join(" ");
        for wanted in told {
            assert!(err.contains(wanted), "no `{wanted}` in: {err}");
        }
        if code == 2 {
            assert_eq!(self.out, "", "{self:?}");
        }
    }
}

const PROFILE: &[&str] = &["--profile", "./profile.yaml", "--checks", "checks"];

/// One machine, this one, with every role.
const INVENTORY: &str = "node1 ansible_connection=local\n\n[kube_control_plane]\nnode1\n\n[etcd]\nnode1\n\n\
    [kube_node]\nnode1\n\n[k8s_cluster:children]\nkube_control_plane\nkube_node\n";

/// A check that does what its parameter says, on every host.
fn check(name: &str) -> String {
    format!(
        "title: The parameter {name} is true\nseverity: error\nroles: [devbox, infra, worker]\n\
         require: params.{name} == true && os.id != \"\"\nwhy: For tests.\nremediation: Set it.\nreferences: []\n\
         examples:\n  - {{facts: {{os: {{id: debian}}}}, expect: pass}}\n  - {{facts: {{}}, expect: unknown}}\n"
    )
}
