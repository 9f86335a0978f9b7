//! What is true of a machine: typed facts per subject, the probes that read them, and the pure
//! parsers of what the probes answered. Does no I/O; names no other room.

mod fact;
mod probe;
mod transcript;

pub use fact::{Fact, Reading};
pub use probe::{DEADLINE, Probe, Read};
pub use transcript::{Answer, Ended, Section, Transcript};
