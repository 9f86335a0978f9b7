//! Python's operators.

use minijinja::machinery::ast::BinOpKind;

use super::evaluate::Evaluation;
use super::stop::{Stop, Yield};
use super::value::{Val, beyond_64_bits};

/// `+`, `-`, `*`, `/`, `//`, `%` and `**`.
pub(super) fn arithmetic<'v>(
    own: &mut Evaluation<'v, '_>,
    op: &BinOpKind,
    left: Val<'v>,
    right: Val<'v>,
) -> Yield<Val<'v>> {
    if let Val::Undefined(name) = &left {
        return Err(Stop::undefined(name));
    }
    if let Val::Undefined(name) = &right {
        return Err(Stop::undefined(name));
    }
    match (op, &left, &right) {
        (BinOpKind::Add, Val::Text(a), Val::Text(b)) => {
            return own.concatenated(a, b);
        }
        (BinOpKind::Add, Val::List(a), Val::List(b)) => {
            return own.list(a.iter().chain(b.iter()).cloned());
        }
        (BinOpKind::Mul, Val::Text(text), Val::Int(times))
        | (BinOpKind::Mul, Val::Int(times), Val::Text(text)) => {
            let times = usize::try_from(*times).unwrap_or(0);
            return own.repeated(text, times);
        }
        _ => {}
    }
    if matches!((&left, &right), (Val::Big(_), _) | (_, Val::Big(_))) {
        return Err(beyond_64_bits());
    }
    let overflow = beyond_64_bits;
    let by_zero = || Stop::failed("a division by zero");
    if let (Some(a), Some(b)) = (left.whole(), right.whole()) {
        return Ok(match op {
            BinOpKind::Add => Val::Int(a.checked_add(b).ok_or_else(overflow)?),
            BinOpKind::Sub => Val::Int(a.checked_sub(b).ok_or_else(overflow)?),
            BinOpKind::Mul => Val::Int(a.checked_mul(b).ok_or_else(overflow)?),
            #[allow(clippy::cast_precision_loss)] // as in Python, where `/` gives a float
            BinOpKind::Div if b != 0 => Val::Float(a as f64 / b as f64),
            BinOpKind::FloorDiv if b != 0 => {
                let quotient = a.checked_div(b).ok_or_else(overflow)?;
                Val::Int(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
            }
            BinOpKind::Rem if b != 0 => {
                let rest = a.checked_rem(b).ok_or_else(overflow)?;
                Val::Int(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
            }
            BinOpKind::Pow => {
                let power = u32::try_from(b).map_err(|_| Stop::undecidable("such a power"))?;
                Val::Int(a.checked_pow(power).ok_or_else(overflow)?)
            }
            _ => return Err(by_zero()),
        });
    }
    let (Some(a), Some(b)) = (left.number(), right.number()) else {
        return Err(Stop::undecidable(format!("an operation on {} and {}", left.kind(), right.kind())));
    };
    Ok(Val::Float(match op {
        BinOpKind::Add => a + b,
        BinOpKind::Sub => a - b,
        BinOpKind::Mul => a * b,
        BinOpKind::Div if b != 0.0 => a / b,
        BinOpKind::FloorDiv if b != 0.0 => (a / b).floor(),
        BinOpKind::Div | BinOpKind::FloorDiv => return Err(by_zero()),
        _ => return Err(Stop::undecidable("such an operation on floats")),
    }))
}

/// `~`.
pub(super) fn concat<'v>(own: &mut Evaluation<'v, '_>, left: Val<'v>, right: Val<'v>) -> Yield<Val<'v>> {
    let (left, right) = (own.deep(left)?, own.deep(right)?);
    let (left, right) = (own.str_of(&left)?, own.str_of(&right)?);
    own.concatenated(&left, &right)
}

/// `needle in haystack`.
pub(super) fn contains<'v>(
    own: &mut Evaluation<'v, '_>,
    haystack: &Val<'v>,
    needle: &Val<'v>,
) -> Yield<bool> {
    if let Val::Undefined(name) = needle {
        return Err(Stop::undefined(name));
    }
    match (haystack, needle) {
        (Val::Text(text), Val::Text(part)) => {
            own.scan(text.len())?;
            Ok(text.contains(&**part))
        }
        (Val::Text(_), _) => Err(Stop::failed(format!("{} cannot be in a text", needle.kind()))),
        (Val::Map(map), Val::Text(key)) => {
            own.spend(1 + map.entries().len() / 8)?;
            Ok(map.get(key).is_some())
        }
        (Val::Hostvars, Val::Text(host)) => Ok(own.scene.host(host).is_some()),
        (Val::Groups, Val::Text(group)) => Ok(own.scene.is_group(group)),
        (Val::List(items), _) => {
            for item in items.iter() {
                own.spend(1)?;
                let item = own.deep(item.clone())?;
                if own.equal(&item, needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (Val::Undefined(name), _) => Err(Stop::undefined(name)),
        _ => Err(Stop::undecidable(format!("whether {} is in {}", needle.kind(), haystack.kind()))),
    }
}
