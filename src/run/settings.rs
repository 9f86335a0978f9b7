//! What to judge by: profile, parameters, check files and waivers, from flags, airworthy.yaml and the
//! inventory, in this order of precedence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::RunError;
use crate::checks::{
    Catalog, Config, LoadError, Profile, Profiles, Scope, Source, nearest, shipped, waiver, yaml,
};
use crate::cli::ProfileArgs;
use crate::report::ProfileSource;
use crate::{fix, input};

/// The names that the file of a team's defaults may have.
const CONFIGS: [&str; 2] = ["airworthy.yaml", "airworthy.yml"];

/// A team's defaults and the folder they are relative to.
#[derive(Debug, Default)]
pub(super) struct TeamConfig {
    pub(super) config: Config,
    path: PathBuf,
    folder: PathBuf,
    text: String,
}

/// The largest check file, profile or airworthy.yaml, in bytes.
pub(super) const LARGEST: u64 = input::MIB;
/// The most check files of one folder.
const MOST_CHECKS: usize = 2000;

/// What to judge by.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) profile: Profile,
    /// What named the profile; none where the default was taken.
    pub(super) named_by: Option<ProfileSource>,
    pub(super) catalog: Catalog,
}

impl TeamConfig {
    /// Reads `airworthy.yaml` (or `airworthy.yml`) beside the first of these (an inventory, saved facts), or here.
    pub(super) fn find<'p>(beside: impl IntoIterator<Item = &'p PathBuf>) -> Result<TeamConfig, RunError> {
        let beside = beside.into_iter().next().map(|path| match path.is_dir() {
            true => path.clone(),
            false => path.parent().map(Path::to_owned).unwrap_or_default(),
        });
        let folder = beside.unwrap_or_default();
        let mut found = None;
        for path in CONFIGS.map(|name| folder.join(name)) {
            let text = match input::read_text(&path, LARGEST) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(RunError::file(&path, &error)),
            };
            if found.is_some() {
                let reason = format!("{} is there as well", CONFIGS[0]);
                return Err(RunError::File { path, reason, help: Some("keep one of them".to_owned()) });
            }
            let config = Config::parse(&path.display().to_string(), &text)?;
            found = Some(TeamConfig { config, path, folder: folder.clone(), text });
        }
        Ok(found.unwrap_or_default())
    }

    /// A mistake at one of its values.
    pub(super) fn mistake(&self, value: &str, message: String) -> LoadError {
        LoadError::new(&self.path.display().to_string(), &self.text, message).at_value(value)
    }

    /// The inventories it names.
    pub(super) fn inventory(&self) -> Vec<PathBuf> {
        self.config.inventory.iter().map(|path| self.folder.join(path)).collect()
    }
}

/// A file's path and text.
struct CheckText {
    path: String,
    id: String,
    text: String,
}

impl Settings {
    /// Works out what to judge by. `default_profile` and `from_inventory` come from the inventory's kind and
    /// its own configuration.
    pub(super) fn load(
        args: &ProfileArgs,
        team: &TeamConfig,
        default_profile: &str,
        from_inventory: &BTreeMap<String, Value>,
    ) -> Result<Settings, RunError> {
        let named = args.profile.clone().or_else(|| {
            let told = team.config.profile.as_ref()?;
            Some(if is_file(told) { team.folder.join(told).display().to_string() } else { told.clone() })
        });
        let mut profile =
            profile(named.as_deref().unwrap_or(default_profile)).map_err(|error| match error {
                RunError::Load(inner) if args.profile.is_none() && inner.at.is_none() && named.is_some() => {
                    let mistake = team.mistake("profile", format!("{}: {}", inner.file, inner.message));
                    RunError::from(LoadError { help: inner.help, ..mistake })
                }
                other => other,
            })?;
        for (key, value) in from_inventory {
            if profile.parameters.contains_key(key) {
                profile
                    .set(key, value.clone())
                    .map_err(|reason| RunError::flag("the inventory's configuration", reason))?;
            }
        }
        for (key, value) in &team.config.parameters {
            own_flag(key)
                .and_then(|()| profile.set(key, value.clone()))
                .map_err(|reason| team.mistake(&format!("parameters.{key}"), reason))?;
        }
        for set in &args.set {
            let (key, text) = set.split_once('=').ok_or_else(|| {
                RunError::flag("--set", format!("`{set}` is not KEY=VALUE, such as worker_cpus=8"))
            })?;
            let key = key.trim();
            let value: Value = match text.trim() {
                "" => Value::Null,
                text => yaml("--set", text).map_err(|error| {
                    let reason = format!(
                        "the value of `{key}` is not YAML: {} (lists are written '{key}=[a, b]', in the shell's \
                         quotes)",
                        error.message
                    );
                    RunError::flag("--set", reason)
                })?,
            };
            own_flag(key)
                .and_then(|()| profile.set(key, value))
                .map_err(|reason| RunError::flag("--set", reason))?;
        }
        let own = own_checks(args, team)?;
        let own: Vec<Source<'_>> =
            own.iter().map(|check| Source { file: &check.path, id: &check.id, text: &check.text }).collect();
        let mut catalog = catalog(&own, &profile)?;
        waivers_fit(team, &catalog, &own)?;
        fixes_are_there(&catalog, &own)?;
        catalog.keep(&args.select, &[]).map_err(|reason| RunError::flag("--select", reason))?;
        catalog.keep(&[], &args.skip).map_err(|reason| RunError::flag("--skip", reason))?;
        let named_by = match (&args.profile, named) {
            (Some(_), _) => Some(ProfileSource::Flag),
            (None, Some(_)) => Some(ProfileSource::Config),
            (None, None) => None,
        };
        Ok(Settings { profile, named_by, catalog })
    }
}

