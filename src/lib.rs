//! airworthy: is this set of machines fit to become a Kubernetes cluster?
//!
//! A pure core (`facts`, `checks`, `report`, `handoff`) inside an I/O shell (`inventory`, `transport`,
//! `gather`, `run`). Data moves one way:
//!
//! ```text
//! inventory ──▶ transport ──▶ gather ──▶ facts ──▶ checks ──▶ report
//!   who           how to         what       what is    what it     how it
//!   and where     reach          was read   true       means       is shown
//!                                                        ├──▶ fix: plan (pure), apply (back through transport)
//!                                                        └──▶ handoff: plan (pure), start (run)
//! ```
//!
//! `redact` knows what is secret, `escape` what could drive a terminal, and `destination` where a path leads; they name no other
//! module. All that is shown or saved goes through the first two.

pub mod checks;
pub mod cli;
mod destination;
pub mod escape;
pub mod exit_code;
pub mod facts;
pub mod fix;
pub mod gather;
pub mod handoff;
mod input;
pub mod inventory;
pub mod kubespray;
mod merge_conflict;
pub mod nvml;
pub mod redact;
pub mod report;
pub mod role;
pub mod run;
pub mod transport;
