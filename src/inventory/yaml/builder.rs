//! From a YAML text to a tree, iteratively, within bounds on depth and on what aliases may multiply.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::Value;

use super::anchors::AnchorNames;
use super::node::{Content, Entry, Node};
use super::scalar;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::source::{Mark, Source};

/// Deeper documents are refused.
const MAX_DEPTH: usize = 128;
/// More values than this are no inventory.
const MAX_NODES: usize = 1_000_000;
/// What aliases may add to a document, in nodes.
const MAX_ALIASED: usize = 1_000_000;

/// The one document of a file; `None` if it is empty. Duplicate keys go to `warnings`, the last one counts.
pub(in crate::inventory) fn parse(
    source: &Source,
    warnings: &mut Vec<String>,
) -> Result<Option<Rc<Node>>, Diagnostic> {
    refuse_unprintable(source)?;
    let json = source.text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(&source.text).is_ok();
    let mut builder = Builder {
        source,
        json,
        warnings,
        open: Vec::new(),
        anchors: HashMap::new(),
        names: AnchorNames::default(),
        aliased: 0,
        nodes: 0,
        root: None,
        documents: 0,
    };
    let mut parser = Parser::new_from_str(&source.text);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| explain(source, mark_of(error.marker()), error.info()))?;
        builder.take(event, mark_of(&span.start))?;
    }
    Ok(builder.root.filter(|root| !root.is_null()))
}

fn mark_of(marker: &Marker) -> Mark {
    Mark::new(marker.line().max(1), marker.col() + 1)
}

fn explain(source: &Source, mark: Mark, info: &str) -> Diagnostic {
    let line = source.text.split('\n').nth(mark.line - 1).unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    let help = if indent.contains('\t') {
        "YAML is indented with spaces; replace the tab"
    } else if info.contains("must be followed by") && line.contains(":\t") {
        "write a blank behind the colon instead of the tab"
    } else if info.contains("quote") || info.contains("end of stream") {
        "close the quote or bracket that is still open"
    } else {
        "mend the YAML here; quote values that hold `: `, `#`, `{{`, `*`, `&` or `@`"
    };
    if info.contains("recursion limit") {
        return source.complain(mark, "nested too deep", "no inventory needs that; flatten it");
    }
    source.complain(mark, format!("not valid YAML: {info}"), help)
}

fn refuse_unprintable(source: &Source) -> Result<(), Diagnostic> {
    let unprintable = |c: char| !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let Some(at) = source.text.find(unprintable) else { return Ok(()) };
    let before = &source.text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = "a control character, which YAML does not allow";
    Err(source.complain(Mark::new(line, column), message, "remove it, or write it as an escape in quotes"))
}

/// A collection whose end has not come yet.
struct Open {
    mark: Mark,
    /// Under `!unsafe`.
    untrusted: bool,
    anchor: usize,
    content: Partial,
}

enum Partial {
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>, Option<Rc<Node>>),
}

