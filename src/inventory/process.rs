//! Programs that a part of the inventory comes from: started without a shell, waited for a bounded time, heard up to a
//! bounded size.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::redact;

/// What a program may take.
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    pub(crate) bytes: u64,
}

/// Runs a program and gives its stdout; an error is told in words that fit behind the program's name. `listen` takes
/// its stderr too, and gives it no stdin; otherwise it has ours, to ask the user.
pub(crate) fn run(command: &mut Command, bounds: &Bounds, listen: bool) -> Result<Vec<u8>, String> {
    command.stdout(Stdio::piped());
    if listen {
        command.stderr(Stdio::piped()).stdin(Stdio::null());
    }
    let mut child = command.spawn().map_err(|error| format!("could not be started: {error}"))?;
    let deadline = Instant::now() + bounds.time;
    let output = child.stdout.take().map(|stream| hear(stream, bounds.bytes));
    let complaint = child.stderr.take().map(|stream| hear(stream, 64 * 1024));
    let heard = output.map_or(Ok(Vec::new()), |output| wait(&output, deadline));
    let ended_well = heard.and_then(|output| {
        let complaint = complaint.map_or(Ok(Vec::new()), |complaint| wait(&complaint, deadline))?;
        let ended = ended(&mut child, deadline)?;
        let complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
        match ended {
            _ if output.len() as u64 > bounds.bytes => {
                Err(format!("said more than {} MiB", bounds.bytes >> 20))
            }
            None => Ok(output),
            Some(status) if complaint.is_empty() => Err(format!("failed ({status})")),
            Some(status) => Err(format!("failed ({status}): {}", shortened(&complaint))),
        }
    });
    if ended_well.is_err() {
        // Whatever it is still doing is not waited for.
        let _ = child.kill();
        let _ = child.wait();
    }
    ended_well
}

/// The last lines of a complaint: Python tells the cause there.
fn shortened(complaint: &str) -> String {
    let lines: Vec<&str> = complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = lines[lines.len().saturating_sub(6)..].join("; ");
    redact::text(&text).chars().take(800).collect()
}

fn hear(stream: impl Read + Send + 'static, bytes: u64) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut heard = Vec::new();
        let result = stream.take(bytes + 1).read_to_end(&mut heard).map(|_| heard);
        let _ = sender.send(result);
    });
    receiver
}

fn wait(receiver: &mpsc::Receiver<std::io::Result<Vec<u8>>>, deadline: Instant) -> Result<Vec<u8>, String> {
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(heard) => heard.map_err(|error| format!("could not be heard: {error}")),
        Err(_) => Err("did not end in time".to_owned()),
    }
}

/// How it ended; `None` where it ended well.
fn ended(child: &mut Child, deadline: Instant) -> Result<Option<String>, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok((!status.success()).then(|| status.to_string())),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            Ok(None) => return Err("did not end in time".to_owned()),
            Err(error) => return Err(format!("could not be waited for: {error}")),
        }
    }
}
