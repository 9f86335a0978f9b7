//! What a machine answered: the sections of the one script, framed but not yet understood.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::fact::{Fact, Reading};
use super::files::Files;
use super::interfaces::glob_fits;
use crate::redact;

/// Everything one machine answered in one visit.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// By probe name.
    sections: BTreeMap<Cow<'static, str>, Section>,
    /// What the file probe read.
    files: Files,
    /// Why the file probe as a whole cannot be trusted, where it cannot.
    no_files: Option<String>,
}

/// What one probe answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The command or file, as an operator would type it.
    pub source: Cow<'static, str>,
    /// How it ended.
    pub ended: Ended,
    /// What it wrote; bounded by the script.
    pub out: Bytes,
    /// What it complained; bounded by the script.
    pub err: Bytes,
    /// What could not be ended at its deadline: `pid:command` of processes in D state.
    pub stuck: Option<String>,
}

/// What grep says of a path or a glob that is not there.
pub(super) const NO_SUCH_FILE: &str = "No such file or directory";

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status; 127 is a command that is not there.
    Exited(i32),
    /// It passed its deadline, in milliseconds; what it wrote until then is kept.
    TimedOut(u64),
    /// It wrote more than [`MOST_LINES`] lines or [`MOST_BYTES`]; nothing of it is kept, for what is cut off cannot be judged.
    TooLong,
}

/// The most lines that one probe may write, or one file may have. Busy hosts have some thousands of sockets, mounts or
/// addresses; with more, an answer is a loop or malice, and what is compared with one another would take too long.
pub(super) const MOST_LINES: usize = 20_000;

/// The most bytes that one probe may write to a stream, the one for files apart, which holds a hundred files.
pub(super) const MOST_BYTES: usize = 2 * 1024 * 1024;

/// The reason for a fact whose source was too long to be read.
pub(super) const TOO_LONG: &str = "it is longer than 20,000 lines or 2 MiB, which is more than is read";

/// A probe's answer as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'t> {
    /// Its exit status.
    pub status: i32,
    /// Its standard output.
    pub out: Cow<'t, str>,
    /// Its standard error, trimmed, without secrets.
    pub err: Cow<'t, str>,
}

