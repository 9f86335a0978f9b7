//! Visits all hosts at once: I/O waits on threads of its own, parsing runs on all cores.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use secrecy::SecretString;

use super::cluster::subject;
use super::error::RunError;
use super::terminal;
use crate::facts::{self, Circumstances, Fact, HostRecord, Outcome, Probe};
use crate::gather::{self, Errand, Gathered, SudoPassword};
use crate::inventory::Host;
use crate::transport::{HostKeyStanding, Login, Transport, TransportError};

/// Stack of a visiting thread, in bytes: it waits, it does not compute.
const STACK: usize = 256 * 1024;

/// One host and what it is asked.
pub(super) struct Call {
    pub(super) host: Host,
    pub(super) errand: Errand,
    pub(super) sudo_password: Option<SecretString>,
}

/// The ways to reach hosts.
pub(super) struct Transports {
    pub(super) local: Box<dyn Transport + Send + Sync>,
    pub(super) remote: Box<dyn Transport + Send + Sync>,
}

/// What a sweep gave.
pub(super) struct Swept {
    /// Every host, in the order of the calls.
    pub(super) records: Vec<HostRecord>,
    /// Each host's answer as it came, where it was wanted.
    pub(super) raw: Vec<Option<Vec<u8>>>,
    /// Whether the user interrupted it.
    pub(super) interrupted: bool,
}

/// One visit's end.
struct Done {
    index: usize,
    took: Duration,
    gathered: Result<Box<Gathered>, TransportError>,
}

/// Visits every host, `forks` at a time.
///
/// # Errors
/// When no thread could be started.
pub(super) fn sweep(
    calls: Vec<Call>,
    transports: Transports,
    forks: usize,
    keep_raw: bool,
    interrupted: &Arc<AtomicBool>,
) -> Result<Swept, RunError> {
    let calls = Arc::new(calls);
    let transports = Arc::new(transports);
    let probes: Arc<[Probe]> = facts::host::probes().into();
    let next = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    let mut threads = 0;
    for _ in 0..forks.min(calls.len()) {
        let (calls, transports, probes) = (Arc::clone(&calls), Arc::clone(&transports), Arc::clone(&probes));
        let (next, interrupted, sender) = (Arc::clone(&next), Arc::clone(interrupted), sender.clone());
        let visit = move || {
            while !interrupted.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(call) = calls.get(index) else { break };
                let started = Instant::now();
                let transport =
                    if call.host.connection.local { &transports.local } else { &transports.remote };
                let password = call.sudo_password.as_ref();
                let gathered =
                    gather::visit(&**transport, &call.host, &probes, &call.errand, password).map(Box::new);
                if sender.send(Done { index, took: started.elapsed(), gathered }).is_err() {
                    break;
                }
            }
        };
        match thread::Builder::new().stack_size(STACK).spawn(visit) {
            Ok(_) => threads += 1,
            Err(_) if threads > 0 => break, // fewer threads take longer, and that is all
            Err(error) => return Err(RunError::Internal(format!("no thread could be started: {error}"))),
        }
    }
    drop(sender);
    Ok(collect(&calls, &receiver, keep_raw, interrupted))
}

/// Takes the visits' ends as they come and parses them on all cores meanwhile.
fn collect(
    calls: &[Call],
    receiver: &mpsc::Receiver<Done>,
    keep_raw: bool,
    interrupted: &AtomicBool,
) -> Swept {
    let progress = progress(calls.len());
    let (parsed, records) = mpsc::channel();
    let mut ended = 0;
    rayon::in_place_scope(|scope| {
        while ended < calls.len() {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(done) => {
                    ended += 1;
                    progress.inc(1);
                    let parsed = parsed.clone();
                    scope.spawn(move |_| {
                        let (index, entry) = (done.index, record(&calls[done.index], done, keep_raw));
                        let _ = parsed.send((index, entry));
                    });
                }
                Err(mpsc::RecvTimeoutError::Timeout) if !interrupted.load(Ordering::Relaxed) => {}
                Err(_) => break,
            }
        }
    });
    drop(parsed);
    progress.finish_and_clear();
    let mut entries: Vec<Option<(HostRecord, Option<Vec<u8>>)>> = calls.iter().map(|_| None).collect();
    for (index, entry) in records {
        entries[index] = Some(entry);
    }
    let (records, raw) = entries
        .into_iter()
        .zip(calls)
        .map(|(entry, call)| {
            entry.unwrap_or_else(|| (lost(&call.host, "run", "interrupted before it answered"), None))
        })
        .unzip();
    Swept { records, raw, interrupted: interrupted.load(Ordering::Relaxed) }
}

