//! How verdicts are shown: one file per format. Prints nothing, opens no file, decides no exit code.
#![deny(clippy::disallowed_methods)]

mod document;
mod escape;
pub mod json;
mod layout;
mod redaction;
#[cfg(test)]
mod sample;
mod summary;
pub mod table;

pub use document::{
    FixOutcome, FixRow, HostOutcome, HostRow, INTERRUPTED, InventoryRow, KubesprayRow, Mode, Outcome,
    ProfileSource, Report, SCHEMA, Scope, Summary, Tool, Unreachable,
};
pub use summary::{by_host, host_outcome, outcome};
