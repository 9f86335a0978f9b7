//! A check's message: its own sentence with the facts filled in, else the facts by themselves.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::value::Value as Jinja;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

use super::verdict::Found;
use crate::facts::{Fact, Reading};

/// The longest message, in characters: what hosts say is theirs to make long.
const LONGEST: usize = 600;

/// How every template is filled in; made once, for it knows a hundred filters and tests by name.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_formatter(|out, state, value| {
        if value.is_undefined() {
            out.write_str("unknown").map_err(minijinja::Error::from)
        } else {
            minijinja::escape_formatter(out, state, value)
        }
    });
    environment
});

/// Looks a template over.
///
/// # Errors
/// What is wrong with it.
pub(super) fn lint(template: &str) -> Result<(), String> {
    Environment::new().template_from_str(template).map(|_| ()).map_err(|error| error.to_string())
}

/// Fills the template in; `None` where it cannot be.
pub(super) fn render(template: &str, names: &BTreeMap<String, Jinja>) -> Option<String> {
    let text = ENVIRONMENT.render_str(template, names).ok()?;
    Some(shorten(text.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// One subject's facts as the template sees them: unknown ones are undefined.
pub(super) fn values(fields: &BTreeMap<String, Fact<Value>>) -> Jinja {
    let known = fields.iter().filter_map(|(field, fact)| match &fact.reading {
        Reading::Known(value) => Some((field.clone(), Jinja::from_serialize(value))),
        Reading::Absent => Some((field.clone(), Jinja::from(()))),
        Reading::Unknown(_) => None,
    });
    Jinja::from_iter(known)
}

/// The facts by themselves: `docker.default_runtime is runc`.
pub(super) fn plain(found: &[Found]) -> String {
    let told = found.iter().filter(|found| !found.fact.starts_with("params.")).map(|found| {
        let value = match &found.value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{} is {value}", found.fact)
    });
    shorten(told.collect::<Vec<_>>().join(", "))
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
