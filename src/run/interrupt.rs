//! Ctrl-C while hosts are visited: the first ends the visits, and a report of what is done follows; the second ends the process.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::SIGINT;
use signal_hook::{SigId, flag, low_level};

use crate::exit_code;

/// Who listens now.
static LISTENING: Mutex<Option<Listening>> = Mutex::new(None);

struct Listening {
    pressed: Arc<AtomicBool>,
    actions: [SigId; 2],
}

/// Listens from now on; whether it was pressed is in the flag. Who listened before does no more.
pub(super) fn listen() -> io::Result<Arc<AtomicBool>> {
    let_go();
    let pressed = Arc::new(AtomicBool::new(false));
    // In this order: the first press finds the flag down, and raises it. Ended at once is nothing half-written: reports are
    // renamed into place whole.
    let second =
        flag::register_conditional_shutdown(SIGINT, i32::from(exit_code::INTERRUPTED), Arc::clone(&pressed))?;
    let first = flag::register(SIGINT, Arc::clone(&pressed))?;
    let listening = Listening { pressed: Arc::clone(&pressed), actions: [second, first] };
    *LISTENING.lock().unwrap_or_else(PoisonError::into_inner) = Some(listening);
    Ok(pressed)
}

/// Listens no more, and says whether it was pressed. From now on Ctrl-C does nothing to this process.
pub(super) fn let_go() -> bool {
    let listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner).take();
    listening.is_some_and(|listening| {
        listening.actions.into_iter().for_each(|action| {
            low_level::unregister(action);
        });
        listening.pressed.load(Ordering::Relaxed)
    })
}
