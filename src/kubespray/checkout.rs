//! The user's checkout as a folder of files: read within bounds, and nothing outside of it.

use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::demands::CheckoutError;
use crate::input;

/// A larger file is none of kubespray's; the largest are its checksums, a quarter of a MiB.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// All files that are read; a whole checkout is about 10 MiB.
const MAX_TOTAL: u64 = 64 * 1024 * 1024;
/// All files and folders that are listed; a whole checkout has about 2000.
const MAX_ENTRIES: usize = 50_000;
/// How deep folders may nest.
const MAX_DEPTH: usize = 16;

/// A checkout of kubespray.
pub(super) struct Checkout {
    /// As the user wrote it.
    pub(super) folder: PathBuf,
    /// Without links.
    root: PathBuf,
    read: Cell<u64>,
    listed: Cell<usize>,
}

impl Checkout {
    /// The checkout in a folder.
    ///
    /// # Errors
    /// Where the folder is none.
    pub(super) fn open(folder: &Path) -> Result<Checkout, CheckoutError> {
        let complain = |reason: &str| CheckoutError { path: folder.to_owned(), reason: reason.to_owned() };
        let root = fs::canonicalize(folder).map_err(|error| match error.kind() {
            ErrorKind::NotFound => complain("there is no such folder; name the top folder of your checkout"),
            _ => complain(&format!("{error}; name the top folder of your checkout")),
        })?;
        if !root.is_dir() {
            return Err(complain("it is a file; name the top folder of your checkout"));
        }
        if !root.join("cluster.yml").is_file() {
            return Err(complain(
                "it holds no cluster.yml, so it is no checkout of kubespray; name its top folder",
            ));
        }
        if !root.join("roles").is_dir() {
            return Err(complain(
                "it holds no folder `roles`, so it is no whole checkout of kubespray; name its top folder",
            ));
        }
        Ok(Checkout { folder: folder.to_owned(), root, read: Cell::new(0), listed: Cell::new(0) })
    }

    /// The text of a file by its path in the checkout; `None` where there is none.
    ///
    /// # Errors
    /// Where it is there and cannot be read, is too large, no text, or leads out of the checkout.
    pub(super) fn text(&self, path: &str) -> Result<Option<String>, CheckoutError> {
        let complain = |reason: String| CheckoutError { path: self.folder.join(path), reason };
        let real = match fs::canonicalize(self.root.join(path)) {
            Ok(real) => real,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(complain(error.to_string())),
        };
        if !real.starts_with(&self.root) {
            return Err(complain(format!("it is a link out of the checkout, to {}", real.display())));
        }
        // Opening a pipe would wait for its writer.
        if !real.is_file() {
            return Err(complain("it is no ordinary file".to_owned()));
        }
        let bytes = input::read(&real, MAX_FILE).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => {
                complain(format!("it is larger than {} MiB, as no file of kubespray's is", MAX_FILE >> 20))
            }
            _ => complain(error.to_string()),
        })?;
        self.read.set(self.read.get() + bytes.len() as u64);
        if self.read.get() > MAX_TOTAL {
            return Err(complain(format!("the checkout's files are more than {} MiB", MAX_TOTAL >> 20)));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| complain("it is not text".to_owned()))
    }

    /// The paths of all files below a folder, sorted; links are left out, and a folder that is not there has none.
    ///
    /// # Errors
    /// Where a folder cannot be read, or there is too much.
    pub(super) fn files(&self, below: &str) -> Result<Vec<String>, CheckoutError> {
        let mut found = Vec::new();
        self.collect(below, 0, &mut found)?;
        found.sort_unstable();
        Ok(found)
    }

    fn collect(&self, folder: &str, depth: usize, found: &mut Vec<String>) -> Result<(), CheckoutError> {
        let complain = |reason: String| CheckoutError { path: self.folder.join(folder), reason };
        if depth > MAX_DEPTH {
            return Err(complain(format!("folders nest deeper than {MAX_DEPTH}")));
        }
        let entries = match input::entries(&self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(complain(error.to_string())),
        };
        for entry in entries {
            self.listed.set(self.listed.get() + 1);
            if self.listed.get() > MAX_ENTRIES {
                return Err(complain(format!("the checkout has more than {MAX_ENTRIES} files")));
            }
            // A name that is not UTF-8 is none of kubespray's.
            let Some(name) = entry.file_name().and_then(|name| name.to_str()) else { continue };
            let kind = fs::symlink_metadata(&entry).map_err(|error| complain(error.to_string()))?.file_type();
            let path = match folder {
                "" => name.to_owned(),
                folder => format!("{folder}/{name}"),
            };
            if kind.is_dir() {
                self.collect(&path, depth + 1, found)?;
            } else if kind.is_file() {
                found.push(path);
            }
        }
        Ok(())
    }
}
