//! Filters over lists and mappings.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::evaluate::{Args, Evaluation};
use super::filter::{apply as filter, join, key_text, sum};
use super::made::{ListBuilder, TextBuilder};
use super::stop::{Stop, Yield, short};
use super::value::Val;
use super::{method, verdict};

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
                || Ok(Val::undefined(&format!("the {name} of no items"))),
                |item| own.force(item),
            )
        }
        "list" => {
            let items = own.items(&input)?;
            own.list(items)
        }
        "join" => {
            args.only(2, &["d", "attribute"])?;
            let between = match args.get(0, "d") {
                Some(value) => own.str_of(value)?.to_string(),
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
            let (mut kept, mut others, mut texts) =
                (ListBuilder::default(), ListBuilder::default(), HashSet::new());
            for item in templated(own, &input)? {
                let is_new = match &item {
                    Val::Text(text) => texts.insert(own.key(&text.to_lowercase())?),
                    other => {
                        let is_new = !own.holds(others.items(), other)?;
                        if is_new {
                            others.push(own, other.clone())?;
                        }
                        is_new
                    }
                };
                if is_new {
                    kept.push(own, item)?;
                }
            }
            Ok(kept.finish())
        }
        "sort" => sort(own, &input, args),
        "reverse" => match &input {
            Val::Text(text) => {
                let mut reversed = TextBuilder::default();
                for (at, c) in text.char_indices().rev() {
                    reversed.push(own, &text[at..at + c.len_utf8()])?;
                }
                Ok(Val::Text(reversed.finish()))
            }
            other => {
                let items = own.items(other)?;
                own.list(items.into_iter().rev())
            }
        },
        "min" | "max" => {
            args.only(0, &[])?;
            let sorted = sort(own, &input, args)?;
            let items = own.items(&sorted)?;
            let found = if name == "min" { items.first() } else { items.last() };
            Ok(found.cloned().unwrap_or_else(|| Val::undefined(&format!("the {name} of no items"))))
        }
        "sum" => {
            args.only(0, &[])?;
            let items = templated(own, &input)?;
            sum(&items)
        }
        "flatten" => {
            args.only(0, &[])?;
            let mut flat = ListBuilder::default();
            flatten(own, own_list(&input)?, &mut flat)?;
            Ok(flat.finish())
        }
        "union" | "intersect" | "difference" | "symmetric_difference" => sets(own, name, &input, args),
        "zip" => {
            args.only(1, &[])?;
            let other = args.given.first().ok_or_else(|| Stop::failed("`zip` with nothing"))?;
            let (left, right) = (own.items(&input)?, own.items(other)?);
            let mut pairs = ListBuilder::default();
            for (a, b) in left.into_iter().zip(right) {
                let pair = own.pair(a, b)?;
                pairs.push(own, pair)?;
            }
            Ok(pairs.finish())
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
            let mut pairs = ListBuilder::default();
            for (key, value) in mapping.in_order()? {
                let names = (own.key("key")?, own.key("value")?);
                let pair = [(names.0, Val::Text(key.clone())), (names.1, value.clone())];
                let pair = own.mapping(pair, true)?;
                pairs.push(own, pair)?;
            }
            Ok(pairs.finish())
        }
        "dictsort" => {
            args.only(0, &[])?;
            let Val::Map(mapping) = &input else {
                return Err(Stop::failed(format!("`dictsort` of {}", input.kind())));
            };
            let mut entries = own.copied_entries(mapping)?;
            let length = entries.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
            sortable(own, entries.len(), length)?;
            entries.sort_by_cached_key(|(key, _)| key.to_lowercase());
            method::pairs(own, &entries)
        }
        "items2dict" => {
            args.only(0, &[])?;
            let mut entries = Vec::new();
            for item in own.items(&input)? {
                let item = own.force(item)?;
                let names = (own.text("key")?, own.text("value")?);
                let key = own.item(&item, &names.0)?;
                entries.push((key_text(&key)?, own.item(&item, &names.1)?));
            }
            own.mapping(entries, true)
        }
        _ => Err(Stop::undecidable(format!("the filter `{}`", short(name)))),
    }
}

fn own_list<'a, 'v>(value: &'a Val<'v>) -> Yield<&'a [Val<'v>]> {
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
                let key = match step.parse::<i64>() {
                    Ok(number) => Val::Int(number),
                    Err(_) => own.text(step)?,
                };
                value = own.item(&value, &key)?;
            }
            Ok(value)
        }
        other => own.item(&value, other),
    }
}

