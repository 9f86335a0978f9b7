//! What a release of kubespray demands.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::facts::kubespray::Kubespray;

/// What a release of kubespray demands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demands {
    /// As conditions see it.
    pub facts: Kubespray,
}

/// Why a folder could not be read as a checkout.
#[derive(Debug, Error)]
#[error("{}: {reason}", path.display())]
pub struct CheckoutError {
    /// The folder or the file within.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Demands {
    /// Reads a checkout.
    ///
    /// # Errors
    /// When the folder is none.
    pub fn of_checkout(folder: &Path) -> Result<Demands, CheckoutError> {
        match folder.join("cluster.yml").is_file() {
            true => Ok(Demands::default()),
            false => {
                let reason =
                    "it holds no cluster.yml, so it is no checkout of kubespray; name its top folder"
                        .to_owned();
                Err(CheckoutError { path: folder.to_owned(), reason })
            }
        }
    }
}
