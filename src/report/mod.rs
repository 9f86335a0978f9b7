//! How verdicts are shown: one file per format. Prints nothing, opens no file, decides no exit code.

mod document;

pub use document::{HostRow, InventoryRow, Mode, Outcome, Report, SCHEMA, Scope, Summary, Tool, Unreachable};
