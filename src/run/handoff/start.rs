//! Starts ansible-playbook and waits for it. It has our terminal and is in our process group, so Ctrl-C reaches it by itself;
//! this process outlives it whatever signal comes.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgrp, kill_process, waitid};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::handoff::plan::Plan;
use crate::handoff::record::Ending;
use crate::run::interrupt;

/// Ctrl-C came before there was anything to start.
pub(super) struct Interrupted;

/// What listens to the signals that would end this process.
pub(super) struct Watch {
    signals: Signals,
}

impl Watch {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's own; and where Ctrl-C came already.
    pub(super) fn begin() -> io::Result<Result<Watch, Interrupted>> {
        let signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT])?;
        let mut watch = Watch { signals };
        let pressed = interrupt::let_go();
        Ok(if pressed || watch.heard() { Err(Interrupted) } else { Ok(watch) })
    }

    fn heard(&mut self) -> bool {
        self.signals.pending().next().is_some()
    }

    /// Starts it.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn start(&self, plan: &Plan) -> io::Result<Child> {
        let environment = plan.environment.iter().map(|(name, value)| (name, value));
        Command::new(&plan.program).args(&plan.words).current_dir(&plan.folder).envs(environment).spawn()
    }

    /// Waits for its end; signals that it would not get by itself are passed on to it meanwhile.
    pub(super) fn until_end(mut self, mut child: Child) -> Ending {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let alive = Arc::new(Mutex::new(pid));
        let listens = self.signals.handle();
        let target = Arc::clone(&alive);
        let forwarder = thread::Builder::new().spawn(move || {
            for signal in self.signals.forever() {
                let target = target.lock().unwrap_or_else(PoisonError::into_inner);
                if let (Some(pid), Some(signal)) = (*target, meant(signal)) {
                    let _ = kill_process(pid, signal); // it may have ended just now
                }
            }
        });
        // Not reaped before the forwarder knows: its number must not be another process' when a signal is passed on.
        if let Some(pid) = pid {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while waitid(WaitId::Pid(pid), options).is_err_and(|error| error == rustix::io::Errno::INTR) {}
        }
        *alive.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let ended = child.wait();
        listens.close();
        if let Ok(forwarder) = forwarder {
            let _ = forwarder.join();
        }
        match ended {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Status(code),
                (None, Some(signal)) => Ending::Signal(signal),
                (None, None) => Ending::Error("it ended in no known way".to_owned()),
            },
            Err(error) => Ending::Error(format!("it could not be waited for: {error}")),
        }
    }
}

/// The signal to pass on, if it has to be: what a terminal sends goes to every process in the foreground, so to both.
fn meant(signal: i32) -> Option<Signal> {
    match signal {
        SIGTERM => Some(Signal::TERM),
        _ if in_foreground() => None,
        SIGINT => Some(Signal::INT),
        SIGHUP => Some(Signal::HUP),
        SIGQUIT => Some(Signal::QUIT),
        _ => None,
    }
}

/// Whether we are what a terminal's keys go to.
fn in_foreground() -> bool {
    fn ours(stream: impl AsFd) -> bool {
        tcgetpgrp(stream).is_ok_and(|group| group == getpgrp())
    }
    ours(io::stdin()) || ours(io::stdout()) || ours(io::stderr())
}
