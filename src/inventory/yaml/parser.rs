//! From tokens to events: how a YAML text nests. The grammar is libyaml's.

use super::scanner::Scanner;
use super::token::{Style, SyntaxError, TokenKind};
use crate::inventory::source::Mark;

/// What stands before a node.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) anchor: Option<String>,
    /// The whole tag, its handle resolved.
    pub(super) tag: Option<String>,
}

/// A part of a document.
pub(super) enum Event {
    DocumentStart,
    DocumentEnd,
    Alias(String),
    Scalar(String, Style, Properties),
    SequenceStart(Properties),
    SequenceEnd,
    MappingStart(Properties),
    MappingEnd,
    StreamEnd,
}

/// What is expected next.
#[derive(Clone, Copy)]
enum State {
    /// A document, which needs no `---` where it is the first one.
    Document {
        first: bool,
    },
    DocumentContent,
    DocumentEnd,
    Block,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceEntry {
        first: bool,
    },
    /// The key of a mapping of one pair within a flow sequence.
    PairKey,
    PairValue,
    PairEnd,
    FlowMappingKey {
        first: bool,
    },
    FlowMappingValue,
    FlowMappingNoValue,
    End,
}

/// An event and where it begins.
pub(super) type Parsed = Result<(Event, Mark), SyntaxError>;

