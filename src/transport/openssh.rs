//! Reaching hosts with the system's own `ssh`, for what libssh2 cannot do: user certificates, GSSAPI, hardware keys,
//! `Match exec`.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::askpass::{Desk, VARIABLE};
use super::child::{end, reap};
use super::configs::Configs;
use super::deadline::{Deadline, VisitEnd};
use super::openssh_log::Log;
use super::pipes::{Pipes, Watch, failed};
use super::target::Target;
use super::{Beginning, Conversation, Login, Options, Reply, Stage, Transport, TransportError, Visit};
use crate::inventory::{Connection, Host, HostKeyChecking};

/// How often the log is looked at until the login.
const GLANCE: Duration = Duration::from_millis(20);

/// How long ssh may take to end after its streams have.
const FAREWELL: Duration = Duration::from_secs(2);

/// As much as is kept of stderr from before the login.
const COMPLAINT: usize = 8 * 1024;

/// The system's `ssh`, one process a visit.
pub struct OpenSsh {
    options: Options,
    /// What holds without any setting, to tell what has been set.
    usual: Options,
    configs: Configs,
}

impl OpenSsh {
    /// Looks for `ssh`.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(options: Options) -> Result<Self, TransportError> {
        let version = Command::new("ssh").arg("-V").stdin(Stdio::null()).output();
        version.map_err(|why| {
            let help = "install the OpenSSH client, or leave --transport openssh away";
            TransportError::new(Stage::Connect, format!("ssh cannot be started: {why}; {help}"))
        })?;
        let configs = Configs::new(options.config.clone());
        Ok(OpenSsh { options, usual: Options::from_environment(), configs })
    }

    /// The words for ssh, in Ansible's order: the first value of an option counts.
    fn words(&self, connection: &Connection, target: &Target, has_password: bool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut say =
            |keyword: &str, value: &str| words.extend(["-o".to_owned(), format!("{keyword}={value}")]);
        // A connection of its own, without a terminal, forwardings or anybody to ask.
        say("ControlMaster", "no");
        say("ControlPath", "none");
        say("BatchMode", if has_password { "no" } else { "yes" });
        say("NumberOfPasswordPrompts", "1");
        say("ClearAllForwardings", "yes");
        say("PermitLocalCommand", "no");
        say("RemoteCommand", "none");
        say(
            "StrictHostKeyChecking",
            match target.policy {
                HostKeyChecking::Strict => "yes",
                HostKeyChecking::AcceptNew => "accept-new",
                HostKeyChecking::Off => "no",
            },
        );
        words.extend(connection.ssh_arguments.words.iter().cloned());
        let mut say =
            |keyword: &str, value: String| words.extend(["-o".to_owned(), format!("{keyword}={value}")]);
        if let Some(port) = connection.port {
            say("Port", port.to_string());
        }
        if let Some(key) = connection.private_key.as_ref().or(self.options.private_key.as_ref()) {
            say("IdentityFile", format!("\"{}\"", key.display().to_string().replace('%', "%%")));
        }
        if let Some(user) = connection.user.as_ref().or(self.options.user.as_ref()) {
            say("User", user.clone());
        }
        say("ConnectTimeout", target.connect.as_secs().max(1).to_string());
        words.extend(connection.more_ssh_arguments.words.iter().cloned());
        if let Some(bastion) = &connection.bastion {
            words.extend(["-o".to_owned(), format!("ProxyCommand={}", self.through(bastion))]);
        }
        self.unusual(&mut words);
        words
    }

    /// What differs from what ssh would do by itself.
    fn unusual(&self, words: &mut Vec<String>) {
        if self.options.known_hosts != self.usual.known_hosts {
            let files: Vec<String> =
                self.options.known_hosts.iter().map(|file| format!("\"{}\"", file.display())).collect();
            words.extend(["-o".to_owned(), format!("UserKnownHostsFile={}", files.join(" "))]);
        }
        if self.options.config != self.usual.config {
            let file = self.options.config.user.as_ref().map(|file| file.display().to_string());
            words.extend(["-F".to_owned(), file.unwrap_or_else(|| "none".to_owned())]);
        }
        if self.options.agent != self.usual.agent {
            let socket = self.options.agent.as_ref().map(|socket| socket.display().to_string());
            words.extend([
                "-o".to_owned(),
                format!("IdentityAgent={}", socket.unwrap_or_else(|| "none".to_owned())),
            ]);
        }
    }

    /// The way through kubespray's bastion as a command, as kubespray has it.
    fn through(&self, bastion: &Connection) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''").replace('%', "%%"));
        let policy = self.options.host_key_checking.or(bastion.host_key_checking);
        let policy = match policy.unwrap_or(self.options.default_host_key_checking) {
            HostKeyChecking::Strict => "yes",
            HostKeyChecking::AcceptNew => "accept-new",
            HostKeyChecking::Off => "no",
        };
        let mut command = format!("ssh -o BatchMode=yes -o StrictHostKeyChecking={policy} -W '[%h]:%p'");
        let mut unusual = Vec::new();
        self.unusual(&mut unusual);
        for word in &unusual {
            command += &format!(" {}", quoted(word));
        }
        if let Some(port) = bastion.port {
            command += &format!(" -p {port}");
        }
        if let Some(key) = bastion.private_key.as_ref().or(self.options.private_key.as_ref()) {
            command += &format!(" -i {}", quoted(&key.display().to_string()));
        }
        if let Some(user) = bastion.user.as_ref().or(self.options.user.as_ref()) {
            command += &format!(" -l {}", quoted(user));
        }
        format!("{command} -- {}", quoted(&bastion.address))
    }
}

