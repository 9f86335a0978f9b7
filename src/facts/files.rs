//! What the file probe read: all files of a host in one text.

use std::ops::Range;

use memchr::memchr;

use super::transcript::{TOO_LONG, is_within_limits};

/// Files by path. Their paths and texts lie one behind the other in one text, for there are a hundred of them on a host,
/// and a thousand hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Files {
    text: String,
    /// In the order of their paths.
    entries: Vec<Entry>,
    /// The paths and globs that were asked for, with colons between them; older scripts did not tell.
    asked: Option<String>,
    /// Whether more was told than is read: of [`MOST_FILES`] paths, or of as many patterns.
    is_too_much: bool,
}

/// The most paths that may be told of, and the most patterns that may be asked for. The script asks for some sixty, and hosts
/// have some hundreds of such files.
const MOST_FILES: usize = 10_000;
const MOST_PATTERNS: usize = 500;

/// What was told of one path.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    path: Range<usize>,
    /// The file's text, or why there is none.
    told: Range<usize>,
    is_read: bool,
}

impl Files {
    /// Of what `grep` wrote: each line of a file behind its path and a colon, and on stderr what could not be read. Of
    /// what is told of a path the last counts.
    pub(super) fn parse(out: &str, err: &str) -> Self {
        let mut files = Files { text: String::with_capacity(out.len()), ..Files::default() };
        let mut rest = out;
        while let Some(line) = next_line(&mut rest) {
            if let Some(path) = binary(line) {
                files.add(path, false, "it is not text");
                continue;
            }
            let Some((path, text)) = split_at_colon(line) else { continue };
            if path == "asked" {
                files.is_too_much |= text.split(':').nth(MOST_PATTERNS).is_some();
                files.asked = Some(text.trim_end().to_owned());
            }
            if path.starts_with('/') {
                files.add(path, true, text);
                // A file's lines come one after the other.
                while let Some(more) = rest.strip_prefix(&line[..=path.len()]) {
                    rest = more;
                    files.text.push_str(next_line(&mut rest).unwrap_or_default());
                }
                files.close();
                files.drop_if_too_long();
            }
        }
        for line in err.lines() {
            let Some((path, reason)) = line.trim_start_matches("grep: ").rsplit_once(": ") else { continue };
            if path.starts_with('/') {
                files.add(path, false, reason);
            }
        }
        files.is_too_much |= files.entries.len() > MOST_FILES;
        if files.is_too_much {
            return Files { is_too_much: true, ..Files::default() };
        }
        let Files { text, entries, .. } = &mut files;
        entries.sort_by(|one, other| text[one.path.clone()].cmp(&text[other.path.clone()]));
        entries.dedup_by(|later, earlier| {
            let is_same = text[later.path.clone()] == text[earlier.path.clone()];
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        files
    }

    fn add(&mut self, path: &str, is_read: bool, told: &str) {
        let start = self.text.len();
        self.text.push_str(path);
        let middle = self.text.len();
        self.text.push_str(told);
        self.entries.push(Entry { path: start..middle, told: middle..self.text.len(), is_read });
    }

    /// What was written since belongs to the last file.
    fn close(&mut self) {
        if let Some(last) = self.entries.last_mut() {
            last.told.end = self.text.len();
        }
    }

    /// A file that is too long to be read is one that could not be read.
    fn drop_if_too_long(&mut self) {
        let Some(Entry { told, .. }) = self.entries.last() else { return };
        if is_within_limits(self.text[told.clone()].as_bytes()) {
            return;
        }
        let start = told.start;
        self.text.truncate(start);
        self.text.push_str(TOO_LONG);
        if let Some(last) = self.entries.last_mut() {
            last.told = start..self.text.len();
            last.is_read = false;
        }
    }

    /// Why nothing is known of any file, where more was told than is read.
    pub(super) fn too_many(&self) -> Option<&'static str> {
        self.is_too_much
            .then_some("the host told of more than 10,000 files, or of more patterns than were asked for")
    }

    /// What was told of a path: its text, or why there is none.
    pub(super) fn get(&self, path: &str) -> Option<Result<&str, &str>> {
        let at = self.entries.binary_search_by(|entry| self.path(entry).cmp(path)).ok()?;
        Some(self.told(&self.entries[at]))
    }

    /// What was told of paths that begin with `prefix`, in their order.
    pub(super) fn under(&self, prefix: &str) -> impl Iterator<Item = (&str, Result<&str, &str>)> {
        let from = self.entries.partition_point(|entry| self.path(entry) < prefix);
        let told = self.entries[from..].iter().map(|entry| (self.path(entry), self.told(entry)));
        told.take_while(move |(path, _)| path.starts_with(prefix))
    }

    /// Whether the script told what it asked for.
    pub(super) fn tells_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The paths and globs that were asked for.
    pub(super) fn asked(&self) -> impl Iterator<Item = &str> {
        self.asked.iter().flat_map(|asked| asked.split(':'))
    }

    fn path(&self, entry: &Entry) -> &str {
        &self.text[entry.path.clone()]
    }

    fn told(&self, entry: &Entry) -> Result<&str, &str> {
        let told = &self.text[entry.told.clone()];
        if entry.is_read { Ok(told) } else { Err(told) }
    }
}

/// The next line with its end, taken from the rest.
fn next_line<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let end = memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
    let (line, after) = rest.split_at(end);
    *rest = after;
    (!line.is_empty()).then_some(line)
}

fn split_at_colon(line: &str) -> Option<(&str, &str)> {
    let at = memchr(b':', line.as_bytes())?;
    Some((&line[..at], &line[at + 1..]))
}

/// `Binary file /x matches`, or since 3.5 `grep: /x: binary file matches`: what grep says instead of what is not
/// text. A line of a file always has its path before it.
fn binary(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let old = line.strip_prefix("Binary file ").and_then(|rest| rest.strip_suffix(" matches"));
    old.or_else(|| line.strip_prefix("grep: ")?.strip_suffix(": binary file matches"))
}
