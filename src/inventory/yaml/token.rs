//! What a YAML text is made of, before it is known how it nests.

use crate::inventory::source::Mark;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes: its text decides on its type.
    Plain,
    /// In quotes, or as a block: a text.
    Text,
}

/// A token and where it stands.
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

/// What a token is.
#[derive(Debug, PartialEq)]
pub(super) enum TokenKind {
    StreamEnd,
    /// `%YAML 1.1`
    VersionDirective(u32, u32),
    /// `%TAG ! tag:example.org,2000:`
    TagDirective {
        handle: String,
        prefix: String,
    },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    /// Without a handle, the suffix is the whole tag.
    Tag {
        handle: String,
        suffix: String,
    },
    Scalar(String, Style),
}

/// Why a text is not YAML.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// What is wrong, in libyaml's words.
    pub(super) problem: &'static str,
    /// Where.
    pub(super) mark: Mark,
    /// Where what it is part of begins.
    pub(super) begin: Mark,
}
