//! Holds every check against every host, and the fleet's against the fleet.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cel::{Context, Value as Cel};

use super::catalog::{Catalog, Check};
use super::check::Scope;
use super::condition::{Condition, Truth};
use super::functions;
use super::message;
use super::profile::Profile;
use super::sight::{Params, Sight, parse_probe};
use super::values::{fact_to_cel, map, to_cel, to_cel_facts};
use super::verdict::{Found, Severity, Status, Verdict};
use crate::facts::{Deployment, Fact, FactTree, Fleet, HostRecord, Outcome, Reading, Subject};

/// The checks of a profile, ready to judge by. CEL's contexts stay on their thread, so each thread has its own judge.
pub struct Judge<'c> {
    catalog: &'c Catalog,
    profile: &'c Profile,
    params: Params<'c>,
    named: HashMap<&'c str, Named<'c>>,
    deployment: FactTree,
    /// Knows the functions, the parameters and the deployment; hosts get scopes inside it.
    root: Context<'static, 'static>,
}

impl<'c> Judge<'c> {
    /// For these checks under this profile, of this deployment.
    pub fn new(catalog: &'c Catalog, profile: &'c Profile, deployment: &Deployment) -> Self {
        let params = Params::of(profile);
        let mut root = Context::default();
        functions::register(&mut root);
        root.add_variable_from_value("params", params.cel.clone());
        let (named, deployment) = (named_facts(catalog), deployment.tree());
        tell(&mut root, &deployment, &named);
        Judge { catalog, profile, named, deployment, params, root }
    }

    /// One host's verdicts, in the order of ids.
    pub fn host(&self, host: &HostRecord) -> Vec<Verdict> {
        let mut verdicts = judge_host(self, host);
        verdicts.sort_by(|a, b| a.check.cmp(&b.check));
        verdicts.shrink_to_fit(); // they stay until a thousand hosts are judged
        verdicts
    }

    /// The fleet's verdicts, in the order of ids. `hosts` may hold the essence of their facts alone
    /// ([`crate::facts::fleet::essence`]) unless [`Judge::compares_hosts`].
    pub fn fleet(&self, hosts: &[HostRecord], fleet: &Fleet) -> Vec<Verdict> {
        let mut verdicts = judge_fleet(self, hosts, fleet);
        verdicts.sort_by(|a, b| a.check.cmp(&b.check));
        verdicts
    }

    /// Whether a check of the fleet looks at every host's facts (`hosts`).
    pub fn compares_hosts(&self) -> bool {
        self.catalog.checks().iter().any(|check| check.file.scope == Scope::Fleet && sees_hosts(check))
    }
}

fn sees_hosts(check: &Check) -> bool {
    let mut conditions = check.when.iter().chain([&check.require]);
    conditions.any(|condition| condition.names("hosts"))
}

/// Which of a subject's fields the conditions name: the others need not be told to CEL.
enum Named<'c> {
    Fields(HashSet<&'c str>),
    /// A condition takes the subject as a whole.
    All,
}

fn named_facts(catalog: &Catalog) -> HashMap<&str, Named<'_>> {
    let mut named: HashMap<&str, Named<'_>> = HashMap::new();
    let conditions = catalog.checks().iter().flat_map(|check| check.when.iter().chain([&check.require]));
    for condition in conditions {
        for path in &condition.paths {
            if let [subject, field, ..] = path.as_slice() {
                match named.entry(subject).or_insert_with(|| Named::Fields(HashSet::new())) {
                    Named::Fields(fields) => _ = fields.insert(field),
                    Named::All => {}
                }
            }
        }
        for whole in &condition.wholes {
            named.insert(whole, Named::All);
        }
    }
    named
}

/// Tells CEL those facts that conditions name.
fn tell(context: &mut Context<'_, '_>, facts: &FactTree, named: &HashMap<&str, Named<'_>>) {
    for (subject, fields) in facts {
        let told = match named.get(subject.as_str()) {
            Some(Named::All) => to_cel_facts(fields, |_| true),
            Some(Named::Fields(names)) => to_cel_facts(fields, |field| names.contains(field)),
            None => continue,
        };
        context.add_variable_from_value(subject.as_str(), told);
    }
}

