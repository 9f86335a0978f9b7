//! Which files an Ansible inventory given with `-i` consists of, and what each of them is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dynamic::Nature;
use super::graph::Graph;
use super::host_list::{self, is_host_list};
use super::ignored::{Ignored, LeftOut};
use super::{dynamic, ini, yaml};
use crate::input;
use crate::inventory::error::InventoryError;
use crate::inventory::options::LoadOptions;
use crate::inventory::source::{Mark, Reader, Source, unreadable};
use crate::inventory::variables::boolean;
use crate::inventory::yaml as document;

/// Folders nested deeper are no inventories (or links in a circle).
const MAX_FOLDERS: usize = 16;

/// Reads the files of the sources into one graph.
pub(in crate::inventory) struct Files<'a> {
    pub(in crate::inventory) reader: &'a mut Reader,
    pub(in crate::inventory) options: &'a LoadOptions,
    pub(in crate::inventory) ignored: Ignored,
    pub(in crate::inventory) graph: Graph,
    /// The sources read so far, each as a word for `ansible-inventory -i`.
    pub(in crate::inventory) taken: Vec<PathBuf>,
    pub(in crate::inventory) warnings: Vec<String>,
    /// What looks like a part of an inventory and was left out of its folder.
    pub(in crate::inventory) left_out: Vec<LeftOut>,
    /// Why files of a folder were passed over, and files that hold nothing: what is amiss where no host is left.
    pub(in crate::inventory) passed_over: Vec<InventoryError>,
    /// The first file read, to which complaints about the whole are pinned.
    pub(in crate::inventory) first: Option<Arc<Source>>,
}

