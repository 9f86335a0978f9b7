//! The files an inventory is made of: read once, bounded, counted into the digest.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use memchr::memchr_iter;
use sha2::{Digest, Sha256};

use super::diagnostic::Diagnostic;
use super::error::{InventoryError, io_reason};
use crate::input;
use crate::merge_conflict::{self, Marker};
use crate::redact;

/// Larger files are no inventories.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Of larger texts complaints show nothing, in bytes: looking for secrets in them takes seconds.
const MOST_SHOWN: usize = 2 * 1024 * 1024;

/// How long a pipe may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A position in a text; both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Mark {
    /// The beginning of a file.
    pub(super) const START: Mark = Mark { line: 1, column: 1 };

    pub(super) fn new(line: usize, column: usize) -> Self {
        Mark { line, column }
    }
}

/// One file's text.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// What complaints show of it, and where its lines begin: made with the first one, for a file can earn thousands.
    shown: OnceLock<Shown>,
}

struct Shown {
    text: Arc<str>,
    lines: Vec<usize>,
}

impl Source {
    pub(super) fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Source { path: path.into(), text: text.into(), shown: OnceLock::new() }
    }

    fn shown(&self) -> &Shown {
        self.shown.get_or_init(|| Shown {
            text: match self.text.len() {
                ..=MOST_SHOWN => redact::of_same_length(&self.text).into(),
                _ => hidden(&self.text).into(),
            },
            lines: std::iter::once(0)
                .chain(memchr_iter(b'\n', self.text.as_bytes()).map(|at| at + 1))
                .collect(),
        })
    }

    /// A complaint about one place of this file.
    pub(super) fn complain(
        &self,
        mark: Mark,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            file: self.path.clone(),
            line: mark.line,
            column: mark.column,
            offset: self.offset(mark),
            message: message.into(),
            help: help.into(),
            source: Arc::clone(&self.shown().text),
            ours_alone: false,
        }
    }

    /// The same where the text could not be parsed: a merge conflict is the reason, if there is one.
    pub(super) fn complain_of_syntax(
        &self,
        mark: Mark,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        match Marker::first(&self.text) {
            Some(marker) => {
                self.complain(Mark::new(marker.number, 1), marker.message(), merge_conflict::HELP)
            }
            None => self.complain(mark, message, help),
        }
    }

    fn offset(&self, mark: Mark) -> usize {
        let line = self.shown().lines.get(mark.line - 1).copied().unwrap_or(self.text.len());
        let rest = self.text[line..].split('\n').next().unwrap_or_default();
        line + rest.char_indices().nth(mark.column - 1).map_or(rest.len(), |(at, _)| at)
    }
}

/// A text of the same length in which nothing but the ends of lines can be read.
fn hidden(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect()
}

/// A place in a file, to complain about later.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) source: Arc<Source>,
    pub(super) mark: Mark,
}

impl Place {
    /// A complaint about this place.
    pub(super) fn complain(&self, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        self.source.complain(self.mark, message, help)
    }

    /// `file:line`, as variables tell their origin.
    pub(super) fn origin(&self) -> String {
        format!("{}:{}", self.source.path.display(), self.mark.line)
    }
}

/// Reads files, each once, and digests what it read.
#[derive(Default)]
pub(super) struct Reader {
    known: HashMap<PathBuf, Arc<Source>>,
    files: Vec<PathBuf>,
    digest: Sha256,
}

impl Reader {
    /// The text of a file. `base` is the folder its name is digested relative to.
    pub(super) fn read(&mut self, path: &Path, base: &Path) -> Result<Arc<Source>, InventoryError> {
        if let Some(source) = self.known.get(path) {
            return Ok(Arc::clone(source));
        }
        let bytes = bytes_of(path)?;
        self.keep(path, base, bytes)
    }

