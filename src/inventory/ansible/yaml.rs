//! YAML inventories: groups with `hosts`, `children` and `vars`.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use super::graph::Graph;
use super::range;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::nearest::did_you_mean;
use crate::inventory::source::{Mark, Place, Source};
use crate::inventory::yaml::Node;

/// Reads one YAML inventory into the graph.
pub(super) fn read(
    source: &Arc<Source>,
    root: Option<&Node>,
    graph: &mut Graph,
    warnings: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    let shape = "give groups at the top, for example `all: {hosts: …, children: …}`";
    let Some(root) = root.filter(|root| !is_falsy(root)) else {
        return Err(source.complain(Mark::START, "an empty inventory", shape));
    };
    let Some(groups) = root.entries() else {
        return Err(source.complain(root.mark, format!("{} instead of groups", root.kind()), shape));
    };
    let mut reader = Reader { source, graph, warnings };
    for (name, group) in groups {
        reader.group(name, group)?;
    }
    Ok(())
}

/// What a group holds.
const SECTIONS: [&str; 3] = ["hosts", "children", "vars"];

fn is_section(name: &str) -> bool {
    SECTIONS.contains(&name)
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    graph: &'a mut Graph,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn place(&self, node: &Node) -> Place {
        Place { source: Arc::clone(self.source), mark: node.mark }
    }

    fn warn(&mut self, node: &Node, message: &str) {
        self.warnings.push(self.source.complain(node.mark, message, "").to_string());
    }

    /// The group, or nothing where Ansible skips what cannot be one.
    fn group(&mut self, key: &Node, body: &Node) -> Result<Option<usize>, Diagnostic> {
        let Some(name) = key.text().filter(|name| !name.is_empty()) else {
            let message = format!("{} as a group's name", key.kind());
            return Err(self.source.complain(key.mark, message, "quote the name"));
        };
        if body.entries().is_none() && !body.is_null() {
            self.warn(key, &format!("`{name}` is skipped: not a group but {}", body.kind()));
            return Ok(None);
        }
        let place = self.place(key);
        self.graph.admit(0, 0, &place)?;
        let group = self.graph.add_group(name, Some(place));
        let sections = body.entries().unwrap_or_default();
        // Ansible looks at the three before it reads any of them.
        for (_, value) in sections.iter().filter(|(section, _)| section.text().is_some_and(is_section)) {
            if value.text().is_none() && value.entries().is_none() && !value.is_null() {
                let message = format!("{} where a mapping is expected", value.kind());
                let help = "write `name:` lines, each ending in a colon";
                return Err(self.source.complain(value.mark, message, help));
            }
        }
        for (section, value) in sections {
            match section.text() {
                _ if value.is_null() => {}
                Some("hosts") => self.hosts(group, value)?,
                Some("children") => self.children(group, value)?,
                Some("vars") => self.variables(group, value)?,
                other => {
                    let other = other.unwrap_or_default();
                    let help = did_you_mean(other, SECTIONS, "expected hosts, children or vars");
                    self.warn(
                        section,
                        &format!("`{}` of group `{name}` is skipped; {help}", section.to_json()),
                    );
                }
            }
        }
        Ok(Some(group))
    }

    /// The entries of a section, which is a mapping; one text stands for one entry.
    fn section(value: &Rc<Node>) -> Vec<(&Node, Option<&Node>)> {
        match value.text() {
            Some(_) => vec![(value, None)],
            None => {
                let entries = value.entries().unwrap_or_default();
                entries.iter().map(|(key, value)| (&**key, Some(&**value))).collect()
            }
        }
    }

    fn hosts(&mut self, group: usize, value: &Rc<Node>) -> Result<(), Diagnostic> {
        for (key, body) in Self::section(value) {
            let Some(pattern) = key.text() else {
                let message = format!("{} as a host's name", key.kind());
                return Err(self.source.complain(key.mark, message, "quote the name"));
            };
            let (names, port) =
                range::expand(pattern).map_err(|unusable| unusable.complain(self.source, key.mark))?;
            let variables = match body {
                Some(body) if body.entries().is_some() => body.entries().unwrap_or_default(),
                Some(body) if !is_falsy(body) => {
                    let message = format!("{} instead of the host's variables", body.kind());
                    return Err(self.source.complain(body.mark, message, "write `name: value` lines"));
                }
                _ => &[],
            };
            let variables: Vec<(String, Value, Place)> = variables
                .iter()
                .map(|(key, value)| (key.as_key(), value.to_json(), self.place(key)))
                .collect();
            let place = self.place(key);
            let bytes = match body {
                Some(body) if names.len() > 1 => body.to_json().to_string().len(),
                _ => 0,
            };
            self.graph.admit(names.len(), bytes, &place)?;
            for name in names {
                let host = self.graph.add_host(&name, group, port, &place);
                for (name, value, place) in &variables {
                    self.graph.set_variable_by_name(host, name.clone(), value.clone(), place)?;
                }
            }
        }
        Ok(())
    }

    fn children(&mut self, group: usize, value: &Rc<Node>) -> Result<(), Diagnostic> {
        let nothing = Node::null(value.mark);
        for (key, body) in Self::section(value) {
            let place = self.place(key);
            let Some(child) = self.group(key, body.unwrap_or(&nothing))? else {
                let message = "what is no group as a child";
                return Err(place.complain(message, "give it hosts, children or vars, or nothing"));
            };
            self.graph.add_child(group, child, &place)?;
        }
        Ok(())
    }

    fn variables(&mut self, group: usize, value: &Rc<Node>) -> Result<(), Diagnostic> {
        if let Some(name) = value.text() {
            let place = self.place(value);
            return self.graph.set_group_variable(group, name.to_owned(), Value::Null, &place);
        }
        for (key, value) in value.entries().unwrap_or_default() {
            let place = self.place(key);
            self.graph.set_group_variable(group, key.as_key(), value.to_json(), &place)?;
        }
        Ok(())
    }
}

/// What Python takes for nothing: null, false, zero, and what is empty.
fn is_falsy(node: &Node) -> bool {
    match node.to_json() {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(true) => false,
    }
}
