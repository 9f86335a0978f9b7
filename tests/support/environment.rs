//! What tests see of the machine that runs them: the programs listed here, and the variables that a test names.
//!
//! Tests start programs through [`command`] alone, which clears the environment; `tests/integration/architecture.rs` keeps
//! that rule. `PATH` is a folder of links to [`PROGRAMS`], and by a file in it the scripts for hosts know that it stands for
//! the system's folders too (see src/gather/trust.sh), unless root is not its only owner. So a test never
//! finds the machine's Docker, systemd, NVIDIA driver, Ansible, SSH agent, proxies, locale or configuration files.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

/// The programs that tests and the scripts for hosts run, where the machine has them. None of them asks the network.
const PROGRAMS: &str = "
    awk base64 basename cat chmod chown cmp cp cut date dd df dirname echo env expr false find fold grep head hostname id
    join kill ldd ln ls mkdir mkfifo mktemp mv nl nproc od printf ps pwd readlink rm rmdir sed seq sh sha256sum sleep
    sort split stat stty sync tail tee test timeout touch tr true tty uname uniq wc xargs yes
    bash busybox chattr csh dash fish flock getconf git gzip ip mount pgrep script setpriv setsid tar umount zsh";

/// Programs that a test must name, because they ask the network or belong to one machine: see [`tool`].
const TOOLS: [&str; 4] = ["curl", "python3", "ssh", "wget"];

/// Where [`PROGRAMS`] are looked for, before `PATH`: a version manager's wrapper needs the environment that it set up.
const FOLDERS: [&str; 6] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// The variables that developers and CI set for the tests. No other variable is read.
const VARIABLES: [&str; 6] = [
    "AIRWORTHY_DOCUMENTS",
    "ANSIBLE_INVENTORY_PROGRAM",
    "ANSIBLE_INVENTORY_PROGRAMS",
    "ANSIBLE_PLAYBOOK_PROGRAM",
    "AIRWORTHY_CHECKOUTS",
    "UPDATE_GOLDEN",
];

/// A variable of [`VARIABLES`], unless it is empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    assert!(VARIABLES.contains(&name), "{name} is not in VARIABLES");
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A program with an environment of its own, in which `HOME` holds no configuration. Without a slash the name is one of
/// [`PROGRAMS`].
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    // A path replaces the folder that it is joined to.
    let mut command = Command::new(programs().join(program.as_ref()));
    command
        .env_clear()
        .env("PATH", programs())
        .env("HOME", home())
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// A value for `PATH`: these folders, then [`programs`].
pub(crate) fn path(before: &[&Path]) -> OsString {
    let folders = before.iter().copied().chain([programs()]);
    std::env::join_paths(folders).expect("no folder has a colon in its name")
}

/// Whether the machine has one of [`PROGRAMS`].
pub(crate) fn has(program: &str) -> bool {
    assert!(PROGRAMS.split_whitespace().any(|name| name == program), "{program} is not in PROGRAMS");
    programs().join(program).exists()
}

/// A value for `PATH`: those of these [`TOOLS`] that the machine has, then [`programs`].
pub(crate) fn path_with(tools: &[&str]) -> OsString {
    let tools: Vec<PathBuf> = tools.iter().filter_map(|name| tool(name)).collect();
    let folders: Vec<&Path> = tools.iter().filter_map(|tool| tool.parent()).collect();
    path(&folders)
}

/// One of [`TOOLS`], alone in its folder, which a test may put into `PATH`; `None` where the machine has it not.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    assert!(TOOLS.contains(&name), "{name} is not in TOOLS");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools").join(name);
    fs::create_dir_all(&folder).expect("a folder");
    link(name, &folder)
}

/// The folder with a link to each of [`PROGRAMS`] that the machine has.
pub(crate) fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        fs::create_dir_all(&folder).expect("a folder");
        // What an earlier list had.
        for entry in fs::read_dir(&folder).expect("readable").map(|entry| entry.expect("an entry")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.contains('.') && !PROGRAMS.split_whitespace().any(|program| program == name) {
                let _ = fs::remove_file(entry.path());
            }
        }
        for name in PROGRAMS.split_whitespace() {
            link(name, &folder);
        }
        stand_alone(&folder);
        folder
    })
}

