//! Holds every check against every host, and the fleet's against the fleet.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use cel::{Context, Value as Cel};

use super::case::Case;
use super::catalog::{Catalog, Check};
use super::check::{Scope, SeverityByRole};
use super::conclusion::Conclusion;
use super::docket::Docket;
use super::functions;
use super::outlook::Outlook;
use super::precedent::Precedents;
use super::profile::Profile;
use super::sight::{Params, Sight, parse_probe};
use super::values::{map, to_cel, to_cel_facts};
use super::verdict::{Severity, Status, Verdict};
use crate::facts::{Deployment, Fact, FactTree, Fleet, HostFacts, HostRecord, Outcome, Seen, Subject};
use crate::role::Role;

/// The checks of a profile, ready to judge by. CEL's contexts stay on their thread, so each thread has its own judge.
pub struct Judge<'c> {
    catalog: &'c Catalog,
    profile: &'c Profile,
    params: Params,
    /// What any check looks at.
    outlook: Outlook,
    deployment: FactTree,
    /// Knows the functions, the parameters and the deployment; each check gets a scope inside it.
    root: Context<'static, 'static>,
    /// Of each check, in the order of the catalog.
    precedents: RefCell<Vec<Precedents>>,
    /// The facts of the hosts before.
    seen: RefCell<Seen>,
    /// By the hosts' roles.
    dockets: RefCell<HashMap<BTreeSet<Role>, Rc<Docket>>>,
}

impl<'c> Judge<'c> {
    /// For these checks under this profile, of this deployment.
    pub fn new(catalog: &'c Catalog, profile: &'c Profile, deployment: &Deployment) -> Self {
        let checks = catalog.checks();
        let outlook = Outlook::joined(checks.iter().map(|check| &check.outlook));
        let params = Params::of(profile);
        let mut root = Context::with_env(Arc::clone(functions::library()));
        functions::register(&mut root);
        root.add_variable_from_value("params", params.to_cel());
        let deployment = deployment.tree();
        for (subject, fields) in &deployment {
            let told = to_cel_facts(fields, |field| outlook.sees(subject, field));
            root.add_variable_from_value(subject.as_ref(), told);
        }
        let precedents = RefCell::new(checks.iter().map(|_| Precedents::default()).collect());
        Judge {
            catalog,
            profile,
            params,
            outlook,
            deployment,
            root,
            precedents,
            seen: RefCell::default(),
            dockets: RefCell::default(),
        }
    }

    /// One host's verdicts, in the order of ids.
    pub fn host(&self, host: &HostRecord) -> Vec<Verdict> {
        let name: Arc<str> = host.subject.name.as_str().into();
        match &host.outcome {
            Outcome::Gathered(facts) => {
                let docket = self.docket(&host.subject.roles);
                docket.by_id(&self.reached(host, &name, facts, &docket))
            }
            Outcome::Unreachable { stage, reason } => {
                let roles = &host.subject.roles;
                let naming = self.catalog.of_stage(stage).filter(|check| concerns(check, roles));
                let verdicts = naming.map(|check| {
                    let severities = severities(check, self.profile, Some(roles));
                    // Nothing was read: every condition is unknown, and the strictest severity counts.
                    let severity = severities.into_iter().max().unwrap_or(Severity::Error);
                    unreachable(check, severity, &name, stage, reason)
                });
                by_id(verdicts.collect())
            }
        }
    }

    /// The fleet's verdicts, in the order of ids. `hosts` are needed only where the judge [compares
    /// them](Judge::compares_hosts) itself.
    pub fn fleet(&self, hosts: &[HostRecord], fleet: &Fleet) -> Vec<Verdict> {
        let of_fleet =
            |check: &Check| (check.file.scope == Scope::Fleet).then(|| severities(check, self.profile, None));
        let mut root = self.root.new_inner_scope();
        if self.compares_hosts() {
            let reached = hosts.iter().filter_map(|host| Some((host, host.facts()?)));
            let mut seen = Seen::default();
            let each = reached.map(|(host, facts)| whole(&host.subject, facts, &mut seen)).collect();
            root.add_variable_from_value("hosts", Cel::List(Arc::new(each)));
        }
        let tree = FactTree::from([("fleet".into(), Arc::new(fleet.tree()))]);
        let mut verdicts: Vec<Verdict> = Vec::new();
        for entry in &Docket::of(self.checks(), of_fleet).entries {
            let check = &self.catalog.checks()[entry.at];
            let sight = Sight {
                root: &root,
                facts: &tree,
                deployment: &self.deployment,
                probe: None,
                subject: None,
                params: &self.params,
            };
            let conclusion = Conclusion::of(&Case { check, entry, sight, verdicts: &verdicts });
            verdicts.push(Verdict::new(None, Arc::new(conclusion)));
        }
        by_id(verdicts)
    }

