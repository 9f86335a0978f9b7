//! Which keys hosts are known by. Read once for all hosts; a host's lines are found by name.
//!
//! Our own matching, for that of libssh2 knows no wildcards, lets `@revoked` keys pass, and gives a
//! whole file up for one bad line.

mod line;
pub(super) mod pattern;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};

use super::wire::{key_text, kind_of};
use crate::destination::{Destination, open_folder};
use crate::input;
use line::{Line, Meaning};

/// The types that libssh2 can check, best first; certificates are left out, for it cannot check those.
const KINDS: [&str; 5] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

/// Errors of a file that counts as empty.
const ABSENT: [ErrorKind; 3] = [ErrorKind::NotFound, ErrorKind::NotADirectory, ErrorKind::PermissionDenied];
/// The largest known_hosts file, in bytes.
const LARGEST: u64 = 32 * input::MIB;

/// The known_hosts files of a run.
pub(super) struct KnownHosts {
    files: Vec<PathBuf>,
    lines: Vec<Line>,
    by_name: HashMap<String, Vec<usize>>,
    /// Lines that a map cannot find: wildcards, negations, hashes.
    scanned: Vec<usize>,
    /// A file that is there and cannot be one of known hosts, and why.
    unread: Option<String>,
    /// What this run added, by name. Held while a line is appended, so that lines do not mix and two
    /// visits to one name do not learn two keys.
    learned: Mutex<HashMap<String, Vec<u8>>>,
}

/// What known_hosts says of one host.
pub(super) struct Entries<'a> {
    name: String,
    known: &'a KnownHosts,
    lines: Vec<&'a Line>,
    /// Lines of the bare name, where the port is not 22: as with OpenSSH they can vouch for a key,
    /// but not speak against one.
    portless: Vec<&'a Line>,
}

/// What known_hosts says of one key of one host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    /// It is the host's.
    Known,
    /// It must not be trusted any more; `file:line`.
    Revoked(String),
    /// The host is known by another key of this type; `file:line`.
    Changed(String),
    /// The host is known, but only by a key of another type; its type and `file:line`.
    OtherKind(String, String),
    /// Nothing is known of the host.
    Unknown {
        /// A `@cert-authority` would vouch for its certificate, which libssh2 cannot check.
        authority: bool,
    },
}

impl KnownHosts {
    /// Reads the files; what is missing or not permitted counts as empty, as with OpenSSH.
    pub(super) fn read(files: Vec<PathBuf>) -> Self {
        let mut known = KnownHosts {
            files: Vec::new(),
            lines: Vec::new(),
            by_name: HashMap::new(),
            scanned: Vec::new(),
            unread: None,
            learned: Mutex::default(),
        };
        for (index, file) in files.iter().enumerate() {
            match input::read(file, LARGEST) {
                Ok(bytes) => known.add(index, &String::from_utf8_lossy(&bytes)),
                Err(error) if ABSENT.contains(&error.kind()) => {}
                Err(error) => known.unread = Some(format!("{}: {error}", file.display())),
            }
        }
        known.files = files;
        known
    }

    fn add(&mut self, file: usize, text: &str) {
        let lines = text.lines().enumerate().filter_map(|(at, text)| Line::parse(file, at + 1, text));
        for line in lines {
            let index = self.lines.len();
            match line.names.plain() {
                Some(names) => {
                    for name in names {
                        self.by_name.entry(name.clone()).or_default().push(index);
                    }
                }
                None => self.scanned.push(index),
            }
            self.lines.push(line);
        }
    }

