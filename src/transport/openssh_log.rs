//! What the system's ssh tells of its way, in the log that `-v -E` writes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{HostKey, HostKeyStanding, Login, Stage, TransportError};

/// More than ssh ever writes at this level.
const LONGEST: u64 = 1024 * 1024;
/// As much of its words as an error tells.
const MOST_SAID: usize = 500;

/// How far ssh got, and what it said.
#[derive(Debug)]
pub(super) struct Log {
    file: Option<File>,
    pending: Vec<u8>,
    pub(super) stage: Stage,
    /// Whether a jump host or a command stands between.
    pub(super) through_another: bool,
    pub(super) user: Option<String>,
    pub(super) login: Option<Login>,
    /// The remote command has ended and given a status.
    pub(super) has_status: bool,
    key: Option<(String, String)>,
    standing: HostKeyStanding,
    changed: bool,
    said: Vec<String>,
    more: Option<String>,
}

impl Log {
    /// The log at `path`, which ssh writes.
    pub(super) fn at(path: &Path) -> std::io::Result<Self> {
        // Made here, so that it can be read from the start.
        File::create_new(path)?;
        Ok(Log { file: Some(File::open(path)?), ..Log::empty() })
    }

    fn empty() -> Self {
        Log {
            file: None,
            pending: Vec::new(),
            stage: Stage::Connect,
            through_another: false,
            user: None,
            login: None,
            has_status: false,
            key: None,
            standing: HostKeyStanding::Unchecked,
            changed: false,
            said: Vec::new(),
            more: None,
        }
    }

