//! An SSH agent inside the test process.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use russh::keys::{PrivateKey, signature};
use tempfile::TempDir;

const REQUEST_IDENTITIES: u8 = 11;
const SIGN_REQUEST: u8 = 13;

/// An agent that holds some keys. Its thread ends with the test process.
pub(crate) struct Agent {
    _folder: TempDir,
    pub(crate) socket: PathBuf,
    /// How often its keys were listed.
    pub(crate) listed: Arc<AtomicUsize>,
}

impl Agent {
    pub(crate) fn holding(keys: Vec<PrivateKey>) -> Self {
        Self::start(move |stream, listed| {
            while let Some(request) = receive(stream) {
                if request[0] == REQUEST_IDENTITIES {
                    listed.fetch_add(1, Ordering::SeqCst);
                }
                send(stream, &answer(&keys, &request));
            }
        })
    }

    /// One that takes requests and never answers.
    pub(crate) fn hanging() -> Self {
        Self::start(|_, _| thread::sleep(Duration::from_secs(600)))
    }

    fn start(serve: impl Fn(&mut UnixStream, &AtomicUsize) + Send + Sync + 'static) -> Self {
        let folder = crate::environment::folder();
        let socket = folder.path().join("agent");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let listed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&listed);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (serve, counter) = (Arc::clone(&serve), Arc::clone(&counter));
                thread::spawn(move || serve(&mut stream.expect("a client"), &counter));
            }
        });
        Agent { _folder: folder, socket, listed }
    }
}

fn answer(keys: &[PrivateKey], request: &[u8]) -> Vec<u8> {
    let blob = |key: &PrivateKey| key.public_key().to_bytes().expect("encoded");
    match request[0] {
        REQUEST_IDENTITIES => {
            let mut answer = vec![12];
            answer.extend(u32::try_from(keys.len()).expect("few").to_be_bytes());
            for key in keys {
                put(&mut answer, &blob(key));
                put(&mut answer, b"a comment");
            }
            answer
        }
        SIGN_REQUEST => {
            let mut rest = &request[1..];
            let wanted = take(&mut rest);
            let data = take(&mut rest);
            let Some(key) = keys.iter().find(|key| blob(key) == wanted) else { return vec![5] };
            let signature: russh::keys::ssh_key::Signature =
                signature::Signer::try_sign(key, data).expect("a signature");
            let mut answer = vec![14];
            put(&mut answer, &Vec::try_from(signature).expect("encoded"));
            answer
        }
        _ => vec![5],
    }
}

fn put(to: &mut Vec<u8>, field: &[u8]) {
    to.extend(u32::try_from(field.len()).expect("short").to_be_bytes());
    to.extend(field);
}

fn take<'a>(from: &mut &'a [u8]) -> &'a [u8] {
    let (length, rest) = from.split_at(4);
    let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
    let (field, rest) = rest.split_at(usize::try_from(length).expect("short"));
    *from = rest;
    field
}

fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?];
    stream.read_exact(&mut request).ok()?;
    Some(request)
}

fn send(stream: &mut UnixStream, answer: &[u8]) {
    let mut message = Vec::new();
    put(&mut message, answer);
    stream.write_all(&message).expect("sent");
}
