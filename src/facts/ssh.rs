//! How the host was logged in to, and whether its SSH service will be there after a reboot.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::circumstances::Circumstances;
use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;
use super::units::{self, Unit};

/// How the host was logged in to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ssh {
    /// The user that logged in.
    pub user: Fact<String>,
    /// Whether the script's answer came whole: true wherever there are facts.
    pub answered: Fact<bool>,
    /// What let it in: `agent`, `publickey`, `password`, `none`, or `local` on this machine.
    pub login: Fact<String>,
    /// Whether the login needed no password.
    pub passwordless: Fact<bool>,
    /// What known_hosts says of the host's key: `known`, `learned` or `unchecked`; absent on this machine.
    pub host_key: Fact<String>,
    /// The host key's fingerprint, as OpenSSH prints it.
    pub host_key_fingerprint: Fact<String>,
    /// Fingerprints of the host keys this machine itself would show; absent where it has none.
    pub own_host_keys: Fact<Vec<String>>,
    /// The unit that serves SSH; absent where there is none.
    pub service: Fact<String>,
    /// Whether it runs or listens.
    pub service_active: Fact<bool>,
    /// Whether it starts at boot.
    pub service_enabled: Fact<bool>,
}

/// Units that serve SSH, under the names of Debian's and Red Hat's families.
const UNITS: [&str; 4] = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"];

/// What the subject reads: public halves only.
pub const PROBES: &[Probe] = &[Probe::files(&["/etc/ssh/ssh_host_*_key.pub"])];

/// Reads the subject out of a transcript and what the visit itself showed.
pub(super) fn parse(transcript: &Transcript, units: &Fact<Vec<Unit>>, circumstances: &Circumstances) -> Ssh {
    let serving = units::named(units, &UNITS);
    let any = |holds: fn(&Unit) -> bool| serving.clone().map(|units| units.into_iter().any(holds));
    let service = match serving
        .value()
        .map(|units| units.iter().find(|unit| unit.is_active()).or(units.first()).map(|unit| unit.id.clone()))
    {
        Some(Some(unit)) => Fact::known(unit, serving.source.clone()),
        Some(None) => Fact::absent(serving.source.clone()),
        None => serving.clone().map(|_| String::new()),
    };
    let login = circumstances.login.clone();
    Ssh {
        user: circumstances.user.clone(),
        answered: Fact::known(true, "the script's end mark"),
        passwordless: login.clone().map(|login| login != "password"),
        login,
        host_key: circumstances.host_key.clone(),
        host_key_fingerprint: circumstances.host_key_fingerprint.clone(),
        own_host_keys: own_host_keys(transcript),
        service,
        service_active: any(Unit::is_active),
        service_enabled: any(Unit::is_enabled),
    }
}

fn own_host_keys(transcript: &Transcript) -> Fact<Vec<String>> {
    let files = transcript.files_under("/etc/ssh/ssh_host_");
    let keys = files.map(|files| {
        let lines = files.iter().filter_map(|(_, text)| text.value()?.split_whitespace().nth(1));
        lines.filter_map(|blob| STANDARD.decode(blob).ok()).map(|blob| fingerprint(&blob)).collect::<Vec<_>>()
    });
    match keys.value() {
        Some(none) if none.is_empty() => Fact::absent(keys.source),
        _ => keys,
    }
}

/// OpenSSH's way to print a key: `SHA256:` and base64 without padding.
fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}
