//! What lies in an inventory's folder and is none of it, by Ansible's rules and `ansible.cfg`'s.

use std::path::PathBuf;

use fancy_regex::Regex;

use crate::inventory::error::InventoryError;
use crate::inventory::options::LoadOptions;

/// Names that Ansible leaves out whatever is configured.
const NAMES: [&str; 3] = ["host_vars", "group_vars", "vars_plugins"];
/// Endings that Ansible leaves out where nothing is configured.
const ENDINGS: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];

/// Which names in a folder are left out.
pub(in crate::inventory) struct Ignored {
    endings: Vec<String>,
    patterns: Vec<Regex>,
}

impl Ignored {
    /// By `ansible.cfg`: its endings replace Ansible's own, its patterns come on top.
    pub(in crate::inventory) fn new(options: &LoadOptions) -> Result<Ignored, InventoryError> {
        let own = || ENDINGS.map(str::to_owned).to_vec();
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
        Ok(Ignored { endings: options.ignored_endings.clone().unwrap_or_else(own), patterns })
    }

    /// Whether a file or folder of that name is left out. A pattern that gives up for its cost leaves it out.
    pub(super) fn covers(&self, name: &str) -> bool {
        name.starts_with('.')
            || NAMES.contains(&name)
            || self.endings.iter().any(|ending| name.ends_with(ending.as_str()))
            || self.patterns.iter().any(|pattern| pattern.is_match(name).unwrap_or(true))
    }
}

/// What is said of a file that holds the inventory and is left out.
pub(super) fn left_out(path: PathBuf) -> InventoryError {
    let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    InventoryError::Unreadable {
        reason: format!(
            "Ansible leaves it out of the folder: `inventory_ignore_extensions` of ansible.cfg has `.{ending}` (where a checkout of \
             kubespray is named, its ansible.cfg counts)"
        ),
        help: format!("name the file itself: `-i {}`; so you have to for ansible-playbook", path.display()),
        path,
    }
}
