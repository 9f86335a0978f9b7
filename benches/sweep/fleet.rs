//! The simulated hosts: one SSH server that answers on 127.0.0.0/8, a host an address, each with a key of its own.
//!
//! A command that brings a script is answered as the script would: with its boundary, this machine's clock, the peers and
//! registries it asks about, and for the rest what a healthy host of the lab once said (`answer.txt`).

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
            let (host, script) = (self.host, std::mem::take(&mut self.heard));
            tokio::spawn(answer(session.handle(), id, move || answer_to(host, &script)));
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

fn answer_to(host: usize, script: &[u8]) -> Vec<u8> {
    let script = String::from_utf8_lossy(script);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let lines = |variable: &str| quoted(&script, variable).lines().collect::<Vec<_>>();
    let peers = lines("PEERS").iter().map(|peer| format!("{peer} connected\n")).collect::<String>();
    let registries =
        lines("REGISTRIES").iter().map(|url| format!("registry\t{url}\t 401\n")).collect::<String>();
    let mut text = ANSWER.to_owned();
    for (word, value) in [
        ("{BOUNDARY}", quoted(&script, "mark__")),
        ("{CLOCK}", &format!("{}.{:09}", clock.as_secs(), clock.subsec_nanos())),
        ("{ADDRESS}", &address(host).to_string()),
        ("{NAME}", &name(host)),
        ("{ID}", &format!("{host:032x}")),
        ("{UUID}", &format!("{host:08x}-255f-4f93-95c9-b3c659e7af2f")),
        ("{MAC}", &format!("02:42:7f:00:{:02x}:{:02x}", host / 256, host % 256)),
        ("{KEY}", &keys::text(&keys::of_host(host))),
        ("{PEERS}", &peers),
        ("{REGISTRIES}", &registries),
    ] {
        text = text.replace(word, value);
    }
    text.into_bytes()
}

/// What the script assigns to a variable.
fn quoted<'s>(script: &'s str, variable: &str) -> &'s str {
    let at = script.find(&format!("{variable}='")).expect("it is in the script");
    let rest = &script[at + variable.len() + 2..];
    &rest[..rest.find('\'').expect("a closing quote")]
}
