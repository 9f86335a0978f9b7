//! Python's numbers as JSON can hold them.

use serde_json::{Number, Value};

/// The number that digits (with `_` between them) write in a base. One beyond 64 bits stays a text;
/// `None` where that text would not be decimal.
pub(super) fn from_digits(negative: bool, digits: &str, radix: u32) -> Option<Value> {
    let digits = digits.replace('_', "");
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let signed = format!("{sign}{digits}");
    Some(match (i64::from_str_radix(&signed, radix), u64::from_str_radix(&signed, radix)) {
        (Ok(number), _) => Value::from(number),
        (_, Ok(number)) => Value::from(number),
        _ if radix == 10 => Value::String(signed),
        _ => return None,
    })
}

/// A float; the infinities and NaN, which JSON has not, stay texts.
pub(super) fn from_float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::String("NaN".to_owned()),
        None => Value::String(if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
    }
}
