//! The last step of a jump: a channel from the jump host to the next, and the bytes through it.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

use rustix::event::PollFlags;
use ssh2::Channel;

use super::deadline::Deadline;
use super::driver::{Broken, Driver, Halt};
use super::proxy_command::ProxyCommand;
use super::{Stage, TransportError};

const PIECE: usize = 32 * 1024;

/// Enough for two pieces, which are on the heap, and libssh2.
const STACK: usize = 256 * 1024;

/// Has a jump host connect to the next one; gives our end of that connection. It ends when our end does, and `command`,
/// which carries the jump host's own connection, with it.
pub(super) fn through(
    mut driver: Driver,
    command: Option<ProxyCommand>,
    deadline: &Deadline,
    host: &str,
    port: u16,
) -> Result<UnixStream, TransportError> {
    let channel = driver.finish(deadline, |session| session.channel_direct_tcpip(host, port, None));
    let channel = channel.map_err(|halt| match halt {
        Halt::Late(late) => late,
        Halt::Failed(why) => failed(&format!(
            "did not connect to {host}, port {port}: {} (is the next host up, and AllowTcpForwarding on?)",
            why.message()
        )),
    })?;
    let cannot = |why: std::io::Error| failed(&format!("cannot carry the connection on: {why}"));
    let (near, far) = UnixStream::pair().map_err(cannot)?;
    near.set_nonblocking(true).map_err(cannot)?;
    far.set_nonblocking(true).map_err(cannot)?;
    let carry = move || {
        Carrier { driver, channel, far, up: Piece::new(), down: Piece::new() }.carry();
        drop(command); // what carried the jump host's own connection
    };
    thread::Builder::new().stack_size(STACK).spawn(carry).map_err(cannot)?;
    Ok(near)
}

fn failed(reason: &str) -> TransportError {
    TransportError::new(Stage::Connect, reason)
}

/// Bytes on their way in one direction.
struct Piece {
    bytes: Vec<u8>,
    from: usize,
    to: usize,
}

/// What became of a read or write that does not wait.
enum Moved {
    Some,
    Nothing,
    Ended,
}

impl Piece {
    fn new() -> Self {
        Piece { bytes: vec![0; PIECE], from: 0, to: 0 }
    }

    fn is_empty(&self) -> bool {
        self.from == self.to
    }

    fn len(&self) -> usize {
        self.to - self.from
    }

    fn fill(&mut self, source: &mut impl Read) -> Moved {
        if !self.is_empty() {
            return Moved::Nothing;
        }
        match source.read(&mut self.bytes) {
            Ok(0) => Moved::Ended,
            Ok(count) => {
                (self.from, self.to) = (0, count);
                Moved::Some
            }
            Err(why) if waits(&why) => Moved::Nothing,
            Err(_) => Moved::Ended,
        }
    }

    fn empty_into(&mut self, sink: &mut impl Write) -> Moved {
        let mut moved = Moved::Nothing;
        while !self.is_empty() {
            match sink.write(&self.bytes[self.from..self.to]) {
                Ok(0) => break,
                Ok(count) => {
                    self.from += count;
                    moved = Moved::Some;
                }
                Err(why) if waits(&why) => break,
                Err(_) => return Moved::Ended,
            }
        }
        moved
    }
}

fn waits(why: &std::io::Error) -> bool {
    matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Carries bytes between the channel and the visit.
struct Carrier {
    driver: Driver,
    channel: Channel,
    far: UnixStream,
    up: Piece,
    down: Piece,
}

impl Carrier {
    fn carry(mut self) {
        let mut channel_ended = false;
        loop {
            let mut moved = false;
            let steps = [self.up.fill(&mut self.far), self.up.empty_into(&mut self.channel)];
            if steps.iter().any(|step| matches!(step, Moved::Ended)) {
                break; // the visit is over, or the connection to the jump host broke
            }
            moved |= steps.iter().any(|step| matches!(step, Moved::Some));
            if !channel_ended && self.down.is_empty() {
                match self.down.fill(&mut self.channel) {
                    Moved::Some => {
                        self.driver.relay().answered(self.down.len());
                        moved = true;
                    }
                    Moved::Nothing => {}
                    Moved::Ended => channel_ended = true,
                }
            }
            match self.down.empty_into(&mut self.far) {
                Moved::Some => moved = true,
                Moved::Nothing => {}
                Moved::Ended => break,
            }
            if channel_ended && self.down.is_empty() {
                break;
            }
            if !moved && !self.may_write() && self.wait().is_err() {
                break;
            }
        }
        self.driver.part();
    }

    /// Whether the host's window has opened since the last write: the read that followed it may have taken that from
    /// the socket, and `poll` would not tell of it again.
    fn may_write(&self) -> bool {
        !self.up.is_empty()
            && self.channel.write_window().remaining > 0
            && !self.driver.awaited().contains(PollFlags::OUT)
    }

    fn wait(&self) -> Result<(), Broken> {
        let mut far = PollFlags::empty();
        if self.up.is_empty() {
            far |= PollFlags::IN;
        }
        if !self.down.is_empty() {
            far |= PollFlags::OUT;
        }
        // While the visit takes nothing more, nothing more is taken from the jump host, but to send what waits for it.
        let near = match self.down.is_empty() || !self.up.is_empty() {
            true => self.driver.awaited() | PollFlags::IN,
            false => self.driver.awaited() & PollFlags::OUT,
        };
        self.driver.wait_once(near, Some((self.far.as_fd(), far)), None).map(|_| ())
    }
}
