//! From a YAML text to a tree, iteratively, within bounds on depth and on what aliases may multiply.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use super::json::{JsonReader, is_json};
use super::node::{Content, Entry, Node};
use super::parser::{Event, Parser, Properties};
use super::scalar;
use super::token::{Style, SyntaxError};
use crate::inventory::ansible_core::{CoreLookup, CoreRules};
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::number::LONGEST_INTEGER;
use crate::inventory::source::{Mark, Source};

/// Deeper documents are refused.
const MAX_DEPTH: usize = 128;
/// More values than this are no inventory.
const MAX_NODES: usize = 1_000_000;
/// What aliases may add to a document, in nodes.
const MAX_ALIASED: usize = 1_000_000;

/// The one document of a file; `None` if it is empty. Duplicate keys go to `warnings`, the last one counts. `core` is asked
/// where releases of Ansible read otherwise.
pub(in crate::inventory) fn parse(
    source: &Source,
    core: &CoreLookup,
    warnings: &mut Vec<String>,
) -> Result<Option<Rc<Node>>, Diagnostic> {
    refuse_unprintable(source)?;
    let json = is_json(&source.text);
    let mut builder = Builder {
        source,
        core,
        json,
        warnings,
        open: Vec::new(),
        anchors: HashMap::new(),
        names: HashSet::new(),
        aliased: 0,
        nodes: 0,
        root: None,
        documents: 0,
    };
    let mut parser = Parser::new(&source.text);
    let mut reader = JsonReader::new(&source.text);
    loop {
        let next = if json { reader.next() } else { parser.next() };
        let (event, mark) = next.map_err(|error| explain(source, &error))?;
        if matches!(event, Event::StreamEnd) {
            break;
        }
        builder.take(event, mark)?;
    }
    Ok(builder.root.filter(|root| !root.is_null()))
}

fn explain(source: &Source, error: &SyntaxError) -> Diagnostic {
    let SyntaxError { problem, mark, begin } = *error;
    let line = source.text.split('\n').nth(mark.line - 1).unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    let is_over =
        source.text.split('\n').nth(mark.line).is_none() && mark.column > line.trim_end().chars().count();
    let (mark, help) = if indent.contains('\t') {
        (mark, "YAML is indented with spaces; replace the tab")
    } else if problem == "could not find expected ':'" {
        (begin, "end a key with a colon; quote a value that goes on in the next line")
    } else if begin != mark && (is_over || problem.contains("document indicator")) {
        (begin, "close the quote or bracket that is still open")
    } else {
        (mark, "mend the YAML here; quote values that hold `: `, `#`, `{{`, `*`, `&` or `@`")
    };
    source.complain_of_syntax(mark, format!("not valid YAML: {problem}"), help)
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
    /// Whether it is lost: ansible-core up to 2.18 leaves collections within an `!unsafe` one empty.
    lost: bool,
    anchor: Option<String>,
    content: Partial,
}

enum Partial {
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>, Option<Rc<Node>>),
}

