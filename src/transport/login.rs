//! Logging in: nothing, the agent's keys, key files, and a password as the last resort.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use secrecy::{ExposeSecret, SecretString};
use ssh2::KeyboardInteractivePrompt;

use super::agent::{Agent, AgentKey};
use super::deadline::Deadline;
use super::driver::{Driver, Halt, code, code_of};
use super::identity::Identity;
use super::options::AskPassphrase;
use super::peer_text::if_utf8;
use super::tried::{Tried, failed, lost};
use super::{Login, TransportError};

/// sshd's MaxAuthTries is 6 by default, and the last is kept for the password: after the sixth failure
/// the server hangs up without saying why.
const MOST_KEYS: usize = 5;

/// How many of those attempts are kept from the agent for key files that it does not hold.
const KEPT_FOR_FILES: usize = 2;

/// How often one login may ask for the password in a dialogue, as OpenSSH's `NumberOfPasswordPrompts` has it. A server of several
/// steps asks twice at the most.
const MOST_ANSWERS: usize = 3;

/// What one host may be shown.
pub(super) struct Credentials<'a> {
    /// Who logs in.
    pub(super) user: &'a str,
    /// The agent, where there is one.
    pub(super) agent: Option<&'a Agent>,
    /// The key files in their order, and why one could not be read.
    pub(super) identities: &'a [(PathBuf, Result<Arc<Identity>, String>)],
    /// The keys that files name without holding them: an agent may.
    pub(super) public_keys: &'a [Vec<u8>],
    /// Of the agent's keys only those of the files are shown.
    pub(super) identities_only: bool,
    /// The last resort.
    pub(super) password: Option<&'a SecretString>,
    /// Whether the host's key allows showing a password.
    pub(super) trusted_with_password: bool,
    /// Asks for the passphrase of a key file.
    pub(super) ask: &'a AskPassphrase,
}

/// Logs in by the first way that works.
pub(super) fn log_in(
    driver: &mut Driver,
    deadline: &mut Deadline,
    credentials: &Credentials<'_>,
) -> Result<Login, TransportError> {
    let mut attempt = Attempt {
        driver,
        deadline,
        credentials,
        tried: Tried::default(),
        keys_left: MOST_KEYS,
        refused: Vec::new(),
    };
    let keys_alone = attempt.has_keys_alone();
    if !keys_alone && attempt.nothing()? {
        return Ok(Login::None);
    }
    if keys_alone || attempt.tried.offers("publickey") {
        if attempt.agent()? {
            return Ok(Login::Agent);
        }
        if attempt.files()? {
            return Ok(Login::PublicKey);
        }
    }
    if keys_alone && attempt.tried.offered.is_none() && attempt.nothing()? {
        return Ok(Login::None);
    }
    if attempt.password()? {
        Ok(Login::Password)
    } else {
        Err(attempt.tried.denied(credentials.user, credentials.password.is_some()))
    }
}

/// One login on its way.
struct Attempt<'a, 'd> {
    driver: &'d mut Driver,
    deadline: &'d mut Deadline,
    credentials: &'a Credentials<'a>,
    tried: Tried,
    keys_left: usize,
    /// Public keys that the server does not take; the same key from a file is not offered again.
    refused: Vec<Vec<u8>>,
}

impl Attempt<'_, '_> {
    /// Whether a few keys are all there is to show, and nobody has to be asked for a passphrase. Then the methods need not be
    /// asked for before them: nearly every host takes the first key, and asking is a round trip. Before anything else they
    /// are asked for at once, for behind a refused key that counts as an attempt itself, and a hardened host grants two.
    fn has_keys_alone(&mut self) -> bool {
        let asked = Instant::now();
        let held = self.credentials.agent.and_then(|agent| agent.keys().ok()).unwrap_or_default();
        self.deadline.extend(asked.elapsed());
        let keys = self.agent_order(held).len() + self.only_files(held);
        let mut files = self.credentials.identities.iter().filter_map(|(_, key)| key.as_ref().ok());
        self.credentials.password.is_none()
            && (1..MOST_KEYS).contains(&keys)
            && !files.any(|key| key.encrypted())
    }