fn map<'v>(own: &mut Evaluation<'v, '_>, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    let items = own.items(input)?;
    let mut mapped = ListBuilder::default();
    if let Some((_, attribute)) = args.named.iter().find(|(name, _)| name == "attribute") {
        args.only(0, &["attribute", "default"])?;
        let fallback = args.named.iter().find(|(name, _)| name == "default").map(|(_, value)| value);
        for item in items {
            let found = path(own, item, attribute)?;
            let found = match (&found, fallback) {
                (Val::Undefined(_), Some(fallback)) => fallback.clone(),
                _ => found,
            };
            mapped.push(own, found)?;
        }
        return Ok(mapped.finish());
    }
    let Some((Val::Text(name), rest)) = args.given.split_first() else {
        return Err(Stop::failed("`map` without a filter or attribute"));
    };
    let rest = Args { given: rest.to_vec(), named: args.named.clone() };
    for item in items {
        let item = own.force(item)?;
        let item = own.deeper(|own| filter(own, name, item, &rest))?;
        mapped.push(own, item)?;
    }
    Ok(mapped.finish())
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
    let mut kept = ListBuilder::default();
    for item in own.items(input)? {
        let item = own.force(item)?;
        let subject = match attribute {
            Some(attribute) => path(own, item.clone(), attribute)?,
            None => item.clone(),
        };
        if verdict::of(own, test, &subject, &rest)? == name.starts_with("select") {
            kept.push(own, item)?;
        }
    }
    Ok(kept.finish())
}

/// What sorting so many items with keys of so many bytes costs.
fn sortable(own: &mut Evaluation<'_, '_>, items: usize, bytes: usize) -> Yield<()> {
    let comparisons = items.saturating_mul(1 + usize::try_from(items.max(1).ilog2()).unwrap_or(0));
    own.spend(comparisons.saturating_mul(1 + bytes / 64))
}

/// Python's order of two texts or two numbers.
fn order(a: &Val<'_>, b: &Val<'_>) -> Ordering {
    match (a, b) {
        (Val::Text(a), Val::Text(b)) => (**a).cmp(&**b),
        _ => match (a.whole(), b.whole()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.number().partial_cmp(&b.number()).unwrap_or(Ordering::Equal),
        },
    }
}

/// By Jinja's rule: texts without regard to case, unless it is asked for.
fn sort<'v>(own: &mut Evaluation<'v, '_>, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    args.only(2, &["reverse", "case_sensitive", "attribute"])?;
    let flag = |at: usize, name: &str| args.get(at, name).map_or(Ok(false), Val::is_true);
    let (reverse, exact) = (flag(0, "reverse")?, flag(1, "case_sensitive")?);
    let attribute = args.named.iter().find(|(name, _)| name == "attribute").map(|(_, value)| value);
    let (mut keyed, mut longest) = (Vec::new(), 0);
    for item in templated(own, input)? {
        let key = match attribute {
            Some(attribute) => path(own, item.clone(), attribute)?,
            None => item.clone(),
        };
        let key = match key {
            Val::Text(text) if !exact => own.text(&text.to_lowercase())?,
            other => other,
        };
        if let Val::Text(text) = &key {
            longest = longest.max(text.len());
        }
        keyed.push((key, item));
    }
    // What can be put in order with the first can be with all others: texts, or numbers.
    if let Some((first, _)) = keyed.first() {
        for (key, _) in &keyed {
            own.compare(first, key)?;
            if matches!(key, Val::List(_)) {
                return Err(Stop::undecidable("the order of lists"));
            }
        }
    }
    sortable(own, keyed.len(), longest)?;
    keyed.sort_by(|(a, _), (b, _)| {
        let order = order(a, b);
        if reverse { order.reverse() } else { order }
    });
    own.list(keyed.into_iter().map(|(_, item)| item))
}

fn flatten<'v>(own: &mut Evaluation<'v, '_>, items: &[Val<'v>], flat: &mut ListBuilder<'v>) -> Yield<()> {
    own.spend(items.len())?;
    for item in items {
        match own.force(item.clone())? {
            Val::List(inner) => own.deeper(|own| flatten(own, &inner, flat))?,
            Val::Null => {}
            other => flat.push(own, other)?,
        }
    }
    Ok(())
}

fn sets<'v>(own: &mut Evaluation<'v, '_>, name: &str, input: &Val<'v>, args: &Args<'v>) -> Yield<Val<'v>> {
    args.only(1, &[])?;
    let other = args.given.first().ok_or_else(|| Stop::failed(format!("`{name}` with nothing")))?;
    let (left, right) = (templated(own, input)?, templated(own, other)?);
    let mut kept = Vec::new();
    for item in &left {
        let shared = own.holds(&right, item)?;
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
            if name == "union" || !own.holds(&left, &item)? {
                kept.push(item);
            }
        }
    }
    let kept = own.distinct(kept)?;
    match kept.len() {
        0 | 1 => own.list(kept),
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
    let mut entries = own.copied_entries(&below)?;
    for (key, value) in above.entries() {
        own.spend(1 + entries.len() / 8)?;
        let Some(at) = entries.iter().position(|(known, _)| known == key) else {
            entries.push((key.clone(), value.clone()));
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
    own.mapping(entries, below.is_ordered() && above.is_ordered())
}
