//! INI inventories: `[group]`, `[group:children]`, `[group:vars]`.

use std::collections::HashMap;
use std::sync::Arc;

use super::graph::{Graph, UNGROUPED};
use super::literal::{Refused, value_of};
use super::{range, words};
use crate::inventory::ansible_core::CoreLookup;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::nearest::did_you_mean;
use crate::inventory::source::{Mark, Place, Source};

/// What Python's `splitlines` splits at beside the newline.
const LINE_BREAKS: [char; 9] =
    ['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Reads one INI inventory into the graph.
pub(super) fn read(source: &Arc<Source>, core: &CoreLookup, graph: &mut Graph) -> Result<(), Diagnostic> {
    let mut reader =
        Reader { source, core, graph, group: UNGROUPED, section: Section::Hosts, pending: HashMap::new() };
    for (index, text) in source.text.split('\n').enumerate() {
        let mut column = 1;
        for line in text.split(LINE_BREAKS) {
            let indent = line.chars().take_while(|c| c.is_whitespace()).count();
            reader.line(line.trim(), Mark::new(index + 1, column + indent))?;
            column += line.chars().count() + 1;
        }
    }
    reader.finish()
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Hosts,
    Children,
    Vars,
}

/// A group that was named before it was declared.
struct Pending {
    parents: Vec<usize>,
    place: Place,
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    core: &'a CoreLookup,
    graph: &'a mut Graph,
    group: usize,
    section: Section,
    pending: HashMap<String, Pending>,
}

impl Reader<'_> {
    fn place(&self, mark: Mark) -> Place {
        Place { source: Arc::clone(self.source), mark }
    }

    fn line(&mut self, line: &str, mark: Mark) -> Result<(), Diagnostic> {
        if line.is_empty() || line.starts_with(['#', ';']) {
            return Ok(());
        }
        if let Some((name, kind)) = section_header(line) {
            return self.header(name, kind, mark);
        }
        if line.starts_with('[') && line.ends_with(']') {
            let help = "write `[group]`, `[group:children]` or `[group:vars]`, without spaces";
            return Err(self.source.complain_of_syntax(mark, "not a section header", help));
        }
        match self.section {
            Section::Hosts => self.hosts(line, mark),
            Section::Children => self.child(line, mark),
            Section::Vars => self.variable(line, mark),
        }
    }

    fn header(&mut self, name: &str, kind: Option<&str>, mark: Mark) -> Result<(), Diagnostic> {
        self.section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("children") => Section::Children,
            Some("vars") => Section::Vars,
            Some(other) => {
                let help = did_you_mean(other, ["children", "vars", "hosts"], "write `children` or `vars`");
                return Err(self.source.complain_of_syntax(
                    mark,
                    format!("sections of kind `{other}` do not exist"),
                    help,
                ));
            }
        };
        let place = self.place(mark);
        let waits = self.pending.contains_key(name);
        if self.graph.group(name).is_none() && self.section == Section::Vars && !waits {
            self.pending.insert(name.to_owned(), Pending { parents: Vec::new(), place: place.clone() });
        }
        self.graph.admit(0, 0, &place)?;
        self.group = self.graph.add_group(name, Some(place));
        if self.section != Section::Vars
            && let Some(pending) = self.pending.remove(name)
        {
            for parent in pending.parents {
                self.graph.add_child(parent, self.group, &pending.place)?;
            }
        }
        Ok(())
    }

    fn hosts(&mut self, line: &str, mark: Mark) -> Result<(), Diagnostic> {
        let at = |column: usize| Mark::new(mark.line, mark.column + column);
        let words = words::split(line).map_err(|unclosed| {
            let help = "close it, or quote the whole value";
            self.source.complain_of_syntax(
                at(unclosed.column),
                format!("{} on a host line", unclosed.what),
                help,
            )
        })?;
        let Some((first, rest)) = words.split_first() else { return Ok(()) };
        let (names, port) = range::expand(&first.text)
            .map_err(|unusable| unusable.complain(self.source, at(first.column)))?;
        let mut variables = Vec::with_capacity(rest.len());
        for word in rest {
            let Some((name, value)) = word.text.split_once('=') else {
                let help = "write `name=value`, and quote a value that holds blanks";
                let message = "a word behind the host name that is no `name=value`";
                return Err(self.source.complain_of_syntax(at(word.column), message, help));
            };
            let value =
                value_of(value, self.core).map_err(|refused| self.refuse(at(word.column), refused))?;
            variables.push((name.to_owned(), value));
        }
        let place = self.place(mark);
        self.graph.admit(names.len(), line.len(), &place)?;
        for name in names {
            let host = self.graph.add_host(&name, self.group, port, &place);
            for (name, value) in &variables {
                self.graph.set_variable_by_name(host, name.clone(), value.clone(), &place)?;
            }
        }
        Ok(())
    }

    fn variable(&mut self, line: &str, mark: Mark) -> Result<(), Diagnostic> {
        let Some((name, value)) = line.split_once('=') else {
            let help = "write `name=value`; a variable's value ends with its line";
            return Err(self.source.complain_of_syntax(
                mark,
                "a line of a `:vars` section without `=`",
                help,
            ));
        };
        let place = self.place(mark);
        let value = value_of(value.trim(), self.core).map_err(|refused| self.refuse(mark, refused))?;
        self.graph.set_group_variable(self.group, name.trim().to_owned(), value, &place)
    }

    fn refuse(&self, mark: Mark, Refused(what): Refused) -> Diagnostic {
        self.source.complain_of_syntax(
            mark,
            what,
            "move the variable to a YAML file in group_vars or host_vars",
        )
    }

    fn child(&mut self, line: &str, mark: Mark) -> Result<(), Diagnostic> {
        let name = line.split_once('#').map_or(line, |(name, _)| name).trim_end();
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || matches!(c, ':' | ']')) {
            let help = "give one group's name on each line of a `:children` section";
            return Err(self.source.complain_of_syntax(mark, "not a group name", help));
        }
        let place = self.place(mark);
        let waiting = self.pending.get_mut(name);
        match (self.graph.group(name), waiting) {
            (Some(child), None) => self.graph.add_child(self.group, child, &place)?,
            (_, Some(pending)) => pending.parents.push(self.group),
            (None, None) => {
                self.pending.insert(name.to_owned(), Pending { parents: vec![self.group], place });
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Diagnostic> {
        let first = self
            .pending
            .iter()
            .min_by_key(|(_, pending)| (pending.place.mark.line, pending.place.mark.column));
        let Some((name, pending)) = first else { return Ok(()) };
        let declared = self.graph.groups.iter().map(|group| group.name.as_str());
        let others = declared.filter(|other| *other != name.as_str());
        let help = did_you_mean(name, others, &format!("add a section `[{name}]`"));
        Err(pending.place.complain(format!("group `{name}` is not declared"), help))
    }
}

/// `[name]` or `[name:kind]`, with blanks and a comment behind it.
fn section_header(line: &str) -> Option<(&str, Option<&str>)> {
    let (inside, behind) = line.strip_prefix('[')?.split_once(']')?;
    let behind = behind.trim_start();
    if !behind.is_empty() && !behind.starts_with('#') {
        return None;
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let word = |kind: &str| !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_');
    let named = !name.is_empty() && !name.contains(char::is_whitespace);
    (named && kind.is_none_or(word)).then_some((name, kind))
}
