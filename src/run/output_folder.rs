//! Folders that airworthy keeps files in: saved facts, transcripts, records, a written inventory. Each file is for the user
//! alone, and whole or not there.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::error::RunError;
use super::whole_file::WholeFile;
use crate::destination::open_folder;

/// A folder that is held open.
pub(super) struct OutputFolder {
    path: PathBuf,
    folder: OwnedFd,
}

impl OutputFolder {
    /// Opens a folder; what is missing of it is made, as the umask has it.
    pub(super) fn open(path: &Path) -> Result<OutputFolder, RunError> {
        Self::open_with(path, Mode::from_raw_mode(0o777))
    }

    /// The same, where what is made is for the user alone.
    pub(super) fn open_private(path: &Path) -> Result<OutputFolder, RunError> {
        Self::open_with(path, Mode::RWXU)
    }

    fn open_with(path: &Path, mode: Mode) -> Result<OutputFolder, RunError> {
        let folder = open_folder(path, mode).map_err(|error| RunError::file(path, &error))?;
        Ok(OutputFolder { path: path.to_owned(), folder })
    }

    /// Whether files can be made in it.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn is_writable(&self) -> Result<(), RunError> {
        let made = WholeFile::create(&self.folder, Mode::RUSR | Mode::WUSR);
        made.map(drop).map_err(|error| RunError::file(&self.path, &error))
    }

    /// Writes a file for the user alone. A file or link of that name is replaced.
    pub(super) fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> Result<(), RunError> {
        let name = name.as_ref();
        let failed = |error: std::io::Error| RunError::file(&self.path.join(name), &error);
        let file = WholeFile::create(&self.folder, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        file.file().write_all(bytes).map_err(failed)?;
        file.finish(name.as_os_str(), None).map_err(failed)
    }
}
