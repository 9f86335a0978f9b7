//! Text of a peer's that the `ssh2` crate takes for UTF-8, and panics where it is not.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether a panic on this thread is expected, and says nothing.
    static IS_EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Makes a call that panics where a peer's text is not UTF-8; then there is nothing, and nothing is said on stderr.
pub(super) fn if_utf8<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_EXPECTED.get() {
                report(panic);
            }
        }));
    });
    IS_EXPECTED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    IS_EXPECTED.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_gives_nothing_and_the_next_call_is_as_ever() {
        assert_eq!(if_utf8(|| String::from_utf8(vec![0xff]).expect("text").len()), None);
        assert_eq!(if_utf8(|| 3), Some(3));
        assert!(!IS_EXPECTED.get());
    }
}