/// Parameters that flags of their own set.
fn own_flag(key: &str) -> Result<(), String> {
    match key {
        "stage" | "devbox" => Err(format!("`{key}` is set by its own flag, --{key}")),
        "limited" => Err("`limited` is set by --limit".to_owned()),
        _ => Ok(()),
    }
}

/// A check may name only a fix that is there.
fn fixes_are_there(catalog: &Catalog, own: &[Source<'_>]) -> Result<(), RunError> {
    for check in catalog.checks() {
        let Some(id) = check.file.fix.as_deref().filter(|id| fix::catalog::named(id).is_none()) else {
            continue;
        };
        let known: Vec<&str> = fix::catalog::ALL.iter().map(|fix| fix.id).collect();
        let message = format!("there is no fix `{id}`; there are: {}", known.join(", "));
        let source = own.iter().find(|source| *source.id == *check.id);
        let (file, text) = source.map_or((&*check.id, ""), |source| (source.file, source.text));
        return Err(LoadError::new(file, text, message).at_value("fix").into());
    }
    Ok(())
}

/// A waiver that can never apply is a mistake: whoever wrote it believes that it does.
fn waivers_fit(team: &TeamConfig, catalog: &Catalog, own: &[Source<'_>]) -> Result<(), RunError> {
    let shipped = shipped::CHECKS.iter().map(|(id, _)| *id);
    let ids: Vec<&str> =
        shipped.chain(own.iter().map(|source| source.id)).chain([waiver::UNREACHABLE]).collect();
    for (at, waiver) in team.config.waivers.iter().enumerate() {
        let here = format!("waivers.{at}.check");
        if !ids.contains(&waiver.check.as_str()) {
            let message = format!("a waiver names the check `{}`, which does not exist", waiver.check);
            let help = nearest(&waiver.check, ids.iter().copied()).map_or_else(
                || "`airworthy list` shows the ids".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(team.mistake(&here, message).help(help).into());
        }
        let scope = catalog.get(&waiver.check).map(|check| check.file.scope);
        let (message, help) = match scope {
            Some(Scope::Host) if waiver.hosts.is_empty() => {
                ("names no host, and its check judges hosts", "name those it is for: `hosts: [node17]`")
            }
            Some(Scope::Fleet) if !waiver.hosts.is_empty() => {
                ("names hosts, and its check judges the fleet", "leave `hosts` away")
            }
            _ => continue,
        };
        return Err(team
            .mistake(&here, format!("the waiver of `{}` {message}", waiver.check))
            .help(help)
            .into());
    }
    Ok(())
}

/// A shipped profile's name, or the path of a file.
pub(super) fn profile(name: &str) -> Result<Profile, RunError> {
    let profiles = Profiles { shipped: shipped::PROFILES };
    if !is_file(name) {
        return Ok(profiles.named(name)?);
    }
    let path = Path::new(name);
    let text = input::read_named_text(path, LARGEST).map_err(|error| RunError::file(path, &error))?;
    Ok(profiles.in_file(name, &text)?)
}

fn is_file(name: &str) -> bool {
    name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml")
}

/// The shipped checks, and the user's over them, compiled for a profile.
pub(super) fn catalog(own: &[Source<'_>], profile: &Profile) -> Result<Catalog, RunError> {
    let files: Vec<String> = shipped::CHECKS.iter().map(|(id, _)| format!("checks/{id}.yaml")).collect();
    let sources = shipped::CHECKS.iter().zip(&files);
    let shipped: Vec<Source<'_>> = sources
        .map(|((id, text), file)| Source { file, id, text: shipped::without_examples(text) })
        .collect();
    Ok(Catalog::load(&shipped, own, profile)?)
}

fn own_checks(args: &ProfileArgs, team: &TeamConfig) -> Result<Vec<CheckText>, RunError> {
    let folders =
        team.config.checks.iter().map(|folder| team.folder.join(folder)).chain(args.checks.iter().cloned());
    let mut checks = Vec::new();
    for folder in folders {
        let mut paths = input::entries(&folder).map_err(|error| RunError::file(&folder, &error))?;
        paths.retain(|path| {
            path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
        });
        if paths.len() > MOST_CHECKS {
            let reason = format!("it holds {} check files, and {MOST_CHECKS} is the most", paths.len());
            return Err(RunError::File { path: folder, reason, help: None });
        }
        if paths.is_empty() {
            let reason = "it holds no check file (*.yaml)".to_owned();
            let help = Some("`airworthy schema check` tells what one holds".to_owned());
            return Err(RunError::File { path: folder, reason, help });
        }
        for path in paths {
            let text = input::read_text(&path, LARGEST).map_err(|error| RunError::file(&path, &error))?;
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            checks.push(CheckText { path: path.display().to_string(), id, text });
        }
    }
    Ok(checks)
}
