//! `key=value key2="two words"` as Ansible's `parse_kv` reads it: blanks inside quotes and Jinja blocks do not split.

use serde_json::{Map, Value};

/// The variables, every value a text. Words without `=` come together as `_raw_params`.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, &'static str> {
    let mut variables = Map::new();
    let mut raw: Vec<String> = Vec::new();
    for word in split(text)? {
        let decoded = decode_escapes(&word);
        let sign =
            decoded.match_indices('=').map(|(at, _)| at).find(|&at| at > 0 && !decoded[..at].ends_with('\\'));
        match sign {
            Some(at) => {
                let value = unquote(decoded[at + 1..].trim());
                variables.insert(decoded[..at].trim().to_owned(), Value::String(value.to_owned()));
            }
            None if decoded.contains('=') => raw.push(decoded.replace("\\=", "=")),
            None => raw.push(word),
        }
    }
    if !raw.is_empty() {
        variables.insert("_raw_params".to_owned(), Value::String(raw.join(" ")));
    }
    Ok(variables)
}

/// The pairs of brackets inside which blanks do not split.
const BLOCKS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];

fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words: Vec<String> = Vec::new();
    let mut quote = None;
    let mut depths = [0_usize; BLOCKS.len()];
    let lines: Vec<&str> = text.split('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let mut continued = false;
        for (at, token) in line.split(' ').enumerate() {
            if token.is_empty() && at != 0 {
                add(&mut words, " ");
                continue;
            }
            if token == "\\" && quote.is_none() {
                continued = true;
                continue;
            }
            let was_quoted = quote.is_some();
            quote = quote_after(token, quote);
            let nested = |depths: &[usize]| depths.iter().any(|&depth| depth > 0);
            let mut taken = true;
            if quote.is_some() && !was_quoted && !nested(&depths) {
                words.push(token.to_owned());
            } else if nested(&depths) || quote.is_some() || was_quoted {
                let glued = at == 0 && (was_quoted || words.is_empty());
                add(&mut words, &if glued || at == 0 { token.to_owned() } else { format!(" {token}") });
            } else {
                taken = false;
            }
            for (depth, (open, close)) in depths.iter_mut().zip(BLOCKS) {
                let (opened, closed) = (token.matches(open).count(), token.matches(close).count());
                let now = (*depth + opened).saturating_sub(closed);
                if now != *depth && !taken {
                    words.push(token.to_owned());
                    taken = true;
                }
                *depth = now;
            }
            if !nested(&depths) && quote.is_none() && !taken && !token.is_empty() {
                words.push(token.to_owned());
            }
        }
        if lines.len() > 1 && number + 1 != lines.len() && !continued {
            add(&mut words, "\n");
        }
    }
    match (quote, depths.iter().all(|&depth| depth == 0)) {
        (None, true) => Ok(words),
        (Some(_), _) => Err("a quote that is not closed"),
        (None, false) => Err("a Jinja block that is not closed"),
    }
}

/// Behind the last word; the first one, where there is none yet.
fn add(words: &mut Vec<String>, text: &str) {
    match words.last_mut() {
        Some(last) => last.push_str(text),
        None => words.push(text.to_owned()),
    }
}

fn quote_after(token: &str, mut quote: Option<char>) -> Option<char> {
    let mut before = None;
    for c in token.chars() {
        if matches!(c, '"' | '\'') && before != Some('\\') {
            quote = match quote {
                Some(open) if open == c => None,
                Some(open) => Some(open),
                None => Some(c),
            };
        }
        before = Some(c);
    }
    quote
}

fn unquote(text: &str) -> &str {
    let quoted = |quote: char| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.ends_with('\\')).then_some(inner)
    };
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}

/// Python's escapes; what is none stays as it is.
fn decode_escapes(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (c, length) = escape(after).unwrap_or(('\\', 0));
        decoded.push(c);
        rest = &after[length..];
    }
    decoded + rest
}

/// The character that an escape stands for, and how long the escape is.
fn escape(after: &str) -> Option<(char, usize)> {
    let first = after.chars().next()?;
    let plain = match first {
        '\\' | '\'' | '"' => first,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' | 'u' | 'U' => {
            let length = match first {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let digits =
                after.get(1..=length).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
            return Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, length + 1));
        }
        '0'..='7' => {
            let length = after.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            return Some((char::from_u32(u32::from_str_radix(&after[..length], 8).ok()?)?, length));
        }
        _ => return None,
    };
    Some((plain, first.len_utf8()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_those_of_parse_kv() {
        for (text, expected) in [
            ("a=1 b=\"x y\"", json!({"a": "1", "b": "x y"})),
            ("a={{ b c }} d='e'", json!({"a": "{{ b c }}", "d": "e"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a= b", json!({"a": "", "_raw_params": "b"})),
            (r"a=\u0041\n", json!({"a": "A"})),
            ("", json!({})),
        ] {
            assert_eq!(Value::Object(parse(text).unwrap()), expected, "{text}");
        }
        assert!(parse("a='x").is_err() && parse("a={{ x").is_err());
    }
}