    /// Asks with method `none`, which tells the methods that can work.
    fn nothing(&mut self) -> Result<bool, TransportError> {
        let user = self.credentials.user;
        let methods = self.driver.finish(self.deadline, |session| {
            // A list that is not UTF-8 must not cost the other hosts.
            if_utf8(|| session.auth_methods(user).map(str::to_owned)).unwrap_or_else(|| Ok(String::new()))
        });
        self.tried.offered = match methods {
            Ok(methods) => Some(methods),
            Err(Halt::Late(late)) => return Err(late),
            // Behind refused keys that is its last word on them: this request was one too many.
            Err(Halt::Failed(_)) if self.keys_left < MOST_KEYS => None,
            Err(Halt::Failed(why)) => return Err(self.tried.hung_up(self.credentials.user, &why)),
        };
        Ok(self.driver.session().authenticated())
    }

    /// The agent's keys one by one: libssh2's own helper tries only the first.
    fn agent(&mut self) -> Result<bool, TransportError> {
        let Some(agent) = self.credentials.agent else { return Ok(false) };
        let asked = Instant::now();
        let keys = agent.keys();
        self.deadline.extend(asked.elapsed());
        let held = match keys {
            Ok(held) => held,
            Err(why) => {
                self.tried.note(format!("agent ({why})"));
                return Ok(false);
            }
        };
        let order = self.agent_order(held);
        if order.is_empty() {
            let reason =
                if held.is_empty() { "holds no key" } else { "IdentitiesOnly: holds none of the files'" };
            self.tried.note(format!("agent ({reason})"));
            return Ok(false);
        }
        let (client, identities) = match open(self.driver, agent) {
            Ok(open) => open,
            Err(why) => {
                self.tried.note(format!("agent ({})", why.message()));
                return Ok(false);
            }
        };
        let mut offered = 0;
        for key in &order {
            let Some(identity) = identities.iter().find(|identity| identity.blob() == key.blob) else {
                continue;
            };
            offered += 1;
            let user = self.credentials.user;
            let result = self.driver.finish(self.deadline, |_| client.userauth(user, identity));
            if self.was_taken(result, Some(&key.blob))?.is_ok() {
                return Ok(true);
            }
            if self.tried.is_half_in {
                self.tried.note(format!("a key of the agent's ({TAKEN})"));
                return Ok(false);
            }
        }
        let left_out = held.len() - offered;
        let note =
            if left_out > 0 { format!(", {left_out} left out: the server cuts off") } else { String::new() };
        self.tried.note(format!("agent ({offered} key{}{note})", if offered == 1 { "" } else { "s" }));
        Ok(false)
    }

