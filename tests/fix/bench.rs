//! A machine of the test's own: a folder for /etc/docker, stand-ins for Docker and systemd, and programs that fail when told.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};

use airworthy::fix::apply::{Applied, Order};
use airworthy::fix::daemon_json::{self, Wish};
use airworthy::fix::plan::Plan;
use airworthy::gather;

use crate::environment;

pub(crate) const BOUNDARY: &str = "00112233445566778899aabbccddeeff";
pub(crate) const STAMP: &str = "20260731T101500Z";
pub(crate) const OLD: &str =
    "{\n  \"debug\": true,\n  \"max-concurrent-downloads\": 12345678901234567890\n}\n";

/// Programs of the script that a fault can be put into.
const TOOLS: [&str; 11] =
    ["sha256sum", "flock", "mktemp", "sync", "ln", "mv", "cp", "rm", "readlink", "stat", "chmod"];

/// Does what the tool does, but for one call: `state/fault` says of which tool, at which call, and how.
const TOOL: &str = r#"n=0
[ ! -e "$here/state/count.$tool" ] || read -r n <"$here/state/count.$tool"
n=$((n + 1)); echo "$n" >"$here/state/count.$tool"
what= at= how=
[ ! -e "$here/state/fault" ] || read -r what at how <"$here/state/fault"
if [ "$what" = "$tool" ] && [ "$at" = "$n" ]; then
    case $how in
    fail) echo "$tool: injected" >&2; exit 1 ;;
    lie) exit 0 ;;
    before) kill -KILL 0 ;;
    after) "$real" "$@"; kill -KILL 0 ;;
    late) "$real" "$@"; echo "$tool: injected" >&2; exit 1 ;;
    edit) printf edited >"$here/etc/docker/daemon.json"; exec "$real" "$@" ;;
    edit-after) "$real" "$@"; printf edited >"$here/etc/docker/daemon.json"; exit 0 ;;
    signals) kill -HUP 0; kill -TERM 0; kill -INT 0; kill -PIPE 0; exec "$real" "$@" ;;
    esac
fi
exec "$real" "$@""#;

const DOCKER: &str = r#"[ ! -e "$here/state/docker-hangs" ] || /bin/sleep 600
if [ -e "$here/state/docker-dead" ]; then echo 'Cannot connect to the Docker daemon' >&2; exit 1; fi
echo 'WARNING: No swap limit support' >&2
case $* in
*ContainersRunning*) cat "$here/state/containers" ;;
*) cat "$here/state/info" ;;
esac"#;

const SYSTEMCTL: &str = r#"echo "$*" >>"$here/state/systemctl"
take() {
    d=$(sed -n 's/.*"default-runtime" *: *"\([^"]*\)".*/\1/p' "$here/etc/docker/daemon.json" 2>/dev/null)
    n=; ! grep -q '"nvidia" *: *{' "$here/etc/docker/daemon.json" 2>/dev/null || n='|nvidia|'
    echo "${d:-runc}||io.containerd.runc.v2||runc|$n" >"$here/state/info"
}
[ ! -e "$here/state/cut" ] || { read -r cut <"$here/state/cut"; [ "$cut" != "$1" ] || kill -KILL 0; }
[ ! -e "$here/state/list-locks" ] || ls -ld /run/airworthy* /tmp/airworthy.* >>"$here/state/locks" 2>/dev/null
case $1 in
show) echo "MainPID=$(cat "$here/state/pid")" ;;
reload)
    [ ! -e "$here/state/reload-edits" ] || printf edited >"$here/etc/docker/daemon.json"
    [ ! -e "$here/state/reload-fails" ] || exit 1
    [ ! -e "$here/state/reload-kills" ] || { : >"$here/state/docker-dead"; exit 0; }
    [ -e "$here/state/reload-idle" ] || take ;;
restart)
    [ ! -e "$here/state/restart-fails" ] || { : >"$here/state/docker-dead"; exit 1; }
    [ -e "$here/state/restart-idle" ] || take ;;
start) [ -e "$here/state/start-fails" ] || { rm -f "$here/state/docker-dead"; take; } ;;
esac"#;

/// The lab's Docker is 20.10, which has no `--validate`; so that path runs against this stand-in. By hand, on a lab host with Debian's
/// 26.1.5: every accepted fixture's before and after is taken; of the refused it takes those with a byte order mark, with a key
/// twice, and `null`; a file with a value of the wrong type was refused before it was put in place, and one container that ran went
/// on running through a fix.
const DOCKERD: &str = r#"echo "$*" >>"$here/state/dockerd"
case $* in
*--help*) echo '      --validate   Validate daemon configuration and exit' ;;
*--validate*) [ ! -e "$here/state/validate-refuses" ] || { echo 'unable to configure the Docker daemon' >&2; exit 1; } ;;
esac"#;

