//! The names of anchors: PyYAML takes each but once in a document, and the parser's events do not tell them.

use std::collections::HashSet;

use crate::inventory::source::Mark;

/// The anchors seen so far.
#[derive(Default)]
pub(super) struct AnchorNames<'a> {
    lines: Vec<&'a str>,
    seen: HashSet<&'a str>,
}

impl<'a> AnchorNames<'a> {
    /// The name of the anchor of the node that begins here, if it was seen before.
    pub(super) fn second(&mut self, text: &'a str, mark: Mark) -> Option<&'a str> {
        if self.lines.is_empty() {
            self.lines = text.split('\n').collect();
        }
        let line = self.lines.get(mark.line - 1)?;
        let start = line.char_indices().nth(mark.column - 1)?.0;
        // A tag may stand before the anchor.
        let mut words = line[start..].split([' ', '\t', '\r', ',', '[', ']', '{', '}']);
        let name = words.find_map(|word| word.strip_prefix('&'))?;
        (!self.seen.insert(name)).then_some(name)
    }
}
