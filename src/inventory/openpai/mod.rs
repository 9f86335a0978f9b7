//! OpenPAI's inventories: `layout.yaml`, or `master.csv` and `worker.csv`, with `config.yaml` beside them.

mod config;
mod csv;
mod layout;
mod machine;
mod quantity;

use std::rc::Rc;

use super::ansible_core::CoreLookup;
use super::diagnostic::Diagnostic;
use super::source::Source;
use super::yaml::{Node, parse};

pub use config::OpenPaiConfig;
pub(super) use csv::read as read_csv;
pub(super) use layout::{is_layout, read as read_layout};

/// A YAML file that must be a mapping, if it holds anything.
fn mapping(source: &Source, warnings: &mut Vec<String>) -> Result<Option<Rc<Node>>, Diagnostic> {
    let Some(root) = parse(source, &CoreLookup::default(), warnings)? else { return Ok(None) };
    if root.entries().is_none() {
        let message = format!("{} where `name: value` lines are expected", root.kind());
        return Err(source.complain(root.mark, message, "see OpenPAI's examples of this file"));
    }
    Ok(Some(root))
}
