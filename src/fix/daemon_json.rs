//! The edit of daemon.json, token by token: what it does not set stays as it was, byte for byte.

use std::ops::Range;

use super::json_tree::{self, Kind, Node};
use super::layout::Layout;
use crate::facts::json_object;

/// The name of the runtime that is wished for.
pub const RUNTIME: &str = "nvidia";

/// What the file shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The runtime's program, for where the file does not name one.
    pub runtime_path: String,
}

/// One place of the text and what stands there afterwards. An insertion has an empty range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The bytes that go.
    pub range: Range<usize>,
    /// The bytes that come.
    pub text: String,
}

/// What has to be done to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// In the order of the text; none where it says all that is wished.
    pub splices: Vec<Splice>,
    /// The text afterwards.
    pub after: String,
    /// The program that the runtime has afterwards; `None` where it has a shim (`runtimeType`) instead.
    pub runtime_path: Option<String>,
    /// What people should know: what was kept although it differs.
    pub notes: Vec<String>,
}

/// The edit that makes `before` (`None`: there is no such file) say what is wished.
///
/// # Errors
/// Why the file is not touched.
pub fn edit(before: Option<&[u8]>, wish: &Wish) -> Result<Edit, String> {
    let blank = before.is_none_or(|bytes| bytes.iter().all(u8::is_ascii_whitespace));
    let bytes = before.unwrap_or_default();
    if blank {
        let after = Layout::usual().file(wish);
        let whole = Splice { range: 0..bytes.len(), text: after.clone() };
        let notes = match before {
            Some(_) => vec!["the file was empty".to_owned()],
            None => vec!["there was no such file".to_owned()],
        };
        return Ok(Edit {
            splices: vec![whole],
            after,
            runtime_path: Some(wish.runtime_path.clone()),
            notes,
        });
    }
    json_object::parse(bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let root = json_tree::read(text).ok_or("it is not understood")?;
    Editor { text, layout: Layout::of(text, &root), wish, splices: Vec::new(), notes: Vec::new() }.run(&root)
}

struct Editor<'t> {
    text: &'t str,
    layout: Layout,
    wish: &'t Wish,
    splices: Vec<Splice>,
    notes: Vec<String>,
}

