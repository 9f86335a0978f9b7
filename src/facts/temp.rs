//! The folder for temporary files, where Ansible's modules and kubespray's downloads go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

/// The folder for temporary files: `/tmp`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Temp {
    /// Whether a folder could be made in `/tmp`.
    pub writable: Fact<bool>,
    /// What was said where it could not; absent where it could.
    pub failure: Fact<String>,
    /// Whether programs there may be run: its filesystem is not mounted `noexec`.
    pub executable: Fact<bool>,
}

const MOUNTS: &str = "/proc/mounts";

/// What the subject reads. The script's own private folder is in `/tmp` if that is possible at all; only where it is
/// elsewhere is one tried there, and taken away at once.
pub const PROBES: &[Probe] = &[
    Probe::files(&[MOUNTS]),
    Probe::shell(
        "temp-dir",
        "mktemp -d in /tmp",
        r#"case $dir__ in /tmp/*) echo writable; return 0 ;; esac
f=$(mktemp -d /tmp/airworthy.XXXXXXXXXX) || return 3
rmdir "$f"
echo writable"#,
    )
    .light(),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Temp {
    let answer = transcript.answer("temp-dir");
    let said = answer.clone().try_map(|answer| match answer.status {
        0 if answer.out.trim() == "writable" => Ok(None),
        3 => Ok(Some(answer.err.to_string())),
        status => Err(format!("trying it ended with status {status}{}", answer.complaint())),
    });
    let failure = Fact {
        reading: match &said.reading {
            Reading::Known(Some(failure)) => Reading::Known(failure.clone()),
            Reading::Known(None) | Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
        },
        source: said.source.clone(),
        omitted: 0,
    };
    let executable = transcript.file(MOUNTS).try_map(|mounts| {
        let options = mounts.lines().filter_map(mount).filter(|(at, _)| matches!(*at, "/" | "/tmp"));
        // The longest path wins, and of two mounts at one place the later.
        let options = options.max_by_key(|(at, _)| at.len()).map(|(_, options)| options);
        options
            .map(|options| !options.split(',').any(|option| option == "noexec"))
            .ok_or_else(|| format!("{MOUNTS} has no line for / or /tmp"))
    });
    Temp { writable: said.map(|failure| failure.is_none()), failure, executable }
}

/// Where, and with which options: `tmpfs /tmp tmpfs rw,nosuid,nodev 0 0`.
fn mount(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    let at = words.nth(1)?;
    Some((at, words.nth(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;
    use crate::facts::transcript::Ended;

    const ROOT: &str = "/dev/sda1 / ext4 rw,relatime 0 0\n";

    #[test]
    fn tmp_is_what_is_mounted_there() {
        let read = |mounts: &str| {
            parse(&Recorded::default().file(MOUNTS, mounts).answer("temp-dir", "writable\n").transcript())
        };
        assert_eq!(read(ROOT).executable.value(), Some(&true));
        let tmpfs = format!("{ROOT}tmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0\ntmpfs /tmp/x tmpfs rw 0 0\n");
        assert_eq!(read(&tmpfs).executable.value(), Some(&false));
        assert_eq!(read(&format!("{tmpfs}tmpfs /tmp tmpfs rw 0 0\n")).executable.value(), Some(&true));
        assert_eq!(read(ROOT).writable.value(), Some(&true));
        assert!(matches!(read("").executable.reading, Reading::Unknown(_)));
    }

    #[test]
    fn a_folder_could_be_made_or_not() {
        let read = |status, out: &str, err: &str| {
            let host = Recorded::default().ended("temp-dir", Ended::Exited(status), out, err);
            parse(&host.transcript())
        };
        let full = read(3, "", "mktemp: failed to create directory: No space left on device\n");
        assert_eq!(full.writable.value(), Some(&false));
        assert!(full.failure.value().is_some_and(|said| said.contains("No space left")));
        assert!(matches!(read(127, "", "mktemp: not found").writable.reading, Reading::Unknown(_)));
        assert!(matches!(read(0, "", "").writable.reading, Reading::Unknown(_)));
    }
}
