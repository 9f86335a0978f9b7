//! JSON, which Ansible tries before YAML: keys of any length, tabs anywhere, and characters as pairs of surrogates.

use super::cursor::Cursor;
use super::parser::{Event, Parsed, Properties};
use super::token::Style;

/// Whether a text is a mapping or a list in JSON.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Reads the events of a text that is JSON.
pub(super) struct JsonReader<'a> {
    text: &'a str,
    cursor: Cursor<'a>,
    has_begun: bool,
}

impl<'a> JsonReader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        JsonReader { text, cursor: Cursor::new(text), has_begun: false }
    }

    pub(super) fn next(&mut self) -> Parsed {
        while self.cursor.peek().is_some_and(|c| c.is_ascii_whitespace() || matches!(c, ',' | ':')) {
            if self.cursor.next_break().is_none() {
                self.cursor.next();
            }
        }
        let at = self.cursor.at;
        if !std::mem::replace(&mut self.has_begun, true) {
            return Ok((Event::DocumentStart, at.mark));
        }
        let event = match self.cursor.next() {
            None => Event::StreamEnd,
            Some('{') => Event::MappingStart(Properties::default()),
            Some('}') => Event::MappingEnd,
            Some('[') => Event::SequenceStart(Properties::default()),
            Some(']') => Event::SequenceEnd,
            Some('"') => {
                loop {
                    match self.cursor.next() {
                        Some('\\') => drop(self.cursor.next()),
                        Some('"') | None => break,
                        Some(_) => {}
                    }
                }
                let text = &self.text[at.byte..self.cursor.at.byte];
                let text = serde_json::from_str(text).unwrap_or_default();
                Event::Scalar(text, Style::Text, Properties::default())
            }
            Some(_) => {
                self.cursor.skip_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'));
                let text = self.text[at.byte..self.cursor.at.byte].to_owned();
                Event::Scalar(text, Style::Plain, Properties::default())
            }
        };
        Ok((event, at.mark))
    }
}
