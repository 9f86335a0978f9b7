//! Stands between a connection and libssh2, which goes on reading inside one call for as long as a peer goes on sending, and
//! keeps every packet that it does not know. It is handed a piece at a time, and what a peer sends is counted.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags};
use rustix::io::{Errno, read};
use rustix::net::{SendFlags, send};

use super::link::Link;

/// What libssh2 is handed at a time, in bytes, and so the most that one call can work through. It lies on the stack, which the
/// login has used before: hundreds of visits wait at a time, and none holds a buffer meanwhile.
const PIECE: usize = 16 * 1024;

/// What a peer may send before anybody is logged in, in bytes: its greeting, the key exchange, a long banner. OpenSSH takes
/// some 5 KiB.
const BEFORE_LOGIN: u64 = 1024 * 1024;

/// What it may send after that beside its answer: confirmations, new keys, padding.
const BESIDE_ANSWER: u64 = 2 * 1024 * 1024;

/// How many bytes of SSH may come for each byte of the answer: a packet of one byte is 36 to 64 bytes long, and real ones carry
/// hundreds.
const FOR_ANSWER: u64 = 2;

/// The two ends that bytes are carried between.
pub(super) struct Relay {
    /// To the peer.
    link: Link,
    /// To libssh2, which has the other end of the pair.
    inner: UnixStream,
    /// What libssh2 sent and the peer did not take yet; seldom anything.
    outgoing: RefCell<Vec<u8>>,
    /// What the peer sent and libssh2 did not take yet; seldom anything.
    incoming: RefCell<Vec<u8>>,
    received: Cell<u64>,
    most: Cell<u64>,
    is_logged_in: Cell<bool>,
    /// Whether the peer's side has ended.
    ended: Cell<bool>,
}

/// A peer sent more than it may.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooMuch {
    is_logged_in: bool,
}

impl TooMuch {
    /// The reason, for people.
    pub(super) fn reason(self) -> String {
        let most = if self.is_logged_in { BESIDE_ANSWER } else { BEFORE_LOGIN } / (1024 * 1024);
        match self.is_logged_in {
            true => format!("the host sent over {most} MiB beside its answer"),
            false => format!("the host sent over {most} MiB before anybody was logged in"),
        }
    }
}

impl Relay {
    /// A relay over a connected, non-blocking socket, and the end that libssh2 gets.
    pub(super) fn new(link: Link) -> io::Result<(Self, UnixStream)> {
        let (inner, outer) = UnixStream::pair()?;
        inner.set_nonblocking(true)?;
        outer.set_nonblocking(true)?;
        let relay = Relay {
            link,
            inner,
            outgoing: RefCell::default(),
            incoming: RefCell::default(),
            received: Cell::new(0),
            most: Cell::new(BEFORE_LOGIN),
            is_logged_in: Cell::new(false),
            ended: Cell::new(false),
        };
        Ok((relay, outer))
    }

    /// Somebody is logged in: from now on the peer has an answer to give.
    pub(super) fn logged_in(&self) {
        self.is_logged_in.set(true);
        self.most.set(self.received.get() + BESIDE_ANSWER);
    }

    /// So many bytes of the answer came.
    pub(super) fn answered(&self, count: usize) {
        let more = u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(FOR_ANSWER);
        self.most.set(self.most.get().saturating_add(more));
    }

    /// Hands on to the peer what libssh2 sent, as far as it takes it now.
    pub(super) fn send(&self) {
        let mut outgoing = self.outgoing.borrow_mut();
        if !outgoing.is_empty() {
            let sent = hand_on(&self.link, &outgoing);
            outgoing.drain(..sent);
            if !outgoing.is_empty() {
                return;
            }
        }
        let mut piece = [0; PIECE];
        while let Ok(count @ 1..) = read(&self.inner, &mut piece) {
            let sent = hand_on(&self.link, &piece[..count]);
            outgoing.extend_from_slice(&piece[sent..count]);
            // A short read has emptied the pair.
            if count < PIECE || sent < count {
                return;
            }
        }
    }

    /// Hands on to libssh2 what it did not take before.
    pub(super) fn deliver(&self) {
        let mut incoming = self.incoming.borrow_mut();
        if !incoming.is_empty() {
            let taken = hand_on(&self.inner, &incoming);
            incoming.drain(..taken);
        }
    }

    /// Hands one piece of what the peer sent to libssh2.
    pub(super) fn receive(&self) -> Result<(), TooMuch> {
        self.deliver();
        let mut incoming = self.incoming.borrow_mut();
        if !incoming.is_empty() || self.ended.get() {
            return Ok(());
        }
        let mut piece = [0; PIECE];
        match read(&self.link, &mut piece) {
            Ok(count @ 1..) => {
                let received = self.received.get().saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                self.received.set(received);
                if received > self.most.get() {
                    return Err(TooMuch { is_logged_in: self.is_logged_in.get() });
                }
                let taken = hand_on(&self.inner, &piece[..count]);
                incoming.extend_from_slice(&piece[taken..count]);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            // libssh2 learns that the connection broke as from a socket: it reads the end.
            Ok(0) | Err(_) => {
                self.ended.set(true);
                let _ = self.inner.shutdown(Shutdown::Write);
            }
        }
        Ok(())
    }

    /// What to wait for on the connection, where libssh2 waits for `awaited`.
    pub(super) fn poll_fd(&self, awaited: PollFlags) -> PollFd<'_> {
        let mut flags = PollFlags::empty();
        if self.ended.get() {
            // It would be ready for ever.
            return PollFd::from_borrowed_fd(self.inner.as_fd(), flags);
        }
        if awaited.contains(PollFlags::IN) && self.incoming.borrow().is_empty() {
            flags |= PollFlags::IN;
        }
        if !self.outgoing.borrow().is_empty() {
            flags |= PollFlags::OUT;
        }
        PollFd::from_borrowed_fd(self.link.as_fd(), flags)
    }

    /// Acknowledges at once what comes next.
    pub(super) fn acknowledge_at_once(&self) {
        self.link.acknowledge_at_once();
    }

    /// Ends both sides.
    pub(super) fn shut_down(&self) {
        // Already closed by the peer: as wanted.
        let _ = self.link.shut_down();
        let _ = self.inner.shutdown(Shutdown::Both);
    }
}

/// Writes what is taken at once. What a broken connection does not take is gone: that it is broken is learnt by reading, behind
/// what the peer may still have said.
fn hand_on(sink: impl AsFd, bytes: &[u8]) -> usize {
    let mut done = 0;
    while done < bytes.len() {
        match send(&sink, &bytes[done..], SendFlags::NOSIGNAL) {
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Err(_) => return bytes.len(),
        }
    }
    done
}
