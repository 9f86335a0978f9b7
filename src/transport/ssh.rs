//! Reaching hosts by SSH with libssh2: one connection, one channel, one command.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rayon::prelude::*;
use ssh2::MethodType;

use super::agent::Agent;
use super::configs::Configs;
use super::deadline::{Deadline, VisitEnd};
use super::driver::{Driver, Halt, code, code_of};
use super::gate::Gates;
use super::host_key::{self, Accepted};
use super::identity::{Identity, public_key};
use super::known_hosts::KnownHosts;
use super::link::Link;
use super::login::{Credentials, log_in};
use super::proxy_command::ProxyCommand;
use super::target::{AgentChoice, Proxy, Target};
use super::{Conversation, Login, Options, Stage, Transport, TransportError, Visit, dialogue, jump, socket};
use crate::inventory::Host;

/// Every cipher that OpenSSH's servers offer by default. AES-GCM first: OpenSSL has processors do it, while libssh2's
/// ChaCha20 is plain C, a twentieth of a visit's time, and open to Terrapin (CVE-2023-48795) on servers without strict kex.
const CIPHERS: &str = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                       aes256-ctr,aes192-ctr,aes128-ctr";

/// A key file, or why it cannot be used.
type KeyFile = Result<Arc<Identity>, String>;

/// SSH, with what all hosts share read once: ssh_config, known_hosts, key files, the agent's list.
pub struct Ssh {
    options: Options,
    configs: Configs,
    known_hosts: Mutex<HashMap<Vec<PathBuf>, Arc<KnownHosts>>>,
    default_keys: Vec<(PathBuf, KeyFile)>,
    configured_keys: Mutex<HashMap<PathBuf, KeyFile>>,
    agents: Mutex<HashMap<PathBuf, Arc<Agent>>>,
    gates: Gates,
}

/// A connection that is logged in.
struct Arrived {
    driver: Driver,
    accepted: Accepted,
    login: Login,
    end: VisitEnd,
    /// The command that carries it, ended with it.
    _command: Option<ProxyCommand>,
}

impl Ssh {
    /// Reads the default key files. What is wrong with one is told by the hosts that need it.
    pub fn new(options: Options) -> Self {
        Ssh {
            configs: Configs::new(options.config.clone()),
            known_hosts: Mutex::default(),
            default_keys: options
                .default_keys
                .iter()
                .filter(|path| path.exists())
                .map(|path| (path.clone(), Identity::read(path).map(Arc::new)))
                .collect(),
            configured_keys: Mutex::default(),
            agents: Mutex::default(),
            gates: Gates::default(),
            options,
        }
    }

    /// What of the user's and the inventory's SSH settings libssh2 cannot obey, once for all hosts.
    pub fn warnings(&self, hosts: &[Host]) -> Vec<String> {
        let remote = hosts.par_iter().filter(|host| !host.connection.local);
        let notes = remote.flat_map_iter(|host| {
            let target = self.configs.target(&self.options, &host.connection).ok();
            let notes =
                |target: Target| target.all_notes().into_iter().map(str::to_owned).collect::<Vec<_>>();
            target.map(notes).unwrap_or_default()
        });
        let mut warnings: Vec<String> = Vec::new();
        for note in notes.collect::<Vec<_>>() {
            if !warnings.contains(&note) {
                warnings.push(note);
            }
        }
        warnings
    }

