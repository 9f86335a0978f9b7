//! One visit to one host: the dialogue that brings the script there and its answer back.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use crate::facts::Probe;
use crate::inventory::Host;
use crate::transport::{Beginning, Conversation, Reply, Stage, Transport, TransportError, Visit};

use super::error::FrameError;
use super::frame::{self, ANSWER_LIMIT, Answered};
use super::helpers::Helpers;
use super::need::{self, Need};
use super::script::{self, Errand, Script};
use super::{bootstrap, boundary};

/// What a host answered, and how it was reached.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// How the visit went.
    pub visit: Visit,
    /// Its answer, taken apart.
    pub answered: Answered,
    /// When the script was sent, or the command asked for: the host's first line was written after.
    pub asked_at: Option<SystemTime>,
    /// When its first line arrived.
    pub first_heard_at: Option<SystemTime>,
    /// Whether a password was at hand for sudo, and whether the host asked for it.
    pub sudo_password: SudoPassword,
    /// The answer as it came, for `facts --save-transcripts`.
    pub raw: Bytes,
}

/// What a host said, not yet taken apart, and how it was reached.
#[derive(Clone, Debug)]
pub struct Heard {
    visit: Visit,
    raw: Bytes,
    boundary: String,
    /// What it said on stderr.
    complaints: Vec<u8>,
    too_large: bool,
    asked_at: Option<SystemTime>,
    first_heard_at: Option<SystemTime>,
    sudo_password: SudoPassword,
}

impl Heard {
    /// Takes the answer to these probes apart.
    ///
    /// # Errors
    /// Where it is not whole.
    pub fn take_apart(self, probes: &[Probe]) -> Result<Gathered, TransportError> {
        let answered = frame::take_apart(self.raw.clone(), &self.boundary, probes)
            .map_err(|error| TransportError::new(Stage::Run, self.explain(&error)))?;
        let Heard { visit, raw, asked_at, first_heard_at, sudo_password, .. } = self;
        Ok(Gathered { visit, answered, asked_at, first_heard_at, sudo_password, raw })
    }

    fn explain(&self, error: &FrameError) -> String {
        if self.too_large {
            return FrameError::TooLarge(ANSWER_LIMIT >> 20).to_string();
        }
        let complaint = String::from_utf8_lossy(&self.complaints);
        match complaint.trim() {
            "" => error.to_string(),
            complaint => format!("{error}; on stderr: {complaint}"),
        }
    }
}

/// What became of the password for sudo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SudoPassword {
    /// None was at hand.
    None,
    /// One was at hand and the host did not ask.
    NotAsked,
    /// The host asked and got it.
    Sent,
}

/// Visits `host`, runs the script there and takes its answer apart.
///
/// # Errors
/// Where the host could not be reached or did not answer whole; the error names the stage.
pub fn visit(
    transport: &dyn Transport,
    host: &Host,
    script: &Script,
    errand: &Errand,
    sudo_password: Option<&SecretString>,
) -> Result<Gathered, TransportError> {
    hear(transport, host, script, errand, sudo_password)?.take_apart(script.probes())
}

/// Visits `host` and runs the script there. To take the answer apart is left to whoever reads it: best where it is read, for
/// what a core has just had in its hands it need not fetch.
///
/// # Errors
/// Where the host could not be reached; the error names the stage.
pub fn hear(
    transport: &dyn Transport,
    host: &Host,
    script: &Script,
    errand: &Errand,
    sudo_password: Option<&SecretString>,
) -> Result<Heard, TransportError> {
    let text = |boundary: &str| script.text(boundary, errand);
    let supplies = errand.supply.helpers().map(|helpers| Supplies {
        helpers: Arc::clone(helpers),
        more_time: script::total_deadline(script.probes(), errand)
            - script::deadline_without_helpers(script.probes(), errand),
    });
    carry(transport, host, text, sudo_password, supplies)
}

/// As [`visit`] does, with any script that frames its answer as ours does; `text` makes it for a boundary.
///
/// # Errors
/// Where the host could not be reached or did not answer whole; the error names the stage.
pub fn converse(
    transport: &dyn Transport,
    host: &Host,
    probes: &[Probe],
    text: impl Fn(&str) -> String,
    sudo_password: Option<&SecretString>,
) -> Result<Gathered, TransportError> {
    carry(transport, host, text, sudo_password, None)?.take_apart(probes)
}

fn carry(
    transport: &dyn Transport,
    host: &Host,
    text: impl Fn(&str) -> String,
    sudo_password: Option<&SecretString>,
    supplies: Option<Supplies>,
) -> Result<Heard, TransportError> {
    let boundary = boundary::random().map_err(|reason| TransportError::new(Stage::Run, reason))?;
    let mut dialogue = Dialogue::new(boundary, &text, sudo_password.cloned());
    dialogue.supplies = supplies;
    let visit = transport.run(host, &mut dialogue)?;
    Ok(Heard {
        asked_at: dialogue.script_sent_at.or(Some(visit.asked_at)),
        visit,
        first_heard_at: dialogue.first_heard_at,
        sudo_password: match (sudo_password, dialogue.password_sent) {
            (None, _) => SudoPassword::None,
            (Some(_), false) => SudoPassword::NotAsked,
            (Some(_), true) => SudoPassword::Sent,
        },
        raw: dialogue.heard.into(),
        boundary: dialogue.boundary,
        complaints: dialogue.complaints,
        too_large: dialogue.too_large,
    })
}

