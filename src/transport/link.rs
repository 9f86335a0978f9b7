//! What carries a connection: a TCP socket, or one end of a socket pair whose other end a jump or a command has.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::net::sockopt;

/// A connected, non-blocking socket.
#[derive(Debug)]
pub(super) enum Link {
    Tcp(TcpStream),
    Pair(UnixStream),
}

impl Link {
    /// Acknowledges at once what comes next; without it sshd, which keeps Nagle on, waits 40 ms before it confirms the
    /// channel. The kernel drops the mode by itself, so it is set on every wait; one that refuses costs only that time.
    pub(super) fn acknowledge_at_once(&self) {
        if let Link::Tcp(stream) = self {
            let _ = sockopt::set_tcp_quickack(stream, true);
        }
    }

    pub(super) fn shut_down(&self) -> io::Result<()> {
        match self {
            Link::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Link::Pair(stream) => stream.shutdown(Shutdown::Both),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Link::Tcp(stream) => stream.as_fd(),
            Link::Pair(stream) => stream.as_fd(),
        }
    }
}