    /// The agent's keys in the order of trying, configured ones first, and no more than leave an
    /// attempt for key files that only exist as files.
    fn agent_order<'k>(&self, held: &'k [AgentKey]) -> Vec<&'k AgentKey> {
        let files = self.credentials.identities.iter().filter_map(|(_, key)| key.as_ref().ok()?.blob());
        let configured: Vec<&[u8]> =
            files.chain(self.credentials.public_keys.iter().map(Vec::as_slice)).collect();
        let (mut order, others): (Vec<_>, Vec<_>) =
            held.iter().partition(|key| configured.contains(&key.blob.as_slice()));
        if !self.credentials.identities_only {
            order.extend(others);
        }
        order.truncate(MOST_KEYS - self.only_files(held).min(KEPT_FOR_FILES));
        order
    }

    /// How many key files the agent does not hold.
    fn only_files(&self, held: &[AgentKey]) -> usize {
        let files = self.credentials.identities.iter().filter_map(|(_, key)| key.as_ref().ok());
        files.filter(|key| !held.iter().any(|held| key.blob() == Some(&held.blob))).count()
    }

    fn files(&mut self) -> Result<bool, TransportError> {
        for (path, identity) in self.credentials.identities {
            if self.tried.is_half_in {
                break;
            }
            let name = path.display();
            let identity = match identity {
                Ok(identity) => identity,
                Err(why) => {
                    self.tried.note(format!("{name} ({why})"));
                    continue;
                }
            };
            if identity.blob().is_some_and(|blob| self.refused.iter().any(|refused| refused == blob)) {
                self.tried.note(format!("{name} (as the agent's)"));
                continue;
            }
            if self.keys_left == 0 {
                self.tried.note(format!("{name} (left out: after {MOST_KEYS} keys the server cuts off)"));
                continue;
            }
            let asked = Instant::now();
            let passphrase = identity.passphrase(self.credentials.ask);
            self.deadline.extend(asked.elapsed());
            if identity.encrypted() && passphrase.is_none() {
                self.tried.note(format!("{name} (encrypted, and no passphrase was given: ssh-add it)"));
                continue;
            }
            let user = self.credentials.user;
            let result = self.driver.finish(self.deadline, |session| {
                session.userauth_pubkey_memory(user, identity.public(), identity.private(), passphrase)
            });
            match self.was_taken(result, identity.blob())? {
                Ok(()) => return Ok(true),
                Err(why) if why == REFUSED && has_certificate(path) => {
                    self.tried
                        .note(format!("{name} (without its certificate: that takes --transport openssh)"));
                }
                Err(why) if why == REFUSED => self.tried.note(name.to_string()),
                Err(why) if why == TAKEN => self.tried.note(format!("{name} ({why})")),
                Err(_) if identity.encrypted() => {
                    self.tried.note(format!("{name} (is the passphrase right?)"))
                }
                Err(why) => self.tried.note(format!("{name} ({why})")),
            }
        }
        Ok(false)
    }

    /// Sorts the outcome of offering a key; the inner error says why it did not help.
    fn was_taken(
        &mut self,
        result: Result<(), Halt>,
        blob: Option<&[u8]>,
    ) -> Result<Result<(), String>, TransportError> {
        self.keys_left = self.keys_left.saturating_sub(1);
        match result {
            Ok(()) => Ok(Ok(())),
            Err(Halt::Late(late)) => Err(late),
            Err(Halt::Failed(why)) if lost(&why) => Err(self.tried.hung_up(self.credentials.user, &why)),
            Err(Halt::Failed(why)) if code_of(&why) == code::AUTHENTICATION_FAILED => {
                self.refused.extend(blob.map(<[u8]>::to_vec));
                Ok(Err(REFUSED.into()))
            }
            // The same code stands for a key that could not sign at all, with other words.
            Err(Halt::Failed(why))
                if code_of(&why) == code::PUBLICKEY_UNVERIFIED
                    && why.message().starts_with("Invalid signature") =>
            {
                self.half_taken()
            }
            Err(Halt::Failed(why)) => Ok(Err(why.message().to_owned())),
        }
    }

    /// To libssh2 a key is refused the same whether its signature was wrong or sshd wants one method more
    /// (`AuthenticationMethods publickey,password`). The methods that are left tell; asking for them counts as an attempt.
    fn half_taken(&mut self) -> Result<Result<(), String>, TransportError> {
        if self.keys_left > 0 {
            if self.nothing()? {
                return Ok(Ok(()));
            }
            if self.tried.offered.is_none() {
                self.tried.note("a key (taken, or its signature failed: the server did not tell)");
                return Err(self.tried.denied(self.credentials.user, self.credentials.password.is_some()));
            }
            self.tried.is_half_in = !self.tried.offers("publickey");
        }
        if self.tried.is_half_in {
            return Ok(Err(TAKEN.into()));
        }
        self.keys_left = self.keys_left.saturating_sub(1);
        Ok(Err("its signature failed, or one more key is wanted".into()))
    }

    fn password(&mut self) -> Result<bool, TransportError> {
        let Some(password) = self.credentials.password else { return Ok(false) };
        let plain = self.tried.offers("password");
        if !plain && !self.tried.offers("keyboard-interactive") {
            return Ok(false);
        }
        if !self.credentials.trusted_with_password {
            self.tried.note("no password, for the host's key is not the known one");
            return Ok(false);
        }
        let user = self.credentials.user;
        let mut typist = Typist { password, answers: 0, other: None };
        let result = self.driver.finish(self.deadline, |session| {
            if plain {
                session.userauth_password(user, password.expose_secret())
            } else if typist.answers > MOST_ANSWERS {
                Err(ssh2::Error::from_errno(ssh2::ErrorCode::Session(code::AUTHENTICATION_FAILED)))
            } else {
                session.userauth_keyboard_interactive(user, &mut typist)
            }
        });
        match result {
            Ok(()) => Ok(true),
            Err(Halt::Late(late)) => Err(late),
            Err(Halt::Failed(why)) if lost(&why) => Err(self.tried.hung_up(self.credentials.user, &why)),
            Err(Halt::Failed(why)) if code_of(&why) == code::PASSWORD_EXPIRED => {
                Err(failed(format!("the password of {user} has expired: log in by hand and change it")))
            }
            Err(Halt::Failed(why)) => {
                let refused = code_of(&why) == code::AUTHENTICATION_FAILED;
                self.tried.note(if typist.answers > MOST_ANSWERS {
                    format!("password (given {MOST_ANSWERS} times in one login, and asked for again)")
                } else if let Some(prompt) = typist.other {
                    format!("password (the server asks `{prompt}`, which takes a person: --transport openssh with a \
                             key, or ControlMaster)")
                } else if refused {
                    "password".into()
                } else {
                    format!("password ({})", why.message())
                });
                Ok(false)
            }
        }
    }
}

