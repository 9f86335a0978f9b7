//! Laws of the edit, for any JSON object in any layout.

use airworthy::fix::daemon_json::edit;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::fixtures::wish;

/// White space as people write it.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just(" ".to_owned()),
        Just("\n  ".to_owned()),
        Just("\r\n\t".to_owned()),
        Just("\n\n    ".to_owned()),
    ]
}

/// A value as text, with white space anywhere it may stand.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1.50e+2".to_owned()),
        Just("12345678901234567890".to_owned()),
        "[a-z{}\\[\\],:\"\\\\ é<&]{0,8}".prop_map(|text| Value::from(text).to_string()),
        Just("\"nvidia\"".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            (prop::collection::vec((space(), inner.clone(), space()), 0..4)).prop_map(|items| {
                let items: Vec<String> = items.into_iter().map(|(a, item, b)| a + &item + &b).collect();
                format!("[{}]", items.join(","))
            }),
            object(inner),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("default-runtime".to_owned()),
        Just("runtimes".to_owned()),
        Just("nvidia".to_owned()),
        Just("path".to_owned()),
        Just("runtimeArgs".to_owned()),
        "[a-z\"\\\\é]{1,4}",
    ]
}

/// Members of an object: white space, key, and so on.
fn object(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (space(), key(), space(), space(), inner, space());
    (prop::collection::vec(member, 0..5), space()).prop_map(|(members, blank)| {
        let mut seen = Vec::new();
        let mut texts = Vec::new();
        for (a, key, b, c, value, d) in members {
            if !seen.contains(&key) {
                texts.push(format!("{a}{}{b}:{c}{value}{d}", Value::from(key.clone())));
                seen.push(key);
            }
        }
        if texts.is_empty() { format!("{{{blank}}}") } else { format!("{{{}}}", texts.join(",")) }
    })
}

/// The object with the wish put in, by way of values; `None` where the wish has no place.
fn merged(before: &Value) -> Option<Value> {
    let mut map = before.as_object()?.clone();
    if map.get("default-runtime").is_some_and(|value| !value.is_string() && !value.is_null()) {
        return None;
    }
    map.insert("default-runtime".to_owned(), json!("nvidia"));
    let path = wish().runtime_path;
    let whole = json!({ "path": path, "runtimeArgs": [] });
    let runtimes = match map.get("runtimes") {
        None | Some(Value::Null) => json!({ "nvidia": whole }),
        Some(Value::Object(runtimes)) => {
            let mut runtimes: Map<String, Value> = runtimes.clone();
            match runtimes.get_mut("nvidia") {
                None => drop(runtimes.insert("nvidia".to_owned(), whole)),
                Some(slot @ Value::Null) => *slot = whole,
                Some(Value::Object(runtime)) => match runtime.get("path") {
                    None | Some(Value::Null) => drop(runtime.insert("path".to_owned(), json!(path))),
                    Some(Value::String(text)) if text.is_empty() => {
                        drop(runtime.insert("path".to_owned(), json!(path)));
                    }
                    Some(Value::String(_)) => {}
                    Some(_) => return None,
                },
                Some(_) => return None,
            }
            Value::Object(runtimes)
        }
        Some(_) => return None,
    };
    map.insert("runtimes".to_owned(), runtimes);
    Some(Value::Object(map))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn after_is_before_with_the_wish_and_no_other_byte_moves(
        lead in space(), text in object(value()), trail in space()
    ) {
        let text = format!("{lead}{text}{trail}");
        let before: Value = serde_json::from_str(&text).expect("it is JSON");
        match (edit(Some(text.as_bytes()), &wish()), merged(&before)) {
            (Ok(edit), Some(wanted)) => {
                let after: Value = serde_json::from_str(&edit.after).expect("it is JSON");
                prop_assert_eq!(&after, &wanted, "{}", edit.after);
                // Outside the splices the bytes are those of before, in order; and what a splice takes away is a leaf that
                // was wrong, or white space.
                let (mut old, mut new) = (0, 0);
                for splice in &edit.splices {
                    let kept = splice.range.start - old;
                    prop_assert_eq!(&text[old..splice.range.start], &edit.after[new..new + kept]);
                    old = splice.range.end;
                    new += kept;
                    prop_assert!(edit.after[new..].starts_with(&splice.text));
                    new += splice.text.len();
                    let gone = text[splice.range.clone()].trim();
                    let is_leaf = gone.is_empty() || !gone.starts_with(['{', '[']);
                    prop_assert!(is_leaf, "{gone}");
                }
                prop_assert_eq!(&text[old..], &edit.after[new..]);
                prop_assert_eq!(edit.splices.is_empty(), before == wanted);
                let again = airworthy::fix::daemon_json::edit(Some(edit.after.as_bytes()), &wish()).expect("a plan");
                prop_assert!(again.splices.is_empty());
            }
            (Err(_), None) => {}
            (edit, wanted) => prop_assert!(false, "{text}\n{edit:?}\n{wanted:?}"),
        }
    }

    #[test]
    fn no_bytes_make_it_panic_and_none_but_an_object_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(edit) = edit(Some(&bytes), &wish()) {
            let blank = bytes.iter().all(u8::is_ascii_whitespace);
            let object = serde_json::from_slice::<Map<String, Value>>(&bytes).is_ok();
            prop_assert!(blank || object, "{}", edit.after);
        }
    }

    #[test]
    fn text_that_looks_like_json_is_taken_or_refused(text in "[{}\\[\\]:,\" a-c0-9\\\\\n/#é-]{0,40}") {
        if edit(Some(text.as_bytes()), &wish()).is_ok() && !text.trim().is_empty() {
            prop_assert!(serde_json::from_str::<Map<String, Value>>(&text).is_ok());
        }
    }
}
