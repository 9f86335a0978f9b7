//! How names are resolved on the host.

use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::{Ended, TOO_LONG, Transcript};

/// How names are resolved on the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Dns {
    /// The servers of `/etc/resolv.conf`.
    pub nameservers: Fact<Vec<String>>,
    /// Those of them that are a loopback address: a stub on the host itself.
    pub stubs: Fact<Vec<String>>,
    /// The servers behind systemd-resolved's stub; absent where systemd-resolved keeps no such file.
    pub upstream_nameservers: Fact<Vec<String>>,
    /// The name that was looked up: the first registry's; absent where no registry has a name.
    pub looked_up: Fact<String>,
    /// Whether it resolved; absent where nothing was looked up.
    pub resolves: Fact<bool>,
}

const RESOLV_CONF: &str = "/etc/resolv.conf";
const UPSTREAM: &str = "/run/systemd/resolve/resolv.conf";

/// What the subject reads. The resolver gives up on a server after 2 seconds, so that three dead ones are a failure, and no
/// silence.
pub const PROBES: &[Probe] = &[
    Probe::files(&[RESOLV_CONF, UPSTREAM]),
    Probe::shell(
        "dns-lookup",
        "getent hosts",
        r#"name=
while IFS= read -r url; do
    host=${url#*://}; host=${host%%/*}; host=${host##*@}
    case $host in '['*) continue ;; esac
    host=${host%%:*}
    case $host in *[!0-9.]*) name=$host; break ;; esac
done <<END
$REGISTRIES
END
[ -n "$name" ] || return 44
echo "name $name"
RES_OPTIONS='timeout:2 attempts:1'; export RES_OPTIONS
if command -v getent >/dev/null 2>&1; then getent hosts "$name" && return || return 2; fi
if command -v nslookup >/dev/null 2>&1; then nslookup "$name" && return || return 2; fi
echo "neither getent nor nslookup is there" >&2
return 127"#,
    )
    .within(Duration::from_secs(8)),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Dns {
    let file = transcript.file(RESOLV_CONF);
    let nameservers = match file.reading {
        // glibc then asks 127.0.0.1, where nobody may be.
        Reading::Absent => Fact::known(Vec::new(), file.source),
        _ => file.map(servers),
    };
    let upstream = transcript.file(UPSTREAM);
    let upstream_nameservers = match upstream.value().map(|text| servers(text)) {
        Some(found) if found.is_empty() => Fact::absent(UPSTREAM),
        _ => upstream.map(servers),
    };
    let stubs =
        nameservers.clone().map(|found| found.into_iter().filter(|server| is_loopback(server)).collect());
    let (looked_up, resolves) = lookup(transcript);
    Dns { nameservers, stubs, upstream_nameservers, looked_up, resolves }
}

/// The words behind `nameserver`, as resolv.conf(5) has them.
fn servers(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("nameserver"));
    lines
        .filter(|rest| rest.starts_with([' ', '\t']))
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn is_loopback(server: &str) -> bool {
    let address = server.split('%').next().unwrap_or(server);
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn lookup(transcript: &Transcript) -> (Fact<String>, Fact<bool>) {
    let Some(section) = transcript.sections().get("dns-lookup") else {
        let answer = transcript.answer("dns-lookup");
        return (answer.clone().map(|_| String::new()), answer.map(|_| false));
    };
    let source = section.source.clone();
    let out = String::from_utf8_lossy(&section.out);
    let name = match out.lines().find_map(|line| line.strip_prefix("name ")) {
        Some(name) => name.trim().to_owned(),
        None if section.ended == Ended::Exited(44) => {
            return (Fact::absent(source.clone()), Fact::absent(source));
        }
        None => {
            let reason = "the host said nothing of it";
            return (Fact::unknown(reason, source.clone()), Fact::unknown(reason, source));
        }
    };
    let source = format!("{source} {name}");
    let resolves = match section.ended {
        Ended::TooLong => Fact::unknown(TOO_LONG, source.clone()),
        Ended::Exited(0) => Fact::known(true, source.clone()),
        Ended::Exited(2) => Fact::known(false, source.clone()),
        Ended::Exited(_) => {
            Fact::unknown(String::from_utf8_lossy(&section.err).trim().to_owned(), source.clone())
        }
        Ended::TimedOut(ms) => {
            Fact::unknown(format!("no answer within {:.1} s", ms as f64 / 1000.0), source.clone())
        }
    };
    (Fact::known(name, source), resolves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;

    fn looked(ended: Ended, out: &str) -> Dns {
        let host = Recorded::default().file(RESOLV_CONF, "nameserver 10.0.0.2\n");
        parse(&host.ended("dns-lookup", ended, out, "neither getent nor nslookup is there\n").transcript())
    }

    #[test]
    fn servers_and_stubs() {
        let text = "# made by hand\nsearch lab\nnameserver 127.0.0.53\nnameserver\t10.0.0.2 # second\nnameserver ::1\nnameservers 1.1.1.1\n";
        let host = Recorded::default().file(RESOLV_CONF, text).file(UPSTREAM, "nameserver 10.0.0.3\n");
        let found = parse(&host.transcript());
        assert_eq!(found.nameservers.value().map(Vec::len), Some(3), "{found:?}");
        assert_eq!(found.stubs.value(), Some(&vec!["127.0.0.53".to_owned(), "::1".to_owned()]));
        assert_eq!(found.upstream_nameservers.value(), Some(&vec!["10.0.0.3".to_owned()]));
        let none = Recorded::default().unreadable(RESOLV_CONF, "No such file or directory");
        let none = parse(&none.unreadable(UPSTREAM, "No such file or directory").transcript());
        assert_eq!(none.nameservers.value(), Some(&Vec::new()));
        assert_eq!(none.upstream_nameservers.reading, Reading::Absent);
    }

    #[test]
    fn a_name_resolves_or_not_or_nobody_can_tell() {
        let name = "name registry-1.docker.io\n";
        assert_eq!(looked(Ended::Exited(0), &format!("{name}10.0.0.7 x\n")).resolves.value(), Some(&true));
        assert_eq!(looked(Ended::Exited(2), name).resolves.value(), Some(&false));
        for ended in [Ended::Exited(127), Ended::TimedOut(8000)] {
            let found = looked(ended, name);
            assert_eq!(found.looked_up.value().map(String::as_str), Some("registry-1.docker.io"));
            assert!(matches!(found.resolves.reading, Reading::Unknown(_)), "{found:?}");
        }
        assert_eq!(looked(Ended::Exited(44), "").resolves.reading, Reading::Absent);
        assert!(matches!(looked(Ended::Exited(0), "").resolves.reading, Reading::Unknown(_)));
        assert!(matches!(parse(&Recorded::default().transcript()).resolves.reading, Reading::Unknown(_)));
    }
}
