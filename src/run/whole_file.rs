//! Files that are whole or not there: written without a name first, which nothing is left of however the process ends.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, Stat, Uid, fchmod, fchown, linkat, openat, renameat, unlinkat,
};
use rustix::io::Errno;

/// How often a free name is looked for.
const TRIES: usize = 16;

/// A file on its way to its name in a folder.
#[derive(Debug)]
pub(super) struct WholeFile<'f> {
    folder: &'f OwnedFd,
    file: File,
    /// The name that it has meanwhile, where the file system has no files without one.
    meanwhile: Option<OsString>,
}

impl<'f> WholeFile<'f> {
    /// A new file with this mode, less what the umask takes away.
    pub(super) fn create(folder: &'f OwnedFd, mode: Mode) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        // A file without a name gets one by procfs.
        if Path::new("/proc/self/fd").is_dir() {
            match openat(folder, ".", flags | OFlags::TMPFILE, mode) {
                Ok(file) => return Ok(WholeFile { folder, file: file.into(), meanwhile: None }),
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (file, name) = with_free_name(|name| {
            openat(folder, name, flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW, mode)
        })?;
        Ok(WholeFile { folder, file: file.into(), meanwhile: Some(name) })
    }

    /// What is written to.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, in place of one that may be there; `like` tells whose mode and owner it gets.
    pub(super) fn finish(mut self, name: &OsStr, like: Option<&Stat>) -> io::Result<()> {
        if let Some(like) = like {
            // Who may not give files away keeps it.
            let _ = fchown(&self.file, Some(Uid::from_raw(like.st_uid)), Some(Gid::from_raw(like.st_gid)));
            fchmod(&self.file, Mode::from_raw_mode(like.st_mode))?;
        }
        if self.meanwhile.is_none() {
            let unnamed = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            let link = |name: &OsStr| linkat(CWD, &unnamed, self.folder, name, AtFlags::SYMLINK_FOLLOW);
            match link(name) {
                Ok(()) => return Ok(()),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            // A link replaces nothing, a name does.
            self.meanwhile = Some(with_free_name(link)?.1);
        }
        if let Some(meanwhile) = &self.meanwhile {
            renameat(self.folder, meanwhile, self.folder, name)?;
            self.meanwhile = None;
        }
        Ok(())
    }
}

impl Drop for WholeFile<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.meanwhile {
            let _ = unlinkat(self.folder, name, AtFlags::empty());
        }
    }
}

/// Tries names until one is free.
fn with_free_name<T>(make: impl Fn(&OsStr) -> rustix::io::Result<T>) -> io::Result<(T, OsString)> {
    for _ in 0..TRIES {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        let name = OsString::from(format!(".airworthy-{:016x}.tmp", u64::from_ne_bytes(bytes)));
        match make(&name) {
            Ok(made) => return Ok((made, name)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::EXIST.into())
}
