//! The operating system: distribution, release, kernel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

/// The operating system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Os {
    /// `ID` of os-release: `ubuntu`.
    pub id: Fact<String>,
    /// `VERSION_ID` of os-release: `16.04`.
    pub version_id: Fact<String>,
    /// `PRETTY_NAME` of os-release.
    pub pretty_name: Fact<String>,
    /// The running kernel's release: `4.4.0-210-generic`.
    pub kernel_release: Fact<String>,
    /// The program that is process 1: `systemd`.
    pub init: Fact<String>,
    /// The machine's hardware name, as `uname -m` and Ansible's `ansible_architecture` have it: `x86_64`, `aarch64`.
    pub architecture: Fact<String>,
}

/// What the subject reads.
pub const PROBES: &[Probe] = &[
    Probe::files(&["/etc/os-release", "/usr/lib/os-release", "/proc/sys/kernel/osrelease", INIT]),
    Probe::shell("architecture", "uname -m", "uname -m").light(),
];

const INIT: &str = "/proc/1/comm";

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Os {
    let mut release = transcript.file("/etc/os-release");
    if release.reading == Reading::Absent {
        release = transcript.file("/usr/lib/os-release");
    }
    let field = |key: &str| match release.value() {
        Some(text) => match value_of(text, key) {
            Some(value) => Fact::known(value, release.source.clone()),
            None => Fact::absent(release.source.clone()),
        },
        None => release.clone().map(str::to_owned),
    };
    Os {
        id: field("ID"),
        version_id: field("VERSION_ID"),
        pretty_name: field("PRETTY_NAME"),
        init: init(transcript),
        architecture: transcript.answer("architecture").try_map(|answer| {
            match (answer.status, answer.out.trim()) {
                (0, name) if !name.is_empty() => Ok(name.to_owned()),
                (status, _) => Err(format!("uname -m ended with status {status}{}", answer.complaint())),
            }
        }),
        kernel_release: transcript.file("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
    }
}

/// There is always a process 1; one that is not shown is hidden (`hidepid`), not absent.
fn init(transcript: &Transcript) -> Fact<String> {
    let name = transcript.file(INIT).map(|text| text.trim().to_owned());
    match name.value() {
        Some(name) if name.is_empty() => Fact::unknown("process 1 has no name", INIT),
        None if name.reading == Reading::Absent => Fact::unknown("process 1 is hidden", INIT),
        _ => name,
    }
}

/// The last assignment of `key`, unquoted as a shell would.
fn value_of(text: &str, key: &str) -> Option<String> {
    let value = text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?.trim();
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned())
}
