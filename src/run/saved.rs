//! Saved facts: a folder with one JSON file a host, or NDJSON.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::check::is_devbox_alone;
use super::cluster::{Cluster, THIS_MACHINE, subject};
use super::error::RunError;
use super::output_folder::OutputFolder;
use super::reading;
use super::safe_output::{Kind, safe};
use super::sweep::lost;
use super::terminal::{self, STDIO};
use crate::facts::saved::{SavedHost, SavedInventory};
use crate::facts::{Deployment, Fact, HostRecord, Outcome, Reading};
use crate::input;
use crate::inventory::{Connection, Host, Inventory};

/// Why nobody knows how a host is reached, and how its clock stands to that of the dev box.
pub(super) const NO_VISIT: &str = "gathered on the host itself, not by a visit";

/// The largest document of one host, in bytes.
const LARGEST: u64 = 16 * input::MIB;
/// The largest NDJSON of a whole run.
const LARGEST_ALL: u64 = 256 * input::MIB;
/// The most that the files of one folder have together.
const LARGEST_FOLDER: u64 = 1024 * input::MIB;

/// Saved facts, in the inventory's order.
pub(super) struct Saved {
    pub(super) inventory: SavedInventory,
    pub(super) records: Vec<HostRecord>,
}

/// Writes one file a host into `folder`, for the user alone; each is written whole or not at all. A file that cannot be written
/// does not keep the others from being written.
///
/// # Errors
/// The first file or folder that could not be written.
pub(super) fn write(folder: &Path, documents: &[SavedHost]) -> Result<(), RunError> {
    require_folder(folder)?;
    let folder = OutputFolder::open(folder)?;
    let write = |document: &SavedHost| {
        let name = format!("{}.json", file_name(&document.host.name));
        folder.write(&name, json(document)?.as_bytes())
    };
    let written: Vec<Result<(), RunError>> = documents.iter().map(write).collect();
    written.into_iter().collect()
}

/// Refuses what cannot be a folder to write into: a file, or `-`, which is no folder anywhere.
pub(super) fn require_folder(folder: &Path) -> Result<(), RunError> {
    if folder.as_os_str() == STDIO {
        let reason = "a folder is wanted, and `-` is stdout (./- is a folder of that name)".to_owned();
        return Err(RunError::File { path: folder.to_owned(), reason, help: None });
    }
    if folder.exists() && !folder.is_dir() {
        let reason = "it is a file, and a folder is wanted".to_owned();
        return Err(RunError::File { path: folder.to_owned(), reason, help: None });
    }
    Ok(())
}

/// One host's document, as it is written.
pub(super) fn json(document: &SavedHost) -> Result<String, RunError> {
    let text = document.to_json(true).map_err(|error| RunError::Internal(error.to_string()))?;
    Ok(safe(&(text + "\n"), Kind::Json).into_owned())
}

/// The same in one line.
pub(super) fn json_line(document: &SavedHost) -> Result<String, RunError> {
    let text = document.to_json(false).map_err(|error| RunError::Internal(error.to_string()))?;
    Ok(text + "\n")
}

/// The longest name of a file, in bytes: file systems take 255, an extension included.
const LONGEST_NAME: usize = 200;

/// A host's name as a file's: what could leave the folder is written as `%2F`, and the end of a name that is too long as `~`
/// and a digest of the whole name. No other name holds a `~`.
pub(super) fn file_name(host: &str) -> String {
    let name = escaped(host);
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let digest: String = Sha256::digest(host).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let end = (0..=LONGEST_NAME - 1 - digest.len()).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    format!("{}~{digest}", &name[..end])
}

fn escaped(host: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.:@".contains(c);
    let name: String = host
        .chars()
        .map(|c| if plain(c) { c.to_string() } else { format!("%{:02X}", u32::from(c)) })
        .collect();
    match name.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => name,
    }
}

