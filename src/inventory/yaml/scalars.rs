//! Scalars: plain, in quotes, and as blocks.

use super::cursor::{ends_word, is_blank, is_break};
use super::scanner::Scanner;
use super::token::{Style, SyntaxError, TokenKind};
use crate::inventory::source::Mark;

/// What stands between two words of a scalar: blanks, or line breaks, of which a single one folds to a blank.
#[derive(Default)]
struct Gap {
    blanks: String,
    /// The first line break; none where it was escaped.
    first: String,
    more: String,
    /// Whether there was a line break.
    broken: bool,
}

impl Gap {
    /// Appends to a text what it comes to, and is empty again.
    fn fold_into(&mut self, text: &mut String) {
        if !self.broken {
            text.push_str(&self.blanks);
        } else if self.first != "\n" {
            text.push_str(&self.first);
            text.push_str(&self.more);
        } else if self.more.is_empty() {
            text.push(' ');
        } else {
            text.push_str(&self.more);
        }
        *self = Gap::default();
    }

    fn push_break(&mut self, c: char) {
        if self.broken {
            self.more.push(c);
        } else {
            self.blanks.clear();
            self.first.push(c);
            self.broken = true;
        }
    }
}

impl Scanner<'_> {
    pub(super) fn plain_scalar(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.at.mark;
        let mut end = start;
        let mut text = String::new();
        let mut gap = Gap::default();
        let indent = usize::try_from(self.indent + 1).unwrap_or_default();
        let in_flow = self.flow_level > 0;
        loop {
            if self.at_document_indicator() || self.cursor.peek() == Some('#') {
                break;
            }
            while let Some(c) = self.cursor.peek().filter(|&c| !ends_word(Some(c))) {
                let next = self.cursor.peek_at(1).filter(|_| c == ':');
                if in_flow && matches!(next, Some(',' | '?' | '[' | ']' | '{' | '}')) {
                    return Err(self.error("found unexpected ':'", start));
                }
                if (c == ':' && ends_word(next)) || (in_flow && matches!(c, ',' | '[' | ']' | '{' | '}')) {
                    break;
                }
                gap.fold_into(&mut text);
                text.push(c);
                self.cursor.next();
                end = self.cursor.at.mark;
            }
            if !self.cursor.peek().is_some_and(|c| is_blank(c) || is_break(c)) {
                break;
            }
            loop {
                if let Some(c) = self.cursor.next_break() {
                    gap.push_break(c);
                    continue;
                }
                let Some(c) = self.cursor.peek().filter(|&c| is_blank(c)) else { break };
                if gap.broken && c == '\t' && self.cursor.at.column < indent {
                    return Err(self.error("found a tab character that violates indentation", start));
                }
                self.cursor.next();
                if !gap.broken {
                    gap.blanks.push(c);
                }
            }
            if !in_flow && self.cursor.at.column < indent {
                break;
            }
        }
        if gap.broken {
            self.may_be_key = true;
        }
        self.push_until(TokenKind::Scalar(text, Style::Plain), start, end);
        Ok(())
    }

    pub(super) fn quoted_scalar(&mut self, quote: char) -> Result<(), SyntaxError> {
        let start = self.cursor.at.mark;
        let mut text = String::new();
        self.cursor.next();
        loop {
            if self.at_document_indicator() {
                return Err(self.error("found unexpected document indicator", start));
            }
            let mut gap = Gap::default();
            loop {
                match self.cursor.peek() {
                    None => return Err(self.error("found unexpected end of stream", start)),
                    Some(c) if ends_word(Some(c)) => break,
                    Some('\'') if quote == '\'' && self.cursor.peek_at(1) == Some('\'') => {
                        text.push('\'');
                        self.cursor.skip(2);
                    }
                    Some(c) if c == quote => break,
                    Some('\\') if quote == '"' => {
                        if self.cursor.peek_at(1).is_some_and(is_break) {
                            self.cursor.next();
                            self.cursor.next_break();
                            gap.broken = true;
                            break;
                        }
                        text.push(self.escape(start)?);
                    }
                    Some(c) => {
                        text.push(c);
                        self.cursor.next();
                    }
                }
            }
            if self.cursor.peek() == Some(quote) {
                break;
            }
            loop {
                if let Some(c) = self.cursor.next_break() {
                    gap.push_break(c);
                    continue;
                }
                let Some(c) = self.cursor.peek().filter(|&c| is_blank(c)) else { break };
                self.cursor.next();
                if !gap.broken {
                    gap.blanks.push(c);
                }
            }
            gap.fold_into(&mut text);
        }
        self.cursor.next();
        self.push(TokenKind::Scalar(text, Style::Text), start);
        Ok(())
    }

    /// The character that an escape stands for.
    fn escape(&mut self, start: Mark) -> Result<char, SyntaxError> {
        let Some(name) = self.cursor.peek_at(1) else {
            return Err(self.error("found unexpected end of stream", start));
        };
        let c = match name {
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            ' ' | '"' | '/' | '\\' => name,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' | 'u' | 'U' => return self.numbered_escape(name, start),
            _ => return Err(self.error("found unknown escape character", start)),
        };
        self.cursor.skip(2);
        Ok(c)
    }

    fn numbered_escape(&mut self, name: char, start: Mark) -> Result<char, SyntaxError> {
        let length = match name {
            'x' => 2,
            'u' => 4,
            _ => 8,
        };
        self.cursor.skip(2);
        let code = self.hexadecimal(length, start)?;
        char::from_u32(code).ok_or_else(|| self.error("found invalid Unicode character escape code", start))
    }

    fn hexadecimal(&mut self, length: usize, start: Mark) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for ahead in 0..length {
            let Some(digit) = self.cursor.peek_at(ahead).and_then(|c| c.to_digit(16)) else {
                return Err(self.error("did not find expected hexdecimal number", start));
            };
            code = (code << 4) | digit;
        }
        self.cursor.skip(length);
        Ok(code)
    }

    pub(super) fn block_scalar(&mut self, literal: bool) -> Result<(), SyntaxError> {
        let start = self.cursor.at.mark;
        self.cursor.next();
        let mut keeps = None;
        let mut indent = None;
        // The two indicators come in any order.
        for _ in 0..2 {
            match self.cursor.peek() {
                Some(c @ ('+' | '-')) if keeps.is_none() => keeps = Some(c == '+'),
                Some('0') if indent.is_none() => {
                    return Err(self.error("found an indentation indicator equal to 0", start));
                }
                Some(c @ '1'..='9') if indent.is_none() => indent = c.to_digit(10),
                _ => break,
            }
            self.cursor.next();
        }
        self.cursor.skip_while(is_blank);
        if self.cursor.peek() == Some('#') {
            self.cursor.skip_while(|c| !is_break(c));
        }
        if self.cursor.peek().is_some_and(|c| !is_break(c)) {
            return Err(self.error("did not find expected comment or line break", start));
        }
        self.cursor.next_break();
        let parent = usize::try_from(self.indent).unwrap_or_default();
        let mut end = self.cursor.at.mark;
        let mut breaks = String::new();
        let indent = match indent {
            Some(more) => {
                let indent = parent + more as usize;
                self.block_breaks(Some(indent), &mut breaks, start, &mut end)?;
                indent
            }
            None => {
                let deepest = self.block_breaks(None, &mut breaks, start, &mut end)?;
                deepest.max(usize::try_from(self.indent + 1).unwrap_or_default()).max(1)
            }
        };
        let mut text = String::new();
        let mut line_break: Option<char> = None;
        let mut after_blank = false;
        while self.cursor.at.column == indent && self.cursor.peek().is_some() {
            let is_indented = self.cursor.peek().is_some_and(is_blank);
            match line_break.take() {
                // Two lines that begin with words fold.
                Some('\n') if !literal && !after_blank && !is_indented => {
                    if breaks.is_empty() {
                        text.push(' ');
                    }
                }
                other => text.extend(other),
            }
            text.push_str(&breaks);
            breaks.clear();
            after_blank = is_indented;
            while let Some(c) = self.cursor.peek().filter(|&c| !is_break(c)) {
                text.push(c);
                self.cursor.next();
            }
            line_break = self.cursor.next_break();
            self.block_breaks(Some(indent), &mut breaks, start, &mut end)?;
        }
        if keeps != Some(false) {
            text.extend(line_break);
        }
        if keeps == Some(true) {
            text.push_str(&breaks);
        }
        self.push_until(TokenKind::Scalar(text, Style::Text), start, end);
        Ok(())
    }

    /// Passes the indentation of a block's lines, and lines without more; the deepest indentation seen.
    fn block_breaks(
        &mut self,
        indent: Option<usize>,
        breaks: &mut String,
        start: Mark,
        end: &mut Mark,
    ) -> Result<usize, SyntaxError> {
        let mut deepest = 0;
        *end = self.cursor.at.mark;
        loop {
            let is_indentation = |column: usize| indent.is_none_or(|indent| column < indent);
            while is_indentation(self.cursor.at.column) && self.cursor.peek() == Some(' ') {
                self.cursor.next();
            }
            deepest = deepest.max(self.cursor.at.column);
            if is_indentation(self.cursor.at.column) && self.cursor.peek() == Some('\t') {
                let problem = "found a tab character where an indentation space is expected";
                return Err(self.error(problem, start));
            }
            let Some(c) = self.cursor.next_break() else { return Ok(deepest) };
            breaks.push(c);
            *end = self.cursor.at.mark;
        }
    }
}
