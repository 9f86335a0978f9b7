//! Every exit status, named. Decided from verdicts alone, equal for all formats.

/// GO: no finding that counts, every host reached.
pub const GO: u8 = 0;
/// NO-GO: at least one finding that counts, or a host that was not reached.
pub const NO_GO: u8 = 1;
/// The run could not start or finish its work; nothing half-done, nothing on stdout.
pub const COULD_NOT_RUN: u8 = 2;
/// Interrupted by the user, after a report of what is done.
pub const INTERRUPTED: u8 = 130;