/// Reads events, each with the place where it begins.
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// What follows when the node at hand is complete.
    after: Vec<State>,
    /// Where the open collections begin.
    begins: Vec<Mark>,
    /// Handles of tags, and what they stand for.
    handles: Vec<(String, String)>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Parser {
            scanner: Scanner::new(text),
            state: State::Document { first: true },
            after: Vec::new(),
            begins: Vec::new(),
            handles: Vec::new(),
        }
    }

    /// The next event. Behind the end of the stream there is nothing but its end.
    pub(super) fn next(&mut self) -> Parsed {
        match self.state {
            State::Document { first } => self.document(first),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::Block => self.node(true, false),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceEntry { first } => self.flow_sequence_entry(first),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => {
                self.state = State::FlowSequenceEntry { first: false };
                Ok((Event::MappingEnd, self.mark()?))
            }
            State::FlowMappingKey { first } => self.flow_mapping_key(first),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingNoValue => {
                self.state = State::FlowMappingKey { first: false };
                Ok(nothing(self.mark()?))
            }
            State::End => Ok((Event::StreamEnd, self.mark()?)),
        }
    }

    fn sees(&mut self, is_it: impl Fn(&TokenKind) -> bool) -> Result<bool, SyntaxError> {
        Ok(is_it(&self.scanner.peek()?.kind))
    }

    /// Where the next token begins.
    fn mark(&mut self) -> Result<Mark, SyntaxError> {
        Ok(self.scanner.peek()?.start)
    }

    /// Passes the next token, and gives where it ends.
    fn skip(&mut self) -> Result<Mark, SyntaxError> {
        Ok(self.scanner.next()?.end)
    }

    fn refuse<T>(&mut self, problem: &'static str, begin: Option<Mark>) -> Result<T, SyntaxError> {
        let mark = self.mark()?;
        Err(SyntaxError { problem, mark, begin: begin.unwrap_or(mark) })
    }

    fn pop(&mut self) -> State {
        self.after.pop().unwrap_or(State::End)
    }

    fn document(&mut self, first: bool) -> Parsed {
        while !first && self.sees(|kind| *kind == TokenKind::DocumentEnd)? {
            self.skip()?;
        }
        let begin = self.mark()?;
        if self.sees(|kind| *kind == TokenKind::StreamEnd)? {
            self.state = State::End;
            return Ok((Event::StreamEnd, begin));
        }
        let is_marked = |kind: &TokenKind| {
            use TokenKind::{DocumentStart, TagDirective, VersionDirective};
            matches!(kind, VersionDirective(..) | TagDirective { .. } | DocumentStart)
        };
        let is_bare = first && !self.sees(is_marked)?;
        self.directives()?;
        self.after.push(State::DocumentEnd);
        if is_bare {
            self.state = State::Block;
            return Ok((Event::DocumentStart, begin));
        }
        if !self.sees(|kind| *kind == TokenKind::DocumentStart)? {
            return self.refuse("did not find expected <document start>", None);
        }
        self.skip()?;
        self.state = State::DocumentContent;
        Ok((Event::DocumentStart, begin))
    }

    fn directives(&mut self) -> Result<(), SyntaxError> {
        let mut has_version = false;
        loop {
            let token = self.scanner.peek()?;
            let mark = token.start;
            let refuse = |problem| Err(SyntaxError { problem, mark, begin: mark });
            match &token.kind {
                TokenKind::VersionDirective(..) if has_version => {
                    return refuse("found duplicate %YAML directive");
                }
                TokenKind::VersionDirective(1, 1 | 2) => has_version = true,
                TokenKind::VersionDirective(..) => return refuse("found incompatible YAML document"),
                TokenKind::TagDirective { handle, prefix } => {
                    if self.handles.iter().any(|(known, _)| known == handle) {
                        return refuse("found duplicate %TAG directive");
                    }
                    self.handles.push((handle.clone(), prefix.clone()));
                }
                _ => break,
            }
            self.skip()?;
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.handles.iter().any(|(known, _)| known == handle) {
                self.handles.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(())
    }

    fn document_content(&mut self) -> Parsed {
        let is_empty = |kind: &TokenKind| {
            use TokenKind::{DocumentEnd, DocumentStart, StreamEnd, TagDirective, VersionDirective};
            matches!(
                kind,
                VersionDirective(..) | TagDirective { .. } | DocumentStart | DocumentEnd | StreamEnd
            )
        };
        if self.sees(is_empty)? {
            self.state = self.pop();
            return Ok(nothing(self.mark()?));
        }
        self.node(true, false)
    }

    fn document_end(&mut self) -> Parsed {
        let mark = self.mark()?;
        if self.sees(|kind| *kind == TokenKind::DocumentEnd)? {
            self.skip()?;
        }
        self.handles.clear();
        self.state = State::Document { first: false };
        Ok((Event::DocumentEnd, mark))
    }

    /// A node: an alias, a scalar or the beginning of a collection. As a mapping's value a sequence need not be indented.
    fn node(&mut self, in_block: bool, indentless: bool) -> Parsed {
        if self.sees(|kind| matches!(kind, TokenKind::Alias(_)))? {
            let token = self.scanner.next()?;
            let TokenKind::Alias(name) = token.kind else { return self.refuse(NO_CONTENT, None) };
            self.state = self.pop();
            return Ok((Event::Alias(name), token.start));
        }
        let begin = self.mark()?;
        let properties = self.properties(begin)?;
        let has_properties = properties.is_some();
        let properties = properties.unwrap_or_default();
        let token = self.scanner.peek()?;
        match &token.kind {
            TokenKind::BlockEntry if indentless => {
                self.state = State::IndentlessSequenceEntry;
                Ok((Event::SequenceStart(properties), begin))
            }
            TokenKind::Scalar(..) => {
                let token = self.scanner.next()?;
                let TokenKind::Scalar(text, style) = token.kind else {
                    return self.refuse(NO_CONTENT, None);
                };
                self.state = self.pop();
                // `! text` means that the text decides, quoted or not.
                let (style, properties) = match properties.tag.as_deref() {
                    Some("!") => (Style::Plain, Properties { tag: None, ..properties }),
                    _ => (style, properties),
                };
                Ok((Event::Scalar(text, style, properties), begin))
            }
            TokenKind::FlowSequenceStart => {
                self.begins.push(token.start);
                self.skip()?;
                self.state = State::FlowSequenceEntry { first: true };
                Ok((Event::SequenceStart(properties), begin))
            }
            TokenKind::FlowMappingStart => {
                self.begins.push(token.start);
                self.skip()?;
                self.state = State::FlowMappingKey { first: true };
                Ok((Event::MappingStart(properties), begin))
            }
            TokenKind::BlockSequenceStart if in_block => {
                self.begins.push(token.start);
                self.skip()?;
                self.state = State::BlockSequenceEntry;
                Ok((Event::SequenceStart(properties), begin))
            }
            TokenKind::BlockMappingStart if in_block => {
                self.begins.push(token.start);
                self.skip()?;
                self.state = State::BlockMappingKey;
                Ok((Event::MappingStart(properties), begin))
            }
            _ if has_properties => {
                self.state = self.pop();
                // `!` in front of nothing makes an empty text of it.
                let (style, properties) = match properties.tag.as_deref() {
                    Some("!") => (Style::Text, Properties { tag: None, ..properties }),
                    _ => (Style::Plain, properties),
                };
                Ok((Event::Scalar(String::new(), style, properties), begin))
            }
            _ => {
                let begin = self.begins.last().copied();
                self.refuse(NO_CONTENT, begin)
            }
        }
    }

    /// The anchor and the tag before a node, in any order; `None` where there is neither.
    fn properties(&mut self, begin: Mark) -> Result<Option<Properties>, SyntaxError> {
        let mut found = Properties::default();
        loop {
            let token = self.scanner.peek()?;
            match &token.kind {
                TokenKind::Anchor(name) if found.anchor.is_none() => found.anchor = Some(name.clone()),
                TokenKind::Tag { handle, suffix } if found.tag.is_none() => {
                    let known = self.handles.iter().find(|(known, _)| known == handle);
                    found.tag = match known {
                        _ if handle.is_empty() => Some(suffix.clone()),
                        Some((_, prefix)) => Some(format!("{prefix}{suffix}")),
                        None => {
                            let problem = "found undefined tag handle";
                            return Err(SyntaxError { problem, mark: token.start, begin });
                        }
                    };
                }
                _ => break,
            }
            self.skip()?;
        }
        let is_any = found.anchor.is_some() || found.tag.is_some();
        Ok(is_any.then_some(found))
    }

    /// Ends a collection, with its token.
    fn end(&mut self, event: Event) -> Parsed {
        self.state = self.pop();
        self.begins.pop();
        let mark = self.mark()?;
        self.skip()?;
        Ok((event, mark))
    }

    /// A node, and what follows it.
    fn node_then(&mut self, state: State, in_block: bool, indentless: bool) -> Parsed {
        self.after.push(state);
        self.node(in_block, indentless)
    }

    fn block_sequence_entry(&mut self) -> Parsed {
        use TokenKind::{BlockEnd, BlockEntry};
        if self.sees(|kind| *kind == BlockEnd)? {
            return self.end(Event::SequenceEnd);
        }
        if !self.sees(|kind| *kind == BlockEntry)? {
            let begin = self.begins.last().copied();
            return self.refuse("did not find expected '-' indicator", begin);
        }
        let mark = self.skip()?;
        if self.sees(|kind| matches!(kind, BlockEntry | BlockEnd))? {
            self.state = State::BlockSequenceEntry;
            return Ok(nothing(mark));
        }
        self.node_then(State::BlockSequenceEntry, true, false)
    }

    fn indentless_sequence_entry(&mut self) -> Parsed {
        use TokenKind::{BlockEnd, BlockEntry, Key, Value};
        if !self.sees(|kind| *kind == BlockEntry)? {
            self.state = self.pop();
            return Ok((Event::SequenceEnd, self.mark()?));
        }
        let mark = self.skip()?;
        if self.sees(|kind| matches!(kind, BlockEntry | Key | Value | BlockEnd))? {
            self.state = State::IndentlessSequenceEntry;
            return Ok(nothing(mark));
        }
        self.node_then(State::IndentlessSequenceEntry, true, false)
    }

    fn block_mapping_key(&mut self) -> Parsed {
        use TokenKind::{BlockEnd, Key, Value};
        if self.sees(|kind| *kind == BlockEnd)? {
            return self.end(Event::MappingEnd);
        }
        if !self.sees(|kind| *kind == Key)? {
            let begin = self.begins.last().copied();
            return self.refuse("did not find expected key", begin);
        }
        let mark = self.skip()?;
        if self.sees(|kind| matches!(kind, Key | Value | BlockEnd))? {
            self.state = State::BlockMappingValue;
            return Ok(nothing(mark));
        }
        self.node_then(State::BlockMappingValue, true, true)
    }

    fn block_mapping_value(&mut self) -> Parsed {
        use TokenKind::{BlockEnd, Key, Value};
        if !self.sees(|kind| *kind == Value)? {
            self.state = State::BlockMappingKey;
            return Ok(nothing(self.mark()?));
        }
        let mark = self.skip()?;
        if self.sees(|kind| matches!(kind, Key | Value | BlockEnd))? {
            self.state = State::BlockMappingKey;
            return Ok(nothing(mark));
        }
        self.node_then(State::BlockMappingKey, true, true)
    }

    /// Passes the comma between two entries.
    fn comma(&mut self, problem: &'static str) -> Result<(), SyntaxError> {
        if !self.sees(|kind| *kind == TokenKind::FlowEntry)? {
            let begin = self.begins.last().copied();
            return self.refuse(problem, begin);
        }
        self.skip()?;
        Ok(())
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Parsed {
        use TokenKind::{FlowSequenceEnd, Key};
        if !first && !self.sees(|kind| *kind == FlowSequenceEnd)? {
            self.comma("did not find expected ',' or ']'")?;
        }
        if self.sees(|kind| *kind == FlowSequenceEnd)? {
            return self.end(Event::SequenceEnd);
        }
        if self.sees(|kind| *kind == Key)? {
            let mark = self.mark()?;
            self.skip()?;
            self.state = State::PairKey;
            return Ok((Event::MappingStart(Properties::default()), mark));
        }
        self.node_then(State::FlowSequenceEntry { first: false }, false, false)
    }

    fn pair_key(&mut self) -> Parsed {
        use TokenKind::{FlowEntry, FlowSequenceEnd, Value};
        if self.sees(|kind| matches!(kind, Value | FlowEntry | FlowSequenceEnd))? {
            self.state = State::PairValue;
            return Ok(nothing(self.skip()?));
        }
        self.node_then(State::PairValue, false, false)
    }

    fn pair_value(&mut self) -> Parsed {
        use TokenKind::{FlowEntry, FlowSequenceEnd, Value};
        if self.sees(|kind| *kind == Value)? {
            self.skip()?;
            if !self.sees(|kind| matches!(kind, FlowEntry | FlowSequenceEnd))? {
                return self.node_then(State::PairEnd, false, false);
            }
        }
        self.state = State::PairEnd;
        Ok(nothing(self.mark()?))
    }

    fn flow_mapping_key(&mut self, first: bool) -> Parsed {
        use TokenKind::{FlowEntry, FlowMappingEnd, Key, Value};
        if !first && !self.sees(|kind| *kind == FlowMappingEnd)? {
            self.comma("did not find expected ',' or '}'")?;
        }
        if self.sees(|kind| *kind == FlowMappingEnd)? {
            return self.end(Event::MappingEnd);
        }
        if !self.sees(|kind| *kind == Key)? {
            return self.node_then(State::FlowMappingNoValue, false, false);
        }
        self.skip()?;
        if self.sees(|kind| matches!(kind, Value | FlowEntry | FlowMappingEnd))? {
            self.state = State::FlowMappingValue;
            return Ok(nothing(self.mark()?));
        }
        self.node_then(State::FlowMappingValue, false, false)
    }

    fn flow_mapping_value(&mut self) -> Parsed {
        use TokenKind::{FlowEntry, FlowMappingEnd, Value};
        if self.sees(|kind| *kind == Value)? {
            self.skip()?;
            if !self.sees(|kind| matches!(kind, FlowEntry | FlowMappingEnd))? {
                return self.node_then(State::FlowMappingKey { first: false }, false, false);
            }
        }
        self.state = State::FlowMappingKey { first: false };
        Ok(nothing(self.mark()?))
    }
}

const NO_CONTENT: &str = "did not find expected node content";

/// A value that is not there, which is null.
fn nothing(mark: Mark) -> (Event, Mark) {
    (Event::Scalar(String::new(), Style::Plain, Properties::default()), mark)
}
