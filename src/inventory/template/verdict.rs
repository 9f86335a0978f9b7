//! Tests: what may stand behind `is`.

use super::evaluate::{Args, Evaluation};
use super::operator::contains;
use super::pattern;
use super::stop::{Stop, Yield, short};
use super::value::{Val, beyond_64_bits};

/// Whether a value passes a test.
pub(super) fn of<'v>(
    own: &mut Evaluation<'v, '_>,
    name: &str,
    input: &Val<'v>,
    args: &Args<'v>,
) -> Yield<bool> {
    let name = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    match name {
        "defined" => return Ok(!matches!(input, Val::Undefined(_))),
        "undefined" => return Ok(matches!(input, Val::Undefined(_))),
        _ => {}
    }
    if let Val::Undefined(of) = input {
        return Err(Stop::undefined(of));
    }
    Ok(match name {
        "none" => matches!(input, Val::Null),
        "boolean" => matches!(input, Val::Bool(_)),
        "true" => matches!(input, Val::Bool(true)),
        "false" => matches!(input, Val::Bool(false)),
        "integer" => matches!(input, Val::Int(_) | Val::Big(_)),
        "float" => matches!(input, Val::Float(_)),
        "number" => matches!(input, Val::Bool(_) | Val::Int(_) | Val::Big(_) | Val::Float(_)),
        "string" => matches!(input, Val::Text(_)),
        "mapping" => matches!(input, Val::Map(_)),
        "sequence" | "iterable" => matches!(input, Val::Text(_) | Val::List(_) | Val::Map(_)),
        "truthy" => input.is_true()?,
        "falsy" => !input.is_true()?,
        "even" | "odd" | "divisibleby" if matches!(input, Val::Big(_)) => return Err(beyond_64_bits()),
        "even" | "odd" | "divisibleby" => {
            let by = match (name, args.given.first()) {
                ("divisibleby", Some(by)) => by.whole(),
                _ => Some(2),
            };
            let rest = input.whole().zip(by).and_then(|(number, by)| number.checked_rem(by));
            let rest = rest.ok_or_else(|| Stop::failed(format!("`{name}` of {}", input.kind())))?;
            (rest != 0) == (name == "odd")
        }
        "match" | "search" | "regex" => {
            let Val::Text(text) = input else {
                return Err(Stop::failed(format!("`{name}` of {}", input.kind())));
            };
            pattern::tests(own, name, text, args)?
        }
        "eq" | "equalto" | "==" | "sameas" | "ne" | "!=" | "lt" | "lessthan" | "<" | "le" | "<=" | "gt"
        | "greaterthan" | ">" | "ge" | ">=" | "in" | "contains" => {
            args.only(1, &[])?;
            let other =
                args.given.first().ok_or_else(|| Stop::failed(format!("`{name}` without a value")))?;
            let (left, right) = (own.deep(input.clone())?, own.deep(other.clone())?);
            match name {
                "eq" | "equalto" | "==" => own.equal(&left, &right)?,
                "ne" | "!=" => !own.equal(&left, &right)?,
                "lt" | "lessthan" | "<" => own.compare(&left, &right)?.is_lt(),
                "le" | "<=" => own.compare(&left, &right)?.is_le(),
                "gt" | "greaterthan" | ">" => own.compare(&left, &right)?.is_gt(),
                "ge" | ">=" => own.compare(&left, &right)?.is_ge(),
                "in" => contains(own, &right, &left)?,
                "contains" => contains(own, &left, &right)?,
                _ => return Err(Stop::undecidable(format!("the test `{}`", short(name)))),
            }
        }
        "version" | "version_compare" => {
            args.only(2, &[])?;
            let operator = match args.given.get(1) {
                Some(operator) => own.str_of(operator)?.to_string(),
                None => "==".to_owned(),
            };
            let other =
                args.given.first().ok_or_else(|| Stop::failed("`version` without a version".to_owned()))?;
            let (left, right) = (own.str_of(input)?, own.str_of(other)?);
            own.scan(left.len().saturating_add(right.len()).saturating_mul(8))?;
            loose_versions(&left, &right, &operator)?
        }
        "lower" => {
            let text = own.str_of(input)?;
            own.scan(text.len())?;
            text.chars().all(|c| !c.is_uppercase()) && !text.is_empty()
        }
        _ => return Err(Stop::undecidable(format!("the test `{}`", short(name)))),
    })
}

/// Compares as `distutils`' LooseVersion does, which is what Ansible takes: numbers as numbers, words as words.
fn loose_versions(left: &str, right: &str, operator: &str) -> Yield<bool> {
    let (left, right) = (parts(left), parts(right));
    let mut order = left.len().cmp(&right.len());
    for (one, other) in left.iter().zip(&right) {
        let number = |part: &str| part.parse::<u128>().ok();
        let here = match (number(one), number(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            (None, None) => one.cmp(other),
            // Python cannot compare the two either.
            _ => {
                return Err(Stop::undecidable(format!(
                    "the versions `{}` and `{}`",
                    short(one),
                    short(other)
                )));
            }
        };
        if here.is_ne() {
            order = here;
            break;
        }
    }
    Ok(match operator {
        "==" | "=" | "eq" => order.is_eq(),
        "!=" | "<>" | "ne" => order.is_ne(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        _ => return Err(Stop::failed(format!("`version` knows no `{}`", short(operator)))),
    })
}

/// `1.29.0rc1` as `1`, `29`, `0`, `rc`, `1`: runs of digits, runs of small letters, and whatever stands between, without dots.
fn parts(version: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        '0'..='9' => 0,
        'a'..='z' => 1,
        '.' => 2,
        _ => 3,
    };
    let mut parts = Vec::new();
    let mut rest = version.trim();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        if kind(first) != 2 {
            parts.push(part);
        }
        rest = behind;
    }
    parts
}
