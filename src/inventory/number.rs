//! Python's numbers as JSON can hold them.

use serde_json::{Map, Number, Value};

/// The key under which an integer is kept that 64 bits do not hold: its decimal digits, signed.
pub(super) const INTEGER: &str = "__ansible_integer";

/// Python reads and writes no decimal integers that are longer.
pub(super) const LONGEST_INTEGER: usize = 4300;

/// The integer that digits (with `_` between them) write in a base; `None` where they are no digits, or too many.
pub(super) fn from_digits(negative: bool, digits: &str, radix: u32) -> Option<Value> {
    let mut whole = Whole::default();
    for c in digits.chars().filter(|c| *c != '_') {
        whole.push(radix, c.to_digit(radix)?)?;
    }
    digits.contains(|c| c != '_').then(|| whole.to_value(negative))
}

/// An integer of any size while it is read.
#[derive(Default)]
pub(super) struct Whole {
    /// Nine decimal digits each, the lowest first.
    groups: Vec<u64>,
}

impl Whole {
    const GROUP: u64 = 1_000_000_000;

    /// Appends a digit in a base; `None` where the number becomes too long.
    pub(super) fn push(&mut self, radix: u32, digit: u32) -> Option<()> {
        let mut carry = u64::from(digit);
        for group in &mut self.groups {
            carry += *group * u64::from(radix);
            *group = carry % Self::GROUP;
            carry /= Self::GROUP;
        }
        if carry > 0 {
            self.groups.push(carry);
        }
        (self.groups.len() <= LONGEST_INTEGER.div_ceil(9)).then_some(())
    }

    /// As JSON: a number where 64 bits hold it.
    pub(super) fn to_value(&self, negative: bool) -> Value {
        let mut groups = self.groups.iter().rev();
        let mut digits = groups.next().map_or("0".to_owned(), u64::to_string);
        groups.for_each(|group| digits += &format!("{group:09}"));
        if negative && digits != "0" {
            digits.insert(0, '-');
        }
        match (digits.parse::<i64>(), digits.parse::<u64>()) {
            (Ok(number), _) => Value::from(number),
            (_, Ok(number)) => Value::from(number),
            _ => Value::Object(Map::from_iter([(INTEGER.to_owned(), Value::String(digits))])),
        }
    }
}

/// The digits of an integer that is beyond 64 bits.
pub(super) fn beyond_64_bits(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(INTEGER)?.as_str()
}

/// A float; the infinities and NaN, which JSON has not, stay texts.
pub(super) fn from_float(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => Value::String("NaN".to_owned()),
        None => Value::String(if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_keep_all_their_digits() {
        for (negative, digits, radix, value) in [
            (false, "0", 10, json!(0)),
            (true, "0", 10, json!(0)),
            (false, "1_000", 10, json!(1000)),
            (true, "9223372036854775808", 10, json!(i64::MIN)),
            (false, "18446744073709551615", 10, json!(u64::MAX)),
            (false, "18446744073709551616", 10, json!({INTEGER: "18446744073709551616"})),
            (true, "100000000000000000000000000001", 10, json!({INTEGER: "-100000000000000000000000000001"})),
            (false, "ffffffffffffffffffffffff", 16, json!({INTEGER: "79228162514264337593543950335"})),
            (false, "2000000000000000000000", 8, json!({INTEGER: "18446744073709551616"})),
        ] {
            assert_eq!(from_digits(negative, digits, radix), Some(value), "{digits}");
        }
        assert_eq!(from_digits(false, "_", 10), None);
        assert_eq!(from_digits(false, "12a", 10), None);
        assert_eq!(from_digits(false, &"9".repeat(5000), 10), None);
    }
}
