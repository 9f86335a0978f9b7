//! What a rule asks of one host's variables.

use serde_json::Value;

use super::findings::{quoted, text_of};
use super::networks::is_on;
use super::unknown::Unknown;
use super::view::View;

/// One host's variables, as rules ask for them.
pub(super) struct Case<'c, 'i> {
    pub(super) view: &'c View<'i>,
    pub(super) host: &'i str,
}

/// What is wrong, or nothing; the error is the reason why it cannot be told.
pub(super) type Ruling = Result<Option<String>, Unknown>;

impl Case<'_, '_> {
    /// A variable as kubespray will have it.
    pub(super) fn get(&self, name: &str) -> Result<Option<Value>, Unknown> {
        self.view.get(self.host, name)
    }

    /// The same as a text; empty where it is not set.
    pub(super) fn text(&self, name: &str) -> Result<String, Unknown> {
        Ok(self.get(name)?.map(|value| text_of(&value)).unwrap_or_default())
    }

    /// Whether it is one of these.
    pub(super) fn is(&self, name: &str, wanted: &[&str]) -> Result<bool, Unknown> {
        Ok(self.get(name)?.is_some_and(|value| wanted.contains(&text_of(&value).as_str())))
    }

    /// Whether it is a switch that is on.
    pub(super) fn on(&self, name: &str) -> Result<bool, Unknown> {
        Ok(self.get(name)?.is_some_and(|value| is_on(&value)))
    }

    /// Whether it is set at all, by whomever.
    pub(super) fn set(&self, name: &str) -> Result<bool, Unknown> {
        Ok(self.get(name)?.is_some_and(|value| !value.is_null() && value != Value::String(String::new())))
    }

    /// `` `name` is `value` (file:line) ``.
    pub(super) fn told(&self, name: &str) -> Result<String, Unknown> {
        let place = self.view.place(self.host, name);
        let place = place.as_deref().unwrap_or("kubespray's default");
        Ok(match self.get(name)? {
            Some(value) => format!("`{name}` is {} ({place})", quoted(&value)),
            None => format!("`{name}` is not set"),
        })
    }
}
