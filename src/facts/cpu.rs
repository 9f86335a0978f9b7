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
    /// Share of time, in percent, that all processors together were idle or waiting for a disk, over
    /// a quarter of a second.
    pub idle_percent: Fact<i64>,
}

const ONLINE: &str = "/sys/devices/system/cpu/online";

/// What the subject reads.
pub const PROBES: &[Probe] = &[
    Probe::files(&[ONLINE]),
    Probe::twice(
        "cpu-idle",
        "/proc/stat, twice",
        "read -r before </proc/stat",
        Duration::from_millis(250),
        r#"read -r after </proc/stat
echo "$before"; echo "$after""#,
    ),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Cpu {
    Cpu {
        count: transcript
            .file(ONLINE)
            .try_map(|text| count(text.trim()).ok_or(format!("{ONLINE} says `{}`", text.trim()))),
        idle_percent: transcript.answer("cpu-idle").try_map(|answer| {
            let mut samples = answer.out.lines().map(sample);
            match (samples.next().flatten(), samples.next().flatten()) {
                (Some((idle, all)), Some((idle_after, all_after))) if all_after > all => {
                    Ok(((idle_after.saturating_sub(idle)) * 100 / (all_after - all)) as i64)
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
