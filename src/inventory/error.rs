//! Why an inventory could not be read, or a pattern not be applied to it.

use std::path::PathBuf;

use super::diagnostic::Diagnostic;

/// Why an inventory could not be read, or a pattern not be applied to it.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// Files were read and are wrong; every complaint has its place. Never empty.
    #[error("{}", lines(.0))]
    Invalid(Vec<Diagnostic>),
    /// A file or folder could not be read at all.
    #[error("{}: {reason}; {help}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system, or the file's nature, said.
        reason: String,
        /// What to do.
        help: String,
    },
    /// A host pattern (`--limit`) is wrong or matches nothing.
    #[error("host pattern `{pattern}`: {message}; {help}")]
    Pattern {
        /// The part of the pattern that is wrong.
        pattern: String,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
}

impl InventoryError {
    /// The complaints that have a place in a file; empty where there is no such place.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            InventoryError::Invalid(diagnostics) => diagnostics,
            InventoryError::Unreadable { .. } | InventoryError::Pattern { .. } => &[],
        }
    }

    /// Whether Ansible may well read what is complained about.
    pub(super) fn is_ours_alone(&self) -> bool {
        self.diagnostics().iter().any(|diagnostic| diagnostic.ours_alone)
    }
}

impl From<Diagnostic> for InventoryError {
    fn from(diagnostic: Diagnostic) -> Self {
        InventoryError::Invalid(vec![diagnostic])
    }
}

/// The system's own words, without Rust's `(os error 2)`.
pub fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}