impl Transport for OpenSsh {
    fn run(&self, host: &Host, conversation: &mut dyn Conversation) -> Result<Visit, TransportError> {
        let connection = &host.connection;
        let target = self.configs.target(&self.options, connection)?;
        let password = connection.password.as_ref().or(self.options.password.as_ref());
        let desk_program = self.options.askpass.as_ref().filter(|_| password.is_some());
        if target.policy == HostKeyChecking::Off {
            // Whether the key changed shows too late to take the secrets back.
            conversation.distrust();
        }
        let folder = tempfile::Builder::new().prefix("airworthy-").tempdir();
        let folder = folder.map_err(|why| failed("no folder for ssh's log", &why))?;
        let path = folder.path().join("log");
        let log = Log::at(&path).map_err(|why| failed("no file for ssh's log", &why))?;
        let log = Arc::new(Mutex::new(log));

        let mut ssh = Command::new("ssh");
        ssh.args(self.words(connection, &target, desk_program.is_some())).args(["-T", "-v", "-E"]).arg(&path);
        let bare = connection.address.trim_start_matches('[').trim_end_matches(']');
        let beginning = conversation.begin();
        ssh.arg("--").arg(bare).arg(beginning.command);
        ssh.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "false").env("LC_ALL", "C");
        let _desk = match (desk_program, password) {
            (Some(program), Some(password)) => {
                let desk = Desk::open(folder.path(), password, &log);
                let desk = desk.map_err(|why| failed("no socket for the password", &why))?;
                ssh.env("SSH_ASKPASS", program).env(VARIABLE, desk.socket());
                Some(desk)
            }
            _ => None,
        };
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);

        let mut follow = Follow::new(&self.options, &log);
        let mut child = ssh.spawn().map_err(|why| failed("ssh cannot be started", &why))?;
        let mut listener = Listener { inner: conversation, log: &log, complaint: Vec::new(), done: false };
        let carried = Pipes::of(&mut child, beginning.opening)
            .map_err(|why| failed("cannot set up the pipes to ssh", &why))
            .and_then(|mut pipes| pipes.carry(&mut follow, &mut listener));
        let (done, complaint) = (listener.done, listener.complaint);
        if let Err(why) = carried {
            end(child);
            return Err(why);
        }
        let ended = if done { None } else { farewell(&mut child) };
        if done || ended.is_some() {
            reap(child)
        } else {
            end(child)
        }
        let mut log = lock(&log);
        log.refresh();
        let complaint = String::from_utf8_lossy(&complaint);
        if log.stage != Stage::Run {
            return Err(log.failure(&complaint));
        }
        if ended == Some(255) && !log.has_status {
            let why = log.failure(&complaint);
            return Err(TransportError::new(
                Stage::Run,
                format!("the connection broke while the command ran: {}", why.reason),
            ));
        }
        Ok(Visit {
            user: log.user.clone().unwrap_or(target.user),
            login: log.login.unwrap_or(Login::PublicKey),
            host_key: log.host_key(),
            asked_at: follow.asked_at,
        })
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exit status of an ssh whose streams have ended; `None` where it does not end.
fn farewell(child: &mut Child) -> Option<i32> {
    let asked = Instant::now();
    while asked.elapsed() < FAREWELL {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.code().unwrap_or(255)),
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => return None,
        }
    }
    None
}

