//! That the inventory is at its end what it was when it was judged: visiting hosts takes a while, and files are edited.

use std::fs;
use std::path::PathBuf;

use crate::run::error::RunError;
use crate::run::handoff::recording::digest;

/// Files and what was in them.
pub(super) struct Standstill {
    files: Vec<(PathBuf, Option<String>)>,
}

impl Standstill {
    /// Takes down what is in these files now.
    pub(super) fn of(files: &[PathBuf]) -> Standstill {
        Standstill { files: files.iter().map(|path| (path.clone(), content(path))).collect() }
    }

    /// # Errors
    /// When one of them holds something else now.
    pub(super) fn holds(&self) -> Result<(), RunError> {
        match self.files.iter().find(|(path, before)| content(path) != *before) {
            None => Ok(()),
            Some((path, _)) => Err(RunError::File {
                path: path.clone(),
                reason: "it was changed while the hosts were visited, so it was not judged".to_owned(),
                help: Some("hand over again".to_owned()),
            }),
        }
    }
}

fn content(path: &PathBuf) -> Option<String> {
    fs::read(path).ok().map(|bytes| digest(&bytes))
}
