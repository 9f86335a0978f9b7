//! A place in a text, moving forward by characters and by YAML 1.1's line breaks.

use crate::inventory::source::Mark;

/// A place in a text.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) byte: usize,
    /// Characters before it.
    pub(super) index: usize,
    /// Lines before it, by all of YAML's line breaks.
    pub(super) line: usize,
    /// Characters before it in its line.
    pub(super) column: usize,
    /// The same for people: only `\n` ends a line, as in editors and in [`Source`](crate::inventory::source::Source).
    pub(super) mark: Mark,
}

/// May stand before a text, and before each of its lines.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads a text from its beginning to its end.
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) at: Position,
}

impl<'a> Cursor<'a> {
    /// At the beginning, behind a byte order mark.
    pub(super) fn new(text: &'a str) -> Self {
        let byte = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Cursor { text, at: Position { byte, index: 0, line: 0, column: 0, mark: Mark::START } }
    }

    /// The next character; `None` at the end.
    pub(super) fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    /// The character that many behind the next one.
    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text[self.at.byte..].chars().nth(ahead)
    }

    /// Whether the text goes on with these characters.
    pub(super) fn sees(&self, text: &str) -> bool {
        self.text[self.at.byte..].starts_with(text)
    }

    /// Passes the next character, which ends no line, and gives it.
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at.byte += c.len_utf8();
        self.at.index += 1;
        self.at.column += 1;
        self.at.mark.column += 1;
        Some(c)
    }

    /// Passes that many characters.
    pub(super) fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    /// Passes characters as long as they are of a kind.
    pub(super) fn skip_while(&mut self, is_kind: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&is_kind) {
            self.next();
        }
    }

    /// Passes a line break, if one comes next, and gives it as a value holds it.
    pub(super) fn next_break(&mut self) -> Option<char> {
        let c = self.peek().filter(|&c| is_break(c))?;
        let length = if self.sees("\r\n") { 2 } else { c.len_utf8() };
        let ends_line = self.text.as_bytes()[self.at.byte + length - 1] == b'\n';
        self.at.mark = match ends_line {
            true => Mark::new(self.at.mark.line + 1, 1),
            false => Mark::new(self.at.mark.line, self.at.mark.column + 1),
        };
        self.at.byte += length;
        self.at.index += if c == '\r' && length == 2 { 2 } else { 1 };
        self.at.line += 1;
        self.at.column = 0;
        Some(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' })
    }
}

/// Whether a character ends a line in YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character is a space or a tab.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// Whether a word ends here: a blank, the end of the line or of the text.
pub(super) fn ends_word(c: Option<char>) -> bool {
    c.is_none_or(|c| is_blank(c) || is_break(c))
}
