//! Filters over lists and mappings.

use std::rc::Rc;

use super::evaluate::{Args, Evaluation};
use super::filter::{apply as filter, holds, join, key_text, sum};
use super::stop::{Stop, Yield};
use super::value::{Mapping, Val, compare};
use super::verdict;

/// Applies a filter.
pub(super) fn apply<'v>(
    own: &mut Evaluation<'v, '_>,
    name: &str,
    input: Val<'v>,
    args: &Args<'v>,
) -> Yield<Val<'v>> {
    match name {
        "first" | "last" => {
            args.only(0, &[])?;
            let mut items = own.items(&input)?;
            let found = if name == "first" { items.into_iter().next() } else { items.pop() };
            found.map_or_else(
                || Ok(Val::Undefined(format!("the {name} of no items").into())),
                |item| own.force(item),
            )
        }
        "list" => own.items(&input).map(Val::list),
        "join" => {
            args.only(2, &["d", "attribute"])?;
            let between = match args.get(0, "d") {
                Some(value) => super::python::str_of(value)?,
                None => String::new(),
            };
            let mut items = own.items(&input)?;
            if let Some(attribute) = args.get(1, "attribute") {
                items = items.into_iter().map(|item| path(own, item, attribute)).collect::<Yield<_>>()?;
            }
            join(own, items, &between)
        }
        "map" => map(own, &input, args),
        "select" | "reject" | "selectattr" | "rejectattr" => choose(own, name, &input, args),
        "unique" => {
            args.only(0, &[])?;
            // Ansible's compares texts without regard to case.
            let (mut kept, mut keys) = (Vec::new(), Vec::new());
            for item in templated(own, &input)? {
                let key = match &item {
                    Val::Text(text) => Val::text(text.to_lowercase()),
                    other => other.clone(),
                };
                own.spend(keys.len())?;
                if !holds(&keys, &key)? {
                    keys.push(key);
                    kept.push(item);
                }
            }
            Ok(Val::list(kept))
        }
        "sort" => sort(own, &input, args),
        "reverse" => match &input {
            Val::Text(text) => Ok(Val::text(text.chars().rev().collect::<String>())),
            other => Ok(Val::list(own.items(other)?.into_iter().rev().collect())),
        },
        "min" | "max" => {
            args.only(0, &[])?;
            let sorted = sort(own, &input, args)?;
            let items = own.items(&sorted)?;
            let found = if name == "min" { items.first() } else { items.last() };
            Ok(found.cloned().unwrap_or_else(|| Val::Undefined(format!("the {name} of no items").into())))
        }
        "sum" => {
            args.only(0, &[])?;
            let items = templated(own, &input)?;
            sum(&items)
        }
        "flatten" => {
            args.only(0, &[])?;
            let mut flat = Vec::new();
            flatten(own, own_list(&input)?, &mut flat)?;
            Ok(Val::list(flat))
        }
        "union" | "intersect" | "difference" | "symmetric_difference" => sets(own, name, &input, args),
        "zip" => {
            args.only(1, &[])?;
            let other = args.given.first().ok_or_else(|| Stop::failed("`zip` with nothing"))?;
            let (left, right) = (own.items(&input)?, own.items(other)?);
            Ok(Val::list(left.into_iter().zip(right).map(|(a, b)| Val::list(vec![a, b])).collect()))
        }
        "extract" => {
            let container = args.given.first().ok_or_else(|| Stop::failed("`extract` from nothing"))?.clone();
            let mut found = own.item(&container, &input)?;
            match args.get(1, "morekeys") {
                Some(Val::List(keys)) => {
                    for key in keys.iter() {
                        found = own.item(&found, key)?;
                    }
                }
                Some(key) => found = own.item(&found, key)?,
                None => {}
            }
            Ok(found)
        }
        "combine" => combine(own, input, args),
        "dict2items" => {
            args.only(0, &[])?;
            let Val::Map(mapping) = &input else {
                return Err(Stop::failed(format!("`dict2items` of {}", input.kind())));
            };
            let pair = |(key, value): &(Rc<str>, Val<'v>)| {
                Val::map(vec![("key".into(), Val::Text(Rc::clone(key))), ("value".into(), value.clone())])
            };
            Ok(Val::list(mapping.in_order()?.iter().map(pair).collect()))
        }
        "dictsort" => {
            args.only(0, &[])?;
            let Val::Map(mapping) = &input else {
                return Err(Stop::failed(format!("`dictsort` of {}", input.kind())));
            };
            let mut entries: Vec<_> = mapping.entries.iter().collect();
            entries.sort_by_key(|(key, _)| key.to_lowercase());
            let pair =
                |(key, value): &(Rc<str>, Val<'v>)| Val::list(vec![Val::Text(Rc::clone(key)), value.clone()]);
            Ok(Val::list(entries.into_iter().map(pair).collect()))
        }
        "items2dict" => {
            args.only(0, &[])?;
            let mut entries = Vec::new();
            for item in own.items(&input)? {
                let item = own.force(item)?;
                let key = own.item(&item, &Val::text("key"))?;
                entries.push((key_text(&key)?, own.item(&item, &Val::text("value"))?));
            }
            Ok(Val::map(entries))
        }
        _ => Err(Stop::undecidable(format!("the filter `{name}`"))),
    }
}

