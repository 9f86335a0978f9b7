//! Where vault passwords come from: a file, a program, or the user.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::input;
use crate::inventory::ansible::expand_home;
use crate::inventory::error::{InventoryError, io_reason};
use crate::inventory::process::{Bounds, run};
use crate::inventory::source::unreadable;
use crate::redact;

/// One `--vault-id`: `label@source`, where the source is a file, a program, or `prompt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultSource {
    /// The vault id; `default` where none is named.
    pub label: String,
    /// The file or program; `None` asks the user.
    pub file: Option<PathBuf>,
}

impl VaultSource {
    /// Reads the word that stands behind `--vault-id`.
    pub fn parse(word: &str) -> VaultSource {
        let (label, source) = word.split_once('@').unwrap_or(("", word));
        let label = if label.is_empty() { "default" } else { label }.to_owned();
        let file = !matches!(source, "prompt" | "prompt_ask_vault_pass");
        VaultSource { label, file: file.then(|| expand_home(source)) }
    }

    /// A password file without a vault id.
    pub fn file(path: &Path) -> VaultSource {
        let file = path.to_str().map_or_else(|| path.to_owned(), expand_home);
        VaultSource { label: "default".to_owned(), file: Some(file) }
    }
}

/// The password that a file holds, or that it says where it is a program. One whose name ends in `-client` is told
/// the vault id, as by Ansible.
pub fn read_password(path: &Path, label: &str) -> Result<SecretString, InventoryError> {
    const BOUNDS: Bounds = Bounds { time: Duration::from_secs(120), bytes: 64 * 1024 };
    let refuse = |reason: String, help: &str| InventoryError::Unreadable {
        path: path.to_owned(),
        reason: format!("a vault password file, which {reason}"),
        help: help.to_owned(),
    };
    let metadata = std::fs::metadata(path).map_err(|error| match unreadable(path, &error) {
        InventoryError::Unreadable { path, reason, .. } => InventoryError::Unreadable {
            path,
            reason: format!("a vault password file: {reason}"),
            help: "check --vault-password-file, --vault-id, ANSIBLE_VAULT_PASSWORD_FILE and ansible.cfg"
                .to_owned(),
        },
        other => other,
    })?;
    if metadata.is_dir() {
        return Err(refuse("is a folder".to_owned(), "give a file, or a program that prints the password"));
    }
    let bytes = if metadata.permissions().mode() & 0o111 != 0 {
        let program = std::path::absolute(path).map_err(|error| unreadable(path, &error))?;
        let mut command = Command::new(program);
        if path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("-client")) {
            command.args(["--vault-id", label]);
        }
        run(&mut command, &BOUNDS, false).map_err(|reason| {
            refuse(
                format!("is a program, and {reason}"),
                "run it by hand; make it not executable if it is the password itself",
            )
        })?
    } else {
        input::read_named(path, BOUNDS.bytes).map_err(|error| {
            refuse(format!("cannot be read: {}", io_reason(&error)), "name a file that holds the password")
        })?
    };
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| refuse("holds more than text".to_owned(), "write the password as UTF-8"))?;
    match text.trim() {
        "" => Err(refuse("gives no password".to_owned(), "write the password into it")),
        password => {
            redact::remember(password);
            Ok(SecretString::from(password))
        }
    }
}
