//! Swap that the kernel uses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;

/// Swap that the kernel uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Swap {
    /// Devices and files that are swapped to now.
    pub active: Fact<Vec<String>>,
    /// Those that the next boot will swap to, by `/etc/fstab`.
    pub at_boot: Fact<Vec<String>>,
}

const SWAPS: &str = "/proc/swaps";
const FSTAB: &str = "/etc/fstab";

/// What the subject reads.
pub const PROBES: &[Probe] = &[Probe::files(&[SWAPS, FSTAB])];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Swap {
    let swaps = transcript.file(SWAPS);
    let active = match swaps.reading {
        // A kernel without swap has no such file.
        super::fact::Reading::Absent => Fact::known(Vec::new(), swaps.source),
        _ => swaps.try_map(|text| {
            let mut lines = text.lines();
            match lines.next() {
                Some(header) if header.starts_with("Filename") => Ok(first_words(lines)),
                _ => Err(format!("{SWAPS} has no header")),
            }
        }),
    };
    let at_boot = transcript.file(FSTAB).map(|text| {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        first_words(lines.filter(|line| line.split_whitespace().nth(2) == Some("swap")))
    });
    Swap { active, at_boot }
}

fn first_words<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<String> {
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Reading;
    use crate::facts::recorded::Recorded;

    const HEADER: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    #[test]
    fn swap_is_what_the_kernel_says() {
        let swaps = format!(
            "{HEADER}/dev/sda2                               partition\t2097148\t0\t-2\n/swap.img file\t1\t0\t-3\n"
        );
        let fstab =
            "# /dev/sdb1 none swap sw 0 0\nUUID=ab-cd / ext4 defaults 0 1\n/swap.img none swap sw 0 0\n";
        let found = parse(&Recorded::default().file(SWAPS, &swaps).file(FSTAB, fstab).transcript());
        assert_eq!(found.active.value(), Some(&vec!["/dev/sda2".to_owned(), "/swap.img".to_owned()]));
        assert_eq!(found.at_boot.value(), Some(&vec!["/swap.img".to_owned()]));
        let none = parse(&Recorded::default().file(SWAPS, HEADER).transcript());
        assert_eq!(none.active.value(), Some(&Vec::new()));
        // The kernel's own list is never empty.
        assert!(matches!(parse(&Recorded::default().transcript()).active.reading, Reading::Unknown(_)));
    }
}
