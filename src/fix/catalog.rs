//! The fixes there are: what each reads, what must hold before it acts, and what it risks.

use serde::Serialize;

/// A fix, as checks name it by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What a check's `fix:` says.
    pub id: &'static str,
    /// What it does, in a sentence.
    pub title: &'static str,
    /// What it reads on the host.
    pub reads: &'static [&'static str],
    /// What must hold; where one does not, the host is refused with the reason.
    pub preconditions: &'static [&'static str],
    /// What it does to the host's services.
    pub risk: &'static str,
}

/// The one that ships.
pub const DOCKER_NVIDIA_RUNTIME: Fix = Fix {
    id: "docker-nvidia-runtime",
    title: "daemon.json registers the runtime `nvidia` and makes it the default; Docker reloads it",
    reads: &[
        "daemon.json, at the path that the running dockerd was given",
        "dockerd's process, its flags and its unit",
        "nvidia-smi",
        "docker info",
    ],
    preconditions: &[
        "the host is a worker that promises an NVIDIA GPU",
        "root is to be had",
        "Docker runs as systemd's docker.service, not as a snap and not rootless",
        "the NVIDIA driver works",
        "the runtime's program is there and executable",
        "daemon.json is absent, empty, or one JSON object without a key twice, a byte order mark or comments",
        "no key of it is also a flag of dockerd, now or after kubespray",
        "the file can be replaced: not immutable, not on a read-only file system, not a mount point",
        "the file is the one that was planned from, byte for byte",
    ],
    risk: "Docker is reloaded (SIGHUP), containers keep running. It is restarted only with --allow-restart, and then only when \
           no container runs or live-restore is on",
};

/// All of them.
pub const ALL: [Fix; 1] = [DOCKER_NVIDIA_RUNTIME];

/// The fix of this id.
pub fn named(id: &str) -> Option<&'static Fix> {
    ALL.iter().find(|fix| fix.id == id)
}
