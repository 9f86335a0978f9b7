//! Makes text from outside (a host, an inventory, a file, its name) harmless where it is shown: the one list of characters that
//! drive a terminal, reorder a line or hide in it. Names no other module.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// A text as one line: each control, bidirectional and invisible character is seen instead of effective. Each character of the
/// result takes at least one column. Idempotent.
pub fn line(text: &str) -> String {
    escaped(text, '␤', ' ')
}

/// The same, where line ends and tabs stay what they are.
pub fn lines(text: &str) -> Cow<'_, str> {
    match text.chars().all(|c| matches!(c, '\n' | '\t') || !is_effective(c)) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(escaped(text, '\n', '\t')),
    }
}

/// Lines in which the sequences stay that set colours and weights (SGR), and no other: for what is laid out from text that was
/// escaped before.
pub fn styled_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        let behind = &rest[at + 2..];
        let length = behind.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(behind.len());
        let is_style = behind[length..].starts_with('m');
        let end = if is_style { at + 2 + length + 1 } else { at + 2 };
        shown.push_str(&lines(&rest[..at]));
        match is_style {
            true => shown.push_str(&rest[at..end]),
            false => shown.push_str(&lines(&rest[at..end])),
        }
        rest = &rest[end..];
    }
    shown + &lines(rest)
}

/// A text as long as it was, byte for byte, so that places in it still fit; line ends and tabs stay.
pub fn of_same_length(text: &str) -> String {
    let replacement = |c: char| match c.len_utf8() {
        _ if matches!(c, '\n' | '\t') || !is_effective(c) => c.to_string(),
        3 => "\u{fffd}".to_owned(),
        4 => "\u{fffd}?".to_owned(),
        length => " ".repeat(length),
    };
    text.chars().map(replacement).collect()
}

/// JSON in which no such character stands raw: it has the same values. Beyond ASCII, JSON has characters in its texts alone.
pub fn json(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte < 0x7f) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        match c as u32 >= 0x7f && is_effective(c) {
            true => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    shown.push_str(&format!("\\u{unit:04x}"));
                }
            }
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn escaped(text: &str, line_end: char, tab: char) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => shown.push(line_end),
            '\t' => shown.push(tab),
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
    if matches!(c, ' '..='~') {
        return false;
    }
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{ad}' | '\u{3164}' | '\u{ffa0}')
        || c.width().unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_seen_and_do_nothing() {
        assert_eq!(line("a\x1b[31mb\r\nc\td\x7f\0"), "a␛[31mb␤c d␡␀");
        assert_eq!(line("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(line("x\u{202e}y\u{2069}z\u{200b}\u{feff}"), "x\\u{202e}y\\u{2069}z\\u{200b}\\u{feff}");
        assert_eq!(line("e\u{301}\u{fe0f}\u{e0041}"), "e\\u{301}\\u{fe0f}\\u{e0041}");
        assert_eq!(line("größer, 東京"), "größer, 東京");
        assert_eq!(lines("a\x1b]0;x\x07\n\tb\r\nc\r"), "a␛]0;x␇\n\tb\nc␍");
        assert_eq!(lines("\u{61c}\u{200e}\u{2028}"), "\\u{61c}\\u{200e}\\u{2028}");
    }

    #[test]
    fn escaping_twice_changes_nothing_more() {
        let hostile: String = (0u32..0x3200).chain([0xfeff, 0xe0041]).filter_map(char::from_u32).collect();
        let once = line(&hostile);
        assert_eq!(line(&once), once);
        assert!(once.chars().all(|c| !c.is_control() && c.width().unwrap_or(0) > 0));
        let once = lines(&hostile).into_owned();
        assert_eq!(lines(&once), once);
    }

    #[test]
    fn of_escape_sequences_only_styles_stay() {
        assert_eq!(styled_lines("\x1b[1;31mFAIL\x1b[0m x\n"), "\x1b[1;31mFAIL\x1b[0m x\n");
        assert_eq!(styled_lines("\x1b[2J\x1b]0;x\x07\x1b[3"), "␛[2J␛]0;x␇␛[3");
        assert_eq!(styled_lines("\x1b[1\x1b[1m"), "␛[1\x1b[1m");
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({"a\u{9b}": "x\x7f\u{202e}ü\u{e0041}\n", "b": [1, null]});
        let text = serde_json::to_string(&value).expect("JSON");
        let shown = json(&text);
        assert!(shown.contains("\\u009b") && shown.contains("\\u007f\\u202eü\\udb40\\udc41"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
        assert_eq!(json("{\"ü\": 1}"), "{\"ü\": 1}");
    }

    #[test]
    fn places_in_a_text_stay() {
        for text in ["a\u{9b}b\u{202e}\u{e0041}\x1b\tü\n", ""] {
            let shown = of_same_length(text);
            assert_eq!(shown.len(), text.len());
            assert!(shown.chars().all(|c| matches!(c, '\n' | '\t') || !is_effective(c)), "{shown:?}");
        }
    }
}
