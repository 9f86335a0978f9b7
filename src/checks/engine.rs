//! Holds every check against every host, and the fleet's against the fleet.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Value as Cel};
use minijinja::value::Value as Jinja;
use rayon::prelude::*;
use serde_json::Value;

use super::catalog::{Catalog, Check};
use super::check::{Parse, Scope};
use super::condition::{Condition, Truth};
use super::functions;
use super::message;
use super::profile::Profile;
use super::verdict::{Found, Severity, Status, Verdict};
use crate::facts::{Fact, FactTree, Fleet, HostRecord, Outcome, Reading, Subject};

/// Judges a cluster: every host's verdicts in the order of hosts, then of ids; the fleet's last.
pub fn judge(catalog: &Catalog, profile: &Profile, hosts: &[HostRecord], fleet: &Fleet) -> Vec<Verdict> {
    let params = params(profile);
    let judge_one = |context: &Context<'static, 'static>, host: &HostRecord| {
        let mut verdicts = judge_host(catalog, profile, host, context, &params);
        verdicts.sort_by(|a, b| a.check.cmp(&b.check));
        verdicts
    };
    let mut verdicts: Vec<Verdict> = hosts
        .par_iter()
        .map_init(|| root(&params), |context, host| judge_one(context, host))
        .flatten_iter()
        .collect();
    let mut of_fleet = judge_fleet(catalog, profile, hosts, fleet, &params);
    of_fleet.sort_by(|a, b| a.check.cmp(&b.check));
    verdicts.extend(of_fleet);
    verdicts
}

/// A context that knows the functions and the parameters; hosts get scopes inside it.
fn root(params: &Params<'_>) -> Context<'static, 'static> {
    let mut context = Context::default();
    functions::register(&mut context);
    context.add_variable_from_value("params", params.cel.clone());
    context
}

/// The parameters, once for CEL and once for messages.
struct Params<'p> {
    values: &'p BTreeMap<String, Value>,
    cel: Cel,
    jinja: Jinja,
}

fn params(profile: &Profile) -> Params<'_> {
    Params {
        values: &profile.parameters,
        cel: map(profile.parameters.iter().map(|(key, value)| (key.clone(), to_cel(value)))),
        jinja: Jinja::from_serialize(&profile.parameters),
    }
}

/// What one check looks at: the names in scope, and where each value came from.
struct Sight<'s> {
    context: Context<'s, 'static>,
    facts: &'s FactTree,
    probe: Option<Fact<Value>>,
    subject: Option<&'s Subject>,
    params: &'s Params<'s>,
    jinja: &'s BTreeMap<String, Jinja>,
}

fn judge_host(
    catalog: &Catalog,
    profile: &Profile,
    host: &HostRecord,
    root: &Context<'_, 'static>,
    params: &Params<'_>,
) -> Vec<Verdict> {
    let concerns = |check: &&Arc<Check>| {
        check.file.scope == Scope::Host
            && check.file.roles.iter().any(|role| host.subject.roles.contains(role))
    };
    let checks = catalog.checks().iter().filter(concerns);
    let facts = match &host.outcome {
        Outcome::Gathered(facts) => facts,
        Outcome::Unreachable { stage, reason } => {
            let naming = checks.filter(|check| check.file.stages.contains(stage));
            return naming.map(|check| unreachable(check, profile, host, stage, reason)).collect();
        }
    };
    let tree = facts.tree();
    let mut context = root.new_inner_scope();
    let mut jinja = BTreeMap::new();
    for (subject, fields) in &tree {
        context.add_variable_from_value(subject.as_str(), to_cel_facts(fields));
        jinja.insert(subject.clone(), message::values(fields));
    }
    let subject = serde_json::to_value(&host.subject).unwrap_or_default();
    context.add_variable_from_value("host", to_cel(&subject));
    jinja.insert("host".to_owned(), Jinja::from_serialize(&subject));
    jinja.insert("params".to_owned(), params.jinja.clone());

    let mut verdicts: Vec<Verdict> = Vec::new();
    for check in checks {
        let mut sight = Sight {
            context: context.new_inner_scope(),
            facts: &tree,
            probe: None,
            subject: Some(&host.subject),
            params,
            jinja: &jinja,
        };
        if let Some(probe) = &check.file.probe {
            let output = facts.probes.get(&check.id).cloned().unwrap_or_default();
            let privileged = facts.sudo.privilege.value() == Some(&true);
            let value = match probe.root && !privileged {
                true => Fact::unknown("the probe needs root", output.source),
                false => output.try_map(|text| parse_probe(probe.parse, &text)),
            };
            if let Some(cel) = fact_to_cel(&value) {
                sight.context.add_variable_from_value("probe", cel);
            }
            sight.probe = Some(value);
        }
        let severity = severity(check, profile, Some(&host.subject));
        let verdict = judge_check(check, severity, Some(&host.subject.name), &sight, &verdicts);
        verdicts.push(verdict);
    }
    verdicts
}

