//! `group_vars/` and `host_vars/` beside an inventory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{base_of, entries_of};
use super::graph::Graph;
use super::host_list::is_host_list;
use crate::inventory::ansible_core::CoreLookup;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::error::InventoryError;
use crate::inventory::options::LoadOptions;
use crate::inventory::source::{Place, Reader, Source};
use crate::inventory::variables::{Layer, SECRET};
use crate::inventory::vault::{Vault, VaultError};
use crate::inventory::yaml as document;
use crate::redact;

/// The endings of vars files, in the order in which Ansible looks for them.
const ENDINGS: [&str; 4] = ["", "yml", "yaml", "json"];

/// Whose variables a folder holds.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Subject {
    Group,
    Host,
}

/// Reads the vars files of every `-i`, in their order.
pub(super) struct VarsFiles<'a> {
    pub(super) reader: &'a mut Reader,
    pub(super) warnings: &'a mut Vec<String>,
    vault: &'a Vault,
    core: &'a CoreLookup,
    bases: Vec<Base>,
    playbook: Option<Base>,
    /// Encrypted files that no password was given for, and whose they are.
    pub(super) locked: Vec<(Subject, String, PathBuf)>,
}

/// A folder with an inventory or a playbook.
#[derive(Clone)]
struct Base {
    folder: PathBuf,
    /// Whose variables lie there: of a thousand hosts none needs to be looked for where none has a file.
    has: Vec<Subject>,
}

impl Base {
    fn new(folder: PathBuf) -> Self {
        let has = [Subject::Group, Subject::Host];
        let has = has.into_iter().filter(|subject| folder.join(subject.folder()).exists()).collect();
        Base { folder, has }
    }
}

impl Subject {
    fn folder(self) -> &'static str {
        match self {
            Subject::Group => "group_vars",
            Subject::Host => "host_vars",
        }
    }
}

impl<'a> VarsFiles<'a> {
    pub(super) fn new(
        paths: &[PathBuf],
        reader: &'a mut Reader,
        warnings: &'a mut Vec<String>,
        options: &'a LoadOptions,
    ) -> Self {
        let files = paths.iter().filter(|path| !is_host_list(path));
        let bases = files.map(|path| if path.is_dir() { path.clone() } else { base_of(path).to_owned() });
        let bases: Vec<PathBuf> = bases.collect();
        // The folder of the last inventory has its say already, with the same precedence.
        let is_last = |folder: &Path| {
            let last = bases.last().and_then(|base| base.canonicalize().ok());
            last.is_some() && folder.canonicalize().ok() == last
        };
        let playbook = options.playbook_dir.clone().filter(|folder| !is_last(folder));
        let bases = bases.into_iter().map(Base::new).collect();
        let playbook = playbook.map(Base::new);
        VarsFiles {
            bases,
            playbook,
            reader,
            warnings,
            vault: &options.vault,
            core: &options.ansible_core,
            locked: Vec::new(),
        }
    }

    /// Why a host's variables are not all known: the encrypted files of its own and of its groups.
    pub(super) fn lock_on(&self, graph: &Graph, host: usize, groups: &[usize]) -> Option<String> {
        let is_its = |(subject, name, _): &&(Subject, String, PathBuf)| match subject {
            Subject::Host => *name == graph.hosts[host].name,
            Subject::Group => name == "all" || groups.iter().any(|&group| *name == graph.groups[group].name),
        };
        let files: Vec<String> =
            self.locked.iter().filter(is_its).map(|(_, _, file)| file.display().to_string()).collect();
        (!files.is_empty()).then(|| format!("{} {}", files.join(", "), VaultError::NoPassword))
    }

    /// For each `-i`, what its vars files say about a group or host, lowest precedence first.
    pub(super) fn layers(&mut self, subject: Subject, name: &str) -> Result<Vec<Vec<Layer>>, InventoryError> {
        self.bases.clone().iter().map(|base| self.beside(base, subject, name)).collect()
    }

