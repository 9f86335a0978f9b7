//! A file of ssh_config with those that it includes.

use std::path::{Path, PathBuf};

use super::line::Line;
use super::tokens::expand_home;
use crate::input;

/// OpenSSH's own limit of includes within includes.
const DEEPEST: usize = 16;
/// More than anybody writes; what exceeds it is not read.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Files that one run reads, includes among them.
const MOST_FILES: usize = 1000;

/// One file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) entries: Vec<Entry>,
    /// What of it ssh would not take, in words.
    pub(super) problems: Vec<String>,
}

/// One line, understood.
#[derive(Debug)]
pub(super) enum Entry {
    /// `Host` and its patterns.
    Host(Vec<String>),
    /// `Match` and its terms, and where.
    Match(Vec<String>, String),
    /// The files an `Include` stands for.
    Include(Vec<File>),
    /// A keyword and its value; `file:line`.
    Option { keyword: String, value: String, place: String },
}

impl File {
    /// Reads a file; `folder` is what its includes are relative to.
    pub(super) fn read(path: &Path, folder: &Path) -> Self {
        Reader { folder, files: 0 }.read(path, 0)
    }
}

struct Reader<'a> {
    folder: &'a Path,
    files: usize,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path, depth: usize) -> File {
        let mut file = File::default();
        self.files += 1;
        let bytes = match input::read(path, LARGEST) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return file,
            Err(why) => {
                file.problems.push(format!("{} cannot be read: {why}", path.display()));
                return file;
            }
        };
        for (at, text) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let Some(line) = Line::parse(text) else { continue };
            let place = format!("{}:{}", path.display(), at + 1);
            match line.keyword.as_str() {
                "host" => file.entries.push(Entry::Host(line.words)),
                "match" => file.entries.push(Entry::Match(line.words, place)),
                "include" if depth == DEEPEST => {
                    file.problems.push(format!("{place}: files include each other too deep"));
                }
                "include" => {
                    let mut included = Vec::new();
                    let found: Vec<PathBuf> =
                        line.words.iter().flat_map(|pattern| self.found(pattern)).collect();
                    for path in found {
                        if self.files < MOST_FILES {
                            included.push(self.read(&path, depth + 1));
                        }
                    }
                    file.entries.push(Entry::Include(included));
                }
                _ => {
                    let value = value(&line);
                    if value.is_empty() {
                        file.problems.push(format!("{place}: `{}` has no value", line.keyword));
                    } else {
                        file.entries.push(Entry::Option { keyword: line.keyword, value, place });
                    }
                }
            }
        }
        file
    }

    /// The files of an `Include` pattern, in the order of their names.
    fn found(&self, pattern: &str) -> Vec<PathBuf> {
        let path = expand_home(pattern);
        let path = if path.is_absolute() { path } else { self.folder.join(path) };
        let Some(pattern) = path.to_str() else { return Vec::new() };
        let options = glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
        let found = glob::glob_with(pattern, options).into_iter().flatten().flatten();
        found.take(MOST_FILES).collect()
    }
}

/// Of most keywords the first word counts; of some there are several.
fn value(line: &Line) -> String {
    match line.keyword.as_str() {
        // Unit separators keep file names with blanks apart.
        "userknownhostsfile" | "globalknownhostsfile" | "canonicaldomains" => line.words.join("\u{1f}"),
        _ => line.words.first().cloned().unwrap_or_default(),
    }
}
