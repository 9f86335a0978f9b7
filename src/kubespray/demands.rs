//! What a release of kubespray demands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use super::ansible_facts::PossibleFacts;
use super::asserts::Assertion;
use super::names::Names;
use super::{reading, requirements, table};
use crate::facts::Fact;
use crate::facts::kubespray::Kubespray;
use crate::inventory::{AnsibleCore, CoreRules, RoleVars};

/// What a release of kubespray demands.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// As conditions see it.
    pub facts: Kubespray,
    /// The names of variables that the release knows; none where the built-in table stands in.
    pub names: Option<Names>,
    /// What a variable may be, where the release's own asserts list it: `kube_network_plugin` → `calico` …
    pub choices: BTreeMap<String, Fact<Vec<String>>>,
    /// The conditions under which its asserts ask for one of the choices, where they have some: as tasks write them.
    pub(super) choice_conditions: BTreeMap<String, Vec<String>>,
    /// Variables that its own asserts want as booleans, no texts.
    pub booleans: Fact<Vec<String>>,
    /// Variables that this release does not read any more.
    pub gone: Vec<Gone>,
    /// The groups that may not be empty, by this release's names.
    pub groups: Fact<Vec<String>>,
    /// Its other asserts on variables.
    pub(super) assertions: Vec<Assertion>,
    pub(super) defaults: Defaults,
    /// Whether versions of Kubernetes are written with a `v`, as the keys of the release's checksums have it: `v1.28.6` up to
    /// kubespray 2.27, `1.32.5` since.
    pub(super) kube_versions_have_v: bool,
    /// What a fact of a host may be, by its name without `ansible_`: it is tried where the host's own was not read.
    pub(super) possible_facts: PossibleFacts,
}

/// What variables are where nobody sets them.
#[derive(Clone, Debug, Default)]
pub(super) enum Defaults {
    /// Nothing is known.
    #[default]
    None,
    /// Those of a checkout's roles.
    Roles {
        /// The variables.
        roles: Box<RoleVars>,
        /// What sources begin with: `kubespray v2.28.0 (checkout /x, `.
        source: String,
    },
    /// Those of the built-in table; null is a variable that the release does not have.
    Table {
        /// The variables.
        values: BTreeMap<String, Value>,
        /// The whole source.
        source: String,
    },
}

/// A variable that was removed or renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its name.
    pub name: String,
    /// The release without it, as `2.29`; empty where only the checkout's own asserts tell.
    pub since: String,
    /// Its new name, or what to do instead; none where there is no successor.
    pub instead: Option<String>,
    /// Whether the release stops where it is set.
    pub refused: bool,
    /// Where that is written: a file of the checkout, or a URL.
    pub source: String,
}

/// Why a folder could not be read as a checkout.
#[derive(Debug, Error)]
#[error("{}: {reason}", path.display())]
pub struct CheckoutError {
    /// The folder or the file within.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Demands {
    /// Reads a checkout.
    ///
    /// # Errors
    /// When the folder is none, or one of its files cannot be read.
    pub fn of_checkout(folder: &Path) -> Result<Demands, CheckoutError> {
        reading::read(folder)
    }

    /// What the built-in table says of a release: `2.28`, `v2.28.0`; nothing stands for the newest.
    ///
    /// # Errors
    /// When the table does not have it; in words that name those it has.
    pub fn of_release(release: &str) -> Result<Demands, String> {
        table::demands(release)
    }

    /// The releases of the built-in table that deploy a version of Kubernetes, as in `kube_version`, the likeliest first.
    pub fn releases_deploying(kube_version: &str) -> Vec<String> {
        table::deploying(kube_version)
    }

    /// The ansible-core that the release runs with, as far as that decides how an inventory is read.
    pub fn ansible_core(&self) -> Option<AnsibleCore> {
        let Kubespray { ansible_core_min: min, ansible_core_below: below, .. } = &self.facts;
        let rules = requirements::core_rules(min, below)?;
        let source = match (rules, below.value()) {
            (CoreRules::UpTo2_18, Some(version)) => {
                format!("an ansible-core below {version}, as {} wants it,", below.source)
            }
            _ => format!("an ansible-core since 2.19, as {} wants it,", min.source),
        };
        Some(AnsibleCore { rules, source, assumed: false })
    }

    /// What a variable is where nobody sets it, templated with the release's own defaults: absent where the release has
    /// no such default, unknown where hosts, groups or facts decide.
    pub fn default_of(&self, name: &str) -> Fact<Value> {
        match &self.defaults {
            Defaults::None => Fact::unknown("no release of kubespray is known", ""),
            Defaults::Roles { roles, source } => {
                let source = source_in(source, roles, name);
                match roles.value_of(name) {
                    Ok(Some(value)) => Fact::known(value, source),
                    Ok(None) => Fact::absent(source),
                    Err(unresolved) => Fact::unknown(unresolved.reason, source),
                }
            }
            Defaults::Table { values, source } => match values.get(name) {
                Some(Value::Null) => Fact::absent(source.clone()),
                Some(value) => Fact::known(value.clone(), source.clone()),
                None => Fact::unknown(
                    format!(
                        "the built-in table does not have `{name}`; --kubespray reads it from your checkout"
                    ),
                    source.clone(),
                ),
            },
        }
    }

    /// Where it stands what a variable is where nobody sets it.
    pub(super) fn source_of(&self, name: &str) -> String {
        match &self.defaults {
            Defaults::None => String::new(),
            Defaults::Roles { roles, source } => source_in(source, roles, name),
            Defaults::Table { source, .. } => source.clone(),
        }
    }
}

fn source_in(source: &str, roles: &RoleVars, name: &str) -> String {
    let place = roles.place_of(name).unwrap_or_else(|| "roles".to_owned());
    format!("{source}{place})")
}
