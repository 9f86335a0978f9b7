//! Who keeps the clock, whether it is kept, and how far it is off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::circumstances::Circumstances;
use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;
use super::units::{self, Unit};

/// Who keeps the clock, whether it is kept, and how far it is off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Time {
    /// The time service: the one that runs, else the one that is installed; absent where there is none.
    pub service: Fact<String>,
    /// Whether it runs.
    pub service_active: Fact<bool>,
    /// Whether it starts at boot.
    pub service_enabled: Fact<bool>,
    /// Whether the clock is synchronised, by the running service's own word, else the kernel's.
    pub synchronized: Fact<bool>,
    /// The host's clock minus the runner's, in milliseconds.
    pub clock_offset_ms: Fact<f64>,
    /// How far off that may be, in milliseconds: half the exchange in which it was read.
    pub clock_uncertainty_ms: Fact<f64>,
}

/// Time services, those that speak NTP before a hypervisor's tools.
const UNITS: [&str; 9] = [
    "chrony.service",
    "chronyd.service",
    "ntp.service",
    "ntpd.service",
    "ntpsec.service",
    "systemd-timesyncd.service",
    "openntpd.service",
    "open-vm-tools.service",
    "vmtoolsd.service",
];

/// What the subject reads. `timedatectl` tells the kernel's flag and wakes a service on the host, so
/// it is asked only where no service can be.
pub const PROBES: &[Probe] = &[Probe::shell(
    "time-sync",
    "chronyc tracking, ntpq -c rv, ntpctl -s status or timedatectl",
    r#"asked=
if command -v chronyc >/dev/null 2>&1; then echo "[chronyc]"; chronyc -n tracking 2>&1 && asked=1; fi
if command -v ntpq >/dev/null 2>&1; then echo "[ntpq]"; ntpq -c 'rv 0 leap,stratum' 2>&1 && asked=1; fi
if command -v ntpctl >/dev/null 2>&1; then echo "[ntpctl]"; ntpctl -s status 2>&1 && asked=1; fi
if [ -z "$asked" ] && command -v timedatectl >/dev/null 2>&1; then echo "[timedatectl]"; timedatectl 2>&1; fi
true"#,
)];

/// Reads the subject out of a transcript.
pub(super) fn parse(transcript: &Transcript, units: &Fact<Vec<Unit>>, circumstances: &Circumstances) -> Time {
    let keepers = units::named(units, &UNITS);
    let active: Vec<&Unit> =
        keepers.value().into_iter().flatten().copied().filter(|unit| unit.is_active()).collect();
    let keeper = active.first().copied().or_else(|| keepers.value()?.first().copied());
    let of_keeper = |told: fn(&Unit) -> bool| match (keepers.value(), keeper) {
        (Some(_), Some(unit)) => Fact::known(told(unit), format!("systemctl show {}", unit.id)),
        (Some(_), None) => Fact::known(false, keepers.source.clone()),
        (None, _) => keepers.clone().map(|_| false),
    };
    let service = match (keepers.value(), keeper) {
        (Some(_), Some(unit)) => {
            let name = unit.id.trim_end_matches(".service").to_owned();
            Fact::known(name, format!("systemctl show {}", unit.id))
        }
        (Some(_), None) => Fact::absent(keepers.source.clone()),
        (None, _) => keepers.clone().map(|_| String::new()),
    };
    Time {
        service,
        service_active: of_keeper(Unit::is_active),
        service_enabled: of_keeper(Unit::is_enabled),
        synchronized: synchronized(transcript, &active),
        clock_offset_ms: circumstances.clock_offset_ms.clone(),
        clock_uncertainty_ms: circumstances.clock_uncertainty_ms.clone(),
    }
}

/// One source's word on whether the clock is kept.
struct Word {
    source: &'static str,
    /// `None` where it could not tell.
    kept: Option<bool>,
    said: String,
}

