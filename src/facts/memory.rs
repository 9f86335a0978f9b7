//! Memory, as the kernel counts it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;

/// Memory, as the kernel counts it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Memory {
    /// `MemTotal` in MiB: what firmware left.
    pub total_mib: Fact<i64>,
    /// `MemAvailable` in MiB: what new programs can have without swapping (kernel 3.14 and newer).
    pub available_mib: Fact<i64>,
}

const MEMINFO: &str = "/proc/meminfo";

/// What the subject reads.
pub const PROBES: &[Probe] = &[Probe::files(&[MEMINFO])];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Memory {
    let field = |key: &str| {
        transcript.file(MEMINFO).try_map(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            let kib = line.and_then(|value| value.trim().strip_suffix("kB")?.trim().parse::<i64>().ok());
            kib.map(|kib| kib / 1024).ok_or(format!("{MEMINFO} has no {key}"))
        })
    };
    Memory { total_mib: field("MemTotal"), available_mib: field("MemAvailable") }
}
