//! Drives libssh2 without ever blocking: calls again, and sleeps in `poll` in between.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use ssh2::{BlockDirections, ErrorCode, Session};

use super::TransportError;
use super::deadline::Deadline;
use super::link::Link;

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

/// One connection and its session. Hangs up when dropped, and dropping never blocks.
pub(super) struct Driver {
    link: Arc<Link>,
    session: Session,
}

impl Driver {
    /// A session over a connected, non-blocking socket.
    pub(super) fn new(link: Link) -> Result<Self, ssh2::Error> {
        let link = Arc::new(link);
        let mut session = Session::new()?;
        session.set_tcp_stream(Arc::clone(&link));
        session.set_blocking(false);
        Ok(Driver { link, session })
    }

    /// The session, for what does not wait.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// What carries it.
    pub(super) fn link(&self) -> &Link {
        &self.link
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

    /// Sleeps until the socket is ready or the deadline passes.
    pub(super) fn wait(&self, deadline: &Deadline, flags: PollFlags) -> Result<(), TransportError> {
        let broken = |why: Errno| TransportError::new(deadline.stage(), format!("poll: {why}"));
        self.link.acknowledge_at_once();
        loop {
            let left = deadline.left()?;
            let mut sockets = [PollFd::from_borrowed_fd(self.link.as_fd(), flags)];
            match poll(&mut sockets, Some(&timespec(left))) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(why) => return Err(broken(why)),
            }
        }
    }

    /// Says goodbye, if that takes no waiting, and hangs up.
    pub(super) fn part(&self) {
        // EAGAIN or an error are fine: the socket is shut down next.
        let _ = self.session.disconnect(None, "done", None);
        self.hang_up();
    }

    /// Shuts the socket down. What libssh2 still wants to send on dropping then fails at once instead
    /// of leaving memory behind.
    fn hang_up(&self) {
        // Already closed by the peer: as wanted.
        let _ = self.link.shut_down();
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
