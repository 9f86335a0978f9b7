//! A jump host is not stormed: few log in at a time, and one that lets nobody in is asked once.
//!
//! sshd's MaxStartups begins to turn away at ten connections that are not logged in yet.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::TransportError;
use super::deadline::Deadline;

/// How many log in at a time.
const MOST: usize = 8;

/// The gates of all jump hosts.
#[derive(Debug, Default)]
pub(super) struct Gates {
    by_key: Mutex<HashMap<String, Arc<Gate>>>,
}

impl Gates {
    /// The gate of a jump host.
    pub(super) fn of(&self, key: String) -> Arc<Gate> {
        let mut gates = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(key).or_default())
    }
}

/// The gate of one jump host.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    inside: usize,
    /// Somebody got in.
    proven: bool,
    /// The first one did not.
    failed: Option<TransportError>,
}

impl Gate {
    /// Logs in, when it is this visit's turn: the first one goes alone, and its failure is everyone's.
    pub(super) fn pass<T>(
        &self,
        deadline: &Deadline,
        log_in: impl FnOnce() -> Result<T, TransportError>,
    ) -> Result<T, TransportError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(why) = &state.failed {
                return Err(why.clone());
            }
            if state.inside == 0 || (state.proven && state.inside < MOST) {
                break;
            }
            let waited = self.changed.wait_timeout(state, deadline.left()?);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.inside += 1;
        drop(state);
        let result = log_in();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.inside -= 1;
        match &result {
            Ok(_) => state.proven = true,
            Err(why) if !state.proven => state.failed = Some(why.clone()),
            Err(_) => {}
        }
        drop(state);
        self.changed.notify_all();
        result
    }
}
