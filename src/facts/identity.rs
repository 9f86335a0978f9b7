//! What tells one machine from another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
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
    /// The firmware's UUID, in lower case; absent where there is no DMI, or where the vendor set none (all zeros or ones, by
    /// SMBIOS). Root only.
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
        product_uuid: match word("/sys/class/dmi/id/product_uuid") {
            Fact { reading: Reading::Known(uuid), source, .. } if is_not_set(&uuid) => Fact::absent(source),
            uuid => uuid.map(|uuid| uuid.to_lowercase()),
        },
    }
}

/// SMBIOS: all ones is a UUID that could be set and is not, all zeros one that is not there; some say so in words.
fn is_not_set(uuid: &str) -> bool {
    let digits = |wanted: char| uuid.chars().filter(|c| *c != '-').all(|c| c.eq_ignore_ascii_case(&wanted));
    digits('0') || digits('f') || uuid.starts_with("Not ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;

    #[test]
    fn a_uuid_that_was_never_set_is_none() {
        for (text, uuid) in [
            ("4C4C4544-0047-3110-8052-B8C04F4D3332", Some("4c4c4544-0047-3110-8052-b8c04f4d3332")),
            ("00000000-0000-0000-0000-000000000000", None),
            ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", None),
            ("Not Settable", None),
        ] {
            let host = Recorded::default().file("/sys/class/dmi/id/product_uuid", text);
            assert_eq!(parse(&host.transcript()).product_uuid.value().map(String::as_str), uuid, "{text}");
        }
    }
}
