//! What is wrong with a check file, a profile or a flag, and where.

use std::fmt;

use thiserror::Error;

use super::yaml::value_offset;

/// A mistake in a file, with its place, for people who will mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// Line and column, from 1, where they are known.
    pub at: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The file's text, for a snippet.
    pub text: String,
}

impl LoadError {
    /// A mistake without a place.
    pub fn new(file: &str, text: &str, message: impl Into<String>) -> Self {
        LoadError {
            file: file.to_owned(),
            at: None,
            message: message.into(),
            help: None,
            text: text.to_owned(),
        }
    }

    /// The same mistake, placed.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize) -> Self {
        self.at = Some((line, column));
        self
    }

    /// The same mistake, with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same mistake at the first place where `needle` stands in the file.
    #[must_use]
    pub fn at_text(self, needle: &str) -> Self {
        match self.text.find(needle) {
            Some(offset) => self.at_offset(offset),
            None => self,
        }
    }

    /// The same mistake at a value, named by its path: `require`, `examples.0`, `parameters.registries`.
    #[must_use]
    pub fn at_value(self, path: &str) -> Self {
        match value_offset(&self.text, path) {
            Some(offset) => self.at_offset(offset),
            None => self,
        }
    }

    /// The same mistake at the first `needle` from a value on, else at the value.
    #[must_use]
    pub fn at_text_in(self, path: &str, needle: &str) -> Self {
        let Some(start) = value_offset(&self.text, path) else { return self };
        match self.text[start..].find(needle) {
            Some(further) => self.at_offset(start + further),
            None => self.at_offset(start),
        }
    }

    /// The same mistake at a byte of the text.
    #[must_use]
    pub(super) fn at_offset(self, offset: usize) -> Self {
        let before = &self.text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.at(line, column)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// The name among `names` that is closest to `wrong`, where one is close.
pub fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.into_iter().map(|name| (strsim::osa_distance(wrong, name), name));
    scored.filter(|(d, name)| *d <= 1 + name.len().max(wrong.len()) / 3).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_near_and_not_the_far() {
        assert_eq!(nearest("default_runtme", ["default_runtime", "running"]), Some("default_runtime"));
        assert_eq!(nearest("dokcer", ["docker", "time"]), Some("docker"));
        assert_eq!(nearest("xyz", ["default_runtime", "running"]), None);
    }
}
