//! Fault by fault on one host, under OpenPAI's layout: the check that names it fails there, and nothing else is blamed.

mod base;
mod docker;
mod gpu;
mod host;

use super::fault::Fault;

/// All of them, by their names.
pub(crate) fn all() -> impl Iterator<Item = &'static (&'static str, Fault)> {
    [host::FAULTS, docker::FAULTS, base::FAULTS, gpu::FAULTS].into_iter().flatten()
}
