//! Values in INI inventories: Python's `ast.literal_eval`, and what it refuses stays a text.

use serde_json::{Map, Value};

use crate::inventory::ansible_core::{CoreLookup, CoreRules};
use crate::inventory::number::{from_digits, from_float};
use crate::inventory::variables::{UNSAFE, text};

/// Python gives up on deeper nesting, too.
const MAX_DEPTH: usize = 90;

/// The value of `text`, typed as Ansible does on host lines and in `:vars` sections alike.
pub(super) fn value_of(text: &str, core: &CoreLookup) -> Result<Value, Refused> {
    match literal(text.trim_start_matches([' ', '\t']), core) {
        Some((_, Some(refused))) => Err(refused),
        Some((value, None)) => Ok(value),
        None => Ok(Value::String(text.to_owned())),
    }
}

/// What is a literal, and cannot be read all the same: why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Refused(pub(super) &'static str);

/// A list, set or mapping as a key or in a set (`{{ "x" }}`): Python raises an error that Ansible does not catch.
const UNHASHABLE: Refused = Refused("a list, set or mapping where Python takes only plain values");
/// Python knows the names of all characters, and we do not.
const NAMED_CHARACTER: Refused = Refused("a character by its name (`\\N{…}`)");

/// The value, and what in it is refused.
fn literal(text: &str, core: &CoreLookup) -> Option<(Value, Option<Refused>)> {
    let mut reader = Reader { rest: text, core, depth: 0, refused: None };
    let first = reader.value()?;
    let value = match reader.accept(',') {
        false => first,
        true => {
            let mut items = vec![first];
            while !reader.at_end() {
                items.push(reader.value()?);
                if !reader.accept(',') {
                    break;
                }
            }
            Value::Array(items)
        }
    };
    reader.at_end().then_some((value, reader.refused))
}

