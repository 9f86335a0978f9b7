//! Filters: Jinja's and Ansible's own that inventories use. One that is not here stops the template.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::evaluate::{Args, Evaluation};
use super::made::{Text, TextBuilder};
use super::python::float_text;
use super::stop::{Stop, Yield};
use super::value::{Val, beyond_64_bits};
use super::{collection, pattern};

/// Applies a filter.
pub(super) fn apply<'v>(
    own: &mut Evaluation<'v, '_>,
    name: &str,
    input: Val<'v>,
    args: &Args<'v>,
) -> Yield<Val<'v>> {
    let name = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    // These see what is undefined.
    match name {
        "default" | "d" => return default(own, &input, args),
        "mandatory" => {
            return match &input {
                Val::Undefined(of) => Err(Stop::undefined(of)),
                _ => Ok(input),
            };
        }
        _ => {}
    }
    if let Val::Undefined(of) = &input {
        return Err(Stop::undefined(of));
    }
    if matches!((name, &input), ("bool" | "int" | "float" | "abs" | "round", Val::Big(_))) {
        return Err(beyond_64_bits());
    }
    match name {
        "bool" => boolean(&input),
        "int" => {
            args.only(1, &["default"])?;
            let fallback = args.get(0, "default").cloned().unwrap_or(Val::Int(0));
            Ok(whole(&input)?.map_or(fallback, Val::Int))
        }
        "float" => {
            args.only(1, &["default"])?;
            let fallback = args.get(0, "default").cloned().unwrap_or(Val::Float(0.0));
            let parsed = match &input {
                Val::Text(text) => text.trim().parse::<f64>().ok(),
                other => other.number(),
            };
            Ok(parsed.map_or(fallback, Val::Float))
        }
        "string" | "lower" | "upper" | "capitalize" | "trim" | "replace" | "split" | "quote"
        | "b64encode" | "b64decode" | "basename" | "dirname" | "from_json" => {
            let input = own.deep(input)?;
            let text = own.str_of(&input)?;
            own.scan(text.len())?;
            of_text(own, name, &text, args)
        }
        "regex_replace" | "regex_search" | "regex_findall" | "regex_escape" => {
            let input = own.deep(input)?;
            let text = own.str_of(&input)?;
            pattern::apply(own, name, &text, args)
        }
        "length" | "count" => {
            args.only(0, &[])?;
            let count = match &input {
                Val::Text(text) => {
                    own.scan(text.len())?;
                    text.chars().count()
                }
                Val::List(items) => items.len(),
                Val::Map(map) => map.entries().len(),
                Val::Hostvars => own.scene.hosts().len(),
                other => return Err(Stop::failed(format!("{} has no length", other.kind()))),
            };
            Ok(Val::length(count))
        }
        "ternary" => {
            args.only(3, &["true_val", "false_val", "none_val"])?;
            let wanted = match (&input, args.get(2, "none_val")) {
                (Val::Null, Some(other)) => Some(other),
                _ if input.is_true()? => args.get(0, "true_val"),
                _ => args.get(1, "false_val"),
            };
            wanted.cloned().ok_or_else(|| Stop::failed("`ternary` without its two values"))
        }
        "abs" => match &input {
            Val::Int(number) => Ok(Val::Int(number.saturating_abs())),
            Val::Float(float) => Ok(Val::Float(float.abs())),
            other => Err(Stop::failed(format!("`abs` of {}", other.kind()))),
        },
        "round" => {
            args.only(0, &[])?;
            let number = input.number().ok_or_else(|| Stop::failed("`round` of what is no number"))?;
            Ok(Val::Float(number.round_ties_even()))
        }
        "to_json" | "tojson" | "to_nice_json" | "to_yaml" | "to_nice_yaml" => {
            Err(Stop::undecidable(format!("the filter `{name}`")))
        }
        _ => collection::apply(own, name, input, args),
    }
}

fn default<'v>(own: &mut Evaluation<'v, '_>, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    args.only(2, &["default_value", "boolean"])?;
    let falsy_too = match args.get(1, "boolean") {
        Some(value) => value.is_true()?,
        None => false,
    };
    let missing = matches!(input, Val::Undefined(_)) || (falsy_too && !input.is_true()?);
    match missing {
        true => args.get(0, "default_value").cloned().map_or_else(|| own.text(""), Ok),
        false => Ok(input.clone()),
    }
}

/// Ansible's `bool`; what it only coerces with a warning is false.
fn boolean<'v>(input: &Val<'v>) -> Yield<Val<'v>> {
    Ok(Val::Bool(match input {
        Val::Bool(value) => *value,
        Val::Int(number) => *number == 1,
        Val::Float(float) => (*float - 1.0).abs() < f64::EPSILON,
        Val::Text(text) => {
            matches!(text.to_lowercase().as_str(), "yes" | "on" | "1" | "true" | "t" | "y")
        }
        Val::Null => false,
        other => return Err(Stop::undecidable(format!("`bool` of {}", other.kind()))),
    }))
}

