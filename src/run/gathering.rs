//! From a cluster to its records: passwords are asked, transports built, hosts visited.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use rayon::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::cluster::Cluster;
use super::errand::{Common, Peers};
use super::error::RunError;
use super::sweep::{Call, Swept, Transports, sweep};
use super::{interrupt, terminal};
use crate::cli::{HostKeyPolicy, TargetArgs, TransportKind};
use crate::facts::{self, HostRecord};
use crate::gather::{self, Errand};
use crate::inventory::{AnsibleConfig, Host, HostKeyChecking};
use crate::role::Role;
use crate::transport::{Local, OpenSsh, Options, Ssh, Timeouts, Transport};
use crate::{escape, redact};

/// Hosts at a time, where nobody says.
const FORKS: u16 = 192;
/// Seconds for a connection to open, SSH's handshake included, where nobody says.
const TIMEOUT: u16 = 10;

/// Visits every host of the cluster; `worker` makes what takes each one's record, and its answer as it came.
pub(super) fn gather_all<T: Send, W: FnMut(HostRecord, Option<Bytes>) -> T>(
    cluster: &Cluster,
    args: &TargetArgs,
    common: &Common,
    worker: impl Fn() -> W + Sync,
) -> Result<Swept<T>, RunError> {
    Reach::new(cluster, args)?.gather(&cluster.hosts, common, worker)
}

/// How the hosts of a cluster are reached in one run, as often as they have to be. Passwords are asked once.
pub(super) struct Reach<'r> {
    cluster: &'r Cluster,
    args: &'r TargetArgs,
    login_password: Option<SecretString>,
    become_password: Option<SecretString>,
    interrupted: Arc<AtomicBool>,
    /// For short visits; made when the first is.
    transports: OnceLock<Arc<Transports>>,
}

impl<'r> Reach<'r> {
    /// Asks for the passwords that flags want, and listens for Ctrl-C from now on.
    pub(super) fn new(cluster: &'r Cluster, args: &'r TargetArgs) -> Result<Self, RunError> {
        let login_password = ask(args.ask_pass, "SSH password: ")?;
        let become_prompt = match login_password {
            Some(_) => "BECOME password [defaults to SSH password]: ",
            None => "BECOME password: ",
        };
        let become_password = match ask(args.ask_become_pass, become_prompt)? {
            Some(empty) if empty.expose_secret().is_empty() => login_password.clone(),
            other => other,
        };
        let interrupted = interrupt::listen()
            .map_err(|error| RunError::Internal(format!("Ctrl-C cannot be caught: {error}")))?;
        let transports = OnceLock::new();
        Ok(Reach { cluster, args, login_password, become_password, interrupted, transports })
    }

    /// Visits these of the cluster's hosts.
    pub(super) fn gather<T: Send, W: FnMut(HostRecord, Option<Bytes>) -> T>(
        &self,
        hosts: &[Host],
        common: &Common,
        worker: impl Fn() -> W + Sync,
    ) -> Result<Swept<T>, RunError> {
        let peers = Peers::among(&self.cluster.hosts);
        let calls: Vec<Call> = hosts
            .par_iter()
            .map(|host| Call {
                host: host.clone(),
                errand: common.of(host, &peers, &self.cluster.told(host)),
                variables: self.cluster.variables.get(&host.name).cloned().unwrap_or_default(),
                control_node: self
                    .cluster
                    .control_node
                    .clone()
                    .filter(|_| host.connection.local && host.roles.contains(&Role::Devbox)),
                sudo_password: self.sudo_password(host),
                refused: self.refusal(host),
            })
            .collect();
        let transports = match self.transports.get() {
            Some(transports) => Arc::clone(transports),
            None => {
                let made = Arc::new(self.within(conversation_limit(&calls))?);
                Arc::clone(self.transports.get_or_init(|| made))
            }
        };
        sweep(calls, transports, self.forks(), &self.interrupted, worker)
    }

    /// The ways to reach hosts, for conversations that end within `limit`.
    ///
    /// # Errors
    /// When the system's `ssh` is wanted and is not there.
    pub(super) fn within(&self, limit: Duration) -> Result<Transports, RunError> {
        let options = options(self.args, &self.cluster.config, self.login_password.clone(), limit);
        let remote: Box<dyn Transport + Send + Sync> = match self.args.transport {
            TransportKind::Ssh2 => {
                let ssh = Ssh::new(options);
                let warnings = match self.transports.get() {
                    Some(_) => Vec::new(), // told when the first were made
                    None => ssh.warnings(&self.cluster.hosts),
                };
                for warning in warnings {
                    terminal::note(&format!("airworthy: warning: {warning}"));
                }
                Box::new(ssh)
            }
            TransportKind::Openssh => {
                let ssh = OpenSsh::new(options).map_err(|why| RunError::flag("--transport", why.reason))?;
                Box::new(ssh)
            }
        };
        Ok(Transports { local: Box::new(Local::new(limit)), remote })
    }

