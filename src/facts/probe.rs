//! What a subject asks a machine for.

use std::time::Duration;

/// How long a probe may take before its facts turn unknown, unless it says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// One thing to read on a host. Gather joins all probes into the one script.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Names its section in the transcript; unique, kebab-case.
    pub name: &'static str,
    /// Where facts read by it come from, as an operator would type it: `docker info`.
    pub source: &'static str,
    /// What to do on the host.
    pub read: Read,
    /// The longest wait for its answer.
    pub deadline: Duration,
}

impl Probe {
    /// Files read as a whole; paths may hold shell globs. All of them travel in one section.
    pub const fn files(paths: &'static [&'static str]) -> Self {
        Probe { name: "files", source: "", read: Read::Files(paths), deadline: DEADLINE }
    }

    /// Shell text (POSIX `sh`, only what Ubuntu 16.04 and busybox have).
    pub const fn shell(name: &'static str, source: &'static str, text: &'static str) -> Self {
        Probe { name, source, read: Read::Shell(text), deadline: DEADLINE }
    }

    /// The same probe with another deadline.
    pub const fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// What a probe does on the host.
#[derive(Clone, Copy, Debug)]
pub enum Read {
    /// Reads files, in one process for all probes together.
    Files(&'static [&'static str]),
    /// Runs shell text in a process of its own, concurrently with the others.
    Shell(&'static str),
}
