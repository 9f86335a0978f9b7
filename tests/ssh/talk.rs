//! Conversations and visits for tests.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use airworthy::inventory::{Connection, Host, HostKeyChecking};
use airworthy::transport::{
    Beginning, ConfigFiles, Conversation, Options, Reply, Ssh, Timeouts, Transport, TransportError, Visit,
};

use crate::server::Server;

/// What a conversation answers to all it has heard so far.
type Answer = Box<dyn FnMut(&[u8]) -> Reply + Send>;

/// A conversation that remembers what it heard.
pub(crate) struct Talk {
    pub(crate) command: String,
    pub(crate) opening: Vec<u8>,
    pub(crate) answer: Answer,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    pub(crate) stamps: Vec<SystemTime>,
}

impl Talk {
    /// Listens to a command to the end.
    pub(crate) fn of(command: &str) -> Self {
        Talk {
            command: command.into(),
            opening: Vec::new(),
            answer: Box::new(|_| Reply::Listen),
            out: Vec::new(),
            err: Vec::new(),
            stamps: Vec::new(),
        }
    }

    pub(crate) fn opening(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.opening = bytes.into();
        self
    }

    pub(crate) fn answering(mut self, answer: impl FnMut(&[u8]) -> Reply + Send + 'static) -> Self {
        self.answer = Box::new(answer);
        self
    }

    /// Hangs up once `mark` was heard.
    pub(crate) fn until(self, mark: &'static str) -> Self {
        self.answering(move |heard| {
            let found = heard.windows(mark.len()).any(|window| window == mark.as_bytes());
            if found { Reply::Done } else { Reply::Listen }
        })
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

impl Conversation for Talk {
    fn begin(&mut self) -> Beginning {
        Beginning { command: self.command.clone(), opening: std::mem::take(&mut self.opening) }
    }

    fn heard(&mut self, bytes: &[u8], at: SystemTime) -> Reply {
        self.out.extend(bytes);
        self.stamps.push(at);
        (self.answer)(&self.out)
    }

    fn heard_error(&mut self, bytes: &[u8]) -> Reply {
        self.err.extend(bytes);
        Reply::Listen
    }
}

/// Options that know nothing of the machine they run on: no key, no agent, any host key.
pub(crate) fn options() -> Options {
    let mut options = Options::from_environment();
    options.user = Some("ops".into());
    options.default_keys = Vec::new();
    options.agent = None;
    options.known_hosts = vec![PathBuf::from("/nonexistent/known_hosts")];
    options.global_known_hosts = Vec::new();
    options.config = ConfigFiles::default();
    options.askpass = Some(PathBuf::from(env!("CARGO_BIN_EXE_airworthy")));
    options.default_host_key_checking = HostKeyChecking::Off;
    options.timeouts = short();
    options
}

/// Enough for a busy machine.
fn short() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(20),
        authenticate: Duration::from_secs(20),
        run: Duration::from_secs(30),
        host: Duration::from_secs(60),
    }
}

/// A host of the inventory that is really `server`.
pub(crate) fn host(server: &Server) -> Host {
    let mut connection = Connection::ssh(server.address());
    connection.port = Some(server.port());
    host_at(connection)
}

pub(crate) fn host_at(connection: Connection) -> Host {
    Host {
        name: "node1".into(),
        roles: Default::default(),
        accelerator: None,
        layout: None,
        ip: None,
        access_ip: None,
        connection,
    }
}

/// Visits `server` and says hello.
pub(crate) fn visit(options: Options, server: &Server) -> Result<Visit, TransportError> {
    Ssh::new(options).run(&host(server), &mut Talk::of("echo hello"))
}

/// How long something took.
pub(crate) fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = act();
    (value, start.elapsed())
}