    /// Whether a check of the fleet looks at every host's facts (`hosts`).
    pub fn compares_hosts(&self) -> bool {
        let mut checks = self.catalog.checks().iter();
        checks.any(|check| check.file.scope == Scope::Fleet && check.sees_hosts())
    }

    fn checks(&self) -> impl Iterator<Item = &Check> {
        self.catalog.checks().iter().map(|check| &**check)
    }

    /// The checks that concern hosts of these roles.
    fn docket(&self, roles: &BTreeSet<Role>) -> Rc<Docket> {
        if let Some(docket) = self.dockets.borrow().get(roles) {
            return Rc::clone(docket);
        }
        let of_these =
            |check: &Check| concerns(check, roles).then(|| severities(check, self.profile, Some(roles)));
        let docket = Rc::new(Docket::of(self.checks(), of_these));
        self.dockets.borrow_mut().insert(roles.clone(), Rc::clone(&docket));
        docket
    }

    /// A reached host's verdicts, in the order of the docket.
    fn reached(
        &self,
        host: &HostRecord,
        name: &Arc<str>,
        facts: &HostFacts,
        docket: &Docket,
    ) -> Vec<Verdict> {
        let wanted = |subject: &str, field: &str| self.outlook.sees(subject, field);
        let tree = facts.tree(wanted, &mut self.seen.borrow_mut());
        let subject = serde_json::to_value(&host.subject).unwrap_or_default();
        let mut precedents = self.precedents.borrow_mut();
        let mut verdicts: Vec<Verdict> = Vec::with_capacity(docket.entries.len());
        for entry in &docket.entries {
            let check = &self.catalog.checks()[entry.at];
            let sight = Sight {
                root: &self.root,
                facts: &tree,
                deployment: &self.deployment,
                probe: own_probe(check, facts).map(Arc::new),
                subject: Some(&subject),
                params: &self.params,
            };
            let conclusion = precedents[entry.at].follow(&Case { check, entry, sight, verdicts: &verdicts });
            verdicts.push(Verdict::new(Some(Arc::clone(name)), conclusion));
        }
        verdicts
    }
}

/// Whether a check judges hosts of these roles.
fn concerns(check: &Check, roles: &BTreeSet<Role>) -> bool {
    check.file.scope == Scope::Host && check.file.roles.iter().any(|role| roles.contains(role))
}

fn by_id(mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
    verdicts.sort_by(|a, b| a.check.cmp(&b.check));
    verdicts
}

fn unreachable(check: &Check, severity: Severity, name: &Arc<str>, stage: &str, reason: &str) -> Verdict {
    let message = format!("{stage}: {reason}").into();
    let mut conclusion = Conclusion::bare(check, severity, Status::Fail, message);
    if let Some(remediation) = check.file.stage_remediation.get(stage) {
        conclusion.remediation = remediation.trim().into();
    }
    Verdict::new(Some(Arc::clone(name)), Arc::new(conclusion))
}

impl Check {
    /// Whether it looks at every host's facts.
    fn sees_hosts(&self) -> bool {
        self.outlook.subjects().any(|(subject, _)| subject == "hosts")
    }
}

/// A host among `hosts`: what the inventory says of it, and all its facts.
fn whole(subject: &Subject, facts: &HostFacts, seen: &mut Seen) -> Cel {
    let told = serde_json::to_value(subject).unwrap_or_default();
    let told = told.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), to_cel(value)));
    let tree = facts.tree(|_, _| true, seen);
    let tree = tree.iter().map(|(subject, fields)| (subject.to_string(), to_cel_facts(fields, |_| true)));
    map(told.chain(tree))
}

/// What the check's own probe said.
fn own_probe(check: &Check, facts: &HostFacts) -> Option<Fact<serde_json::Value>> {
    let probe = check.file.probe.as_ref()?;
    let output = facts.probes.get(&*check.id).cloned().unwrap_or_default();
    let privileged = facts.sudo.privilege.value() == Some(&true);
    Some(match probe.root && !privileged {
        true => Fact::unknown("the probe needs root", output.source),
        false => output.try_map(|text| parse_probe(probe.parse, &text)),
    })
}

/// The severities of a check on a host, one for each case: the profile's word before the check's own.
fn severities(check: &Check, profile: &Profile, roles: Option<&BTreeSet<Role>>) -> Vec<Severity> {
    let of = |by_role: &SeverityByRole| match roles {
        Some(roles) => {
            let mine = roles.iter().filter(|role| check.file.roles.contains(role)).copied().collect();
            by_role.of(&mine)
        }
        None => by_role.strictest(),
    };
    match profile.severities.get(&*check.id) {
        Some(by_role) => vec![of(by_role)],
        None => check.file.severity.cases().into_iter().map(|(_, by_role)| of(by_role)).collect(),
    }
}
