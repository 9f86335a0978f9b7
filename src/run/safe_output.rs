//! What every output goes through on its way to a terminal, a pipe or a report: secrets become stars, and what could drive a
//! terminal becomes visible. Whoever writes to stdout or stderr writes through it (see [`super::terminal`]).

use std::borrow::Cow;
use std::io::{self, Write};

use crate::{escape, redact};

/// Pieces of at least this many bytes are handed on, as far as lines end in them.
const PIECE: usize = 32 * 1024;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lines of text.
    Text,
    /// Lines that were laid out with colours, from text that was escaped before.
    Styled,
    /// JSON, its line ends between its texts, never within one.
    Json,
}

/// A writer whose output is safe to be shown. What is not a whole line waits for the rest of it, or for a flush.
pub(super) struct SafeWriter<W: Write> {
    into: W,
    kind: Kind,
    waiting: Vec<u8>,
}

impl<W: Write> SafeWriter<W> {
    pub(super) fn new(into: W, kind: Kind) -> Self {
        SafeWriter { into, kind, waiting: Vec::new() }
    }

    /// Hands on what ends before this byte.
    fn hand_on(&mut self, end: usize) -> io::Result<()> {
        let rest = self.waiting.split_off(end);
        let piece = std::mem::replace(&mut self.waiting, rest);
        let text = String::from_utf8_lossy(&piece);
        self.into.write_all(safe(&text, self.kind).as_bytes())
    }
}

impl<W: Write> Write for SafeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE
            && let Some(end) = memchr::memrchr(b'\n', &self.waiting)
        {
            self.hand_on(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on(self.waiting.len())?;
        self.into.flush()
    }
}

/// The same text, safe to be shown.
pub(super) fn safe(text: &str, kind: Kind) -> Cow<'_, str> {
    match kind {
        Kind::Text => then(redact::shown(text), escape::lines),
        Kind::Styled => Cow::Owned(escape::styled_lines(&redact::shown(text))),
        Kind::Json if redact::is_suspicious(text) => then(Cow::Owned(redact_json(text)), escape::json),
        Kind::Json => escape::json(text),
    }
}

fn then(text: Cow<'_, str>, change: impl for<'t> Fn(&'t str) -> Cow<'t, str>) -> Cow<'_, str> {
    match change(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(changed) => Cow::Owned(changed),
    }
}

/// JSON whose texts are shown without secrets; its keys are names, and stay.
fn redact_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let literal = &rest[start..];
        let end = end_of_literal(literal);
        shown.push_str(&rest[..start]);
        let (literal, behind) = literal.split_at(end);
        let is_key = behind.trim_start().starts_with(':');
        let value = match is_key || !redact::is_suspicious(literal) {
            true => None,
            false => serde_json::from_str::<String>(literal).ok(),
        };
        match value.as_deref().map(redact::shown) {
            Some(Cow::Owned(hidden)) => shown.push_str(&serde_json::Value::from(hidden).to_string()),
            Some(Cow::Borrowed(_)) | None => shown.push_str(literal),
        }
        rest = behind;
    }
    shown + rest
}

/// Where the text ends that begins with the quote at the start.
fn end_of_literal(text: &str) -> usize {
    let mut at = 1;
    let bytes = text.as_bytes();
    while let Some(next) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += next;
        match bytes[at] {
            b'"' => return at + 1,
            _ => at += 2,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Kind, SafeWriter, safe};

    fn written(kind: Kind, pieces: &[&[u8]]) -> String {
        let mut bytes = Vec::new();
        let mut writer = SafeWriter::new(&mut bytes, kind);
        for piece in pieces {
            writer.write_all(piece).expect("memory takes it");
        }
        writer.flush().expect("memory takes it");
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn pieces_are_put_together_before_they_are_judged() {
        assert_eq!(written(Kind::Text, &[b"a\xc2", b"\x9b2J\x1b", b"[31m"]), "a\\u{9b}2J␛[31m");
        assert_eq!(written(Kind::Text, &[b"http://joe:p", b"w@h\n"]), "http://********@h\n");
        assert_eq!(written(Kind::Text, &[b"a\xffb"]), "a\u{fffd}b");
        let long = vec![b'x'; 100_000];
        assert_eq!(written(Kind::Json, &[&long, b"\n", b"\"\xc2\x85\""]).len(), 100_000 + 1 + 8);
    }

    #[test]
    fn json_stays_json() {
        let text = r#"{"url://a:b@c": "http://joe:p\"w/ä@h \u001b", "n": ["x@y", "\\"], "k" : 1}"#;
        let shown = safe(text, Kind::Json);
        assert_eq!(shown, r#"{"url://a:b@c": "http://********@h \u001b", "n": ["x@y", "\\"], "k" : 1}"#);
    }
}
