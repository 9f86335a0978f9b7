//! From the paths given with `-i` to an inventory: which format it is, and who reads it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::ansible::{Files, Graph, Ignored, describe, find_program, is_executable, is_host_list};
use super::ansible_core::CoreLookup;
use super::cluster::{Cluster, Groups, Layers};
use super::error::InventoryError;
use super::host::Host;
use super::openpai::{self, OpenPaiConfig};
use super::options::LoadOptions;
use super::source::{Reader, unreadable};
use super::template::{Context, Scene, Unresolved, resolve};
use crate::redact;
use crate::role::Role;

/// Who deploys the cluster; it decides the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An OpenPAI layout or its CSV files.
    OpenPai,
    /// An Ansible inventory for kubespray.
    Kubespray,
}

/// The machines of a cluster and what the operator's files say about them.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// Who deploys the cluster.
    pub kind: Kind,
    /// The paths given, in their order.
    pub sources: Vec<PathBuf>,
    /// Every file read, variables and configuration included, in the order of reading.
    pub files: Vec<PathBuf>,
    /// `sha256:…` over the names and contents of every file read.
    pub digest: String,
    /// The hosts that have a role, each once, in the order of the files.
    pub hosts: Vec<Host>,
    /// The groups, with those that kubespray makes while it runs; for OpenPAI `all`, `infra`, `worker` and the
    /// machine types.
    pub groups: Groups,
    /// What OpenPAI's `config.yaml` says; `None` for kubespray inventories.
    pub openpai: Option<OpenPaiConfig>,
    /// What is suspicious but did not stop the reading.
    pub warnings: Vec<String>,
    /// The ansible-core that will read it.
    pub(super) core: CoreLookup,
    /// The files that vault passwords were read from.
    pub(super) vault_files: Vec<PathBuf>,
    pub(super) plain_groups: Option<Groups>,
    pub(super) layers: Layers,
    pub(super) context: Context,
}

impl Inventory {
    /// These hosts, of whose groups nothing is known: patterns can name them, and their roles.
    pub fn of_hosts(hosts: Vec<Host>) -> Inventory {
        let mut cluster = Cluster::default();
        for host in &hosts {
            cluster.groups.get_or_add("all").hosts.push(host.name.clone());
            cluster.layers.assign(&host.name, Vec::new());
        }
        finish(Kind::Kubespray, &[], Reader::default(), Cluster { hosts, ..cluster })
    }

    /// A host's variable as Ansible would use it: templated and decrypted; `None` where it is not set. Passwords are
    /// in clear.
    pub fn value_of(&self, host: &str, name: &str) -> Result<Option<Value>, Unresolved> {
        resolve(&Scene::new(&self.layers, &self.groups, &self.context), host, name)
    }
}

/// The formats that can be given.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Ansible,
    Layout,
    Csv,
}

/// The `ansible-inventory` on a search path (`PATH`), for [`LoadOptions::ansible_inventory`].
pub fn find_ansible_inventory(path: &OsStr) -> Option<PathBuf> {
    find_program(path)
}

/// Whether a path given with `-i` is no file but a list of hosts (`h1,h2`).
pub fn is_list_of_hosts(path: &Path) -> bool {
    is_host_list(path)
}

/// Reads the inventory that the paths stand for, without further options.
pub fn load(paths: &[PathBuf]) -> Result<Inventory, InventoryError> {
    load_with(paths, &LoadOptions::default())
}