/// How long a visit's conversation may take, until the host asks for a helper: the script's own deadline, and time for the
/// bytes.
pub fn conversation_limit(probes: &[Probe], errand: &Errand) -> Duration {
    script::deadline_without_helpers(probes, errand) + Duration::from_secs(10)
}

/// What a host may ask for once.
struct Supplies {
    helpers: Arc<Helpers>,
    /// How much longer its script may take then.
    more_time: Duration,
}

/// Our side of the dialogue.
struct Dialogue<'t> {
    boundary: String,
    /// Makes the script for a boundary. Many visits wait to be let in; a script that waits with each takes room.
    text: &'t dyn Fn(&str) -> String,
    /// Where the host speaks first: until it is sent.
    script: Vec<u8>,
    /// Set until the host has said whether it wants it.
    password: Option<SecretString>,
    password_sent: bool,
    script_sent: bool,
    /// Set where the host spoke first.
    script_sent_at: Option<SystemTime>,
    /// Set until the host has asked for one: it is answered once.
    supplies: Option<Supplies>,
    /// Since the last piece.
    more_time: Duration,
    heard: Vec<u8>,
    complaints: Vec<u8>,
    first_heard_at: Option<SystemTime>,
    too_large: bool,
}

impl<'t> Dialogue<'t> {
    fn new(boundary: String, text: &'t dyn Fn(&str) -> String, password: Option<SecretString>) -> Self {
        Dialogue {
            boundary,
            text,
            script: Vec::new(),
            password,
            password_sent: false,
            script_sent: false,
            script_sent_at: None,
            supplies: None,
            more_time: Duration::ZERO,
            heard: Vec::new(),
            complaints: Vec::new(),
            first_heard_at: None,
            too_large: false,
        }
    }

    /// Whether a line of ours that begins with `words` is among the bytes heard, of which those before `checked` were searched
    /// before.
    fn has_said(&self, words: &str, checked: usize) -> bool {
        let mark = format!("\n@{} {words}", self.boundary);
        memchr::memmem::find(&self.heard[checked.saturating_sub(mark.len())..], mark.as_bytes()).is_some()
    }
}

impl Conversation for Dialogue<'_> {
    fn distrust(&mut self) {
        self.password = None;
    }

    fn begin(&mut self) -> Beginning {
        let script = (self.text)(&self.boundary).into_bytes();
        match self.password {
            // But for the boundary, which is in no command line, the host speaks first.
            Some(_) => {
                let command = bootstrap::with_password(script.len());
                self.script = script;
                Beginning { command, opening: format!("{}\n", self.boundary).into_bytes() }
            }
            None => {
                self.script_sent = true;
                Beginning { command: bootstrap::plain(script.len()), opening: script }
            }
        }
    }

    fn heard(&mut self, bytes: &[u8], at: SystemTime) -> Reply {
        let checked = self.heard.len();
        self.heard.extend_from_slice(bytes);
        if self.heard.len() > ANSWER_LIMIT {
            self.too_large = true;
            return Reply::Done;
        }
        if self.script_sent {
            if self.first_heard_at.is_none() && self.has_said("airworthy ", checked) {
                self.first_heard_at = Some(at);
            }
            let whole = frame::is_whole(&self.heard, &self.boundary, checked);
            return if whole { Reply::Done } else { self.supply(checked) };
        }
        if self.has_said("ready\n", checked) {
            self.script_sent = true;
            self.script_sent_at = Some(at);
            return Reply::Say(std::mem::take(&mut self.script));
        }
        if !self.password_sent
            && self.has_said("password\n", checked)
            && let Some(password) = self.password.take()
        {
            self.password_sent = true;
            return Reply::Say(format!("{}\n", password.expose_secret()).into_bytes());
        }
        Reply::Listen
    }

    fn more_time(&mut self) -> Duration {
        std::mem::take(&mut self.more_time)
    }

    fn heard_error(&mut self, bytes: &[u8]) -> Reply {
        let room = 1024usize.saturating_sub(self.complaints.len());
        self.complaints.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Reply::Listen
    }
}

impl Dialogue<'_> {
    /// Answers a question for a helper, of which the bytes before `checked` hold at most a part.
    fn supply(&mut self, checked: usize) -> Reply {
        let Some(supplies) = &self.supplies else { return Reply::Listen };
        let mark = format!("\n@{} need ", self.boundary);
        let new = &self.heard[checked.saturating_sub(mark.len() + need::LONGEST)..];
        let Some(at) = memchr::memmem::find(new, mark.as_bytes()) else { return Reply::Listen };
        let line = &new[at + mark.len()..];
        let Some(end) = memchr::memchr(b'\n', line) else { return Reply::Listen };
        let need = Need::parse(&String::from_utf8_lossy(&line[..end]));
        let answer = need.answer(&supplies.helpers);
        self.more_time = supplies.more_time;
        self.supplies = None;
        match answer {
            Ok(helper) => {
                let announced = format!("bytes {} {}\n", helper.bytes.len(), helper.digest);
                Reply::Hand(announced.into_bytes(), helper.bytes)
            }
            Err(reason) => Reply::Say(format!("none {}\n", reason.replace(['\n', '\r'], " ")).into_bytes()),
        }
    }
}
