//! Drives libssh2 without ever blocking: calls again, and sleeps in `poll` in between.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use ssh2::{BlockDirections, ErrorCode, Session};

use super::TransportError;
use super::deadline::Deadline;
use super::link::Link;
use super::relay::{Relay, TooMuch};

/// libssh2's codes that we tell apart.
pub(super) mod code {
    /// The greeting did not come, or was not SSH.
    pub(in crate::transport) const BANNER_RECV: i32 = -2;
    /// No algorithm in common.
    pub(in crate::transport) const KEX_FAILURE: i32 = -5;
    /// The key exchange itself failed.
    pub(in crate::transport) const KEY_EXCHANGE_FAILURE: i32 = -8;
    /// The peer closed the connection.
    pub(in crate::transport) const SOCKET_DISCONNECT: i32 = -13;
    /// The password has to be changed first.
    pub(in crate::transport) const PASSWORD_EXPIRED: i32 = -15;
    /// The server refused.
    pub(in crate::transport) const AUTHENTICATION_FAILED: i32 = -18;
    /// The server refused the signature, or none could be made.
    pub(in crate::transport) const PUBLICKEY_UNVERIFIED: i32 = -19;
    /// Call again later.
    pub(in crate::transport) const EAGAIN: i32 = -37;
    /// The connection broke while writing.
    pub(in crate::transport) const SOCKET_SEND: i32 = -7;
    /// The connection broke while reading.
    pub(in crate::transport) const SOCKET_RECV: i32 = -43;
}

/// The code of libssh2 behind an error.
pub(super) fn code_of(error: &ssh2::Error) -> i32 {
    match error.code() {
        ErrorCode::Session(code) | ErrorCode::SFTP(code) => code,
    }
}

/// Whether the connection itself is gone.
pub(super) fn broke(error: &ssh2::Error) -> bool {
    [code::SOCKET_DISCONNECT, code::SOCKET_SEND, code::SOCKET_RECV].contains(&code_of(error))
}

/// Why a call into libssh2 gave nothing.
pub(super) enum Halt {
    /// The deadline passed.
    Late(TransportError),
    /// libssh2 said so.
    Failed(ssh2::Error),
}

/// Why a wait ended without anything to go on with.
pub(super) enum Broken {
    /// The peer sent more than it may.
    TooMuch(TooMuch),
    /// The kernel's word on `poll`.
    Poll(Errno),
    /// What was waited for beside the peer has ended.
    BesideEnded,
}

impl Broken {
    /// The reason, for people.
    pub(super) fn reason(self) -> String {
        match self {
            Broken::TooMuch(too_much) => too_much.reason(),
            Broken::Poll(why) => format!("poll: {why}"),
            Broken::BesideEnded => "the other side has ended".to_owned(),
        }
    }
}

/// One connection and its session. Hangs up when dropped, and dropping never blocks.
pub(super) struct Driver {
    relay: Relay,
    /// The end of the relay's pair that libssh2 reads and writes.
    socket: Arc<UnixStream>,
    session: Session,
}

impl Driver {
    /// A session over a connected, non-blocking socket.
    pub(super) fn new(link: Link) -> io::Result<Self> {
        let (relay, socket) = Relay::new(link)?;
        let socket = Arc::new(socket);
        let mut session = Session::new()?;
        session.set_tcp_stream(Arc::clone(&socket));
        session.set_blocking(false);
        Ok(Driver { relay, socket, session })
    }

    /// The session, for what does not wait.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Counts what the peer sends.
    pub(super) fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Makes one call of libssh2 until it is through, or `deadline` passes.
    pub(super) fn finish<T>(
        &mut self,
        deadline: &Deadline,
        mut call: impl FnMut(&mut Session) -> Result<T, ssh2::Error>,
    ) -> Result<T, Halt> {
        loop {
            match call(&mut self.session) {
                Err(error) if code_of(&error) == code::EAGAIN => {
                    self.wait(deadline, self.awaited()).map_err(Halt::Late)?;
                }
                Err(error) => return Err(Halt::Failed(error)),
                Ok(value) => return Ok(value),
            }
        }
    }

