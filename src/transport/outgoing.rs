//! What is still to be sent on stdin, and what comes after it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Reply;

/// The bytes that wait for stdin, and whether to close it after them.
#[derive(Debug)]
pub(super) struct Outgoing {
    pieces: VecDeque<Piece>,
    /// How much of the first piece is sent.
    sent: usize,
    stdin: Stdin,
    done: bool,
}

/// Hundreds of visits wait at a time: what they have in common is not copied for each.
#[derive(Debug)]
enum Piece {
    Own(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Own(bytes) => bytes,
            Piece::Shared(bytes) => bytes,
        }
    }
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
        let mut outgoing = Outgoing { pieces: VecDeque::new(), sent: 0, stdin: Stdin::Open, done: false };
        outgoing.push(Piece::Own(opening));
        outgoing
    }

    /// Obeys what the conversation answered. What it says after closing stdin goes nowhere.
    pub(super) fn take(&mut self, reply: Reply) {
        match reply {
            Reply::Listen => {}
            Reply::Say(bytes) => self.push(Piece::Own(bytes)),
            Reply::Hand(bytes, shared) => {
                self.push(Piece::Own(bytes));
                self.push(Piece::Shared(shared));
            }
            Reply::Close if self.stdin == Stdin::Open => self.stdin = Stdin::Closing,
            Reply::Close => {}
            Reply::Done => self.done = true,
        }
    }

    fn push(&mut self, piece: Piece) {
        if self.stdin == Stdin::Open && !piece.bytes().is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// What is to be sent next; empty where all is sent.
    pub(super) fn rest(&self) -> &[u8] {
        self.pieces.front().and_then(|piece| piece.bytes().get(self.sent..)).unwrap_or_default()
    }

    /// `count` bytes of it are.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.rest().is_empty() {
            // At once: a script is long, and its memory is wanted elsewhere.
            self.pieces.pop_front();
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
        self.pieces.clear();
        self.sent = 0;
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
        outgoing.take(Reply::Say(b"too late".to_vec()));
        assert_eq!(outgoing.rest(), b"b");
        outgoing.advance(1);
        assert_eq!(outgoing.rest(), b"cd");
        outgoing.advance(2);
        assert!(outgoing.wants_close());
        outgoing.closed();
        outgoing.take(Reply::Close);
        assert!(!outgoing.wants_close());
        assert!(!outgoing.is_done());
        outgoing.take(Reply::Done);
        assert!(outgoing.is_done());
    }

    #[test]
    fn what_is_shared_follows_what_announces_it() {
        let mut outgoing = Outgoing::new(Vec::new());
        outgoing.take(Reply::Hand(b"2\n".to_vec(), b"ab".as_slice().into()));
        outgoing.take(Reply::Say(Vec::new()));
        for expected in [&b"2\n"[..], b"ab"] {
            assert_eq!(outgoing.rest(), expected);
            outgoing.advance(1);
            assert_eq!(outgoing.rest(), &expected[1..]);
            outgoing.advance(1);
        }
        assert!(outgoing.rest().is_empty());
    }
}
