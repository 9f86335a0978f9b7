//! `airworthy.yaml`: a team's defaults, beside the inventory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::LoadError;
use super::waiver::Waiver;
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
        for waiver in &config.waivers {
            if waiver.reason.trim().is_empty() {
                return Err(LoadError::new(
                    file,
                    text,
                    format!("the waiver of `{}` has no reason", waiver.check),
                )
                .at_text("reason"));
            }
        }
        Ok(config)
    }
}
