//! Declarative checks, and what they make of the facts. Does no I/O, reads no clock, knows no
//! transport.

mod verdict;

pub use verdict::{Found, Severity, Status, Verdict};
