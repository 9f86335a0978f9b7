//! TCP ports somebody listens on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;

/// TCP ports somebody listens on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ports {
    /// Port numbers, over IPv4 and IPv6, on any address but loopback's; sorted, each once.
    pub listening: Fact<Vec<i64>>,
    /// Those that listen on a loopback address only.
    pub listening_on_loopback: Fact<Vec<i64>>,
}

/// What the subject reads: what the first look found.
pub const PROBES: &[Probe] = &[Probe::shell(
    "ports",
    "/proc/net/tcp, /proc/net/tcp6",
    r#"looked || return 2
printf '%s' "$LISTENING"
[ "$TABLES_READ" = "$TABLES" ] || { echo "of $TABLES only these could be read: ${TABLES_READ:-none}" >&2; return 2; }"#,
)
.light()];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Ports {
    let sockets = transcript.answer("ports").try_map(|answer| match answer.status {
        0 => Ok(answer.out.lines().filter_map(socket).collect::<Vec<_>>()),
        _ => Err(if answer.err.is_empty() {
            "/proc/net/tcp cannot be read".into()
        } else {
            answer.err.to_string()
        }),
    });
    let ports = |loopback: bool| {
        sockets.clone().map(|sockets| {
            let mut ports: Vec<i64> =
                sockets.iter().filter(|(_, local)| *local == loopback).map(|(port, _)| *port).collect();
            ports.sort_unstable();
            ports.dedup();
            ports
        })
    };
    Ports { listening: ports(false), listening_on_loopback: ports(true) }
}

/// Port, and whether the address is loopback's (`/proc` writes addresses in the host's byte order).
fn socket(line: &str) -> Option<(i64, bool)> {
    let (address, port) = line.split_whitespace().nth(1)?.split_once(':')?;
    let port = i64::from_str_radix(port, 16).ok()?;
    let loopback = match address.len() {
        8 => address.ends_with("7F"),
        _ => address == "00000000000000000000000001000000" || address.ends_with("FFFF00000100007F"),
    };
    Some((port, loopback))
}