fn judge_host(judge: &Judge<'_>, host: &HostRecord) -> Vec<Verdict> {
    let Judge { catalog, profile, params, named, deployment, root } = judge;
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
    tell(&mut context, &tree, named);
    let subject = serde_json::to_value(&host.subject).unwrap_or_default();
    context.add_variable_from_value("host", to_cel(&subject));

    let mut verdicts: Vec<Verdict> = Vec::new();
    for check in checks {
        let mut sight = Sight {
            context: context.new_inner_scope(),
            facts: &tree,
            deployment,
            probe: None,
            subject: Some(&subject),
            params,
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

fn judge_fleet(judge: &Judge<'_>, hosts: &[HostRecord], fleet: &Fleet) -> Vec<Verdict> {
    let Judge { catalog, profile, params, deployment, root, .. } = judge;
    let checks: Vec<&Arc<Check>> =
        catalog.checks().iter().filter(|check| check.file.scope == Scope::Fleet).collect();
    if checks.is_empty() {
        return Vec::new();
    }
    let mut context = root.new_inner_scope();
    let tree: FactTree = [("fleet".to_owned(), fleet.tree())].into();
    context.add_variable_from_value("fleet", to_cel_facts(&tree["fleet"], |_| true));
    if checks.iter().any(|check| sees_hosts(check)) {
        let reached = hosts.iter().filter_map(|host| Some((host, host.facts()?.tree())));
        let each = reached.map(|(host, tree)| {
            let subject = serde_json::to_value(&host.subject).unwrap_or_default();
            let named =
                subject.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), to_cel(value)));
            map(named.chain(
                tree.iter().map(|(subject, fields)| (subject.clone(), to_cel_facts(fields, |_| true))),
            ))
        });
        context.add_variable_from_value("hosts", Cel::List(Arc::new(each.collect())));
    }
    let mut verdicts: Vec<Verdict> = Vec::new();
    for check in checks {
        let context = context.new_inner_scope();
        let sight = Sight { context, facts: &tree, deployment, probe: None, subject: None, params };
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
        title: Arc::clone(&check.title),
        severity,
        status: Status::Unknown,
        host: host.map(str::to_owned),
        message: Arc::from(""),
        expected: Arc::clone(&check.require.source),
        found: Vec::new(),
        reason: None,
        cause: None,
        remediation: Arc::clone(&check.remediation),
        references: Arc::clone(&check.references),
        fixable: check.file.fix.is_some(),
    }
}

fn unreachable(check: &Check, profile: &Profile, host: &HostRecord, stage: &str, reason: &str) -> Verdict {
    let severity = severity(check, profile, Some(&host.subject));
    let verdict = blank(check, severity, Some(&host.subject.name));
    let own = check.file.stage_remediation.get(stage).map(|text| text.trim().into());
    Verdict {
        status: Status::Fail,
        message: format!("{stage}: {reason}").into(),
        remediation: own.unwrap_or_else(|| Arc::clone(&verdict.remediation)),
        ..verdict
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
                let reason = Arc::clone(&when.applies);
                return Verdict {
                    status: Status::NotApplicable,
                    message: Arc::clone(&reason),
                    reason: Some(reason),
                    found: sight.found(when),
                    ..verdict
                };
            }
            Truth::Unknown(said) => {
                let found = sight.found(when);
                // Whether it concerns the host may be what the cause keeps from being known.
                let cause = fold(check, earlier, true).or_else(|| fold(check, earlier, false));
                return unknown(verdict, when, said, found, sight, cause);
            }
        }
    }
    let found = sight.found(&check.require);
    if let Some(cause) = fold(check, earlier, true) {
        let reason: Arc<str> = format!("not judged, because {cause} failed").into();
        return Verdict {
            message: Arc::clone(&reason),
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
    let told = check
        .message
        .as_ref()
        .and_then(|message| message.render(|subject, field| sight.told(subject, field)));
    Verdict { status, message: told.unwrap_or_else(|| message::plain(&found)).into(), found, ..verdict }
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
    // One reason may stand behind several facts: it is told once, behind all of them.
    let mut facts_by_reason: Vec<(&str, Vec<String>)> = Vec::new();
    for path in &condition.paths {
        let Some(Reading::Unknown(reason)) = sight.fact(path).map(|fact| &fact.reading) else { continue };
        let name = path.iter().take(2).cloned().collect::<Vec<_>>().join(".");
        match facts_by_reason.iter_mut().find(|(other, _)| other == reason) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => facts_by_reason.push((reason, vec![name])),
        }
    }
    let told = facts_by_reason.iter().map(|(reason, names)| format!("{}: {reason}", names.join(", ")));
    let mut reasons: Vec<String> = (!said.is_empty()).then_some(said).into_iter().chain(told).collect();
    if reasons.is_empty() {
        let error = condition.error(&sight.context).unwrap_or_else(|| "no reason is known".to_owned());
        reasons.push(format!("the condition could not be evaluated: {error}"));
    }
    let reason: Arc<str> = reasons.join("; ").into();
    Verdict {
        status: Status::Unknown,
        message: format!("could not be told: {reason}").into(),
        reason: Some(reason),
        cause,
        found,
        ..verdict
    }
}
