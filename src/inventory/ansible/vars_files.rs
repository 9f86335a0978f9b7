//! `group_vars/` and `host_vars/` beside an inventory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{base_of, entries_of};
use super::host_list::is_host_list;
use crate::inventory::error::InventoryError;
use crate::inventory::source::{Place, Reader};
use crate::inventory::variables::Layer;
use crate::inventory::yaml as document;

/// The endings of vars files, in the order in which Ansible looks for them.
const ENDINGS: [&str; 4] = ["", "yml", "yaml", "json"];

/// Whose variables a folder holds.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    Group,
    Host,
}

/// Reads the vars files of every `-i`, in their order.
pub(super) struct VarsFiles<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) warnings: &'a mut Vec<String>,
    bases: Vec<PathBuf>,
}

impl<'a> VarsFiles<'a> {
    pub(super) fn new(paths: &[PathBuf], reader: &'a mut Reader, warnings: &'a mut Vec<String>) -> Self {
        let files = paths.iter().filter(|path| !is_host_list(path));
        let bases = files.map(|path| if path.is_dir() { path.clone() } else { base_of(path).to_owned() });
        VarsFiles { bases: bases.collect(), reader, warnings }
    }

    /// For each `-i`, what its vars files say about a group or host, lowest precedence first.
    pub(super) fn layers(&mut self, subject: Subject, name: &str) -> Result<Vec<Vec<Layer>>, InventoryError> {
        let (folder, owner) = match subject {
            Subject::Group => ("group_vars", format!("group {name}")),
            Subject::Host => ("host_vars", format!("host {name}")),
        };
        let mut by_source = Vec::with_capacity(self.bases.len());
        for base in self.bases.clone() {
            let mut layers = Vec::new();
            if !name.starts_with('/') {
                for file in self.find(&base.join(folder), name)? {
                    layers.extend(self.read(&file, &base, owner.clone())?);
                }
            }
            by_source.push(layers);
        }
        Ok(by_source)
    }

    /// The first of `name`, `name.yml`, `name.yaml`, `name.json` that exists; a folder stands for its files.
    fn find(&mut self, folder: &Path, name: &str) -> Result<Vec<PathBuf>, InventoryError> {
        let candidates = ENDINGS.iter().map(|ending| match *ending {
            "" => folder.join(name),
            ending => folder.join(format!("{name}.{ending}")),
        });
        let mut existing = candidates.filter(|path| path.exists());
        let Some(found) = existing.next() else { return Ok(Vec::new()) };
        for shadowed in existing {
            self.warnings.push(format!(
                "{} is not read, because {} exists; Ansible takes the first of the two",
                shadowed.display(),
                found.display()
            ));
        }
        let mut files = Vec::new();
        if found.is_dir() {
            collect(&found, &mut files, 0)?;
        } else {
            files.push(found);
        }
        Ok(files)
    }

    fn read(&mut self, file: &Path, base: &Path, owner: String) -> Result<Option<Layer>, InventoryError> {
        let source = self.reader.read(file, base)?;
        let origin = file.display().to_string();
        if source.text.starts_with("$ANSIBLE_VAULT;") {
            self.warnings
                .push(format!("{origin} is encrypted by ansible-vault; its variables are not known"));
            return Ok(None);
        }
        let Some(root) = document::parse(&source, self.warnings)? else { return Ok(None) };
        if root.items().is_some_and(<[_]>::is_empty) {
            return Ok(None);
        }
        let Some(entries) = root.entries() else {
            let message = format!("{} instead of variables", root.kind());
            return Err(source.complain(root.mark, message, "write `name: value` lines").into());
        };
        let places = entries
            .iter()
            .map(|(key, _)| (key.as_key(), Place { source: Arc::clone(&source), mark: key.mark }))
            .collect();
        Ok(Some(Layer { origin, owner, variables: root.to_map(), places }))
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) -> Result<(), InventoryError> {
    for entry in entries_of(folder)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let ending = entry.extension().map(|ending| ending.to_string_lossy().into_owned());
        if ending.as_deref() == Some("") {
            continue; // a dot at the end
        }
        if entry.is_dir() {
            if ending.is_none() && depth < 16 {
                collect(&entry, files, depth + 1)?;
            }
        } else if entry.is_file() && ENDINGS.contains(&ending.as_deref().unwrap_or_default()) {
            files.push(entry);
        }
    }
    Ok(())
}
