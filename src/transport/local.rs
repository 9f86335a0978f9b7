//! This machine: the same conversation with a child process, without SSH.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use super::account::login_name;
use super::deadline::{Deadline, VisitEnd};
use super::dialogue::{MOST_HEARD, too_much};
use super::driver::timespec;
use super::outgoing::Outgoing;
use super::{Conversation, Login, Stage, Transport, TransportError, Visit};
use crate::inventory::Host;

/// How long the command's trap may clean up after the deadline.
const GRACE: Duration = Duration::from_millis(300);

const PIECE: usize = 32 * 1024;

/// Runs the command on this machine, as the user who runs this.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    limit: Duration,
}

impl Local {
    /// Conversations may take as long as `limit`.
    pub fn new(limit: Duration) -> Self {
        Local { limit }
    }
}

impl Transport for Local {
    fn run(&self, _host: &Host, conversation: &mut dyn Conversation) -> Result<Visit, TransportError> {
        let deadline = VisitEnd::within(Duration::MAX).stage(Stage::Run, self.limit);
        let asked_at = SystemTime::now();
        let mut command = Command::new("sh");
        command.arg("-c").arg(conversation.command());
        // A group of its own, so that the deadline ends what the command started too.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|why| failed("cannot start sh", &why))?;
        let result = Pipes::of(&mut child, conversation)
            .map_err(|why| failed("cannot set up the pipes to sh", &why))
            .and_then(|mut pipes| pipes.carry(&deadline, conversation));
        match result {
            Ok(()) => reap(child),
            Err(_) => end(child),
        }
        result?;
        Ok(Visit { user: login_name(), login: Login::Local, host_key: None, asked_at })
    }
}

fn failed(what: &str, why: &io::Error) -> TransportError {
    TransportError::new(Stage::Run, format!("{what}: {why}"))
}

/// The command said all it had to say; it is not waited for, and leaves no zombie.
fn reap(mut child: Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    // Without a thread to spare the zombie goes when this process does.
    let _ = thread::Builder::new().spawn(move || child.wait());
}

/// Ends the command and all it started: asks, then kills.
fn end(mut child: Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // A group that is gone already is as wanted.
    let signal = |signal| group.map(|group| kill_process_group(group, signal));
    let _ = signal(Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(10));
    }
    let _ = signal(Signal::KILL);
    reap(child);
}

/// The three pipes of a command. A pipe is `None` once it is closed.
struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    outgoing: Outgoing,
    heard: usize,
    piece: Vec<u8>,
}

impl Pipes {
    fn of(child: &mut Child, conversation: &mut dyn Conversation) -> io::Result<Self> {
        let pipes = Pipes {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            outgoing: Outgoing::new(conversation.opening()),
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

    fn carry(
        &mut self,
        deadline: &Deadline,
        conversation: &mut dyn Conversation,
    ) -> Result<(), TransportError> {
        while self.stdout.is_some() || self.stderr.is_some() {
            self.send();
            self.wait(deadline)?;
            self.hear(conversation)?;
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
    fn wait(&self, deadline: &Deadline) -> Result<(), TransportError> {
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
            let left = deadline.left()?;
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
        Err(why) => Err(failed("reading from sh", &why)),
    }
}

fn never_block(pipe: BorrowedFd<'_>) -> io::Result<()> {
    let flags = fcntl_getfl(pipe)?;
    Ok(fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}