    /// What sudo on this host may be told.
    pub(super) fn sudo_password(&self, host: &Host) -> Option<SecretString> {
        sudo_password(host, self.cluster, self.become_password.as_ref())
    }

    /// Why a host must not be visited, where it must not.
    pub(super) fn refusal(&self, host: &Host) -> Option<String> {
        refusal(host, self.args)
    }

    /// Whether the run was interrupted.
    pub(super) fn is_interrupted(&self) -> bool {
        interrupt::notice(&self.interrupted)
    }

    /// How many hosts at a time.
    pub(super) fn forks(&self) -> usize {
        usize::from(self.args.forks.or(self.cluster.config.forks).unwrap_or(FORKS))
    }
}

/// `-K` before the inventory's own.
fn sudo_password(host: &Host, cluster: &Cluster, asked: Option<&SecretString>) -> Option<SecretString> {
    let known = match host.connection.local {
        true => host.connection.become_password.as_ref().or(cluster.devbox_password.as_ref()),
        false => host.connection.become_password.as_ref(),
    };
    asked.or(known).cloned()
}

fn conversation_limit(calls: &[Call]) -> Duration {
    let probes = facts::host::probes();
    let longest = calls.iter().map(|call| gather::conversation_limit(&probes, &call.errand)).max();
    longest.unwrap_or_else(|| gather::conversation_limit(&probes, &Errand::default()))
}

/// Why a host is not visited: what the inventory cannot tell. A password that is asked for takes the place of one that
/// is not known.
fn refusal(host: &Host, args: &TargetArgs) -> Option<String> {
    let replaced = |name: &str| match name {
        "ansible_become_password" | "ansible_become_pass" | "ansible_sudo_pass" => args.ask_become_pass,
        "ansible_password" | "ansible_ssh_pass" | "ansible_ssh_password" => args.ask_pass,
        _ => false,
    };
    let missing = host.connection.unresolved.iter().filter(|variable| !replaced(&variable.name));
    let reasons: Vec<String> = missing.map(ToString::to_string).collect();
    (!reasons.is_empty()).then(|| format!("not visited: {}", reasons.join("; ")))
}

fn options(
    args: &TargetArgs,
    config: &AnsibleConfig,
    password: Option<SecretString>,
    limit: Duration,
) -> Options {
    let connect = Duration::from_secs(u64::from(args.timeout.or(config.timeout).unwrap_or(TIMEOUT)));
    let environment = Options::from_environment();
    let timeouts = Timeouts { connect, run: limit, ..Timeouts::default() };
    let stages = timeouts.connect * 2 + timeouts.authenticate + timeouts.run;
    Options {
        user: args.user.clone().or_else(|| config.remote_user.clone()),
        private_key: args.private_key.clone().or_else(|| config.private_key_file.clone()),
        password,
        host_key_checking: args.host_key_checking.map(|policy| match policy {
            HostKeyPolicy::Strict => HostKeyChecking::Strict,
            HostKeyPolicy::AcceptNew => HostKeyChecking::AcceptNew,
            HostKeyPolicy::Off => HostKeyChecking::Off,
        }),
        default_host_key_checking: match config.host_key_checking {
            Some(false) => HostKeyChecking::Off,
            Some(true) | None => environment.default_host_key_checking,
        },
        passphrase: passphrases(),
        timeouts: Timeouts { host: stages, ..timeouts },
        ..environment
    }
}

/// Asks on the terminal, one key at a time; nobody is asked where there is none.
fn passphrases() -> crate::transport::AskPassphrase {
    let one_at_a_time = Mutex::new(());
    Box::new(move |key: &Path| {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let _guard = one_at_a_time.lock();
        let name = escape::line(&key.display().to_string());
        let answer = rpassword::prompt_password(format!("Enter passphrase for key '{name}': ")).ok()?;
        redact::remember(&answer);
        Some(SecretString::from(answer))
    })
}

/// Asks for a password without echo, where a flag wants it.
fn ask(wanted: bool, prompt: &str) -> Result<Option<SecretString>, RunError> {
    if !wanted {
        return Ok(None);
    }
    let answer = rpassword::prompt_password(prompt)
        .map_err(|error| RunError::Internal(format!("no password could be asked for: {error}")))?;
    if answer.contains(['\n', '\0']) {
        return Err(RunError::Internal("a password cannot hold a line end".to_owned()));
    }
    redact::remember(&answer);
    Ok(Some(SecretString::from(answer)))
}
