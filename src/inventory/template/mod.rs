//! Jinja in variables: what is decidable from the inventory is evaluated, with Ansible's values and types; what is not
//! (facts, lookups, unknown filters, undefined variables) is named, and never guessed.

mod access;
mod budget;
mod collection;
mod evaluate;
mod filter;
mod made;
mod method;
mod name;
mod operator;
mod pattern;
mod python;
mod scene;
mod statement;
mod stop;
mod value;
mod verdict;

use serde_json::Value;

pub(in crate::inventory) use evaluate::IN_ORDER;
pub use scene::GatheredFacts;
pub(super) use scene::{Context, Scene};
pub use stop::HostFact;

use evaluate::Evaluation;
use stop::Stop;
use value::Val;

/// A variable whose value cannot be known, or is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The variable's name.
    pub name: String,
    /// Where it is written: file and line.
    pub origin: String,
    /// Why: what its template names that the inventory does not say.
    pub reason: String,
    /// The host's fact that its template asks for and that is not known, where that is why.
    pub fact: Option<Box<HostFact>>,
    /// Whether the inventory itself sets it, or a variable that it depends on and that has no value.
    pub from_inventory: bool,
}

/// A text whose templates have no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRendered {
    /// Why, in words for people.
    pub reason: String,
    /// The host's fact that it asks for and that is not known, where that is why.
    pub fact: Option<Box<HostFact>>,
    /// Whether it depends on a variable that the inventory itself sets and that has no value.
    pub from_inventory: bool,
}

impl std::fmt::Display for Unresolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` ({}): {}", self.name, self.origin, self.reason)
    }
}

/// Whether a text is a template.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// A host's variable as Ansible would use it; `None` where it is not set, or set to `omit`.
pub(super) fn resolve(scene: &Scene<'_>, host: &str, name: &str) -> Result<Option<Value>, Unresolved> {
    let Some(number) = scene.host(host) else { return Ok(None) };
    let Some((_, layer)) = scene.variable(number, name) else { return Ok(None) };
    let mut evaluation = Evaluation::new(scene);
    let templated = evaluation.variable(number, name).and_then(|value| match value {
        None | Some(Val::Omit) => Ok(None),
        Some(value) => evaluation.finish(value).map(Some),
    });
    templated.map_err(|stop| Unresolved {
        name: name.to_owned(),
        origin: layer.place_of(name),
        reason: stop.reason,
        fact: stop.fact,
        from_inventory: stop.from_inventory || !scene.is_default(layer),
    })
}

/// A text of no variable's, templated with the variables of a host.
pub(super) fn render(scene: &Scene<'_>, host: &str, text: &str) -> Result<Value, NotRendered> {
    let no_host =
        || NotRendered { reason: format!("there is no host {host}"), fact: None, from_inventory: false };
    let number = scene.host(host).ok_or_else(no_host)?;
    let mut evaluation = Evaluation::new(scene);
    let value = evaluation.template(text, number).and_then(|value| evaluation.finish(value));
    value.map_err(|Stop { reason, fact, from_inventory }| NotRendered { reason, fact, from_inventory })
}
