//! Room on the filesystems where a node keeps images, pods, etcd's data and logs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;

/// Room on the filesystems where a node keeps images, pods, etcd's data and logs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Disk {
    /// The folders that were asked about, each with the room there.
    pub folders: Fact<Vec<Folder>>,
}

/// The room in one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Folder {
    /// `/var/lib/docker`.
    pub path: String,
    /// The folder that was measured: the nearest one that is there.
    pub measured: String,
    /// What others than root may still write, in MiB.
    pub available_mib: i64,
    /// The filesystem's size, in MiB.
    pub total_mib: i64,
    /// Inodes that are free, in percent; none where the filesystem makes them as it needs them (btrfs).
    pub inodes_free_percent: Option<i64>,
}

/// What the subject reads: where Docker, containerd, the kubelet and etcd keep their data (`/mnt/docker` is OpenPAI's choice for
/// Docker's), kubespray's downloads (`/tmp/releases`) and the logs. One `stat` tells blocks and inodes of all. A dead network
/// filesystem would hold it up, so it stands behind all other light probes.
pub const PROBES: &[Probe] = &[Probe::shell(
    "disk",
    "stat -f",
    r#"set --
for f in / /var/lib/docker /mnt/docker /var/lib/containerd /var/lib/kubelet /var/lib/etcd /var/log /tmp; do
    at=$f
    while [ ! -d "$at" ]; do at=${at%/*}; [ -n "$at" ] || at=/; done
    echo "folder $f $at"
    set -- "$@" "$at"
done
stat -f -c 'room %S %b %a %c %d' "$@""#,
)
.light()];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Disk {
    Disk {
        folders: transcript.answer("disk").try_map(|answer| {
            let words = |key: &str| -> Vec<Vec<&str>> {
                let lines = answer.out.lines().filter_map(|line| line.strip_prefix(key));
                lines.map(|line| line.split_ascii_whitespace().collect()).collect()
            };
            let (asked, rooms) = (words("folder "), words("room "));
            // One that could not be measured has no line, and the others could not be told apart.
            if answer.status != 0 || asked.is_empty() || asked.len() != rooms.len() {
                return Err(format!("stat ended with status {}{}", answer.status, answer.complaint()));
            }
            let folders = asked.iter().zip(&rooms).map(|(asked, room)| folder(asked, room));
            folders
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| "stat wrote something else than numbers".to_owned())
        }),
    }
}

fn folder(asked: &[&str], room: &[&str]) -> Option<Folder> {
    let [path, measured] = asked else { return None };
    let numbers: Vec<i64> = room.iter().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let [block, blocks, available, inodes, inodes_free] = numbers.as_slice() else { return None };
    let mib = |count: &i64| i64::try_from(i128::from(*count) * i128::from(*block) / (1024 * 1024)).ok();
    Some(Folder {
        path: (*path).to_owned(),
        measured: (*measured).to_owned(),
        available_mib: mib(available)?,
        total_mib: mib(blocks)?,
        inodes_free_percent: (*inodes > 0)
            .then(|| i64::try_from(i128::from(*inodes_free) * 100 / i128::from(*inodes)).ok())
            .flatten(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Reading;
    use crate::facts::recorded::Recorded;
    use crate::facts::transcript::Ended;

    const OUT: &str = "folder / /\nfolder /var/lib/etcd /var/lib\nroom 4096 66053021 16183664 16777216 838860\n\
                       room 4096 2560 256 0 0\n";

    #[test]
    fn blocks_become_mebibytes_and_inodes_a_share() {
        let found = parse(&Recorded::default().answer("disk", OUT).transcript());
        let folders = found.folders.value().expect("they are known");
        assert_eq!((folders[0].available_mib, folders[0].inodes_free_percent), (63217, Some(4)));
        let wanted = Folder {
            path: "/var/lib/etcd".to_owned(),
            measured: "/var/lib".to_owned(),
            available_mib: 1,
            total_mib: 10,
            inodes_free_percent: None,
        };
        assert_eq!(folders[1], wanted);
    }

    #[test]
    fn a_folder_that_cannot_be_measured_makes_all_unknown() {
        let cut = OUT.replace("room 4096 2560 256 0 0\n", "");
        for (status, out) in [(1, OUT), (0, &cut), (0, ""), (0, "folder / /\nroom 4096 x 1 1 1\n")] {
            let answer = Recorded::default().ended("disk", Ended::Exited(status), out, "stat: cannot read\n");
            let found = parse(&answer.transcript());
            assert!(matches!(found.folders.reading, Reading::Unknown(_)), "{status} {out}: {found:?}");
        }
    }
}
