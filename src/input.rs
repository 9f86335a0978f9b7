//! Files and folders from outside: every read is bounded in bytes and in time, and is of a regular file.
//!
//! What is a pipe, a device or a socket is refused, unless the user names a stream: `-`, `/dev/stdin`, or `/dev/fd/63`, which
//! is what the shell makes of `<(…)`. `tests/integration/architecture.rs` keeps all other files from opening any.

use std::fs::{File, FileType, Metadata};
use std::io::{self, ErrorKind, IsTerminal as _, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};

/// Bytes of a mebibyte.
pub(crate) const MIB: u64 = 1024 * 1024;
/// How long a stream that the user names by a path may take to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long stdin may take to end: what writes to it may be visiting a host.
pub(crate) const STDIN_PATIENCE: Duration = Duration::from_secs(600);
/// The most entries of a folder that are looked at.
pub(crate) const MOST_ENTRIES: usize = 50_000;

/// The bytes of a regular file.
///
/// # Errors
/// Where it cannot be read, is no regular file, or has more than `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if is_null(path) {
        return Ok(Vec::new());
    }
    let file = open(path)?;
    let metadata = file.metadata()?;
    // What the file system says is asked first: a huge file is not read at all.
    if metadata.len() > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    within(bytes, limit)
}

/// The text of a regular file.
///
/// # Errors
/// As [`read`], and where it is not UTF-8 ([`ErrorKind::InvalidData`]).
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    into_text(read(path, limit)?)
}

/// The first `limit` bytes of a regular file, or all of it.
pub(crate) fn read_start(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a file that the user names, which may be a stream.
///
/// # Errors
/// As [`read`], and where a stream does not end in [`PATIENCE`].
pub(crate) fn read_named(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    match is_stream(path) {
        true => read_stream(path, limit, PATIENCE),
        false => read(path, limit),
    }
}

/// The text of a file that the user names, which may be a stream.
///
/// # Errors
/// As [`read_named`], and where it is not UTF-8 ([`ErrorKind::InvalidData`]).
pub(crate) fn read_named_text(path: &Path, limit: u64) -> io::Result<String> {
    into_text(read_named(path, limit)?)
}

/// Other names of stdin.
const STDIN: [&str; 3] = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/// Whether a path is a name for a stream that this program was started with.
pub(crate) fn is_stream(path: &Path) -> bool {
    let Some(name) = path.to_str() else { return false };
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    name == "/dev/stdin"
        || ["/dev/fd/", "/proc/self/fd/"]
            .iter()
            .any(|folder| name.strip_prefix(folder).is_some_and(is_number))
}

/// The bytes of whatever a path leads to, also of a pipe, until it ends.
///
/// # Errors
/// Where it cannot be read, has more than `limit` bytes, or does not end in `patience` ([`ErrorKind::TimedOut`]).
pub(crate) fn read_stream(path: &Path, limit: u64, patience: Duration) -> io::Result<Vec<u8>> {
    // Opened anew, stdin would need the permission of who made it.
    if STDIN.iter().any(|name| path == Path::new(name)) {
        return drain(io::stdin().lock().as_fd(), limit, patience);
    }
    // A pipe without a writer must not hold up the opening of it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_dir() {
        return Err(not_regular(&file.metadata()?.file_type()));
    }
    drain(file.as_fd(), limit, patience)
}

/// The bytes of stdin, which is no terminal.
///
/// # Errors
/// Where it is a terminal, has more than `limit` bytes, or does not end in [`STDIN_PATIENCE`].
pub(crate) fn read_stdin(limit: u64) -> io::Result<Vec<u8>> {
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        return Err(io::Error::other("stdin is a terminal, and a pipe or a file is wanted"));
    }
    drain(stdin.as_fd(), limit, STDIN_PATIENCE)
}

/// The paths of a folder's entries, in the order of their names.
///
/// # Errors
/// Where it cannot be read, or has more than [`MOST_ENTRIES`] entries.
pub(crate) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        if found.len() == MOST_ENTRIES {
            return Err(io::Error::other(format!("it holds more than {MOST_ENTRIES} files")));
        }
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

/// Whether a path leads to `/dev/null`, which programs are told for "no file".
fn is_null(path: &Path) -> bool {
    let null = rustix::fs::makedev(1, 3);
    std::fs::metadata(path).is_ok_and(|it| it.file_type().is_char_device() && it.rdev() == null)
}

/// A regular file, open for reading.
///
/// # Errors
/// Where it cannot be opened, or is no regular file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Asked before it is opened, because opening some devices does something, and again of what was opened.
    require_regular(&std::fs::metadata(path)?)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    require_regular(&file.metadata()?)?;
    Ok(file)
}

/// Refuses what is no regular file.
///
/// # Errors
/// What it is instead.
pub(crate) fn require_regular(metadata: &Metadata) -> io::Result<()> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(not_regular(&metadata.file_type())),
    }
}

fn not_regular(kind: &FileType) -> io::Error {
    let what = match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe (FIFO)",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    io::Error::other(format!("it is {what}; a regular file is expected"))
}

fn drain(stream: BorrowedFd<'_>, limit: u64, patience: Duration) -> io::Result<Vec<u8>> {
    let end = Instant::now() + patience;
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&stream, PollFlags::IN)], Some(&left)) {
            Ok(0) => {
                let reason = format!("it did not end in {} seconds", patience.as_secs());
                return Err(io::Error::new(ErrorKind::TimedOut, reason));
            }
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(stream, &mut chunk) {
            Ok(0) => return within(bytes, limit),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        if bytes.len() as u64 > limit {
            return Err(too_large(limit));
        }
    }
}

fn within(bytes: Vec<u8>, limit: u64) -> io::Result<Vec<u8>> {
    match bytes.len() as u64 > limit {
        true => Err(too_large(limit)),
        false => Ok(bytes),
    }
}

fn into_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

fn too_large(limit: u64) -> io::Error {
    let size = match limit / MIB {
        0 => format!("{} KiB", limit / 1024),
        mebibytes => format!("{mebibytes} MiB"),
    };
    io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {size}"))
}
