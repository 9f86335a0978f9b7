//! What one check looks at: the names in its scope, and where each value came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::{Context, Value as Cel};
use minijinja::value::Value as Jinja;
use serde_json::Value;

use super::check::Parse;
use super::condition::Condition;
use super::message;
use super::outlook::Outlook;
use super::profile::Profile;
use super::values::{fact_to_cel, map, to_cel, to_cel_facts, to_cel_fields};
use super::verdict::Found;
use crate::facts::{Fact, FactTree, Reading, Untyped};

/// The parameters: the same for all hosts, and so what is shown of them is made once.
pub(super) struct Params {
    values: BTreeMap<String, Param>,
}

struct Param {
    value: Arc<Value>,
    /// As messages see it.
    told: Jinja,
}

impl Params {
    /// Those of a profile.
    pub(super) fn of(profile: &Profile) -> Params {
        let param =
            |value: &Value| Param { value: Arc::new(value.clone()), told: Jinja::from_serialize(value) };
        let values = profile.parameters.iter().map(|(key, value)| (key.clone(), param(value)));
        Params { values: values.collect() }
    }

    /// As CEL sees them.
    pub(super) fn to_cel(&self) -> Cel {
        map(self.values.iter().map(|(key, param)| (key.clone(), to_cel(&param.value))))
    }
}

/// What one check looks at: the names in scope, and where each value came from.
pub(super) struct Sight<'s> {
    /// Knows the functions and what is the same for all hosts.
    pub(super) root: &'s Context<'s, 'static>,
    pub(super) facts: &'s FactTree,
    /// Those of the deployment.
    pub(super) deployment: &'s FactTree,
    pub(super) probe: Option<Arc<Fact<Value>>>,
    /// The inventory's part, as JSON.
    pub(super) subject: Option<&'s Value>,
    pub(super) params: &'s Params,
}

impl Sight<'_> {
    /// The names of which an outlook has one, as CEL sees them.
    pub(super) fn context(&self, outlook: &Outlook) -> Context<'_, 'static> {
        let mut context = self.root.new_inner_scope();
        for (name, fields) in outlook.subjects() {
            let told = match (name, self.facts.get(name)) {
                ("host", _) => self.subject.map(|subject| to_cel_fields(subject, |field| fields.has(field))),
                ("probe", _) => self.probe.as_deref().and_then(fact_to_cel),
                (_, facts) => facts.map(|facts| to_cel_facts(facts, |field| fields.has(field))),
            };
            if let Some(told) = told {
                context.add_variable_from_value(name, told);
            }
        }
        context
    }

    /// A subject's facts: the host's, the fleet's or the deployment's.
    fn fields(&self, subject: &str) -> Option<&Untyped> {
        self.facts.get(subject).or_else(|| self.deployment.get(subject)).map(|fields| &**fields)
    }

    /// The fact at the root of a path.
    pub(super) fn fact(&self, path: &[String]) -> Option<&Fact<Value>> {
        match path {
            [root, ..] if root == "probe" => self.probe.as_deref(),
            [subject, field, ..] => self.fields(subject)?.get(field.as_str()).map(|fact| &**fact),
            _ => None,
        }
    }

    /// What a message is told of a subject's field, or of all of a subject; `None` where it is unknown.
    pub(super) fn told(&self, subject: &str, field: Option<&str>) -> Option<Jinja> {
        let of = |whole: &Value| match field {
            Some(field) => whole.get(field).map(Jinja::from_serialize),
            None => Some(Jinja::from_serialize(whole)),
        };
        match (subject, field) {
            ("host", _) => self.subject.and_then(of),
            ("params", Some(field)) => self.params.values.get(field).map(|param| param.told.clone()),
            ("params", None) => {
                let params = self.params.values.iter();
                Some(Jinja::from_iter(params.map(|(key, param)| (key.clone(), param.told.clone()))))
            }
            ("probe", _) => match &self.probe.as_ref()?.reading {
                Reading::Known(whole) => of(whole),
                Reading::Absent => Some(Jinja::from(())),
                Reading::Unknown(_) => None,
            },
            (_, Some(field)) => message::value(self.fields(subject)?.get(field)?),
            (_, None) => {
                let fields = self.fields(subject)?.iter();
                Some(Jinja::from_iter(
                    fields.filter_map(|(field, fact)| Some((field.to_string(), message::value(fact)?))),
                ))
            }
        }
    }

    /// What the condition looked at, in the order in which it names it.
    pub(super) fn found(&self, condition: &Condition) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::with_capacity(condition.shown.len());
        for (path, name) in &condition.shown {
            let name = Arc::clone(name);
            let entry = match (path[0].as_str(), self.fact(path)) {
                (_, Some(fact)) => {
                    let depth = if path[0] == "probe" { 1 } else { 2 };
                    let value = fact
                        .value()
                        .and_then(|value| descend(value, &path[depth.min(path.len())..]))
                        .cloned()
                        .unwrap_or_default();
                    let unknown = match &fact.reading {
                        Reading::Unknown(reason) => Some(reason.as_str().into()),
                        Reading::Known(_) | Reading::Absent => None,
                    };
                    Found {
                        fact: name,
                        value: value.into(),
                        unknown,
                        source: fact.source.to_string(),
                        omitted: fact.omitted,
                    }
                }
                ("params", None) => {
                    let value = match (self.params.values.get(&path[1]), &path[2..]) {
                        (Some(param), []) => Arc::clone(&param.value),
                        (param, deeper) => {
                            let value = param.and_then(|param| descend(&param.value, deeper));
                            value.cloned().unwrap_or_default().into()
                        }
                    };
                    Found { fact: name, value, unknown: None, source: "profile".to_owned(), omitted: 0 }
                }
                ("host", None) => Found {
                    fact: name,
                    value: self
                        .subject
                        .and_then(|subject| descend(subject, &path[1..]))
                        .cloned()
                        .unwrap_or_default()
                        .into(),
                    unknown: None,
                    source: "inventory".to_owned(),
                    omitted: 0,
                },
                _ => continue,
            };
            found.push(entry);
        }
        found
    }
}

fn descend<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// Reads what a check's own probe wrote.
pub(super) fn parse_probe(parse: Parse, text: &str) -> Result<Value, String> {
    match parse {
        Parse::Text => Ok(Value::String(text.strip_suffix('\n').unwrap_or(text).to_owned())),
        Parse::Lines => Ok(text.lines().map(|line| Value::String(line.to_owned())).collect()),
        Parse::Json => {
            serde_json::from_str(text).map_err(|error| format!("the probe did not write JSON: {error}"))
        }
        Parse::Number => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => Err(format!(
                "the probe did not write a number: `{}`",
                text.trim().chars().take(80).collect::<String>()
            )),
        },
    }
}
