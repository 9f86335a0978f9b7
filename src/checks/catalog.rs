//! Every check that is there: those that ship and those of the user, compiled for one profile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::check::{CheckFile, Parse, Scope};
use super::condition::{Condition, ConditionError};
use super::error::{LoadError, nearest};
use super::profile::Profile;
use super::types::Type;
use super::vocabulary::Vocabulary;
use super::yaml::yaml;

/// The longest deadline of a user's own probe.
const LONGEST_DEADLINE: Duration = Duration::from_secs(15);

/// A check, compiled.
#[derive(Debug)]
pub struct Check {
    /// Its id: the file's stem.
    pub id: String,
    /// As it was written.
    pub file: CheckFile,
    /// `when`, compiled.
    pub when: Option<Condition>,
    /// `require`, compiled.
    pub require: Condition,
}

impl Check {
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
        let mut checks: BTreeMap<String, Check> = BTreeMap::new();
        for id in wanted {
            let Some(source) = sources.get(id) else {
                let help =
                    nearest(id, sources.keys().copied()).map(|near| format!("; did you mean `{near}`?"));
                let message = format!(
                    "the profile names a check `{id}` that does not exist{}",
                    help.unwrap_or_default()
                );
                return Err(LoadError::new(&profile.name, "", message));
            };
            if !checks.contains_key(id) {
                checks.insert(id.to_owned(), compile(source, profile)?);
            }
        }
        for id in profile.severities.keys().filter(|id| !checks.contains_key(*id)) {
            let help = nearest(id, checks.keys().map(String::as_str))
                .map(|near| format!("; did you mean `{near}`?"));
            let message = format!(
                "the profile gives a severity to `{id}`, which is none of its checks{}",
                help.unwrap_or_default()
            );
            return Err(LoadError::new(&profile.name, "", message));
        }
        for check in checks.values() {
            for before in &check.file.after {
                if !sources.contains_key(before.as_str()) {
                    let source = sources[check.id.as_str()];
                    let mut error = LoadError::new(
                        source.file,
                        source.text,
                        format!("`after` names `{before}`, which does not exist"),
                    );
                    if let Some(near) = nearest(before, sources.keys().copied()) {
                        error = error.help(format!("did you mean `{near}`?"));
                    }
                    return Err(error.at_text(before));
                }
            }
        }
        Ok(Catalog { checks: in_order(checks)? })
    }

    /// One check by itself: what it stands after has no say.
    pub(super) fn alone(check: &Arc<Check>) -> Catalog {
        Catalog { checks: vec![Arc::clone(check)] }
    }

    /// The checks, each after those it stands after.
    pub fn checks(&self) -> &[Arc<Check>] {
        &self.checks
    }

    /// A check by its id.
    pub fn get(&self, id: &str) -> Option<&Arc<Check>> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// Keeps the checks that a pattern of `select` names (all where there is none) and no pattern of `skip`.
    ///
    /// # Errors
    /// A pattern that names no check.
    pub fn keep(&mut self, select: &[String], skip: &[String]) -> Result<(), String> {
        for pattern in select.iter().chain(skip) {
            if !self.checks.iter().any(|check| matches(pattern, &check.id)) {
                let near = nearest(pattern, self.checks.iter().map(|check| check.id.as_str()));
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(format!(
                    "`{pattern}` names no check of this profile{near} (see `airworthy list`)"
                ));
            }
        }
        self.checks.retain(|check| {
            (select.is_empty() || select.iter().any(|pattern| matches(pattern, &check.id)))
                && !skip.iter().any(|pattern| matches(pattern, &check.id))
        });
        Ok(())
    }
}

