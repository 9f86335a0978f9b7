//! Runs the examples that stand in a check file: each is a test.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::catalog::{Catalog, Check};
use super::check::{Example, Scope};
use super::engine::Judge;
use super::error::nearest;
use super::profile::Profile;
use super::types::Type;
use super::verdict::Verdict;
use super::vocabulary;
use crate::facts::{Deployment, Fact, Fleet, HostFacts, HostRecord, Outcome};

/// What the source of an example's facts is called.
const SOURCE: &str = "the example";

/// Judges one example of a check.
///
/// # Errors
/// When the example names a fact or a parameter that does not exist, or gives one of another type.
pub fn run_example(check: &Arc<Check>, example: &Example, profile: &Profile) -> Result<Verdict, String> {
    let mut profile = Profile { severities: BTreeMap::new(), ..profile.clone() };
    for (key, value) in &example.params {
        profile.set(key, value.clone())?;
    }
    let (facts, deployment) = subjects(check, example)?;
    let outcome = match &example.unreachable {
        Some(stage) => {
            Outcome::Unreachable { stage: stage.clone(), reason: "as the example has it".to_owned() }
        }
        None => Outcome::Gathered(Box::new(facts)),
    };
    let host = HostRecord {
        subject: example.host.subject(&check.file.roles),
        gathered_at: None,
        duration_ms: None,
        outcome,
    };
    let fleet = fleet(&example.fleet)?;
    // By itself: what it stands after is another check's business.
    let catalog = Catalog::alone(check);
    let judge = Judge::new(&catalog, &profile, &deployment);
    let verdicts = match check.file.scope {
        Scope::Host => judge.host(&host),
        Scope::Fleet => judge.fleet(&[host], &fleet),
    };
    verdicts.into_iter().next().ok_or_else(|| {
        "an example's host has none of the check's roles, or its stage is none of the check's; give it such a role \
         (`host: {roles: [infra]}`) or stage"
            .to_owned()
    })
}

/// Whether a verdict is what its example expects.
pub fn meets(example: &Example, verdict: &Verdict) -> bool {
    verdict.status == example.expect.status()
        && example.severity.is_none_or(|severity| verdict.severity == severity)
}

/// The facts of the host and of the deployment that an example gives.
fn subjects(check: &Check, example: &Example) -> Result<(HostFacts, Deployment), String> {
    let (host, deployment) = (vocabulary::subjects(), vocabulary::deployment());
    let mut tree: BTreeMap<String, Value> = BTreeMap::new();
    let mut shared = serde_json::Map::new();
    for (subject, fields) in &example.facts {
        if let Some(Type::Object(types)) = deployment.get(subject) {
            shared.insert(subject.clone(), facts(subject, fields, types)?);
            continue;
        }
        let Some(Type::Object(types)) = host.get(subject) else {
            let known = host.keys().chain(deployment.keys()).map(String::as_str);
            return Err(no_such("subject", subject, known));
        };
        tree.insert(subject.clone(), facts(subject, fields, types)?);
    }
    if let (Some(value), Some(_)) = (&example.probe, &check.file.probe) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(lines) if lines.iter().all(Value::is_string) => {
                lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
            }
            other => other.to_string(),
        };
        let probes = BTreeMap::from([(check.id.clone(), Fact::known(text, SOURCE))]);
        tree.insert("probes".to_owned(), serde_json::to_value(probes).unwrap_or_default());
    }
    let tree: Value = tree.into_iter().collect::<serde_json::Map<_, _>>().into();
    let broken = |error: serde_json::Error| format!("facts: {error}");
    let deployment = serde_json::from_value(Value::Object(shared)).map_err(broken)?;
    Ok((serde_json::from_value(tree).map_err(broken)?, deployment))
}

fn fleet(fields: &BTreeMap<String, Value>) -> Result<Fleet, String> {
    let Type::Object(types) = vocabulary::fleet() else { return Ok(Fleet::default()) };
    serde_json::from_value(facts("fleet", fields, types)?).map_err(|error| format!("fleet: {error}"))
}

/// Fields as saved facts have them: a value is known, null is absent.
fn facts(
    subject: &str,
    fields: &BTreeMap<String, Value>,
    types: &BTreeMap<String, Type>,
) -> Result<Value, String> {
    let mut object = serde_json::Map::new();
    for (field, value) in fields {
        let Some(of) = types.get(field) else {
            let near = nearest(field, types.keys().map(String::as_str)).map_or_else(
                || format!("there are: {}", types.keys().cloned().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(format!(
                "an example names the fact `{subject}.{field}`, which does not exist; {near}"
            ));
        };
        let given = Type::of_value(value);
        if !of.meets(&given) {
            let (of, given) = (of.name(), given.name());
            return Err(format!("an example gives `{subject}.{field}`, which is {of}, as {given} ({value})"));
        }
        let fact: Fact<Value> = match value {
            Value::Null => Fact::absent(SOURCE),
            value => Fact::known(value.clone(), SOURCE),
        };
        object.insert(field.clone(), serde_json::to_value(fact).unwrap_or_default());
    }
    Ok(Value::Object(object))
}

fn no_such<'n>(what: &str, name: &str, names: impl Iterator<Item = &'n str>) -> String {
    let near = nearest(name, names).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!("an example names the {what} `{name}`, which does not exist{near}")
}
