//! Directives, tags, anchors and aliases.

use super::cursor::{ends_word, is_blank, is_break};
use super::scanner::Scanner;
use super::token::{SyntaxError, TokenKind};
use crate::inventory::source::Mark;

/// The longest number of a `%YAML` directive, in digits.
const LONGEST_VERSION: usize = 9;

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

impl Scanner<'_> {
    pub(super) fn directive(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.at.mark;
        self.cursor.next();
        let name = self.word();
        if name.is_empty() {
            return Err(self.error("could not find expected directive name", start));
        }
        if !ends_word(self.cursor.peek()) {
            return Err(self.error("found unexpected non-alphabetical character", start));
        }
        let kind = match name.as_str() {
            "YAML" => {
                self.cursor.skip_while(is_blank);
                let major = self.version(start)?;
                if self.cursor.peek() != Some('.') {
                    return Err(self.error("did not find expected digit or '.' character", start));
                }
                self.cursor.next();
                TokenKind::VersionDirective(major, self.version(start)?)
            }
            "TAG" => self.tag_directive(start)?,
            _ => return Err(self.error("found unknown directive name", start)),
        };
        self.push(kind, start);
        self.cursor.skip_while(is_blank);
        if self.cursor.peek() == Some('#') {
            self.cursor.skip_while(|c| !is_break(c));
        }
        if self.cursor.peek().is_some_and(|c| !is_break(c)) {
            return Err(self.error("did not find expected comment or line break", start));
        }
        self.cursor.next_break();
        Ok(())
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.cursor.peek().filter(|&c| is_word(c)) {
            word.push(c);
            self.cursor.next();
        }
        word
    }

    fn version(&mut self, start: Mark) -> Result<u32, SyntaxError> {
        let mut digits = String::new();
        while let Some(c) = self.cursor.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            if digits.len() > LONGEST_VERSION {
                return Err(self.error("found extremely long version number", start));
            }
            self.cursor.next();
        }
        digits.parse().map_err(|_| self.error("did not find expected version number", start))
    }

    fn tag_directive(&mut self, start: Mark) -> Result<TokenKind, SyntaxError> {
        self.cursor.skip_while(is_blank);
        let handle = self.handle(true, start)?;
        if !self.cursor.peek().is_some_and(is_blank) {
            return Err(self.error("did not find expected whitespace", start));
        }
        self.cursor.skip_while(is_blank);
        let prefix = self.uri(String::new(), true, start)?;
        if !ends_word(self.cursor.peek()) {
            return Err(self.error("did not find expected whitespace or line break", start));
        }
        Ok(TokenKind::TagDirective { handle, prefix })
    }

    pub(super) fn anchor(&mut self, is_alias: bool) -> Result<(), SyntaxError> {
        let start = self.cursor.at.mark;
        self.cursor.next();
        let name = self.word();
        let next = self.cursor.peek();
        let ends = ends_word(next) || matches!(next, Some('?' | ':' | ',' | ']' | '}' | '%' | '@' | '`'));
        if name.is_empty() || !ends {
            return Err(self.error("did not find expected alphabetic or numeric character", start));
        }
        self.push(if is_alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) }, start);
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.at.mark;
        let (handle, suffix) = if self.cursor.peek_at(1) == Some('<') {
            self.cursor.skip(2);
            let suffix = self.uri(String::new(), true, start)?;
            if self.cursor.peek() != Some('>') {
                return Err(self.error("did not find the expected '>'", start));
            }
            self.cursor.next();
            (String::new(), suffix)
        } else {
            let handle = self.handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.uri(String::new(), false, start)?;
                (handle, suffix)
            } else {
                // It was none, but the beginning of the suffix; `!` alone is a tag by itself.
                match self.suffix(&handle, start)? {
                    suffix if suffix.is_empty() => (String::new(), "!".to_owned()),
                    suffix => ("!".to_owned(), suffix),
                }
            }
        };
        let next = self.cursor.peek();
        let ends = ends_word(next) || (self.flow_level > 0 && next == Some(','));
        if !ends {
            return Err(self.error("did not find expected whitespace or line break", start));
        }
        self.push(TokenKind::Tag { handle, suffix }, start);
        Ok(())
    }

    fn suffix(&mut self, handle: &str, start: Mark) -> Result<String, SyntaxError> {
        let begun = handle[1..].to_owned();
        match self.cursor.peek().is_some_and(|c| is_uri(c, false)) {
            true => self.uri(begun, false, start),
            false => Ok(begun),
        }
    }

    /// `!`, `!!` or `!name!`; in a tag also `!name`, which is none.
    fn handle(&mut self, directive: bool, start: Mark) -> Result<String, SyntaxError> {
        if self.cursor.peek() != Some('!') {
            return Err(self.error("did not find expected '!'", start));
        }
        self.cursor.next();
        let mut handle = format!("!{}", self.word());
        if self.cursor.peek() == Some('!') {
            self.cursor.next();
            handle.push('!');
        } else if directive && handle != "!" {
            return Err(self.error("did not find expected '!'", start));
        }
        Ok(handle)
    }

    /// The rest of a URI that has begun; `whole` ones may hold commas and brackets.
    fn uri(&mut self, mut uri: String, whole: bool, start: Mark) -> Result<String, SyntaxError> {
        let begun = uri.len();
        let mut bytes = std::mem::take(&mut uri).into_bytes();
        while let Some(c) = self.cursor.peek().filter(|&c| is_uri(c, whole)) {
            if c == '%' {
                let digit = |ahead| self.cursor.peek_at(ahead).and_then(|c| c.to_digit(16));
                let (Some(high), Some(low)) = (digit(1), digit(2)) else {
                    return Err(self.error("did not find URI escaped octet", start));
                };
                bytes.extend(u8::try_from(high * 16 + low));
                self.cursor.skip(3);
            } else {
                bytes.extend(u8::try_from(c));
                self.cursor.next();
            }
        }
        if bytes.is_empty() && begun == 0 {
            return Err(self.error("did not find expected tag URI", start));
        }
        String::from_utf8(bytes).map_err(|_| self.error("found an incorrect trailing UTF-8 octet", start))
    }
}

fn is_uri(c: char, whole: bool) -> bool {
    is_word(c) || ";/?:@&=+$.%!~*'()".contains(c) || (whole && ",[]".contains(c))
}
