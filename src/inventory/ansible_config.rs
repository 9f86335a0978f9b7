//! `ansible.cfg` and the environment variables over it: what they say about inventories, logins and vault passwords.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ansible::expand_home;
use super::config_file::ConfigFile;
use super::error::InventoryError;
use super::options::StandIn;
use super::source::{Source, unreadable};
use super::variables::boolean;
use crate::input;

/// Larger files are no configuration.
const MAX_BYTES: u64 = 1024 * 1024;

/// What `ansible.cfg` and the environment set; what is `None` is left to flags and defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnsibleConfig {
    /// The file that was read.
    pub path: Option<PathBuf>,
    /// `inventory`: where `-i` names none.
    pub inventory: Vec<PathBuf>,
    /// `remote_user`: where the inventory names none.
    pub remote_user: Option<String>,
    /// `remote_port`: where the inventory names none.
    pub remote_port: Option<u16>,
    /// `private_key_file`: where the inventory names none.
    pub private_key_file: Option<PathBuf>,
    /// `host_key_checking`.
    pub host_key_checking: Option<bool>,
    /// `forks`.
    pub forks: Option<u16>,
    /// `timeout`, in seconds.
    pub timeout: Option<u16>,
    /// `vault_password_file`.
    pub vault_password_file: Option<PathBuf>,
    /// `vault_identity_list`: words as of `--vault-id`.
    pub vault_identity_list: Vec<String>,
    /// `ask_vault_pass`.
    pub ask_vault_pass: bool,
    /// `inventory_ignore_extensions`: endings of names that are left out of an inventory's folder.
    pub ignored_endings: Option<Vec<String>>,
    /// Where `ignored_endings` is set: a key of a file, or an environment variable.
    pub ignored_endings_origin: String,
    /// `inventory_ignore_patterns`: regular expressions for such names.
    pub ignored_patterns: Vec<String>,
    /// `playbook_dir`: where the playbook's own vars files are.
    pub playbook_dir: Option<PathBuf>,
    /// Whether `hash_behaviour` is `merge`.
    pub merge_mappings: bool,
    /// Whether `inject_facts_as_vars` is off: then each host has `ansible_local`, empty before facts are gathered.
    pub keeps_facts_apart: bool,
    /// `ssh_args`, as one shell line.
    pub ssh_args: Option<String>,
    /// `ssh_common_args`, as one shell line.
    pub ssh_common_args: Option<String>,
    /// `ssh_extra_args`, as one shell line.
    pub ssh_extra_args: Option<String>,
    /// `transport`, `become_method` and others that stand in for variables.
    pub stand_ins: Vec<StandIn>,
    /// What was ignored, and why.
    pub warnings: Vec<String>,
    /// Settings of logins in which the user's own configuration and the playbook's differ, where the playbook's counts.
    pub not_the_playbooks: Vec<String>,
}

/// The variable, and the environment variables and keys that stand in for it.
type StandsIn = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const STAND_INS: [StandsIn; 9] = [
    ("ansible_connection", &["ANSIBLE_TRANSPORT"], &[("defaults", "transport")]),
    ("ansible_ssh_executable", &["ANSIBLE_SSH_EXECUTABLE"], &[("ssh_connection", "ssh_executable")]),
    ("ansible_ssh_pkcs11_provider", &["ANSIBLE_PKCS11_PROVIDER"], &[("ssh_connection", "pkcs11_provider")]),
    ("ansible_private_key", &["ANSIBLE_PRIVATE_KEY"], &[]),
    ("ansible_private_key_passphrase", &["ANSIBLE_PRIVATE_KEY_PASSPHRASE"], &[]),
    ("ansible_become_method", &["ANSIBLE_BECOME_METHOD"], &[("privilege_escalation", "become_method")]),
    (
        "ansible_become_user",
        &["ANSIBLE_BECOME_USER", "ANSIBLE_SUDO_USER"],
        &[("privilege_escalation", "become_user"), ("sudo_become_plugin", "user")],
    ),
    (
        "ansible_become_exe",
        &["ANSIBLE_BECOME_EXE", "ANSIBLE_SUDO_EXE"],
        &[("privilege_escalation", "become_exe"), ("sudo_become_plugin", "executable")],
    ),
    (
        "ansible_become_flags",
        &["ANSIBLE_BECOME_FLAGS", "ANSIBLE_SUDO_FLAGS"],
        &[("privilege_escalation", "become_flags"), ("sudo_become_plugin", "flags")],
    ),
];

/// Where the process runs: its variables and folders.
pub struct Surroundings<'a> {
    /// The environment.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The working folder.
    pub folder: PathBuf,
    /// The configuration of all users.
    pub system: PathBuf,
}

impl AnsibleConfig {
    /// What Ansible would find for a process of ours.
    pub fn of_process() -> Result<AnsibleConfig, InventoryError> {
        let variable = |name: &str| std::env::var_os(name);
        let folder = std::env::current_dir().unwrap_or_default();
        let system = PathBuf::from("/etc/ansible/ansible.cfg");
        AnsibleConfig::find(&Surroundings { variable: &variable, folder, system })
    }

