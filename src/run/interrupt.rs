//! Ctrl-C, or the SIGTERM of a CI runner, while hosts are visited: it ends the visits, and a report of what is done follows. Ctrl-C
//! once more ends the process at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use crate::exit_code;

/// Who listens now.
static LISTENING: Mutex<Option<Listening>> = Mutex::new(None);

struct Listening {
    pressed: Arc<AtomicBool>,
    /// Whether the first was noticed: until then another is the same one, for `timeout` and runners signal a process and its
    /// group.
    noticed: Arc<AtomicBool>,
    actions: [SigId; 3],
}

/// Listens from now on; whether such a signal came is in the flag. Who listened before does no more.
pub(super) fn listen() -> io::Result<Arc<AtomicBool>> {
    let_go();
    let (pressed, noticed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    // Ended at once is nothing half-written: reports are renamed into place whole.
    let status = i32::from(exit_code::INTERRUPTED);
    let again = flag::register_conditional_shutdown(SIGINT, status, Arc::clone(&noticed))?;
    let first = flag::register(SIGINT, Arc::clone(&pressed))?;
    let terminated = flag::register(SIGTERM, Arc::clone(&pressed))?;
    let actions = [again, first, terminated];
    let listening = Listening { pressed: Arc::clone(&pressed), noticed, actions };
    *LISTENING.lock().unwrap_or_else(PoisonError::into_inner) = Some(listening);
    Ok(pressed)
}

/// Whether such a signal came; from then on another Ctrl-C ends the process at once.
pub(super) fn notice(pressed: &AtomicBool) -> bool {
    let came = pressed.load(Ordering::Relaxed);
    if came && let Some(listening) = &*LISTENING.lock().unwrap_or_else(PoisonError::into_inner) {
        listening.noticed.store(true, Ordering::Relaxed);
    }
    came
}

/// Listens no more, and says whether such a signal came. From now on they do nothing to this process.
pub(super) fn let_go() -> bool {
    let listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner).take();
    listening.is_some_and(|listening| {
        listening.actions.into_iter().for_each(|action| {
            low_level::unregister(action);
        });
        listening.pressed.load(Ordering::Relaxed)
    })
}
