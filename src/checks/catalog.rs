//! Every check that is there: those that ship and those of the user, compiled for one profile.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

use super::check::{CheckFile, Parse, Scope, SeverityByRole};
use super::condition::{Condition, ConditionError};
use super::error::{LoadError, nearest};
use super::glob::matches;
use super::message::Message;
use super::order::{in_order, stands_after};
use super::outlook::Outlook;
use super::profile::Profile;
use super::roomy::roomy;
use super::types::Type;
use super::vocabulary::Vocabulary;
use super::yaml::{offset_in_scalar, yaml};

/// The longest deadline of a user's own probe.
const LONGEST_DEADLINE: Duration = Duration::from_secs(15);

/// Steps of a visit at which a host can be lost, as its failure names them.
const STAGES: [&str; 8] =
    ["inventory", "resolve", "connect", "handshake", "host-key", "authenticate", "run", "facts"];

/// A check, compiled.
#[derive(Debug)]
pub struct Check {
    /// Its id: the file's stem.
    pub id: Arc<str>,
    /// As it was written.
    pub file: CheckFile,
    /// The title, the remediation (as it is where no fact is filled in) and the references, which verdicts of the check share.
    pub(super) title: Arc<str>,
    pub(super) remediation: Arc<str>,
    /// `remediation`, compiled, where facts are filled in.
    pub(super) remedy: Option<Message>,
    pub(super) references: Arc<[String]>,
    /// `message`, compiled.
    pub(super) message: Option<Message>,
    /// What it looks at.
    pub(super) outlook: Outlook,
    /// The conditions of `severity`, compiled, in order; none where the severity depends on nothing but roles.
    pub severity_conditions: Vec<Condition>,
    /// `when`, compiled.
    pub when: Option<Condition>,
    /// `require`, compiled.
    pub require: Condition,
}

impl Check {
    /// Its remediation where nothing is known of a host.
    pub fn remediation(&self) -> &str {
        &self.remediation
    }

    /// How long its own probe may take.
    pub fn probe_deadline(&self) -> Duration {
        let told =
            self.file.probe.as_ref().and_then(|probe| probe.deadline.as_deref()).and_then(parse_duration);
        told.unwrap_or(crate::facts::DEADLINE)
    }
}

/// The text of a check file and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'t> {
    /// The file, for diagnostics.
    pub file: &'t str,
    /// Its id.
    pub id: &'t str,
    /// Its text.
    pub text: &'t str,
}

/// The checks of one profile, in an order in which each stands after those it names.
#[derive(Debug, Default)]
pub struct Catalog {
    /// In that order.
    checks: Vec<Arc<Check>>,
    /// Those that name a stage of the visit and that a selection leaves out: a host that is not reached is told all the same.
    stages: Vec<Arc<Check>>,
}

