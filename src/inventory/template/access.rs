//! What stands behind a value: `value.name`, `value[key]`, `value[from:to]`.

use super::evaluate::Evaluation;
use super::made::{ListBuilder, TextBuilder};
use super::method;
use super::stop::{Stop, Yield, short};
use super::value::Val;

impl<'v> Evaluation<'v, '_> {
    /// `value.name`; a method that is not called is no value.
    pub(super) fn attribute(&mut self, value: &Val<'v>, name: &str, is_method: bool) -> Yield<Val<'v>> {
        match value {
            _ if is_method => Err(Stop::undecidable(format!("the method `{name}` without a call"))),
            Val::Undefined(of) => Ok(Val::undefined(&format!("{of}.{}", short(name)))),
            Val::Map(map) => {
                self.spend(1 + map.entries().len() / 8)?;
                match map.get(name) {
                    Some(found) => self.force(found.clone()),
                    None => Ok(Val::undefined(name)),
                }
            }
            Val::Hostvars => Ok(self
                .scene
                .host(name)
                .map_or_else(|| Val::undefined(&format!("hostvars['{}']", short(name))), Val::Host)),
            Val::Groups => self.group(name),
            Val::Facts(host) => self.gathered(*host, name),
            Val::Host(host) => {
                let found = self.of_host(*host, name, false)?;
                Ok(match found {
                    Val::Undefined(_) => {
                        let host = self.scene.hosts().get(*host).map(String::as_str).unwrap_or_default();
                        Val::undefined(&format!("hostvars['{host}'].{}", short(name)))
                    }
                    found => found,
                })
            }
            _ => Ok(Val::undefined(name)),
        }
    }

    /// The members of a group.
    fn group(&mut self, name: &str) -> Yield<Val<'v>> {
        if let Some(known) = self.scene.known_members(name) {
            return Ok(Val::List(known));
        }
        let Some(members) = self.scene.members(name) else {
            return Ok(Val::undefined(&format!("groups['{}']", short(name))));
        };
        let list = self.texts(members)?;
        if let Val::List(members) = &list {
            self.scene.keep_members(name, members);
        }
        Ok(list)
    }

    /// `value[key]`.
    pub(super) fn item(&mut self, value: &Val<'v>, key: &Val<'v>) -> Yield<Val<'v>> {
        match (value, key) {
            (_, Val::Undefined(name)) => Err(Stop::undefined(name)),
            (Val::Undefined(of), key) => {
                let key = self.str_of(key)?;
                Ok(Val::undefined(&format!("{of}[{}]", short(&key))))
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
                let at = key.whole().unwrap_or_default();
                let length = match value {
                    Val::List(items) => items.len(),
                    Val::Text(text) => {
                        self.scan(text.len())?;
                        text.chars().count()
                    }
                    _ => 0,
                };
                let length = i64::try_from(length).unwrap_or(i64::MAX);
                let from_start = if at < 0 { at.saturating_add(length) } else { at };
                let from_start = usize::try_from(from_start).ok();
                let found = match (value, from_start) {
                    (Val::List(items), Some(at)) => items.get(at).cloned(),
                    (Val::Text(text), Some(at)) => match text.chars().nth(at) {
                        Some(c) => Some(self.text(c.encode_utf8(&mut [0; 4]))?),
                        None => None,
                    },
                    _ => None,
                };
                match found {
                    Some(found) => self.force(found),
                    None => Ok(Val::undefined(&format!("item {at} of a list"))),
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
        let mut places = Vec::new();
        if step > 0 {
            let (mut at, end) =
                (start.map_or(0, |at| clamp(at, 0, length)), stop.map_or(length, |at| clamp(at, 0, length)));
            while at < end {
                places.extend(usize::try_from(at));
                at = at.saturating_add(step);
            }
        } else if step < 0 {
            let mut at = start.map_or(length - 1, |at| clamp(at, -1, length - 1));
            let end = stop.map_or(-1, |at| clamp(at, -1, length - 1));
            while at > end {
                places.extend(usize::try_from(at));
                at = at.saturating_add(step);
            }
        } else {
            return Err(Stop::failed("a slice with step 0"));
        }
        let chosen = places.into_iter().filter_map(|at| items.get(at));
        if let Val::Text(_) = value {
            let mut text = TextBuilder::default();
            for item in chosen {
                let piece = self.str_of(item)?;
                text.push(self, &piece)?;
            }
            return Ok(Val::Text(text.finish()));
        }
        let mut list = ListBuilder::default();
        for item in chosen {
            list.push(self, item.clone())?;
        }
        Ok(list.finish())
    }
}