    /// What the vars files beside the playbook say about a group or host, lowest precedence first.
    pub(super) fn playbook_layers(
        &mut self,
        subject: Subject,
        name: &str,
    ) -> Result<Vec<Layer>, InventoryError> {
        self.playbook.clone().map_or(Ok(Vec::new()), |base| self.beside(&base, subject, name))
    }

    fn beside(&mut self, base: &Base, subject: Subject, name: &str) -> Result<Vec<Layer>, InventoryError> {
        let mut layers = Vec::new();
        if name.starts_with('/') || !base.has.contains(&subject) {
            return Ok(layers);
        }
        let owner = match subject {
            Subject::Group => format!("group {name}"),
            Subject::Host => format!("host {name}"),
        };
        for file in self.find(&base.folder.join(subject.folder()), name)? {
            match self.read(&file, &base.folder, owner.clone())? {
                Contents::Variables(layer) => layers.push(layer),
                Contents::Nothing => {}
                Contents::Locked => self.locked.push((subject, name.to_owned(), file)),
            }
        }
        Ok(layers)
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

    fn read(&mut self, file: &Path, base: &Path, owner: String) -> Result<Contents, InventoryError> {
        let mut source = self.reader.read(file, base)?;
        let mut origin = file.display().to_string();
        let encrypted = Vault::is_encrypted(&source.text);
        if encrypted {
            let Some(clear) = decrypted(&source, self.vault, self.warnings)? else {
                return Ok(Contents::Locked);
            };
            source = Arc::new(clear);
            origin += SECRET;
        }
        let read = document::parse(&source, self.core, self.warnings).and_then(|root| {
            let Some(root) = root else { return Ok(Contents::Nothing) };
            if root.items().is_some_and(<[_]>::is_empty) {
                return Ok(Contents::Nothing);
            }
            let Some(entries) = root.entries() else {
                let message = format!("{} instead of variables", root.kind());
                return Err(source.complain(root.mark, message, "write `name: value` lines"));
            };
            let place = |mark| Place { source: Arc::clone(&source), mark };
            let places = entries.iter().map(|(key, _)| (key.as_key(), place(key.mark))).collect();
            let variables = root.to_map();
            if encrypted {
                variables.values().for_each(redact::remember_all);
            }
            Ok(Contents::Variables(Layer { origin, owner, variables, places }))
        });
        read.map_err(|complaint| if encrypted { starred(complaint) } else { complaint }.into())
    }
}

/// An encrypted file in clear; `None` where no password was given at all, which is warned of.
pub(super) fn decrypted(
    source: &Source,
    vault: &Vault,
    warnings: &mut Vec<String>,
) -> Result<Option<Source>, InventoryError> {
    let refuse = |reason: String| InventoryError::Unreadable {
        path: source.path.clone(),
        reason,
        help: "check the vault passwords; `ansible-vault view` must open it".to_owned(),
    };
    match vault.decrypt(&source.text) {
        Ok(clear) => match std::str::from_utf8(&clear) {
            Ok(text) => Ok(Some(Source::new(source.path.clone(), text))),
            Err(_) => Err(refuse("it is encrypted, and what is in it is not valid UTF-8".to_owned())),
        },
        Err(VaultError::NoPassword) => {
            warnings.push(format!(
                "{} is encrypted by ansible-vault; its variables are not known",
                source.path.display()
            ));
            Ok(None)
        }
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// A complaint about an encrypted file, without what stands in it.
pub(super) fn starred(mut complaint: Diagnostic) -> Diagnostic {
    let stars = complaint.source.chars().map(|c| if c == '\n' { c } else { '*' });
    complaint.source = stars.collect::<String>().into();
    complaint.offset = 0;
    complaint
}

/// What a vars file holds.
enum Contents {
    Variables(Layer),
    Nothing,
    Locked,
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
