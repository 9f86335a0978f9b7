//! Carrying a conversation over one SSH channel.

use std::io::{Read, Write};
use std::time::SystemTime;

use rustix::event::PollFlags;
use ssh2::{Channel, Error, ErrorCode};

use super::deadline::Deadline;
use super::driver::{Driver, Halt, code};
use super::outgoing::Outgoing;
use super::{Beginning, Conversation, Stage, TransportError};

/// More than any host has to say; what exceeds it is a loop or malice.
pub(super) const MOST_HEARD: usize = 16 * 1024 * 1024;

/// One read, in bytes. It lies on the stack, which the login has used before: hundreds of visits wait at a time, and none
/// holds a buffer meanwhile.
const PIECE: usize = 16 * 1024;

/// Runs the command and carries the dialogue; gives the time of the exec request.
pub(super) fn carry(
    driver: &mut Driver,
    deadline: &Deadline,
    conversation: &mut dyn Conversation,
) -> Result<SystemTime, TransportError> {
    let mut channel = driver
        .finish(deadline, |session| session.channel_session())
        .map_err(|halt| failed(halt, "the server opened no session"))?;
    let asked_at = SystemTime::now();
    let Beginning { command, opening } = conversation.begin();
    let outgoing = Outgoing::new(opening);
    let mut dialogue = Dialogue { driver, deadline: *deadline, outgoing, heard: 0, queued: 0 };
    dialogue.carry(&mut channel, &command, conversation)?;
    driver.part();
    Ok(asked_at)
}

struct Dialogue<'a> {
    driver: &'a Driver,
    deadline: Deadline,
    outgoing: Outgoing,
    heard: usize,
    /// How much lay unread when the last fruitless round ended.
    queued: u32,
}

impl Dialogue<'_> {
    fn carry(
        &mut self,
        channel: &mut Channel,
        command: &str,
        conversation: &mut dyn Conversation,
    ) -> Result<(), TransportError> {
        let (mut asked, mut started) = (false, false);
        loop {
            self.deadline.left()?;
            // Stdin need not wait for the server to confirm the command: that saves a round trip, where
            // the server grants a window at once (OpenSSH does so only with its confirmation).
            let mut moved = asked && self.send(channel)?;
            if !started {
                started = self.start(channel, command)?;
                moved |= started || !asked;
                asked = true;
            }
            if started {
                moved |= self.hear(channel, conversation)?;
                if self.outgoing.is_done() || (!moved && channel.eof()) {
                    return Ok(());
                }
            }
            if !moved && !self.has_more(channel) {
                self.driver.wait(&self.deadline, PollFlags::IN)?;
            }
        }
    }

    /// Whether libssh2 took something from the socket that an earlier call of this round waited for:
    /// every call reads all there is, whomever it is for, and `poll` would not tell of it again.
    fn has_more(&mut self, channel: &Channel) -> bool {
        let queued = channel.read_window().available;
        // What a whole round did not read is for a stream that does not exist.
        let unseen = queued != self.queued;
        self.queued = queued;
        unseen || (!self.outgoing.rest().is_empty() && channel.write_window().remaining > 0)
    }

    fn start(&self, channel: &mut Channel, command: &str) -> Result<bool, TransportError> {
        self.driver
            .attempt(&self.deadline, || channel.exec(command))
            .map(|confirmed| confirmed.is_some())
            .map_err(|halt| failed(halt, "the server did not run the command"))
    }

    /// Writes what there is to say, as far as the host's window goes.
    fn send(&mut self, channel: &mut Channel) -> Result<bool, TransportError> {
        let mut moved = false;
        while !self.outgoing.rest().is_empty() {
            let rest = self.outgoing.rest();
            match self.attempt(|| channel.write(rest))? {
                None | Some(0) => return Ok(moved),
                Some(count) => {
                    self.outgoing.advance(count);
                    moved = true;
                }
            }
        }
        if self.outgoing.wants_close() {
            let closed = self.driver.attempt(&self.deadline, || channel.send_eof()).map_err(broken)?;
            if closed.is_some() {
                self.outgoing.closed();
                moved = true;
            }
        }
        Ok(moved)
    }

    /// Reads a piece of both streams: an unread stderr would fill the window they share.
    fn hear(
        &mut self,
        channel: &mut Channel,
        conversation: &mut dyn Conversation,
    ) -> Result<bool, TransportError> {
        let mut moved = false;
        let mut stderr = channel.stderr();
        let mut piece = [0; PIECE];
        if let Some(count @ 1..) = self.attempt(|| channel.read(&mut piece))? {
            self.count(count)?;
            self.outgoing.take(conversation.heard(&piece[..count], SystemTime::now()));
            self.deadline.prolong(conversation.more_time());
            moved = true;
        }
        if !self.outgoing.is_done()
            && let Some(count @ 1..) = self.attempt(|| stderr.read(&mut piece))?
        {
            self.count(count)?;
            self.outgoing.take(conversation.heard_error(&piece[..count]));
            moved = true;
        }
        Ok(moved)
    }

    fn attempt(
        &self,
        mut call: impl FnMut() -> std::io::Result<usize>,
    ) -> Result<Option<usize>, TransportError> {
        self.driver.attempt(&self.deadline, || call().map_err(back)).map_err(broken)
    }

    fn count(&mut self, more: usize) -> Result<(), TransportError> {
        self.heard += more;
        self.driver.relay().answered(more);
        if self.heard > MOST_HEARD { Err(too_much()) } else { Ok(()) }
    }
}

/// The error for an answer without end.
pub(super) fn too_much() -> TransportError {
    let most = MOST_HEARD / (1024 * 1024);
    TransportError::new(Stage::Run, format!("the answer is longer than {most} MiB"))
}

/// The crate wraps libssh2's error for `Read` and `Write`; only the kind of EAGAIN matters.
fn back(why: std::io::Error) -> Error {
    if why.kind() == std::io::ErrorKind::WouldBlock {
        return Error::from_errno(ErrorCode::Session(code::EAGAIN));
    }
    match why.into_inner().and_then(|inner| inner.downcast::<Error>().ok()) {
        Some(error) => *error,
        None => Error::from_errno(ErrorCode::Session(code::SOCKET_RECV)),
    }
}

fn broken(halt: Halt) -> TransportError {
    failed(halt, "the connection broke while the command ran")
}

fn failed(halt: Halt, what: &str) -> TransportError {
    match halt {
        Halt::Late(late) => late,
        Halt::Failed(why) => TransportError::new(Stage::Run, format!("{what}: {}", why.message())),
    }
}
