//! Visits all hosts at once: I/O waits on threads of its own, parsing runs on all cores.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use secrecy::SecretString;

use super::cluster::subject;
use super::control_node::Inquiry;
use super::error::RunError;
use super::{interrupt, terminal};
use crate::facts::variables::Variables;
use crate::facts::{self, Circumstances, Fact, HostRecord, Outcome};
use crate::gather::{self, Errand, Gathered, Heard, Script, SudoPassword};
use crate::inventory::Host;
use crate::redact;
use crate::report::INTERRUPTED;
use crate::transport::{HostKeyStanding, Login, Stage, Transport, TransportError};

/// Stack of a visiting thread, in bytes: it waits, it does not compute.
const STACK: usize = 256 * 1024;

/// How many answers may wait to be parsed; a visiting thread with one more waits with it.
const BACKLOG: usize = 64;

/// One host and what it is asked.
pub(super) struct Call {
    pub(super) host: Host,
    pub(super) errand: Errand,
    /// What the inventory sets for it, of what kubespray reads.
    pub(super) variables: Variables,
    /// Where this is the dev box: what Ansible would run with.
    pub(super) control_node: Option<Arc<Inquiry>>,
    pub(super) sudo_password: Option<SecretString>,
    /// Why it is not visited at all.
    pub(super) refused: Option<String>,
}

/// The ways to reach hosts.
pub(super) struct Transports {
    pub(super) local: Box<dyn Transport + Send + Sync>,
    pub(super) remote: Box<dyn Transport + Send + Sync>,
}

impl Transports {
    /// The way to this host.
    pub(super) fn of(&self, host: &Host) -> &(dyn Transport + Send + Sync) {
        if host.connection.local { &*self.local } else { &*self.remote }
    }
}

/// What a sweep gave.
pub(super) struct Swept<T> {
    /// What became of every host, in the order of the calls.
    pub(super) hosts: Vec<T>,
    /// Whether the user interrupted it.
    pub(super) interrupted: bool,
}

/// One visit's end.
struct Done {
    index: usize,
    took: Duration,
    heard: Result<Box<Heard>, TransportError>,
}

/// Visits every host, `forks` at a time. Its record, with its answer as it came where it gave one, goes at once to one of
/// the workers, of which each core has one with a state of its own: what they do hides in the waiting for other hosts.
///
/// # Errors
/// When no thread could be started.
pub(super) fn sweep<T, W>(
    calls: Vec<Call>,
    transports: Arc<Transports>,
    forks: usize,
    interrupted: &Arc<AtomicBool>,
    worker: impl Fn() -> W + Sync,
) -> Result<Swept<T>, RunError>
where
    T: Send,
    W: FnMut(HostRecord, Option<Bytes>) -> T,
{
    let calls = Arc::new(calls);
    let script = Arc::new(Script::new(&facts::host::probes()));
    let next = Arc::new(AtomicUsize::new(0));
    // Bounded, so that no answers pile up while all cores are busy.
    let (sender, receiver) = mpsc::sync_channel(BACKLOG);
    let mut threads = 0;
    for _ in 0..forks.min(calls.len()) {
        let (calls, transports, script) = (Arc::clone(&calls), Arc::clone(&transports), Arc::clone(&script));
        let (next, interrupted, sender) = (Arc::clone(&next), Arc::clone(interrupted), sender.clone());
        let visit = move || {
            while !interrupted.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(call) = calls.get(index) else { break };
                let started = Instant::now();
                let transport = transports.of(&call.host);
                let password = call.sudo_password.as_ref();
                let heard = match &call.refused {
                    Some(reason) => Err(TransportError::new(Stage::Inventory, reason)),
                    None => {
                        gather::hear(transport, &call.host, &script, &call.errand, password).map(Box::new)
                    }
                };
                if sender.send(Done { index, took: started.elapsed(), heard }).is_err() {
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
    Ok(collect(&calls, &script, receiver, interrupted, worker))
}

/// Takes the visits' ends as they come, on all cores.
fn collect<T: Send, W: FnMut(HostRecord, Option<Bytes>) -> T>(
    calls: &[Call],
    script: &Script,
    receiver: mpsc::Receiver<Done>,
    interrupted: &AtomicBool,
    worker: impl Fn() -> W + Sync,
) -> Swept<T> {
    let progress = progress(calls.len());
    let receiver = Mutex::new(receiver);
    let results: Mutex<Vec<Option<T>>> = Mutex::new(calls.iter().map(|_| None).collect());
    let work = || {
        let mut worker = worker();
        loop {
            let next = lock(&receiver).recv_timeout(Duration::from_millis(100));
            match next {
                Ok(done) => {
                    progress.inc(1);
                    let index = done.index;
                    let (record, raw) = record(&calls[index], script, done);
                    let result = worker(record, raw);
                    lock(&results)[index] = Some(result);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if !interrupt::notice(interrupted) => {}
                Err(_) => break,
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 1..cores.min(calls.len()) {
            // Fewer of them take longer, and that is all.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    progress.finish_and_clear();
    let mut worker = worker();
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let hosts = results.into_iter().zip(calls).map(|(result, call)| {
        result.unwrap_or_else(|| {
            worker(lost(&call.host, INTERRUPTED, "the run was interrupted before it answered"), None)
        })
    });
    Swept { hosts: hosts.collect(), interrupted: interrupt::notice(interrupted) }
}

/// Nothing that is locked here is left half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

fn record(call: &Call, script: &Script, done: Done) -> (HostRecord, Option<Bytes>) {
    let took = u64::try_from(done.took.as_millis()).unwrap_or(u64::MAX);
    match done.heard.and_then(|heard| heard.take_apart(script.probes())) {
        Err(error) => {
            // Some of it is what programs said: a ProxyCommand, ssh, sudo.
            let record = lost(&call.host, error.stage.as_str(), &redact::text(&error.reason));
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
            (record, Some(gathered.raw))
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
        variables: call.variables.clone(),
        control_node: call.control_node.as_ref().map(|inquiry| inquiry.answer().clone()).unwrap_or_default(),
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
            // Zero has no sign.
            let tenths = |seconds: f64| (seconds * 10_000.0).round() / 10.0 + 0.0;
            (Fact::known(tenths(offset), SOURCE), Fact::known(tenths(uncertainty), SOURCE))
        }
        _ => {
            let reason = "the host's `date` told no time";
            (Fact::unknown(reason, SOURCE), Fact::unknown(reason, SOURCE))
        }
    }
}