/// The documents of one run.
pub(super) fn documents(
    cluster: &Cluster,
    deployment: &Deployment,
    limit: Option<&str>,
    records: &[HostRecord],
) -> Vec<SavedHost> {
    let inventory = |position| SavedInventory {
        limit: limit.map(str::to_owned),
        ..inventory(cluster, deployment, position, records.len())
    };
    records.iter().enumerate().map(|(position, record)| SavedHost::new(record, inventory(position))).collect()
}

/// The document of one of the cluster's hosts.
pub(super) fn document(
    cluster: &Cluster,
    deployment: &Deployment,
    position: usize,
    record: &HostRecord,
) -> SavedHost {
    SavedHost::new(record, inventory(cluster, deployment, position, cluster.hosts.len()))
}

fn inventory(cluster: &Cluster, deployment: &Deployment, position: usize, hosts: usize) -> SavedInventory {
    SavedInventory {
        kind: cluster.kind.to_owned(),
        sources: cluster.sources.clone(),
        digest: cluster.digest.clone(),
        parameters: cluster.parameters.clone(),
        deployment: deployment.clone(),
        position,
        hosts,
        limit: None,
    }
}

/// Reads a folder of JSON, a JSON file or NDJSON.
pub(super) fn read(path: &Path) -> Result<Saved, RunError> {
    let is_stdin = path.as_os_str() == STDIO;
    let metadata = || fs::metadata(path).map_err(|error| RunError::file(path, &error));
    let mut hosts = Vec::new();
    if !is_stdin && metadata()?.is_dir() {
        let mut files = input::entries(path).map_err(|error| RunError::file(path, &error))?;
        files.retain(|file| {
            file.extension().is_some_and(|extension| extension == "json" || extension == "ndjson")
        });
        let mut room = LARGEST_FOLDER;
        for file in files {
            let limit = if file.extension().is_some_and(|extension| extension == "json") {
                LARGEST
            } else {
                LARGEST_ALL
            };
            let bytes = input::read(&file, limit).map_err(|error| RunError::file(&file, &error))?;
            room = room.checked_sub(bytes.len() as u64).ok_or_else(|| RunError::File {
                path: path.to_owned(),
                reason: format!("its files are larger than {} MiB together", LARGEST_FOLDER / input::MIB),
                help: None,
            })?;
            hosts.extend(parse_file(&file, bytes)?);
        }
    } else {
        let name = if is_stdin { Path::new("stdin") } else { path };
        let bytes = terminal::read(path, LARGEST_ALL).map_err(|error| RunError::file(name, &error))?;
        hosts = parse_file(name, bytes)?;
    }
    hosts.sort_by_key(|host| host.inventory.position);
    let Some(first) = hosts.first() else {
        let reason =
            "it holds no saved facts (*.json, one a host: `check --save-facts` writes them)".to_owned();
        return Err(RunError::File { path: path.to_owned(), reason, help: None });
    };
    let inventory = first.inventory.clone();
    let mut names: HashMap<String, ()> = HashMap::new();
    for host in &hosts {
        if host.inventory.digest != inventory.digest {
            let reason =
                format!("{} was gathered from another inventory than {}", host.host.name, first.host.name);
            return Err(RunError::File {
                path: path.to_owned(),
                reason,
                help: Some("gather again".to_owned()),
            });
        }
        if names.insert(host.host.name.clone(), ()).is_some() {
            let reason = format!("the host {} is there twice", host.host.name);
            let help = match host.host.name == THIS_MACHINE {
                true => {
                    "`facts --transcript` names the host it is of with --host NAME; else keep the file that was gathered last"
                }
                false => "keep the file that was gathered last",
            };
            let help = Some(help.to_owned());
            return Err(RunError::File { path: path.to_owned(), reason, help });
        }
    }
    Ok(Saved { inventory, records: hosts.into_iter().map(SavedHost::record).collect() })
}

