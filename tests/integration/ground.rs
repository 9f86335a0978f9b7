//! A host of a test's own, whose files and processes belong to whom the test wants, and the script run there.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use airworthy::facts::{self, Answer, Circumstances, Fact, HostFacts, Probe, Reading, Transcript};
use airworthy::fix::look::{self, Look};
use airworthy::gather::{self, Errand, Script};

use crate::environment;

pub(crate) const BOUNDARY: &str = "-_0123456789ABCDEFabcd";
pub(crate) const SHELLS: &[&[&str]] = &[&["dash"], &["bash"], &["busybox", "sh"]];
/// A user that is nobody here.
pub(crate) const OTHER: u32 = 65534;

pub(crate) fn is_root() -> bool {
    let is_root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    if !is_root {
        // Not by a macro, whose words the test harness keeps to itself.
        let said =
            "SKIPPED, for only root can make what belongs to another user: run these tests as root too\n";
        let _ = std::io::stderr().write_all(said.as_bytes());
    }
    is_root
}

/// A host of the test's own.
pub(crate) struct Ground {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) children: Vec<Child>,
}

impl Drop for Ground {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Ground {
    pub(crate) fn new() -> Ground {
        let ground = Ground { folder: environment::folder(), children: Vec::new() };
        // Root's alone, but not closed: others run programs from it.
        ground.set("", 0o755, None);
        ground
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder with this mode, and another owner where that is wanted.
    pub(crate) fn dir(&self, name: &str, mode: u32, owner: Option<u32>) -> PathBuf {
        fs::create_dir_all(self.path(name)).expect("a folder");
        self.set(name, mode, owner)
    }

    pub(crate) fn file(&self, name: &str, text: &str, mode: u32, owner: Option<u32>) -> PathBuf {
        fs::write(self.path(name), text).expect("written");
        self.set(name, mode, owner)
    }

    pub(crate) fn set(&self, name: &str, mode: u32, owner: Option<u32>) -> PathBuf {
        let path = self.path(name);
        if owner.is_some() {
            chown(&path, owner, None).expect("given away");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        path
    }

    /// A program that leaves a trace.
    pub(crate) fn trap(&self, name: &str) {
        let text = format!("#!/bin/sh\necho \"$0 $*\" >>'{}'\n", self.path("traces").display());
        self.file(name, &text, 0o755, None);
    }

    pub(crate) fn traces(&self) -> String {
        fs::read_to_string(self.path("traces")).unwrap_or_default()
    }

    /// Starts a process that goes on; `as_other` is how `setpriv` makes it another user's.
    pub(crate) fn process(&mut self, program: &Path, more: &[&str], as_other: &[&str]) -> u32 {
        let mut command = match as_other {
            [] => environment::command(program),
            options => {
                let mut command = environment::command("setpriv");
                command.args(options).arg(program);
                command
            }
        };
        let name = program.file_name().expect("a name").to_string_lossy().into_owned();
        let child = command.args(more).stdin(Stdio::null()).spawn().expect("started");
        let pid = child.id();
        self.children.push(child);
        for _ in 0..200 {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if comm.trim() == name {
                return pid;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{program:?} does not run under its name");
    }

    /// `/run/docker.pid` with this process; dockerd writes no line end.
    pub(crate) fn pid_file(&self, pid: u32) {
        self.file("docker.pid", &pid.to_string(), 0o644, None);
    }

    /// The script of these probes; what it looks for in `/run` and `/etc/docker` is this host's.
    pub(crate) fn script(&self, probes: &[Probe], errand: &Errand) -> String {
        let text = Script::new(probes).text(BOUNDARY, errand);
        let pid_file = self.path("docker.pid").display().to_string();
        let config = self.path("etc/docker/").display().to_string();
        text.replace("/var/run/docker.pid", "/no/docker.pid")
            .replace("/run/docker.pid", &pid_file)
            .replace("/etc/docker/", &config)
    }

    pub(crate) fn run(
        &self,
        shell: &[&str],
        probes: &[Probe],
        errand: &Errand,
        change: &dyn Fn(&mut Command),
    ) -> Transcript {
        let mut command = environment::command(shell[0]);
        command.args(&shell[1..]).args(["-c", &self.script(probes, errand), "sh", "root"]);
        change(&mut command);
        let output = command.stdin(Stdio::null()).output().expect("the shell starts");
        let answered = gather::take_apart(output.stdout, BOUNDARY, probes);
        answered.unwrap_or_else(|error| panic!("{shell:?}: {error}")).transcript
    }

    pub(crate) fn facts(&self, shell: &[&str]) -> HostFacts {
        let transcript = self.run(shell, &facts::host::probes(), &Errand::default(), &|_| ());
        facts::host::parse(&transcript, &Circumstances::default())
    }

    pub(crate) fn look(&self, shell: &[&str]) -> Result<Look, String> {
        Look::parse(&self.run(shell, &look::probes(), &Errand::default(), &|_| ()))
    }
}

pub(crate) fn under_every_shell(mut test: impl FnMut(&[&str])) {
    let there: Vec<_> = SHELLS.iter().filter(|shell| environment::has(shell[0])).collect();
    assert!(!there.is_empty(), "no shell at all");
    there.into_iter().for_each(|shell| test(shell));
}

pub(crate) fn said(transcript: &Transcript, probe: &str) -> String {
    let answer: Option<Answer<'_>> = transcript.answer(probe).value().cloned();
    answer.unwrap_or_else(|| panic!("{probe} answered nothing")).out.into_owned()
}

/// Why a fact is unknown.
pub(crate) fn unknown<T: std::fmt::Debug>(fact: &Fact<T>) -> &str {
    match &fact.reading {
        Reading::Unknown(reason) => reason,
        _ => panic!("{fact:?}"),
    }
}
