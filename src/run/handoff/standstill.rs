//! That the inventory is at its end what it was when it was judged: visiting hosts takes a while, and files are edited.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::input;
use crate::inventory::{Inventory, Kind};
use crate::run::error::RunError;
use crate::run::handoff::recording::digest;

/// What a folder may hold at most; further names are not compared.
const MAX_NAMES: usize = 20_000;
/// Deeper folders are not looked into.
const MAX_DEPTH: usize = 16;

/// Files with what was in them, and the names in the folders where Ansible looks for more.
pub(super) struct Standstill {
    files: Vec<(PathBuf, Option<String>)>,
    folders: Vec<PathBuf>,
    names: BTreeSet<PathBuf>,
}

impl Standstill {
    /// Takes down what is there now. `playbook_dir` is where ansible-playbook will find variables of the playbook's own.
    pub(super) fn of(inventory: Option<&Inventory>, playbook_dir: Option<&Path>) -> Standstill {
        let files = inventory.map_or(&[][..], |inventory| &inventory.files);
        let sources = inventory.filter(|it| it.kind == Kind::Kubespray).map_or(&[][..], |it| &it.sources);
        let mut folders = Vec::new();
        for source in sources {
            if source.is_dir() {
                folders.push(source.clone());
            } else if let Some(beside) = source.parent() {
                folders.extend(variables_of(beside));
            }
        }
        if !sources.is_empty() {
            folders.extend(playbook_dir.into_iter().flat_map(variables_of));
        }
        Standstill {
            files: files.iter().map(|path| (path.clone(), content(path))).collect(),
            names: names(&folders),
            folders,
        }
    }

    /// # Errors
    /// When a file holds something else now, came or went.
    pub(super) fn holds(&self) -> Result<(), RunError> {
        let changed = |path: &Path, what: &str| {
            Err(RunError::File {
                path: path.to_owned(),
                reason: format!("it {what} while the hosts were visited, so it was not judged"),
                help: Some("hand over again".to_owned()),
            })
        };
        if let Some((path, _)) = self.files.iter().find(|(path, before)| content(path) != *before) {
            return changed(path, "was changed");
        }
        let now = names(&self.folders);
        if let Some(path) = now.difference(&self.names).next() {
            return changed(path, "was added");
        }
        match self.names.difference(&now).next() {
            Some(path) => changed(path, "was taken away"),
            None => Ok(()),
        }
    }
}

/// The folders of variables beside an inventory or a playbook, which need not be there.
fn variables_of(folder: &Path) -> [PathBuf; 2] {
    ["group_vars", "host_vars"].map(|name| folder.join(name))
}

/// Every name in these folders that Ansible may read; what editors and this program itself leave there, it does not.
fn names(folders: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left: Vec<(PathBuf, usize)> = folders.iter().map(|folder| (folder.clone(), 0)).collect();
    while let Some((folder, depth)) = left.pop() {
        for path in input::entries(&folder).unwrap_or_default() {
            let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { continue };
            if name.starts_with('.') || name.ends_with('~') || found.len() == MAX_NAMES {
                continue;
            }
            if depth < MAX_DEPTH && path.is_dir() {
                left.push((path.clone(), depth + 1));
            }
            found.insert(path);
        }
    }
    found
}

/// The largest file whose content is compared, in bytes: the largest of an inventory.
const LARGEST: u64 = 64 * input::MIB;

fn content(path: &Path) -> Option<String> {
    input::read(path, LARGEST).ok().map(|bytes| digest(&bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Standstill;
    use crate::inventory;

    #[test]
    fn what_comes_goes_or_changes_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("inv/group_vars/all")).expect("made");
        fs::create_dir_all(at("playbooks")).expect("made");
        fs::write(at("inv/group_vars/all/a.yml"), "a: 1\n").expect("written");
        fs::write(at("inv/hosts"), "[kube_control_plane]\nn1\n[kube_node]\nn1\n").expect("written");
        for source in ["inv", "inv/hosts"] {
            let inventory = inventory::load(&[at(source)]).expect("an inventory");
            let still = Standstill::of(Some(&inventory), Some(&at("playbooks")));
            let told = || still.holds().expect_err("it was changed").to_string();
            for idle in ["inv/.airworthy", "inv/group_vars/all/.a.yml.swp", "inv/group_vars/all/a.yml~"] {
                fs::write(at(idle), "x").expect("written");
            }
            still.holds().expect("nothing that Ansible reads");
            for more in ["inv/group_vars/all/b.yml", "inv/host_vars/n1.yml", "playbooks/group_vars/all.yml"] {
                let path = at(more);
                let beside = path.parent().expect("a folder");
                let is_new = !beside.exists();
                fs::create_dir_all(beside).expect("made");
                fs::write(&path, "b: 1\n").expect("written");
                assert!(told().contains("was added"), "{more}: {}", told());
                fs::remove_file(&path).expect("gone");
                if is_new {
                    fs::remove_dir(beside).expect("gone");
                }
                still.holds().expect("as it was");
            }
            fs::rename(at("inv/group_vars/all/a.yml"), at("a.yml")).expect("moved");
            assert!(told().contains("a.yml"), "{}", told());
            fs::write(at("inv/group_vars/all/a.yml"), "a: 2\n").expect("written");
            assert!(told().contains("was changed"), "{}", told());
            fs::rename(at("a.yml"), at("inv/group_vars/all/a.yml")).expect("moved");
            still.holds().expect("as it was");
        }
    }
}