impl Editor<'_> {
    fn run(mut self, root: &Node) -> Result<Edit, String> {
        for member in root.members() {
            for key in ["default-runtime", "runtimes"] {
                if member.key != key && member.key.eq_ignore_ascii_case(key) {
                    return Err(format!("the key \"{}\" is `{key}` in another spelling", member.key));
                }
            }
        }
        let mut missing = Vec::new();
        match root.get("default-runtime") {
            None => missing.push(("default-runtime".to_owned(), quoted(RUNTIME))),
            Some(value) if value.text() == Some(RUNTIME) => {}
            Some(value) => self.replace_leaf(value, &quoted(RUNTIME), "default-runtime")?,
        }
        let runtime_path = match root.get("runtimes") {
            None => {
                let value = self.layout.runtimes(self.wish);
                missing.push(("runtimes".to_owned(), value));
                Some(self.wish.runtime_path.clone())
            }
            Some(runtimes) => self.runtimes(runtimes)?,
        };
        self.insert(root, &missing);
        Ok(self.finish(runtime_path))
    }

    /// Gives the program that the runtime will have.
    fn runtimes(&mut self, runtimes: &Node) -> Result<Option<String>, String> {
        let whole = Some(self.wish.runtime_path.clone());
        match &runtimes.kind {
            Kind::Null => {
                let value = self.layout.runtimes(self.wish);
                self.replace(runtimes, value);
                return Ok(whole);
            }
            Kind::Object(_) => {}
            _ => return Err("`runtimes` is not an object".to_owned()),
        }
        match runtimes.get(RUNTIME) {
            None => {
                let layout = self.layout.inside(self.text, runtimes);
                let value = layout.runtime(self.wish, 2);
                self.insert(runtimes, &[(RUNTIME.to_owned(), value)]);
                Ok(whole)
            }
            Some(runtime @ Node { kind: Kind::Null, .. }) => {
                let value = self.layout.inside(self.text, runtimes).runtime(self.wish, 2);
                self.replace(runtime, value);
                Ok(whole)
            }
            Some(runtime) => self.runtime(runtime),
        }
    }

    /// One that is there is kept; only a program that it lacks is set.
    fn runtime(&mut self, runtime: &Node) -> Result<Option<String>, String> {
        if !matches!(runtime.kind, Kind::Object(_)) {
            return Err(format!("`runtimes.{RUNTIME}` is not an object"));
        }
        if let Some(name) = runtime.get("runtimeType").and_then(Node::text).filter(|name| !name.is_empty()) {
            self.notes.push(format!("runtimes.{RUNTIME} has the runtimeType `{name}`, which is kept"));
            return Ok(None);
        }
        for key in ["runtimeArgs", "args", "options"] {
            let value = runtime.get(key).filter(|value| {
                !matches!(&value.kind, Kind::Null)
                    && !matches!(&value.kind, Kind::Array(items) if items.is_empty())
                    && !matches!(&value.kind, Kind::Object(members) if members.is_empty())
            });
            if value.is_some() {
                self.notes.push(format!("runtimes.{RUNTIME} has `{key}` of its own, which are kept"));
            }
        }
        let path = &self.wish.runtime_path;
        match runtime.get("path") {
            Some(node) => match (node.text(), &node.kind) {
                (Some(""), _) | (None, Kind::Null) => {
                    let text = quoted(path);
                    self.replace(node, text);
                    Ok(Some(path.clone()))
                }
                (Some(own), _) => {
                    if own != path && own != "nvidia-container-runtime" {
                        self.notes.push(format!("runtimes.{RUNTIME} has the path {own}, which is kept"));
                    }
                    Ok(Some(own.to_owned()))
                }
                (None, _) => Err(format!("`runtimes.{RUNTIME}.path` is not text")),
            },
            None => {
                self.insert(runtime, &[("path".to_owned(), quoted(path))]);
                Ok(Some(path.clone()))
            }
        }
    }

    /// Another text or null may be replaced; of anything else nobody knows what it was meant to be.
    fn replace_leaf(&mut self, value: &Node, text: &str, key: &str) -> Result<(), String> {
        if !matches!(value.kind, Kind::Text(_) | Kind::Null) {
            return Err(format!("`{key}` is neither text nor null"));
        }
        self.replace(value, text.to_owned());
        Ok(())
    }

    fn replace(&mut self, value: &Node, text: String) {
        self.splices.push(Splice { range: value.span.clone(), text });
    }

    /// Puts members behind the last one of an object, laid out like their neighbours.
    fn insert(&mut self, object: &Node, members: &[(String, String)]) {
        if members.is_empty() {
            return;
        }
        let layout = self.layout.inside(self.text, object);
        let entries: Vec<String> =
            members.iter().map(|(key, value)| quoted(key) + &layout.colon + value).collect();
        let splice = match object.members().last() {
            None => {
                Splice { range: object.span.start + 1..object.span.end - 1, text: layout.fill(&entries, 1) }
            }
            Some(last) => {
                let gap = layout.gap(self.text, object);
                let text = entries.iter().map(|entry| format!(",{gap}{entry}")).collect();
                Splice { range: last.value.span.end..last.value.span.end, text }
            }
        };
        self.splices.push(splice);
    }

    fn finish(mut self, runtime_path: Option<String>) -> Edit {
        self.splices.sort_by_key(|splice| splice.range.start);
        let mut after = String::with_capacity(self.text.len() + 256);
        let mut at = 0;
        for splice in &self.splices {
            after.push_str(&self.text[at..splice.range.start]);
            after.push_str(&splice.text);
            at = splice.range.end;
        }
        after.push_str(&self.text[at..]);
        Edit { splices: self.splices, after, runtime_path, notes: self.notes }
    }
}

/// As JSON text.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
