//! One complaint about one place in a file: what is wrong there, and what to do about it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// One complaint about one place in a file.
#[derive(Clone)]
pub struct Diagnostic {
    /// The file it is about.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The place as a byte offset into `source`.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What was expected, and what to do.
    pub help: String,
    /// The file's text for a snippet, byte for byte as long as the file, with secrets starred out.
    pub source: Arc<str>,
    /// Whether Ansible may well read what is complained about: a bound of this program, or what it cannot read itself.
    pub ours_alone: bool,
}

impl Diagnostic {
    /// The same for what Ansible may well read.
    #[must_use]
    pub(super) fn ours_alone(self) -> Self {
        Diagnostic { ours_alone: true, ..self }
    }

    /// The line it points at, secrets starred out.
    pub fn snippet(&self) -> &str {
        self.source.split('\n').nth(self.line.saturating_sub(1)).unwrap_or_default().trim_end_matches('\r')
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)?;
        if !self.help.is_empty() {
            write!(f, "; {}", self.help)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Diagnostic({self})")
    }
}

impl std::error::Error for Diagnostic {}
