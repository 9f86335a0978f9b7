//! How inventories are read: vault passwords from flags, `ansible.cfg` and the environment, and where
//! `ansible-inventory` is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::RunError;
use super::terminal;
use crate::cli::VaultArgs;
use crate::inventory::{
    AnsibleConfig, AnsibleCore, CoreLookup, CoreRules, Inventory, LoadOptions, SshWords, Surroundings, Vault,
    VaultSecret, VaultSource, find_ansible_inventory, read_password,
};
use crate::kubespray::{Demands, control_node};
use crate::{escape, redact};

/// Whose logins hosts are judged with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logins<'a> {
    /// The user's: nobody knows yet from where the playbook will be started.
    Own,
    /// Those of the `ansible-playbook` that will be started in kubespray's checkout.
    Playbook(&'a Path),
}

impl Logins<'_> {
    /// The program that will be started, where that is known.
    fn playbook(&self) -> Option<&Path> {
        match self {
            Logins::Own => None,
            Logins::Playbook(program) => Some(program),
        }
    }
}

/// What `ansible.cfg` says; what of it is ignored is told. How an inventory is read is for the `ansible.cfg` of kubespray's
/// checkout to say, where one is named: there `ansible-playbook` runs, and there are the playbooks' own variables. How hosts
/// are logged in to is the user's own choice as long as nothing is started; then it is what the playbook will have.
pub(super) fn ansible_config(checkout: Option<&Path>, logins: Logins<'_>) -> Result<AnsibleConfig, RunError> {
    let mut config = AnsibleConfig::of_process()?;
    if let Some(folder) = checkout {
        let variable = |name: &str| std::env::var_os(name);
        let folder = std::env::current_dir().unwrap_or_default().join(folder);
        let system = PathBuf::from("/etc/ansible/ansible.cfg");
        let mut theirs =
            AnsibleConfig::find(&Surroundings { variable: &variable, folder: folder.clone(), system })?;
        theirs.playbook_dir = theirs.playbook_dir.or(Some(folder));
        let own = config.path.clone();
        config = match logins {
            Logins::Own => config.reading_as(theirs),
            Logins::Playbook(_) => config.running_as(theirs),
        };
        note_other_logins(own.as_deref(), &config);
    }
    for warning in &config.warnings {
        terminal::note(&format!("airworthy: warning: {warning}"));
    }
    Ok(config)
}

/// Tells which of the user's settings do not count.
fn note_other_logins(own: Option<&Path>, config: &AnsibleConfig) {
    if config.not_the_playbooks.is_empty() {
        return;
    }
    let theirs = config.path.as_ref().map_or("no ansible.cfg".to_owned(), |path| path.display().to_string());
    let own = own.map_or(String::new(), |path| format!(" (yours is {})", path.display()));
    terminal::note(&format!(
        "airworthy: note: hosts are logged in to as ansible-playbook will do it in the checkout: it reads {theirs}{own}, where \
         this is set otherwise: {}. What the playbook is to have, say by a flag (--user, --private-key) or in the inventory",
        config.not_the_playbooks.join(", "),
    ));
}

/// The inventories to read: those that were named, else `ansible.cfg`'s, which is told.
pub(super) fn inventories(named: &[PathBuf], config: &AnsibleConfig) -> Vec<PathBuf> {
    if !named.is_empty() || config.inventory.is_empty() {
        return named.to_vec();
    }
    let names: Vec<String> = config.inventory.iter().map(|path| path.display().to_string()).collect();
    terminal::note(&format!(
        "airworthy: note: the inventory is Ansible's configured one: {}",
        names.join(", ")
    ));
    config.inventory.clone()
}

