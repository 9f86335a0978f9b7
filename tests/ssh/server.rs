//! An SSH server with a plan: whom it lets in, what it answers, and how it fails.

use std::net::{Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Config, run_stream};
use russh::{MethodKind, MethodSet};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::handler::Guest;
use crate::keys::ed25519;

/// All servers of the test process.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

/// At which point the server stops playing along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Accepts TCP and says nothing.
    Silent,
    /// Accepts TCP and hangs up.
    HangsUp,
    /// Says something that is not SSH.
    NotSsh,
    /// Greets, then says nothing.
    GreetsOnly,
    /// Greets, then hangs up.
    GreetsAndHangsUp,
    /// Never answers a login.
    NoLogin,
    /// Never opens a channel.
    NoChannel,
    /// Refuses every channel.
    RefusesChannel,
    /// Never answers the exec request.
    NoExec,
    /// Refuses the exec request.
    RefusesExec,
}

/// What the exec request gets.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The command is run by `sh -c`.
    Shell,
    /// The command is run by this login shell, after what its rc file holds (in that shell's own language).
    Login { shell: &'static str, rc: String },
    /// These bytes on stdout and stderr, alternating, and the end.
    Canned { out: Vec<u8>, err: Vec<u8> },
    /// These bytes, then the end by SIGKILL.
    Killed(Vec<u8>),
    /// These bytes, then the connection breaks.
    Cut(Vec<u8>),
    /// These bytes, then nothing for ever.
    Hangs(Vec<u8>),
    /// One byte every so often, for ever.
    Trickles(Duration),
    /// Reads nothing.
    Deaf,
    /// This, for ever, and as fast as it goes.
    Floods(Flood),
}

/// What a server sends without end beside an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flood {
    /// The command's exit status.
    ExitStatus,
    /// The confirmation of a request that nobody made.
    Success,
    /// Whether the client may do flow control.
    FlowControl,
    /// Data for a stream that does not exist.
    Unread,
}

/// What a server does.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) host_keys: Vec<PrivateKey>,
    pub(crate) authorized: Vec<PublicKey>,
    pub(crate) password: Option<&'static str>,
    pub(crate) methods: &'static [MethodKind],
    /// What it wants besides a key, as with sshd's `AuthenticationMethods publickey,password`; `methods` are those before.
    pub(crate) besides: &'static [MethodKind],
    /// Whether anybody gets in.
    pub(crate) open: bool,
    /// After so many refusals it hangs up, as sshd does (offers of keys count).
    pub(crate) most_failures: usize,
    pub(crate) latency: Duration,
    pub(crate) fault: Fault,
    /// What a dialogue for the login asks, and whether the answer is shown; the first is the password.
    pub(crate) prompts: &'static [(&'static str, bool)],
    /// Whether a dialogue goes on after every answer.
    pub(crate) asks_again: bool,
    /// Whether it connects to others for its guests.
    pub(crate) forwards: bool,
    pub(crate) answer: Answer,
    /// After so many bytes on the commands' stdin the connection breaks.
    pub(crate) cut_after: Option<usize>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            host_keys: vec![ed25519(100)],
            authorized: Vec::new(),
            password: None,
            methods: &[MethodKind::PublicKey, MethodKind::Password],
            besides: &[],
            open: false,
            most_failures: 6,
            latency: Duration::ZERO,
            fault: Fault::None,
            prompts: &[("Password: ", false)],
            asks_again: false,
            forwards: false,
            answer: Answer::Shell,
            cut_after: None,
        }
    }
}

impl Plan {
    /// Lets anybody in.
    pub(crate) fn open() -> Self {
        Plan { open: true, ..Plan::default() }
    }

    /// Lets anybody in, and through.
    pub(crate) fn bastion() -> Self {
        Plan { open: true, forwards: true, ..Plan::default() }
    }

    /// Lets one key in.
    pub(crate) fn for_key(key: &PrivateKey) -> Self {
        Plan { authorized: vec![key.public_key().clone()], ..Plan::default() }
    }
}

