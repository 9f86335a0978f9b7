//! Asks this machine what `ansible-playbook` would run with: as the user, with the user's PATH.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use serde_json::json;

use crate::facts::Fact;
use crate::facts::control_node::{self, AnsibleVersion, ControlNode, Told};
use crate::facts::kubespray::Kubespray;
use crate::input;
use crate::inventory::process::{Bounds, run};

/// What a program may take: `ansible-playbook --version` takes about a second on a cold disk.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(15), bytes: 1024 * 1024 };

/// Asks Ansible's interpreter; runs with Python 2.7 too.
const PROGRAM: &str = include_str!("control_node.py");

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Packages to import: name and module.
    pub packages: Vec<(String, String)>,
    /// Collections to look for.
    pub collections: Vec<String>,
    /// The `ansible-playbook` that will be started; without one, the first in PATH.
    pub program: Option<PathBuf>,
    /// Where Ansible will be started: its ansible.cfg counts.
    pub folder: Option<PathBuf>,
    /// How the hosts are reached over SSH; an empty user is the user's own.
    pub targets: Vec<Target>,
    /// Whether a host is logged in to by password.
    pub password_login: bool,
}

/// How a host is reached over SSH.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Its address.
    pub address: String,
    /// The login user.
    pub user: String,
    /// The port.
    pub port: u16,
}

impl Question {
    /// What a release of kubespray has to be asked for.
    pub fn of(demands: &Kubespray) -> Question {
        let packages = demands.python_packages.value().into_iter().flatten();
        let collections = demands.collections.value().into_iter().flatten();
        Question {
            packages: packages.map(|package| (package.name.clone(), package.module.clone())).collect(),
            collections: collections.map(|collection| collection.name.clone()).collect(),
            folder: demands.checkout.value().map(PathBuf::from),
            ..Question::default()
        }
    }
}

/// Asks this machine.
pub fn ask(question: &Question) -> ControlNode {
    let told = |path: Option<&PathBuf>, source: &'static str| match path {
        Some(path) => Fact::known(path.display().to_string(), source),
        None => Fact::absent(source),
    };
    let (playbook, whence) = match &question.program {
        Some(program) => (Some(program.clone()), "--ansible-playbook, or PATH"),
        None => (find("ansible-playbook"), "PATH"),
    };
    let mut node = ControlNode {
        ssh: told(find("ssh").as_ref(), "PATH"),
        sshpass: told(find("sshpass").as_ref(), "PATH"),
        ansible_playbook: told(playbook.as_ref(), whence),
        password_login: Fact::known(question.password_login, "inventory and flags"),
        open_files: match getrlimit(Resource::Nofile).current {
            Some(limit) => Fact::known(i64::try_from(limit).unwrap_or(i64::MAX), "ulimit -n"),
            None => Fact::known(i64::MAX, "ulimit -n"),
        },
        ..ControlNode::default()
    };
    let Some(playbook) = playbook else {
        without_ansible(&mut node);
        return node;
    };
    ask_ansible(question, &playbook, &mut node);
    node
}

/// What only Ansible has is not there without it.
fn without_ansible(node: &mut ControlNode) {
    let (reason, source) = ("there is no ansible-playbook in PATH", "PATH");
    node.ansible_core = Fact::absent(source);
    node.python = Fact::absent(source);
    node.python_version = Fact::absent(source);
    node.packages = Fact::unknown(reason, source);
    node.collections = Fact::unknown(reason, source);
    node.forks = Fact::unknown(reason, source);
    node.control_path_bytes = Fact::unknown(reason, source);
}

/// The release of the ansible-core that a program of Ansible's belongs to, started in a folder.
///
/// # Errors
/// Where it cannot be determined: in words for people.
pub fn core_release(program: &Path, folder: Option<&Path>) -> Result<String, String> {
    version_of(program, folder)?.core.ok_or_else(|| format!("{} tells no version", program.display()))
}

fn version_of(program: &Path, folder: Option<&Path>) -> Result<AnsibleVersion, String> {
    let mut command = Command::new(program);
    command.arg("--version").env("ANSIBLE_NOCOLOR", "1");
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output =
        run(&mut command, &BOUNDS, true).map_err(|reason| format!("{} {reason}", program.display()))?;
    Ok(control_node::ansible_version(&String::from_utf8_lossy(&output)))
}

fn ask_ansible(question: &Question, playbook: &Path, node: &mut ControlNode) {
    const SOURCE: &str = "ansible-playbook --version";
    let version = match version_of(playbook, question.folder.as_deref()) {
        Ok(version) => version,
        Err(reason) => {
            node.ansible_core = Fact::unknown(reason.clone(), SOURCE);
            node.python_version = Fact::unknown(reason, SOURCE);
            AnsibleVersion::default()
        }
    };
    let known = |value: Option<String>, fact: &mut Fact<String>, what: &str| {
        if let Some(value) = value {
            *fact = Fact::known(value, SOURCE);
        } else if fact.source.is_empty() {
            *fact = Fact::unknown(format!("its first lines tell no {what}"), SOURCE);
        }
    };
    known(version.core, &mut node.ansible_core, "version");
    known(version.python_version, &mut node.python_version, "Python");
    let python = version.python.map(PathBuf::from).or_else(|| {
        let named = control_node::interpreter(&first_lines(playbook)?)?;
        if named.contains('/') { Some(PathBuf::from(named)) } else { find(&named) }
    });
    let Some(python) = python else {
        let reason =
            "which interpreter runs ansible-playbook is not told by --version, nor by its first line";
        let source = playbook.display().to_string();
        node.python = Fact::unknown(reason, source.clone());
        node.packages = Fact::unknown(reason, source.clone());
        node.collections = Fact::unknown(reason, source.clone());
        node.forks = Fact::unknown(reason, source.clone());
        node.control_path_bytes = Fact::unknown(reason, source);
        return;
    };
    let source = python.display().to_string();
    node.python = Fact::known(source.clone(), SOURCE);
    match ask_python(question, &python) {
        Ok(told) => take(told, question, node, &source),
        Err(reason) => {
            let reason = format!("{source} {reason}");
            node.packages = Fact::unknown(reason.clone(), source.clone());
            node.collections = Fact::unknown(reason.clone(), source.clone());
            node.forks = Fact::unknown(reason.clone(), source.clone());
            node.control_path_bytes = Fact::unknown(reason, source);
        }
    }
}

