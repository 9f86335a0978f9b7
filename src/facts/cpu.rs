//! Processors: how many, and how idle.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;

/// Processors: how many, and how idle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cpu {
    /// Logical processors that are online.
    pub count: Fact<i64>,
    /// Share of time, in percent, that all processors together were idle or waiting for a disk, over an eighth of a second; of
    /// the time that this very look at the host left them.
    pub idle_percent: Fact<i64>,
}

const ONLINE: &str = "/sys/devices/system/cpu/online";

/// What the subject reads.
pub const PROBES: &[Probe] = &[
    Probe::files(&[ONLINE]),
    Probe::twice(
        "cpu-idle",
        "/proc/stat, twice",
        "read -r before </proc/stat; read -r own </proc/$$/stat",
        Duration::from_millis(125),
        r#"read -r after </proc/stat; read -r own_after </proc/$$/stat
echo "$before"; echo "$after"
# The 14th to the 17th field: its own time and that of its children that ended. Its name is the second, in parentheses.
for t in "$own" "$own_after"; do
    set -- ${t##*) }
    echo "own ${12} ${13} ${14} ${15}"
done"#,
    ),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Cpu {
    Cpu {
        count: transcript
            .file(ONLINE)
            .try_map(|text| count(text.trim()).ok_or(format!("{ONLINE} says `{}`", text.trim()))),
        idle_percent: transcript.answer("cpu-idle").try_map(|answer| {
            let mut lines = answer.out.lines();
            let samples = (lines.next().and_then(sample), lines.next().and_then(sample));
            let own = lines.next().and_then(own).zip(lines.next().and_then(own));
            match samples {
                (Some((idle, all)), Some((idle_after, all_after))) if all_after > all => {
                    // Older transcripts do not tell what the script itself took.
                    let own = own.map_or(0, |(own, own_after)| own_after.saturating_sub(own));
                    let (idle, all) = (idle_after.saturating_sub(idle), all_after - all);
                    // Ticks are counted by sampling: it cannot have taken all of them.
                    let left = if own < all { all - own } else { all };
                    Ok((idle.min(left) * 100 / left) as i64)
                }
                _ => Err("/proc/stat gave no two samples"),
            }
        }),
    }
}

/// `0-3,8` is five.
fn count(ranges: &str) -> Option<i64> {
    ranges
        .split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse::<i64>().ok()?, last.parse::<i64>().ok()?);
            (first <= last && last < 1 << 20).then_some(last - first + 1)
        })
        .sum()
}

/// Idle ticks and all ticks of `/proc/stat`'s first line; guest time is part of user time already.
fn sample(line: &str) -> Option<(u64, u64)> {
    let ticks: Vec<u64> =
        line.strip_prefix("cpu ")?.split_whitespace().filter_map(|t| t.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((idle, ticks.iter().take(8).sum()))
}

/// The script's own ticks, and those of its children that ended.
fn own(line: &str) -> Option<u64> {
    let ticks = line.strip_prefix("own ")?.split(' ').map(|ticks| ticks.parse::<u64>().ok());
    let ticks: Vec<u64> = ticks.collect::<Option<_>>()?;
    (ticks.len() == 4).then(|| ticks.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::super::fact::Reading;
    use super::super::recorded::Recorded;
    use super::*;

    /// 100 ticks of which 40 were idle and 20 waited for a disk.
    const SAMPLES: &str = "cpu  10 0 10 100 0 0 0 0 0 0\ncpu  40 0 20 140 20 0 0 0 0 0\n";

    fn idle(answer: &str) -> Reading<i64> {
        parse(&Recorded::default().answer("cpu-idle", answer).transcript()).idle_percent.reading
    }

    #[test]
    fn what_the_look_itself_took_is_no_load() {
        assert_eq!(idle(SAMPLES), Reading::Known(60));
        let own = "own 1 2 3 4\nown 2 4 10 9\n";
        assert_eq!(idle(&(SAMPLES.to_owned() + own)), Reading::Known(60 * 100 / 85));
        let whole = "cpu  10 0 10 100 0 0 0 0 0 0\ncpu  20 0 10 190 0 0 0 0 0 0\nown 0 0 0 0\nown 5 5 5 5\n";
        assert_eq!(idle(whole), Reading::Known(100));
    }

    #[test]
    fn a_busy_machine_is_busy_whatever_the_look_took() {
        let samples = "cpu  10 0 10 100 0 0 0 0 0 0\ncpu  22 0 10 100 0 0 0 0 0 0\n";
        for own in [0, 5, 11, 12, 50] {
            assert_eq!(idle(&format!("{samples}own 0 0 0 0\nown 0 0 {own} 0\n")), Reading::Known(0), "{own}");
        }
        let more = SAMPLES.to_owned() + "own 0 0 0 0\nown 50 50 50 50\n";
        assert_eq!(idle(&more), Reading::Known(60), "it cannot have taken more than there is");
    }

    #[test]
    fn what_cannot_be_read_of_it_stays_load() {
        let odd = [
            "",
            "own\n",
            "own 1 2 3\nown 4 5 6\n",
            "nonsense\n",
            "own 1 2 3 4\n",
            "own 9 9 9 9\nown 1 1 1 1\n",
        ];
        for own in odd {
            assert_eq!(idle(&(SAMPLES.to_owned() + own)), Reading::Known(60), "{own}");
        }
    }

    #[test]
    fn two_samples_are_wanted() {
        for answer in ["", "cpu  1 0 1 1 0 0 0 0\n", "cpu  1 0 1 1 0 0 0 0\ncpu  1 0 1 1 0 0 0 0\n", "a\nb\n"]
        {
            assert!(matches!(idle(answer), Reading::Unknown(_)), "{answer}");
        }
    }
}