fn synchronized(transcript: &Transcript, active: &[&Unit]) -> Fact<bool> {
    let answer = transcript.answer("time-sync");
    let Some(text) = answer.value().map(|answer| answer.out.clone().into_owned()) else {
        return answer.map(|_| false);
    };
    let words: Vec<Word> =
        text.split('[').filter_map(|part| part.split_once("]\n")).filter_map(word).collect();
    let runs = |names: &[&str]| active.iter().any(|unit| names.contains(&unit.id.as_str()));
    // A service's own word counts where that service runs; the kernel's where none can be asked.
    let counting: Vec<&Word> = words
        .iter()
        .filter(|word| match word.source {
            "chronyc tracking" => runs(&UNITS[..2]),
            "ntpq -c rv" => runs(&UNITS[2..5]),
            "ntpctl -s status" => runs(&UNITS[6..7]),
            _ => true,
        })
        .collect();
    let sources = counting.iter().map(|word| word.source).collect::<Vec<_>>().join(", ");
    let sources = if sources.is_empty() { answer.source.to_string() } else { sources };
    let kept: Vec<bool> = counting.iter().filter_map(|word| word.kept).collect();
    match kept.as_slice() {
        [] => {
            let said = words.iter().find(|word| !word.said.is_empty());
            let reason = match said {
                None => "no running time service could be asked".to_owned(),
                Some(Word { source, said, kept: None }) => format!("{source} says `{said}`"),
                Some(Word { source, said, .. }) => {
                    format!("{source} says `{said}`, but its service is not known to run on this host")
                }
            };
            Fact::unknown(reason, sources)
        }
        [first, rest @ ..] if rest.iter().all(|other| other == first) => Fact::known(*first, sources),
        _ => {
            let said: Vec<String> =
                counting.iter().map(|w| format!("{} says {}", w.source, w.said)).collect();
            Fact::unknown(format!("contradiction: {}", said.join("; ")), sources)
        }
    }
}

fn word((source, text): (&str, &str)) -> Option<Word> {
    let field = |key: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix(':'))
            .map(str::trim)
    };
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    Some(match source {
        "chronyc" => {
            let leap = field("Leap status");
            let kept = leap.map(|leap| !leap.starts_with("Not synchroni"));
            let said = match (leap, field("Update interval").and_then(|text| text.split(' ').next())) {
                (Some(leap), Some("0" | "0.0")) => {
                    format!("{leap}, update interval 0 s: no second update yet")
                }
                (Some(leap), _) => leap.to_owned(),
                (None, _) => first,
            };
            Word { source: "chronyc tracking", kept, said }
        }
        "ntpq" => {
            let value = |key: &str| {
                text.split([',', '\n', ' ']).find_map(|pair| pair.trim().strip_prefix(key)?.strip_prefix('='))
            };
            let kept = match (value("leap"), value("stratum").and_then(|s| s.parse::<u8>().ok())) {
                (Some(leap), Some(stratum)) => Some(!matches!(leap, "11" | "3") && stratum < 16),
                _ => None,
            };
            Word { source: "ntpq -c rv", kept, said: first }
        }
        "ntpctl" => {
            let kept = match text {
                _ if text.contains("clock unsynced") => Some(false),
                _ if text.contains("clock synced") => Some(true),
                _ => None,
            };
            Word { source: "ntpctl -s status", kept, said: first }
        }
        "timedatectl" => {
            let flag = field("System clock synchronized").or_else(|| field("NTP synchronized"));
            let kept = flag.and_then(|flag| match flag {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            });
            Word { source: "timedatectl", kept, said: flag.map_or(first, str::to_owned) }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::fact::Reading;
    use crate::facts::recorded::Recorded;
    use crate::facts::transcript::Ended;

    fn why(out: &str) -> String {
        let host = Recorded::default().ended("time-sync", Ended::Exited(0), out, "");
        match synchronized(&host.transcript(), &[]).reading {
            Reading::Unknown(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_does_not_count_is_told_with_who_said_it_and_why() {
        assert_eq!(
            why("[chronyc]\nLeap status     : Normal\nUpdate interval : 64.2 seconds\n"),
            "chronyc tracking says `Normal`, but its service is not known to run on this host"
        );
        assert!(why("[chronyc]\nLeap status : Normal\nUpdate interval : 0.0 seconds\n").starts_with(
            "chronyc tracking says `Normal, update interval 0 s: no second update yet`, but its service"
        ));
        assert_eq!(
            why("[chronyc]\n506 Cannot talk to daemon\n"),
            "chronyc tracking says `506 Cannot talk to daemon`"
        );
        assert_eq!(why(""), "no running time service could be asked");
    }
}
