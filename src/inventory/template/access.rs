//! What stands behind a value: `value.name`, `value[key]`, `value[from:to]`.

use std::rc::Rc;

use super::evaluate::Evaluation;
use super::method;
use super::stop::{Stop, Yield};
use super::value::Val;

impl<'v> Evaluation<'v, '_> {
    /// `value.name`; a method that is not called is no value.
    pub(super) fn attribute(&mut self, value: &Val<'v>, name: &str, is_method: bool) -> Yield<Val<'v>> {
        match value {
            _ if is_method => Err(Stop::undecidable(format!("the method `{name}` without a call"))),
            Val::Undefined(of) => Ok(Val::Undefined(format!("{of}.{name}").into())),
            Val::Map(map) => match map.get(name) {
                Some(found) => self.force(found.clone()),
                None => Ok(Val::Undefined(name.into())),
            },
            Val::Hostvars => Ok(self
                .scene
                .host(name)
                .map_or_else(|| Val::Undefined(format!("hostvars['{name}']").into()), Val::Host)),
            Val::Groups => Ok(match self.scene.members(name) {
                Some(members) => Val::List(members),
                None => Val::Undefined(format!("groups['{name}']").into()),
            }),
            Val::Facts(host) => self.gathered(*host, name),
            Val::Host(host) => {
                let found = self.of_host(*host, name, false)?;
                Ok(match found {
                    Val::Undefined(_) => {
                        let host = self.scene.hosts().get(*host).map(String::as_str).unwrap_or_default();
                        Val::Undefined(format!("hostvars['{host}'].{name}").into())
                    }
                    found => found,
                })
            }
            _ => Ok(Val::Undefined(name.into())),
        }
    }

    /// `value[key]`.
    pub(super) fn item(&mut self, value: &Val<'v>, key: &Val<'v>) -> Yield<Val<'v>> {
        match (value, key) {
            (_, Val::Undefined(name)) => Err(Stop::undefined(name)),
            (Val::Undefined(of), key) => {
                let key = super::python::str_of(key)?;
                Ok(Val::Undefined(format!("{of}[{key}]").into()))
            }
            (Val::Map(map), Val::Text(key)) => {
                let is_method = map.get(key).is_none() && method::is_method(value, key);
                self.attribute(value, key, is_method)
            }
            (Val::Map(_), _) => Err(Stop::undecidable("a mapping's key that is no text")),
            (Val::Hostvars | Val::Groups | Val::Host(_) | Val::Facts(_), Val::Text(key)) => {
                self.attribute(value, key, false)
            }
            (Val::List(_) | Val::Text(_), key) if key.whole().is_some() => {
                let items = match value {
                    Val::List(items) => Rc::clone(items),
                    other => Rc::new(self.items(other)?),
                };
                let at = key.whole().unwrap_or_default();
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let from_start = if at < 0 { at.saturating_add(length) } else { at };
                match usize::try_from(from_start).ok().and_then(|at| items.get(at)) {
                    Some(found) => self.force(found.clone()),
                    None => Ok(Val::Undefined(format!("item {at} of a list").into())),
                }
            }
            (_, Val::Text(name)) => self.attribute(value, name, method::is_method(value, name)),
            (other, _) => Err(Stop::failed(format!("{} has no items", other.kind()))),
        }
    }

    pub(super) fn slice(&mut self, value: &Val<'v>, bounds: &[Option<Val<'v>>; 3]) -> Yield<Val<'v>> {
        let items = match value {
            Val::List(_) | Val::Text(_) => self.items(value)?,
            other => return Err(Stop::failed(format!("{} cannot be sliced", other.kind()))),
        };
        let number = |bound: &Option<Val<'v>>| match bound {
            None | Some(Val::Null) => Ok(None),
            Some(value) => {
                value.whole().map(Some).ok_or_else(|| Stop::failed("a slice's bound is no number"))
            }
        };
        let (start, stop, step) =
            (number(&bounds[0])?, number(&bounds[1])?, number(&bounds[2])?.unwrap_or(1));
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let clamp = |at: i64, low: i64, high: i64| {
            (if at < 0 { at.saturating_add(length) } else { at }).clamp(low, high)
        };
        let mut chosen = Vec::new();
        if step > 0 {
            let (mut at, end) =
                (start.map_or(0, |at| clamp(at, 0, length)), stop.map_or(length, |at| clamp(at, 0, length)));
            while at < end {
                chosen.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
                at = at.saturating_add(step);
            }
        } else if step < 0 {
            let mut at = start.map_or(length - 1, |at| clamp(at, -1, length - 1));
            let end = stop.map_or(-1, |at| clamp(at, -1, length - 1));
            while at > end {
                chosen.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
                at = at.saturating_add(step);
            }
        } else {
            return Err(Stop::failed("a slice with step 0"));
        }
        match value {
            Val::Text(_) => {
                let mut text = String::new();
                for item in &chosen {
                    text.push_str(&super::python::str_of(item)?);
                }
                Ok(Val::text(text))
            }
            _ => Ok(Val::list(chosen)),
        }
    }
}