struct Reader<'a> {
    rest: &'a str,
    core: &'a CoreLookup,
    depth: usize,
    refused: Option<Refused>,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\u{c}']);
    }

    /// Nothing left but blanks and a comment.
    fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    fn accept(&mut self, c: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.skip_blanks();
        let value = match self.rest.chars().next()? {
            '[' => self.list('[', ']').map(|(items, _)| Value::Array(items)),
            '(' => self.list('(', ')').and_then(|(mut items, comma)| match (items.len(), comma) {
                (1, false) => items.pop(),
                _ => Some(Value::Array(items)),
            }),
            '{' => self.braces(),
            '+' | '-' | '.' | '0'..='9' => self.number(),
            _ => self.name_or_text(),
        };
        self.depth -= 1;
        value
    }

    /// The items between brackets, and whether a comma followed the last one.
    fn list(&mut self, open: char, close: char) -> Option<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        self.accept(open);
        while !self.accept(close) {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.accept(',');
        }
        Some((items, comma))
    }

    /// A dictionary, or a set, which becomes a list.
    fn braces(&mut self) -> Option<Value> {
        self.accept('{');
        let mut entries = Map::new();
        let mut items: Vec<Value> = Vec::new();
        let mut comma = true;
        while !self.accept('}') {
            if !comma {
                return None;
            }
            let item = self.value()?;
            if item.is_array() || (item.is_object() && text(&item).is_none()) {
                self.refused = Some(UNHASHABLE); // tuples are not, but JSON has none as keys
            }
            if self.accept(':') {
                let key = match item.clone() {
                    Value::String(text) => text,
                    Value::Object(_) => text(&item).unwrap_or_default(),
                    other => other.to_string(),
                };
                entries.insert(key, self.value()?);
            } else if !items.contains(&item) {
                items.push(item);
            }
            comma = self.accept(',');
        }
        match (entries.is_empty(), items.is_empty()) {
            (_, true) => Some(Value::Object(entries)),
            (true, false) => Some(Value::Array(items)),
            (false, false) => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        if let Some(rest) = self.rest.strip_prefix("...") {
            self.rest = rest;
            return Some(Value::String("...".to_owned()));
        }
        let negative = self.rest.starts_with('-');
        if self.rest.starts_with(['+', '-']) {
            self.rest = &self.rest[1..];
            self.skip_blanks();
        }
        let end = number_end(self.rest);
        let (digits, rest) = self.rest.split_at(end);
        if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            return None;
        }
        self.rest = rest;
        let value = number(negative, digits)?;
        self.skip_blanks();
        match self.rest.chars().next().filter(|sign| matches!(sign, '+' | '-')) {
            Some(sign) => self.complex(&value, sign),
            None => Some(value),
        }
    }

    /// `1+2j`, which Ansible writes as its text; no other sum is a literal.
    fn complex(&mut self, real: &Value, sign: char) -> Option<Value> {
        let real = real.as_f64()?;
        self.rest = self.rest[1..].trim_start_matches([' ', '\t']);
        let (digits, rest) = self.rest.split_at(number_end(self.rest));
        let imaginary = decimal(digits.strip_suffix(['j', 'J'])?)?;
        self.rest = rest;
        Some(Value::String(format!("({real}{sign}{imaginary}j)")))
    }

    fn name_or_text(&mut self) -> Option<Value> {
        for (name, value) in [("None", Value::Null), ("True", true.into()), ("False", false.into())] {
            if let Some(rest) = self.rest.strip_prefix(name)
                && !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '\'' | '"'))
            {
                self.rest = rest;
                return Some(value);
            }
        }
        if let Some(rest) = self.rest.strip_prefix("set()") {
            self.rest = rest;
            return Some(Value::Array(Vec::new()));
        }
        let (mut text, bytes) = self.text()?;
        loop {
            self.skip_blanks();
            let word = self.rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            if !word.starts_with(['\'', '"']) {
                let text = Value::String(text);
                // Bytes become a text; since ansible-core 2.19 it is no template.
                return Some(if bytes && self.core.rules() == CoreRules::Since2_19 {
                    Value::Object(Map::from_iter([(UNSAFE.to_owned(), text)]))
                } else {
                    text
                });
            }
            let (more, _) = self.text().filter(|(_, other)| *other == bytes)?;
            text.push_str(&more);
        }
    }

    /// One string literal with its prefix, and whether it is of bytes, which become their text.
    fn text(&mut self) -> Option<(String, bool)> {
        let quote = self.rest.find(['\'', '"'])?;
        let prefix = self.rest[..quote].to_ascii_lowercase();
        let raw = match prefix.as_str() {
            "" | "u" | "b" => false,
            "r" | "br" | "rb" => true,
            _ => return None,
        };
        let body = &self.rest[quote..];
        let triple = ["'''", "\"\"\""].into_iter().find(|triple| body.starts_with(triple));
        let close = triple.unwrap_or(&body[..1]);
        let mut rest = &body[close.len()..];
        let mut text = String::new();
        loop {
            if let Some(after) = rest.strip_prefix(close) {
                self.rest = after;
                return Some((text, prefix.contains('b')));
            }
            let c = rest.chars().next()?;
            rest = &rest[c.len_utf8()..];
            if c != '\\' {
                text.push(c);
            } else if raw {
                let escaped = rest.chars().next()?;
                text.extend(['\\', escaped]);
                rest = &rest[escaped.len_utf8()..];
            } else {
                if rest.starts_with("N{") && !prefix.contains('b') {
                    self.refused = Some(NAMED_CHARACTER);
                }
                rest = escape(rest, &mut text)?;
            }
        }
    }
}

/// One escape sequence after its backslash; gives back what follows it.
fn escape<'a>(rest: &'a str, text: &mut String) -> Option<&'a str> {
    let c = rest.chars().next()?;
    let after = &rest[c.len_utf8()..];
    let plain = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' => c,
        'x' | 'u' | 'U' => {
            let length = match c {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let digits = after.get(..length).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
            return Some(&after[length..]);
        }
        '0'..='7' => {
            let length = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            text.push(char::from_u32(u32::from_str_radix(&rest[..length], 8).ok()?)?);
            return Some(&rest[length..]);
        }
        'N' => return after.split_once('}').map(|(_, after)| after),
        _ => {
            text.push('\\');
            c
        }
    };
    text.push(plain);
    Some(after)
}

