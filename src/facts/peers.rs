//! Which of the other hosts this one can open TCP to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;

use super::circumstances::Circumstances;
use super::fact::Fact;
use super::probe::Probe;
use super::transcript::{Ended, Transcript};

/// Which of the other hosts this one can open TCP to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Peers {
    /// Everyone that was tried. A refusal proves the path as well as a connection does.
    pub tried: Fact<Vec<Peer>>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// The peer's address.
    pub address: String,
    /// Its SSH port.
    pub port: u16,
    /// Whether the path is open; null where it could not be told.
    pub reached: Option<bool>,
    /// `connected`, `refused`, `timed out`, or the error's own words.
    pub outcome: String,
}

/// What the subject reads. All peers at once; whoever has not answered at the deadline has timed out.
pub const PROBES: &[Probe] = &[Probe::shell(
    "peers",
    "TCP to the peers' SSH ports",
    r#"[ -n "$PEERS" ] || return 0
set -- $PEERS
if command -v bash >/dev/null 2>&1; then
    echo "by bash"
    # One process tries ten in turn; where one keeps it waiting, and for the rest, each has a process of its own.
    bash -c 'D=$1; shift
try() { if { : <>"/dev/tcp/$1/$2"; } 2>"$D/$3"; then echo "$1 $2 connected"; else
read -r e <"$D/$3"; echo "$1 $2 ${e##*: }"; fi; }
exec 3< <(set -- "${@:1:20}"; while [ $# -gt 1 ]; do try "$1" "$2" peer; shift 2; done)
while [ $# -gt 1 ] && IFS= read -r -t 0.1 line <&3; do echo "$line"; shift 2; done
exec 3<&-
while [ $# -gt 1 ]; do try "$1" "$2" "peer.$1.$2" & shift 2; done
wait' bash "$dir__" "$@"
elif command -v python3 >/dev/null 2>&1; then
    echo "by python3"
    python3 -I -c 'import os,select,socket,sys
a=sys.argv[1:]; w={}; p=select.poll()
for h,n in zip(a[::2],a[1::2]):
 try:
  f,t,q,c,s=socket.getaddrinfo(h,int(n),0,socket.SOCK_STREAM)[0]
  k=socket.socket(f,t,q); k.setblocking(False); e=k.connect_ex(s)
  if e in (0,115): w[k.fileno()]=(k,h,n); p.register(k,select.POLLOUT)
  else: print(h,n,os.strerror(e),flush=True)
 except OSError as e: print(h,n,e.strerror,flush=True)
while w:
 for i,_ in p.poll():
  k,h,n=w.pop(i); p.unregister(i); e=k.getsockopt(socket.SOL_SOCKET,socket.SO_ERROR)
  print(h,n,os.strerror(e) if e else "connected",flush=True)' "$@"
elif command -v nc >/dev/null 2>&1; then
    echo "by nc"
    while [ $# -gt 1 ]; do
        { if nc -w 2 "$1" "$2" </dev/null >/dev/null 2>"$dir__/peer.$1.$2"; then echo "$1 $2 connected"; else
            read -r e <"$dir__/peer.$1.$2"; echo "$1 $2 ${e##*: }"; fi; } &
        shift 2
    done
    wait
else
    return 127
fi"#,
)
.within(Duration::from_secs(2))];

/// Reads the subject out of a transcript and the list that was asked about.
pub fn parse(transcript: &Transcript, circumstances: &Circumstances) -> Peers {
    let Some(section) = transcript.sections().get("peers") else {
        return Peers { tried: Fact::unknown("not in the transcript", "peers") };
    };
    let source = section.source.clone();
    if section.ended == Ended::Exited(127) {
        return Peers { tried: Fact::unknown("the host has neither bash nor python3 nor nc", source) };
    }
    let text = String::from_utf8_lossy(&section.out).into_owned();
    let mut tool = "";
    let mut outcomes = HashMap::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("by"), Some(name), None) => tool = name,
            (Some(address), Some(port), outcome) => {
                // Of what is told of a peer the first counts.
                outcomes.entry((address, port)).or_insert(outcome.unwrap_or_default());
            }
            _ => {}
        }
    }
    let in_time = matches!(section.ended, Ended::Exited(_));
    let tried = circumstances.peers.iter().map(|(address, port)| {
        let asked_port = port.to_string();
        let heard = outcomes.get(&(address.as_str(), asked_port.as_str()));
        let (reached, outcome) = match heard {
            Some(outcome) => judge(outcome),
            None if address.contains(char::is_whitespace) => (None, "its address is not known".to_owned()),
            None if in_time => (None, "the host said nothing of it".to_owned()),
            None => (Some(false), "timed out".to_owned()),
        };
        Peer { address: address.clone(), port: *port, reached, outcome }
    });
    let source = if tool.is_empty() { source } else { format!("{source}, by {tool}").into() };
    Peers { tried: Fact::known(tried.collect(), source) }
}

/// An error that says nothing of the path (no such tool, no such name) is not a failure of the path.
fn judge(outcome: &str) -> (Option<bool>, String) {
    let lower = outcome.to_lowercase();
    match () {
        () if lower == "connected" => (Some(true), "connected".to_owned()),
        () if lower.contains("refused") => (Some(true), "refused".to_owned()),
        () if lower.contains("timed out") || lower.contains("timeout") => {
            (Some(false), "timed out".to_owned())
        }
        () if ["no route", "unreachable", "prohibited", "not permitted"]
            .iter()
            .any(|w| lower.contains(w)) =>
        {
            (Some(false), outcome.to_owned())
        }
        () => (None, outcome.to_owned()),
    }
}
