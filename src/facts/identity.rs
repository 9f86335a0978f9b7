//! What tells one machine from another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;

/// What tells one machine from another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Identity {
    /// The kernel's host name.
    pub hostname: Fact<String>,
    /// systemd's machine id; absent where the file is missing or empty.
    pub machine_id: Fact<String>,
    /// New at every boot; equal on two names of one machine.
    pub boot_id: Fact<String>,
    /// The firmware's UUID, in lower case; absent where there is no DMI. Root only.
    pub product_uuid: Fact<String>,
}

/// What the subject reads.
pub const PROBES: &[Probe] = &[Probe::files(&[
    "/proc/sys/kernel/hostname",
    "/etc/machine-id",
    "/proc/sys/kernel/random/boot_id",
    "/sys/class/dmi/id/product_uuid",
])];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Identity {
    let word = |path: &str| {
        let fact = transcript.file(path);
        match fact.value().map(|text| text.trim()) {
            Some("") => Fact::absent(fact.source),
            _ => fact.map(|text| text.trim().to_owned()),
        }
    };
    Identity {
        hostname: word("/proc/sys/kernel/hostname"),
        machine_id: word("/etc/machine-id"),
        boot_id: word("/proc/sys/kernel/random/boot_id"),
        product_uuid: word("/sys/class/dmi/id/product_uuid").map(|uuid| uuid.to_lowercase()),
    }
}
