//! Where reports go: formats laid out, files that are whole or not there.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::dup;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::error::RunError;
use super::safe_output::{Kind, SafeWriter};
use super::terminal::{self, STDIO};
use super::whole_file::WholeFile;
use crate::cli::{By, CheckArgs, Format};
use crate::destination::Destination;
use crate::report::{self, Report};

/// What a format is.
pub(super) fn kind_of(format: Format) -> Kind {
    match format {
        Format::Json => Kind::Json,
        Format::Table if terminal::color(terminal::stdout_is_terminal()) => Kind::Styled,
        Format::Table => Kind::Text,
    }
}

/// Lays a report out in one of the formats, for a [`SafeWriter`].
pub(super) fn render(
    report: &Report,
    format: Format,
    args: &CheckArgs,
    into: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => report::json::write(report, into),
        Format::Table => {
            let options = report::table::TableOptions {
                width: terminal::width(),
                color: terminal::color(terminal::stdout_is_terminal()),
                verbose: args.verbose,
                by: match args.by {
                    By::Check => report::table::By::Check,
                    By::Host => report::table::By::Host,
                },
            };
            into.write_all(report::table::render(report, &options).as_bytes())
        }
    }
}

/// What goes to stdout, and what into files.
pub(super) struct Destinations<'a> {
    pub(super) stdout: Format,
    pub(super) files: Vec<(Format, &'a Path)>,
}

impl<'a> Destinations<'a> {
    /// By `--format` and `--report`.
    ///
    /// # Errors
    /// Where more than one report is to go to stdout.
    pub(super) fn of(format: Option<Format>, reports: &'a [(Format, PathBuf)]) -> Result<Self, RunError> {
        let mut stdout = format;
        let mut files = Vec::new();
        for (format, path) in reports {
            if path.as_os_str() != STDIO {
                files.push((*format, path.as_path()));
            } else if stdout.replace(*format).is_some() {
                let reason =
                    "`-` is stdout, and that is taken: give one report for it, by --format or by `-`";
                return Err(RunError::flag("--report", reason));
            }
        }
        Ok(Destinations { stdout: stdout.unwrap_or(Format::Table), files })
    }
}

/// A report file, proven writable before the first host is visited. A device, a pipe or an open file of this process is written
/// to; anything else is replaced when the report is whole. A new one is as the umask has it, one that is there keeps its mode.
pub(super) struct ReportFile {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Stream(File),
    /// A file that may be written to, in a folder that may not.
    InPlace(File),
    Replaced(Destination, Option<Stat>),
}

impl ReportFile {
    pub(super) fn open(path: &Path) -> Result<ReportFile, RunError> {
        let sink = Sink::open(path).map_err(|error| RunError::file(path, &error))?;
        Ok(ReportFile { path: path.to_owned(), sink })
    }

    pub(super) fn write(self, report: &Report, format: Format, args: &CheckArgs) -> Result<(), RunError> {
        let render = |file: &File| {
            let mut into = SafeWriter::new(BufWriter::new(file), kind_of(format));
            render(report, format, args, &mut into).and_then(|()| into.flush())
        };
        let written = match &self.sink {
            Sink::Stream(file) => render(file),
            Sink::InPlace(file) => file.set_len(0).and_then(|()| render(file)),
            Sink::Replaced(place, before) => WholeFile::create(&place.folder, NEW).and_then(|file| {
                render(file.file())?;
                file.finish(&place.name, before.as_ref())
            }),
        };
        written.map_err(|error| RunError::file(&self.path, &error))
    }
}

/// A report is for others to read, as far as the umask lets them.
const NEW: Mode = Mode::from_raw_mode(0o666);

impl Sink {
    fn open(path: &Path) -> io::Result<Sink> {
        let place = Destination::find(path)?;
        let open = |flags: OFlags| -> io::Result<File> {
            let flags = flags | OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
            Ok(openat(&place.folder, &place.name, flags, Mode::empty())?.into())
        };
        if place.is_open_file {
            let file = open(OFlags::APPEND)?;
            return Ok(Sink::Stream(same_file(&file, &place.name).unwrap_or(file)));
        }
        let before = place.stat()?;
        let Some(there) = &before else {
            WholeFile::create(&place.folder, NEW)?;
            return Ok(Sink::Replaced(place, None));
        };
        place.may_write(there)?;
        let file = open(OFlags::NOFOLLOW)?;
        if FileType::from_raw_mode(there.st_mode) != FileType::RegularFile {
            return Ok(Sink::Stream(file));
        }
        let made = WholeFile::create(&place.folder, NEW).map(drop);
        match made {
            Ok(()) => Ok(Sink::Replaced(place, before)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Sink::InPlace(file)),
            Err(error) => Err(error),
        }
    }
}

/// This process' own file of that number, where it is the one that was opened: what is written to either comes one behind the
/// other then. Elsewhere it goes to the file's end.
fn same_file(opened: &File, number: &OsStr) -> Option<File> {
    let number: i32 = number.to_str()?.parse().ok()?;
    let own = match number {
        1 => dup(io::stdout()).ok()?,
        2 => dup(io::stderr()).ok()?,
        _ => {
            let this = pidfd_open(getpid(), PidfdFlags::empty()).ok()?;
            pidfd_getfd(this, number, PidfdGetfdFlags::empty()).ok()?
        }
    };
    let (own_stat, stat) = (fstat(&own).ok()?, fstat(opened).ok()?);
    ((own_stat.st_dev, own_stat.st_ino) == (stat.st_dev, stat.st_ino)).then(|| own.into())
}
