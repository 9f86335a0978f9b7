//! The record of a handoff, and the report behind it: beside the inventory, in a hidden folder that Ansible does not take for
//! a part of it.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::handoff::record::Record;
use crate::run::error::RunError;
use crate::run::output_folder::OutputFolder;
use crate::run::safe_output::{Kind, safe};

/// The folder's name.
const FOLDER: &str = ".airworthy";

/// Where one handoff is recorded.
pub(super) struct Recording {
    folder: PathBuf,
    files: OutputFolder,
    /// The time, as file names have it; with a number where there is a record of that second already.
    stamp: String,
}

impl Recording {
    /// A place for a record, beside an inventory or in `folder`.
    pub(super) fn beside(folder: &Path, stamp: &str) -> Result<Recording, RunError> {
        let folder = folder.join(FOLDER);
        let files = OutputFolder::open_private(&folder)?;
        files.is_writable()?;
        let names = (1..1000).map(|number| match number {
            1 => stamp.to_owned(),
            // Behind the first in every listing.
            _ => format!("{stamp}_{number}"),
        });
        let free = |name: &String| !folder.join(format!("handoff-{name}.json")).exists();
        let stamp = names.into_iter().find(free).unwrap_or_else(|| stamp.to_owned());
        Ok(Recording { folder, files, stamp })
    }

    /// The record's file.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(self.name())
    }

    fn name(&self) -> String {
        format!("handoff-{}.json", self.stamp)
    }

    /// Keeps the report; its file, and the digest over its bytes.
    pub(super) fn keep_report(&self, bytes: &[u8]) -> Result<(PathBuf, String), RunError> {
        let name = format!("report-{}.json", self.stamp);
        self.files.write(&name, bytes)?;
        Ok((self.folder.join(name), digest(bytes)))
    }

    /// Writes the record, whole or not at all, over an earlier state of it.
    pub(super) fn write(&self, record: &Record) -> Result<(), RunError> {
        let text =
            serde_json::to_string_pretty(record).map_err(|error| RunError::Internal(error.to_string()))?;
        self.files.write(self.name(), safe(&(text + "\n"), Kind::Json).as_bytes())
    }
}

/// `sha256:…` over bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