impl Catalog {
    /// Compiles the checks of `profile`. A later source replaces an earlier one of the same id; ids that are
    /// only in `extra` join the profile.
    ///
    /// # Errors
    /// The first mistake in a file or in the profile.
    pub fn load(
        shipped: &[Source<'_>],
        extra: &[Source<'_>],
        profile: &Profile,
    ) -> Result<Catalog, LoadError> {
        let mut sources: BTreeMap<&str, Source<'_>> =
            shipped.iter().map(|source| (source.id, *source)).collect();
        sources.extend(extra.iter().map(|source| (source.id, *source)));
        let wanted = profile.checks.iter().map(String::as_str).chain(extra.iter().map(|source| source.id));
        let wanted: BTreeSet<&str> = wanted.collect();
        let vocabularies = Vocabularies::of(profile);
        let compile_one = |id: &str| match sources.get(id) {
            Some(source) => Ok((id.to_owned(), compile_with(source, &vocabularies)?)),
            None => {
                let message = format!("the profile names a check `{id}` that does not exist");
                Err(profile.mistake("checks", id, message, nearest(id, sources.keys().copied())))
            }
        };
        // Collected before they are looked at, so that the first mistake told is always the same.
        let cores = rayon::current_num_threads();
        let share = |core: usize| {
            let mine = wanted.iter().skip(core).step_by(cores);
            let compile_all = || mine.clone().map(|id| (*id, compile_one(id))).collect::<Vec<_>>();
            // Where no thread is to be had for all of them, each asks for one, and tells that there is none.
            roomy(compile_all).unwrap_or_else(compile_all)
        };
        let compiled: Vec<_> = (0..cores).into_par_iter().map(share).collect();
        let compiled: BTreeMap<&str, _> = compiled.into_iter().flatten().collect();
        let checks: BTreeMap<String, Check> = compiled.into_values().collect::<Result<_, _>>()?;
        if let Some(id) = profile.severities.keys().find(|id| !checks.contains_key(*id)) {
            let message = format!("the profile gives a severity to `{id}`, which is none of its checks");
            let near = nearest(id, checks.keys().map(String::as_str));
            return Err(profile.mistake("severities", id, message, near));
        }
        for check in checks.values() {
            stands_after(
                &sources[&*check.id],
                check,
                |id| sources.contains_key(id),
                || sources.keys().copied().collect(),
            )?;
        }
        Ok(Catalog { checks: in_order(checks, &sources)?, stages: Vec::new() })
    }

    /// One check by itself: what it stands after has no say.
    pub(super) fn alone(check: &Arc<Check>) -> Catalog {
        Catalog { checks: vec![Arc::clone(check)], stages: Vec::new() }
    }

    /// Names the folder of kubespray's checkout in every remediation that says `$KUBESPRAY`, so that its commands run as they
    /// are pasted; a folder that means something to a shell even within quotes is left to the reader.
    pub fn name_checkout(&mut self, folder: &str) {
        if folder.is_empty()
            || folder.contains(['"', '$', '`', '\\', '!', '{'])
            || folder.contains(char::is_control)
        {
            return;
        }
        let named = |text: &str| text.replace("$KUBESPRAY", folder);
        for check in self.checks.iter_mut().filter_map(Arc::get_mut) {
            if check.remediation.contains("$KUBESPRAY") {
                check.remediation = named(&check.remediation).into();
                let lines = named(check.file.remediation.trim());
                check.remedy = check.remedy.take().and_then(|remedy| remedy.with_lines(&lines));
            }
        }
    }

    /// Leaves out what holds hosts against an inventory: where there is none, there is nothing to hold them against.
    pub fn leave_inventory_out(&mut self) {
        self.checks.retain(|check| {
            let subjects = check.outlook.subjects().any(|(name, _)| name == "inventory");
            !subjects && !check.id.ends_with("-matches-inventory")
        });
    }

    /// The checks, each after those it stands after.
    pub fn checks(&self) -> &[Arc<Check>] {
        &self.checks
    }

    /// The checks whose failure it is when a visit fails at a stage; a selection leaves them in.
    pub(super) fn of_stage(&self, stage: &str) -> impl Iterator<Item = &Check> {
        let all = self.checks.iter().chain(&self.stages).map(|check| &**check);
        all.filter(move |check| check.file.stages.iter().any(|known| known == stage))
    }

    /// Whether any check looks at a subject.
    pub fn looks_at(&self, subject: &str) -> bool {
        let mut seen = self.checks.iter().flat_map(|check| check.outlook.subjects());
        seen.any(|(name, _)| name == subject)
    }

    /// A check by its id.
    pub fn get(&self, id: &str) -> Option<&Arc<Check>> {
        self.checks.iter().find(|check| *check.id == *id)
    }

    /// Keeps the checks that a pattern of `select` names (all where there is none) and no pattern of `skip`.
    ///
    /// # Errors
    /// A pattern that names no check.
    pub fn keep(&mut self, select: &[String], skip: &[String]) -> Result<(), String> {
        for pattern in select.iter().chain(skip) {
            if !self.checks.iter().any(|check| matches(pattern, &check.id)) {
                let ids = || self.checks.iter().map(|check| &*check.id);
                let near = nearest(pattern, ids()).map(str::to_owned).or_else(|| {
                    // `dokcer`: the subject of many.
                    let subjects = ids().filter_map(|id| id.split('-').next());
                    nearest(pattern, subjects).map(|subject| format!("{subject}-*"))
                });
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(format!(
                    "`{pattern}` names no check of this profile{near} (see `airworthy list`)"
                ));
            }
        }
        let named = |patterns: &[String], id: &str| patterns.iter().any(|pattern| matches(pattern, id));
        if !select.is_empty() {
            let unselected = self.checks.extract_if(.., |check| !named(select, &check.id));
            self.stages.extend(unselected.filter(|check| !check.file.stages.is_empty()));
        }
        self.checks.retain(|check| !named(skip, &check.id));
        self.stages.retain(|check| !named(skip, &check.id));
        Ok(())
    }
}

/// Compiles one check file against a profile's parameters.
///
/// # Errors
/// The first mistake in it.
pub fn compile(source: &Source<'_>, profile: &Profile) -> Result<Check, LoadError> {
    compile_with(source, &Vocabularies::of(profile))
}

/// The names that checks of a profile may use.
struct Vocabularies {
    host: Vocabulary,
    fleet: Vocabulary,
}

impl Vocabularies {
    fn of(profile: &Profile) -> Self {
        let (host, fleet) = (Vocabulary::host(&profile.parameters), Vocabulary::fleet(&profile.parameters));
        Vocabularies { host, fleet }
    }
}

fn compile_with(source: &Source<'_>, vocabularies: &Vocabularies) -> Result<Check, LoadError> {
    let fail = |message: String| LoadError::new(source.file, source.text, message);
    let well_formed = source.id.starts_with(|c: char| c.is_ascii_lowercase())
        && source.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !well_formed {
        return Err(fail(format!("`{}` is not an id", source.id))
            .help("name the file in lower case, with digits and hyphens: `docker-running.yaml`"));
    }
    let file: CheckFile = yaml(source.file, source.text)?;
    match file.scope {
        Scope::Host if file.roles.is_empty() => {
            return Err(fail("the key `roles` is missing".to_owned())
                .help("name devbox, infra or worker, or set `scope: fleet`")
                .at(1, 1));
        }
        Scope::Fleet if !file.roles.is_empty() => {
            return Err(fail("a fleet check has no `roles`".to_owned())
                .at_value("roles")
                .help("it looks at all hosts side by side: leave `roles` away"));
        }
        _ => {}
    }
    let cases = file.severity.cases();
    // Every case but the last has a condition, and the last has none.
    match cases.iter().position(|(when, _)| when.is_none()) {
        Some(last) if last + 1 == cases.len() => {}
        found => {
            let message = match found {
                Some(_) => "a case of `severity` without `when` stands before others, which never count",
                None if cases.is_empty() => "`severity` is an empty list",
                None => "the last case of `severity` has a `when`, so nothing counts where it is false",
            };
            return Err(fail(message.to_owned())
                .help("end the list with a severity alone: [{when: CONDITION, severity: warning}, error]")
                .at_value("severity"));
        }
    }
    for (_, severity) in &cases {
        let (SeverityByRole::ByRole(by_role), Scope::Host) = (severity, file.scope) else { continue };
        if let Some(role) = file.roles.iter().find(|role| !by_role.contains_key(role)) {
            return Err(fail(format!("`severity` says nothing of the role `{role}`"))
                .help("give each of the check's `roles` its severity, or one word for all")
                .at_value("severity"));
        }
        if let Some(role) = by_role.keys().find(|role| !file.roles.contains(role)) {
            return Err(fail(format!(
                "`severity` names the role `{role}`, which is none of the check's `roles`"
            ))
            .help("add it to `roles`, or leave it away here")
            .at_text_in("severity", role.as_str()));
        }
    }
    for (at, stage) in file.stages.iter().enumerate() {
        if !STAGES.contains(&stage.as_str()) {
            let help = nearest(stage, STAGES).map_or_else(
                || format!("there are: {}", STAGES.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(fail(format!("a visit has no stage `{stage}`"))
                .help(help)
                .at_value(&format!("stages.{at}")));
        }
    }
    if let Some(stage) = file.stage_remediation.keys().find(|stage| !file.stages.contains(stage)) {
        return Err(fail(format!(
            "`stage_remediation` names `{stage}`, which is none of the check's `stages`"
        ))
        .help("add it to `stages`, or leave it away here")
        .at_text_in("stage_remediation", stage));
    }
    for (key, text) in [("title", &file.title), ("why", &file.why), ("remediation", &file.remediation)] {
        if text.trim().is_empty() {
            return Err(fail(format!("`{key}` is empty"))
                .help("people read it in the report: write a sentence")
                .at_value(key));
        }
    }
    let mut vocabulary = Cow::Borrowed(match file.scope {
        Scope::Host => &vocabularies.host,
        Scope::Fleet => &vocabularies.fleet,
    });
    if let Some(probe) = &file.probe {
        let of = match probe.parse {
            Parse::Text => Type::String,
            Parse::Lines => Type::List(Box::new(Type::String)),
            Parse::Json => Type::Any,
            Parse::Number => Type::Double,
        };
        vocabulary = Cow::Owned(vocabulary.into_owned().with_probe(of));
        if file.scope == Scope::Fleet {
            return Err(fail("a fleet check has no probe of its own".to_owned())
                .help("a probe runs on one host: judge it there, in a check with `roles`")
                .at_value("probe"));
        }
        if probe.run.trim().is_empty() {
            return Err(fail("the probe runs nothing".to_owned())
                .help("`run` is shell text (POSIX sh) that reads and never changes the host")
                .at_value("probe.run"));
        }
        match probe.deadline.as_deref().map(|told| (told, parse_duration(told))) {
            Some((told, None)) => {
                return Err(fail(format!("`{told}` is not a deadline"))
                    .help("write it as 5s or 500ms, 15s at most")
                    .at_value("probe.deadline"));
            }
            Some((told, Some(limit))) if limit > LONGEST_DEADLINE || limit.is_zero() => {
                return Err(fail(format!("the deadline `{told}` is not between 1ms and 15s"))
                    .help("a visit is short: measure less, or keep what takes long in a file and read that")
                    .at_value("probe.deadline"));
            }
            _ => {}
        }
    }
    let condition = |key: &str, text: &str| {
        Condition::compile(text, &vocabulary).map_err(|error| place(source, key, text, error))
    };
    let when = file.when.as_deref().map(|text| condition("when", text)).transpose()?;
    let severity_conditions = file.severity.cases().into_iter().filter_map(|(when, _)| when);
    let severity_conditions = severity_conditions.enumerate().map(|(at, text)| {
        let placed = |error: ConditionError| {
            let text = format!("a `when` of `severity`: {}", error.message);
            LoadError { help: error.help, ..fail(text).at_value(&format!("severity.{at}.when")) }
        };
        Condition::compile(text, &vocabulary).map_err(placed)
    });
    let severity_conditions = severity_conditions.collect::<Result<Vec<_>, _>>()?;
    let require = condition("require", &file.require)?;
    let message = file.message.as_deref().map(|message| Message::compile(message, &vocabulary));
    let message = message
        .transpose()
        .map_err(|(mistake, help)| fail(format!("message: {mistake}")).help(help).at_value("message"))?;
    let remedy =
        Message::compile_lines(file.remediation.trim(), &vocabulary).map_err(|(mistake, help)| {
            fail(format!("remediation: {mistake}")).help(help).at_value("remediation")
        })?;
    Ok(Check {
        id: source.id.into(),
        title: file.title.as_str().into(),
        remediation: remedy.as_ref().map_or(file.remediation.trim().into(), |remedy| remedy.generic().into()),
        references: file.references.as_slice().into(),
        outlook: Outlook::of(
            severity_conditions.iter().chain(&when).chain([&require]),
            message.iter().chain(&remedy),
        ),
        remedy,
        message,
        severity_conditions,
        when,
        require,
        file,
    })
}

/// Puts a mistake within a condition where it stands in the file: behind its key, or in the block below.
fn place(source: &Source<'_>, key: &str, condition: &str, error: ConditionError) -> LoadError {
    let placed = LoadError { help: error.help, ..LoadError::new(source.file, source.text, error.message) };
    let lines = condition.split_inclusive('\n').take(error.line.saturating_sub(1));
    let character = lines.map(|line| line.chars().count()).sum::<usize>() + error.column.saturating_sub(1);
    match offset_in_scalar(source.text, key, condition, character) {
        Some(offset) => placed.at_offset(offset),
        None => placed.at_text(&format!("{key}:")),
    }
}

/// `5s`, `500ms`, `1.5s`.
fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok()? * unit;
    (seconds.is_finite() && (0.0..=3600.0).contains(&seconds)).then(|| Duration::from_secs_f64(seconds))
}