fn ask_python(question: &Question, python: &Path) -> Result<Told, String> {
    let asked = json!({"packages": question.packages, "collections": question.collections});
    let mut command = Command::new(python);
    command.arg("-c").arg(PROGRAM).arg(asked.to_string()).env("ANSIBLE_NOCOLOR", "1");
    if let Some(folder) = &question.folder {
        command.current_dir(folder);
    }
    let output = run(&mut command, &BOUNDS, true)?;
    control_node::told(&String::from_utf8_lossy(&output))
}

/// Takes what the interpreter told.
fn take(told: Told, question: &Question, node: &mut ControlNode, source: &str) {
    let from = || source.to_owned();
    let why = told.error.unwrap_or_else(|| "Ansible's configuration does not tell".to_owned());
    node.packages = Fact::known(told.packages, from());
    node.collections = match told.collections {
        Some(collections) => Fact::known(collections, format!("collections paths of {source}")),
        None => Fact::unknown(why.clone(), from()),
    };
    node.forks = match told.forks {
        Some(forks) => Fact::known(forks, "forks of Ansible's configuration"),
        None => Fact::unknown(why.clone(), from()),
    };
    // Both say it where both could be asked; the interpreter that imports is nearer to the truth.
    if let Some(core) = told.ansible_core {
        node.ansible_core = Fact::known(core, from());
    }
    if let Some(version) = told.python_version {
        node.python_version = Fact::known(version, from());
    }
    node.control_path_bytes = match told.control_path_dir {
        Some(folder) => match control_path(told.control_path.as_deref(), &folder, &question.targets) {
            Some(length) => Fact::known(length, "control_path of Ansible's configuration"),
            None => {
                let reason = "control_path has a token that is not known here";
                Fact::unknown(reason, "control_path of Ansible's configuration")
            }
        },
        None => Fact::unknown(why, from()),
    };
}

/// The longest path of a control socket, in bytes; `None` where the pattern has an unknown token.
fn control_path(pattern: Option<&str>, folder: &str, targets: &[Target]) -> Option<i64> {
    // Without a pattern Ansible takes ten digits of a hash.
    let Some(pattern) = pattern else { return i64::try_from(folder.len() + 1 + 10).ok() };
    let home = env::var("HOME").unwrap_or_default();
    let pattern = match pattern.strip_prefix("~/") {
        Some(rest) => format!("{home}/{rest}"),
        None => pattern.to_owned(),
    };
    // Python's formatting first, then OpenSSH's.
    let pattern = pattern.replace("%(directory)s", folder).replace("%%", "%");
    let nobody = [Target::default()];
    let targets = if targets.is_empty() { &nobody[..] } else { targets };
    let lengths = targets.iter().map(|target| {
        let user =
            if target.user.is_empty() { env::var("USER").unwrap_or_default() } else { target.user.clone() };
        let mut length = 0;
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            length += match c {
                '%' => match chars.next()? {
                    '%' => 1,
                    'C' => 40,
                    'h' | 'n' | 'k' => target.address.len(),
                    'r' | 'u' => user.len(),
                    'p' => target.port.to_string().len(),
                    'i' => 10,
                    // HOST_NAME_MAX of Linux
                    'l' | 'L' => 64,
                    _ => return None,
                },
                c => c.len_utf8(),
            };
        }
        i64::try_from(length).ok()
    });
    lengths.collect::<Option<Vec<i64>>>()?.into_iter().max()
}

/// A program in PATH.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).find(is_program)
}

/// The first lines of a script.
fn first_lines(path: &Path) -> Option<String> {
    let bytes = input::read_start(path, 4096).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Target, control_path};

    #[test]
    fn the_longest_socket_counts() {
        let target =
            |address: &str, port| Target { address: address.to_owned(), user: "pai".to_owned(), port };
        let targets = [target("10.0.0.1", 22), target("node-with-a-name.example.com", 2222)];
        assert_eq!(control_path(None, "/home/x/.ansible/cp", &targets), Some(30));
        assert_eq!(
            control_path(Some("%(directory)s/%%h-%%r-%%p"), "/d", &targets),
            Some(2 + 1 + 28 + 1 + 3 + 1 + 4)
        );
        assert_eq!(control_path(Some("/s/%C"), "/d", &[]), Some(43));
        assert_eq!(control_path(Some("/s/%%%%x"), "/d", &targets), Some(5));
        assert_eq!(control_path(Some("/s/%Q"), "/d", &targets), None);
    }
}
