//! How ssh gets a password that is known: it starts this program to ask for it, which asks the visit over a private
//! socket. So the password is in nobody's arguments, environment or files.

use std::env;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::login::asks_for_password;
use super::openssh_log::Log;

/// Names the socket to the program that ssh starts.
pub(super) const VARIABLE: &str = "AIRWORTHY_ASKPASS";

/// The longest prompt, and the longest wait for either side.
const LONGEST: u64 = 4096;
const PATIENCE: Duration = Duration::from_secs(10);

/// Where this process was started by ssh to ask for a password: asks the visit, and gives the exit status.
pub fn answer_prompt() -> Option<u8> {
    let socket = env::var_os(VARIABLE)?;
    let prompt = env::args().nth(1).unwrap_or_default();
    Some(u8::from(ask(Path::new(&socket), &prompt).is_err()))
}

fn ask(socket: &Path, prompt: &str) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(prompt.as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::other("no answer"));
    }
    let mut stdout = io::stdout();
    stdout.write_all(&answer)?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Answers one question for one visit; dropped, it listens no more.
pub(super) struct Desk {
    socket: PathBuf,
    over: Arc<AtomicBool>,
}

impl Desk {
    /// Listens in a private folder.
    pub(super) fn open(folder: &Path, password: &SecretString, log: &Arc<Mutex<Log>>) -> io::Result<Self> {
        let socket = folder.join("ask");
        let listener = UnixListener::bind(&socket)?;
        let over = Arc::new(AtomicBool::new(false));
        let (closed, password, log) = (Arc::clone(&over), password.clone(), Arc::clone(log));
        let serve = move || {
            let mut asked = false;
            for stream in listener.incoming() {
                if closed.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                // A question that nobody waits for any more costs nothing.
                let _ = answer(stream, &mut asked, &password, &log);
            }
        };
        thread::Builder::new().stack_size(128 * 1024).spawn(serve)?;
        Ok(Desk { socket, over })
    }

    /// The socket's path.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it up.
        let _ = UnixStream::connect(&self.socket);
    }
}

/// Gives the password once, to the host itself: a jump host asks before ssh has reached the host.
fn answer(
    mut stream: UnixStream,
    asked: &mut bool,
    password: &SecretString,
    log: &Mutex<Log>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut prompt = Vec::new();
    (&mut stream).take(LONGEST).read_to_end(&mut prompt)?;
    let prompt = String::from_utf8_lossy(&prompt);
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.refresh();
    if !*asked && asks_for_password(&prompt) && log.is_logging_in() {
        *asked = true;
        return stream.write_all(password.expose_secret().as_bytes());
    }
    log.asked_for_more(&prompt);
    Ok(())
}
