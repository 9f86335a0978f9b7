//! What lies in an inventory's folder and is none of it, by Ansible's rules and `ansible.cfg`'s.

use std::path::{Path, PathBuf};

use fancy_regex::Regex;

use crate::inventory::ansible_core::{CoreLookup, CoreRules};
use crate::inventory::error::InventoryError;
use crate::inventory::options::LoadOptions;

/// Names that Ansible leaves out whatever is configured.
const NAMES: [&str; 3] = ["host_vars", "group_vars", "vars_plugins"];
/// Endings that Ansible leaves out where nothing is configured.
const ENDINGS: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];
/// One more until ansible-core 2.18; 2.19 reads such files.
const INI: &str = ".ini";

/// Which names in a folder are left out.
pub(in crate::inventory) struct Ignored {
    /// What is configured instead of Ansible's own endings, and where.
    endings: Option<(Vec<String>, String)>,
    patterns: Vec<Regex>,
    core: CoreLookup,
}

/// Why a name is left out.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::inventory) enum Rule {
    /// Ansible's own, whatever is configured or installed.
    Ansible,
    /// The configured endings, and where that is.
    Ending(String),
    /// A configured pattern.
    Pattern,
    /// `.ini`, by the rules of ansible-core up to 2.18; what says that those count.
    Release { source: String, assumed: bool },
}

impl Ignored {
    /// By `ansible.cfg`: its endings replace Ansible's own, its patterns come on top.
    pub(in crate::inventory) fn new(options: &LoadOptions) -> Result<Ignored, InventoryError> {
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|error| InventoryError::Unreadable {
                path: PathBuf::from("ansible.cfg"),
                reason: format!(
                    "`{pattern}` of the inventory's ignore_patterns is no regular expression: {error}"
                ),
                help: "mend it; ANSIBLE_INVENTORY_IGNORE_REGEX in the environment replaces it".to_owned(),
            })
        };
        let patterns = options.ignored_patterns.iter().map(compile).collect::<Result<_, _>>()?;
        let origin = options.ignored_endings_origin.clone();
        let endings = options.ignored_endings.clone().map(|endings| (endings, origin));
        Ok(Ignored { endings, patterns, core: options.ansible_core.clone() })
    }

    /// Why a file or folder of that name is left out; `None` where it is not. A pattern that gives up for its cost leaves
    /// it out.
    pub(super) fn rule_for(&self, name: &str) -> Option<Rule> {
        if name.starts_with('.') || NAMES.contains(&name) {
            return Some(Rule::Ansible);
        }
        if self.patterns.iter().any(|pattern| pattern.is_match(name).unwrap_or(true)) {
            return Some(Rule::Pattern);
        }
        match &self.endings {
            Some((endings, origin)) => {
                let is_left_out = endings.iter().any(|ending| name.ends_with(ending.as_str()));
                is_left_out.then(|| Rule::Ending(origin.clone()))
            }
            None if ENDINGS.iter().any(|ending| name.ends_with(ending)) => Some(Rule::Ansible),
            None if name.ends_with(INI) && self.core.rules() == CoreRules::UpTo2_18 => {
                let core = self.core.get();
                Some(Rule::Release { source: core.source.clone(), assumed: core.assumed })
            }
            None => None,
        }
    }

    /// What says that a file of that name, which is read, is not left out; `None` where nothing has to.
    pub(super) fn reason_to_read(&self, name: &str) -> Option<&str> {
        let is_decided = self.endings.is_none() && name.ends_with(INI);
        is_decided.then(|| self.core.get().source.as_str())
    }
}

/// A file that looks like a part of the inventory, and was left out of its folder.
pub(in crate::inventory) struct LeftOut {
    pub(in crate::inventory) path: PathBuf,
    pub(in crate::inventory) rule: Rule,
}

impl LeftOut {
    /// Whether that has to be said even where the rest is an inventory.
    pub(super) fn is_notable(&self) -> bool {
        let ending = self.path.extension().unwrap_or_default();
        self.rule != Rule::Pattern && ["ini", "yml", "yaml", "json"].iter().any(|known| ending == *known)
    }

    /// What left it out, and what to do; `others` were left out, too, or passed over.
    pub(super) fn explain(&self, others: &[&Path], passed_over: &[InventoryError]) -> InventoryError {
        let ending = self.path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let mut reason = "left out of the folder: ".to_owned();
        reason += &match &self.rule {
            Rule::Ansible => format!("Ansible reads no files in `.{ending}` there"),
            Rule::Ending(origin) => format!("{origin} has `.{ending}`"),
            Rule::Pattern => "`inventory_ignore_patterns` has a pattern that fits its name".to_owned(),
            Rule::Release { source, assumed: false } => {
                format!("{source} reads no `.ini` files there; 2.19 and newer do")
            }
            Rule::Release { source, assumed: true } => format!(
                "ansible-core up to 2.18 reads no `.ini` files there, 2.19 does; the older is assumed, because {source} and every \
                 kubespray up to 2.31 wants one below 2.19"
            ),
        };
        let others: Vec<String> = others.iter().map(|path| path.display().to_string()).collect();
        if !others.is_empty() {
            reason += &format!("; so are {}", others.join(", "));
        }
        for error in passed_over {
            reason += &format!("; passed over was {error}");
        }
        let path = self.path.display();
        InventoryError::Unreadable {
            help: format!(
                "if it is your inventory, name the file itself, for ansible-playbook too: -i {path}"
            ),
            reason,
            path: self.path.clone(),
        }
    }
}
