//! Where a path that the user names leads, link by link. Links are followed as a user expects, but not those that somebody else
//! put into a folder that everybody may write to: there the kernel refuses them too (`fs.protected_symlinks`), where it is told
//! to. What is found is held open, so that nobody can exchange it afterwards. Names no other module.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path};

use rustix::fs::{
    self, AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, Stat, fstat, fstatfs, mkdirat, openat,
    readlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

/// So many links on one way are a circle, as for the kernel.
const MOST_LINKS: usize = 40;

/// A folder that is only passed through.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Whatever it is, a link included.
const ENTRY: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A place for a file: its folder, and its name there.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) folder: OwnedFd,
    pub(crate) name: OsString,
    /// Whether it is one of this process' open files (`/dev/stdout`, `/dev/fd/3`), which the kernel leads to.
    pub(crate) is_open_file: bool,
}

impl Destination {
    /// Where the path of a file leads; the file need not be there.
    pub(crate) fn find(path: &Path) -> io::Result<Destination> {
        let mut way = Way::start(path)?;
        while let Some(name) = way.left.pop() {
            let is_last = way.left.is_empty();
            match way.entry(&name)? {
                Entry::Missing if is_last => return Ok(way.end(name, false)),
                Entry::Missing => return Err(Errno::NOENT.into()),
                Entry::OpenFile if is_last => return Ok(way.end(name, true)),
                Entry::OpenFile => way.folder = openat(&way.folder, &name, FOLDER, Mode::empty())?,
                Entry::Link(target) => way.follow(&target)?,
                Entry::There(entry) => match FileType::from_raw_mode(fstat(&entry)?.st_mode) {
                    FileType::Directory => way.folder = entry,
                    _ if is_last => return Ok(way.end(name, false)),
                    _ => return Err(Errno::NOTDIR.into()),
                },
            }
        }
        Err(io::Error::other("it is a folder, not a file"))
    }

