//! A conversation over the pipes of a child process.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::deadline::Deadline;
use super::dialogue::{MOST_HEARD, too_much};
use super::driver::timespec;
use super::outgoing::Outgoing;
use super::{Conversation, Stage, TransportError};

const PIECE: usize = 32 * 1024;

/// Says how long to sleep at most, or that it is too late.
pub(super) trait Watch {
    /// What is left; the error once nothing is.
    fn left(&mut self) -> Result<Duration, TransportError>;

    /// The command has a good reason to take longer.
    fn prolong(&mut self, by: Duration);
}

impl Watch for Deadline {
    fn left(&mut self) -> Result<Duration, TransportError> {
        Deadline::left(self)
    }

    fn prolong(&mut self, by: Duration) {
        Deadline::prolong(self, by);
    }
}

/// A failure of the operating system.
pub(super) fn failed(what: &str, why: &io::Error) -> TransportError {
    TransportError::new(Stage::Run, format!("{what}: {why}"))
}

/// The three pipes of a command. A pipe is `None` once it is closed.
pub(super) struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    outgoing: Outgoing,
    heard: usize,
    piece: Vec<u8>,
}

impl Pipes {
    /// Takes a child's pipes; the opening waits for its stdin.
    pub(super) fn of(child: &mut Child, opening: Vec<u8>) -> io::Result<Self> {
        let pipes = Pipes {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            outgoing: Outgoing::new(opening),
            heard: 0,
            piece: vec![0; PIECE],
        };
        let all = [
            pipes.stdin.as_ref().map(AsFd::as_fd),
            pipes.stdout.as_ref().map(AsFd::as_fd),
            pipes.stderr.as_ref().map(AsFd::as_fd),
        ];
        for pipe in all.into_iter().flatten() {
            never_block(pipe)?;
        }
        Ok(pipes)
    }

    /// Carries the dialogue until all was heard, or both streams have ended.
    pub(super) fn carry(
        &mut self,
        watch: &mut dyn Watch,
        conversation: &mut dyn Conversation,
    ) -> Result<(), TransportError> {
        while self.stdout.is_some() || self.stderr.is_some() {
            self.send();
            self.wait(watch)?;
            self.hear(conversation)?;
            watch.prolong(conversation.more_time());
            if self.outgoing.is_done() {
                break;
            }
        }
        Ok(())
    }

    /// Writes what goes into the pipe. A command that closed its stdin does not want the rest, and
    /// its answer tells why.
    fn send(&mut self) {
        if let Some(stdin) = &mut self.stdin {
            while !self.outgoing.rest().is_empty() {
                match stdin.write(self.outgoing.rest()) {
                    Ok(count) => self.outgoing.advance(count),
                    Err(why) if why.kind() == ErrorKind::WouldBlock => return,
                    Err(why) if why.kind() == ErrorKind::Interrupted => {}
                    Err(_) => self.outgoing.closed(),
                }
            }
        }
        if self.outgoing.wants_close() {
            self.outgoing.closed();
            self.stdin = None;
        }
    }

    fn hear(&mut self, conversation: &mut dyn Conversation) -> Result<(), TransportError> {
        if let Some(count) = read(&mut self.stdout, &mut self.piece)? {
            self.heard += count;
            self.outgoing.take(conversation.heard(&self.piece[..count], SystemTime::now()));
        }
        if !self.outgoing.is_done()
            && let Some(count) = read(&mut self.stderr, &mut self.piece)?
        {
            self.heard += count;
            self.outgoing.take(conversation.heard_error(&self.piece[..count]));
        }
        if self.heard > MOST_HEARD { Err(too_much()) } else { Ok(()) }
    }

    /// Sleeps until a pipe is ready or the deadline passes.
    fn wait(&self, watch: &mut dyn Watch) -> Result<(), TransportError> {
        let speaks = !self.outgoing.rest().is_empty();
        let stdin = self.stdin.as_ref().filter(|_| speaks).map(|pipe| (pipe.as_fd(), PollFlags::OUT));
        let stdout = self.stdout.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN));
        let stderr = self.stderr.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::IN));
        let mut pipes: Vec<PollFd<'_>> = [stdin, stdout, stderr]
            .into_iter()
            .flatten()
            .map(|(pipe, flags)| PollFd::from_borrowed_fd(pipe, flags))
            .collect();
        loop {
            let left = watch.left()?;
            match poll(&mut pipes, Some(&timespec(left))) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(why) => return Err(failed("poll", &why.into())),
            }
        }
    }
}

/// A piece, if there is one; closes the pipe at its end.
fn read(pipe: &mut Option<impl Read>, piece: &mut [u8]) -> Result<Option<usize>, TransportError> {
    let Some(open) = pipe else { return Ok(None) };
    match open.read(piece) {
        Ok(0) => {
            *pipe = None;
            Ok(None)
        }
        Ok(count) => Ok(Some(count)),
        Err(why) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&why.kind()) => Ok(None),
        Err(why) => Err(failed("reading from the command", &why)),
    }
}

fn never_block(pipe: BorrowedFd<'_>) -> io::Result<()> {
    let flags = fcntl_getfl(pipe)?;
    Ok(fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}
