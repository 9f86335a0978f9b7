//! A machine of a test's own, and what it is left with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::server::{Answer, Plan, Server};

/// A machine of the test's own: a folder before the others in PATH, and one for temporary files.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let machine = Machine { folder: crate::environment::folder() };
        fs::create_dir(machine.path("bin")).expect("a folder");
        fs::create_dir(machine.path("tmp")).expect("a folder");
        machine
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a program before all others.
    pub(crate) fn program(&self, name: &str, text: &str) -> &Machine {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        self
    }

    /// A user that is not root, and a sudo that logs what it is asked, as sudo does.
    pub(crate) fn sudo(&self, password: Option<&str>) -> &Machine {
        self.program("id", "if [ \"$1\" = -u ]; then echo 1000; else exec /usr/bin/id \"$@\"; fi");
        fs::write(self.path("wanted"), password.unwrap_or_default()).expect("written");
        let ask = match password {
            None => "",
            Some(_) => {
                "case $1 in *n*) echo 'sudo: a password is required' >&2; exit 1 ;; esac
                shift 3
                tries=0
                while :; do
                    IFS= read -r given || { echo 'sudo: no password was provided' >&2; exit 1; }
                    tries=$((tries + 1)); echo \"try $tries\" >>\"$log\"
                    [ \"$given\" = \"$(cat \"$here/wanted\")\" ] && break
                    echo 'Sorry, try again.' >&2
                done
                exec \"$@\""
            }
        };
        let text = format!(
            "here={}; log=$here/sudo.log; echo \"COMMAND=$*\" >>\"$log\"\n{ask}\nshift\nexec \"$@\"",
            self.folder.path().display()
        );
        self.program("sudo", &text)
    }

    pub(crate) fn sudo_log(&self) -> String {
        fs::read_to_string(self.path("sudo.log")).unwrap_or_default()
    }

    pub(crate) fn rc(&self) -> String {
        let (bin, tmp) = (self.path("bin"), self.path("tmp"));
        format!("PATH='{}':$PATH; TMPDIR='{}'; export PATH TMPDIR", bin.display(), tmp.display())
    }

    pub(crate) fn server(&self) -> Server {
        Server::start(Plan { answer: Answer::Login { shell: "sh", rc: self.rc() }, ..Plan::open() })
    }

    pub(crate) fn is_clean(&self) -> bool {
        fs::read_dir(self.path("tmp")).expect("a folder").next().is_none()
    }
}

pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
