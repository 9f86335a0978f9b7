//! Reads one of our own YAML files, with the place of a mistake.

use serde::de::DeserializeOwned;

use super::error::{LoadError, nearest};

/// The largest file of ours, in bytes.
const LARGEST: usize = 256 * 1024;

/// Reads `text` as a `T`.
///
/// # Errors
/// With line and column: not YAML, a key that does not exist (and the nearest that does), a wrong
/// type, a tag.
pub fn yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, LoadError> {
    if text.len() > LARGEST {
        return Err(LoadError::new(file, "", format!("the file is larger than {} KiB", LARGEST / 1024)));
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location().map(|at| (at.line() as usize, at.column() as usize));
        let message = error.without_snippet().to_string();
        let line = at.and_then(|(line, _)| text.lines().nth(line.saturating_sub(1))).unwrap_or_default();
        let mut placed = LoadError { at, ..LoadError::new(file, text, first_sentence(&message)) };
        let value = line.split_once(':').map_or(line, |(_, value)| value).trim_start();
        if value.starts_with('!') {
            placed = placed.help(
                "YAML reads a leading `!` as a tag: write the condition as a block, `require: |-` and the condition \
                 on the next line",
            );
        } else if let Some(near) = unknown_field(&message) {
            placed = placed.help(near);
        }
        placed
    })
}

/// serde's "unknown field `x`, expected one of `a`, `b`": the nearest of those.
fn unknown_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (wrong, rest) = rest.split_once('`')?;
    let names: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    nearest(wrong, names).map(|near| format!("did you mean `{near}`?"))
}

/// Without the position, which is told apart.
fn first_sentence(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}
