//! What beside the paths decides how an inventory is read.

/// What beside the paths decides how an inventory is read.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The words of Ansible's `-e`: `key=value …`, YAML or JSON in brackets, or `@file`; above all other variables.
    pub extra_vars: Vec<String>,
    /// Whether what cannot be judged (no host has a role, a port that is none) is an error, and not only a warning.
    pub for_judging: bool,
}

impl LoadOptions {
    /// For showing an inventory that need not be fit to be judged.
    pub fn listing() -> Self {
        LoadOptions { for_judging: false, ..LoadOptions::default() }
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions { extra_vars: Vec::new(), for_judging: true }
    }
}