impl Files<'_> {
    /// Reads a file, or every file of a folder in the order of their names.
    pub(in crate::inventory) fn take(&mut self, path: &Path) -> Result<(), InventoryError> {
        if is_host_list(path) {
            let source = self.reader.take_text(&path.to_string_lossy());
            self.first.get_or_insert_with(|| Arc::clone(&source));
            host_list::read(&source, &mut self.graph, &self.options.roles);
            self.taken.push(path.to_owned());
            return Ok(());
        }
        if path.is_dir() { self.folder(path, path, 0) } else { self.file(path, base_of(path)) }
    }

    fn folder(&mut self, path: &Path, base: &Path, depth: usize) -> Result<(), InventoryError> {
        if depth > MAX_FOLDERS {
            return Err(InventoryError::Unreadable {
                path: path.to_owned(),
                reason: format!("folders nested deeper than {MAX_FOLDERS}"),
                help: "look for a link that leads back".to_owned(),
            });
        }
        for entry in entries_of(path)? {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(rule) = self.ignored.rule_for(&name) {
                if !name.starts_with('.') && is_inventory_name(&name) && entry.is_file() {
                    self.left_out.push(LeftOut { path: entry, rule });
                }
                continue;
            }
            if entry.is_dir() {
                self.folder(&entry, base, depth + 1)?;
                continue;
            }
            match self.file(&entry, base) {
                Ok(()) => {
                    if let Some(reason) = self.ignored.reason_to_read(&name) {
                        self.warnings.push(format!(
                            "{} is read, because {reason} reads `.ini` files of a folder; ansible-core up to 2.18, which every kubespray \
                             up to 2.31 wants, leaves them out",
                            entry.display()
                        ));
                    }
                }
                // What Ansible may well read must not be missing silently.
                Err(error) if error.is_ours_alone() && depth == 0 && is_inventory_name(&name) => {
                    return Err(error);
                }
                // What lies about in a folder (a playbook, a kubectl, an admin.conf) Ansible passes over with a warning.
                Err(error) => {
                    let path = entry.display();
                    self.warnings.push(format!("{path} is passed over, as Ansible does: {error}"));
                    self.passed_over.push(error);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, base: &Path) -> Result<(), InventoryError> {
        let source = match self.reader.read(path, base) {
            Err(_) if dynamic::is_executable(path) => {
                return self.through_ansible(path, None, Mark::START, Nature::Program);
            }
            source => source?,
        };
        self.first.get_or_insert_with(|| Arc::clone(&source));
        if let Some(nature) = dynamic::nature(path, &source.text) {
            return self.through_ansible(path, Some(&source), Mark::START, nature);
        }
        if !may_be_yaml(path) {
            ini::read(&source, &self.options.ansible_core, &mut self.graph)?;
            self.taken.push(path.to_owned());
            return Ok(());
        }
        let mut warnings = Vec::new();
        let root = document::parse(&source, &self.options.ansible_core, &mut warnings);
        if let Ok(Some(root)) = &root
            && let Some(plugin) = root.get("plugin")
        {
            let asked = root.get("use_vars_plugins");
            let uses_vars_files = asked.is_some_and(|it| boolean(&it.to_json()) == Some(true));
            let nature = Nature::Plugin { uses_vars_files };
            return self.through_ansible(path, Some(&source), plugin.mark, nature);
        }
        let read = root.and_then(|root| yaml::read(&source, root.as_deref(), &mut self.graph, &mut warnings));
        match read {
            Ok(()) => self.warnings.append(&mut warnings),
            Err(complaint) if complaint.ours_alone => return Err(complaint.into()),
            // What is no YAML inventory may be an INI one, whatever its name is. (Ansible, too, keeps what it read before
            // it found that out.)
            Err(complaint) => match ini::read(&source, &self.options.ansible_core, &mut self.graph) {
                Ok(()) => self.passed_over.push(complaint.into()),
                Err(other) => {
                    return Err(if is_ini(path, &source.text) { other } else { complaint }.into());
                }
            },
        }
        self.taken.push(path.to_owned());
        Ok(())
    }
}

/// The folder of a file; `.` where only a name was given.
pub(super) fn base_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The entries of a folder in the order of their names.
pub(super) fn entries_of(folder: &Path) -> Result<Vec<PathBuf>, InventoryError> {
    input::entries(folder).map_err(|error| unreadable(folder, &error))
}

fn is_inventory_name(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    matches!(ending, Some("ini" | "yml" | "yaml" | "json")) || name.starts_with("hosts")
}

/// Whether Ansible tries to read a file as YAML, before it tries INI.
fn may_be_yaml(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_str());
    matches!(extension, None | Some(Some("yml" | "yaml" | "json")))
}

/// Whether a file that is neither YAML nor INI was meant to be INI: by its first line of substance, wherever the name does
/// not say it.
fn is_ini(path: &Path, text: &str) -> bool {
    if path.extension().is_some_and(|extension| extension == "json") {
        return false;
    }
    let substance = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';']);
    let Some(line) = text.lines().find(substance) else {
        return path.extension().is_none();
    };
    let line = line.trim();
    let code = line.split_once(" #").map_or(line, |(code, _)| code.trim_end());
    let yaml = code.starts_with("---")
        || code.starts_with(['{', '%'])
        || code.ends_with(':')
        || code.contains(": ")
        || code.contains(":\t");
    if path.extension().is_some() { code.starts_with('[') && code.ends_with(']') } else { !yaml }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ini_and_yaml_are_told_apart_by_name_then_by_content() {
        for (name, text, ini) in [
            ("hosts", "# c\n[all]\na\n", true),
            ("hosts", "node1 ansible_host=fd00::1\n", true),
            ("hosts", "---\nall:\n", false),
            ("hosts", "all:\n", false),
            ("hosts", "{\"all\": {}}", false),
            ("hosts.yml", "[all]\na\n", true),
            ("hosts.yml", "all: # everything\n", false),
            ("hosts.json", "[all]", false),
        ] {
            assert_eq!(is_ini(Path::new(name), text), ini, "{name}: {text}");
        }
    }
}
