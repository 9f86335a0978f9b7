//! Methods of Python's texts, lists and mappings.

use std::rc::Rc;

use super::evaluate::{Args, Evaluation};
use super::filter;
use super::python::str_of;
use super::stop::{Stop, Yield};
use super::value::{Val, equal};

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
        (Val::Map(map), "keys") => {
            Ok(Val::list(map.in_order()?.iter().map(|(key, _)| Val::Text(Rc::clone(key))).collect()))
        }
        (Val::Map(map), "values") => {
            Ok(Val::list(map.in_order()?.iter().map(|(_, value)| value.clone()).collect()))
        }
        (Val::Map(map), "items") => {
            let pair =
                |(key, value): &(Rc<str>, Val<'v>)| Val::list(vec![Val::Text(Rc::clone(key)), value.clone()]);
            Ok(Val::list(map.in_order()?.iter().map(pair).collect()))
        }
        (Val::Hostvars, "keys") => own.items(value).map(Val::list),
        (Val::List(items), "index" | "count") => {
            let wanted = first.ok_or_else(|| Stop::failed(format!("`{name}()` of nothing")))?;
            let wanted = own.deep(wanted.clone())?;
            let mut count = 0;
            for (at, item) in items.iter().enumerate() {
                own.spend(1)?;
                let item = own.deep(item.clone())?;
                if equal(&item, &wanted)? {
                    if name == "index" {
                        return Ok(Val::Int(i64::try_from(at).unwrap_or(i64::MAX)));
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

fn of_text<'v>(own: &mut Evaluation<'v, '_>, text: &Rc<str>, name: &str, args: &Args<'v>) -> Yield<Val<'v>> {
    own.spend(text.len())?;
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
    Ok(match (name, texts.as_slice()) {
        ("lower" | "upper" | "capitalize", []) => {
            return filter::apply(own, name, Val::Text(Rc::clone(text)), args);
        }
        ("strip", []) => Val::text(text.trim()),
        ("lstrip", []) => Val::text(text.trim_start()),
        ("rstrip", []) => Val::text(text.trim_end()),
        ("strip", [chars]) => Val::text(text.trim_matches(|c| chars.contains(c))),
        ("lstrip", [chars]) => Val::text(text.trim_start_matches(|c| chars.contains(c))),
        ("rstrip", [chars]) => Val::text(text.trim_end_matches(|c| chars.contains(c))),
        ("split", []) => Val::list(text.split_whitespace().map(Val::text).collect()),
        ("split", [by]) if !by.is_empty() => Val::list(text.split(by).map(Val::text).collect()),
        ("splitlines", []) => Val::list(text.lines().map(Val::text).collect()),
        ("startswith", [part]) => Val::Bool(text.starts_with(part)),
        ("endswith", [part]) => Val::Bool(text.ends_with(part)),
        ("replace", [_, _]) => return filter::apply(own, "replace", Val::Text(Rc::clone(text)), args),
        ("removeprefix", [part]) => Val::text(text.strip_prefix(part).unwrap_or(text)),
        ("removesuffix", [part]) => Val::text(text.strip_suffix(part).unwrap_or(text)),
        ("count", [part]) if !part.is_empty() => {
            Val::Int(i64::try_from(text.matches(part).count()).unwrap_or(i64::MAX))
        }
        ("find", [part]) => {
            let at = text.find(part).map(|at| text[..at].chars().count());
            Val::Int(at.map_or(-1, |at| i64::try_from(at).unwrap_or(i64::MAX)))
        }
        ("isdigit", []) if text.is_ascii() => {
            Val::Bool(!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        }
        ("join", _) => {
            let [items] = args.given.as_slice() else { return Err(Stop::failed("`join()` of nothing")) };
            let items = own.items(items)?;
            let mut parts = Vec::with_capacity(items.len());
            for item in items {
                let item = own.deep(item)?;
                let Val::Text(_) = item else { return Err(Stop::failed("`join()` of what is no text")) };
                parts.push(str_of(&item)?);
            }
            let joined = parts.join(text);
            own.spend(joined.len())?;
            Val::text(joined)
        }
        _ => return Err(Stop::undecidable(format!("the method `{name}` of a text"))),
    })
}
