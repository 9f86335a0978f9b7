//! Ending what a visit started, without leaving anything behind.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a command's trap may clean up after the deadline.
const GRACE: Duration = Duration::from_millis(300);

/// The command said all it had to say; it is not waited for, and leaves no zombie.
pub(super) fn reap(mut child: Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    // Without a thread to spare the zombie goes when this process does.
    let _ = thread::Builder::new().stack_size(128 * 1024).spawn(move || child.wait());
}

/// Ends a command that leads a group of its own, and all it started: asks, then kills.
pub(super) fn end(mut child: Child) {
    signal(&child, Signal::TERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(10));
    }
    signal(&child, Signal::KILL);
    reap(child);
}

/// A group that is gone already is as wanted.
fn signal(child: &Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}