/// Makes a folder of programs stand for all folders of the system's.
pub(crate) fn stand_alone(folder: &Path) {
    let mark = folder.join(".airworthy-alone");
    if !mark.exists() {
        fs::write(mark, "").expect("written");
    }
}

/// Links a program into a folder, unless the machine has it not.
fn link(name: &str, folder: &Path) -> Option<PathBuf> {
    let link = folder.join(name);
    let Some(program) = find(name) else {
        let removed = fs::remove_file(link);
        let error = removed.err().filter(|error| error.kind() != ErrorKind::NotFound);
        assert!(error.is_none(), "{name}: {error:?}");
        return None;
    };
    if fs::read_link(&link).is_ok_and(|target| target == program) {
        return Some(link);
    }
    // Made aside and renamed: another thread or test binary may be using the old one.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let aside = format!("{name}.{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let aside = folder.join(aside);
    symlink(program, &aside).expect("linked");
    fs::rename(aside, &link).expect("renamed");
    Some(link)
}

/// A new folder for a test: where the machine keeps temporary files, or in `/tmp` where that name is too long for a socket
/// or would have to be quoted in shell text and `ssh_config`.
pub(crate) fn folder() -> TempDir {
    let usual = std::env::temp_dir();
    let name = usual.to_string_lossy();
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let parent = if is_plain && name.len() <= 40 { &usual } else { Path::new("/tmp") };
    tempfile::tempdir_in(parent).expect("a folder")
}

/// A home that holds no configuration of a program. Its empty `.ansible.cfg` counts before `/etc/ansible/ansible.cfg`.
pub(crate) fn home() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("home");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(".ansible.cfg"), "").expect("written");
        folder
    })
}

/// The compiler, which runs programs of its own: it keeps the machine's `PATH`.
pub(crate) fn cc() -> Command {
    let mut cc = command(find("cc").expect("the machine has a C compiler"));
    cc.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    cc
}

/// A program of the machine's ansible-core, which tests compare with: the one beside the `ansible-inventory` that
/// `ANSIBLE_INVENTORY_PROGRAM` names, or the one on the machine's `PATH`. `None` where there is none.
pub(crate) fn ansible(program: &str) -> Option<PathBuf> {
    match variable("ANSIBLE_INVENTORY_PROGRAM") {
        Some(named) => Some(Path::new(&named).with_file_name(program)).filter(|path| is_program(path)),
        None => on_path(program),
    }
}

/// A program of ansible-core, which insists on a locale with UTF-8.
pub(crate) fn ansible_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = command(program);
    command.env("LC_ALL", "C.UTF-8").env("ANSIBLE_NOCOLOR", "1");
    command
}

/// The same in an environment as [`ansible_command`] makes it, whoever starts it: for code under test that hands its own
/// environment on.
pub(crate) fn cleared_ansible(program: &str) -> Option<PathBuf> {
    let real = ansible(program)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ansible");
    fs::create_dir_all(&folder).expect("a folder");
    let aside = folder.join(format!("{program}.{}", std::process::id()));
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    // The variables that src/inventory/ansible/dynamic.rs sets are handed on.
    let text = format!(
        "#!/bin/sh\nexec {env} -i PATH={path} HOME={home} LC_ALL=C.UTF-8 \
         ANSIBLE_VARS_ENABLED=\"${{ANSIBLE_VARS_ENABLED-host_group_vars}}\" \
         ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=\"$ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED\" \
         ANSIBLE_NOCOLOR=true ANSIBLE_LOCALHOST_WARNING=false {real} \"$@\"\n",
        env = quoted(&programs().join("env")),
        path = quoted(programs()),
        home = quoted(home()),
        real = quoted(&real),
    );
    fs::write(&aside, text).expect("written");
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o755)).expect("executable");
    let wrapper = folder.join(program);
    fs::rename(aside, &wrapper).expect("renamed");
    Some(wrapper)
}

fn find(program: &str) -> Option<PathBuf> {
    let usual = FOLDERS.iter().map(|folder| Path::new(folder).join(program)).find(|path| is_program(path));
    usual.or_else(|| on_path(program))
}

/// A program on the machine's `PATH`.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
