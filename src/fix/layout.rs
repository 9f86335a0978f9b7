//! How a JSON text is laid out: line ends, indentation, the space around colons.

use super::daemon_json::{RUNTIME, Wish, quoted};
use super::json_tree::Node;

/// How an object is laid out, so that what is added looks like what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The line end; `None` where all stands on one line.
    line: Option<&'static str>,
    /// By how much a member stands further right than its object.
    unit: String,
    /// What stands before the line on which the object at hand begins.
    base: String,
    /// What stands between a key and its value.
    pub(super) colon: String,
    /// What stands behind a comma on one line.
    space: &'static str,
}

impl Layout {
    /// As NVIDIA's own tool writes it.
    pub(super) fn usual() -> Layout {
        Layout {
            line: Some("\n"),
            unit: "    ".to_owned(),
            base: String::new(),
            colon: ": ".to_owned(),
            space: " ",
        }
    }

    /// That of a whole text.
    pub(super) fn of(text: &str, root: &Node) -> Layout {
        let mut layout = Layout { base: indent_of(text, root), ..Layout::usual() };
        let Some(first) = root.members().first() else {
            // `{}` is broken up, with the line ends that stand in it or behind.
            layout.line = Some(if text.contains("\r\n") { "\r\n" } else { "\n" });
            return layout;
        };
        layout.colon = colon(text, root);
        let before = &text[root.span.start + 1..first.key_span.start];
        match before.rfind('\n') {
            Some(at) => {
                layout.line = Some(if before[..at].ends_with('\r') { "\r\n" } else { "\n" });
                let indent = &before[at + 1..];
                layout.unit = indent.strip_prefix(&layout.base).unwrap_or(indent).to_owned();
            }
            None => layout.line = None,
        }
        layout.space = if layout.colon.ends_with(' ') { " " } else { "" };
        layout
    }

    /// That of an object inside the text.
    pub(super) fn inside(&self, text: &str, object: &Node) -> Layout {
        let mut layout = self.clone();
        if let Some(first) = object.members().first() {
            if !text[object.span.start..first.key_span.start].contains('\n') {
                layout.line = None;
            }
            layout.colon = colon(text, object);
            layout.space = if layout.colon.ends_with(' ') { " " } else { "" };
        }
        layout.base = indent_of(text, object);
        layout
    }

    /// What stands between a comma and a key in this object, which has members.
    pub(super) fn gap(&self, text: &str, object: &Node) -> String {
        let members = object.members();
        let (Some(first), Some(last)) = (members.first(), members.last()) else { return String::new() };
        let before = match members.len() {
            1 => &text[object.span.start + 1..first.key_span.start],
            // Behind the comma.
            n => {
                let between = &text[members[n - 2].value.span.end..last.key_span.start];
                &between[between.find(',').map_or(0, |at| at + 1)..]
            }
        };
        if before.contains('\n') {
            // One line end, however many blank lines the last member has before it.
            let line = self.line.unwrap_or("\n");
            return format!("{line}{}", &before[before.rfind('\n').map_or(0, |at| at + 1)..]);
        }
        if members.len() == 1 { self.space.to_owned() } else { before.to_owned() }
    }

    /// The inside of an object without members: that at hand (1), or one so much deeper in it.
    pub(super) fn fill(&self, entries: &[String], level: usize) -> String {
        match self.line {
            None => entries.join(&format!(",{}", self.space)),
            Some(line) => {
                let Layout { base, unit, .. } = self;
                let (inner, outer) = (unit.repeat(level), unit.repeat(level - 1));
                let entries: Vec<String> =
                    entries.iter().map(|entry| format!("{line}{base}{inner}{entry}")).collect();
                format!("{}{line}{base}{outer}", entries.join(","))
            }
        }
    }

    /// `{"nvidia": {…}}`, as the value of a member of the object at hand.
    pub(super) fn runtimes(&self, wish: &Wish) -> String {
        let runtime = quoted(RUNTIME) + &self.colon + &self.runtime(wish, 3);
        format!("{{{}}}", self.fill(&[runtime], 2))
    }

    /// `{"path": …, "runtimeArgs": []}`, its members at this level from the object at hand.
    pub(super) fn runtime(&self, wish: &Wish, level: usize) -> String {
        let path = quoted("path") + &self.colon + &quoted(&wish.runtime_path);
        let arguments = quoted("runtimeArgs") + &self.colon + "[]";
        format!("{{{}}}", self.fill(&[path, arguments], level))
    }

    /// A new file.
    pub(super) fn file(&self, wish: &Wish) -> String {
        let default = quoted("default-runtime") + &self.colon + &quoted(RUNTIME);
        let runtimes = quoted("runtimes") + &self.colon + &self.runtimes(wish);
        format!("{{{}}}\n", self.fill(&[default, runtimes], 1))
    }
}

/// What stands before the line on which a value begins.
fn indent_of(text: &str, node: &Node) -> String {
    let line = text[..node.span.start].rfind('\n').map_or(0, |at| at + 1);
    text[line..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
}

/// What stands between the first key of an object and its value, where that is on one line.
fn colon(text: &str, object: &Node) -> String {
    match object.members().first() {
        Some(first) => {
            let between = &text[first.key_span.end..first.value.span.start];
            if between.contains('\n') { ": ".to_owned() } else { between.to_owned() }
        }
        None => ": ".to_owned(),
    }
}
