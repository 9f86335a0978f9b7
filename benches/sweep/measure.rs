//! What a child process costs: wall time, CPU and memory.

use std::fs;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Linux counts CPU time in these for every architecture's programs.
const TICKS_PER_SECOND: u32 = 100;
/// How often the peak of memory is looked at; the kernel keeps it, so that only the very last can be missed.
const GLANCE: Duration = Duration::from_millis(5);

/// One run's cost.
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_mb: f64,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Cost {
    let start = Instant::now();
    let mut child = command.spawn().expect("it starts");
    let ended = AtomicBool::new(false);
    let peak = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0.0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak_of(child.id()).unwrap_or(peak);
                thread::sleep(GLANCE);
            }
            peak
        });
        wait_for(&child);
        ended.store(true, Ordering::Relaxed);
        watch.join().expect("watched")
    });
    let wall = start.elapsed();
    let cpu = cpu_of(child.id()); // the kernel keeps it until the child is waited for
    let status = child.wait().expect("a status");
    assert!(status.code().is_some_and(|code| code < 2), "{command:?}: {status}");
    Cost { wall, cpu, peak_mb: peak }
}

/// Waits for the end, and leaves the child to be asked what it cost.
fn wait_for(child: &Child) {
    let pid = Pid::from_child(child);
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("it ends");
}

/// CPU time of a process and its threads so far.
pub(crate) fn cpu_of(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| -> u32 { fields[at].parse().expect("ticks") };
    Duration::from_secs(1) * (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// The most memory it had at a time, in MB.
fn peak_of(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}