struct Builder<'a> {
    source: &'a Source,
    core: &'a CoreLookup,
    json: bool,
    warnings: &'a mut Vec<String>,
    open: Vec<Open>,
    /// Nodes that are complete.
    anchors: HashMap<String, Rc<Node>>,
    /// The names of all anchors: PyYAML takes each but once in a document.
    names: HashSet<String>,
    aliased: usize,
    nodes: usize,
    root: Option<Rc<Node>>,
    documents: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event, mark: Mark) -> Result<(), Diagnostic> {
        match event {
            Event::DocumentStart => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a second YAML document";
                    return Err(self.complain(mark, message, "remove the `---`, or split the file"));
                }
                Ok(())
            }
            Event::Scalar(text, style, Properties { anchor, tag }) => {
                self.name(anchor.as_deref(), mark)?;
                let content = self.scalar(text, style, tag.as_deref(), mark)?;
                let untrusted = self.is_untrusted(tag.as_deref());
                self.place(Rc::new(Node { mark, content, size: 1, depth: 1, untrusted }), anchor)
            }
            Event::Alias(name) => self.alias(&name, mark),
            Event::SequenceStart(properties) => {
                self.begin(mark, properties, "seq", Partial::Sequence(Vec::new()))
            }
            Event::MappingStart(properties) => {
                self.begin(mark, properties, "map", Partial::Mapping(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// Takes the name of an anchor, which must be new.
    fn name(&mut self, anchor: Option<&str>, mark: Mark) -> Result<(), Diagnostic> {
        match anchor {
            Some(name) if !self.names.insert(name.to_owned()) => {
                let message = format!("a second anchor `&{name}`, which PyYAML refuses");
                Err(self.complain(mark, message, "give each anchor a name of its own"))
            }
            _ => Ok(()),
        }
    }

    fn complain(&self, mark: Mark, message: impl Into<String>, help: &str) -> Diagnostic {
        self.source.complain(mark, message, help)
    }

    fn scalar(
        &self,
        text: String,
        style: Style,
        tag: Option<&str>,
        mark: Mark,
    ) -> Result<Content, Diagnostic> {
        let Some(tag) = tag else {
            return Ok(match style {
                Style::Plain if text == "<<" => Content::Merge,
                // As a key it is a text.
                Style::Plain if text == "=" && !self.expects_key() => {
                    return Err(self.complain(mark, "a plain `=`, which PyYAML does not take", "quote it"));
                }
                Style::Plain if scalar::is_too_long(&text) => {
                    let message = format!("an integer of more than {LONGEST_INTEGER} digits");
                    return Err(self.complain(mark, message, "quote it; Python refuses to read it"));
                }
                Style::Plain if self.json => Content::Scalar(scalar::resolve_json(&text)),
                Style::Plain => Content::Scalar(scalar::resolve(&text)),
                Style::Text => Content::Scalar(Value::String(text)),
            });
        };
        let name = name_of(tag);
        let value = match name {
            "str" => Value::String(text),
            "!vault" | "!vault-encrypted" => return Ok(Content::Vault(text)),
            "!unsafe" => match scalar::resolve(&text) {
                value if value.is_string() => value,
                _ if self.core.rules() == CoreRules::UpTo2_18 => Value::String(text),
                value => value,
            },
            "null" => Value::Null,
            "int" | "float" | "bool" | "timestamp" => scalar::typed(name, &text).ok_or_else(|| {
                let message = format!("not a value of type `{name}`");
                self.complain(mark, message, "write such a value, or remove the tag")
            })?,
            _ => return Err(self.unknown_tag(name, mark)),
        };
        Ok(Content::Scalar(value))
    }

    /// Whether the next node is a key.
    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Partial::Mapping(_, None), .. }))
    }

    fn unknown_tag(&self, name: &str, mark: Mark) -> Diagnostic {
        let message = format!("the tag `{name}` is not supported");
        let complaint = self.complain(mark, message, "use `!vault` or `!unsafe`, or remove the tag");
        // PyYAML knows these.
        match name {
            "binary" | "omap" | "pairs" | "set" => complaint.ours_alone(),
            _ => complaint,
        }
    }

    fn begin(
        &mut self,
        mark: Mark,
        Properties { anchor, tag }: Properties,
        own: &str,
        content: Partial,
    ) -> Result<(), Diagnostic> {
        self.name(anchor.as_deref(), mark)?;
        let tag = tag.as_deref();
        if let Some(name) = tag.map(name_of).filter(|name| ![own, "!", "!unsafe"].contains(name)) {
            return Err(self.unknown_tag(name, mark));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.too_deep(mark));
        }
        let untrusted = self.is_untrusted(tag);
        let lost = untrusted && tag != Some("!unsafe") && self.core.rules() == CoreRules::UpTo2_18;
        self.open.push(Open { mark, untrusted, lost, anchor, content });
        Ok(())
    }

    /// Whether a node with this tag is `!unsafe`, itself or through what it is part of.
    fn is_untrusted(&self, tag: Option<&str>) -> bool {
        tag.is_some_and(|tag| name_of(tag) == "!unsafe")
            || self.open.last().is_some_and(|open| open.untrusted)
    }

    fn too_deep(&self, mark: Mark) -> Diagnostic {
        let message = format!("nested deeper than {MAX_DEPTH} levels");
        self.complain(mark, message, "no inventory needs that; flatten it").ours_alone()
    }

    fn end(&mut self) -> Result<(), Diagnostic> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let content = match open.content {
            Partial::Sequence(items) if open.lost => {
                self.warn_lost(open.mark, items.is_empty());
                Content::Sequence(Vec::new())
            }
            Partial::Mapping(entries, _) if open.lost => {
                self.warn_lost(open.mark, entries.is_empty());
                Content::Mapping(Vec::new())
            }
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

    fn warn(&mut self, mark: Mark, message: &str) {
        self.warnings.push(self.complain(mark, message, "").to_string());
    }

    fn warn_lost(&mut self, mark: Mark, is_empty: bool) {
        if !is_empty {
            let message =
                "empty: ansible-core up to 2.18 drops what is in a list or mapping within an `!unsafe` one";
            self.warn(mark, message);
        }
    }

    fn alias(&mut self, name: &str, mark: Mark) -> Result<(), Diagnostic> {
        let Some(target) = self.anchors.get(name).map(Rc::clone) else {
            let (message, help) = match self.names.contains(name) {
                true => ("an alias inside the very value it refers to".to_owned(), "write the value out"),
                false => (
                    format!("no anchor `&{name}` before this alias"),
                    "name an anchor; quote a text that begins with `*`",
                ),
            };
            return Err(self.complain(mark, message, help));
        };
        self.aliased = self.aliased.saturating_add(target.size);
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases multiply this file beyond {MAX_ALIASED} values");
            let help = "write the values out, or use fewer nested aliases";
            return Err(self.complain(mark, message, help).ours_alone());
        }
        self.place(target, None)
    }

    fn place(&mut self, node: Rc<Node>, anchor: Option<String>) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values");
            return Err(self
                .complain(node.mark, message, "this is no inventory; check the path")
                .ours_alone());
        }
        if let Some(name) = anchor {
            self.anchors.insert(name, Rc::clone(&node));
        }
        if matches!(node.content, Content::Merge) && !self.expects_key() {
            let message = "a plain `<<` as a value, which PyYAML does not take";
            return Err(self.complain(node.mark, message, "quote it"));
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
        let mut merged: HashMap<String, Rc<Node>> = HashMap::new();
        for (key, value) in entries {
            if matches!(key.content, Content::Merge) {
                merges.push(value);
                continue;
            }
            let name = key.as_key();
            match index.get(&name) {
                Some(&at) => {
                    self.warn(key.mark, &format!("key `{name}` is given twice; the last one counts"));
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
                    let name = key.as_key();
                    if merged.get(&name).is_some_and(|other| other.to_json() != value.to_json()) {
                        let message = format!(
                            "key `{name}` is in two of the mappings that `<<` merges, with different values; releases of PyYAML \
                             differ in which one counts (6.0.4 from those before), so set it beside the `<<`"
                        );
                        self.warn(mapping.mark, &message);
                    }
                    if !index.contains_key(&name) {
                        index.insert(name.clone(), settled.len());
                        settled.push((Rc::clone(key), Rc::clone(value)));
                        merged.insert(name, Rc::clone(value));
                    }
                }
            }
        }
        Ok(settled)
    }
}

/// `!vault`, or `str` for `!!str`.
fn name_of(tag: &str) -> &str {
    tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag)
}
