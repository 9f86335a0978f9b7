//! One connection to the test server.

use std::collections::HashMap;
use std::future::pending;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use russh::keys::PublicKey;
use russh::server::{
    Auth, ChannelOpenHandle, Handle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Error, Sig};
use tokio::net::TcpStream;

use crate::environment;
use crate::server::{Answer, Fault, Flood, Knife, Plan, RUNTIME, Seen};

/// Who is connected.
pub(crate) struct Guest {
    plan: Arc<Plan>,
    seen: Arc<Seen>,
    knife: Knife,
    failures: usize,
    /// Whether it showed a key that is taken.
    has_key: bool,
    stdin: HashMap<ChannelId, Sender<Vec<u8>>>,
}

impl Guest {
    pub(crate) fn new(plan: Arc<Plan>, seen: Arc<Seen>, knife: Knife) -> Self {
        Guest { plan, seen, knife, failures: 0, has_key: false, stdin: HashMap::new() }
    }

    fn refuse(&mut self) -> Result<Auth, Error> {
        self.failures += 1;
        if self.failures >= self.plan.most_failures { Err(Error::Disconnect) } else { Ok(Auth::reject()) }
    }

    fn takes(&self, key: &PublicKey) -> bool {
        self.plan.authorized.iter().any(|known| known.key_data() == key.key_data())
    }

    fn check_password(&mut self, password: &str) -> Result<Auth, Error> {
        self.seen.passwords.lock().expect("a lock").push(password.to_owned());
        let is_due = self.has_key || self.plan.besides.is_empty();
        if is_due && self.plan.password == Some(password) { Ok(Auth::Accept) } else { self.refuse() }
    }
}

impl Handler for Guest {
    type Error = Error;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Error> {
        if self.plan.fault == Fault::NoLogin {
            pending::<()>().await;
        }
        self.seen.methods_asked.fetch_add(1, Ordering::SeqCst);
        match self.plan.open {
            true => Ok(Auth::Accept),
            // As sshd: the first request of all is free.
            false if self.failures == 0 && !self.has_key => Ok(Auth::reject()),
            false => self.refuse(),
        }
    }