/// The documents that a file of this name holds.
fn parse_file(name: &Path, bytes: Vec<u8>) -> Result<Vec<SavedHost>, RunError> {
    let broken = |line: usize, told: String| {
        let (at, reason) = place(line, &told);
        let path = PathBuf::from(format!("{}{at}", name.display()));
        let help = match told.contains("gather again") {
            true => None,
            false => Some("gather again, or take the file away".to_owned()),
        };
        RunError::File { path, reason, help }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(broken(0, "it is not text, so it is no saved facts".to_owned()));
    };
    if text.lines().count() > 1
        && text.lines().all(|line| line.is_empty() || line.starts_with('{') && line.ends_with('}'))
    {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        return lines.map(|(at, line)| SavedHost::parse(line).map_err(|error| broken(at, error))).collect();
    }
    if text.len() as u64 > LARGEST {
        return Err(broken(0, format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    if text.trim().is_empty() {
        return Err(broken(0, "it is empty".to_owned()));
    }
    Ok(vec![SavedHost::parse(&text).map_err(|error| broken(0, error))?])
}

/// JSON's "… at line 24 column 2", `skipped` lines further down: `:24:2` and the rest, in our words.
fn place(skipped: usize, told: &str) -> (String, String) {
    let placed = told.rsplit_once(" at line ").and_then(|(reason, at)| {
        let (line, column) = at.split_once(" column ")?;
        Some((reason, line.parse::<usize>().ok()? + skipped, column))
    });
    let (at, reason) = match placed {
        Some((reason, line, column)) => (format!(":{line}:{column}"), reason),
        None if skipped > 0 => (format!(":{}", skipped + 1), told),
        None => (String::new(), told),
    };
    let reason = match reason.strip_prefix("EOF while parsing ") {
        Some(what) => format!("the file ends within {what}: it was cut off"),
        None if reason.starts_with("missing field") => {
            format!("{reason}: this is no document of saved facts")
        }
        None if reason.starts_with("expected value") || reason.starts_with("expected ident") => {
            "this is not JSON, so it is no saved facts".to_owned()
        }
        None => reason.to_owned(),
    };
    (at, reason)
}

/// Facts of the whole run: every host it had is there.
///
/// # Errors
/// When some are missing: what was not copied was not judged.
pub(super) fn require_whole(path: &Path, saved: &Saved) -> Result<(), RunError> {
    let (there, all) = (saved.records.len(), saved.inventory.hosts);
    if there >= all {
        return Ok(());
    }
    let reason = format!("it holds {there} of the {all} hosts of its run");
    let help = "copy all of it, or name the inventory with -i: then the others are unreachable".to_owned();
    Err(RunError::File { path: path.to_owned(), reason, help: Some(help) })
}

/// Those of the hosts that a pattern chooses. The dev box is none to choose from, as when hosts are visited.
pub(super) fn limit(records: Vec<HostRecord>, pattern: &str) -> Result<Vec<HostRecord>, RunError> {
    let host = |record: &&HostRecord| {
        let subject = &record.subject;
        let connection = Connection::ssh(&subject.address);
        let host = Host {
            name: subject.name.clone(),
            roles: subject.roles.clone(),
            accelerator: None,
            layout: None,
            ip: None,
            access_ip: None,
            connection,
        };
        (!is_devbox_alone(&subject.roles)).then_some(host)
    };
    let inventory = Inventory::of_hosts(records.iter().filter_map(|record| host(&record)).collect());
    reading::note_idle_exclusions(&inventory, Some(pattern));
    let chosen = inventory.limit(pattern).map_err(|error| {
        let help = "saved facts hold names and roles, and no groups: those can be chosen with -i INVENTORY";
        RunError::flag("--limit", format!("{error} ({help})"))
    })?;
    let names: HashSet<&str> = chosen.iter().map(|host| host.name.as_str()).collect();
    let is_chosen = |record: &HostRecord| {
        is_devbox_alone(&record.subject.roles) || names.contains(record.subject.name.as_str())
    };
    Ok(records.into_iter().filter(is_chosen).collect())
}

/// Leaves out what hosts tried of peers that are not in scope: where hosts are visited with a limit, nobody is asked to reach
/// the others.
pub(super) fn forget_other_peers(records: &mut [HostRecord]) {
    let in_scope: HashSet<String> =
        records.iter().map(|record| record.subject.peer_address.clone()).collect();
    for record in records {
        let Outcome::Gathered(facts) = &mut record.outcome else { continue };
        if let Reading::Known(tried) = &mut facts.peers.tried.reading {
            tried.retain(|peer| in_scope.contains(&peer.address));
        }
    }
}

/// The limit of the run that saved the facts, and that of this one.
pub(super) fn limits(before: Option<String>, now: Option<String>) -> Option<String> {
    match (before, now) {
        (Some(before), Some(now)) if !now.starts_with(&before) => Some(format!("{before} and then {now}")),
        (before, None) => before,
        (_, now) => now,
    }
}

/// Facts that a host gathered of itself say nothing of how it is reached from here, nor of its peers.
fn seen_from_here(mut record: HostRecord) -> HostRecord {
    let Outcome::Gathered(facts) = &mut record.outcome else { return record };
    if facts.ssh.login.value().is_none_or(|login| login != "local") {
        return record;
    }
    let reason = NO_VISIT;
    facts.ssh.user = Fact::unknown(reason, "the login");
    facts.ssh.login = Fact::unknown(reason, "the login");
    facts.ssh.passwordless = Fact::unknown(reason, "the login");
    facts.ssh.host_key = Fact::unknown(reason, "known_hosts");
    facts.time.clock_offset_ms = Fact::unknown(reason, "date");
    facts.time.clock_uncertainty_ms = Fact::unknown(reason, "date");
    facts.peers.tried = Fact::unknown(reason, "TCP to the peers' SSH ports");
    record
}

/// Holds saved facts against an inventory: the inventory says who is there, the facts what was read. A host
/// without facts is unreachable at stage `facts`.
pub(super) fn against(cluster: &Cluster, saved: Saved) -> Vec<HostRecord> {
    let mut by_name: HashMap<String, HostRecord> =
        saved.records.into_iter().map(|record| (record.subject.name.clone(), record)).collect();
    let known = cluster.hosts.iter().map(|host| match by_name.remove(&host.name) {
        Some(record) if host.connection.local => HostRecord { subject: subject(host), ..record },
        Some(mut record) => {
            if let Outcome::Gathered(facts) = &mut record.outcome {
                facts.variables = cluster.variables.get(&host.name).cloned().unwrap_or_default();
            }
            seen_from_here(HostRecord { subject: subject(host), ..record })
        }
        None => lost(host, "facts", "no facts were saved of it"),
    });
    let records: Vec<HostRecord> = known.collect();
    if !by_name.is_empty() {
        let mut others: Vec<String> = by_name.into_keys().collect();
        others.sort();
        terminal::note(&format!(
            "airworthy: note: saved facts of hosts that the inventory does not have are left out: {}",
            others.join(", ")
        ));
    }
    records
}

/// Facts older than `limit` are none: the host is unreachable at stage `facts`.
pub(super) fn expire(records: &mut [HostRecord], limit: Duration, now: Timestamp) {
    for record in records.iter_mut().filter(|record| record.facts().is_some()) {
        let gathered = record.gathered_at.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let age = gathered.map(|gathered| now.duration_since(gathered));
        let reason = match age {
            Some(age) if age.unsigned_abs() <= limit => continue,
            Some(age) if age.is_negative() => format!(
                "its facts say that they were gathered {} from now: a clock is wrong",
                span(age.unsigned_abs())
            ),
            Some(age) => {
                format!("its facts are {} old, and may be {} old", span(age.unsigned_abs()), span(limit))
            }
            None => "its facts do not say when they were gathered".to_owned(),
        };
        record.outcome = Outcome::Unreachable { stage: "facts".to_owned(), reason };
    }
}

/// A time span for people, rounded up so that it never reads as the limit that it exceeds.
fn span(of: Duration) -> String {
    let seconds = of.as_secs() + u64::from(of.subsec_nanos() > 0);
    let (number, unit) = match seconds {
        0..=120 => (seconds, "s"),
        121..=7200 => (seconds.div_ceil(60), "min"),
        7201..=172_800 => (seconds.div_ceil(3600), "h"),
        _ => (seconds.div_ceil(86400), "days"),
    };
    format!("{number} {unit}")
}
