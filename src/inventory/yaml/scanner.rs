//! From characters to tokens, by the rules of libyaml: PyYAML reads with it, and Ansible with PyYAML. They are those of
//! YAML 1.1, but laxer about indentation inside brackets and quotes and about tabs than the specification is, and stricter
//! about simple keys.

use std::collections::VecDeque;

use super::cursor::{BYTE_ORDER_MARK, Cursor, Position, ends_word, is_blank, is_break};
use super::token::{SyntaxError, Token, TokenKind};
use crate::inventory::source::Mark;

/// A key without `?` is no longer than this, in characters, and on one line.
const LONGEST_KEY: usize = 1024;

/// A place where a key may have begun: known only when a `:` comes.
#[derive(Clone, Copy)]
struct SimpleKey {
    /// The number of its first token.
    token: usize,
    at: Position,
    /// Whether nothing but a key can stand there.
    required: bool,
}

/// Reads tokens.
pub(super) struct Scanner<'a> {
    pub(super) cursor: Cursor<'a>,
    tokens: VecDeque<Token>,
    /// How many tokens were taken.
    taken: usize,
    /// Whether the first of `tokens` is settled: no `:` can make a key of it any more.
    ready: bool,
    /// How many brackets are open.
    pub(super) flow_level: usize,
    /// The columns of the open block collections; -1 outside of all.
    indents: Vec<i64>,
    pub(super) indent: i64,
    pub(super) may_be_key: bool,
    /// One for each open bracket, and one for the block around them.
    keys: Vec<Option<SimpleKey>>,
    /// Before that place in `keys` there is none. Keys stand in it in the order of the text, so the first is the oldest.
    first_key: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scanner {
            cursor: Cursor::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            ready: false,
            flow_level: 0,
            indents: Vec::new(),
            indent: -1,
            may_be_key: true,
            keys: vec![None],
            first_key: 0,
        }
    }

    /// The next token; behind the end of the stream there is none.
    pub(super) fn peek(&mut self) -> Result<&Token, SyntaxError> {
        if !self.ready {
            while self.needs_more()? {
                self.fetch()?;
            }
            self.ready = true;
        }
        Ok(&self.tokens[0])
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Result<Token, SyntaxError> {
        let (start, end) = {
            let token = self.peek()?;
            (token.start, token.end)
        };
        self.ready = false;
        self.taken += 1;
        Ok(self.tokens.pop_front().unwrap_or(Token { kind: TokenKind::StreamEnd, start, end }))
    }

    fn needs_more(&mut self) -> Result<bool, SyntaxError> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        self.drop_stale_keys()?;
        Ok(self.keys[self.first_key..].iter().flatten().next().is_some_and(|key| key.token == self.taken))
    }

    fn fetch(&mut self) -> Result<(), SyntaxError> {
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unroll(self.column());
        let (c, next) = (self.cursor.peek(), self.cursor.peek_at(1));
        let Some(c) = c else {
            self.unroll(-1);
            // The last line is over, and with it every key.
            self.cursor.at.line += 1;
            self.drop_stale_keys()?;
            self.may_be_key = false;
            let mark = self.cursor.at.mark;
            self.push(TokenKind::StreamEnd, mark);
            return Ok(());
        };
        if self.cursor.at.column == 0 && c == '%' {
            self.unroll(-1);
            self.remove_key()?;
            self.may_be_key = false;
            return self.directive();
        }
        if self.at_document_indicator() {
            self.unroll(-1);
            self.remove_key()?;
            self.may_be_key = false;
            let kind = if c == '-' { TokenKind::DocumentStart } else { TokenKind::DocumentEnd };
            self.indicator(kind, 3);
            return Ok(());
        }
        let in_flow = self.flow_level > 0;
        match c {
            '[' => self.open(TokenKind::FlowSequenceStart),
            '{' => self.open(TokenKind::FlowMappingStart),
            ']' => self.close(TokenKind::FlowSequenceEnd),
            '}' => self.close(TokenKind::FlowMappingEnd),
            ',' => {
                self.remove_key()?;
                self.may_be_key = true;
                self.indicator(TokenKind::FlowEntry, 1);
                Ok(())
            }
            '-' if ends_word(next) => self.block_entry(),
            '?' if in_flow || ends_word(next) => self.key(),
            ':' if in_flow || ends_word(next) => self.value(),
            '*' | '&' => {
                self.save_key()?;
                self.may_be_key = false;
                self.anchor(c == '*')
            }
            '!' => {
                self.save_key()?;
                self.may_be_key = false;
                self.tag()
            }
            '|' | '>' if !in_flow => {
                self.remove_key()?;
                self.may_be_key = true;
                self.block_scalar(c == '|')
            }
            '\'' | '"' => {
                self.save_key()?;
                self.may_be_key = false;
                self.quoted_scalar(c)
            }
            '-' => self.plain(),
            '?' | ':' if !in_flow => self.plain(),
            '#' | '|' | '>' | '%' | '@' | '`' => self.no_token(),
            c if is_blank(c) => self.no_token(),
            _ => self.plain(),
        }
    }

    fn plain(&mut self) -> Result<(), SyntaxError> {
        self.save_key()?;
        self.may_be_key = false;
        self.plain_scalar()
    }

    fn no_token(&self) -> Result<(), SyntaxError> {
        Err(self.error("found character that cannot start any token", self.cursor.at.mark))
    }

    pub(super) fn error(&self, problem: &'static str, begin: Mark) -> SyntaxError {
        SyntaxError { problem, mark: self.cursor.at.mark, begin }
    }

    /// Appends a token that ends here.
    pub(super) fn push(&mut self, kind: TokenKind, start: Mark) {
        self.push_until(kind, start, self.cursor.at.mark);
    }

    /// Appends a token that ended before.
    pub(super) fn push_until(&mut self, kind: TokenKind, start: Mark, end: Mark) {
        self.tokens.push_back(Token { kind, start, end });
    }

    /// Appends the token that the next characters are.
    fn indicator(&mut self, kind: TokenKind, length: usize) {
        let start = self.cursor.at.mark;
        self.cursor.skip(length);
        self.push(kind, start);
    }

    fn column(&self) -> i64 {
        i64::try_from(self.cursor.at.column).unwrap_or(i64::MAX)
    }

    /// Whether `---` or `...` stands here.
    pub(super) fn at_document_indicator(&self) -> bool {
        self.cursor.at.column == 0
            && (self.cursor.sees("---") || self.cursor.sees("..."))
            && ends_word(self.cursor.peek_at(3))
    }

    /// Passes blanks, comments and line breaks. A tab is none where a key may begin: there it would be indentation.
    fn skip_to_token(&mut self) {
        loop {
            if self.cursor.at.column == 0 && self.cursor.peek() == Some(BYTE_ORDER_MARK) {
                self.cursor.next();
            }
            let with_tabs = self.flow_level > 0 || !self.may_be_key;
            self.cursor.skip_while(|c| c == ' ' || (with_tabs && c == '\t'));
            if self.cursor.peek() == Some('#') {
                self.cursor.skip_while(|c| !is_break(c));
            }
            if self.cursor.next_break().is_none() {
                return;
            }
            if self.flow_level == 0 {
                self.may_be_key = true;
            }
        }
    }

    /// A key is over with its line, and behind its longest length.
    fn drop_stale_keys(&mut self) -> Result<(), SyntaxError> {
        let here = self.cursor.at;
        while let Some(place) = self.keys.get_mut(self.first_key) {
            if let Some(key) = *place {
                if key.at.line >= here.line && key.at.index + LONGEST_KEY >= here.index {
                    break;
                }
                if key.required {
                    return Err(self.error("could not find expected ':'", key.at.mark));
                }
                *place = None;
            }
            self.first_key += 1;
        }
        Ok(())
    }

    /// Remembers that a key may begin here.
    fn save_key(&mut self) -> Result<(), SyntaxError> {
        if !self.may_be_key {
            return Ok(());
        }
        let required = self.flow_level == 0 && self.indent == self.column();
        let key = SimpleKey { token: self.taken + self.tokens.len(), at: self.cursor.at, required };
        self.remove_key()?;
        if let Some(place) = self.keys.last_mut() {
            *place = Some(key);
            self.first_key = self.first_key.min(self.keys.len() - 1);
        }
        Ok(())
    }

    fn remove_key(&mut self) -> Result<(), SyntaxError> {
        match self.keys.last_mut().and_then(Option::take) {
            Some(key) if key.required => Err(self.error("could not find expected ':'", key.at.mark)),
            _ => Ok(()),
        }
    }

    /// Opens a block collection where this column is deeper than the last one; before the token of that number.
    fn roll(&mut self, column: i64, before: Option<usize>, kind: TokenKind, mark: Mark) {
        if self.flow_level > 0 || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        let token = Token { kind, start: mark, end: mark };
        match before {
            Some(number) => self.tokens.insert(number - self.taken, token),
            None => self.tokens.push_back(token),
        }
    }

    /// Closes the block collections that are deeper than this column.
    fn unroll(&mut self, column: i64) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            let mark = self.cursor.at.mark;
            self.push(TokenKind::BlockEnd, mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn open(&mut self, kind: TokenKind) -> Result<(), SyntaxError> {
        self.save_key()?;
        self.keys.push(None);
        self.flow_level += 1;
        self.may_be_key = true;
        self.indicator(kind, 1);
        Ok(())
    }

    fn close(&mut self, kind: TokenKind) -> Result<(), SyntaxError> {
        self.remove_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.keys.pop();
            self.first_key = self.first_key.min(self.keys.len());
        }
        self.may_be_key = false;
        self.indicator(kind, 1);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), SyntaxError> {
        let mark = self.cursor.at.mark;
        if self.flow_level == 0 {
            if !self.may_be_key {
                return Err(self.error("block sequence entries are not allowed in this context", mark));
            }
            self.roll(self.column(), None, TokenKind::BlockSequenceStart, mark);
        }
        self.remove_key()?;
        self.may_be_key = true;
        self.indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn key(&mut self) -> Result<(), SyntaxError> {
        let mark = self.cursor.at.mark;
        if self.flow_level == 0 {
            if !self.may_be_key {
                return Err(self.error("mapping keys are not allowed in this context", mark));
            }
            self.roll(self.column(), None, TokenKind::BlockMappingStart, mark);
        }
        self.remove_key()?;
        self.may_be_key = self.flow_level == 0;
        self.indicator(TokenKind::Key, 1);
        Ok(())
    }

    fn value(&mut self) -> Result<(), SyntaxError> {
        let mark = self.cursor.at.mark;
        if let Some(key) = self.keys.last_mut().and_then(Option::take) {
            let token = Token { kind: TokenKind::Key, start: key.at.mark, end: key.at.mark };
            self.tokens.insert(key.token - self.taken, token);
            let column = i64::try_from(key.at.column).unwrap_or(i64::MAX);
            self.roll(column, Some(key.token), TokenKind::BlockMappingStart, key.at.mark);
            self.may_be_key = false;
        } else {
            if self.flow_level == 0 {
                if !self.may_be_key {
                    return Err(self.error("mapping values are not allowed in this context", mark));
                }
                self.roll(self.column(), None, TokenKind::BlockMappingStart, mark);
            }
            self.may_be_key = self.flow_level == 0;
        }
        self.indicator(TokenKind::Value, 1);
        Ok(())
    }
}