/// What a server saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) keys_offered: AtomicUsize,
    /// Requests with method `none`.
    pub(crate) methods_asked: AtomicUsize,
    pub(crate) channels: AtomicUsize,
    pub(crate) commands: Mutex<Vec<String>>,
    pub(crate) passwords: Mutex<Vec<String>>,
    /// What came on the commands' stdin.
    pub(crate) stdin: Mutex<Vec<u8>>,
    /// Where it connected to for its guests.
    pub(crate) forwarded: Mutex<Vec<String>>,
    /// Connections that ended.
    pub(crate) ended: AtomicUsize,
}

/// A running server. It stops when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    task: AbortHandle,
}

impl Server {
    pub(crate) fn start(plan: Plan) -> Self {
        Self::start_at("127.0.0.1:0", plan)
    }

    pub(crate) fn start_at(address: &str, plan: Plan) -> Self {
        let listener = StdListener::bind(address).expect("a free port");
        listener.set_nonblocking(true).expect("set");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::new(Seen::default());
        let config = Arc::new(config(&plan));
        let plan = Arc::new(plan);
        let counts = Arc::clone(&seen);
        let task = RUNTIME.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let (config, plan, seen) = (Arc::clone(&config), Arc::clone(&plan), Arc::clone(&counts));
                tokio::spawn(async move {
                    serve(stream, config, plan, &seen).await;
                    seen.ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Server { address, seen, task: task.abort_handle() }
    }

    pub(crate) fn address(&self) -> String {
        self.address.ip().to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn keys_offered(&self) -> usize {
        self.seen.keys_offered.load(Ordering::SeqCst)
    }

    pub(crate) fn methods_asked(&self) -> usize {
        self.seen.methods_asked.load(Ordering::SeqCst)
    }

    pub(crate) fn passwords(&self) -> Vec<String> {
        self.seen.passwords.lock().expect("a lock").clone()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.seen.commands.lock().expect("a lock").clone()
    }

    pub(crate) fn forwarded(&self) -> Vec<String> {
        self.seen.forwarded.lock().expect("a lock").clone()
    }

    /// Whether nobody tried to prove anything.
    pub(crate) fn saw_no_credential(&self) -> bool {
        self.keys_offered() == 0 && self.passwords().is_empty()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn config(plan: &Plan) -> Config {
    Config {
        methods: MethodSet::from(plan.methods),
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: plan.host_keys.clone(),
        max_auth_attempts: 100,
        nodelay: true,
        ..Config::default()
    }
}

async fn serve(stream: TcpStream, config: Arc<Config>, plan: Arc<Plan>, seen: &Arc<Seen>) {
    use tokio::io::AsyncWriteExt;
    let mut stream = stream;
    let greeting: &[u8] = match plan.fault {
        Fault::Silent | Fault::HangsUp => b"",
        Fault::NotSsh => b"HTTP/1.1 400 Bad Request\r\n\r\n",
        Fault::GreetsOnly | Fault::GreetsAndHangsUp => b"SSH-2.0-faulty\r\n",
        _ => return play(stream, config, plan, seen).await,
    };
    let _ = stream.write_all(greeting).await;
    if matches!(plan.fault, Fault::Silent | Fault::GreetsOnly) {
        wait_for_end(&mut stream).await;
    }
}

async fn wait_for_end(stream: &mut TcpStream) {
    use tokio::io::AsyncReadExt;
    let mut piece = [0; 1024];
    while matches!(stream.read(&mut piece).await, Ok(1..)) {}
}

async fn play(stream: TcpStream, config: Arc<Config>, plan: Arc<Plan>, seen: &Arc<Seen>) {
    let stream = stream.into_std().expect("a socket");
    let knife = Knife(Arc::new(stream.try_clone().expect("a second handle")));
    let stream = TcpStream::from_std(stream).expect("a socket");
    let guest = Guest::new(plan, Arc::clone(seen), knife);
    if let Ok(session) = run_stream(config, stream, guest).await {
        let _ = session.await;
    }
}

/// Cuts a connection without a word.
#[derive(Clone)]
pub(crate) struct Knife(Arc<StdStream>);

impl Knife {
    pub(crate) fn cut(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
