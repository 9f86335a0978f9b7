//! Inventories that only Ansible can read: scripts, plugin configurations, TOML, encrypted files. `ansible-inventory`
//! reads them, and what it prints enters the same groups and hosts.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::files::Files;
use super::graph::{ALL, UNGROUPED};
use crate::inventory::error::InventoryError;
use crate::inventory::process::{Bounds, run};
use crate::inventory::source::{Mark, Place, Source};
use crate::inventory::vault::Vault;

/// The program.
const PROGRAM: &str = "ansible-inventory";
/// A cloud's inventory may take its time.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(180), bytes: 64 << 20 };

/// The `ansible-inventory` on a search path (`PATH`).
pub(in crate::inventory) fn find(path: &OsStr) -> Option<PathBuf> {
    let candidates = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    candidates.map(|folder| folder.join(PROGRAM)).find(|program| is_executable(program))
}

/// Whether a file may be executed.
pub(in crate::inventory) fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// What a file is that only Ansible can read.
#[derive(Clone, Copy)]
pub(super) enum Nature {
    Program,
    Script,
    Encrypted,
    Toml,
    /// The configuration of a plugin, which may ask for the vars files of what it builds on.
    Plugin {
        uses_vars_files: bool,
    },
}

impl Nature {
    fn is_plugin(self) -> bool {
        matches!(self, Nature::Plugin { .. })
    }
}

/// In words that follow "an inventory that is".
impl fmt::Display for Nature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Nature::Program => "a program",
            Nature::Script => "an inventory script",
            Nature::Encrypted => "an encrypted inventory",
            Nature::Toml => "a TOML inventory",
            Nature::Plugin { .. } => "the configuration of an inventory plugin",
        })
    }
}

/// What a file is that only Ansible can read; `None` for all others. Plugin configurations are told apart where the
/// YAML is read.
pub(super) fn nature(path: &Path, text: &str) -> Option<Nature> {
    if text.starts_with("#!") {
        return Some(Nature::Script);
    }
    if Vault::is_encrypted(text) {
        return Some(Nature::Encrypted);
    }
    path.extension().is_some_and(|extension| extension == "toml").then_some(Nature::Toml)
}

impl Files<'_> {
    /// Reads a file through `ansible-inventory`; without it, says what is needed.
    pub(super) fn through_ansible(
        &mut self,
        path: &Path,
        source: Option<&Source>,
        mark: Mark,
        nature: Nature,
    ) -> Result<(), InventoryError> {
        let Some(program) = &self.options.ansible_inventory else {
            let help = format!(
                "install ansible-core, so that `{PROGRAM}` is on PATH; or give what it prints elsewhere \
                 (`{PROGRAM} -i {} --list --yaml > inventory.yml`)",
                path.display()
            );
            let message = format!("{nature}, which only `{PROGRAM}` can read, and that is not on PATH");
            return Err(match source {
                Some(source) => source.complain(mark, message, help).ours_alone().into(),
                None => InventoryError::Unreadable { path: path.to_owned(), reason: message, help },
            });
        };
        let refuse = |reason: String| InventoryError::Unreadable {
            path: path.to_owned(),
            reason: format!("{nature}, and `{PROGRAM}` {reason}"),
            help: format!("`{PROGRAM} -i {} --list` must work first", path.display()),
        };
        let mut command = Command::new(program);
        // A plugin may build on what stands before it.
        for earlier in self.taken.iter().filter(|_| nature.is_plugin()) {
            command.arg("-i").arg(earlier);
        }
        command.arg("-i").arg(path).args(["--list", "--export"]).args(&self.options.vault_words);
        // The vars files are read here, but for a plugin that asks for them.
        if !matches!(nature, Nature::Plugin { uses_vars_files: true }) {
            command.env("ANSIBLE_VARS_ENABLED", "");
        }
        // A source that no plugin can read is an error and not an empty inventory.
        command.env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true");
        command.env("ANSIBLE_NOCOLOR", "true").env("ANSIBLE_LOCALHOST_WARNING", "false");
        let output = run(&mut command, &BOUNDS, true).map_err(refuse)?;
        self.reader.note(&format!("{PROGRAM} {}", path.display()), &output);
        let listed: Value = serde_json::from_slice(&output)
            .map_err(|error| refuse(format!("printed what is no JSON: {error}")))?;
        let Some(listed) = listed.as_object() else {
            return Err(refuse("printed what is no inventory".to_owned()));
        };
        self.warnings.push(format!("{} is {nature}, and was read through `{PROGRAM}`", path.display()));
        let origin = PathBuf::from(format!("{PROGRAM} ({})", path.display()));
        let place = Place { source: Arc::new(Source::new(origin, "")), mark: Mark::START };
        self.take_listed(listed, &place)?;
        self.taken.push(path.to_owned());
        Ok(())
    }

    /// What `ansible-inventory --list --export` printed.
    fn take_listed(&mut self, listed: &Map<String, Value>, place: &Place) -> Result<(), InventoryError> {
        let texts = |body: &Value, key: &str| -> Vec<String> {
            let items = body.get(key).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        // From the top down, so that groups and hosts come in Ansible's order; then what is not under `all`.
        let mut open = vec!["all".to_owned()];
        open.extend(listed.keys().filter(|name| *name != "_meta").cloned());
        let mut seen = HashSet::new();
        let mut at = 0;
        while at < open.len() {
            let name = open[at].clone();
            at += 1;
            if !seen.insert(name.clone()) {
                continue;
            }
            let group = self.graph.add_group(&name, Some(place.clone()));
            let Some(body) = listed.get(&name) else { continue };
            for host in texts(body, "hosts") {
                self.graph.add_host(&host, group, None, place);
            }
            for (variable, value) in body.get("vars").and_then(Value::as_object).into_iter().flatten() {
                // What an earlier file said and ansible-inventory repeats keeps its place.
                if self.graph.groups[group].variables.values.get(variable) == Some(value) {
                    continue;
                }
                self.graph.set_group_variable(group, variable.clone(), value.clone(), place)?;
            }
            for child in texts(body, "children") {
                let below = self.graph.add_group(&child, Some(place.clone()));
                if group != ALL {
                    self.graph.add_child(group, below, place)?;
                }
                open.insert(at, child);
            }
        }
        let hostvars = listed.get("_meta").and_then(|meta| meta.get("hostvars")).and_then(Value::as_object);
        let known: HashMap<String, usize> =
            self.graph.hosts.iter().enumerate().map(|(at, host)| (host.name.clone(), at)).collect();
        for (host, variables) in hostvars.into_iter().flatten() {
            let Some(variables) = variables.as_object() else { continue };
            let at = match known.get(host) {
                Some(&at) => at,
                None => self.graph.add_host(host, UNGROUPED, None, place),
            };
            for (name, value) in variables {
                if self.graph.hosts[at].variables.values.get(name) == Some(value) {
                    continue;
                }
                self.graph.set_host_variable(at, name.clone(), value.clone(), place.clone());
            }
        }
        Ok(())
    }
}
