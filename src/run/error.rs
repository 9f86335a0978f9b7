//! Why a run could not start or finish its work: exit status 2.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::checks::LoadError;
use crate::inventory::{InventoryError, io_reason};
use crate::kubespray::CheckoutError;

/// Why a run could not start or finish its work.
#[derive(Debug, Error)]
pub enum RunError {
    /// The inventory or the pattern over it.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The folder that `--kubespray` names.
    #[error("--kubespray: {0}")]
    Checkout(#[from] CheckoutError),
    /// A check file, a profile or airworthy.yaml.
    #[error("{0}")]
    Load(Box<LoadError>),
    /// A file or folder could not be read or written.
    #[error("{}: {reason}{}", path.display(), help_of(.help))]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
        /// What to do.
        help: Option<String>,
    },
    /// A flag's value.
    #[error("{flag}: {reason}")]
    Flag {
        /// Which.
        flag: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing applied: a run that judged nothing is not a pass.
    #[error("nothing was judged: {0}")]
    NothingApplied(String),
    /// The run itself broke.
    #[error("{0}")]
    Internal(String),
}

impl From<LoadError> for RunError {
    fn from(error: LoadError) -> Self {
        RunError::Load(Box::new(error))
    }
}

impl RunError {
    /// A file that could not be read or written.
    pub fn file(path: &Path, error: &std::io::Error) -> Self {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => Some("is the path right?".to_owned()),
            _ => None,
        };
        RunError::File { path: path.to_owned(), reason: io_reason(error), help }
    }

    /// A flag with a value that cannot be.
    pub fn flag(flag: &'static str, reason: impl Into<String>) -> Self {
        RunError::Flag { flag, reason: reason.into() }
    }
}

fn help_of(help: &Option<String>) -> String {
    help.as_ref().map(|help| format!("; {help}")).unwrap_or_default()
}
