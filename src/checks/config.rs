//! `airworthy.yaml`: a team's defaults, beside the inventory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::LoadError;
use super::waiver::{UNREACHABLE, Waiver};
use super::yaml::yaml;

/// `airworthy.yaml`, as written. Paths are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Inventories, where `-i` names none.
    pub inventory: Vec<PathBuf>,
    /// A profile's name or file.
    pub profile: Option<String>,
    /// Parameters that differ from the profile's.
    pub parameters: BTreeMap<String, Value>,
    /// Folders with more check files.
    pub checks: Vec<PathBuf>,
    /// Findings accepted for a while.
    pub waivers: Vec<Waiver>,
}

impl Config {
    /// Reads the file's text.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(file: &str, text: &str) -> Result<Config, LoadError> {
        let config: Config = yaml(file, text)?;
        for (at, waiver) in config.waivers.iter().enumerate() {
            if waiver.reason.trim().is_empty() {
                let message = format!("the waiver of `{}` has no reason", waiver.check);
                return Err(LoadError::new(file, text, message)
                    .help("say why, for whoever reads the report")
                    .at_value(&format!("waivers.{at}.reason")));
            }
            if waiver.check == UNREACHABLE && waiver.hosts.is_empty() {
                return Err(LoadError::new(file, text, "the waiver of `unreachable` names no host")
                    .help("name those that may be missing: `hosts: [node17]`")
                    .at_value(&format!("waivers.{at}.check")));
            }
        }
        Ok(config)
    }
}