    /// The first of `$ANSIBLE_CONFIG`, `./ansible.cfg`, `~/.ansible.cfg` and the system's that exists, and the environment over it.
    pub fn find(around: &Surroundings<'_>) -> Result<AnsibleConfig, InventoryError> {
        let mut warnings = Vec::new();
        let file = ConfigFile::default();
        let mut settings = Settings { around, file, base: around.folder.clone(), path: None };
        if let Some(path) = candidate(around, &mut warnings) {
            let extension = path.extension().unwrap_or_default();
            if extension != "cfg" && extension != "ini" {
                return Err(InventoryError::Unreadable {
                    reason: "Ansible takes no configuration file with such an ending, and does not start"
                        .to_owned(),
                    help: "name a file in `.cfg` with ANSIBLE_CONFIG".to_owned(),
                    path,
                });
            }
            let text = input::read_text(&path, MAX_BYTES).map_err(|error| match error.kind() {
                ErrorKind::InvalidData | ErrorKind::FileTooLarge => InventoryError::Unreadable {
                    path: path.clone(),
                    reason: "no configuration: not UTF-8, or larger than 1 MiB".to_owned(),
                    help: "mend it, or name another with ANSIBLE_CONFIG".to_owned(),
                },
                _ => unreadable(&path, &error),
            })?;
            let source = Source::new(path.clone(), text);
            settings.file = ConfigFile::parse(&source)?;
            settings.base = path.parent().map(Path::to_owned).unwrap_or_default();
            settings.path = Some(path);
        }
        let read = Reading { settings, warnings };
        Ok(read.finish())
    }
}

fn candidate(around: &Surroundings<'_>, warnings: &mut Vec<String>) -> Option<PathBuf> {
    let inside = |path: PathBuf| if path.is_dir() { path.join("ansible.cfg") } else { path };
    if let Some(named) = (around.variable)("ANSIBLE_CONFIG").filter(|named| !named.is_empty()) {
        let named = inside(around.folder.join(expand_home(&named.to_string_lossy())));
        if is_readable(&named) {
            return Some(named);
        }
    }
    let here = around.folder.join("ansible.cfg");
    if is_readable(&here) {
        let mode = fs::metadata(&around.folder).map(|metadata| metadata.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o002 == 0) {
            return Some(here);
        }
        warnings.push(format!(
            "{} is ignored, as by Ansible: everybody may write into its folder; name it with ANSIBLE_CONFIG",
            here.display()
        ));
    }
    let home = (around.variable)("HOME").map(|home| PathBuf::from(home).join(".ansible.cfg"));
    home.into_iter().chain([around.system.clone()]).find(|path| is_readable(path))
}

/// What cannot be read, Ansible passes over.
fn is_readable(path: &Path) -> bool {
    input::open(path).is_ok()
}

/// A word without the quotes around it.
fn unquoted(word: &str) -> &str {
    let inner = |quote| word.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(word)
}

/// A value and the folder that paths in it are relative to.
struct Found {
    text: String,
    base: PathBuf,
    whence: String,
}

struct Settings<'a> {
    around: &'a Surroundings<'a>,
    file: ConfigFile,
    base: PathBuf,
    path: Option<PathBuf>,
}

impl Settings<'_> {
    /// The last of the environment variables that is set, else the last of the file's keys.
    fn get(&self, variables: &[&str], keys: &[(&str, &str)]) -> Option<Found> {
        let told = variables.iter().rev().find_map(|name| {
            let text = (self.around.variable)(name)?.to_string_lossy().into_owned();
            Some(Found { text, base: self.around.folder.clone(), whence: (*name).to_owned() })
        });
        told.or_else(|| {
            keys.iter().rev().find_map(|(section, key)| {
                let text = self.file.get(section, key)?.to_owned();
                let file = self.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
                Some(Found { text, base: self.base.clone(), whence: format!("`{key}` in {file}") })
            })
        })
        .filter(|found| !found.text.trim().is_empty())
    }

    fn path_of(&self, text: &str, base: &Path) -> PathBuf {
        let text = text.trim().replace("{{CWD}}", &self.around.folder.to_string_lossy());
        let text = text.trim_matches(|c| c == '"' || c == '\'').to_owned();
        base.join(expand_home(&text))
    }
}

struct Reading<'a> {
    settings: Settings<'a>,
    warnings: Vec<String>,
}