    /// What is known of a host.
    pub(super) fn of(&self, host: &str, port: u16) -> Entries<'_> {
        let host = host.to_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = name_of(bare, port);
        let lines = self.named(&name);
        let portless = if port == 22 { Vec::new() } else { self.named(bare) };
        Entries { name, known: self, lines, portless }
    }

    fn named(&self, name: &str) -> Vec<&Line> {
        let by_name = self.by_name.get(name).into_iter().flatten();
        let scanned = self.scanned.iter().filter(|&&index| self.lines[index].names.match_name(name));
        by_name.chain(scanned).filter_map(|&index| self.lines.get(index)).collect()
    }

    /// A file that is there and cannot be one of known hosts, and why.
    pub(super) fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }

    /// The file that new keys are added to.
    pub(super) fn first_file(&self) -> Option<&Path> {
        self.files.first().map(PathBuf::as_path)
    }

    fn place(&self, line: &Line) -> String {
        let file = self.files.get(line.file).map(|file| file.display().to_string()).unwrap_or_default();
        format!("{file}:{}", line.number)
    }
}

impl Entries<'_> {
    /// The name as known_hosts has it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The signature algorithms to ask for: those of the known keys first, else a host that has several
    /// keys would show an unknown one.
    pub(super) fn preference(&self) -> String {
        let source = if self.lines.is_empty() { &self.portless } else { &self.lines };
        let known = |kind: &str| source.iter().any(|line| line.meaning == Meaning::Key && line.kind == kind);
        let (mut first, last): (Vec<&str>, Vec<&str>) = KINDS.iter().partition(|kind| known(kind));
        first.extend(last);
        let algorithms: Vec<&str> = first
            .into_iter()
            .map(|kind| if kind == "ssh-rsa" { "rsa-sha2-512,rsa-sha2-256,ssh-rsa" } else { kind })
            .collect();
        algorithms.join(",")
    }

    /// What is said of the key that the host showed.
    pub(super) fn opinion(&self, key: &[u8]) -> Opinion {
        let with = |meaning: Meaning| {
            self.lines.iter().chain(&self.portless).filter(move |line| line.meaning == meaning)
        };
        if let Some(line) = with(Meaning::Revoked).find(|line| line.blob == key) {
            return Opinion::Revoked(self.known.place(line));
        }
        let keys = || self.lines.iter().filter(|line| line.meaning == Meaning::Key);
        if keys().any(|line| line.blob == key) {
            return Opinion::Known;
        }
        let kind = kind_of(key).unwrap_or_default();
        if let Some(line) = keys().find(|line| line.kind == kind) {
            return Opinion::Changed(self.known.place(line));
        }
        if let Some(line) = keys().next() {
            return Opinion::OtherKind(line.kind.clone(), self.known.place(line));
        }
        if with(Meaning::Key).any(|line| line.blob == key) {
            return Opinion::Known;
        }
        Opinion::Unknown { authority: with(Meaning::Authority).next().is_some() }
    }

    /// Adds the host's key to the first file. `false` when this run has learned another key for the
    /// name in the meantime.
    pub(super) fn learn(&self, key: &[u8]) -> io::Result<bool> {
        let mut learned = self.known.learned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = learned.get(&self.name) {
            return Ok(before == key);
        }
        let file = self.known.first_file().ok_or_else(|| io::Error::other("no known_hosts file is named"))?;
        let text = key_text(key).ok_or_else(|| io::Error::other("the key makes no sense"))?;
        append(file, &format!("{} {text}\n", self.name))?;
        learned.insert(self.name.clone(), key.to_vec());
        Ok(true)
    }
}

/// `host`, or `[host]:port` unless the port is 22.
fn name_of(host: &str, port: u16) -> String {
    if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") }
}

/// Appends one line, in one write under a lock that other runs of this program keep too.
fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        open_folder(folder, Mode::RWXU)?;
    }
    let place = Destination::find(path)?;
    place.stat()?.map_or(Ok(()), |there| place.may_write(&there))?;
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    let flags = if place.is_open_file { flags } else { flags | OFlags::NOFOLLOW };
    let mut file: File = openat(&place.folder, &place.name, flags, Mode::RUSR | Mode::WUSR)?.into();
    flock(&file, FlockOperation::LockExclusive)?;
    // A last line without its end would swallow ours.
    let text = if ends_a_line(&mut file)? { line.to_owned() } else { format!("\n{line}") };
    file.write_all(text.as_bytes())
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests;