impl Transcript {
    /// Of sections by name. The one named `files` is the answer of all file probes together.
    pub fn new<N: Into<Cow<'static, str>>>(sections: impl IntoIterator<Item = (N, Section)>) -> Self {
        let sections = sections.into_iter().map(|(name, section)| {
            let name = name.into();
            let section = if name == "files" { section } else { section.within_limits() };
            (name, section)
        });
        let sections: BTreeMap<_, _> = sections.collect();
        let files =
            sections.get("files").map(|section| Files::parse(&text(&section.out), &text(&section.err)));
        let no_files = files_missing(sections.get("files"));
        let files = files.unwrap_or_default();
        let no_files = no_files.or_else(|| files.too_many().map(str::to_owned));
        Transcript { files, no_files, sections }
    }

    /// Whether a path of which nothing was said, or a glob, was asked for.
    fn was_asked(&self, path: &str) -> bool {
        let mut asked = self.files.asked();
        match path.split_once('*') {
            Some((prefix, _)) => self.was_asked_under(prefix),
            None => asked.any(|asked| glob_fits(asked, path)),
        }
    }

    fn not_told(&self) -> &'static str {
        match self.files.tells_asked() {
            true => "not asked for when this was recorded",
            false => "empty, or not asked for when this was recorded",
        }
    }

    /// Whether any path that starts with `prefix` was asked for. Even of a glob that matches nothing grep tells; of one
    /// that matches empty files alone it does not.
    fn was_asked_under(&self, prefix: &str) -> bool {
        self.files.under(prefix).next().is_some() || self.files.asked().any(|asked| asked.starts_with(prefix))
    }

    /// A file's whole text: absent where there is no such file, unknown where it could not be read, or where an older
    /// script did not ask for it. An empty file is an empty text, and so is one that its glob did not match.
    pub fn file(&self, path: &str) -> Fact<&str> {
        let source = path.to_owned();
        if let Some(reason) = &self.no_files {
            return Fact::unknown(reason, source);
        }
        match self.files.get(path) {
            Some(told) => told_of(told, source),
            None if self.was_asked(path) => Fact::known("", source),
            None => Fact::unknown(self.not_told(), source),
        }
    }

    /// Every file whose path starts with `prefix`, read or not, in the order of their paths; a glob
    /// that matched nothing is left out. Unknown where the file probe did not end, or asked for none of them.
    pub fn files_under<'t>(&'t self, prefix: &str) -> Fact<Vec<(&'t str, Fact<&'t str>)>> {
        let source = format!("{prefix}*");
        if let Some(reason) = self.nothing_under(prefix) {
            return Fact::unknown(reason, source);
        }
        let matched = self.files.under(prefix).filter(|(path, _)| !path.contains('*'));
        let found = matched.map(|(path, told)| (path, told_of(told, path.to_owned())));
        Fact::known(found.filter(|(_, text)| text.reading != Reading::Absent).collect(), source)
    }

    /// What was told of paths and globs that start with `prefix`, in their order: a text, or why there is none. It means
    /// nothing where [`Transcript::nothing_under`] has a reason.
    pub(super) fn told_under(&self, prefix: &str) -> impl Iterator<Item = (&str, Result<&str, &str>)> {
        self.files.under(prefix)
    }

    /// Why nothing is known of files whose paths start with `prefix`, where that is so.
    pub(super) fn nothing_under(&self, prefix: &str) -> Option<String> {
        let not_asked = || (!self.was_asked_under(prefix)).then(|| self.not_told().to_owned());
        self.no_files.clone().or_else(not_asked)
    }

    /// What a probe answered; unknown where it passed its deadline or was not asked.
    pub fn answer(&self, probe: &str) -> Fact<Answer<'_>> {
        match self.sections.get(probe) {
            None => Fact::unknown("not in the transcript", probe.to_owned()),
            Some(section) => match section.ended {
                Ended::TimedOut(ms) => {
                    Fact::unknown(timed_out(ms, section.stuck.as_deref()), section.source.clone())
                }
                Ended::TooLong => Fact::unknown(TOO_LONG, section.source.clone()),
                Ended::Exited(status) => Fact::known(
                    Answer {
                        status,
                        out: text(&section.out),
                        // Programs quote their configuration when they complain of it.
                        err: match text(&section.err) {
                            Cow::Borrowed(err) => redact::text(err.trim()),
                            Cow::Owned(err) => Cow::Owned(redact::text(err.trim()).into_owned()),
                        },
                    },
                    section.source.clone(),
                ),
            },
        }
    }

    /// A probe's standard output, byte for byte, whatever its status.
    pub fn bytes(&self, probe: &str) -> Fact<&[u8]> {
        match self.sections.get(probe) {
            None => Fact::unknown("not in the transcript", probe.to_owned()),
            Some(section) => match section.ended {
                Ended::TimedOut(ms) => {
                    Fact::unknown(timed_out(ms, section.stuck.as_deref()), section.source.clone())
                }
                Ended::TooLong => Fact::unknown(TOO_LONG, section.source.clone()),
                Ended::Exited(_) => Fact::known(&*section.out, section.source.clone()),
            },
        }
    }

    /// Every section, by probe name.
    pub fn sections(&self) -> &BTreeMap<Cow<'static, str>, Section> {
        &self.sections
    }
}

impl Section {
    /// The section, without what it says where that is too long.
    fn within_limits(self) -> Self {
        if [&self.out, &self.err].into_iter().all(|text| is_within_limits(text)) {
            return self;
        }
        Section { ended: Ended::TooLong, out: Bytes::new(), err: Bytes::new(), ..self }
    }
}

