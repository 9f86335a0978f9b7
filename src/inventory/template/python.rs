//! How Python writes values as text.

use super::stop::{Stop, Yield};
use super::value::Val;

/// Python's `str()`.
pub(super) fn str_of(value: &Val<'_>) -> Yield<String> {
    match value {
        Val::Text(text) => Ok(text.to_string()),
        other => {
            let mut text = String::new();
            repr(other, &mut text)?;
            Ok(text)
        }
    }
}

/// Python's `repr()`; every part is templated by now.
fn repr(value: &Val<'_>, into: &mut String) -> Yield<()> {
    match value {
        Val::Undefined(name) => return Err(Stop::undefined(name)),
        Val::Null => into.push_str("None"),
        Val::Bool(true) => into.push_str("True"),
        Val::Bool(false) => into.push_str("False"),
        Val::Int(number) => into.push_str(&number.to_string()),
        Val::Big(digits) => into.push_str(digits),
        Val::Float(float) => into.push_str(&float_text(*float)),
        Val::Text(text) => quoted(text, into),
        Val::List(items) => {
            into.push('[');
            for (at, item) in items.iter().enumerate() {
                into.push_str(if at > 0 { ", " } else { "" });
                repr(item, into)?;
            }
            into.push(']');
        }
        Val::Map(map) => {
            into.push('{');
            for (at, (key, item)) in map.in_order()?.iter().enumerate() {
                into.push_str(if at > 0 { ", " } else { "" });
                quoted(key, into);
                into.push_str(": ");
                repr(item, into)?;
            }
            into.push('}');
        }
        Val::Raw(..) | Val::Hostvars | Val::Groups | Val::Host(_) | Val::Facts(_) | Val::Omit => {
            return Err(Stop::undecidable(format!("{} as a text", value.kind())));
        }
    }
    Ok(())
}

/// A float as Python writes it: `1.0`, `1e+22`, `1e-07`.
pub(super) fn float_text(float: f64) -> String {
    if !float.is_finite() {
        let name = if float.is_nan() { "nan" } else { "inf" };
        return format!("{}{name}", if float < 0.0 { "-" } else { "" });
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = float.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn quoted(text: &str, into: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    into.push(quote);
    for c in text.chars() {
        match c {
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\\' => into.push_str("\\\\"),
            c if c == quote => into.extend(['\\', c]),
            c if c.is_control() => into.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => into.push(c),
        }
    }
    into.push(quote);
}
