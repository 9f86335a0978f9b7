//! Accelerators of other makers: AMD's GPUs and Enflame's DTUs.

use std::collections::BTreeSet;
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
    /// Kernel drivers that hold one of them: `amdgpu`, `vfio-pci`; each once.
    pub amd_drivers: Fact<Vec<String>>,
    /// Whether `amd-smi` or `rocm-smi` answers; absent where neither is installed.
    pub amd_tool_answers: Fact<bool>,
    /// How many GPUs that tool lists; partitions of one count each. Absent where neither is installed.
    pub amd_enumerated_count: Fact<i64>,
    /// Enflame DTUs on the PCI bus.
    pub enflame_count: Fact<i64>,
    /// Kernel drivers that hold one of them, each once.
    pub enflame_drivers: Fact<Vec<String>>,
    /// Whether `efsmi` answers; absent where it is not installed.
    pub enflame_tool_answers: Fact<bool>,
}

/// What the subject reads.
pub const PROBES: &[Probe] = &[
    Probe::shell(
        "amd-smi",
        "amd-smi list or rocm-smi -i",
        // ROCm's own folder is among those that the script looks in.
        "if command -v amd-smi >/dev/null 2>&1; then amd-smi list; else rocm-smi -i; fi",
    )
    .needs(&["amd-smi", "rocm-smi"])
    .within(Duration::from_secs(15)),
    Probe::shell("efsmi", "efsmi", "efsmi").needs(&["efsmi"]).within(Duration::from_secs(15)),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Accelerator {
    let count = |vendor| pci::devices(transcript, vendor).map(|devices| devices.len() as i64);
    let drivers = |vendor| {
        pci::devices(transcript, vendor).map(|devices| {
            let mut drivers: Vec<String> = devices.into_iter().filter_map(|device| device.driver).collect();
            drivers.sort_unstable();
            drivers.dedup();
            drivers
        })
    };
    let answers = |probe| {
        let answer = transcript.answer(probe);
        match answer.value().map(|answer| answer.status) {
            Some(127) => Fact::absent(answer.source),
            _ => answer.map(|answer| answer.status == 0),
        }
    };
    Accelerator {
        amd_count: count("0x1002"),
        amd_drivers: drivers("0x1002"),
        amd_enumerated_count: listed(transcript),
        amd_tool_answers: answers("amd-smi"),
        enflame_count: count("0x1e36"),
        enflame_drivers: drivers("0x1e36"),
        enflame_tool_answers: answers("efsmi"),
    }
}

/// `GPU: 0` begins each of `amd-smi list`; `GPU[0]` stands before every line that `rocm-smi -i` has of one. Of efsmi no such
/// format is documented, so that nothing but its exit status is taken.
fn listed(transcript: &Transcript) -> Fact<i64> {
    let answer = transcript.answer("amd-smi");
    match answer.value().map(|answer| answer.status) {
        Some(127) => return Fact::absent(answer.source),
        Some(0) | None => {}
        Some(status) => {
            return answer
                .try_map(|answer| Err(format!("it ended with status {status}{}", answer.complaint())));
        }
    }
    answer.try_map(|answer| {
        let index = |line: &str| -> Option<u32> {
            let rest = line.strip_prefix("GPU")?;
            let number = rest
                .strip_prefix(": ")
                .or_else(|| rest.strip_prefix('[').and_then(|rest| rest.split(']').next()))?;
            number.trim().parse().ok()
        };
        let indexes: BTreeSet<u32> = answer.out.lines().filter_map(index).collect();
        match indexes.is_empty() {
            true => {
                Err(format!("it lists no GPU: {}", answer.out.lines().next().unwrap_or("it says nothing")))
            }
            false => Ok(indexes.len() as i64),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::fact::Reading;
    use super::super::recorded::Recorded;
    use super::super::transcript::Ended;
    use super::parse;

    const BUS: &str = "0000:43:00.0 0x1002 0x66a1 0x038000 amdgpu\n0000:44:00.0 0x1002 0x66a1 0x038000 -\n";

    #[test]
    fn both_tools_lists_are_counted() {
        for listed in [
            "GPU: 0\n    BDF: 0000:43:00.0\nGPU: 1\n    BDF: 0000:44:00.0\n",
            "=== ROCm System Management Interface ===\nGPU[0]\t\t: Device Name: Vega 20\n\
             GPU[0]\t\t: Device ID: 0x66a1\nGPU[1]\t\t: Device ID: 0x66a1\n",
        ] {
            let read = parse(&Recorded::default().answer("pci", BUS).answer("amd-smi", listed).transcript());
            assert_eq!((read.amd_count.value(), read.amd_enumerated_count.value()), (Some(&2), Some(&2)));
            assert_eq!(read.amd_drivers.value(), Some(&vec!["amdgpu".to_owned()]));
        }
    }

    #[test]
    fn what_lists_nothing_is_unknown_and_what_is_not_installed_absent() {
        let with = |status, out: &str| {
            let recorded = Recorded::default().answer("pci", BUS);
            parse(&recorded.ended("amd-smi", Ended::Exited(status), out, "").transcript())
        };
        assert!(matches!(with(0, "WARNING: no GPU\n").amd_enumerated_count.reading, Reading::Unknown(_)));
        assert!(matches!(with(2, "GPU: 0\n").amd_enumerated_count.reading, Reading::Unknown(_)));
        assert_eq!(with(127, "").amd_enumerated_count.reading, Reading::Absent);
    }
}
