//! From `handoff`'s flags to those of the check and of ansible-playbook, every path seen from where the user is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::{CheckArgs, ConsentArgs, Devbox, HandoffArgs, HostKeyPolicy, ProfileArgs, TargetArgs};
use crate::handoff::arguments::{secret_in, whole, whole_at, whole_limit, whole_vault_id};
use crate::handoff::plan::{Order, Stage};
use crate::handoff::playbook_words::refused;
use crate::run::error::RunError;
use crate::run::terminal::STDIO;

/// What a handoff works with.
pub(super) struct Words {
    /// The check's flags.
    pub(super) check: CheckArgs,
    /// ansible-playbook's, but for its inventories.
    pub(super) order: Order,
    pub(super) output: Option<PathBuf>,
    pub(super) from_report: Option<PathBuf>,
}

/// Makes them whole, and refuses what a handoff cannot be made with.
pub(super) fn words(args: &HandoffArgs, here: &Path) -> Result<Words, RunError> {
    let target = target(args, here)?;
    let order = order(args, &target)?;
    let absolute = |path: &PathBuf| here.join(path);
    let check = CheckArgs {
        target,
        profile: ProfileArgs {
            profile: args.profile.profile.as_ref().map(|name| {
                let is_file = name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml");
                if is_file { whole(Path::new(name), here) } else { name.clone() }
            }),
            checks: args.profile.checks.iter().map(absolute).collect(),
            ..args.profile.clone()
        },
        stage: args.stage,
        facts: None,
        facts_max_age: None,
        save_facts: None,
        format: None,
        report: args.report.iter().map(|(format, path)| (*format, here.join(path))).collect(),
        by: args.by,
        verbose: args.verbose,
        fail_on: args.fail_on,
        fix: false,
        consent: ConsentArgs::default(),
    };
    Ok(Words {
        check,
        order,
        output: args.output.as_ref().map(absolute),
        from_report: args.from_report.as_ref().map(absolute),
    })
}

fn target(args: &HandoffArgs, here: &Path) -> Result<TargetArgs, RunError> {
    let target = &args.target;
    let profile = &args.profile;
    if target.inventory.is_empty() {
        return Err(RunError::flag("-i", "name the inventory that kubespray will use"));
    }
    if target.kubespray.is_none() {
        return Err(RunError::flag("--kubespray", "name the checkout whose playbook will run"));
    }
    if !profile.select.is_empty() || !profile.skip.is_empty() {
        let help = "a handoff takes every check of its profile; --override ID --reason TEXT lets one through";
        return Err(RunError::flag("--select, --skip", help));
    }
    if target.devbox == Devbox::None {
        let reason = "this machine runs Ansible, so it is the dev box, and is judged";
        return Err(RunError::flag("--devbox none", reason));
    }
    if args.report.iter().any(|(_, path)| path.as_os_str() == STDIO) {
        let reason = "stdout has the table, and then what ansible-playbook says: name a file";
        return Err(RunError::flag("--report", reason));
    }
    if target.as_role.is_some() {
        return Err(RunError::flag("--as", "a handoff is about an inventory"));
    }
    for word in target.extra_vars.iter().chain(&args.words) {
        if let Some(what) =
            secret_in(word).filter(|_| !word.starts_with('-') || word.starts_with("--extra-vars="))
        {
            let reason = format!(
                "{what} looks like a secret, and every user of this machine can read ansible-playbook's command \
                 line: put it into a file and give -e @FILE, or have it asked for (--ask-pass, --ask-become-pass)"
            );
            return Err(RunError::flag("-e", reason));
        }
    }
    if let Some(reason) = refused(&args.words, target.limit.as_deref()) {
        return Err(RunError::flag("--", reason));
    }
    let inventory: Result<Vec<PathBuf>, RunError> =
        target.inventory.iter().map(|path| inventory(path, here)).collect();
    let absolute = |path: &PathBuf| here.join(path);
    let mut target = TargetArgs {
        inventory: inventory?,
        kubespray: target.kubespray.as_ref().map(|path| {
            let path = here.join(path);
            path.canonicalize().unwrap_or(path)
        }),
        limit: target.limit.as_ref().map(|pattern| whole_limit(pattern, here)),
        extra_vars: target.extra_vars.iter().map(|word| whole_at(word, here)).collect(),
        private_key: target.private_key.as_ref().map(absolute),
        ..target.clone()
    };
    let vault = &mut target.vault;
    vault.vault_password_file = vault.vault_password_file.iter().map(absolute).collect();
    vault.vault_id = vault.vault_id.iter().map(|word| whole_vault_id(word, here)).collect();
    Ok(target)
}

/// An inventory's path made whole; hosts with a comma stay as they are.
fn inventory(path: &Path, here: &Path) -> Result<PathBuf, RunError> {
    let found = here.join(path);
    match fs::metadata(&found) {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            let reason =
                "a pipe is read once, and both the check and ansible-playbook have to read it".to_owned();
            Err(RunError::File { path: path.to_owned(), reason, help: Some("give a file".to_owned()) })
        }
        Err(_) if path.to_string_lossy().contains(',') => Ok(path.to_owned()),
        _ => Ok(found),
    }
}

fn order(args: &HandoffArgs, target: &TargetArgs) -> Result<Order, RunError> {
    let checkout = target.kubespray.clone().unwrap_or_default();
    let stage = match args.stage {
        crate::cli::Stage::New | crate::cli::Stage::Rerun => Stage::Deploy,
        crate::cli::Stage::Scale => Stage::Scale,
        crate::cli::Stage::Upgrade => Stage::Upgrade,
    };
    let there = stage.playbooks().iter().find(|name| checkout.join(name).is_file());
    let Some(playbook) = there else {
        let reason =
            format!("{} holds no {}; name kubespray's top folder", checkout.display(), stage.playbooks()[0]);
        return Err(RunError::flag("--kubespray", reason));
    };
    let texts = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
    Ok(Order {
        program: program(args.ansible_playbook.as_deref())?,
        playbook: (*playbook).to_owned(),
        inventories: texts(&target.inventory),
        openpai_variables: None,
        limit: target.limit.clone(),
        user: target.user.clone(),
        private_key: target.private_key.as_ref().map(|path| path.display().to_string()),
        ask_pass: target.ask_pass,
        ask_become_pass: target.ask_become_pass,
        ask_vault_pass: target.vault.ask_vault_pass,
        vault_password_files: texts(&target.vault.vault_password_file),
        vault_ids: target.vault.vault_id.clone(),
        extra_vars: target.extra_vars.clone(),
        forks: target.forks,
        timeout: target.timeout,
        any_host_key: target.host_key_checking == Some(HostKeyPolicy::Off),
        words: args.words.clone(),
        checkout,
    })
}

/// The `ansible-playbook` to run.
pub(super) fn program(named: Option<&Path>) -> Result<PathBuf, RunError> {
    let is_program =
        |path: &Path| fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(path) = named {
        let path = here.join(path);
        return match is_program(&path) {
            true => Ok(path),
            false => Err(RunError::flag("--ansible-playbook", format!("{} is no program", path.display()))),
        };
    }
    let search = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&search).map(|folder| here.join(folder).join("ansible-playbook"));
    found.into_iter().find(|path| is_program(path)).ok_or_else(|| {
        let help = "activate the environment that kubespray's requirements.txt is installed in, or name the program \
                    with --ansible-playbook";
        RunError::File {
            path: "ansible-playbook".into(),
            reason: "it is not on PATH".to_owned(),
            help: Some(help.to_owned()),
        }
    })
}