    /// Makes one call until it is through, or waits for the other end (`None`).
    ///
    /// A packet that is stuck half-sent is waited for here: until it is out, libssh2 refuses every other
    /// call that sends (`BAD_USE`).
    pub(super) fn attempt<T>(
        &self,
        deadline: &Deadline,
        mut call: impl FnMut() -> Result<T, ssh2::Error>,
    ) -> Result<Option<T>, Halt> {
        loop {
            match call() {
                Err(error) if code_of(&error) != code::EAGAIN => return Err(Halt::Failed(error)),
                Err(_) if self.awaited().contains(PollFlags::OUT) => {
                    self.wait(deadline, PollFlags::OUT).map_err(Halt::Late)?;
                }
                Err(_) => return Ok(None),
                Ok(value) => return Ok(Some(value)),
            }
        }
    }

    /// What libssh2 waits for.
    pub(super) fn awaited(&self) -> PollFlags {
        match self.session.block_directions() {
            BlockDirections::Outbound => PollFlags::OUT,
            BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
            BlockDirections::Inbound | BlockDirections::None => PollFlags::IN,
        }
    }

    /// Sleeps until libssh2 can go on or the deadline passes.
    pub(super) fn wait(&self, deadline: &Deadline, flags: PollFlags) -> Result<(), TransportError> {
        let broken = |why: Broken| TransportError::new(deadline.stage(), why.reason());
        loop {
            let left = deadline.left()?;
            if self.wait_once(flags, None, Some(&timespec(left))).map_err(broken)? {
                return Ok(());
            }
        }
    }

    /// Hands on what waits, and sleeps once: until libssh2 can go on, or `beside` is ready, or the time is over. Whether
    /// one of the first two is so; a signal or bytes that only went out end a sleep too.
    pub(super) fn wait_once(
        &self,
        flags: PollFlags,
        beside: Option<(BorrowedFd<'_>, PollFlags)>,
        time: Option<&Timespec>,
    ) -> Result<bool, Broken> {
        self.relay.send();
        self.relay.deliver();
        self.relay.acknowledge_at_once();
        let (other, wanted) = beside.unwrap_or((self.socket.as_fd(), PollFlags::empty()));
        let mut files = [
            self.relay.poll_fd(flags),
            PollFd::from_borrowed_fd(self.socket.as_fd(), flags),
            PollFd::from_borrowed_fd(other, wanted),
        ];
        let count = if beside.is_some() { files.len() } else { files.len() - 1 };
        match poll(&mut files[..count], time) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(why) => return Err(Broken::Poll(why)),
        }
        let ended = PollFlags::HUP | PollFlags::ERR;
        let beside = files[2].revents();
        if beside.intersects(ended) && !beside.contains(PollFlags::IN) {
            return Err(Broken::BesideEnded);
        }
        let came = files[0].revents();
        let is_ready = files[1..].iter().any(|file| !file.revents().is_empty());
        if came.contains(PollFlags::OUT) {
            self.relay.send();
        }
        if came.intersects(PollFlags::IN | ended) {
            self.relay.receive().map_err(Broken::TooMuch)?;
            return Ok(true);
        }
        Ok(is_ready)
    }

    /// Says goodbye, if that takes no waiting, and hangs up.
    pub(super) fn part(&self) {
        // EAGAIN or an error are fine: the socket is shut down next.
        let _ = self.session.disconnect(None, "done", None);
        self.relay.send();
        self.hang_up();
    }

    /// Shuts the socket down. What libssh2 still wants to send on dropping then fails at once instead
    /// of leaving memory behind.
    fn hang_up(&self) {
        self.relay.shut_down();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// A wait as `poll` takes it; rounded up, so that it does not spin through the last millisecond.
pub(super) fn timespec(left: Duration) -> Timespec {
    let left = left.saturating_add(Duration::from_micros(999));
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(left.subsec_nanos()),
    }
}