fn own_list<'a, 'v>(value: &'a Val<'v>) -> Yield<&'a Rc<Vec<Val<'v>>>> {
    match value {
        Val::List(items) => Ok(items),
        other => Err(Stop::failed(format!("{} where a list is expected", other.kind()))),
    }
}

/// The items, templated to their last part.
fn templated<'v>(own: &mut Evaluation<'v, '_>, value: &Val<'v>) -> Yield<Vec<Val<'v>>> {
    let items = own.items(value)?;
    items.into_iter().map(|item| own.deep(item)).collect()
}

/// `a.b.0` of an item.
fn path<'v>(own: &mut Evaluation<'v, '_>, item: Val<'v>, attribute: &Val<'v>) -> Yield<Val<'v>> {
    let mut value = own.force(item)?;
    match attribute {
        Val::Text(path) => {
            for step in path.split('.') {
                let key = step.parse::<i64>().map_or_else(|_| Val::text(step), Val::Int);
                value = own.item(&value, &key)?;
            }
            Ok(value)
        }
        other => own.item(&value, other),
    }
}

fn map<'v>(own: &mut Evaluation<'v, '_>, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    let items = own.items(input)?;
    let mut mapped = Vec::with_capacity(items.len());
    if let Some((_, attribute)) = args.named.iter().find(|(name, _)| name == "attribute") {
        args.only(0, &["attribute", "default"])?;
        let fallback = args.named.iter().find(|(name, _)| name == "default").map(|(_, value)| value);
        for item in items {
            let found = path(own, item, attribute)?;
            mapped.push(match (&found, fallback) {
                (Val::Undefined(_), Some(fallback)) => fallback.clone(),
                _ => found,
            });
        }
        return Ok(Val::list(mapped));
    }
    let Some((Val::Text(name), rest)) = args.given.split_first() else {
        return Err(Stop::failed("`map` without a filter or attribute"));
    };
    let rest = Args { given: rest.to_vec(), named: args.named.clone() };
    for item in items {
        let item = own.force(item)?;
        mapped.push(own.deeper(|own| filter(own, name, item, &rest))?);
    }
    Ok(Val::list(mapped))
}

fn choose<'v>(own: &mut Evaluation<'v, '_>, name: &str, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    let mut given = args.given.as_slice();
    let attribute = match name.ends_with("attr") {
        true => {
            let (first, rest) =
                given.split_first().ok_or_else(|| Stop::failed(format!("`{name}` of nothing")))?;
            given = rest;
            Some(first)
        }
        false => None,
    };
    let (test, rest) = match given.split_first() {
        Some((Val::Text(test), rest)) => (&**test, rest),
        Some(_) => return Err(Stop::failed(format!("`{name}` by what is no test"))),
        None => ("truthy", given),
    };
    let rest = Args { given: rest.to_vec(), named: args.named.clone() };
    let mut kept = Vec::new();
    for item in own.items(input)? {
        let item = own.force(item)?;
        let subject = match attribute {
            Some(attribute) => path(own, item.clone(), attribute)?,
            None => item.clone(),
        };
        if verdict::of(own, test, &subject, &rest)? == name.starts_with("select") {
            kept.push(item);
        }
    }
    Ok(Val::list(kept))
}

