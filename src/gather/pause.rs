//! The one probe for which the script's own shell waits, as shell text.

use std::fmt::Write as _;
use std::time::Duration;

use crate::facts::{Probe, Read};

/// What is read before and behind a pause. It takes no process but `sleep`, and what is over when the pause is needs no clock.
#[derive(Clone, Copy)]
pub(super) struct Pause {
    probe: &'static str,
    before: &'static str,
    after: &'static str,
    pub(super) length: Duration,
}

impl Pause {
    pub(super) fn of(probe: &Probe) -> Option<Self> {
        match probe.read {
            Read::Twice { before, pause, after } => {
                Some(Pause { probe: probe.name, before, after, length: pause })
            }
            _ => None,
        }
    }

    /// Begins it.
    pub(super) fn begin(&self) -> String {
        let millis = self.length.as_millis();
        format!(
            "{}\nsleep {}.{:03} </dev/null >/dev/null 2>&1 &\npause__=$!\n",
            self.before,
            millis / 1000,
            millis % 1000
        )
    }

    /// Waits for its end, with the processes' words piling up meanwhile; the last of them is its own.
    pub(super) fn end(&self) -> String {
        let mut text = format!("behind_pause() {{\n{}\n}}\nwait \"$pause__\"\npause__=\n", self.after);
        let _ = writeln!(text, "ask {} behind_pause >>\"$dir__/frame.o\" 2>>\"$dir__/frame.e\"", self.probe);
        text.push_str("echo 'pause over' >&4\n");
        text
    }
}
