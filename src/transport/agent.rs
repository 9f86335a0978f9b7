//! What an SSH agent holds, asked once for all hosts.
//!
//! libssh2's own agent client reads without a time limit, so an agent that hangs (a forwarded one
//! whose connection died) would hold up every visit; asking it ourselves first finds that out.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::wire::field;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
/// OpenSSH's own limit.
const LONGEST_ANSWER: u32 = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// An SSH agent.
#[derive(Debug)]
pub(super) struct Agent {
    socket: PathBuf,
    keys: OnceLock<Result<Vec<AgentKey>, String>>,
}

/// A key that an agent holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AgentKey {
    /// The public key as it goes over the wire.
    pub(super) blob: Vec<u8>,
    /// What its owner calls it.
    pub(super) comment: String,
}

impl Agent {
    /// The agent behind a socket; not asked yet.
    pub(super) fn new(socket: PathBuf) -> Self {
        Agent { socket, keys: OnceLock::new() }
    }

    /// Its socket.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its keys, or why it did not tell.
    pub(super) fn keys(&self) -> Result<&[AgentKey], &str> {
        let keys = self.keys.get_or_init(|| list(&self.socket).map_err(|why| reason(&why)));
        keys.as_deref().map_err(String::as_str)
    }
}

fn reason(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "does not answer".into(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => "is not running".into(),
        _ => why.to_string(),
    }
}

fn list(socket: &Path) -> io::Result<Vec<AgentKey>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[0, 0, 0, 1, REQUEST_IDENTITIES])?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST_ANSWER {
        return Err(io::Error::other("answers nonsense"));
    }
    let mut answer = Vec::new();
    stream.take(u64::from(length)).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other("answers nonsense"))
}

fn parse(answer: &[u8]) -> Option<Vec<AgentKey>> {
    let (&kind, rest) = answer.split_first()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    if kind != IDENTITIES_ANSWER {
        return None;
    }
    let mut keys = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (blob, after) = field(rest)?;
        let (comment, after) = field(after)?;
        rest = after;
        keys.push(AgentKey { blob: blob.to_vec(), comment: String::from_utf8_lossy(comment).into_owned() });
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_parsed_and_nonsense_is_refused() {
        let answer = [&[12, 0, 0, 0, 1, 0, 0, 0, 2][..], b"ab", &[0, 0, 0, 1], b"c"].concat();
        let key = AgentKey { blob: b"ab".to_vec(), comment: "c".into() };
        assert_eq!(parse(&answer), Some(vec![key]));
        assert_eq!(parse(&[12, 0, 0, 0, 0]), Some(vec![]));
        assert_eq!(parse(&[5]), None);
        assert_eq!(parse(&[12, 255, 255, 255, 255, 0, 0]), None);
        for end in 0..answer.len() {
            assert_eq!(parse(&answer[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn an_agent_that_is_gone_says_so() {
        let agent = Agent::new(PathBuf::from("/nonexistent/agent"));
        assert_eq!(agent.keys(), Err("is not running"));
    }
}
