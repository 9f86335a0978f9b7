//! The lab as a value: brought up once, one test at a time, its hosts' shells, and runs of the binary on the dev box.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use airworthy::report::Report;
use serde_json::Value;

use crate::control_node::{self, WITH_2_18};
use crate::fault::{By, DEFAULTS, Fault, KUBESPRAY, OUTSIDE};

/// Every host, the dev box first.
pub(crate) const HOSTS: [&str; 6] = ["devbox", "infra1", "infra2", "worker1", "worker2", "worker3"];

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/lab");
static TURN: Mutex<()> = Mutex::new(());
static UP: OnceLock<()> = OnceLock::new();
static SETTLED: AtomicBool = AtomicBool::new(false);

/// The lab, for as long as one test holds it.
pub(crate) struct Lab {
    _turn: MutexGuard<'static, ()>,
    /// Whether the test before ended with a GO without findings, which healthy hosts alone give.
    is_settled: bool,
}

/// What one run of the binary gave.
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) wall: Duration,
}

impl Lab {
    /// Waits for this test's turn; the first one brings the hosts up and puts the binary on the dev box.
    pub(crate) fn take() -> Lab {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Lab { _turn: turn, is_settled: SETTLED.swap(false, Ordering::Relaxed) };
        UP.get_or_init(|| {
            lab.must(OUTSIDE, "lab up");
            let binary = Path::new(env!("CARGO_BIN_EXE_airworthy"));
            lab.must(OUTSIDE, &format!("lab copy {} /usr/local/bin/airworthy", binary.display()));
            let helper = binary.with_file_name("airworthy-nvml");
            // It goes to hosts in every run: without the debug symbols of this build.
            lab.must(
                OUTSIDE,
                &format!(
                    "stripped=$(mktemp) && strip -o $stripped {} && lab copy $stripped /usr/local/bin/airworthy-nvml; \
                     status=$?; rm -f $stripped; exit $status",
                    helper.display()
                ),
            );
        });
        lab
    }

    /// Runs a command as root on a host (`USER@HOST`: as that user), with `input` on its stdin.
    pub(crate) fn shell_with(&self, host: &str, command: &str, input: &str) -> Output {
        let mut shell = match host {
            OUTSIDE => Command::new("bash"),
            _ => Command::new(SCRIPT),
        };
        match host {
            OUTSIDE => shell.args(["-c", &format!("lab() {{ '{SCRIPT}' \"$@\"; }}\n{command}")]),
            _ => shell.args(["exec", host, command]),
        };
        let mut child = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the lab's script starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let _ = stdin.write_all(input.as_bytes()); // a command need not read it
        drop(stdin);
        child.wait_with_output().expect("the command ends")
    }

    /// Runs a command and tells whether it succeeded.
    pub(crate) fn holds(&self, host: &str, command: &str) -> bool {
        self.shell_with(host, command, "").status.success()
    }

    /// Runs a command that has to succeed; its stdout.
    pub(crate) fn must(&self, host: &str, command: &str) -> String {
        self.must_with(host, command, "")
    }

    /// The same with `input` on its stdin.
    pub(crate) fn must_with(&self, host: &str, command: &str, input: &str) -> String {
        let done = self.shell_with(host, command, input);
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "on {host}: {command}\n{stderr}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Waits until all hosts are healthy, unless the test before showed it.
    pub(crate) fn wait_unless_settled(&self) {
        if !self.is_settled {
            self.wait(OUTSIDE);
        }
    }

    /// Ends a test whose last run was GO without findings.
    pub(crate) fn settled(self) {
        SETTLED.store(true, Ordering::Relaxed);
    }

    /// Waits until a host, or `OUTSIDE` for all of them, is healthy.
    pub(crate) fn wait(&self, host: &str) {
        match host {
            OUTSIDE => self.must(OUTSIDE, "lab wait"),
            _ => self.must(OUTSIDE, &format!("lab wait {host}")),
        };
    }

    /// Runs `airworthy check` on the dev box as its user.
    pub(crate) fn check(&self, more: &[&str]) -> Run {
        self.check_of(DEFAULTS.inventory, more)
    }

    /// The same of another inventory.
    pub(crate) fn check_of(&self, inventory: &str, more: &[&str]) -> Run {
        let more = more.join(" ");
        self.airworthy(
            &format!("airworthy check -i {inventory} --profile /lab/profile.yaml --format json {more}"),
            "",
        )
    }

    /// Runs it as a fault says, with what its deployment needs on the dev box.
    pub(crate) fn check_under(&self, fault: &Fault) -> Run {
        let (inventory, flags) = (fault.inventory, fault.flags);
        match fault.by {
            By::OpenPai => self.check_of(inventory, &[flags]),
            By::Kubespray => {
                control_node::lay(self);
                let check = "airworthy check --profile /lab/kubespray/profile.yaml --kubespray /srv/kubespray --format json";
                self.airworthy(&format!("{WITH_2_18}; {check} -i {inventory} {flags}"), "")
            }
        }
    }

    /// Runs it with the lab's own inventory for what deploys it.
    pub(crate) fn check_by(&self, by: By) -> Run {
        self.check_under(match by {
            By::OpenPai => &DEFAULTS,
            By::Kubespray => &KUBESPRAY,
        })
    }

    /// Runs a command line on the dev box as its user.
    pub(crate) fn airworthy(&self, command: &str, input: &str) -> Run {
        let start = Instant::now();
        let done = self.shell_with("pai@devbox", &format!("cd && {command}"), input);
        Run {
            status: done.status.code(),
            stdout: String::from_utf8(done.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
            wall: start.elapsed(),
        }
    }
}

impl Run {
    /// The report: stdout is one JSON document, it fits `airworthy schema report`, and nothing panicked.
    pub(crate) fn report(&self) -> Report {
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        let document: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!("stdout is not one JSON document: {e}\n{}\n{}", self.stdout, self.stderr)
        });
        let complaints: Vec<String> = schema().iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(complaints.is_empty(), "against the schema: {complaints:#?}");
        serde_json::from_value(document).expect("the report is one of ours")
    }
}

fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let done = Command::new(env!("CARGO_BIN_EXE_airworthy")).args(["schema", "report"]).output();
        let text = done.expect("airworthy schema starts").stdout;
        let schema: Value = serde_json::from_slice(&text).expect("the schema is JSON");
        jsonschema::validator_for(&schema).expect("the schema is a schema")
    })
}
