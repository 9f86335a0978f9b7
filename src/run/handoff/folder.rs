//! The folder of a written inventory: kubespray's hosts and variables, and the sample's group_vars from the checkout, as
//! OpenPAI's script copies them. What is there already is used if it is the same, and never replaced unasked.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::handoff::inventory_writer::Written;
use crate::handoff::record::FileRow;
use crate::input;
use crate::run::error::RunError;
use crate::run::handoff::recording::digest;
use crate::run::output_folder::OutputFolder;

/// Larger files are no variables.
const LARGEST: u64 = 1024 * 1024;
/// More are no sample.
const MOST: usize = 500;

/// The name of the folder, where nobody names one.
pub(super) const NAME: &str = "kubespray-inventory";
/// The inventory's name in it.
pub(super) const HOSTS: &str = "hosts.yml";
/// The variables' name in it.
pub(super) const VARIABLES: &str = "openpai.yml";

/// What a folder is to hold.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
    standings: Vec<Standing>,
    /// Variables that are there and that nobody judged.
    strangers: Vec<PathBuf>,
    overwrite: bool,
}

/// What stands at a file's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Nothing,
    Same,
    Different,
}

impl Folder {
    /// What is to be there, held against what is.
    ///
    /// # Errors
    /// When a file of the checkout or of the folder cannot be read.
    pub(super) fn plan(
        path: PathBuf,
        written: Written,
        checkout: &Path,
        overwrite: bool,
    ) -> Result<Folder, RunError> {
        let mut files = Vec::new();
        let sample = checkout.join("inventory/sample");
        copy(&sample, &sample.join("group_vars"), &mut files)?;
        files.push((VARIABLES.into(), written.variables.into_bytes()));
        // Last: where writing ends half-way there is no inventory.
        files.push((HOSTS.into(), written.hosts.into_bytes()));
        let standings: Result<Vec<Standing>, RunError> =
            files.iter().map(|(name, bytes)| standing(&path.join(name), bytes)).collect();
        let known: BTreeSet<&PathBuf> = files.iter().map(|(name, _)| name).collect();
        let mut there = Vec::new();
        for name in ["group_vars", "host_vars"] {
            list(&path, &path.join(name), &mut there)?;
        }
        there.retain(|name| !known.contains(name));
        Ok(Folder { standings: standings?, strangers: there, files, path, overwrite })
    }

    /// # Errors
    /// When something is there that is not replaced.
    pub(super) fn is_free(&self) -> Result<(), RunError> {
        let shown = |names: Vec<&PathBuf>| {
            let names: Vec<String> = names.iter().take(5).map(|name| name.display().to_string()).collect();
            names.join(", ")
        };
        let file = |reason: String, help: &str| {
            Err(RunError::File { path: self.path.clone(), reason, help: Some(help.to_owned()) })
        };
        if !self.strangers.is_empty() {
            let reason = format!(
                "there are variables that airworthy did not write, and that the check does not see: {}",
                shown(self.strangers.iter().collect())
            );
            let help =
                "say them in config.yaml (openpai_kubespray_extra_var), or name another folder with --output";
            return file(reason, help);
        }
        let different = self.of(Standing::Different);
        if !different.is_empty() && !self.overwrite {
            let reason = format!("it holds something else than what would be written: {}", shown(different));
            let help = "--overwrite replaces these files, --output DIR takes another folder, --dry-run shows the difference";
            return file(reason, help);
        }
        Ok(())
    }

    fn of(&self, standing: Standing) -> Vec<&PathBuf> {
        let both = self.files.iter().zip(&self.standings);
        both.filter(|(_, it)| **it == standing).map(|((name, _), _)| name).collect()
    }

    /// What happens to each file, for people.
    pub(super) fn listing(&self) -> String {
        let mut text = format!("inventory written from OpenPAI's files: {}\n", self.path.display());
        for ((name, bytes), standing) in self.files.iter().zip(&self.standings) {
            let (mark, what) = match standing {
                Standing::Nothing => ('+', "new"),
                Standing::Same => (' ', "there, the same"),
                Standing::Different if self.overwrite => ('~', "replaced"),
                Standing::Different => ('~', "there, and different: only --overwrite replaces it"),
            };
            text += &format!("  {mark} {} ({what}, {} bytes)\n", name.display(), bytes.len());
        }
        for name in &self.strangers {
            text +=
                &format!("  ! {} (not airworthy's, and seen by no check: it has to go)\n", name.display());
        }
        text
    }

    /// Writes what is not there yet: files for the user alone, each whole or not at all.
    pub(super) fn write(&self) -> Result<(), RunError> {
        for ((name, bytes), _) in
            self.files.iter().zip(&self.standings).filter(|(_, standing)| **standing != Standing::Same)
        {
            let path = self.path.join(name);
            let folder = OutputFolder::open_private(path.parent().unwrap_or(&self.path))?;
            folder.write(path.file_name().unwrap_or_default(), bytes)?;
        }
        Ok(())
    }

    /// Its inventory.
    pub(super) fn hosts(&self) -> String {
        self.path.join(HOSTS).display().to_string()
    }

    /// Its variables.
    pub(super) fn variables(&self) -> String {
        self.path.join(VARIABLES).display().to_string()
    }

    /// Every file, for the record.
    pub(super) fn rows(&self) -> Vec<FileRow> {
        let row = |(name, bytes): &(PathBuf, Vec<u8>)| FileRow {
            path: self.path.join(name).display().to_string(),
            digest: digest(bytes),
        };
        self.files.iter().map(row).collect()
    }
}

fn standing(path: &Path, bytes: &[u8]) -> Result<Standing, RunError> {
    match read(path) {
        Ok(there) if there == bytes => Ok(Standing::Same),
        Ok(_) => Ok(Standing::Different),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Standing::Nothing),
        Err(error) => Err(RunError::file(path, &error)),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    input::read(path, LARGEST)
}

/// The names of all files below a folder, seen from `base`; none where there is no folder.
fn list(base: &Path, folder: &Path, names: &mut Vec<PathBuf>) -> Result<(), RunError> {
    let failed = |error: io::Error| RunError::file(folder, &error);
    let paths = match input::entries(folder) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for path in paths {
        if path.is_dir() && !path.is_symlink() && path.components().count() < base.components().count() + 5 {
            list(base, &path, names)?;
        } else if let Ok(name) = path.strip_prefix(base) {
            names.push(name.to_owned());
        }
        if names.len() > MOST {
            return Err(RunError::File {
                path: folder.to_owned(),
                reason: format!("there are more than {MOST} files"),
                help: None,
            });
        }
    }
    Ok(())
}

fn copy(base: &Path, folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<(), RunError> {
    let mut names = Vec::new();
    list(base, folder, &mut names)?;
    for name in names {
        let path = base.join(&name);
        let bytes = read(&path).map_err(|error| RunError::file(&path, &error))?;
        files.push((name, bytes));
    }
    Ok(())
}