    /// The same for a file that the user names, which may be a pipe (`-i <(…)`): it is heard for a bounded time.
    pub(super) fn read_named(&mut self, path: &Path, base: &Path) -> Result<Arc<Source>, InventoryError> {
        let is_pipe = std::fs::metadata(path).is_ok_and(|it| it.file_type().is_fifo());
        if !(is_pipe || input::is_stream(path)) || self.known.contains_key(path) {
            return self.read(path, base);
        }
        let bytes = input::read_stream(path, MAX_BYTES, PATIENCE).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => InventoryError::Unreadable {
                path: path.to_owned(),
                reason: format!("a pipe that did not end in {} seconds", PATIENCE.as_secs()),
                help: "give a file".to_owned(),
            },
            _ => refused(path, &error),
        })?;
        self.keep(path, base, bytes)
    }

    fn keep(&mut self, path: &Path, base: &Path, bytes: Vec<u8>) -> Result<Arc<Source>, InventoryError> {
        let name = path.strip_prefix(base).unwrap_or(path).to_string_lossy();
        for part in [name.as_bytes(), &bytes] {
            self.digest.update((part.len() as u64).to_be_bytes());
            self.digest.update(part);
        }
        let source = Arc::new(Source::new(path, text_of(path, bytes)?));
        self.known.insert(path.to_owned(), Arc::clone(&source));
        self.files.push(path.to_owned());
        Ok(source)
    }

    /// Counts what a program said into the digest.
    pub(super) fn note(&mut self, name: &str, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            self.digest.update((part.len() as u64).to_be_bytes());
            self.digest.update(part);
        }
    }

    /// A text that stands on the command line instead of in a file.
    pub(super) fn take_text(&mut self, text: &str) -> Arc<Source> {
        self.digest.update((text.len() as u64).to_be_bytes());
        self.digest.update(text);
        Arc::new(Source::new(text, text))
    }

    /// Every file read, in order, and the digest over their names and contents.
    pub(super) fn finish(self) -> (Vec<PathBuf>, String) {
        let hex: String = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        (self.files, format!("sha256:{hex}"))
    }
}

/// The error for what the system refused to read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> InventoryError {
    let help = match error.kind() {
        std::io::ErrorKind::NotFound => match path.components().count() {
            // Perhaps a host.
            1 => {
                format!("check the path given with -i, or name hosts with a comma: -i '{},'", path.display())
            }
            _ => "check the path given with -i".to_owned(),
        },
        std::io::ErrorKind::PermissionDenied => "run as a user who may read it".to_owned(),
        _ => "give a readable file or folder".to_owned(),
    };
    InventoryError::Unreadable { path: path.to_owned(), reason: io_reason(error), help }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, InventoryError> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(InventoryError::Unreadable {
            path: path.to_owned(),
            reason: "a pipe, socket or device, and no file".to_owned(),
            help: "put a file there, or name the pipe itself with -i".to_owned(),
        });
    }
    input::read(path, MAX_BYTES).map_err(|error| refused(path, &error))
}

/// The error for what could not be read, or is larger than an inventory's file may be.
fn refused(path: &Path, error: &std::io::Error) -> InventoryError {
    match error.kind() {
        ErrorKind::FileTooLarge => too_large(path),
        _ => unreadable(path, error),
    }
}

fn too_large(path: &Path) -> InventoryError {
    let source = Source::new(path, "");
    let message = format!("larger than {} MiB", MAX_BYTES >> 20);
    source.complain(Mark::START, message, "this is no inventory; check the path").ours_alone().into()
}

/// UTF-8 without a byte order mark. As in Ansible, a comment line may be in any encoding.
fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, InventoryError> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => forgive_comments(path, error.as_bytes())?,
    };
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

fn forgive_comments(path: &Path, bytes: &[u8]) -> Result<String, InventoryError> {
    let mut text = String::with_capacity(bytes.len());
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) if matches!(line.first(), Some(b'#' | b';')) => text.push('\n'),
            Err(error) => {
                let before = String::from_utf8_lossy(&line[..error.valid_up_to()]);
                let mark = Mark::new(index + 1, before.chars().count() + 1);
                let source = Source::new(path, String::from_utf8_lossy(bytes));
                let help = "save the file as UTF-8";
                return Err(source.complain(mark, "not valid UTF-8", help).into());
            }
        }
    }
    Ok(text)
}