fn judge_fleet(
    catalog: &Catalog,
    profile: &Profile,
    hosts: &[HostRecord],
    fleet: &Fleet,
    params: &Params<'_>,
) -> Vec<Verdict> {
    let checks: Vec<&Arc<Check>> =
        catalog.checks().iter().filter(|check| check.file.scope == Scope::Fleet).collect();
    if checks.is_empty() {
        return Vec::new();
    }
    let root = root(params);
    let mut context = root.new_inner_scope();
    let tree: FactTree = [("fleet".to_owned(), fleet.tree())].into();
    context.add_variable_from_value("fleet", to_cel_facts(&tree["fleet"]));
    let sees_hosts = |check: &Check| {
        let conditions = check.when.iter().chain([&check.require]);
        conditions.into_iter().any(|condition| condition.source.contains("hosts"))
    };
    if checks.iter().any(|check| sees_hosts(check)) {
        let reached = hosts.iter().filter_map(|host| Some((host, host.facts()?.tree())));
        let each = reached.map(|(host, tree)| {
            let subject = serde_json::to_value(&host.subject).unwrap_or_default();
            let named =
                subject.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), to_cel(value)));
            map(named.chain(tree.iter().map(|(subject, fields)| (subject.clone(), to_cel_facts(fields)))))
        });
        context.add_variable_from_value("hosts", Cel::List(Arc::new(each.collect())));
    }
    let jinja: BTreeMap<String, Jinja> =
        [("fleet".to_owned(), message::values(&tree["fleet"])), ("params".to_owned(), params.jinja.clone())]
            .into();
    let mut verdicts: Vec<Verdict> = Vec::new();
    for check in checks {
        let sight = Sight {
            context: context.new_inner_scope(),
            facts: &tree,
            probe: None,
            subject: None,
            params,
            jinja: &jinja,
        };
        let verdict = judge_check(check, severity(check, profile, None), None, &sight, &verdicts);
        verdicts.push(verdict);
    }
    verdicts
}

/// The severity of a check on a host: the profile's word before the check's own.
fn severity(check: &Check, profile: &Profile, subject: Option<&Subject>) -> Severity {
    let by_role = profile.severities.get(&check.id).unwrap_or(&check.file.severity);
    match subject {
        Some(subject) => {
            let mine = subject.roles.iter().filter(|role| check.file.roles.contains(role)).copied().collect();
            by_role.of(&mine)
        }
        None => by_role.strictest(),
    }
}

fn blank(check: &Check, severity: Severity, host: Option<&str>) -> Verdict {
    Verdict {
        check: check.id.clone(),
        title: check.file.title.clone(),
        severity,
        status: Status::Unknown,
        host: host.map(str::to_owned),
        message: String::new(),
        expected: check.require.source.clone(),
        found: Vec::new(),
        reason: None,
        cause: None,
        remediation: check.file.remediation.trim().to_owned(),
        references: check.file.references.clone(),
        fixable: check.file.fix.is_some(),
    }
}

fn unreachable(check: &Check, profile: &Profile, host: &HostRecord, stage: &str, reason: &str) -> Verdict {
    let severity = severity(check, profile, Some(&host.subject));
    Verdict {
        status: Status::Fail,
        message: format!("{stage}: {reason}"),
        ..blank(check, severity, Some(&host.subject.name))
    }
}

fn judge_check(
    check: &Check,
    severity: Severity,
    host: Option<&str>,
    sight: &Sight<'_>,
    earlier: &[Verdict],
) -> Verdict {
    let verdict = blank(check, severity, host);
    if let Some(when) = &check.when {
        match when.evaluate(&sight.context) {
            Truth::True => {}
            Truth::False => {
                let reason = format!("applies when {}", one_line(&when.source));
                return Verdict {
                    status: Status::NotApplicable,
                    message: reason.clone(),
                    reason: Some(reason),
                    found: found(when, sight),
                    ..verdict
                };
            }
            Truth::Unknown(said) => {
                let found = found(when, sight);
                return unknown(verdict, when, said, found, sight, fold(check, earlier, false));
            }
        }
    }
    let found = found(&check.require, sight);
    if let Some(cause) = fold(check, earlier, true) {
        let reason = format!("not judged, because {cause} failed");
        return Verdict {
            message: reason.clone(),
            reason: Some(reason),
            cause: Some(cause),
            found,
            ..verdict
        };
    }
    let status = match check.require.evaluate(&sight.context) {
        Truth::True => Status::Pass,
        Truth::False => Status::Fail,
        Truth::Unknown(said) => {
            return unknown(verdict, &check.require, said, found, sight, fold(check, earlier, false));
        }
    };
    let told = check.file.message.as_deref().and_then(|template| message::render(template, sight.jinja));
    Verdict { status, message: told.unwrap_or_else(|| message::plain(&found)), found, ..verdict }
}

