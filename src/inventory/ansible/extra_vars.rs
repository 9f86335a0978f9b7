//! `-e`: variables above all others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Map;

use super::key_values;
use super::vars_files::{decrypted, starred};
use crate::input;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::error::InventoryError;
use crate::inventory::options::LoadOptions;
use crate::inventory::source::{Mark, Place, Reader, Source};
use crate::inventory::variables::{Layer, SECRET};
use crate::inventory::vault::Vault;
use crate::inventory::yaml as document;
use crate::redact;

/// What `-e` says.
pub(super) struct ExtraVars {
    pub(super) layers: Vec<Layer>,
    /// Encrypted files that no password was given for.
    pub(super) locked: Vec<PathBuf>,
}

/// The same error, of a file that `-e` names.
fn given_with_e(error: InventoryError) -> InventoryError {
    match error {
        InventoryError::Unreadable { path, reason, .. } => {
            InventoryError::Unreadable { path, reason, help: "check the path given with -e @FILE".to_owned() }
        }
        error => error,
    }
}

/// One layer for each word of `-e`, the later above the earlier: `key=value …`, YAML or JSON in brackets, `@file`.
pub(super) fn read(
    options: &LoadOptions,
    reader: &mut Reader,
    warnings: &mut Vec<String>,
) -> Result<ExtraVars, InventoryError> {
    let (mut layers, mut locked) = (Vec::new(), Vec::new());
    for word in options.extra_vars.iter().filter(|word| !word.is_empty()) {
        let mut source = match word.strip_prefix('@') {
            Some(file) => {
                let file = Path::new(file);
                let base = file.parent().unwrap_or(Path::new(""));
                let read = match input::is_stream(file) {
                    true => reader.read_named(file, base),
                    false => reader.read(file, base),
                };
                read.map_err(given_with_e)?
            }
            // Its own text is no place for a diagnostic's file name: passwords stand there.
            None => {
                // What is judged with it is judged of another inventory than without.
                reader.note("-e", word.as_bytes());
                Arc::new(Source::new("-e", word.clone()))
            }
        };
        let complain = |message: &str, help: &str| source.complain(Mark::START, message, help);
        if word.starts_with(['/', '.']) {
            return Err(complain("a path without `@`", "write -e @FILE").into());
        }
        if !word.starts_with(['@', '[', '{']) {
            let variables = key_values::parse(word)
                .map_err(|message| complain(message, "close it, or quote the whole value"))?;
            if variables.contains_key("_raw_params") {
                let help = "write -e key=value, and quote a value that holds blanks";
                warnings.push(complain("a word that is no `key=value`", help).to_string());
            }
            layers.push(Layer {
                owner: "extra variables".to_owned(),
                ..Layer::new("-e".to_owned(), variables)
            });
            continue;
        }
        let encrypted = word.starts_with('@') && Vault::is_encrypted(&source.text);
        if encrypted {
            let Some(clear) = decrypted(&source, &options.vault, warnings)? else {
                locked.push(source.path.clone());
                continue;
            };
            source = Arc::new(clear);
        }
        let veil = |complaint: Diagnostic| if encrypted { starred(complaint) } else { complaint };
        let root = document::parse(&source, &options.ansible_core, warnings).map_err(veil)?;
        let Some(entries) = root.as_ref().and_then(|root| root.entries()) else {
            let help = "write `name: value` lines";
            return Err(veil(source.complain(Mark::START, "no mapping of variables", help)).into());
        };
        let mut variables = Map::new();
        let mut places = HashMap::new();
        for (key, value) in entries {
            variables.insert(key.as_key(), value.to_json());
            places.insert(key.as_key(), Place { source: Arc::clone(&source), mark: key.mark });
        }
        let mut origin = source.path.display().to_string();
        if encrypted {
            origin += SECRET;
            variables.values().for_each(redact::remember_all);
        }
        layers.push(Layer { origin, owner: "extra variables".to_owned(), variables, places });
    }
    Ok(ExtraVars { layers, locked })
}
