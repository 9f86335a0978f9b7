//! What is still to be sent on stdin, and what comes after it.

use super::Reply;

/// The bytes that wait for stdin, and whether to close it after them.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    stdin: Stdin,
    done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stdin {
    Open,
    Closing,
    Closed,
}

impl Outgoing {
    /// The opening waits.
    pub(super) fn new(opening: Vec<u8>) -> Self {
        Outgoing { bytes: opening, sent: 0, stdin: Stdin::Open, done: false }
    }

    /// Obeys what the conversation answered. What it says after closing stdin goes nowhere.
    pub(super) fn take(&mut self, reply: Reply) {
        match reply {
            Reply::Listen => {}
            Reply::Say(bytes) if self.stdin != Stdin::Open => drop(bytes),
            Reply::Say(bytes) if self.rest().is_empty() => {
                self.bytes = bytes;
                self.sent = 0;
            }
            Reply::Say(bytes) => self.bytes.extend(bytes),
            Reply::Close if self.stdin == Stdin::Open => self.stdin = Stdin::Closing,
            Reply::Close => {}
            Reply::Done => self.done = true,
        }
    }

    /// What is not sent yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// `count` bytes of it are.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.rest().is_empty() {
            // Hundreds of visits wait at a time, and a script is long.
            self.bytes = Vec::new();
            self.sent = 0;
        }
    }

    /// Whether stdin is to be closed now.
    pub(super) fn wants_close(&self) -> bool {
        self.stdin == Stdin::Closing && self.rest().is_empty()
    }

    /// Stdin is closed; what was not sent is lost.
    pub(super) fn closed(&mut self) {
        self.stdin = Stdin::Closed;
        self.sent = self.bytes.len();
    }

    /// Whether all was heard.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_in_order_and_closes_after_the_last_word() {
        let mut outgoing = Outgoing::new(b"ab".to_vec());
        outgoing.advance(1);
        outgoing.take(Reply::Say(b"cd".to_vec()));
        outgoing.take(Reply::Close);
        assert!(!outgoing.wants_close());
        assert_eq!(outgoing.rest(), b"bcd");
        outgoing.take(Reply::Say(b"too late".to_vec()));
        assert_eq!(outgoing.rest(), b"bcd");
        outgoing.advance(3);
        assert!(outgoing.wants_close());
        outgoing.closed();
        outgoing.take(Reply::Close);
        assert!(!outgoing.wants_close());
        assert!(!outgoing.is_done());
        outgoing.take(Reply::Done);
        assert!(outgoing.is_done());
    }
}