impl Reading<'_> {
    fn finish(mut self) -> AnsibleConfig {
        let get = |variables: &[&str], keys: &[(&str, &str)]| self.settings.get(variables, keys);
        let words = |found: Option<Found>| -> Vec<String> {
            let text = found.map(|found| found.text).unwrap_or_default();
            text.split(',')
                .map(|word| unquoted(word.trim()).to_owned())
                .filter(|word| !word.is_empty())
                .collect()
        };
        let text = |found: Option<Found>| found.map(|found| found.text.trim().to_owned());
        let path = |found: Option<Found>| found.map(|found| self.settings.path_of(&found.text, &found.base));
        let inventory = get(&["ANSIBLE_INVENTORY"], &[("defaults", "inventory")]);
        let base = inventory.as_ref().map(|found| found.base.clone()).unwrap_or_default();
        let inventory = words(inventory).iter().map(|word| self.settings.path_of(word, &base)).collect();
        let remote_user = text(get(&["ANSIBLE_REMOTE_USER"], &[("defaults", "remote_user")]));
        let private_key_file = path(get(&["ANSIBLE_PRIVATE_KEY_FILE"], &[("defaults", "private_key_file")]));
        let vault_password_file =
            path(get(&["ANSIBLE_VAULT_PASSWORD_FILE"], &[("defaults", "vault_password_file")]));
        let vault_identity_list =
            words(get(&["ANSIBLE_VAULT_IDENTITY_LIST"], &[("defaults", "vault_identity_list")]));
        let playbook_dir = path(get(&["ANSIBLE_PLAYBOOK_DIR"], &[("defaults", "playbook_dir")]));
        let merge_mappings = text(get(&["ANSIBLE_HASH_BEHAVIOUR"], &[("defaults", "hash_behaviour")]))
            .as_deref()
            == Some("merge");
        let endings = get(
            &["ANSIBLE_INVENTORY_IGNORE"],
            &[("defaults", "inventory_ignore_extensions"), ("inventory", "ignore_extensions")],
        );
        let ignored_endings_origin = endings.as_ref().map(|found| found.whence.clone()).unwrap_or_default();
        let ignored_endings = Some(words(endings)).filter(|endings| !endings.is_empty());
        let ignored_patterns = words(get(
            &["ANSIBLE_INVENTORY_IGNORE_REGEX"],
            &[("defaults", "inventory_ignore_patterns"), ("inventory", "ignore_patterns")],
        ));
        let ssh = |variable: &str, key: &str| text(get(&[variable], &[("ssh_connection", key)]));
        let ssh_args = ssh("ANSIBLE_SSH_ARGS", "ssh_args");
        let ssh_common_args = ssh("ANSIBLE_SSH_COMMON_ARGS", "ssh_common_args");
        let ssh_extra_args = ssh("ANSIBLE_SSH_EXTRA_ARGS", "ssh_extra_args");
        let checking = get(
            &["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"],
            &[("defaults", "host_key_checking"), ("ssh_connection", "host_key_checking")],
        );
        let forks = get(&["ANSIBLE_FORKS"], &[("defaults", "forks")]);
        let port = get(&["ANSIBLE_REMOTE_PORT"], &[("defaults", "remote_port")]);
        let timeout = get(
            &["ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT"],
            &[("defaults", "timeout"), ("ssh_connection", "timeout")],
        );
        let ask = get(&["ANSIBLE_ASK_VAULT_PASS"], &[("defaults", "ask_vault_pass")]);
        let inject = get(&["ANSIBLE_INJECT_FACT_VARS"], &[("defaults", "inject_facts_as_vars")]);
        let stand_ins = STAND_INS.iter().filter_map(|(variable, variables, keys)| {
            let Found { text, whence, .. } = get(variables, keys)?;
            let variable = (*variable).to_owned();
            Some(StandIn { variable, value: text.trim().to_owned(), origin: whence })
        });
        let stand_ins = stand_ins.collect();
        AnsibleConfig {
            stand_ins,
            inventory,
            remote_user,
            remote_port: self.port(port),
            private_key_file,
            host_key_checking: self.boolean(checking),
            forks: self.number(forks, 4096),
            timeout: self.number(timeout, 600),
            vault_password_file,
            vault_identity_list,
            playbook_dir,
            merge_mappings,
            ignored_endings,
            ignored_endings_origin,
            ignored_patterns,
            keeps_facts_apart: self.boolean(inject) == Some(false),
            ask_vault_pass: self.boolean(ask).unwrap_or(false),
            ssh_args,
            ssh_common_args,
            ssh_extra_args,
            path: self.settings.path,
            warnings: self.warnings,
            not_the_playbooks: Vec::new(),
        }
    }

    fn boolean(&mut self, found: Option<Found>) -> Option<bool> {
        let found = found?;
        let read = boolean(&Value::String(found.text.clone()));
        if read.is_none() {
            self.warnings.push(format!("{} is neither true nor false, and is left out", found.whence));
        }
        read
    }

    fn port(&mut self, found: Option<Found>) -> Option<u16> {
        let found = found?;
        let read = found.text.trim().parse().ok().filter(|port| *port > 0);
        if read.is_none() {
            self.warnings.push(format!("{} is no port from 1 to 65535, and is left out", found.whence));
        }
        read
    }

    fn number(&mut self, found: Option<Found>, most: u16) -> Option<u16> {
        let found = found?;
        let read = found.text.trim().parse::<u64>().ok().filter(|number| *number > 0);
        if read.is_none() {
            self.warnings.push(format!("{} is no number above 0, and is left out", found.whence));
        }
        read.map(|number| u16::try_from(number).unwrap_or(most).min(most))
    }
}
