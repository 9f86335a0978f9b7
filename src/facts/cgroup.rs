//! Control groups: by which the kubelet and the container runtime limit what containers use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

/// Control groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cgroup {
    /// 2 where `/sys/fs/cgroup` is the unified hierarchy, else 1 (systemd's hybrid is 1: the controllers are there).
    pub version: Fact<i64>,
    /// Controllers that can be used: of version 2 those at the root, of version 1 those switched on and mounted.
    pub controllers: Fact<Vec<String>>,
}

const UNIFIED: &str = "/sys/fs/cgroup/cgroup.controllers";
const TABLE: &str = "/proc/cgroups";

/// What the subject reads.
pub const PROBES: &[Probe] = &[Probe::files(&[UNIFIED, TABLE])];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Cgroup {
    let unified = transcript.file(UNIFIED);
    match &unified.reading {
        Reading::Known(text) if !text.trim().is_empty() => {
            let controllers = text.split_whitespace().map(str::to_owned).collect();
            Cgroup { version: Fact::known(2, UNIFIED), controllers: Fact::known(controllers, UNIFIED) }
        }
        Reading::Absent => {
            let controllers = transcript.file(TABLE).try_map(table);
            Cgroup { version: controllers.clone().map(|_| 1), controllers }
        }
        Reading::Known(_) => {
            let reason = format!("{UNIFIED} is empty");
            Cgroup {
                version: Fact::unknown(reason.clone(), UNIFIED),
                controllers: Fact::unknown(reason, UNIFIED),
            }
        }
        Reading::Unknown(reason) => Cgroup {
            version: Fact::unknown(reason.clone(), UNIFIED),
            controllers: Fact::unknown(reason.clone(), UNIFIED),
        },
    }
}

/// `#subsys_name hierarchy num_cgroups enabled`; hierarchy 0 is mounted nowhere.
fn table(text: &str) -> Result<Vec<String>, String> {
    let mut lines = text.lines();
    if !lines.next().is_some_and(|header| header.starts_with("#subsys_name")) {
        return Err(format!("{TABLE} has no header"));
    }
    let usable = lines.filter_map(|line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [name, hierarchy, _, "1"] if *hierarchy != "0" => Some((*name).to_owned()),
        _ => None,
    });
    Ok(usable.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;

    #[test]
    fn both_versions() {
        let two = parse(&Recorded::default().file(UNIFIED, "cpuset cpu io memory pids\n").transcript());
        assert_eq!(two.version.value(), Some(&2));
        assert_eq!(two.controllers.value().map(Vec::len), Some(5));

        let table = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t91\t1\nmemory\t0\t1\t0\npids\t0\t1\t1\ncpu\t1\t91\t1\n";
        let one = || Recorded::default().unreadable(UNIFIED, "No such file or directory");
        let found = parse(&one().file(TABLE, table).transcript());
        assert_eq!(found.version.value(), Some(&1));
        assert_eq!(found.controllers.value(), Some(&vec!["cpuset".to_owned(), "cpu".to_owned()]));

        for unread in [Recorded::default(), one(), one().unreadable(TABLE, "Permission denied")] {
            let found = parse(&unread.transcript());
            assert!(matches!(found.controllers.reading, Reading::Unknown(_)), "{found:?}");
        }
    }
}
