//! The helpers that airworthy brings to hosts: where they lie, and what they need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::elf::{Glibc, Machine, Needs};
use crate::input;

/// The file's name.
const NAME: &str = "airworthy-nvml";

/// Where packages put them, a folder for each machine.
const SYSTEM: &str = "/usr/lib/airworthy";

/// The largest helper, in bytes: a debug build has 24 MiB.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Where helpers are looked for, and what was found: each is read once.
#[derive(Debug, Default)]
pub struct Helpers {
    /// Before all others, and each as itself and by machine.
    folders: Vec<PathBuf>,
    found: Mutex<BTreeMap<Machine, Arc<Found>>>,
}

/// The helpers for one machine.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Those that run there, in the order of their folders.
    pub(super) helpers: Vec<Helper>,
    /// What is wrong with the others.
    pub(super) refused: Vec<String>,
    /// Where none was found.
    pub(super) looked_at: String,
}

/// A program for hosts of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Helper {
    pub(super) path: PathBuf,
    pub(super) bytes: Arc<[u8]>,
    /// SHA-256 of the bytes, in hexadecimal.
    pub(super) digest: Arc<str>,
    /// The glibc that it needs; `None` for a static one.
    pub(super) glibc: Option<Glibc>,
}

impl Helpers {
    /// Looked for in `folders` first, then beside the running program, then in `/usr/lib/airworthy`; in each by the
    /// machine's name (`x86_64/airworthy-nvml`) and by itself.
    pub fn new(mut folders: Vec<PathBuf>) -> Self {
        folders.extend(std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned())));
        folders.push(PathBuf::from(SYSTEM));
        Helpers::in_folders(folders)
    }

    /// Looked for in these folders alone.
    pub fn in_folders(folders: Vec<PathBuf>) -> Self {
        Helpers { folders, found: Mutex::default() }
    }

    /// Those for hosts of one machine.
    pub(super) fn of(&self, machine: Machine) -> Arc<Found> {
        // Hosts that ask at the same time wait for the one that reads.
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(found.entry(machine).or_insert_with(|| Arc::new(self.look(machine))))
    }

    fn look(&self, machine: Machine) -> Found {
        let mut found = Found::default();
        let mut places = Vec::new();
        for folder in &self.folders {
            places.push(folder.display().to_string());
            for path in [folder.join(machine.name()).join(NAME), folder.join(NAME)] {
                match read(&path) {
                    Ok(None) => {}
                    Ok(Some((helper, made_for))) if made_for == machine => found.helpers.push(helper),
                    // Beside the program lies the one for this machine.
                    Ok(Some((_, made_for))) if path.parent() == Some(folder) => {
                        places.push(format!("{} is for {}", path.display(), made_for.name()));
                    }
                    Ok(Some((_, made_for))) => {
                        let (wanted, is) = (machine.name(), made_for.name());
                        found.refused.push(format!("{} is made for {is}, not for {wanted}", path.display()));
                    }
                    Err(reason) => found.refused.push(format!("{}: {reason}", path.display())),
                }
            }
        }
        found.looked_at = format!("looked for {NAME} in {}", places.join(", "));
        found
    }
}

/// A helper and the machine that it is made for; `None` where there is none.
fn read(path: &Path) -> Result<Option<(Helper, Machine)>, String> {
    let bytes = match input::read(path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if !path.is_file() => return Err(format!("it is not a file: {error}")),
        Err(error) => return Err(error.to_string()),
    };
    let needs = Needs::of(&bytes)?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let helper =
        Helper { path: path.to_owned(), bytes: bytes.into(), digest: digest.into(), glibc: needs.glibc };
    Ok(Some((helper, needs.machine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two folders, and some program as a helper.
    fn folders() -> (tempfile::TempDir, [PathBuf; 2], Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let both = [folder.path().join("first"), folder.path().join("second")];
        for folder in &both {
            std::fs::create_dir(folder).expect("a folder");
        }
        let program = std::fs::read("/bin/sh").expect("readable");
        (folder, both, program)
    }

    fn put(path: &Path, bytes: &[u8]) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    #[test]
    fn the_first_folder_counts_and_in_it_the_machines_own() {
        let (_folder, [first, second], mut program) = folders();
        let machine = Machine::named(std::env::consts::ARCH).expect("one of ours");
        put(&second.join(NAME), &program);
        put(&first.join(machine.name()).join(NAME), &program);
        // Another machine's, where anybody's may lie: it is simply not for this one.
        program[18] ^= 0x3e ^ 0xb7;
        put(&first.join(NAME), &program);
        let helpers = Helpers::in_folders(vec![first.clone(), second.clone()]);
        let found = helpers.of(machine);
        let paths: Vec<PathBuf> = found.helpers.iter().map(|helper| helper.path.clone()).collect();
        assert_eq!(paths, [first.join(machine.name()).join(NAME), second.join(NAME)]);
        assert_eq!(found.refused, Vec::<String>::new());
        assert!(Arc::ptr_eq(&found, &helpers.of(machine)), "it is read once");
    }

    #[test]
    fn what_is_no_helper_is_told() {
        let (_folder, [first, second], _) = folders();
        put(&first.join(NAME), b"#!/bin/sh\necho hello\n");
        std::fs::create_dir(second.join(NAME)).expect("a folder");
        let found = Helpers::in_folders(vec![first, second]).look(Machine::X86_64);
        assert_eq!(found.helpers, []);
        assert_eq!(found.refused.len(), 2, "{:?}", found.refused);
        assert!(found.refused[0].contains("it is no 64-bit ELF program"), "{:?}", found.refused);
        assert!(found.refused[1].contains("it is not a file"), "{:?}", found.refused);
    }
}