/// Compiles one check file against a profile's parameters.
///
/// # Errors
/// The first mistake in it.
pub fn compile(source: &Source<'_>, profile: &Profile) -> Result<Check, LoadError> {
    let fail = |message: String| LoadError::new(source.file, source.text, message);
    let well_formed = source.id.starts_with(|c: char| c.is_ascii_lowercase())
        && source.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !well_formed {
        return Err(fail(format!(
            "`{}` is not an id: a check's file is named like `docker-running.yaml`",
            source.id
        )));
    }
    let file: CheckFile = yaml(source.file, source.text)?;
    match file.scope {
        Scope::Host if file.roles.is_empty() => {
            return Err(fail("`roles` is missing".to_owned())
                .help("name devbox, infra or worker, or set `scope: fleet`"));
        }
        Scope::Fleet if !file.roles.is_empty() => {
            return Err(fail("a fleet check has no `roles`".to_owned()).at_text("roles"));
        }
        _ => {}
    }
    for (key, text) in [("title", &file.title), ("why", &file.why), ("remediation", &file.remediation)] {
        if text.trim().is_empty() {
            return Err(fail(format!("`{key}` is empty")).at_text(key));
        }
    }
    let mut vocabulary = match file.scope {
        Scope::Host => Vocabulary::host(&profile.parameters),
        Scope::Fleet => Vocabulary::fleet(&profile.parameters),
    };
    if let Some(probe) = &file.probe {
        let of = match probe.parse {
            Parse::Text => Type::String,
            Parse::Lines => Type::List(Box::new(Type::String)),
            Parse::Json => Type::Any,
            Parse::Number => Type::Double,
        };
        vocabulary = vocabulary.with_probe(of);
        if file.scope == Scope::Fleet {
            return Err(fail("a fleet check has no probe of its own".to_owned()).at_text("probe"));
        }
        match probe.deadline.as_deref().map(|told| (told, parse_duration(told))) {
            Some((told, None)) => {
                return Err(
                    fail(format!("`{told}` is not a deadline such as 5s or 500ms")).at_text("deadline")
                );
            }
            Some((told, Some(limit))) if limit > LONGEST_DEADLINE || limit.is_zero() => {
                return Err(
                    fail(format!("the deadline `{told}` is not between 1ms and 15s")).at_text("deadline")
                );
            }
            _ => {}
        }
    }
    let condition = |key: &str, text: &str| {
        Condition::compile(text, &vocabulary).map_err(|error| place(source, key, text, error))
    };
    let when = file.when.as_deref().map(|text| condition("when", text)).transpose()?;
    let require = condition("require", &file.require)?;
    if let Some(message) = &file.message {
        super::message::lint(message)
            .map_err(|error| fail(format!("message: {error}")).at_text("message:"))?;
    }
    Ok(Check { id: source.id.to_owned(), file, when, require })
}

/// Puts a mistake within a condition where it stands in the file: behind its key, or in the block below.
fn place(source: &Source<'_>, key: &str, condition: &str, error: ConditionError) -> LoadError {
    let placed = LoadError { help: error.help, ..LoadError::new(source.file, source.text, error.message) };
    let wanted = condition.lines().nth(error.line - 1).unwrap_or_default().trim();
    let mut seen_key = false;
    for (i, line) in source.text.lines().enumerate() {
        seen_key |= line.starts_with(&format!("{key}:"));
        if !seen_key || wanted.is_empty() {
            continue;
        }
        if let Some(start) = line.find(wanted) {
            let indent = condition.lines().nth(error.line - 1).map_or(0, |l| l.len() - l.trim_start().len());
            let start = line[..start].chars().count();
            return placed.at(i + 1, start + error.column.saturating_sub(indent).max(1));
        }
    }
    placed.at_text(&format!("{key}:"))
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

/// Depth first over `after`; an id that is not in this profile has no say.
fn in_order(mut checks: BTreeMap<String, Check>) -> Result<Vec<Arc<Check>>, LoadError> {
    fn visit(
        id: &str,
        checks: &BTreeMap<String, Check>,
        done: &mut Vec<String>,
        open: &mut Vec<String>,
    ) -> Result<(), LoadError> {
        if done.iter().any(|other| other == id) {
            return Ok(());
        }
        if open.iter().any(|other| other == id) {
            open.push(id.to_owned());
            return Err(LoadError::new(
                id,
                "",
                format!("`after` goes round in a circle: {}", open.join(" after ")),
            ));
        }
        let Some(check) = checks.get(id) else { return Ok(()) };
        open.push(id.to_owned());
        for before in &check.file.after {
            visit(before, checks, done, open)?;
        }
        open.pop();
        done.push(id.to_owned());
        Ok(())
    }
    let mut order = Vec::new();
    for id in checks.keys() {
        visit(id, &checks, &mut order, &mut Vec::new())?;
    }
    Ok(order.iter().filter_map(|id| checks.remove(id)).map(Arc::new).collect())
}

/// A glob of ids: `*` and `?`.
fn matches(pattern: &str, id: &str) -> bool {
    match (pattern.chars().next(), id.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], id)
                || id.chars().next().is_some_and(|c| matches(pattern, &id[c.len_utf8()..]))
        }
        (Some('?'), Some(c)) => matches(&pattern[1..], &id[c.len_utf8()..]),
        (Some(p), Some(c)) if p == c => matches(&pattern[p.len_utf8()..], &id[c.len_utf8()..]),
        _ => false,
    }
}