    /// What is there now, a link not followed; none where nothing is.
    pub(crate) fn stat(&self) -> io::Result<Option<Stat>> {
        match fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file that is there may be written to: in a folder for everybody's files (`/tmp`) another user's may not, for
    /// who put it there waits for what is written (`fs.protected_regular`, `fs.protected_fifos`).
    pub(crate) fn may_write(&self, there: &Stat) -> io::Result<()> {
        let folder = fstat(&self.folder)?;
        let mode = Mode::from_raw_mode(folder.st_mode);
        let is_shared = mode.contains(Mode::SVTX) && mode.intersects(Mode::WOTH | Mode::WGRP);
        let is_device = matches!(
            FileType::from_raw_mode(there.st_mode),
            FileType::CharacterDevice | FileType::BlockDevice
        );
        if is_device || !is_shared || there.st_uid == geteuid().as_raw() || there.st_uid == folder.st_uid {
            return Ok(());
        }
        let reason = format!(
            "it belongs to another user (uid {}), in a folder that others may write to; name another file",
            there.st_uid
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
    }
}

/// Opens the folder that a path leads to; what is missing of it is made, with this mode.
pub(crate) fn open_folder(path: &Path, mode: Mode) -> io::Result<OwnedFd> {
    let mut way = Way::start(path)?;
    while let Some(name) = way.left.pop() {
        match way.entry(&name)? {
            Entry::Missing => {
                match mkdirat(&way.folder, &name, mode) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                way.folder = openat(&way.folder, &name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
            }
            Entry::OpenFile => way.folder = openat(&way.folder, &name, FOLDER, Mode::empty())?,
            Entry::Link(target) => way.follow(&target)?,
            Entry::There(entry) => match FileType::from_raw_mode(fstat(&entry)?.st_mode) {
                FileType::Directory => way.folder = entry,
                _ => return Err(Errno::NOTDIR.into()),
            },
        }
    }
    Ok(way.folder)
}

/// What a name stands for in a folder.
enum Entry {
    Missing,
    /// A link of procfs: only the kernel knows where it leads.
    OpenFile,
    /// A link, and what is written in it.
    Link(OsString),
    There(OwnedFd),
}

/// A path that is being walked.
struct Way {
    folder: OwnedFd,
    /// The names that are left, the next one last; `/` begins at the root.
    left: Vec<OsString>,
    links: usize,
}

impl Way {
    fn start(path: &Path) -> io::Result<Way> {
        if path.as_os_str().is_empty() {
            return Err(Errno::NOENT.into());
        }
        let folder = openat(CWD, ".", FOLDER, Mode::empty())?;
        let mut way = Way { folder, left: Vec::new(), links: 0 };
        way.put(path);
        Ok(way)
    }

    fn put(&mut self, path: &Path) {
        let names = path.components().filter_map(|component| match component {
            Component::RootDir => Some("/".into()),
            Component::ParentDir => Some("..".into()),
            Component::Normal(name) => Some(name.to_owned()),
            Component::CurDir | Component::Prefix(_) => None,
        });
        let names: Vec<OsString> = names.collect();
        self.left.extend(names.into_iter().rev());
    }

    fn entry(&self, name: &OsStr) -> io::Result<Entry> {
        let entry = match openat(&self.folder, name, ENTRY, Mode::empty()) {
            Ok(entry) => entry,
            Err(Errno::NOENT) => return Ok(Entry::Missing),
            Err(error) => return Err(error.into()),
        };
        let stat = fstat(&entry)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Ok(Entry::There(entry));
        }
        if fstatfs(&self.folder)?.f_type == PROC_SUPER_MAGIC {
            return Ok(Entry::OpenFile);
        }
        self.may_follow(name, &stat)?;
        let target = readlinkat(&entry, "", Vec::new())?;
        Ok(Entry::Link(OsString::from_vec(target.into_bytes())))
    }

    fn may_follow(&self, name: &OsStr, link: &Stat) -> io::Result<()> {
        let own = geteuid();
        if link.st_uid == own.as_raw() || link.st_uid == 0 {
            return Ok(());
        }
        let folder = fstat(&self.folder)?;
        let is_everybodys = Mode::from_raw_mode(folder.st_mode).contains(Mode::WOTH);
        // Root may write everywhere: where only root may, somebody else's link was made by root.
        let others = Mode::WGRP | Mode::WOTH;
        let is_roots = folder.st_uid == 0 && !Mode::from_raw_mode(folder.st_mode).intersects(others);
        let why = match (own.is_root(), is_everybodys) {
            (true, _) if is_roots => return Ok(()),
            (true, _) => "",
            (false, true) if link.st_uid != folder.st_uid => ", in a folder that everybody may write to",
            (false, _) => return Ok(()),
        };
        let reason = format!(
            "`{}` is a link of another user (uid {}){why}: it is not followed; name the place itself, or another folder",
            name.display(),
            link.st_uid
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
    }

    fn follow(&mut self, target: &OsStr) -> io::Result<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        self.put(Path::new(target));
        Ok(())
    }

    fn end(self, name: OsString, is_open_file: bool) -> Destination {
        Destination { folder: self.folder, name, is_open_file }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, write};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn ways_lead_where_the_kernel_leads() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        create_dir(at("a")).expect("made");
        write(at("a/x"), "there").expect("written");
        symlink("a/x", at("link")).expect("linked");
        symlink("../a", at("a/loop")).expect("linked");
        symlink("a/new", at("dangling")).expect("linked");
        symlink("circle", at("circle")).expect("linked");
        for (path, name, is_there) in [
            ("a/x", "x", true),
            ("link", "x", true),
            ("a/loop/loop/../a/./x", "x", true),
            ("dangling", "new", false),
            ("a/new", "new", false),
        ] {
            let found = Destination::find(&at(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!((found.name.as_os_str(), found.is_open_file), (OsStr::new(name), false), "{path}");
            assert_eq!(found.stat().expect("asked").is_some(), is_there, "{path}");
        }
        for (path, reason) in
            [("a", "folder"), ("circle", "symbolic links"), ("no/x", "No such"), ("a/x/y", "Not a dir")]
        {
            let error = Destination::find(&at(path)).expect_err("refused").to_string();
            assert!(error.contains(reason), "{path}: {error}");
        }
        for path in ["/dev/stdout", "/dev/fd/2", "/proc/self/fd/1"] {
            assert!(Destination::find(Path::new(path)).expect("there").is_open_file, "{path}");
        }
        open_folder(&at("a/loop/m/n"), Mode::RWXU).expect("made");
        assert!(at("a/m/n").is_dir());
        assert!(open_folder(&at("link"), Mode::RWXU).is_err());
    }
}