    /// Connects, over all that stands between, and logs in.
    fn arrive(&self, target: &Target, mut end: VisitEnd) -> Result<Arrived, TransportError> {
        let mut command = None;
        let mut opening = end.stage(Stage::Connect, target.connect);
        let link = match &target.proxy {
            Proxy::None => Link::Tcp(socket::connect(&target.address, target.port, &opening)?),
            Proxy::Jump(hop) => {
                let (stream, later) = self.jump(hop, target, end).map_err(|why| at_hop(hop, why))?;
                (end, opening) = (later.visit(), later);
                Link::Pair(stream)
            }
            Proxy::Command(text) => {
                let (stream, started) = ProxyCommand::start(text)?;
                command = Some(started);
                Link::Pair(stream)
            }
        };
        let mut driver =
            Driver::new(link).map_err(|why| TransportError::new(Stage::Handshake, why.to_string()))?;
        let mut deadline = end.stage(Stage::Authenticate, self.options.timeouts.authenticate);
        let handshake = opening.shared_by(Stage::Handshake);
        let login = self.shake_hands(&mut driver, &handshake, target).and_then(|accepted| {
            deadline = end.stage(Stage::Authenticate, self.options.timeouts.authenticate);
            let login = self.log_in(&mut driver, &mut deadline, target, &accepted)?;
            driver.relay().logged_in();
            Ok((accepted, login))
        });
        match login {
            Ok((accepted, login)) => {
                Ok(Arrived { driver, accepted, login, end: deadline.visit(), _command: command })
            }
            Err(why) => Err(on_the_way(target, command, why)),
        }
    }

    /// Our end of a connection that a jump host opened to the next one, and what time that leaves for the next one's handshake.
    fn jump(
        &self,
        hop: &Target,
        next: &Target,
        end: VisitEnd,
    ) -> Result<(UnixStream, Deadline), TransportError> {
        let limits = &self.options.timeouts;
        let turn = end.stage(Stage::Connect, limits.host);
        let asked = Instant::now();
        let arrived = self.gates.of(hop.key()).pass(&turn, || {
            // Waiting for others does not count as the host's time.
            let mut end = end;
            end.extend(asked.elapsed());
            self.arrive(hop, end)
        })?;
        let opening = arrived.end.stage(Stage::Connect, next.connect);
        let stream = jump::through(arrived.driver, arrived._command, &opening, &next.address, next.port)?;
        Ok((stream, opening))
    }

    fn shake_hands(
        &self,
        driver: &mut Driver,
        deadline: &Deadline,
        target: &Target,
    ) -> Result<Accepted, TransportError> {
        let known_hosts = self.known_hosts(&target.known_hosts);
        let (name, port) = &target.known_as;
        let entries = known_hosts.of(name, *port);
        // What libssh2 does not know of a list is passed over by it.
        let _ = driver.session().method_pref(MethodType::CryptCs, CIPHERS);
        let _ = driver.session().method_pref(MethodType::CryptSc, CIPHERS);
        let _ = driver.session().method_pref(MethodType::HostKey, &entries.preference());
        driver.finish(deadline, |session| session.handshake()).map_err(no_handshake)?;
        match driver.session().host_key() {
            Some((key, _)) => {
                host_key::judge(&known_hosts, &entries, &target.address, target.port, target.policy, key)
            }
            None => Err(TransportError::new(Stage::HostKey, "the host showed no key")),
        }
    }

    fn log_in(
        &self,
        driver: &mut Driver,
        deadline: &mut Deadline,
        target: &Target,
        accepted: &Accepted,
    ) -> Result<Login, TransportError> {
        let agent = self.agent(&target.agent);
        let credentials = Credentials {
            user: &target.user,
            agent: agent.as_deref(),
            identities: &self.keys(target),
            public_keys: &target
                .identities
                .iter()
                .filter_map(|path| self.public_key(path))
                .collect::<Vec<_>>(),
            identities_only: target.identities_only,
            password: target.password.as_ref(),
            trusted_with_password: accepted.trusted_with_password,
            ask: &self.options.passphrase,
        };
        log_in(driver, deadline, &credentials)
    }

    fn known_hosts(&self, files: &[PathBuf]) -> Arc<KnownHosts> {
        let mut read = self.known_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(files) {
            return Arc::clone(known);
        }
        let known = Arc::new(KnownHosts::read(files.to_vec()));
        read.insert(files.to_vec(), Arc::clone(&known));
        known
    }