/// Whether a text is short enough to be read.
pub(super) fn is_within_limits(text: &[u8]) -> bool {
    // Nearly all texts have fewer bytes than lines are allowed.
    text.len() <= MOST_LINES
        || (text.len() <= MOST_BYTES && memchr::memchr_iter(b'\n', text).count() <= MOST_LINES)
}

impl Answer<'_> {
    /// What it complained, behind a colon; nothing where it did not.
    pub(super) fn complaint(&self) -> String {
        match self.err.lines().next() {
            Some(line) if !line.is_empty() => format!(": {line}"),
            _ => String::new(),
        }
    }
}

/// Bytes as text, with a mark in place of each that is none. Nearly all are text, which is quickly seen.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// What the file probe told of a file, as a fact.
fn told_of<'t>(told: Result<&'t str, &'t str>, source: String) -> Fact<&'t str> {
    match told {
        Ok(text) => Fact::known(text, source),
        Err(NO_SUCH_FILE) => Fact::absent(source),
        Err(reason) => Fact::unknown(reason, source),
    }
}

/// Why the file probe as a whole cannot be trusted, where it cannot: it passed its deadline, was killed, or was not asked.
/// grep ends with 0 or 1, and with 2 where it could not read a file, which it names.
fn files_missing(section: Option<&Section>) -> Option<String> {
    match section {
        Some(Section { ended: Ended::Exited(0..=2), .. }) => None,
        Some(Section { ended: Ended::Exited(status), .. }) => {
            Some(format!("reading files ended with status {status}"))
        }
        Some(Section { ended: Ended::TooLong, .. }) => Some(TOO_LONG.to_owned()),
        Some(Section { ended: Ended::TimedOut(ms), stuck, .. }) => Some(timed_out(*ms, stuck.as_deref())),
        None => Some("not in the transcript".to_owned()),
    }
}

