//! Host firewalls that are switched on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;
use super::units::{self, Unit};

/// Host firewalls that are switched on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Firewall {
    /// Of firewalld, ufw and nftables those that are at work.
    pub active: Fact<Vec<String>>,
}

/// ufw's service is active where it does nothing; this file says whether it does.
const UFW: &str = "/etc/ufw/ufw.conf";

/// What the subject reads besides the units.
pub const PROBES: &[Probe] = &[Probe::files(&[UFW])];

/// Reads the subject out of a transcript.
pub(super) fn parse(transcript: &Transcript, units: &Fact<Vec<Unit>>) -> Firewall {
    let services = units::named(units, &["firewalld.service", "nftables.service"]);
    let ufw = transcript.file(UFW);
    let reading = match (&services.reading, &ufw.reading) {
        (Reading::Known(services), ufw @ (Reading::Known(_) | Reading::Absent)) => {
            let running = services.iter().filter(|unit| unit.is_active_or_starting());
            let mut active: Vec<String> =
                running.map(|unit| unit.id.trim_end_matches(".service").to_owned()).collect();
            if matches!(ufw, Reading::Known(text) if is_enabled(text)) {
                active.push("ufw".to_owned());
            }
            Reading::Known(active)
        }
        (Reading::Unknown(reason), _) | (_, Reading::Unknown(reason)) => Reading::Unknown(reason.clone()),
        (Reading::Absent, _) => Reading::Absent,
    };
    Firewall { active: Fact::new(reading, format!("systemctl show firewalld nftables, {UFW}")) }
}

fn is_enabled(config: &str) -> bool {
    let last = config.lines().rev().find_map(|line| line.trim().strip_prefix("ENABLED="));
    last.is_some_and(|word| word.trim_matches(['"', '\'']).eq_ignore_ascii_case("yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;

    #[test]
    fn services_and_ufws_own_switch() {
        let unit = |name: &str, active: &str| {
            format!("Id={name}\nLoadState=loaded\nActiveState={active}\nUnitFileState=enabled\n\n")
        };
        let read = |units: &str, ufw: Option<&str>| {
            let host = match ufw {
                Some(text) => Recorded::default().file(UFW, text),
                None => Recorded::default().unreadable(UFW, "No such file or directory"),
            };
            let transcript = host.answer("units", units).transcript();
            parse(&transcript, &units::parse(&transcript)).active
        };
        let firewalld = unit("firewalld.service", "active");
        assert_eq!(read(&firewalld, None).value(), Some(&vec!["firewalld".to_owned()]));
        let stopped = unit("nftables.service", "inactive");
        assert_eq!(read(&stopped, Some("ENABLED=no\nLOGLEVEL=low\n")).value(), Some(&Vec::new()));
        assert_eq!(
            read(&stopped, Some("# ENABLED=no\nENABLED=yes\n")).value(),
            Some(&vec!["ufw".to_owned()])
        );
        let unasked = Recorded::default().transcript();
        assert!(matches!(parse(&unasked, &units::parse(&unasked)).active.reading, Reading::Unknown(_)));
    }
}