/// Jinja's `int`: of a text what Python's `int()` reads, else through a float.
fn whole(input: &Val<'_>) -> Yield<Option<i64>> {
    #[allow(clippy::cast_possible_truncation)] // checked
    let truncated = |float: f64| (float.is_finite() && float.abs() < 9e18).then_some(float.trunc() as i64);
    Ok(match input {
        Val::Text(text) => {
            let text = text.trim();
            match text.parse::<i64>() {
                Ok(number) => Some(number),
                Err(_) if text.contains('_') => return Err(Stop::undecidable("a number with `_`")),
                Err(_) => text.parse::<f64>().ok().and_then(truncated),
            }
        }
        Val::Float(float) => truncated(*float),
        other => other.whole(),
    })
}

fn of_text<'v>(own: &mut Evaluation<'v, '_>, name: &str, text: &Text, args: &Args<'v>) -> Yield<Val<'v>> {
    match name {
        "string" => Ok(Val::Text(text.clone())),
        "lower" => own.text(&text.to_lowercase()),
        "upper" => own.text(&text.to_uppercase()),
        "capitalize" => {
            let mut chars = text.chars();
            let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
            own.concatenated(&first, &chars.as_str().to_lowercase())
        }
        "trim" => {
            args.only(1, &["chars"])?;
            match args.get(0, "chars") {
                Some(Val::Text(chars)) => stripped(own, text, chars, true, true),
                _ => own.text(text.trim()),
            }
        }
        "replace" => {
            args.only(2, &["old", "new"])?;
            let (Some(old), Some(new)) = (args.get(0, "old"), args.get(1, "new")) else {
                return Err(Stop::failed("`replace` without its two texts"));
            };
            let (old, new) = (own.str_of(old)?, own.str_of(new)?);
            own.replaced(text, &old, &new)
        }
        "split" => {
            args.only(1, &["sep"])?;
            match args.get(0, "sep") {
                None | Some(Val::Null) => own.texts(text.split_whitespace()),
                Some(Val::Text(by)) if !by.is_empty() => own.texts(text.split(&**by)),
                _ => Err(Stop::failed("`split` by what is no text")),
            }
        }
        "quote" => {
            let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
            if !text.is_empty() && text.chars().all(plain) {
                return Ok(Val::Text(text.clone()));
            }
            let mut quoted = TextBuilder::default();
            quoted.push(own, "'")?;
            for (at, piece) in text.split('\'').enumerate() {
                quoted.push(own, if at > 0 { "'\"'\"'" } else { "" })?;
                quoted.push(own, piece)?;
            }
            quoted.push(own, "'")?;
            Ok(Val::Text(quoted.finish()))
        }
        "b64encode" => own.text(&STANDARD.encode(&**text)),
        "b64decode" => {
            let bytes = STANDARD.decode(text.trim()).ok();
            let clear = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            own.text(&clear.ok_or_else(|| Stop::failed("`b64decode` of what is no base64 text"))?)
        }
        "basename" => own.text(text.rsplit('/').next().unwrap_or_default()),
        "dirname" => match text.rsplit_once('/') {
            Some((folder, _)) if folder.trim_end_matches('/').is_empty() && text.starts_with('/') => {
                own.text("/")
            }
            Some((folder, _)) => own.text(folder.trim_end_matches('/')),
            None => own.text(""),
        },
        "from_json" => own.parsed_json(text),
        _ => Err(Stop::undecidable(format!("the filter `{name}`"))),
    }
}

/// A text without those of these characters that it begins or ends with.
pub(super) fn stripped<'v>(
    own: &mut Evaluation<'v, '_>,
    text: &str,
    chars: &str,
    start: bool,
    end: bool,
) -> Yield<Val<'v>> {
    // Each character of the text may be looked for among all of these.
    own.scan(text.len().saturating_mul(1 + chars.len() / 16))?;
    let is_one = |c: char| chars.contains(c);
    let text = if start { text.trim_start_matches(is_one) } else { text };
    own.text(if end { text.trim_end_matches(is_one) } else { text })
}

/// Numbers and texts in one list, as `sum` adds them.
pub(super) fn sum<'v>(items: &[Val<'v>]) -> Yield<Val<'v>> {
    let mut total = 0_i64;
    for item in items {
        let number = item.whole().ok_or_else(|| Stop::undecidable("`sum` of other than whole numbers"))?;
        total = total.checked_add(number).ok_or_else(|| Stop::undecidable("a number beyond 64 bits"))?;
    }
    Ok(Val::Int(total))
}

/// `join`: the items as texts, with a text between them.
pub(super) fn join<'v>(own: &mut Evaluation<'v, '_>, items: Vec<Val<'v>>, between: &str) -> Yield<Val<'v>> {
    let mut text = TextBuilder::default();
    for (at, item) in items.into_iter().enumerate() {
        let item = own.deep(item)?;
        text.push(own, if at > 0 { between } else { "" })?;
        let written = own.str_of(&item)?;
        text.push(own, &written)?;
    }
    Ok(Val::Text(text.finish()))
}

/// A key of `items2dict` and the like.
pub(super) fn key_text(value: &Val<'_>) -> Yield<Text> {
    match value {
        Val::Text(text) => Ok(text.clone()),
        Val::Float(float) => Err(Stop::undecidable(format!("the key {}", float_text(*float)))),
        other => Err(Stop::undecidable(format!("{} as a key", other.kind()))),
    }
}
