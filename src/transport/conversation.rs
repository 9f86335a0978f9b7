//! What is said to a host and heard from it, apart from how the bytes travel.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One command on a host and the dialogue over its stdin and stdout.
///
/// The transport starts the command of [`Conversation::begin`], sends its opening on stdin, and hands
/// over what comes back, piece by piece and stamped on arrival, until [`Reply::Done`], the end of
/// both streams, or the deadline. It gives no meaning to any of it.
pub trait Conversation {
    /// The host's key is not the one it should have, and was let through (`off`): from now on this host
    /// may be told no secret. Said before [`Conversation::begin`] is asked for.
    fn distrust(&mut self) {}

    /// How it begins. Asked for once, and not before the host can be given it: what is made for it takes room.
    fn begin(&mut self) -> Beginning;

    /// A piece of stdout, and when it arrived.
    fn heard(&mut self, bytes: &[u8], at: SystemTime) -> Reply;

    /// How much longer than was thought the command may take, for what was heard last. Asked for after every piece, so
    /// it tells every reason once.
    fn more_time(&mut self) -> Duration {
        Duration::ZERO
    }

    /// A piece of stderr.
    fn heard_error(&mut self, bytes: &[u8]) -> Reply;
}

/// How a conversation begins.
#[derive(Debug)]
pub struct Beginning {
    /// The command line for the login shell; holds no secret, for `ps` shows it.
    pub command: String,
    /// What stdin gets at once, in the same breath as the command.
    pub opening: Vec<u8>,
}

/// What to do after a piece was heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// Wait for more.
    Listen,
    /// Send this on stdin, then wait for more.
    Say(Vec<u8>),
    /// Send this on stdin, and behind it these bytes, of which all visits share one copy; then wait for more.
    Hand(Vec<u8>, Arc<[u8]>),
    /// Close stdin, then wait for more.
    Close,
    /// All was heard: hang up without waiting for the command to end.
    Done,
}
