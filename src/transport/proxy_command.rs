//! A command whose stdin and stdout are the connection: `ProxyCommand`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::child::end;
use super::{Stage, TransportError};

/// As much of its stderr as an error tells.
const COMPLAINT: u64 = 600;

/// How much it may write to a file, its stderr among them, in the shell's units of 512 or 1,024 bytes.
const MOST_SAID: u32 = 8192;

/// How long a command that closed its side may take to end.
const MOMENT: Duration = Duration::from_millis(500);

/// A command on its way; dropped, it and what it started are ended.
pub(super) struct ProxyCommand {
    child: Option<Child>,
    stderr: Option<File>,
}

impl ProxyCommand {
    /// Starts a command, whose tokens are replaced already, as ssh does; gives our end of its stdin and stdout.
    pub(super) fn start(command: &str) -> Result<(UnixStream, Self), TransportError> {
        let failed = |why: std::io::Error| {
            TransportError::new(Stage::Connect, format!("its ProxyCommand cannot be started: {why}"))
        };
        let (near, far) = UnixStream::pair().map_err(failed)?;
        near.set_nonblocking(true).map_err(failed)?;
        let stderr = tempfile::tempfile().map_err(failed)?;
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("ulimit -f {MOST_SAID} 2>/dev/null; exec {command}"))
            .stdin(OwnedFd::from(far.try_clone().map_err(failed)?))
            .stdout(OwnedFd::from(far))
            .stderr(Stdio::from(stderr.try_clone().map_err(failed)?))
            // Nobody may be asked on the terminal: many visits run at once.
            .env("SSH_ASKPASS", "false")
            .env("SSH_ASKPASS_REQUIRE", "force")
            // A group of its own, so that the end of the visit ends what the command started too.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok((near, ProxyCommand { child: Some(child), stderr: Some(stderr) }))
    }

    /// The last of what it said on stderr, on one line.
    pub(super) fn complaint(&mut self) -> Option<String> {
        let file = self.stderr.as_mut()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(COMPLAINT))).ok()?;
        let mut bytes = Vec::new();
        file.take(COMPLAINT).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    /// Whether it has ended by itself. One that has closed its side is a moment from it.
    pub(super) fn has_ended(&mut self) -> bool {
        let Some(child) = self.child.as_mut() else { return true };
        let asked = Instant::now();
        loop {
            match child.try_wait() {
                Ok(None) if asked.elapsed() < MOMENT => thread::sleep(Duration::from_millis(5)),
                other => return matches!(other, Ok(Some(_))),
            }
        }
    }
}

impl Drop for ProxyCommand {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else { return };
        // The visit is over, and does not wait for it.
        let _ = thread::Builder::new().stack_size(128 * 1024).spawn(move || end(child));
    }
}