/// The check to blame: one of those this one stands after that failed (`failed`), or that could not be told
/// either. A cause's own cause is named, so that everything folds under the one finding.
fn fold(check: &Check, earlier: &[Verdict], failed: bool) -> Option<String> {
    check.file.after.iter().find_map(|before| {
        let verdict = earlier.iter().find(|verdict| verdict.check == *before)?;
        match verdict.status {
            Status::Fail if failed => Some(verdict.check.clone()),
            Status::Unknown if verdict.cause.is_some() && failed => verdict.cause.clone(),
            Status::Unknown if !failed => Some(verdict.check.clone()),
            _ => None,
        }
    })
}

fn unknown(
    verdict: Verdict,
    condition: &Condition,
    said: String,
    found: Vec<Found>,
    sight: &Sight<'_>,
    cause: Option<String>,
) -> Verdict {
    let mut reasons: Vec<String> = if said.is_empty() { Vec::new() } else { vec![said] };
    for path in &condition.paths {
        if let Some(Reading::Unknown(reason)) = sight.fact(path).map(|fact| &fact.reading) {
            let reason = format!("{}: {reason}", path.iter().take(2).cloned().collect::<Vec<_>>().join("."));
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    if reasons.is_empty() {
        let error = condition.error(&sight.context).unwrap_or_else(|| "no reason is known".to_owned());
        reasons.push(format!("the condition could not be evaluated: {error}"));
    }
    let reason = reasons.join("; ");
    Verdict {
        status: Status::Unknown,
        message: format!("could not be told: {reason}"),
        reason: Some(reason),
        cause,
        found,
        ..verdict
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Sight<'_> {
    /// The fact at the root of a path.
    fn fact(&self, path: &[String]) -> Option<&Fact<Value>> {
        match path {
            [root, ..] if root == "probe" => self.probe.as_ref(),
            [subject, field, ..] => self.facts.get(subject)?.get(field),
            _ => None,
        }
    }
}

/// What the condition looked at, in the order in which it names it.
fn found(condition: &Condition, sight: &Sight<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for path in &condition.paths {
        let name = path.join(".");
        let entry = match (path[0].as_str(), sight.fact(path)) {
            (_, Some(fact)) => {
                let depth = if path[0] == "probe" { 1 } else { 2 };
                let value =
                    fact.value().map_or(Value::Null, |value| descend(value, &path[depth.min(path.len())..]));
                Found { fact: name, value, source: fact.source.to_string() }
            }
            ("params", None) => {
                let value =
                    sight.params.values.get(&path[1]).map_or(Value::Null, |value| descend(value, &path[2..]));
                Found { fact: name, value, source: "profile".to_owned() }
            }
            ("host", None) => {
                let subject =
                    sight.subject.and_then(|subject| serde_json::to_value(subject).ok()).unwrap_or_default();
                Found { fact: name, value: descend(&subject, &path[1..]), source: "inventory".to_owned() }
            }
            _ => continue,
        };
        found.push(entry);
    }
    // `docker.config` is shown where nothing of it is: not beside `docker.config.runtimes`.
    let names: Vec<String> = found.iter().map(|found| format!("{}.", found.fact)).collect();
    let shown: Vec<bool> = found
        .iter()
        .map(|found| {
            !names.iter().any(|name| {
                name.starts_with(&format!("{}.", found.fact)) && *name != format!("{}.", found.fact)
            })
        })
        .collect();
    found.into_iter().zip(shown).filter(|(_, shown)| *shown).map(|(found, _)| found).collect()
}

fn descend(value: &Value, path: &[String]) -> Value {
    path.iter().try_fold(value, |value, key| value.get(key)).cloned().unwrap_or_default()
}

fn parse_probe(parse: Parse, text: &str) -> Result<Value, String> {
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

fn map(entries: impl Iterator<Item = (String, Cel)>) -> Cel {
    let map: HashMap<Key, Cel> = entries.map(|(key, value)| (Key::String(Arc::new(key)), value)).collect();
    Cel::Map(Map { map: Arc::new(map) })
}

fn to_cel_facts(fields: &BTreeMap<String, Fact<Value>>) -> Cel {
    map(fields.iter().filter_map(|(field, fact)| Some((field.clone(), fact_to_cel(fact)?))))
}

/// A known fact is its value, an absent one null; an unknown one is left out.
fn fact_to_cel(fact: &Fact<Value>) -> Option<Cel> {
    match &fact.reading {
        Reading::Known(value) => Some(to_cel(value)),
        Reading::Absent => Some(Cel::Null),
        Reading::Unknown(_) => None,
    }
}

/// Whole numbers enter as int, never as uint: CEL compares them with literals.
fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cel::Int(whole),
            None => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => map(fields.iter().map(|(key, value)| (key.clone(), to_cel(value)))),
    }
}
