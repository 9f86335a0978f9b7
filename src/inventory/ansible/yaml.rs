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
    let Some(root) = root else {
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
        for (section, value) in body.entries().unwrap_or_default() {
            match section.text() {
                _ if value.is_null() => {}
                Some("hosts") => self.hosts(group, value)?,
                Some("children") => self.children(group, value)?,
                Some("vars") => self.variables(group, value)?,
                other => {
                    let expected = ["hosts", "children", "vars"];
                    let help =
                        did_you_mean(other.unwrap_or_default(), expected, "expected hosts, children or vars");
                    self.warn(
                        section,
                        &format!("`{}` of group `{name}` is skipped; {help}", section.to_json()),
                    );
                }
            }
        }
        Ok(Some(group))
    }

    /// The entries of a section; one text stands for one entry.
    fn section<'n>(&self, value: &'n Rc<Node>) -> Result<Vec<(&'n Node, Option<&'n Node>)>, Diagnostic> {
        if value.text().is_some() {
            return Ok(vec![(value, None)]);
        }
        let Some(entries) = value.entries() else {
            let message = format!("{} where a mapping is expected", value.kind());
            return Err(self.source.complain(
                value.mark,
                message,
                "write `name:` lines, each ending in a colon",
            ));
        };
        Ok(entries.iter().map(|(key, value)| (&**key, Some(&**value))).collect())
    }

    fn hosts(&mut self, group: usize, value: &Rc<Node>) -> Result<(), Diagnostic> {
        for (key, body) in self.section(value)? {
            let Some(pattern) = key.text() else {
                let message = format!("{} as a host's name", key.kind());
                return Err(self.source.complain(key.mark, message, "quote the name"));
            };
            let (names, port) = range::expand(pattern).map_err(|message| {
                let help = "write a host name, an address, or a range such as node[01:12]";
                self.source.complain(key.mark, message, help)
            })?;
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
                    self.graph.set_host_variable(host, name.clone(), value.clone(), place.clone());
                }
            }
        }
        Ok(())
    }

    fn children(&mut self, group: usize, value: &Rc<Node>) -> Result<(), Diagnostic> {
        let nothing = Node::null(value.mark);
        for (key, body) in self.section(value)? {
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
        let Some(entries) = value.entries() else {
            let message = format!("{} instead of the group's variables", value.kind());
            return Err(self.source.complain(value.mark, message, "write `name: value` lines"));
        };
        for (key, value) in entries {
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
        Value::Bool(true) | Value::Object(_) => false,
    }
}
