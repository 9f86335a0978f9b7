//! Methods of Python's texts, lists and mappings.

use super::evaluate::{Args, Evaluation};
use super::filter;
use super::made::{ListBuilder, Text, TextBuilder};
use super::stop::{Stop, Yield};
use super::value::Val;

/// Whether Python has a method of that name on such a value, which hides an entry of that name.
pub(super) fn is_method(value: &Val<'_>, name: &str) -> bool {
    const OF_MAP: [&str; 11] = [
        "clear",
        "copy",
        "fromkeys",
        "get",
        "items",
        "keys",
        "pop",
        "popitem",
        "setdefault",
        "update",
        "values",
    ];
    const OF_LIST: [&str; 11] =
        ["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];
    match value {
        Val::Map(_) | Val::Hostvars | Val::Groups | Val::Host(_) => OF_MAP.contains(&name),
        Val::List(_) => OF_LIST.contains(&name),
        Val::Text(_) => {
            const OF_TEXT: [&str; 16] = [
                "capitalize",
                "count",
                "encode",
                "endswith",
                "find",
                "format",
                "index",
                "join",
                "lower",
                "replace",
                "split",
                "splitlines",
                "startswith",
                "strip",
                "title",
                "upper",
            ];
            OF_TEXT.contains(&name)
        }
        _ => false,
    }
}

/// Calls a method.
pub(super) fn call<'v>(
    own: &mut Evaluation<'v, '_>,
    value: &Val<'v>,
    name: &str,
    args: &Args<'v>,
) -> Yield<Val<'v>> {
    if !args.named.is_empty() {
        return Err(Stop::undecidable(format!("`{name}()` with named arguments")));
    }
    let first = args.given.first();
    match (value, name) {
        (Val::Undefined(of), _) => Err(Stop::undefined(of)),
        (Val::Map(_) | Val::Hostvars | Val::Host(_) | Val::Groups, "get") => {
            let key = first.ok_or_else(|| Stop::failed("`get()` of nothing"))?;
            let Val::Text(key) = key else {
                return Err(Stop::undecidable("a mapping's key that is no text"));
            };
            let found = own.attribute(value, key, false)?;
            Ok(match found {
                Val::Undefined(_) => args.given.get(1).cloned().unwrap_or(Val::Null),
                found => found,
            })
        }
        (Val::Map(map), "keys") => own.list(map.in_order()?.iter().map(|(key, _)| Val::Text(key.clone()))),
        (Val::Map(map), "values") => own.list(map.in_order()?.iter().map(|(_, value)| value.clone())),
        (Val::Map(map), "items") => pairs(own, map.in_order()?),
        (Val::Hostvars, "keys") => {
            let scene = own.scene;
            own.texts(scene.hosts().iter().map(String::as_str))
        }
        (Val::List(items), "index" | "count") => {
            let wanted = first.ok_or_else(|| Stop::failed(format!("`{name}()` of nothing")))?;
            let wanted = own.deep(wanted.clone())?;
            let mut count = 0;
            for (at, item) in items.iter().enumerate() {
                own.spend(1)?;
                let item = own.deep(item.clone())?;
                if own.equal(&item, &wanted)? {
                    if name == "index" {
                        return Ok(Val::length(at));
                    }
                    count += 1;
                }
            }
            if name == "index" {
                Err(Stop::failed("`index()` of what is not in the list"))
            } else {
                Ok(Val::Int(count))
            }
        }
        (Val::Text(text), _) => of_text(own, text, name, args),
        _ => Err(Stop::undecidable(format!("the method `{name}` of {}", value.kind()))),
    }
}

/// Keys and values as lists of two.
pub(super) fn pairs<'v>(own: &mut Evaluation<'v, '_>, entries: &[(Text, Val<'v>)]) -> Yield<Val<'v>> {
    let mut pairs = ListBuilder::default();
    for (key, value) in entries {
        let pair = own.pair(Val::Text(key.clone()), value.clone())?;
        pairs.push(own, pair)?;
    }
    Ok(pairs.finish())
}

fn of_text<'v>(own: &mut Evaluation<'v, '_>, text: &Text, name: &str, args: &Args<'v>) -> Yield<Val<'v>> {
    own.scan(text.len())?;
    let texts: Vec<&str> = args
        .given
        .iter()
        .map_while(|arg| match arg {
            Val::Text(text) => Some(&**text),
            _ => None,
        })
        .collect();
    if texts.len() < args.given.len() && name != "join" && name != "format" {
        return Err(Stop::undecidable(format!("such arguments of `{name}()`")));
    }
    match (name, texts.as_slice()) {
        ("lower" | "upper" | "capitalize", []) => filter::apply(own, name, Val::Text(text.clone()), args),
        ("strip", []) => own.text(text.trim()),
        ("lstrip", []) => own.text(text.trim_start()),
        ("rstrip", []) => own.text(text.trim_end()),
        ("strip", [chars]) => filter::stripped(own, text, chars, true, true),
        ("lstrip", [chars]) => filter::stripped(own, text, chars, true, false),
        ("rstrip", [chars]) => filter::stripped(own, text, chars, false, true),
        ("split", []) => own.texts(text.split_whitespace()),
        ("split", [by]) if !by.is_empty() => own.texts(text.split(by)),
        ("splitlines", []) => own.texts(text.lines()),
        ("startswith", [part]) => Ok(Val::Bool(text.starts_with(part))),
        ("endswith", [part]) => Ok(Val::Bool(text.ends_with(part))),
        ("replace", [_, _]) => filter::apply(own, "replace", Val::Text(text.clone()), args),
        ("removeprefix", [part]) => own.text(text.strip_prefix(part).unwrap_or(text)),
        ("removesuffix", [part]) => own.text(text.strip_suffix(part).unwrap_or(text)),
        ("count", [part]) if !part.is_empty() => Ok(Val::length(text.matches(part).count())),
        ("find", [part]) => {
            let at = text.find(part).map(|at| text[..at].chars().count());
            Ok(at.map_or(Val::Int(-1), Val::length))
        }
        ("isdigit", []) if text.is_ascii() => {
            Ok(Val::Bool(!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())))
        }
        ("join", _) => {
            let [items] = args.given.as_slice() else { return Err(Stop::failed("`join()` of nothing")) };
            let mut joined = TextBuilder::default();
            for (at, item) in own.items(items)?.into_iter().enumerate() {
                let item = own.deep(item)?;
                let Val::Text(item) = item else { return Err(Stop::failed("`join()` of what is no text")) };
                joined.push(own, if at > 0 { text } else { "" })?;
                joined.push(own, &item)?;
            }
            Ok(Val::Text(joined.finish()))
        }
        _ => Err(Stop::undecidable(format!("the method `{name}` of a text"))),
    }
}