    async fn auth_password(&mut self, _user: &str, password: &str) -> Result<Auth, Error> {
        self.check_password(password)
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Error> {
        let prompts: Vec<_> = self.plan.prompts.iter().map(|&(text, echo)| (text.into(), echo)).collect();
        let prompt = Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() };
        let Some(mut response) = response else { return Ok(prompt) };
        let password = response.next().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let verdict = self.check_password(&password.unwrap_or_default())?;
        Ok(if self.plan.asks_again { prompt } else { verdict })
    }

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Error> {
        if self.plan.fault == Fault::NoLogin {
            pending::<()>().await;
        }
        self.seen.keys_offered.fetch_add(1, Ordering::SeqCst);
        if self.takes(offer.public_key) { Ok(Auth::Accept) } else { self.refuse() }
    }

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        match self.takes(key.public_key) {
            true if self.plan.besides.is_empty() => Ok(Auth::Accept),
            true => {
                self.has_key = true;
                let left = Some(self.plan.besides.into());
                Ok(Auth::Reject { proceed_with_methods: left, partial_success: true })
            }
            false => self.refuse(),
        }
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        self.seen.channels.fetch_add(1, Ordering::SeqCst);
        match self.plan.fault {
            Fault::NoChannel => pending::<()>().await,
            Fault::RefusesChannel => reply.reject(ChannelOpenFailure::ResourceShortage).await,
            _ => reply.accept().await,
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        self.seen.forwarded.lock().expect("a lock").push(format!("{host}:{port}"));
        if !self.plan.forwards {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        let address = format!("{host}:{port}");
        tokio::spawn(async move {
            match TcpStream::connect(&address).await {
                Ok(mut next) => {
                    let _ = next.set_nodelay(true);
                    reply.accept().await;
                    let mut stream = channel.into_stream();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut next).await;
                }
                Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            }
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        self.seen.commands.lock().expect("a lock").push(command.clone());
        match self.plan.fault {
            Fault::NoExec => pending::<()>().await,
            Fault::RefusesExec => return session.channel_failure(id),
            _ => {}
        }
        session.channel_success(id)?;
        let (shell, line) = match &self.plan.answer {
            Answer::Shell => ("sh", command),
            Answer::Login { shell, rc } => (*shell, format!("{rc}\n{command}")),
            _ => {
                let play = play(session.handle(), id, Arc::clone(&self.plan), self.knife.clone());
                tokio::spawn(play);
                return Ok(());
            }
        };
        self.stdin.insert(id, run(session.handle(), id, shell, &line, self.plan.latency));
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _session: &mut Session) -> Result<(), Error> {
        if let Answer::Deaf = self.plan.answer {
            pending::<()>().await;
        }
        let mut data = data;
        let seen = {
            let mut seen = self.seen.stdin.lock().expect("a lock");
            if let Some(most) = self.plan.cut_after {
                data = &data[..data.len().min(most.saturating_sub(seen.len()))];
            }
            seen.extend_from_slice(data);
            seen.len()
        };
        if let Some(stdin) = self.stdin.get_mut(&id) {
            // A command that reads no stdin any more.
            let _ = stdin.send(data.to_vec());
        }
        if self.plan.cut_after.is_some_and(|most| seen >= most) {
            self.knife.cut();
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Error> {
        self.stdin.remove(&id);
        Ok(())
    }
}

/// Plays an answer that is not a real command's.
async fn play(handle: Handle, id: ChannelId, plan: Arc<Plan>, knife: Knife) {
    tokio::time::sleep(plan.latency).await;
    match &plan.answer {
        Answer::Shell | Answer::Login { .. } | Answer::Deaf => return,
        Answer::Canned { out, err } => {
            let mut pieces = out.chunks(32_000);
            let mut errors = err.chunks(32_000);
            loop {
                let (piece, error) = (pieces.next(), errors.next());
                if let Some(error) = error {
                    let _ = handle.extended_data(id, 1, error.to_vec()).await;
                }
                if let Some(piece) = piece {
                    let _ = handle.data(id, piece.to_vec()).await;
                }
                if piece.is_none() && error.is_none() {
                    break;
                }
            }
            let _ = handle.exit_status_request(id, 0).await;
        }
        Answer::Killed(out) => {
            let _ = handle.data(id, out.clone()).await;
            let _ = handle.exit_signal_request(id, Sig::KILL, false, String::new(), String::new()).await;
        }
        Answer::Cut(out) => {
            let _ = handle.data(id, out.clone()).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            return knife.cut();
        }
        Answer::Hangs(out) => {
            let _ = handle.data(id, out.clone()).await;
            return;
        }
        Answer::Floods(flood) => {
            let piece = vec![b'x'; 16_384];
            loop {
                let sent = match flood {
                    Flood::ExitStatus => handle.exit_status_request(id, 0).await.is_ok(),
                    Flood::Success => handle.channel_success(id).await.is_ok(),
                    Flood::FlowControl => handle.xon_xoff_request(id, true).await.is_ok(),
                    Flood::Unread => handle.extended_data(id, 7, piece.clone()).await.is_ok(),
                };
                if !sent {
                    return;
                }
            }
        }
        Answer::Trickles(pause) => {
            while handle.data(id, b".".to_vec()).await.is_ok() {
                tokio::time::sleep(*pause).await;
            }
            return;
        }
    }
    let _ = handle.eof(id).await;
    let _ = handle.close(id).await;
}

/// Runs a command as sshd would, on threads of its own.
fn run(handle: Handle, id: ChannelId, shell: &str, command: &str, latency: Duration) -> Sender<Vec<u8>> {
    let mut child = environment::command(shell)
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh");
    let mut stdin = child.stdin.take().expect("piped");
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    thread::spawn(move || {
        while let Ok(piece) = receiver.recv() {
            if stdin.write_all(&piece).is_err() {
                return;
            }
        }
    });
    let mut stdout = child.stdout.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    let errors = handle.clone();
    let forward_errors = thread::spawn(move || {
        let mut piece = vec![0; 16_384];
        while let Ok(count @ 1..) = stderr.read(&mut piece) {
            if RUNTIME.block_on(errors.extended_data(id, 1, piece[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        thread::sleep(latency);
        let mut piece = vec![0; 16_384];
        while let Ok(count @ 1..) = stdout.read(&mut piece) {
            if RUNTIME.block_on(handle.data(id, piece[..count].to_vec())).is_err() {
                break;
            }
        }
        drop(stdout); // as sshd does when its client is gone
        let _ = forward_errors.join();
        let status = child.wait().expect("a status");
        RUNTIME.block_on(async {
            if status.signal().is_some() {
                let _ = handle.exit_signal_request(id, Sig::KILL, false, String::new(), String::new()).await;
            } else {
                let code = u32::try_from(status.code().unwrap_or(255)).unwrap_or(255);
                let _ = handle.exit_status_request(id, code).await;
            }
            let _ = handle.eof(id).await;
            let _ = handle.close(id).await;
        });
    });
    sender
}
