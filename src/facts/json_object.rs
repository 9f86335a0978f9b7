//! JSON read as strictly as a configuration file deserves: one object, no key twice, nothing after.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::merge_conflict::{self, Marker};

/// Reads one JSON object.
///
/// # Errors
/// The position and what is wrong there: not JSON, not an object, a key twice, text after it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("it begins with a byte order mark, which Docker does not take".to_owned());
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty: write {} or remove the file".to_owned());
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader).map_err(|error| {
        let conflict = std::str::from_utf8(bytes).ok().and_then(Marker::first);
        conflict.map_or_else(
            || error.to_string(),
            |marker| format!("line {}: {}; {}", marker.number, marker.message(), merge_conflict::HELP),
        )
    })?;
    reader.end().map_err(|error| format!("text after the object: {error}"))?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err("it is JSON, but not an object".to_owned()),
    }
}

/// Builds a value and refuses a key that stands twice in one object.
#[derive(Clone, Copy)]
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict)?;
            if map.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format!("the key \"{key}\" stands twice")));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn takes_one_object_and_nothing_else() {
        assert!(parse(b" {\"a\": {\"b\": [1, 2.5, null, true]}}\n").is_ok());
        for (bytes, said) in [
            (&b"{\"a\":1,\"a\":2}"[..], "stands twice"),
            (b"{\"a\":{\"b\":1,\"b\":1}}", "\"b\" stands twice"),
            (b"{} {}", "text after"),
            (b"[]", "not an object"),
            (b"", "empty"),
            (b"\xef\xbb\xbf{}", "byte order mark"),
            (b"{\"a\":1,}", "line 1"),
            (b"{\"a\":\"\xff\"}", "unicode"),
            (b"// x\n{}", "line 1"),
            (b"{\n<<<<<<< HEAD\n\"a\": 1\n=======\n\"a\": 2\n>>>>>>> b\n}", "line 2: a merge conflict"),
        ] {
            let error = parse(bytes).expect_err("must be refused");
            assert!(error.contains(said), "{error}");
        }
    }
}
