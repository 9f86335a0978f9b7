//! Names, values and sentences as a report for people has them: escaped, in one line, and shortened.

use serde_json::Value;

pub(super) use crate::escape::line as clean;

/// Longer values are shortened for people; the JSON report has them whole.
pub(super) const VALUE_MAX: usize = 120;

/// Longer messages and reasons are shortened for people: some quote what a host wrote to stderr.
const SENTENCE_MAX: usize = 400;

/// Longer names, paths and sources are shortened for people; those of DNS and of facts fit.
pub(super) const NAME_MAX: usize = 80;

/// How far back from its longest a shortened text may end, in bytes, to end with a whole word.
const WORD_MAX: usize = 60;

/// [`clean`], and cut to `max` characters with `…` at the end.
pub(super) fn clip(text: &str, max: usize) -> String {
    // Cut before cleaning, so that a value of many megabytes costs nothing; then again, because
    // an escape is longer than what it stands for.
    let head: String = text.chars().take(max + 1).collect();
    let shown = clean(&head);
    if shown.chars().count() <= max {
        return shown;
    }
    let mut cut: String = shown.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A message or reason, cut to [`SENTENCE_MAX`] characters between two words where one ends nearby: half a path or number is no
/// help.
pub(super) fn sentence(text: &str) -> String {
    let mut cut = clip(text, SENTENCE_MAX);
    if cut.ends_with('…')
        && let Some(end) = cut.rfind(' ').filter(|at| cut.len() - at <= WORD_MAX)
    {
        cut.truncate(end);
        cut.push_str(" …");
    }
    cut
}

/// A fact's value as people read it: JSON, in one line, shortened.
pub(super) fn value(value: &Value) -> String {
    match value {
        // The quotes stay, so that `"5"` and `5`, or an empty string, can be told apart.
        Value::String(s) => format!("\"{}\"", clip(s, VALUE_MAX)),
        other => clip(&other.to_string(), VALUE_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn long_values_are_shortened() {
        assert_eq!(value(&json!("runc")), "\"runc\"");
        assert_eq!(value(&json!(["a", 1, null])), "[\"a\",1,null]");
        let long = value(&json!("x".repeat(5000)));
        assert_eq!(long.chars().count(), VALUE_MAX + 2);
        assert!(long.ends_with("…\""));
        assert_eq!(clip("12345", 5), "12345");
        assert_eq!(clip("123456", 5), "1234…");
    }
}
