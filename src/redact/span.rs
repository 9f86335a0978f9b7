//! The parts of a text that are secret.

use std::borrow::Cow;
use std::ops::Range;

use super::STARS;

/// Byte ranges of a text, in any order; they may overlap.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<Range<usize>>);

impl Spans {
    pub(super) fn add(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.0.push(range);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges in order, each joined with those it overlaps.
    fn merged(mut self) -> Vec<Range<usize>> {
        self.0.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(self.0.len());
        for range in self.0 {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }

    /// The text with [`STARS`] in place of each range.
    pub(super) fn replaced(self, text: &str) -> Cow<'_, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for range in self.merged() {
            shown.push_str(&text[at..range.start]);
            shown.push_str(STARS);
            at = range.end;
        }
        shown.push_str(&text[at..]);
        Cow::Owned(shown)
    }

    /// The text with as many stars as bytes in place of each range; white space stays.
    pub(super) fn covered(self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for range in self.merged() {
            shown.push_str(&text[at..range.start]);
            for c in text[range.clone()].chars() {
                match c.is_whitespace() {
                    true => shown.push(c),
                    false => shown.extend(std::iter::repeat_n('*', c.len_utf8())),
                }
            }
            at = range.end;
        }
        shown + &text[at..]
    }
}
