//! Reaching hosts by SSH with libssh2: one connection, one channel, one command.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ssh2::MethodType;

use super::account::login_name;
use super::agent::Agent;
use super::deadline::VisitEnd;
use super::driver::{Driver, Halt, code, code_of};
use super::host_key::{self, Accepted};
use super::identity::Identity;
use super::known_hosts::KnownHosts;
use super::login::{Credentials, log_in};
use super::{Conversation, Options, Stage, Transport, TransportError, Visit, dialogue, socket};
use crate::inventory::{Connection, Host};

/// Every cipher that OpenSSH's servers offer by default. AES-GCM first: OpenSSL has processors do it, while libssh2's
/// ChaCha20 is plain C, a twentieth of a visit's time, and open to Terrapin (CVE-2023-48795) on servers without strict kex.
const CIPHERS: &str = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                       aes256-ctr,aes192-ctr,aes128-ctr";

/// A key file, or why it cannot be used.
type KeyFile = Result<Arc<Identity>, String>;

/// SSH, with what all hosts share read once: known_hosts, key files, the agent's list.
pub struct Ssh {
    options: Options,
    user: String,
    known_hosts: KnownHosts,
    default_keys: Vec<(PathBuf, KeyFile)>,
    configured_keys: Mutex<HashMap<PathBuf, KeyFile>>,
    agent: Option<Agent>,
}

impl Ssh {
    /// Reads known_hosts and the default key files. What is wrong with one is told by the hosts that
    /// need it.
    pub fn new(mut options: Options) -> Self {
        let default_keys =
            if options.private_key.is_some() { Vec::new() } else { options.default_keys.clone() };
        Ssh {
            user: options.user.take().unwrap_or_else(login_name),
            known_hosts: KnownHosts::read(std::mem::take(&mut options.known_hosts)),
            default_keys: default_keys
                .into_iter()
                .filter(|path| path.exists())
                .map(|path| (path.clone(), Identity::read(&path).map(Arc::new)))
                .collect(),
            configured_keys: Mutex::default(),
            agent: options.agent.take().map(Agent::new),
            options,
        }
    }

    fn shake_hands(
        &self,
        driver: &mut Driver,
        end: &VisitEnd,
        connection: &Connection,
    ) -> Result<Accepted, TransportError> {
        let entries = self.known_hosts.of(&connection.address, connection.port);
        // What libssh2 does not know of a list is passed over by it.
        let _ = driver.session().method_pref(MethodType::CryptCs, CIPHERS);
        let _ = driver.session().method_pref(MethodType::CryptSc, CIPHERS);
        let _ = driver.session().method_pref(MethodType::HostKey, &entries.preference());
        let deadline = end.stage(Stage::Handshake, self.options.timeouts.handshake);
        driver.finish(&deadline, |session| session.handshake()).map_err(no_handshake)?;
        let policy = (self.options.host_key_checking)
            .or(connection.host_key_checking)
            .unwrap_or(self.options.default_host_key_checking);
        match driver.session().host_key() {
            Some((key, _)) => host_key::judge(
                &self.known_hosts,
                &entries,
                &connection.address,
                connection.port,
                policy,
                key,
            ),
            None => Err(TransportError::new(Stage::HostKey, "the host showed no key")),
        }
    }

    /// The key files for a host: its own or the flag's alone, else the defaults.
    fn keys(&self, connection: &Connection) -> Vec<(PathBuf, KeyFile)> {
        match connection.private_key.as_ref().or(self.options.private_key.as_ref()) {
            Some(path) => vec![(path.clone(), self.configured_key(path))],
            None => self.default_keys.clone(),
        }
    }

    fn configured_key(&self, path: &Path) -> KeyFile {
        let mut keys = self.configured_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(path) {
            return key.clone();
        }
        let key = Identity::read(&at_home(path)).map(Arc::new);
        keys.insert(path.to_owned(), key.clone());
        key
    }
}

impl Transport for Ssh {
    fn run(&self, host: &Host, conversation: &mut dyn Conversation) -> Result<Visit, TransportError> {
        let connection = &host.connection;
        let timeouts = &self.options.timeouts;
        let end = VisitEnd::within(timeouts.host);
        let stream = socket::connect(&connection.address, connection.port, &end, timeouts)?;
        let mut driver =
            Driver::new(stream).map_err(|why| TransportError::new(Stage::Handshake, why.message()))?;
        let accepted = self.shake_hands(&mut driver, &end, connection)?;

        let user = connection.user.as_deref().unwrap_or(&self.user);
        let mut deadline = end.stage(Stage::Authenticate, timeouts.authenticate);
        let credentials = Credentials {
            user,
            agent: self.agent.as_ref(),
            identities: &self.keys(connection),
            password: connection.password.as_ref().or(self.options.password.as_ref()),
            trusted_with_password: accepted.trusted_with_password,
            ask: &self.options.passphrase,
        };
        let login = log_in(&mut driver, &mut deadline, &credentials)?;

        if !accepted.trusted_with_password {
            conversation.distrust();
        }
        let deadline = deadline.visit().stage(Stage::Run, timeouts.run);
        let asked_at = dialogue::carry(&mut driver, &deadline, conversation)?;
        Ok(Visit { user: user.to_owned(), login, host_key: Some(accepted.key), asked_at })
    }
}

/// `~/…` as Ansible takes it.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
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