fn progress(hosts: usize) -> ProgressBar {
    if !terminal::stderr_is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(hosts as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} visiting hosts {pos}/{len} {wide_bar}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A host that was not reached.
pub(super) fn lost(host: &Host, stage: &str, reason: &str) -> HostRecord {
    HostRecord {
        subject: subject(host),
        gathered_at: None,
        duration_ms: None,
        outcome: Outcome::Unreachable { stage: stage.to_owned(), reason: reason.to_owned() },
    }
}

fn record(call: &Call, done: Done, keep_raw: bool) -> (HostRecord, Option<Vec<u8>>) {
    let took = u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX);
    match done.gathered {
        Err(error) => {
            let record = lost(&call.host, error.stage.as_str(), &error.reason);
            (HostRecord { duration_ms: Some(took), ..record }, None)
        }
        Ok(gathered) => {
            let circumstances = circumstances(call, &gathered);
            let facts = facts::host::parse(&gathered.answered.transcript, &circumstances);
            let record = HostRecord {
                subject: subject(&call.host),
                gathered_at: gathered.first_heard_at.and_then(rfc3339),
                duration_ms: Some(took),
                outcome: Outcome::Gathered(Box::new(facts)),
            };
            (record, keep_raw.then_some(gathered.raw))
        }
    }
}

/// A time as reports write it: UTC, whole seconds.
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    let seconds = i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    Some(Timestamp::from_second(seconds).ok()?.to_string())
}

/// What the visit itself showed.
fn circumstances(call: &Call, gathered: &Gathered) -> Circumstances {
    let login = match gathered.visit.login {
        Login::Local => "local",
        Login::None => "none",
        Login::Agent => "agent",
        Login::PublicKey => "publickey",
        Login::Password => "password",
    };
    let (host_key, host_key_fingerprint) = match &gathered.visit.host_key {
        Some(key) => {
            let standing = match key.standing {
                HostKeyStanding::Known => "known",
                HostKeyStanding::Learned => "learned",
                HostKeyStanding::Unchecked => "unchecked",
            };
            (
                Fact::known(standing.to_owned(), "known_hosts"),
                Fact::known(key.fingerprint.clone(), "SSH key exchange"),
            )
        }
        None => (Fact::absent("known_hosts"), Fact::absent("SSH key exchange")),
    };
    let (clock_offset_ms, clock_uncertainty_ms) = clock(gathered);
    Circumstances {
        user: Fact::known(gathered.visit.user.clone(), "the login"),
        login: Fact::known(login.to_owned(), "the login"),
        host_key,
        host_key_fingerprint,
        clock_offset_ms,
        clock_uncertainty_ms,
        host_epoch_s: gathered.answered.clock.map_or(0, |clock| clock.seconds as i64),
        node_ip: call.host.ip.clone(),
        sudo_password: gathered.sudo_password != SudoPassword::None,
        peers: call.errand.peers.clone(),
        registries: call.errand.registries.clone(),
        mirrors: call.errand.mirrors.clone(),
    }
}

/// The host's clock minus ours in the middle of the exchange, and half the exchange's length.
fn clock(gathered: &Gathered) -> (Fact<f64>, Fact<f64>) {
    const SOURCE: &str = "date, against this machine's clock";
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64()).ok();
    let asked = gathered.asked_at.and_then(since);
    match (gathered.answered.clock, asked, gathered.first_heard_at.and_then(since)) {
        (Some(clock), Some(asked), Some(heard)) => {
            let offset = clock.seconds - (asked + heard) / 2.0;
            let uncertainty = (heard - asked).abs() / 2.0 + clock.resolution / 2.0;
            let tenths = |seconds: f64| (seconds * 10_000.0).round() / 10.0;
            (Fact::known(tenths(offset), SOURCE), Fact::known(tenths(uncertainty), SOURCE))
        }
        _ => {
            let reason = "the host's `date` told no time";
            (Fact::unknown(reason, SOURCE), Fact::unknown(reason, SOURCE))
        }
    }
}
