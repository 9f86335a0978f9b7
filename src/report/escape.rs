//! The one place where text that came from a host, an inventory or a check file is made fit to be
//! shown. A hostile value can neither drive the terminal nor forge a line of the report.

use serde_json::Value;
use unicode_width::UnicodeWidthChar;

/// Longer values are shortened for people; the JSON report has them whole.
pub(super) const VALUE_MAX: usize = 120;

/// Longer messages and reasons are shortened for people: some quote what a host wrote to stderr.
const SENTENCE_MAX: usize = 400;

/// Longer names, paths and sources are shortened for people; those of DNS and of facts fit.
pub(super) const NAME_MAX: usize = 80;

/// How far back from its longest a shortened text may end, in bytes, to end with a whole word.
const WORD_MAX: usize = 60;

/// Makes every control, bidirectional and invisible character visible instead of effective. What
/// remains is one line, and each of its characters takes at least one column. Idempotent.
pub fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => shown.push('␤'),
            '\t' => shown.push(' '),
            '\0'..='\x1f' => shown.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('�')),
            '\x7f' => shown.push('␡'),
            c if is_effective(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a character would act on the line, or hide in it, instead of standing in it.
fn is_effective(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{ad}')
        || c.width().unwrap_or(0) == 0
}

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
    fn controls_are_seen_and_do_nothing() {
        assert_eq!(clean("a\x1b[31mb\r\nc\td\x7f\0"), "a␛[31mb␤c d␡␀");
        assert_eq!(clean("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(clean("x\u{202e}y\u{2069}z\u{200b}\u{feff}"), "x\\u{202e}y\\u{2069}z\\u{200b}\\u{feff}");
        assert_eq!(clean("e\u{301}\u{fe0f}\u{e0041}"), "e\\u{301}\\u{fe0f}\\u{e0041}");
        assert_eq!(clean("größer, 東京"), "größer, 東京");
    }

    #[test]
    fn cleaning_twice_changes_nothing_more() {
        let hostile: String = (0u32..0x3000).filter_map(char::from_u32).collect();
        let once = clean(&hostile);
        assert_eq!(clean(&once), once);
        assert!(once.chars().all(|c| !c.is_control() && c.width().unwrap_or(0) > 0));
    }

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