/// Which ansible-core will read the inventory: the one that will be started, else the one on PATH, else the one that the
/// checkout wants. It is asked only where its release matters.
fn ansible_core(checkout: Option<&Path>, playbook: Option<&Path>) -> CoreLookup {
    let (checkout, playbook) = (checkout.map(Path::to_owned), playbook.map(Path::to_owned));
    CoreLookup::new(move || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut reason = "there is no ansible-inventory on PATH,".to_owned();
        if let Some(program) = playbook.or_else(|| find_ansible_inventory(&path)) {
            let release = control_node::core_release(&program, checkout.as_deref());
            let rules = release.as_deref().ok().and_then(CoreRules::of_release);
            match (release, rules) {
                (Ok(release), Some(rules)) => {
                    let source = format!("ansible-core {release} ({})", program.display());
                    return AnsibleCore { rules, source, assumed: false };
                }
                (Ok(release), None) => reason = format!("{} is of release `{release}`,", program.display()),
                (Err(told), _) => {
                    reason = format!("which one is installed could not be determined ({told}),")
                }
            }
            terminal::note(&format!("airworthy: warning: {}", reason.trim_end_matches(',')));
        }
        // What is wrong with the checkout is told where it is read as a whole.
        let wanted = checkout.and_then(|folder| Demands::of_checkout(&folder).ok()?.ansible_core());
        wanted.unwrap_or_else(|| AnsibleCore::assumed(reason))
    })
}

/// How inventories are read; asks for vault passwords where that is wanted.
pub(super) fn options(
    args: &VaultArgs,
    config: &AnsibleConfig,
    checkout: Option<&Path>,
    logins: Logins<'_>,
) -> Result<LoadOptions, RunError> {
    let mut secrets = Vec::new();
    let mut vault_words: Vec<OsString> = Vec::new();
    let mut vault_files = Vec::new();
    for source in sources(args, config) {
        let password = match &source.file {
            Some(path) => {
                vault_words.push("--vault-id".into());
                let mut word = OsString::from(format!("{}@", source.label));
                word.push(path);
                vault_words.push(word);
                vault_files.push(path.clone());
                read_password(path, &source.label)?
            }
            None => {
                let prompt = match source.label.as_str() {
                    "default" => "Vault password: ".to_owned(),
                    label => format!("Vault password ({}): ", escape::line(label)),
                };
                let answer = rpassword::prompt_password(prompt).map_err(|error| {
                    RunError::Internal(format!("no vault password could be asked for: {error}"))
                })?;
                redact::remember(&answer);
                answer.trim().to_owned().into()
            }
        };
        secrets.push(VaultSecret { label: source.label, password });
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(LoadOptions {
        vault: Arc::new(Vault::new(secrets)),
        ansible_inventory: find_ansible_inventory(&path),
        vault_words,
        vault_files,
        ansible_core: ansible_core(checkout, logins.playbook()),
        ignored_endings: config.ignored_endings.clone(),
        ignored_endings_origin: config.ignored_endings_origin.clone(),
        ignored_patterns: config.ignored_patterns.clone(),
        // kubespray's playbooks are run from its checkout; Ansible, too, takes the working folder.
        playbook_dir: Some(config.playbook_dir.clone().unwrap_or_else(|| PathBuf::from("."))),
        merge_mappings: config.merge_mappings,
        keeps_facts_apart: config.keeps_facts_apart,
        ssh_words: SshWords {
            args: config.ssh_args.clone(),
            common_args: config.ssh_common_args.clone(),
            extra_args: config.ssh_extra_args.clone(),
            port: config.remote_port,
            stand_ins: config.stand_ins.clone(),
        },
        ..LoadOptions::default()
    })
}

/// Tells of what a pattern excludes in vain.
pub(super) fn note_idle_exclusions(inventory: &Inventory, pattern: Option<&str>) {
    for part in pattern.map(|pattern| inventory.idle_exclusions(pattern)).unwrap_or_default() {
        terminal::note(&format!("airworthy: warning: `{part}` in --limit excludes nobody"));
    }
}

/// As Ansible: those of `ansible.cfg` first, then flags.
fn sources(args: &VaultArgs, config: &AnsibleConfig) -> Vec<VaultSource> {
    let ids = config.vault_identity_list.iter().chain(&args.vault_id).map(|word| VaultSource::parse(word));
    let files = args.vault_password_file.iter().chain(&config.vault_password_file);
    let mut sources: Vec<VaultSource> = ids.chain(files.map(|path| VaultSource::file(path))).collect();
    if args.ask_vault_pass || (config.ask_vault_pass && sources.is_empty()) {
        sources.push(VaultSource { label: "default".to_owned(), file: None });
    }
    sources
}