/// Follows the log until the login, for each part of the way has its own time.
struct Follow<'a> {
    log: &'a Mutex<Log>,
    visit: VisitEnd,
    limits: super::Timeouts,
    stage: Stage,
    deadline: Deadline,
    through_another: bool,
    /// When ssh was last seen not to be logged in: what the host says after was written after.
    asked_at: SystemTime,
}

impl<'a> Follow<'a> {
    fn new(options: &Options, log: &'a Mutex<Log>) -> Self {
        let limits = options.timeouts;
        let visit = VisitEnd::within(limits.host);
        // ssh keeps to its ConnectTimeout by itself, but for finding the address.
        let deadline = visit.stage(Stage::Connect, limits.connect * 2);
        let asked_at = SystemTime::now();
        Follow { log, visit, limits, stage: Stage::Connect, deadline, through_another: false, asked_at }
    }
}

impl Watch for Follow<'_> {
    fn prolong(&mut self, by: Duration) {
        self.deadline.prolong(by);
    }

    fn left(&mut self) -> Result<Duration, TransportError> {
        if self.stage == Stage::Run {
            return self.deadline.left();
        }
        let before = SystemTime::now();
        let mut log = lock(self.log);
        log.refresh();
        if log.through_another && !self.through_another {
            // Its own connection and login come before ours.
            self.through_another = true;
            let hop = self.limits.connect * 2 + self.limits.authenticate;
            self.visit.extend(hop);
            self.deadline = self.visit.stage(Stage::Connect, self.limits.connect * 2 + hop);
        }
        if log.stage != self.stage {
            self.stage = log.stage;
            self.deadline = match self.stage {
                Stage::Run => self.visit.stage(self.stage, self.limits.run),
                Stage::Authenticate => self.visit.stage(self.stage, self.limits.authenticate),
                // Behind a command the greeting is waited for from the start.
                _ if self.through_another => {
                    self.visit.stage(self.stage, self.limits.connect + self.limits.host)
                }
                _ => self.deadline.shared_by(self.stage),
            };
        }
        if self.stage == Stage::Run {
            return self.deadline.left();
        }
        self.asked_at = before;
        Ok(self.deadline.left()?.min(GLANCE))
    }
}

/// Keeps what ssh itself says on stderr from the conversation.
struct Listener<'a> {
    inner: &'a mut dyn Conversation,
    log: &'a Mutex<Log>,
    complaint: Vec<u8>,
    done: bool,
}

impl Conversation for Listener<'_> {
    fn begin(&mut self) -> Beginning {
        self.inner.begin()
    }

    fn heard(&mut self, bytes: &[u8], at: SystemTime) -> Reply {
        let reply = self.inner.heard(bytes, at);
        self.done |= reply == Reply::Done;
        reply
    }

    fn more_time(&mut self) -> Duration {
        self.inner.more_time()
    }

    fn heard_error(&mut self, bytes: &[u8]) -> Reply {
        let mut log = lock(self.log);
        log.refresh();
        if log.stage == Stage::Run {
            drop(log);
            let reply = self.inner.heard_error(bytes);
            self.done |= reply == Reply::Done;
            return reply;
        }
        let room = COMPLAINT.saturating_sub(self.complaint.len());
        self.complaint.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Reply::Listen
    }
}