    fn agent(&self, choice: &AgentChoice) -> Option<Arc<Agent>> {
        let socket = match choice {
            AgentChoice::None => return None,
            AgentChoice::Default => self.options.agent.clone()?,
            AgentChoice::At(socket) => socket.clone(),
        };
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(agents.entry(socket.clone()).or_insert_with(|| Arc::new(Agent::new(socket)))))
    }

    /// The key files that are named for a host, else the defaults.
    fn keys(&self, target: &Target) -> Vec<(PathBuf, KeyFile)> {
        if target.identities.is_empty() {
            return self.default_keys.clone();
        }
        target.identities.iter().map(|path| (path.clone(), self.configured_key(path))).collect()
    }

    /// The public half of a key whose private one only an agent has.
    fn public_key(&self, path: &Path) -> Option<Vec<u8>> {
        self.configured_key(path).is_err().then(|| public_key(path)).flatten()
    }

    fn configured_key(&self, path: &Path) -> KeyFile {
        let mut keys = self.configured_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(path) {
            return key.clone();
        }
        let key = Identity::read(path).map(Arc::new);
        keys.insert(path.to_owned(), key.clone());
        key
    }
}

impl Transport for Ssh {
    fn run(&self, host: &Host, conversation: &mut dyn Conversation) -> Result<Visit, TransportError> {
        let target = self.configs.target(&self.options, &host.connection)?;
        let limits = &self.options.timeouts;
        let hop = limits.connect + limits.authenticate;
        let end = VisitEnd::within(limits.host + hop * target.hops());
        let mut arrived = self.arrive(&target, end)?;
        if !arrived.accepted.trusted_with_password {
            conversation.distrust();
        }
        let deadline = arrived.end.stage(Stage::Run, limits.run);
        let asked_at = dialogue::carry(&mut arrived.driver, &deadline, conversation)?;
        let host_key = Some(arrived.accepted.key);
        Ok(Visit { user: target.user, login: arrived.login, host_key, asked_at })
    }
}

/// An error on a jump host names it.
fn at_hop(hop: &Target, why: TransportError) -> TransportError {
    TransportError::new(why.stage, format!("jump host {}: {}", hop.label(), why.reason))
}

/// An error behind a jump host or a command tells of it.
fn on_the_way(target: &Target, command: Option<ProxyCommand>, why: TransportError) -> TransportError {
    match (&target.proxy, command) {
        (Proxy::Jump(hop), _) => {
            let scan = match why.stage {
                Stage::HostKey => "; ssh-keyscan sees it from there only",
                _ => "",
            };
            TransportError::new(
                why.stage,
                format!("{} (through jump host {}){scan}", why.reason, hop.label()),
            )
        }
        (_, Some(mut command)) if why.stage == Stage::Handshake => {
            // Before SSH is up, a command that ended has not connected.
            let stage = if command.has_ended() { Stage::Connect } else { why.stage };
            let complaint = command.complaint();
            let said = complaint.map_or_else(|| "says nothing".to_owned(), |text| format!("says: {text}"));
            TransportError::new(stage, format!("its ProxyCommand {said} ({})", why.reason))
        }
        (_, Some(_)) => TransportError::new(why.stage, format!("{} (through its ProxyCommand)", why.reason)),
        _ => why,
    }
}

fn no_handshake(halt: Halt) -> TransportError {
    let why = match halt {
        Halt::Late(late) => return late,
        Halt::Failed(why) => why,
    };
    let reason = match code_of(&why) {
        code::BANNER_RECV => {
            format!("no SSH greeting came ({}): does sshd listen on this port?", why.message())
        }
        code::SOCKET_DISCONNECT | code::SOCKET_RECV | code::SOCKET_SEND => format!(
            "the connection was closed before SSH was up ({}): sshd may refuse this address or be overloaded \
             (MaxStartups), or something else listens on this port",
            why.message()
        ),
        code::KEX_FAILURE | code::KEY_EXCHANGE_FAILURE => format!(
            "key exchange failed ({}): the server hung up midway, or allows only algorithms that libssh2 \
             lacks (then use --transport openssh)",
            why.message()
        ),
        _ => why.message().to_owned(),
    };
    TransportError::new(Stage::Handshake, reason)
}
