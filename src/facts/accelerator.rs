//! Accelerators of other makers: AMD's GPUs and Enflame's DTUs.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::pci;
use super::probe::Probe;
use super::transcript::Transcript;

/// Accelerators of other makers: AMD's GPUs and Enflame's DTUs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Accelerator {
    /// AMD GPUs on the PCI bus.
    pub amd_count: Fact<i64>,
    /// Whether `amd-smi` or `rocm-smi` answers; absent where neither is installed.
    pub amd_tool_answers: Fact<bool>,
    /// Enflame DTUs on the PCI bus.
    pub enflame_count: Fact<i64>,
    /// Whether `efsmi` answers; absent where it is not installed.
    pub enflame_tool_answers: Fact<bool>,
}

/// What the subject reads.
pub const PROBES: &[Probe] = &[
    Probe::shell(
        "amd-smi",
        "amd-smi list or rocm-smi -i",
        r#"if command -v amd-smi >/dev/null 2>&1; then amd-smi list
elif command -v rocm-smi >/dev/null 2>&1; then rocm-smi -i
else /opt/rocm/bin/rocm-smi -i; fi"#,
    )
    .needs(&["amd-smi", "rocm-smi", "/opt/rocm/bin/rocm-smi"])
    .within(Duration::from_secs(15)),
    Probe::shell("efsmi", "efsmi", "efsmi").needs(&["efsmi"]).within(Duration::from_secs(15)),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Accelerator {
    let count = |vendor| pci::devices(transcript, vendor).map(|devices| devices.len() as i64);
    let answers = |probe| {
        let answer = transcript.answer(probe);
        match answer.value().map(|answer| answer.status) {
            Some(127) => Fact::absent(answer.source),
            _ => answer.map(|answer| answer.status == 0),
        }
    };
    Accelerator {
        amd_count: count("0x1002"),
        amd_tool_answers: answers("amd-smi"),
        enflame_count: count("0x1e36"),
        enflame_tool_answers: answers("efsmi"),
    }
}