/// Reads the inventory that the paths stand for; of several Ansible inventories the later one wins.
pub fn load_with(paths: &[PathBuf], options: &LoadOptions) -> Result<Inventory, InventoryError> {
    let mut reader = Reader::default();
    let mut sources = Vec::with_capacity(paths.len());
    let mut agreed = None;
    for path in paths {
        let (path, format) = recognise(path, &mut reader)?;
        if *agreed.get_or_insert(format) != format {
            return Err(InventoryError::Unreadable {
                path,
                reason: "not of the same kind as the other inventory".to_owned(),
                help: "give Ansible inventories, or one OpenPAI layout, or OpenPAI's CSV files".to_owned(),
            });
        }
        sources.push(path);
    }
    let format = agreed.ok_or_else(|| InventoryError::Unreadable {
        path: PathBuf::from("-i"),
        reason: "no inventory was given".to_owned(),
        help: "give one with -i".to_owned(),
    })?;
    let cluster = match format {
        Format::Layout => openpai::read_layout(&sources, &mut reader)?,
        Format::Csv => openpai::read_csv(&sources, &mut reader)?,
        Format::Ansible => {
            let mut files = Files {
                reader: &mut reader,
                options,
                ignored: Ignored::new(options)?,
                graph: Graph::new().merging(options.merge_mappings),
                taken: Vec::new(),
                warnings: Vec::new(),
                left_out: Vec::new(),
                passed_over: Vec::new(),
                first: None,
            };
            for source in &sources {
                files.take(source)?;
            }
            describe(files, &sources, options)?
        }
    };
    let kind = if format == Format::Ansible { Kind::Kubespray } else { Kind::OpenPai };
    let (core, vault_files) = (options.ansible_core.clone(), options.vault_files.clone());
    let mut inventory = Inventory { core, vault_files, ..finish(kind, paths, reader, cluster) };
    tell_secrets(&inventory);
    // Hosts that are given a role on the command line are not meant to be a whole cluster.
    if options.roles.is_empty() {
        inventory.warnings.extend(missing_roles(&inventory.hosts));
    }
    Ok(inventory)
}

fn remember_password(password: &SecretString) {
    redact::remember_named("password", &Value::from(password.expose_secret()));
}

/// Passwords and tokens are hidden wherever else they show; names of hosts and groups never are.
fn tell_secrets(inventory: &Inventory) {
    for layer in inventory.layers.iter() {
        layer.variables.iter().for_each(|(name, value)| redact::remember_named(name, value));
    }
    for host in &inventory.hosts {
        let connection = &host.connection;
        let passwords = [&connection.password, &connection.become_password].into_iter().flatten();
        passwords.for_each(remember_password);
    }
    inventory.openpai.iter().filter_map(|config| config.password.as_ref()).for_each(remember_password);
    let hosts = inventory.names().iter().map(String::as_str);
    redact::publish(hosts.chain(inventory.groups.iter().map(|group| group.name.as_str())));
}

fn missing_roles(hosts: &[Host]) -> impl Iterator<Item = String> {
    let needed = [
        (Role::Infra, "Kubernetes needs at least one control plane host"),
        (Role::Worker, "pods have nowhere to run"),
    ];
    let missing = needed.into_iter().filter(|(role, _)| !hosts.iter().any(|host| host.roles.contains(role)));
    missing.map(|(role, advice)| format!("no host is {role}: {advice}"))
}

fn finish(kind: Kind, paths: &[PathBuf], reader: Reader, cluster: Cluster) -> Inventory {
    let Cluster { hosts, groups, plain_groups, layers, openpai, warnings, context } = cluster;
    let (files, digest) = reader.finish();
    let sources = paths.to_vec();
    Inventory {
        kind,
        sources,
        files,
        digest,
        hosts,
        groups,
        openpai,
        warnings,
        core: CoreLookup::default(),
        vault_files: Vec::new(),
        plain_groups,
        layers,
        context,
    }
}

fn recognise(path: &Path, reader: &mut Reader) -> Result<(PathBuf, Format), InventoryError> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(_) if is_host_list(path) => return Ok((path.to_owned(), Format::Ansible)),
        Err(error) => return Err(unreadable(path, &error)),
    };
    if metadata.is_dir() {
        let layout = path.join("layout.yaml");
        if !layout.is_file() {
            return Ok((path.to_owned(), Format::Ansible));
        }
        let source = reader.read(&layout, path)?;
        let layout = openpai::is_layout(&source.text).then_some((layout, Format::Layout));
        return Ok(layout.unwrap_or_else(|| (path.to_owned(), Format::Ansible)));
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        return Ok((path.to_owned(), Format::Csv));
    }
    let base = path.parent().unwrap_or(Path::new(""));
    // A program is no layout, and Ansible's reader tells what it is.
    let source = match reader.read_named(path, base) {
        Err(_) if is_executable(path) => return Ok((path.to_owned(), Format::Ansible)),
        source => source?,
    };
    let format = if openpai::is_layout(&source.text) { Format::Layout } else { Format::Ansible };
    Ok((path.to_owned(), format))
}
