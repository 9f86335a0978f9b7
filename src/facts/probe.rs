//! What a subject asks a machine for.

use std::time::Duration;

/// How long a probe may take before its facts turn unknown, unless it says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The process of the light probes.
pub const LIGHT: &str = "light";

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
    /// Programs of which one has to be there; where none is, the section ends with 127 and costs no process.
    pub needs: &'static [&'static str],
    /// The process that it shares with others, in the order in which they are listed; by itself where it shares none.
    pub shares: Option<&'static str>,
    /// The helper's probe that it stands in for: asked only where that one gave nothing.
    pub stands_in_for: Option<&'static str>,
}

impl Probe {
    /// Files read as a whole; paths may hold shell globs. All of them travel in one section.
    pub const fn files(paths: &'static [&'static str]) -> Self {
        Probe::new("files", "", Read::Files(paths))
    }

    /// Shell text (POSIX `sh`, only what Ubuntu 16.04 and busybox have).
    pub const fn shell(name: &'static str, source: &'static str, text: &'static str) -> Self {
        Probe::new(name, source, Read::Shell(text))
    }

    /// Shell text run ahead of all probes, in the script's own shell: it sets variables that several of them read, and
    /// answers nothing itself. All wait for it, so it is quick and cannot hang.
    pub const fn ahead(name: &'static str, text: &'static str) -> Self {
        Probe::new(name, "", Read::Ahead(text))
    }

    /// What a program says that airworthy brings along: `airworthy-NAME`, without arguments. Asked where `wanted`
    /// succeeds, shell text of built-ins; `otherwise` tells why it is not asked elsewhere. Its deadline covers the way there.
    pub const fn helper(
        name: &'static str,
        source: &'static str,
        wanted: &'static str,
        otherwise: &'static str,
    ) -> Self {
        Probe::new(name, source, Read::Helper { wanted, otherwise })
    }

    /// Shell text of built-ins run twice, with a pause in between, by the script's own shell: neither part can hang. There
    /// is one at most.
    pub const fn twice(
        name: &'static str,
        source: &'static str,
        before: &'static str,
        pause: Duration,
        after: &'static str,
    ) -> Self {
        Probe::new(name, source, Read::Twice { before, pause, after })
    }

    const fn new(name: &'static str, source: &'static str, read: Read) -> Self {
        Probe { name, source, read, deadline: DEADLINE, needs: &[], shares: None, stands_in_for: None }
    }

    /// The same probe, asked only where the helper's probe of that name gave nothing. Its deadline begins then.
    pub const fn stands_in_for(mut self, helper: &'static str) -> Self {
        self.stands_in_for = Some(helper);
        self
    }

    /// The same probe, asked only where one of `programs` is there: a name in PATH, or a path.
    pub const fn needs(mut self, programs: &'static [&'static str]) -> Self {
        self.needs = programs;
        self
    }

    /// The same probe, sharing a process: for text of built-ins and a quick command or two, since a process each would be
    /// most of its cost. It must neither wait for anything nor change what its neighbours see; one that
    /// hangs takes those behind it along.
    pub const fn light(self) -> Self {
        self.shares(LIGHT)
    }

    /// The same probe, sharing the process of that name, and its deadline. Only the last one listed may hang.
    pub const fn shares(mut self, process: &'static str) -> Self {
        self.shares = Some(process);
        self
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
    /// Runs shell text in a process of its own, concurrently with the others, unless it is light.
    Shell(&'static str),
    /// Runs shell text ahead of all others, for the variables that it sets.
    Ahead(&'static str),
    /// Runs shell text before and behind a pause, in the script's own shell.
    Twice {
        /// Sets variables; answers nothing.
        before: &'static str,
        /// How long the shell waits.
        pause: Duration,
        /// Answers.
        after: &'static str,
    },
    /// Runs a program that airworthy brings along.
    Helper {
        /// Shell text of built-ins that succeeds where it is to be asked.
        wanted: &'static str,
        /// Why it is not asked elsewhere.
        otherwise: &'static str,
    },
}
