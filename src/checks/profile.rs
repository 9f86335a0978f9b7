//! A profile: which checks, which limits.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::SeverityByRole;
use super::error::{LoadError, nearest};
use super::parameter;
use super::types::Type;
use super::yaml::yaml;

/// A profile file, as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    /// What it is for, in a sentence.
    #[serde(default)]
    pub title: String,
    /// Profiles it builds on: their checks, parameters and severities, which its own override.
    #[serde(default)]
    pub include: Vec<String>,
    /// Ids of its checks.
    #[serde(default)]
    pub checks: BTreeSet<String>,
    /// Limits and lists, with their unit in the name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// Severities that differ from the checks' own.
    #[serde(default)]
    pub severities: BTreeMap<String, SeverityByRole>,
}

/// A profile with its includes worked in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Ids of its checks.
    pub checks: BTreeSet<String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, Value>,
    /// Severities that differ from the checks' own.
    pub severities: BTreeMap<String, SeverityByRole>,
    /// The user's file that it stands in, and its text.
    pub file: Option<(String, String)>,
}

/// Whether a value can stand where `current` does: conditions were written for its type, and it has to mean something.
fn fits(key: &str, current: &Value, given: &Value) -> Result<(), String> {
    let wrong = |wanted: &Type, given: &Value, what: &str| {
        let advice = match (wanted, given) {
            (_, Value::Null) => "; give it a value".to_owned(),
            (Type::String, Value::Number(_) | Value::Bool(_)) => {
                format!("; put it into quotes: \"{given}\"")
            }
            (Type::List(_), Value::String(text)) => format!("; write it as [{text}]"),
            (Type::List(_), Value::Number(_) | Value::Bool(_)) => format!("; write it as [{given}]"),
            _ => String::new(),
        };
        Err(format!("{what} must be {}, not {}{advice}", noun(wanted), shown(given)))
    };
    let stands = |wanted: &Type, given: &Value| match (wanted, given) {
        (Type::Any, _) => true,
        (_, Value::Null) => false,
        (Type::Int, given) => given.is_i64() || given.is_u64(),
        (wanted, given) => wanted.meets(&Type::of_value(given)),
    };
    match (Type::of_value(current), given) {
        (Type::List(wanted), Value::Array(items)) => {
            // An empty list does not tell what is to be in it.
            let wanted = match *wanted {
                Type::Any => parameter::element_of(key),
                wanted => wanted,
            };
            if let Some(item) = items.iter().find(|item| !stands(&wanted, item)) {
                return wrong(&wanted, item, &format!("{key}: an element"));
            }
        }
        (wanted, given) if !stands(&wanted, given) => return wrong(&wanted, given, &format!("{key}: it")),
        _ => {}
    }
    parameter::require_meaning(key, given)
}

/// A type as people call it.
fn noun(of: &Type) -> &'static str {
    match of {
        Type::Bool => "true or false",
        Type::Int => "a whole number",
        Type::Double => "a number",
        Type::String => "a text",
        Type::List(_) => "a list",
        Type::Map(_) | Type::Object(_) => "a mapping",
        Type::Any | Type::Null => "something else",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(_) => format!("the text {value}"),
        Value::Array(_) => format!("a list ({value})"),
        Value::Object(_) => format!("a mapping ({value})"),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

impl Profile {
    /// Lays `file` over what it includes; its own word counts.
    fn lay(&mut self, file: ProfileFile) {
        self.checks.extend(file.checks);
        self.parameters.extend(file.parameters);
        self.severities.extend(file.severities);
    }

    /// A mistake about `name`, which stands below `key` of the profile's file.
    pub(super) fn mistake(&self, key: &str, name: &str, message: String, near: Option<&str>) -> LoadError {
        let (file, text) = self
            .file
            .as_ref()
            .map_or((self.name.as_str(), ""), |(file, text)| (file.as_str(), text.as_str()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`airworthy list` shows the ids".to_owned(),
        };
        LoadError::new(file, text, message).help(help).at_text_in(key, name)
    }

    /// Sets a parameter that the profile has.
    ///
    /// # Errors
    /// When there is no such parameter, its value is of another type, or can mean nothing.
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), String> {
        let Some(current) = self.parameters.get_mut(key) else {
            let names = self.parameters.keys().map(String::as_str);
            let near = nearest(key, names).map_or_else(
                || format!("there are: {}", self.parameters.keys().cloned().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(format!("the profile `{}` has no parameter `{key}`; {near}", self.name));
        };
        fits(key, current, &value)?;
        *current = value;
        Ok(())
    }
}

/// Reads profiles by name out of those that ship, or a file's text.
pub struct Profiles<'f> {
    /// Name and text of every profile that ships.
    pub shipped: &'f [(&'f str, &'f str)],
}

impl Profiles<'_> {
    /// The profile of a shipped name.
    ///
    /// # Errors
    /// When no such profile ships, or one of those it includes is broken.
    pub fn named(&self, name: &str) -> Result<Profile, LoadError> {
        let mut profile = Profile { name: name.to_owned(), ..Profile::default() };
        self.include(name, &mut profile, &mut Vec::new())?;
        Ok(profile)
    }

    /// The profile that stands in a file of the user's.
    ///
    /// # Errors
    /// When it is broken, or includes what does not ship.
    pub fn in_file(&self, file: &str, text: &str) -> Result<Profile, LoadError> {
        let parsed: ProfileFile = yaml(file, text)?;
        let name = std::path::Path::new(file).file_stem().map_or(file.into(), |stem| stem.to_string_lossy());
        let mut profile = Profile {
            name: name.into_owned(),
            file: Some((file.to_owned(), text.to_owned())),
            ..Profile::default()
        };
        for included in &parsed.include {
            self.include(included, &mut profile, &mut Vec::new()).map_err(|error| match error.at {
                None => LoadError::new(file, text, error.message).at_text_in("include", included),
                Some(_) => error,
            })?;
        }
        for (key, value) in &parsed.parameters {
            let mistake =
                |reason: String| LoadError::new(file, text, reason).at_value(&format!("parameters.{key}"));
            match profile.parameters.get(key) {
                Some(current) => fits(key, current, value)
                    .map_err(|reason| mistake(reason).help("the checks it includes were written for that"))?,
                None => parameter::require_meaning(key, value).map_err(mistake)?,
            }
        }
        profile.lay(parsed);
        Ok(profile)
    }

    fn include(&self, name: &str, profile: &mut Profile, open: &mut Vec<String>) -> Result<(), LoadError> {
        let Some((_, text)) = self.shipped.iter().find(|(shipped, _)| *shipped == name) else {
            let names: Vec<&str> = self.shipped.iter().map(|(name, _)| *name).collect();
            let message = format!("there is no such profile; there are: {}", names.join(", "));
            return Err(LoadError::new(&format!("profile {name}"), "", message)
                .help("a profile of your own is named by its path: ./mine.yaml"));
        };
        if open.iter().any(|other| other == name) {
            return Err(LoadError::new(name, text, format!("the profile `{name}` includes itself")));
        }
        open.push(name.to_owned());
        let file: ProfileFile = yaml(&format!("profiles/{name}.yaml"), text)?;
        for included in &file.include {
            self.include(included, profile, open)?;
        }
        profile.lay(file);
        open.pop();
        Ok(())
    }
}