    /// Reads what has come since.
    pub(super) fn refresh(&mut self) {
        let Some(file) = &mut self.file else { return };
        // A log that cannot be read tells nothing, and ssh's exit status the rest.
        let _ = file.take(LONGEST).read_to_end(&mut self.pending);
        while let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            self.line(String::from_utf8_lossy(&line).trim());
        }
    }

    /// Whether the host itself is asked to let us in: everything between is passed.
    pub(super) fn is_logging_in(&self) -> bool {
        self.stage == Stage::Authenticate
    }

    /// A question that is not answered.
    pub(super) fn asked_for_more(&mut self, prompt: &str) {
        self.more.get_or_insert_with(|| prompt.chars().filter(|c| !c.is_control()).take(100).collect());
    }

    /// The host's key, where it was shown.
    pub(super) fn host_key(&self) -> Option<HostKey> {
        let (kind, fingerprint) = self.key.clone()?;
        Some(HostKey { kind, fingerprint, standing: self.standing })
    }

    fn line(&mut self, line: &str) {
        let Some(note) = line.strip_prefix("debug1: ") else {
            return self.plain(line);
        };
        if note.starts_with("Executing proxy command") || note.starts_with("Setting implicit ProxyCommand") {
            self.through_another = true;
        } else if note.starts_with("Connection established") || note.starts_with("Local version string") {
            self.stage = self.stage.max(Stage::Handshake);
        } else if let Some(rest) = note.strip_prefix("Authenticating to ") {
            self.user = rest.rsplit_once(" as '").map(|(_, user)| user.trim_end_matches('\'').to_owned());
        } else if let Some(rest) = note.strip_prefix("Server host key: ") {
            self.stage = self.stage.max(Stage::HostKey);
            self.key = rest.split_once(' ').map(|(kind, rest)| {
                let fingerprint = rest.split(' ').next().unwrap_or_default();
                (kind.to_owned(), fingerprint.to_owned())
            });
        } else if note.starts_with("Host '") && note.contains(" is known and matches ") {
            self.standing = HostKeyStanding::Known;
        } else if note.starts_with("SSH2_MSG_NEWKEYS received") || note.starts_with("SSH2_MSG_SERVICE_ACCEPT")
        {
            self.stage = self.stage.max(Stage::Authenticate);
        } else if let Some((_, status)) = note.rsplit_once("Exit status ") {
            self.has_status = status.trim() != "-1"; // which stands for none
        }
    }

    fn plain(&mut self, line: &str) {
        if line.starts_with("Authenticated to ") {
            self.stage = Stage::Run;
            self.login =
                Some(match line.rsplit_once("using \"").map(|(_, rest)| rest.trim_end_matches("\".")) {
                    Some("none") => Login::None,
                    Some("password" | "keyboard-interactive") => Login::Password,
                    _ => Login::PublicKey,
                });
        } else if line.contains("Permanently added") {
            self.standing = HostKeyStanding::Learned;
        } else if line.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            self.changed = true;
        } else if !line.is_empty()
            && !line.starts_with('@')
            && !line.starts_with("OpenSSH_")
            && !line.starts_with("Transferred: ")
            && !line.starts_with("Bytes per second")
            && self.said.len() < 20
        {
            self.said.push(line.to_owned());
        }
    }

    /// The error for ssh having given up; `stderr` is what came there before the login, of jump hosts for instance.
    pub(super) fn failure(&self, stderr: &str) -> TransportError {
        let heard = stderr.lines().map(str::trim);
        let heard = heard.filter(|line| !line.is_empty() && !line.starts_with("debug1:"));
        let mut words: Vec<&str> = self.said.iter().map(String::as_str).chain(heard).collect();
        words.dedup();
        let text = words.join("; ");
        let has = |word: &str| text.contains(word);
        let stage = if has("Could not resolve hostname") && self.stage <= Stage::Connect {
            Stage::Resolve
        } else if has("Host key verification failed") || has("host key is known for") {
            Stage::HostKey
        } else if has("Permission denied") || has("Too many authentication failures") {
            Stage::Authenticate
        } else {
            self.stage
        };
        let mut reason: String = text.chars().filter(|c| !c.is_control()).take(MOST_SAID).collect();
        if reason.is_empty() {
            reason = "ssh ended without a word".to_owned();
        }
        if self.changed {
            reason = format!("the host's key changed: another machine may answer in its place; {reason}");
        } else if stage == Stage::HostKey
            && let Some((kind, fingerprint)) = &self.key
        {
            reason = format!("the {kind} key {fingerprint} is not in known_hosts; {reason}");
        }
        if let Some(prompt) = &self.more {
            reason += &format!("; it asked `{prompt}`, which is not answered");
        }
        TransportError::new(stage, format!("ssh: {}", reason.trim_start_matches("ssh: ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[&str]) -> Log {
        let mut log = Log::empty();
        for line in lines {
            log.line(line);
        }
        log
    }

    #[test]
    fn a_visit_is_followed() {
        let log = log(&[
            "OpenSSH_9.2p1 Debian",
            "debug1: Connecting to 127.0.0.1 [127.0.0.1] port 2222.",
            "debug1: Connection established.",
            "debug1: Authenticating to 127.0.0.1:2222 as 'ops'",
            "debug1: Server host key: ssh-ed25519 SHA256:abc",
            "debug1: Host '[127.0.0.1]:2222' is known and matches the ED25519 host key.",
            "debug1: SSH2_MSG_NEWKEYS received",
            "Authenticated to 127.0.0.1 ([127.0.0.1]:2222) using \"publickey\".",
        ]);
        assert_eq!(
            (log.stage, log.login, log.user.as_deref()),
            (Stage::Run, Some(Login::PublicKey), Some("ops"))
        );
        let key = log.host_key().expect("a key");
        assert_eq!((key.kind.as_str(), key.standing), ("ssh-ed25519", HostKeyStanding::Known));
    }

    #[test]
    fn failures_have_their_stage() {
        for (lines, stage) in [
            (&["ssh: Could not resolve hostname x: Name or service not known"][..], Stage::Resolve),
            (&["ssh: connect to host 127.0.0.1 port 1: Connection refused"], Stage::Connect),
            (
                &[
                    "debug1: Connection established.",
                    "kex_exchange_identification: Connection closed by remote host",
                ],
                Stage::Handshake,
            ),
            (
                &[
                    "debug1: Server host key: ssh-ed25519 SHA256:abc",
                    "No ED25519 host key is known for x and you have requested strict checking.",
                    "Host key verification failed.",
                ],
                Stage::HostKey,
            ),
            (
                &["debug1: SSH2_MSG_NEWKEYS received", "ops@x: Permission denied (publickey)."],
                Stage::Authenticate,
            ),
        ] {
            assert_eq!(log(lines).failure("").stage, stage, "{lines:?}");
        }
    }
}
