//! From facts, bytes and role to a plan, or to the reason why there is none. Values in, values out.

use super::daemon_json::{self, RUNTIME, Wish};
use super::diff;
use super::look::{Look, digest};
use crate::facts::{HostFacts, Reading, Subject};
use crate::role::Role;

/// What is to be done on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The path that dockerd was told.
    pub asked: String,
    /// The file, links followed.
    pub path: String,
    /// The bytes that were planned from; `None`: there is no such file.
    pub before: Option<Vec<u8>>,
    /// The bytes it will have; `None`: it will be gone.
    pub after: Option<Vec<u8>>,
    /// The change for people, without secrets; empty where only Docker has to take what the file says.
    pub diff: String,
    /// The runtime that must be Docker's default afterwards; `None` where it is enough that Docker answers.
    pub runtime: Option<String>,
    /// Whether dockerd can be asked to try the file before it counts.
    pub validates: bool,
    /// The backup that this plan uses up.
    pub spends: Option<String>,
    /// What people should know besides.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether the file itself changes.
    pub fn writes(&self) -> bool {
        self.before != self.after
    }

    /// What happens to Docker.
    pub fn action(&self) -> &'static str {
        "systemctl reload docker"
    }

    /// Where the old file goes: named by the time and by the digest of what replaces it, so that `fix undo` knows its own.
    pub fn backup(&self, stamp: &str) -> String {
        let state = state(self.after.as_deref());
        let short = state.get(..SHORT).unwrap_or(&state);
        let absent = if self.before.is_none() { "-absent" } else { "" };
        format!("{}.airworthy-{stamp}-{short}{absent}", self.path)
    }
}

/// So much of a digest tells two files apart.
const SHORT: usize = 12;

/// A file's digest, or the word for none.
pub fn state(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "absent".to_owned(), digest)
}

/// What the facts alone say against the fix; asked before the host is visited again.
///
/// # Errors
/// The reason.
pub fn precheck(subject: &Subject, facts: &HostFacts, reserved: &[String]) -> Result<(), String> {
    if !subject.roles.contains(&Role::Worker) {
        return Err("the host is no worker: its default runtime is never set".to_owned());
    }
    if subject.accelerator.as_deref() != Some("nvidia.com/gpu") {
        return Err("no NVIDIA GPU is promised for this host".to_owned());
    }
    known("sudo.privilege", &facts.sudo.privilege)?
        .then_some(())
        .ok_or("the login user does not become root")?;
    known("docker.running", &facts.docker.running)?.then_some(()).ok_or("Docker does not run")?;
    match &facts.gpu.failure.reading {
        Reading::Absent => {}
        Reading::Known(failure) => return Err(format!("the NVIDIA driver does not work: {failure}")),
        Reading::Unknown(reason) => {
            return Err(format!("whether the NVIDIA driver works is unknown: {reason}"));
        }
    }
    if *known("gpu.enumerated_count", &facts.gpu.enumerated_count)? < 1 {
        return Err("the NVIDIA driver finds no GPU".to_owned());
    }
    match &facts.container_runtime.nvidia.reading {
        Reading::Known(_) => {}
        Reading::Absent => {
            return Err("nvidia-container-runtime is not installed or not executable".to_owned());
        }
        Reading::Unknown(reason) => {
            return Err(format!("whether nvidia-container-runtime is installed is unknown: {reason}"));
        }
    }
    let flags: &[String] = match &facts.docker.flag_keys.reading {
        Reading::Known(keys) => keys,
        Reading::Absent => &[],
        Reading::Unknown(reason) => return Err(format!("dockerd's flags are not known: {reason}")),
    };
    for key in ["default-runtime", "runtimes"] {
        conflict(key, flags, reserved)?;
    }
    if let Some(config) = facts.docker.config.value() {
        config.keys().try_for_each(|key| conflict(key, flags, reserved))?;
    }
    Ok(())
}

fn conflict(key: &str, flags: &[String], reserved: &[String]) -> Result<(), String> {
    if flags.iter().any(|flag| flag == key) {
        return Err(format!(
            "`{key}` is among dockerd's flags: with the key in the file too it would not start"
        ));
    }
    if reserved.iter().any(|flag| flag == key) {
        return Err(format!(
            "kubespray will pass `{key}` as a flag: with the key in the file too dockerd would not start"
        ));
    }
    Ok(())
}

fn known<'f, T>(name: &str, fact: &'f crate::facts::Fact<T>) -> Result<&'f T, String> {
    match &fact.reading {
        Reading::Known(value) => Ok(value),
        Reading::Absent => Err(format!("{name} is not there")),
        Reading::Unknown(reason) => Err(format!("{name} is unknown: {reason}")),
    }
}

