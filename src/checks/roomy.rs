//! A stack for what recurses.

use std::cell::Cell;
use std::thread;

/// Its size, in bytes: no condition within its bounds exhausts it while the parser recurses over it.
const STACK: usize = 64 * 1024 * 1024;

thread_local! {
    static IS_ROOMY: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` on a thread with such a stack: this one, where it has it. A thread costs more than a condition, so those who
/// compile many ask for it once. None where there is no thread to be had, or the work panicked on it.
pub(super) fn roomy<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    if IS_ROOMY.get() {
        return Some(work());
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || {
            IS_ROOMY.set(true);
            work()
        });
        thread.ok()?.join().ok()
    })
}
