//! What is known so far, shared between the thread that asks and the one that waits.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nvml_wrapper::Nvml;

use crate::facts::nvml::{Document, Gpu};

/// What is known so far.
#[derive(Default)]
pub(super) struct State {
    /// The document, filled answer by answer.
    pub(super) document: Document,
    /// The library, once it is there.
    pub(super) nvml: Option<Arc<Nvml>>,
    /// The call under way: its name, its GPU, and when it began.
    pub(super) asking: Option<(String, Option<u32>, Instant)>,
    /// Which asker is trusted. One that hung and comes back finds another number here.
    pub(super) asker: u32,
    /// Nothing is left to ask.
    pub(super) done: bool,
}

/// The state and its bell.
#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

impl Board {
    /// The state. A thread that died while it held it left it whole: values are stored one at a time.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something changes, at most so long.
    pub(super) fn wait<'b>(&self, state: MutexGuard<'b, State>, at_most: Duration) -> MutexGuard<'b, State> {
        self.changed.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0
    }

    fn ring(&self) {
        self.changed.notify_all();
    }
}

/// One thread's access: it stops where another took over.
pub(super) struct Asker {
    board: Arc<Board>,
    number: u32,
}

/// Another thread took over.
pub(super) struct Replaced;

impl Asker {
    /// The asker by that number.
    pub(super) fn new(board: Arc<Board>, number: u32) -> Self {
        Asker { board, number }
    }

    /// Says which call begins, makes it, and says that it ended.
    pub(super) fn call<T>(
        &self,
        name: &str,
        gpu: Option<u32>,
        call: impl FnOnce() -> T,
    ) -> Result<T, Replaced> {
        self.change(|state| state.asking = Some((name.to_owned(), gpu, Instant::now())))?;
        let answer = call();
        self.change(|state| state.asking = None)?;
        Ok(answer)
    }

    /// Stores something.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), Replaced> {
        let mut state = self.board.state();
        if state.asker != self.number {
            return Err(Replaced);
        }
        change(&mut state);
        drop(state);
        self.board.ring();
        Ok(())
    }

    /// Stores something of one GPU.
    pub(super) fn tell(&self, index: u32, tell: impl FnOnce(&mut Gpu)) -> Result<(), Replaced> {
        self.change(|state| {
            if let Some(gpu) = state.document.gpus.iter_mut().find(|gpu| gpu.index == index) {
                tell(gpu);
            }
        })
    }
}