struct Builder<'a> {
    source: &'a Source,
    json: bool,
    warnings: &'a mut Vec<String>,
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    names: AnchorNames<'a>,
    aliased: usize,
    nodes: usize,
    root: Option<Rc<Node>>,
    documents: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Diagnostic> {
        if let Event::Scalar(_, _, 1.., _) | Event::SequenceStart(1.., _) | Event::MappingStart(1.., _) =
            &event
            && let Some(name) = self.names.second(&self.source.text, mark)
        {
            let message = format!("a second anchor `&{name}`, which PyYAML refuses");
            return Err(self.complain(mark, message, "give each anchor a name of its own"));
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a second YAML document";
                    return Err(self.complain(mark, message, "remove the `---`, or split the file"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let content = self.scalar(&text, style, tag.as_deref(), mark)?;
                let untrusted = self.is_untrusted(tag.as_deref());
                self.place(Rc::new(Node { mark, content, size: 1, depth: 1, untrusted }), anchor)
            }
            Event::Alias(id) => self.alias(id, mark),
            Event::SequenceStart(anchor, tag) => {
                self.begin(mark, anchor, tag.as_deref(), "seq", Partial::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(mark, anchor, tag.as_deref(), "map", Partial::Mapping(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn complain(&self, mark: Mark, message: impl Into<String>, help: &str) -> Diagnostic {
        self.source.complain(mark, message, help)
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        mark: Mark,
    ) -> Result<Content, Diagnostic> {
        let Some(tag) = tag else {
            return Ok(match style {
                ScalarStyle::Plain if text == "<<" => Content::Merge,
                ScalarStyle::Plain if text == "=" => {
                    return Err(self.complain(mark, "a plain `=`, which PyYAML does not take", "quote it"));
                }
                ScalarStyle::Plain if self.json => Content::Scalar(scalar::resolve_json(text)),
                ScalarStyle::Plain => Content::Scalar(scalar::resolve(text)),
                _ => Content::Scalar(Value::String(text.to_owned())),
            });
        };
        let name = name_of(tag);
        let value = match name.as_str() {
            "str" => Value::String(text.to_owned()),
            "!" if style == ScalarStyle::Plain => scalar::resolve(text),
            "!" => Value::String(text.to_owned()),
            "!vault" | "!vault-encrypted" => return Ok(Content::Vault(text.to_owned())),
            "!unsafe" => scalar::resolve(text),
            "null" => Value::Null,
            "int" | "float" | "bool" | "timestamp" => scalar::typed(&name, text).ok_or_else(|| {
                let message = format!("not a value of type `{name}`");
                self.complain(mark, message, "write such a value, or remove the tag")
            })?,
            _ => return Err(self.unknown_tag(&name, mark)),
        };
        Ok(Content::Scalar(value))
    }

    fn unknown_tag(&self, name: &str, mark: Mark) -> Diagnostic {
        let message = format!("the tag `{name}` is not supported");
        self.complain(mark, message, "use `!vault` or `!unsafe`, or remove the tag")
    }

    fn begin(
        &mut self,
        mark: Mark,
        anchor: usize,
        tag: Option<&Tag>,
        own: &str,
        content: Partial,
    ) -> Result<(), Diagnostic> {
        if let Some(name) = tag.map(name_of).filter(|name| name != own && name != "!" && name != "!unsafe") {
            return Err(self.unknown_tag(&name, mark));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(mark));
        }
        let untrusted = self.is_untrusted(tag);
        self.open.push(Open { mark, untrusted, anchor, content });
        Ok(())
    }

    /// Whether a node with this tag is `!unsafe`, itself or through what it is part of.
    fn is_untrusted(&self, tag: Option<&Tag>) -> bool {
        tag.is_some_and(|tag| name_of(tag) == "!unsafe")
            || self.open.last().is_some_and(|open| open.untrusted)
    }

    fn too_deep(&self, mark: Mark) -> Diagnostic {
        let message = format!("nested deeper than {MAX_DEPTH} levels");
        self.complain(mark, message, "no inventory needs that; flatten it")
    }

    fn end(&mut self) -> Result<(), Diagnostic> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let content = match open.content {
            Partial::Sequence(items) => Content::Sequence(items),
            Partial::Mapping(entries, _) => Content::Mapping(self.settle(entries)?),
        };
        let (mut size, mut depth) = (1_usize, 0);
        let mut count = |node: &Node| {
            size = size.saturating_add(node.size);
            depth = depth.max(node.depth);
        };
        match &content {
            Content::Sequence(items) => items.iter().for_each(|item| count(item)),
            Content::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                count(key);
                count(value);
            }),
            Content::Scalar(_) | Content::Vault(_) | Content::Merge => {}
        }
        if depth >= MAX_DEPTH {
            return Err(self.too_deep(open.mark));
        }
        self.place(
            Rc::new(Node { mark: open.mark, content, size, depth: depth + 1, untrusted: open.untrusted }),
            open.anchor,
        )
    }

    fn alias(&mut self, id: usize, mark: Mark) -> Result<(), Diagnostic> {
        let Some(target) = self.anchors.get(&id).map(Rc::clone) else {
            let message = "an alias inside the very value it refers to";
            return Err(self.complain(mark, message, "write the value out"));
        };
        self.aliased = self.aliased.saturating_add(target.size);
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases multiply this file beyond {MAX_ALIASED} values");
            return Err(self.complain(mark, message, "write the values out, or use fewer nested aliases"));
        }
        self.place(target, 0)
    }

    fn place(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values");
            return Err(self.complain(node.mark, message, "this is no inventory; check the path"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Partial::Sequence(items)) => items.push(node),
            Some(Partial::Mapping(entries, key)) => match key.take() {
                Some(key) => entries.push((key, node)),
                None if matches!(node.content, Content::Scalar(_) | Content::Merge) => *key = Some(node),
                None => {
                    let help = "quote the value if it is a template: \"{{ … }}\"";
                    return Err(self.complain(node.mark, format!("{} as a key", node.kind()), help));
                }
            },
        }
        Ok(())
    }

    /// Merges done, duplicates gone: own keys before merged ones, later own keys before earlier ones.
    fn settle(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, Diagnostic> {
        let mut settled: Vec<Entry> = Vec::with_capacity(entries.len());
        let mut index: HashMap<String, usize> = HashMap::with_capacity(entries.len());
        let mut merges: Vec<Rc<Node>> = Vec::new();
        for (key, value) in entries {
            if matches!(key.content, Content::Merge) {
                merges.push(value);
                continue;
            }
            let name = key.as_key();
            match index.get(&name) {
                Some(&at) => {
                    self.warnings.push(format!(
                        "{}:{}:{}: key `{name}` is given twice; the last one counts",
                        self.source.path.display(),
                        key.mark.line,
                        key.mark.column
                    ));
                    settled[at] = (key, value);
                }
                None => {
                    index.insert(name, settled.len());
                    settled.push((key, value));
                }
            }
        }
        // Of two merge keys the later one counts; within one list the earlier mapping does.
        for merge in merges.iter().rev() {
            let mappings = merge.items().unwrap_or(std::slice::from_ref(merge));
            for mapping in mappings {
                let Some(entries) = mapping.entries() else {
                    let message = format!("`<<` merges mappings, and this is {}", mapping.kind());
                    return Err(self.complain(
                        mapping.mark,
                        message,
                        "give a mapping, or a list of mappings",
                    ));
                };
                for (key, value) in entries {
                    if let std::collections::hash_map::Entry::Vacant(free) = index.entry(key.as_key()) {
                        free.insert(settled.len());
                        settled.push((Rc::clone(key), Rc::clone(value)));
                    }
                }
            }
        }
        Ok(settled)
    }
}

/// `!vault`, or `str` for `!!str`.
fn name_of(tag: &Tag) -> String {
    let full = format!("{}{}", tag.handle, tag.suffix);
    match full.strip_prefix("tag:yaml.org,2002:") {
        Some(core) => core.to_owned(),
        None => full,
    }
}
