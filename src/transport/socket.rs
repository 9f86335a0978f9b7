//! From a name and a port to a connected TCP socket, within a deadline.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::net::sockopt;

use super::deadline::Deadline;
use super::{Stage, TransportError};

/// The resolver of the C library needs little; its thread is only there to be abandoned.
const RESOLVER_STACK: usize = 256 * 1024;

/// Connects to the first of `host`'s addresses that answers, before `opening` ends.
pub(super) fn connect(host: &str, port: u16, opening: &Deadline) -> Result<TcpStream, TransportError> {
    let addresses = resolve(host, port, &opening.shared_by(Stage::Resolve))?;
    let deadline = opening.shared_by(Stage::Connect);
    let mut failures = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        // A silent address must leave time for those after it.
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = deadline.left()? / left;
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return ready(stream).map_err(|why| failed(&format!("{address}: {why}"))),
            Err(why) if why.kind() == io::ErrorKind::TimedOut => {
                failures.push(format!("{address}: no answer"))
            }
            Err(why) => failures.push(format!("{address}: {}", plain(&why))),
        }
    }
    deadline.left()?;
    Err(failed(&failures.join("; ")))
}

fn failed(reason: &str) -> TransportError {
    TransportError::new(Stage::Connect, reason)
}

/// The operating system's words without Rust's ` (os error 111)`.
fn plain(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::ConnectionRefused => {
            "connection refused (is sshd running there, on this port?)".into()
        }
        io::ErrorKind::HostUnreachable => "no route to host".into(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".into(),
        _ => why.to_string(),
    }
}

/// Small packets go out at once: with Nagle's algorithm, libssh2's handshake waits 40 ms for an
/// acknowledgement.
fn ready(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    keep_alive(&stream)?;
    Ok(stream)
}

/// A peer that is gone without a word is noticed after a quarter of a minute, not at the visit's deadline: who waits for an
/// answer says nothing, and would never learn.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, Duration::from_secs(6))?;
    sockopt::set_tcp_keepintvl(stream, Duration::from_secs(3))?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(())
}

fn resolve(host: &str, port: u16, deadline: &Deadline) -> Result<Vec<SocketAddr>, TransportError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unresolved =
        |why: &str| TransportError::new(Stage::Resolve, format!("cannot find an address for {host}: {why}"));
    // getaddrinfo knows no deadline (a dead name server costs it up to half a minute), so it runs on
    // a thread that is left behind when it takes too long.
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = bare.to_owned();
    let look_up = move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody listens any more after the deadline.
        let _ = sender.send(found);
    };
    thread::Builder::new()
        .stack_size(RESOLVER_STACK)
        .spawn(look_up)
        .map_err(|why| unresolved(&why.to_string()))?;
    match receiver.recv_timeout(deadline.left()?) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(unresolved("the name has none")),
        Ok(Ok(mut addresses)) => {
            addresses.dedup();
            Ok(addresses)
        }
        Ok(Err(why)) => Err(unresolved(&why.to_string())),
        Err(_) => Err(deadline.passed()),
    }
}
