//! The simulated hosts: one SSH server that answers on 127.0.0.0/8, a host an address, each with a key of its own.
//!
//! A command that brings a script is answered as the script would: with its boundary, this machine's clock, the peers and
//! registries it asks about, and for the rest what a healthy host of the lab once said (`answer.txt`).

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memchr::{memchr, memmem};
use russh::keys::PublicKey;
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
    run_stream,
};
use russh::{Channel, ChannelId, Error, MethodKind, MethodSet};
use tokio::net::{TcpSocket, TcpStream};

use super::keys;

/// How long a host thinks.
const LATENCY: Duration = Duration::from_millis(100);
/// How much the bare sweep's command answers, in bytes.
pub(crate) const ANSWER_OF_BARE: usize = 6000;
/// What a healthy host said.
const ANSWER: &str = include_str!("answer.txt");

/// A host's address.
pub(crate) fn address(host: usize) -> Ipv4Addr {
    let [.., third, fourth] = (host / 250 * 256 + host % 250 + 257).to_be_bytes();
    Ipv4Addr::new(127, 0, third, fourth)
}

/// A host's name.
pub(crate) fn name(host: usize) -> String {
    format!("node{host:04}")
}

fn host_at(address: Ipv4Addr) -> usize {
    let [.., third, fourth] = address.octets();
    (usize::from(third) - 1) * 250 + usize::from(fourth) - 1
}

struct Hosts {
    configs: Vec<Arc<Config>>,
    /// Their public keys, as in known_hosts.
    keys: Vec<String>,
    user: PublicKey,
}

/// Says its port, then serves until its stdin ends.
pub(crate) fn serve(hosts: usize) {
    let config = |host| {
        Arc::new(Config {
            methods: MethodSet::from(&[MethodKind::PublicKey][..]),
            keys: vec![keys::of_host(host)],
            // sshd does not hesitate over `none`, which tells the methods, either.
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            nodelay: true,
            ..Config::default()
        })
    };
    let hosts = Arc::new(Hosts {
        configs: (0..hosts).map(config).collect(),
        keys: (0..hosts).map(|host| keys::text(&keys::of_host(host))).collect(),
        user: keys::of_user().public_key().clone(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.spawn(accept(hosts));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    runtime.shutdown_background();
}

async fn accept(hosts: Arc<Hosts>) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).expect("a free port");
    let listener = socket.listen(4096).expect("a listener");
    println!("{}", listener.local_addr().expect("bound").port());
    while let Ok((stream, from)) = listener.accept().await {
        if from.ip().is_loopback() {
            tokio::spawn(host(stream, Arc::clone(&hosts)));
        }
    }
}

async fn host(stream: TcpStream, hosts: Arc<Hosts>) {
    let Ok(IpAddr::V4(address)) = stream.local_addr().map(|at| at.ip()) else { return };
    let host = host_at(address);
    let Some(config) = hosts.configs.get(host).cloned() else { return };
    let guest = Guest { hosts, host, wanted: 0, heard: Vec::new() };
    if let Ok(session) = run_stream(config, stream, guest).await {
        let _ = session.await;
    }
}

/// One connection to one host.
struct Guest {
    hosts: Arc<Hosts>,
    host: usize,
    /// How long the script is that the command announced.
    wanted: usize,
    heard: Vec<u8>,
}

impl Guest {
    fn takes(&self, key: &PublicKey) -> Result<Auth, Error> {
        Ok(if key.key_data() == self.hosts.user.key_data() { Auth::Accept } else { Auth::reject() })
    }
}

impl Handler for Guest {
    type Error = Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Error> {
        self.takes(offer.public_key)
    }

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        self.takes(key.public_key)
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_success(id)?;
        let command = String::from_utf8_lossy(command);
        let length = command.rsplit(' ').next().and_then(|word| word.parse().ok());
        match length {
            Some(length) => self.wanted = length,
            None => {
                tokio::spawn(answer(session.handle(), id, || vec![b'x'; ANSWER_OF_BARE]));
            }
        }
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Error> {
        self.heard.extend_from_slice(data);
        if self.wanted > 0 && self.heard.len() >= self.wanted {
            self.wanted = 0;
            let (hosts, host) = (Arc::clone(&self.hosts), self.host);
            let script = std::mem::take(&mut self.heard);
            tokio::spawn(answer(session.handle(), id, move || hosts.answer(host, &script)));
        }
        Ok(())
    }
}

async fn answer(handle: Handle, id: ChannelId, bytes: impl FnOnce() -> Vec<u8> + Send) {
    tokio::time::sleep(LATENCY).await;
    let _ = handle.data(id, bytes()).await; // whoever hung up needs no answer
    let _ = handle.exit_status_request(id, 0).await;
    let _ = handle.eof(id).await;
    let _ = handle.close(id).await;
}

/// A piece of the answer: text, or a word of which each host says something else.
enum Piece {
    Text(&'static str),
    Word(&'static str),
}

/// Taken apart once: what the fleet costs is taken from the same two cores.
static PIECES: LazyLock<Vec<Piece>> = LazyLock::new(|| {
    let words = "{BOUNDARY} {CLOCK} {ADDRESS} {NAME} {ID} {UUID} {MAC} {KEY} {PEERS} {REGISTRIES}";
    let (mut pieces, mut rest) = (Vec::new(), ANSWER);
    let next = |rest: &'static str| words.split(' ').filter_map(|word| Some((rest.find(word)?, word))).min();
    while let Some((at, word)) = next(rest) {
        pieces.extend([Piece::Text(&rest[..at]), Piece::Word(word)]);
        rest = &rest[at + word.len()..];
    }
    pieces.push(Piece::Text(rest));
    pieces
});

impl Hosts {
    fn answer(&self, host: usize, script: &[u8]) -> Vec<u8> {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let boundary = quoted(script, "mark__");
        let mut answer = Vec::with_capacity(2 * ANSWER.len());
        for piece in PIECES.iter() {
            let _ = match piece {
                Piece::Text(text) => answer.write_all(text.as_bytes()),
                Piece::Word(word) => match *word {
                    "{BOUNDARY}" => answer.write_all(boundary.as_bytes()),
                    "{CLOCK}" => write!(answer, "{}.{:09}", clock.as_secs(), clock.subsec_nanos()),
                    "{ADDRESS}" => write!(answer, "{}", address(host)),
                    "{NAME}" => write!(answer, "{}", name(host)),
                    "{ID}" => write!(answer, "{host:032x}"),
                    "{UUID}" => write!(answer, "{host:08x}-255f-4f93-95c9-b3c659e7af2f"),
                    "{MAC}" => write!(answer, "02:42:7f:00:{:02x}:{:02x}", host / 256, host % 256),
                    "{KEY}" => answer.write_all(self.keys[host].as_bytes()),
                    "{PEERS}" => quoted(script, "PEERS")
                        .lines()
                        .try_for_each(|peer| writeln!(answer, "{peer} connected")),
                    _ => quoted(script, "REGISTRIES")
                        .lines()
                        .try_for_each(|url| writeln!(answer, "registry\t{url}\t 401")),
                },
            };
        }
        answer
    }
}

/// What the script assigns to a variable.
fn quoted<'s>(script: &'s [u8], variable: &str) -> &'s str {
    let start = format!("{variable}='");
    let at = memmem::find(script, start.as_bytes()).expect("it is in the script") + start.len();
    let end = memchr(b'\'', &script[at..]).expect("a closing quote");
    str::from_utf8(&script[at..at + end]).expect("text")
}