/// A file that is written while another thread forks is busy when it is run: so one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) struct Bench {
    folder: tempfile::TempDir,
    dockerd: Child,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.dockerd.kill();
        let _ = self.dockerd.wait();
        // The lock of a run that was killed stays until the next one; see src/fix/lock.sh.
        let name = self.file().display().to_string().replace('/', "-");
        let me = fs::metadata("/proc/self").map(|me| me.uid()).unwrap_or_default();
        for place in
            ["/run/airworthy".to_owned(), format!("/tmp/airworthy.{me}"), "/tmp/airworthy.65534".to_owned()]
        {
            let _ = fs::remove_dir(place + &name);
        }
    }
}

impl Bench {
    /// With this daemon.json, or none.
    pub(crate) fn new(before: Option<&str>) -> Bench {
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = environment::folder();
        let at = |name: &str| folder.path().join(name);
        for name in ["bin", "state", "etc/docker"] {
            fs::create_dir_all(at(name)).expect("a folder");
        }
        // Its program is gone, as after an upgrade: so the one in PATH is asked, which is the stand-in.
        fs::copy("/bin/sleep", at("dockerd-that-runs")).expect("copied");
        let dockerd = environment::command(at("dockerd-that-runs")).arg("3600").spawn().expect("started");
        fs::remove_file(at("dockerd-that-runs")).expect("removed");
        let bench = Bench { dockerd, folder };
        if let Some(text) = before {
            fs::write(bench.file(), text).expect("written");
            fs::set_permissions(bench.file(), fs::Permissions::from_mode(0o640)).expect("set");
        }
        bench.tell("pid", &bench.dockerd.id().to_string());
        bench.tell("info", "runc||io.containerd.runc.v2||runc|");
        bench.tell("containers", "3 false");
        bench.program("docker", DOCKER);
        bench.program("systemctl", SYSTEMCTL);
        bench.program("dockerd", DOCKERD);
        bench.program("id", "echo 0");
        // A second is long for a test; a deadline stays what it is, unless the test says otherwise.
        bench.program(
            "sleep",
            "[ \"$1\" != 1 ] || set -- 0.02\n[ ! -e \"$here/state/short-deadlines\" ] || set -- 0.5\nexec /bin/sleep \"$@\"",
        );
        for tool in TOOLS {
            let real = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
            let real = real.iter().find(|path| path.exists()).expect("the tool is there");
            bench.program(tool, &format!("tool={tool} real={}\n{TOOL}", real.display()));
        }
        bench
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\nhere={}\n{text}\n", self.folder.path().display()))
            .expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path("etc/docker/daemon.json")
    }

    /// Sets what the stand-ins go by.
    pub(crate) fn tell(&self, name: &str, text: &str) {
        fs::write(self.path("state").join(name), format!("{text}\n")).expect("written");
    }

    pub(crate) fn told(&self, name: &str) -> String {
        fs::read_to_string(self.path("state").join(name)).unwrap_or_default()
    }

    /// What stands in the file.
    pub(crate) fn now(&self) -> Option<String> {
        fs::read_to_string(self.file()).ok()
    }

    /// Every name in its folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("etc/docker")) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn mode_and_owner(&self) -> (u32, u32, u32) {
        let metadata = fs::metadata(self.file()).expect("it is there");
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    }

    /// The plan from what stands in the file now.
    pub(crate) fn plan(&self) -> Plan {
        let before = self.now().map(String::into_bytes);
        let wish = Wish { runtime_path: "/usr/bin/nvidia-container-runtime".to_owned() };
        let edit = daemon_json::edit(before.as_deref(), &wish).expect("a plan");
        let path = self.file().display().to_string();
        Plan {
            asked: path.clone(),
            path,
            before,
            after: Some(edit.after.into_bytes()),
            diff: String::new(),
            runtime: Some("nvidia".to_owned()),
            validates: true,
            spends: None,
            notes: Vec::new(),
        }
    }

    /// Starts the script of an order in a shell.
    pub(crate) fn start(&self, shell: &[&str], order: &Order<'_>) -> Child {
        let text = order.text(BOUNDARY);
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = environment::command(shell[0])
            .args(&shell[1..])
            .args(["-c", "eval \"$(head -c \"$1\")\"", "sh", &text.len().to_string()])
            .env("PATH", environment::path(&[&self.path("bin")]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the shell starts");
        child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("the script is read");
        child
    }

    /// Runs the script of an order and reads what it says.
    pub(crate) fn run(&self, shell: &[&str], order: &Order<'_>) -> Applied {
        let output = self.start(shell, order).wait_with_output().expect("the shell ends");
        let answered = gather::take_apart(output.stdout, BOUNDARY, &[]).unwrap_or_else(|error| {
            panic!("{error}\n{}", String::from_utf8_lossy(&output.stderr));
        });
        Applied::parse(&answered.transcript)
    }

    /// Applies a plan.
    pub(crate) fn apply(&self, plan: &Plan) -> Applied {
        self.run(&["sh"], &Order { plan, stamp: STAMP, allow_restart: false })
    }
}