/// By Jinja's rule: texts without regard to case, unless it is asked for.
fn sort<'v>(own: &mut Evaluation<'v, '_>, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    args.only(2, &["reverse", "case_sensitive", "attribute"])?;
    let flag = |at: usize, name: &str| args.get(at, name).map_or(Ok(false), Val::is_true);
    let (reverse, exact) = (flag(0, "reverse")?, flag(1, "case_sensitive")?);
    let attribute = args.named.iter().find(|(name, _)| name == "attribute").map(|(_, value)| value);
    let mut keyed = Vec::new();
    for item in templated(own, input)? {
        let key = match attribute {
            Some(attribute) => path(own, item.clone(), attribute)?,
            None => item.clone(),
        };
        let key = match key {
            Val::Text(text) if !exact => Val::text(text.to_lowercase()),
            other => other,
        };
        keyed.push((key, item));
    }
    // What can be put in order with the first can be with all others: texts, or numbers.
    if let Some((first, _)) = keyed.first() {
        for (key, _) in &keyed {
            compare(first, key)?;
            if matches!(key, Val::List(_)) {
                return Err(Stop::undecidable("the order of lists"));
            }
        }
    }
    keyed.sort_by(|(a, _), (b, _)| {
        let order = compare(a, b).unwrap_or(std::cmp::Ordering::Equal);
        if reverse { order.reverse() } else { order }
    });
    Ok(Val::list(keyed.into_iter().map(|(_, item)| item).collect()))
}

fn flatten<'v>(own: &mut Evaluation<'v, '_>, items: &[Val<'v>], flat: &mut Vec<Val<'v>>) -> Yield<()> {
    own.spend(items.len())?;
    for item in items {
        match own.force(item.clone())? {
            Val::List(inner) => own.deeper(|own| flatten(own, &inner, flat))?,
            Val::Null => {}
            other => flat.push(other),
        }
    }
    Ok(())
}

fn sets<'v>(own: &mut Evaluation<'v, '_>, name: &str, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    args.only(1, &[])?;
    let other = args.given.first().ok_or_else(|| Stop::failed(format!("`{name}` with nothing")))?;
    let (left, right) = (templated(own, input)?, templated(own, other)?);
    own.spend(left.len().saturating_mul(right.len()))?;
    let mut kept = Vec::new();
    for item in &left {
        let shared = holds(&right, item)?;
        let wanted = match name {
            "union" => true,
            "intersect" => shared,
            _ => !shared,
        };
        if wanted {
            kept.push(item.clone());
        }
    }
    if name == "union" || name == "symmetric_difference" {
        for item in right {
            if name == "union" || !holds(&left, &item)? {
                kept.push(item);
            }
        }
    }
    let kept = own.distinct(kept)?;
    match kept.len() {
        0 | 1 => Ok(Val::list(kept)),
        _ => Err(Stop::undecidable(format!("the order of `{name}`, which differs from run to run"))),
    }
}

fn combine<'v>(own: &mut Evaluation<'v, '_>, input: Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    args.only(usize::MAX, &["recursive"])?;
    let recursive = args.named.iter().any(|(name, _)| name == "recursive")
        && args.named.iter().all(|(_, value)| matches!(value, Val::Bool(true)));
    let mut merged = input;
    for other in &args.given {
        merged = merge(own, merged, other.clone(), recursive)?;
    }
    Ok(merged)
}

fn merge<'v>(
    own: &mut Evaluation<'v, '_>,
    below: Val<'v>,
    above: Val<'v>,
    recursive: bool,
) -> Yield<Val<'v>> {
    let (Val::Map(below), Val::Map(above)) = (own.force(below)?, own.force(above)?) else {
        return Err(Stop::failed("`combine` of what is no mapping"));
    };
    own.spend(below.entries.len() + above.entries.len())?;
    let mut entries = below.entries.clone();
    for (key, value) in &above.entries {
        let Some(at) = entries.iter().position(|(known, _)| known == key) else {
            entries.push((Rc::clone(key), value.clone()));
            continue;
        };
        let old = own.force(entries[at].1.clone())?;
        let new = own.force(value.clone())?;
        entries[at].1 = match (&old, &new) {
            (Val::Map(_), Val::Map(_)) if recursive => {
                own.deeper(|own| merge(own, old.clone(), new.clone(), true))?
            }
            _ => new,
        };
    }
    let ordered = below.ordered && above.ordered;
    Ok(Val::Map(Rc::new(Mapping { entries, ordered })))
}
