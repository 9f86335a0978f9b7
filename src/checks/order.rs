//! Which check stands after which: causes are judged first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::{Check, Source};
use super::error::{LoadError, nearest};

/// Every check that one stands `after` has to be there.
pub(super) fn stands_after<'s>(
    source: &Source<'_>,
    check: &Check,
    exists: impl Fn(&str) -> bool,
    ids: impl Fn() -> Vec<&'s str>,
) -> Result<(), LoadError> {
    for (at, before) in check.file.after.iter().enumerate() {
        if **before == *check.id {
            return Err(LoadError::new(source.file, source.text, "`after` names the check itself")
                .help("leave it away")
                .at_value(&format!("after.{at}")));
        }
        if !exists(before) {
            let help = nearest(before, ids()).map_or_else(
                || "`airworthy list` shows the ids".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(LoadError::new(
                source.file,
                source.text,
                format!("`after` names `{before}`, which does not exist"),
            )
            .help(help)
            .at_value(&format!("after.{at}")));
        }
    }
    Ok(())
}

/// Looks over what one check stands after, where `ids` are all checks there are.
///
/// # Errors
/// When it names a check that does not exist.
pub fn lint_after(source: &Source<'_>, check: &Check, ids: &[&str]) -> Result<(), LoadError> {
    stands_after(source, check, |id| ids.contains(&id), || ids.to_vec())
}

/// Depth first over `after`; an id that is not in this profile has no say.
pub(super) fn in_order(
    mut checks: BTreeMap<String, Check>,
    sources: &BTreeMap<&str, Source<'_>>,
) -> Result<Vec<Arc<Check>>, LoadError> {
    fn visit(
        id: &str,
        sources: &BTreeMap<&str, Source<'_>>,
        checks: &BTreeMap<String, Check>,
        done: &mut Vec<String>,
        open: &mut Vec<String>,
    ) -> Result<(), LoadError> {
        if done.iter().any(|other| other == id) {
            return Ok(());
        }
        if open.iter().any(|other| other == id) {
            let before = open.last().cloned().unwrap_or_default();
            let start = open.iter().position(|other| other == id).unwrap_or(0);
            let mut circle = open.split_off(start);
            circle.push(id.to_owned());
            let source = sources[before.as_str()];
            let message = format!("`after` goes round in a circle: {}", circle.join(" after "));
            return Err(LoadError::new(source.file, source.text, message)
                .help("a cause stands first: take one of these `after` away")
                .at_text_in("after", id));
        }
        let Some(check) = checks.get(id) else { return Ok(()) };
        open.push(id.to_owned());
        for before in &check.file.after {
            visit(before, sources, checks, done, open)?;
        }
        open.pop();
        done.push(id.to_owned());
        Ok(())
    }
    let mut order = Vec::new();
    for id in checks.keys() {
        visit(id, sources, &checks, &mut order, &mut Vec::new())?;
    }
    Ok(order.iter().filter_map(|id| checks.remove(id)).map(Arc::new).collect())
}