/// Where a number literal ends.
fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let based = text.len() > 1 && bytes[0] == b'0' && b"xXoObB".contains(&bytes[1]);
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        let exponent_sign =
            !based && end > 0 && matches!(byte, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E');
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || exponent_sign) {
            break;
        }
        end += 1;
    }
    end
}

fn number(negative: bool, text: &str) -> Option<Value> {
    if text.contains("__") || text.ends_with('_') || text.starts_with('_') {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return from_digits(negative, digits, radix);
        }
    }
    if let Some(imaginary) = lower.strip_suffix('j') {
        // Ansible writes a complex number as its text.
        let digits = decimal(imaginary)?;
        let text = if negative { format!("(-0-{digits}j)") } else { format!("{digits}j") };
        return Some(Value::String(text));
    }
    if lower.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        let zero = lower.bytes().all(|b| matches!(b, b'0' | b'_'));
        if lower.starts_with('0') && !zero {
            return None;
        }
        return from_digits(negative, &lower, 10);
    }
    decimal(&lower).map(|value| from_float(if negative { -value } else { value }))
}

fn decimal(text: &str) -> Option<f64> {
    let digit_at = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let sound = text.match_indices('_').all(|(at, _)| at > 0 && digit_at(at - 1) && digit_at(at + 1));
    let known = text.bytes().all(|b| b.is_ascii_digit() || b"._e+-".contains(&b));
    if !sound || !known || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_those_of_literal_eval() {
        let newer = CoreLookup::from(CoreRules::Since2_19);
        assert_eq!(value_of("b'abc'", &CoreRules::UpTo2_18.into()), Ok(json!("abc")));
        for (text, value) in [
            ("5", json!(5)),
            ("5 # c", json!(5)),
            ("5#3", json!(5)),
            ("\"x\" # y", json!("x")),
            ("1,2", json!([1, 2])),
            ("{'a': [1, 2.50, None, True, (1,)]}", json!({"a": [1, 2.5, null, true, [1]]})),
            ("yes", json!("yes")),
            ("True", json!(true)),
            ("true", json!("true")),
            ("0x1F", json!(31)),
            ("010", json!("010")),
            ("00", json!(0)),
            ("1_000", json!(1000)),
            ("\"a\" \"b\"", json!("ab")),
            ("#fff", json!("#fff")),
            ("m'abc'", json!("m'abc'")),
            ("b'abc'", json!({"__ansible_unsafe": "abc"})),
            ("1+2j", json!("(1+2j)")),
            ("-1.5 - 2j", json!("(-1.5-2j)")),
            ("3j", json!("3j")),
            ("1+2", json!("1+2")),
            ("{1,}", json!([1])),
            ("{}", json!({})),
            ("()", json!([])),
            ("(5)", json!(5)),
            ("-5", json!(-5)),
            ("- 1", json!(-1)),
            ("--1", json!("--1")),
            ("1e3", json!(1000.0)),
            (".5", json!(0.5)),
            ("", json!("")),
            ("...", json!("...")),
            ("{1: 2}", json!({"1": 2})),
            (r"'it\'s\x41\d'", json!(r"it'sA\d")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("[a, b]", json!("[a, b]")),
            ("[1 2]", json!("[1 2]")),
            ("{{ x }}", json!("{{ x }}")),
            ("1.2.3", json!("1.2.3")),
            ("2024-01-01", json!("2024-01-01")),
            ("5Gi", json!("5Gi")),
            (
                "123456789012345678901234567890",
                json!({"__ansible_integer": "123456789012345678901234567890"}),
            ),
            ("[-99999999999999999999]", json!([{"__ansible_integer": "-99999999999999999999"}])),
            ("'open", json!("'open")),
        ] {
            assert_eq!(value_of(text, &newer), Ok(value), "{text}");
        }
        assert!(value_of(&"[".repeat(10_000), &newer).is_ok_and(|value| value.is_string()));
        for text in ["{{ 'a' }}", "{[1]: 2}", "[{{1}}]"] {
            assert_eq!(value_of(text, &newer), Err(UNHASHABLE), "{text}");
        }
        assert_eq!(value_of(r"'\N{BULLET}'", &newer), Err(NAMED_CHARACTER));
    }
}
