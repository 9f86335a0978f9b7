//! What a plain scalar means: PyYAML's resolver, which is YAML 1.1 (`yes`, `0644`, `1:30`).

use serde_json::Value;

use super::super::number::{LONGEST_INTEGER, Whole, beyond_64_bits, from_digits, from_float};

/// The value of a plain (unquoted) scalar.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Value::String(text.to_owned());
    }
    integer(text)
        .or_else(|| float(text))
        .or_else(|| timestamp(text).map(Value::String))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The value of a scalar with the tag `!!int`, `!!float`, `!!bool` or `!!timestamp`; `None` if it is none of that type.
pub(super) fn typed(tag: &str, text: &str) -> Option<Value> {
    let value = resolve(text);
    match tag {
        "int" => {
            Some(value).filter(|value| value.is_i64() || value.is_u64() || beyond_64_bits(value).is_some())
        }
        "bool" => Some(resolve(&text.to_lowercase())).filter(Value::is_boolean),
        "timestamp" => timestamp(text).map(Value::String),
        _ if value.is_number() => value.as_f64().map(from_float),
        _ => float(text).or_else(|| text.replace('_', "").parse().ok().map(from_float)),
    }
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn only(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(|c| c == '_' || allowed(c))
}

fn integer(text: &str) -> Option<Value> {
    let (negative, rest) = signed(text);
    if let Some(digits) = rest.strip_prefix("0b") {
        return only(digits, |c| matches!(c, '0' | '1')).then(|| from_digits(negative, digits, 2))?;
    }
    if let Some(digits) = rest.strip_prefix("0x") {
        return only(digits, |c| c.is_ascii_hexdigit()).then(|| from_digits(negative, digits, 16))?;
    }
    if rest == "0" {
        return Some(Value::from(0));
    }
    if let Some(digits) = rest.strip_prefix('0') {
        return only(digits, |c| ('0'..='7').contains(&c)).then(|| from_digits(negative, rest, 8))?;
    }
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut parts = rest.split(':');
    let first = parts.next().filter(|part| only(part, |c| c.is_ascii_digit()))?;
    let sixties: Vec<&str> = parts.collect();
    if sixties.is_empty() {
        return from_digits(negative, first, 10);
    }
    let mut value = Whole::default();
    for digit in first.chars().filter_map(|c| c.to_digit(10)) {
        value.push(10, digit)?;
    }
    for part in sixties {
        value.push(60, sexagesimal_digit(part)?)?;
    }
    Some(value.to_value(negative))
}

/// `[0-5]?[0-9]`
fn sexagesimal_digit(part: &str) -> Option<u32> {
    let sound = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
    part.parse().ok().filter(|&value| sound && value < 60)
}

fn float(text: &str) -> Option<Value> {
    let (negative, rest) = signed(text);
    let sign = if negative { -1.0 } else { 1.0 };
    match rest {
        ".inf" | ".Inf" | ".INF" => return Some(from_float(sign * f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if rest == text => return Some(from_float(f64::NAN)),
        _ => {}
    }
    let (whole, fraction) = rest.split_once('.')?;
    if whole.is_empty() && rest.len() != text.len() {
        return None; // `+.5` is a text
    }
    let (digits, exponent) = match fraction.find(['e', 'E']) {
        Some(at) => (&fraction[..at], Some(&fraction[at + 1..])),
        None => (fraction, None),
    };
    if !digits.chars().all(|c| c == '_' || c.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    if let Some((first, rest)) = whole.split_once(':') {
        if exponent.is_some() || !starts_with_digit(first) {
            return None;
        }
        let mut value: f64 = first.replace('_', "").parse().ok()?;
        for part in rest.split(':') {
            value = value * 60.0 + f64::from(sexagesimal_digit(part)?);
        }
        let fraction: f64 = format!("0.{digits}0").parse().ok()?;
        return Some(from_float(sign * (value + fraction)));
    }
    if whole.is_empty() && !fraction.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !whole.is_empty() && !starts_with_digit(whole) {
        return None;
    }
    let power = match exponent {
        None => "+0",
        Some(power) => {
            let digits = power.strip_prefix(['+', '-'])?;
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            power
        }
    };
    let value: f64 = format!("0{}.{digits}0e{power}", whole.replace('_', "")).parse().ok()?;
    Some(from_float(sign * value))
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && only(text, |c| c.is_ascii_digit())
}

/// A date stays as it is; a date with a time is written as Python's `isoformat` does.
fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (year, rest) = (text.get(..4)?, text.get(4..)?.strip_prefix('-')?);
    if !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if bytes.len() == 10 {
        return text.parse::<jiff::civil::Date>().ok().map(|_| text.to_owned());
    }
    let (month, rest) = rest.split_once('-')?;
    let cut = rest.find(['T', 't', ' ', '\t'])?;
    let (day, rest) = (&rest[..cut], rest[cut..].trim_start_matches(['T', 't', ' ', '\t']));
    let (hour, rest) = rest.split_once(':')?;
    let (minute, rest) = (rest.get(..2)?, rest.get(2..)?.strip_prefix(':')?);
    let (second, mut rest) = (rest.get(..2)?, rest.get(2..)?);
    let mut written = format!("{year}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute}:{second}");
    written.parse::<jiff::civil::DateTime>().ok()?;
    if let Some(after) = rest.strip_prefix('.') {
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let micros: String = format!("{:0<6}", &after[..end]).chars().take(6).collect();
        if micros != "000000" {
            written = format!("{written}.{micros}");
        }
        rest = &after[end..];
    }
    match rest.trim_start_matches([' ', '\t']) {
        "" => {}
        "Z" => written.push_str("+00:00"),
        zone => {
            let sign = zone.get(..1).filter(|sign| matches!(*sign, "+" | "-"))?;
            let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "00"));
            let sound = |part: &str| (1..=2).contains(&part.len()) && part.parse::<u8>().is_ok();
            if !sound(hours) || !sound(minutes) {
                return None;
            }
            written = format!("{written}{sign}{hours:0>2}:{minutes:0>2}");
        }
    }
    Some(written)
}

/// The value of a literal in a JSON document.
pub(super) fn resolve_json(text: &str) -> Value {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.bytes().all(|b| b.is_ascii_digit()).then(|| from_digits(digits != text, digits, 10));
    match (whole.flatten(), text.parse::<f64>()) {
        (Some(whole), _) => whole,
        (None, Ok(number)) => from_float(number),
        (None, Err(_)) => resolve(text),
    }
}

/// Whether it is an integer that Python refuses for its length.
pub(super) fn is_too_long(text: &str) -> bool {
    text.len() > LONGEST_INTEGER
        && text.bytes().all(|b| b.is_ascii_digit() || b"+-_".contains(&b))
        && text.bytes().filter(u8::is_ascii_digit).count() > LONGEST_INTEGER
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_mean_what_pyyaml_says() {
        for (text, value) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("", Value::Null),
            ("~", Value::Null),
            ("0644", json!(420)),
            ("0o644", json!("0o644")),
            ("08", json!("08")),
            ("1_000", json!(1000)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("1:30", json!(90)),
            ("1:75", json!("1:75")),
            ("1:30.5", json!(90.5)),
            ("1e3", json!("1e3")),
            ("1.5e+3", json!(1500.0)),
            ("1.0e3", json!("1.0e3")),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-5", json!(-5)),
            ("1.2.3", json!("1.2.3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("2001-12-14", json!("2001-12-14")),
            ("2001-12-14 21:59:43.10 -5", json!("2001-12-14T21:59:43.100000-05:00")),
            ("2001-12-14t21:59:43Z", json!("2001-12-14T21:59:43+00:00")),
            ("-", json!("-")),
            ("+", json!("+")),
            (".", json!(".")),
            ("10.233.0.0/18", json!("10.233.0.0/18")),
            ("123456789012345678901", json!({"__ansible_integer": "123456789012345678901"})),
            ("-0x1_0000_0000_0000_0000", json!({"__ansible_integer": "-18446744073709551616"})),
            ("99999999999999999999:59", json!({"__ansible_integer": "5999999999999999999999"})),
            ("60Gi", json!("60Gi")),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }
}