/// The plan for a host whose facts say nothing against it.
///
/// # Errors
/// The reason why there is none.
pub fn plan(facts: &HostFacts, look: &Look, reserved: &[String]) -> Result<Plan, String> {
    able(look)?;
    if facts.docker.config_path.value() != Some(&look.asked) {
        return Err(format!("dockerd read another file than {} a moment ago", look.asked));
    }
    let nvidia = known("container_runtime.nvidia", &facts.container_runtime.nvidia)?;
    let wish = Wish { runtime_path: nvidia.clone() };
    let edit = daemon_json::edit(look.bytes.as_deref(), &wish)
        .map_err(|reason| format!("{} is left alone: {reason}", look.real))?;
    if let Some(path) = &edit.runtime_path {
        let present = facts.container_runtime.present.value();
        let is_there = path == nvidia || present.is_some_and(|present| present.contains(path));
        if !is_there {
            return Err(format!(
                "runtimes.{RUNTIME} of {} names {path}, which is not there or not executable",
                look.real
            ));
        }
    } else if !facts.docker.runtimes.value().is_some_and(|runtimes| runtimes.contains_key(RUNTIME)) {
        return Err(format!("runtimes.{RUNTIME} of {} is a shim that Docker does not know", look.real));
    }
    // The file may have another key than when the facts were read.
    let keys = crate::facts::json_object::parse(edit.after.as_bytes())?;
    let flags = facts.docker.flag_keys.value().map(Vec::as_slice).unwrap_or_default();
    keys.keys().try_for_each(|key| conflict(key, flags, reserved))?;
    let after = Some(edit.after.into_bytes());
    let mut notes = edit.notes;
    notes.extend(remarks(look));
    let diff = match after == look.bytes {
        true => {
            notes.push("the file says it already; Docker has not taken it".to_owned());
            String::new()
        }
        false => diff::unified(&look.real, look.bytes.as_deref(), after.as_deref()),
    };
    Ok(Plan {
        asked: look.asked.clone(),
        path: look.real.clone(),
        before: look.bytes.clone(),
        after,
        diff,
        runtime: Some(RUNTIME.to_owned()),
        validates: look.validates,
        spends: None,
        notes,
    })
}

/// The plan that takes the latest fix back; `Ok(None)` where there is nothing to take back.
///
/// # Errors
/// The reason why there is none.
pub fn undo(look: &Look) -> Result<Option<Plan>, String> {
    let Some(backup) = look.backups.last() else { return Ok(None) };
    if look.bytes.is_some() && look.bytes == look.latest_backup {
        return Ok(None); // a run that was cut before it counted
    }
    able(look)?;
    let name = backup.strip_prefix(&look.real).and_then(|rest| rest.strip_prefix(".airworthy-"));
    let mut parts = name.unwrap_or_default().split('-').skip(1);
    let ours = parts.next().unwrap_or_default();
    if ours.len() < 6 || !state(look.bytes.as_deref()).starts_with(ours) {
        return Err(format!("{} was changed since the fix that left {backup}", look.real));
    }
    let after = match parts.next() {
        Some("absent") => None,
        _ => match &look.latest_backup {
            Some(bytes) if bytes.len() <= super::look::LARGEST => Some(bytes.clone()),
            _ => return Err(format!("{backup} could not be read")),
        },
    };
    Ok(Some(Plan {
        asked: look.asked.clone(),
        path: look.real.clone(),
        before: look.bytes.clone(),
        diff: diff::unified(&look.real, look.bytes.as_deref(), after.as_deref()),
        validates: look.validates && after.as_ref().is_some_and(|bytes| !bytes.is_empty()),
        after,
        runtime: None,
        spends: Some(backup.clone()),
        notes: remarks(look).collect(),
    }))
}

fn able(look: &Look) -> Result<(), String> {
    if let Some(reason) = look.refusals.first() {
        return Err(reason.clone());
    }
    match look.locked {
        true => Err("another run is at work on this host".to_owned()),
        false => Ok(()),
    }
}

fn remarks(look: &Look) -> impl Iterator<Item = String> {
    let link =
        look.is_linked().then(|| format!("{} leads to {}, which is what changes", look.asked, look.real));
    let links =
        (look.links > 1).then(|| "the file has other names (hard links), which keep the old text".to_owned());
    let untried = (!look.validates)
        .then(|| "this dockerd has no --validate: the file is not tried before it counts".to_owned());
    [link, links, untried].into_iter().flatten()
}
