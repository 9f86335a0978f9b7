//! Where reports go: formats laid out, files that are whole or not there.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::error::RunError;
use super::terminal::{self, STDIO};
use crate::cli::{By, CheckArgs, Format};
use crate::report::{self, Report};

/// Lays a report out in one of the formats.
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

/// A report file, proven writable before the first host is visited. A device or a pipe is written to; anything else
/// is replaced when the report is whole.
pub(super) struct ReportFile {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    Stream(File),
    Scratch(tempfile::NamedTempFile),
}

impl ReportFile {
    pub(super) fn open(path: &Path) -> Result<ReportFile, RunError> {
        let failed = |error: std::io::Error| RunError::file(path, &error);
        // A link stays a link: what it leads to is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let kind = path.metadata().map(|metadata| metadata.file_type());
        if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
            return Err(RunError::File { path, reason: "it is a folder, not a file".to_owned(), help: None });
        }
        let sink = match kind {
            Ok(kind) if !kind.is_file() => {
                Sink::Stream(File::options().write(true).open(&path).map_err(failed)?)
            }
            _ => {
                let folder =
                    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
                Sink::Scratch(tempfile::NamedTempFile::new_in(folder).map_err(failed)?)
            }
        };
        Ok(ReportFile { path, sink })
    }

    pub(super) fn write(self, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), RunError> {
        let written = match self.sink {
            Sink::Stream(file) => {
                let mut into = BufWriter::new(file);
                render(&mut into).and_then(|()| into.flush())
            }
            Sink::Scratch(file) => {
                let mut into = BufWriter::new(file);
                let rendered = render(&mut into).and_then(|()| into.flush());
                rendered.and_then(|()| into.into_inner().map_err(io::IntoInnerError::into_error)).and_then(
                    |file| {
                        // A report is for others to read; the scratch file was private.
                        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
                        file.persist(&self.path).map_err(|error| error.error).map(|_| ())
                    },
                )
            }
        };
        written.map_err(|error| RunError::file(&self.path, &error))
    }
}