/// Whether `KEY-cert.pub` stands beside `KEY`.
fn has_certificate(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push("-cert.pub");
    Path::new(&name).exists()
}

/// What [`Attempt::was_taken`] says of a key that the server does not want.
const REFUSED: &str = "refused";

/// And of one that it takes, but not alone.
const TAKEN: &str = "taken, but not alone";

/// libssh2's view of the agent. Its socket blocks, but the agent has just answered us.
fn open(driver: &Driver, agent: &Agent) -> Result<(ssh2::Agent, Vec<ssh2::PublicKey>), ssh2::Error> {
    let mut client = driver.session().agent()?;
    client.set_identity_path(agent.socket())?;
    client.connect()?;
    client.list_identities()?;
    let identities = client.identities()?;
    Ok((client, identities))
}

/// Answers a server that asks for the password in a dialogue, as PAM does: one question, for a password, and no other.
struct Typist<'a> {
    password: &'a SecretString,
    /// How often the password was asked for.
    answers: usize,
    /// A question that was not for the password.
    other: Option<String>,
}

impl KeyboardInteractivePrompt for Typist<'_> {
    fn prompt<'p>(&mut self, _user: &str, _text: &str, prompts: &[ssh2::Prompt<'p>]) -> Vec<String> {
        match prompts {
            [] => Vec::new(),
            [only] if !only.echo && asks_for_password(&only.text) => {
                self.answers += 1;
                let is_given = self.answers <= MOST_ANSWERS;
                vec![if is_given { self.password.expose_secret().to_owned() } else { String::new() }]
            }
            _ => {
                let odd = prompts.iter().find(|prompt| prompt.echo || !asks_for_password(&prompt.text));
                let text = odd.unwrap_or(&prompts[0]).text.trim();
                self.other = Some(text.chars().filter(|c| !c.is_control()).take(80).collect());
                vec![String::new(); prompts.len()]
            }
        }
    }
}

/// Whether a prompt is for the password, and not for a code, a new password or the like.
pub(super) fn asks_for_password(prompt: &str) -> bool {
    let prompt = prompt.to_lowercase();
    let names = [
        "password",
        "passwort",
        "kennwort",
        "mot de passe",
        "contraseña",
        "senha",
        "пароль",
        "密码",
        "パスワード",
    ];
    let others = ["new", "one-time", "one time", "otp", "token", "code", "current"];
    names.iter().any(|name| prompt.contains(name)) && !others.iter().any(|other| prompt.contains(other))
}