fn timed_out(ms: u64, stuck: Option<&str>) -> String {
    let seconds = ms as f64 / 1000.0;
    match stuck {
        Some(stuck) => format!("no answer within {seconds:.1} s, and it cannot be ended: {stuck}"),
        None => format!("no answer within {seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Ended, MOST_BYTES, MOST_LINES, Section, TOO_LONG, Transcript};
    use crate::facts::Reading;

    fn files(ended: Ended, out: &str, err: &str) -> Transcript {
        let (out, err) = (out.to_owned().into(), err.to_owned().into());
        let section = Section { source: "".into(), ended, out, err, stuck: None };
        Transcript::new([("files", section)])
    }

    #[test]
    fn a_file_is_known_absent_or_unknown() {
        let out =
            "/a:one\n/a:two: three\n/b:no line end\nBinary file /c matches\ngrep: /d: binary file matches\n";
        let err = "grep: /e: No such file or directory\ngrep: /f: Permission denied\n\
                   grep: /g:1: its name cannot be told apart\n";
        let transcript = files(Ended::Exited(2), out, err);
        assert_eq!(transcript.file("/a").value(), Some(&"one\ntwo: three\n"));
        assert_eq!(transcript.file("/e").reading, Reading::Absent);
        for unknown in ["/c", "/d", "/f", "/g:1"] {
            assert!(matches!(transcript.file(unknown).reading, Reading::Unknown(_)), "{unknown}");
        }
    }

    #[test]
    fn of_what_is_told_of_a_path_the_last_counts() {
        let out = "/a:one\n/b:two\nnoise\n/a:three\n/a:four\n/b:five\n/c:six\nBinary file /c matches\n";
        let transcript = files(Ended::Exited(2), out, "grep: /b: Input/output error\n");
        assert_eq!(transcript.file("/a").value(), Some(&"three\nfour\n"));
        assert_eq!(transcript.file("/b").reading, Reading::Unknown("Input/output error".to_owned()));
        assert_eq!(transcript.file("/c").reading, Reading::Unknown("it is not text".to_owned()));
    }

    #[test]
    fn an_empty_file_is_known_and_one_that_was_not_asked_for_is_not() {
        let out = "asked:/a:/empty:/none:/d/*:/e/*.conf\n/a:asked:/b\n";
        let err = "grep: /none: No such file or directory\ngrep: /d/*: No such file or directory\n";
        let transcript = files(Ended::Exited(2), out, err);
        assert_eq!(transcript.file("/a").value(), Some(&"asked:/b\n"));
        assert_eq!(transcript.file("/empty").value(), Some(&""));
        assert_eq!(transcript.file("/none").reading, Reading::Absent);
        assert_eq!(transcript.files_under("/d/").value(), Some(&Vec::new()));
        assert_eq!(transcript.files_under("/e/").value(), Some(&Vec::new()));
        assert_eq!(transcript.file("/e/1.conf").value(), Some(&""));
        let not_asked = Reading::Unknown("not asked for when this was recorded".to_owned());
        assert_eq!(transcript.file("/b").reading, not_asked);
        assert!(matches!(transcript.files_under("/f/").reading, Reading::Unknown(_)));
        // Scripts before this one did not say what they asked for.
        let old = files(Ended::Exited(2), "/a:one\n", err);
        let untold = Reading::Unknown("empty, or not asked for when this was recorded".to_owned());
        assert_eq!(old.file("/empty").reading, untold);
        assert_eq!(old.files_under("/d/").value(), Some(&Vec::new()));
        assert_eq!(old.file("/*").value(), Some(&""));
        assert_eq!(old.file("/d/1.conf").reading, untold);
    }

    #[test]
    fn what_is_too_long_is_unknown_and_nothing_else_is() {
        let section = |out: String| Section {
            source: "".into(),
            ended: Ended::Exited(0),
            out: out.into(),
            err: Default::default(),
            stuck: None,
        };
        let transcript = Transcript::new([
            ("lines", section("x\n".repeat(MOST_LINES + 1))),
            ("bytes", section("x".repeat(MOST_BYTES + 1))),
            ("most", section("x\n".repeat(MOST_LINES))),
        ]);
        for name in ["lines", "bytes"] {
            assert_eq!(transcript.answer(name).reading, Reading::Unknown(TOO_LONG.to_owned()), "{name}");
            assert_eq!(transcript.bytes(name).reading, Reading::Unknown(TOO_LONG.to_owned()), "{name}");
        }
        assert!(transcript.answer("most").value().is_some());

        let long = "/a:x\n".repeat(MOST_LINES + 1);
        let transcript = files(Ended::Exited(0), &format!("asked:/a:/b\n{long}/b:one\n"), "");
        assert_eq!(transcript.file("/a").reading, Reading::Unknown(TOO_LONG.to_owned()));
        assert_eq!(transcript.file("/b").value(), Some(&"one\n"));

        let many: String = (0..10_001).map(|at| format!("/a{at}:x\n")).collect();
        let patterns = format!("asked:/a{}\n/a:x\n", ":/b*".repeat(500));
        for too_much in [many, patterns] {
            let transcript = files(Ended::Exited(0), &too_much, "");
            assert!(matches!(transcript.file("/a").reading, Reading::Unknown(_)));
            assert!(matches!(transcript.files_under("/").reading, Reading::Unknown(_)));
        }
    }

    #[test]
    fn a_reader_that_was_killed_or_late_knows_nothing() {
        for ended in [Ended::Exited(153), Ended::Exited(127), Ended::TimedOut(5000)] {
            let transcript = files(ended, "/a:one\n", "");
            assert!(matches!(transcript.file("/a").reading, Reading::Unknown(_)), "{ended:?}");
            assert!(matches!(transcript.files_under("/").reading, Reading::Unknown(_)), "{ended:?}");
        }
    }
}
