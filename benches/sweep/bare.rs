//! The least: ssh2 on threads with the best settings known, one command a host, its answer read and thrown away.
//!
//! Non-blocking with TCP_NODELAY and TCP_QUICKACK after each wait, 256 KiB stacks, both halves of the key from memory,
//! known_hosts read once. Nothing is parsed or judged, no deadline is kept, and no script is sent.

use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt;
use ssh2::{BlockDirections, ErrorCode, Session};

use super::fleet::{ANSWER_OF_BARE, address};

const STACK: usize = 256 * 1024;
const EAGAIN: i32 = -37;

struct Shared {
    port: u16,
    private: String,
    public: String,
    known: HashMap<String, Vec<u8>>,
}

/// Runs a command on every host, `forks` at a time.
pub(crate) fn sweep(folder: &Path, port: usize, hosts: usize, forks: usize) {
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("readable");
    let known = read(".ssh/known_hosts").lines().map(known_host).collect();
    let port = u16::try_from(port).expect("a port");
    let shared = Shared { port, private: read("id"), public: read("id.pub"), known };
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..forks.min(hosts) {
            let visit = || {
                loop {
                    let host = next.fetch_add(1, Ordering::Relaxed);
                    if host >= hosts {
                        break;
                    }
                    let heard = visit(&shared, &address(host).to_string());
                    assert_eq!(heard, ANSWER_OF_BARE);
                }
            };
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, visit).expect("a thread");
        }
    });
}

fn known_host(line: &str) -> (String, Vec<u8>) {
    let fields: Vec<&str> = line.split(' ').collect();
    (fields[0].to_owned(), STANDARD.decode(fields[2]).expect("base64"))
}

fn visit(shared: &Shared, address: &str) -> usize {
    let stream = TcpStream::connect((address, shared.port)).expect("connected");
    stream.set_nodelay(true).expect("set");
    stream.set_nonblocking(true).expect("set");
    let stream = Arc::new(stream);
    let mut session = Session::new().expect("a session");
    session.set_tcp_stream(Arc::clone(&stream));
    session.set_blocking(false);
    let mut line = Line { stream, session };
    line.finish(|session| session.handshake());
    let known = &shared.known[&format!("[{address}]:{}", shared.port)];
    assert_eq!(line.session.host_key().map(|(key, _)| key), Some(known.as_slice()));
    line.finish(|session| session.userauth_pubkey_memory("ops", Some(&shared.public), &shared.private, None));
    let mut channel = line.finish(|session| session.channel_session());
    line.finish(|_| channel.exec("true"));
    let mut piece = vec![0; 32 * 1024];
    let mut heard = 0;
    loop {
        match channel.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => heard += count,
            Err(why) if why.kind() == ErrorKind::WouldBlock => line.wait(),
            Err(why) => panic!("{address}: {why}"),
        }
    }
    let _ = line.session.disconnect(None, "done", None); // as far as it goes without waiting
    let _ = line.stream.shutdown(std::net::Shutdown::Both);
    heard
}

struct Line {
    stream: Arc<TcpStream>,
    session: Session,
}

impl Line {
    fn finish<T>(&mut self, mut call: impl FnMut(&mut Session) -> Result<T, ssh2::Error>) -> T {
        loop {
            match call(&mut self.session) {
                Ok(value) => return value,
                Err(why) if why.code() == ErrorCode::Session(EAGAIN) => self.wait(),
                Err(why) => panic!("{why}"),
            }
        }
    }

    fn wait(&self) {
        let flags = match self.session.block_directions() {
            BlockDirections::Outbound => PollFlags::OUT,
            BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
            BlockDirections::Inbound | BlockDirections::None => PollFlags::IN,
        };
        sockopt::set_tcp_quickack(&*self.stream, true).expect("set");
        poll(&mut [PollFd::from_borrowed_fd(self.stream.as_fd(), flags)], None).expect("polled");
    }
}
