//! The machines of one run: the inventory's, and the dev box.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};

use super::control_node::Inquiry;
use super::errand::Told;
use super::error::RunError;
use super::reading::Logins;
use super::settings::TeamConfig;
use super::{reading, terminal};
use crate::checks::Profile;
use crate::cli::{Devbox, TargetArgs};
use crate::facts::os::Os;
use crate::facts::proxy::Proxy;
use crate::facts::variables::Variables;
use crate::facts::{self, Deployment, HostRecord, Reading};
use crate::inventory::{self, AnsibleConfig, Connection, GatheredFacts, Host, Inventory, Kind, LoadOptions};
use crate::kubespray::control_node::{Question, Target};
use crate::kubespray::{self, Demands, Survey};
use crate::role::Role;

/// The kind of hosts that stand in no inventory: they were named by themselves, or this machine is looked at alone.
pub(super) const NO_INVENTORY: &str = "none";

/// The name of this machine among the hosts.
pub(super) const THIS_MACHINE: &str = "localhost";

/// The machines of one run.
pub(super) struct Cluster {
    /// `openpai`, `kubespray` or `none`.
    pub(super) kind: &'static str,
    /// The inventory's files, as given.
    pub(super) sources: Vec<String>,
    /// `sha256:…` over their contents.
    pub(super) digest: String,
    /// Parameters that the inventory's own configuration sets.
    pub(super) parameters: BTreeMap<String, Value>,
    /// The hosts in scope, in the inventory's order; the dev box first.
    pub(super) hosts: Vec<Host>,
    /// A password for this machine's sudo that the inventory knows.
    pub(super) devbox_password: Option<SecretString>,
    /// The inventory as a whole; none where this machine is looked at as the dev box by itself.
    pub(super) inventory: Option<Inventory>,
    /// What the deployment is to be; told by [`Cluster::survey`].
    pub(super) deployment: Deployment,
    /// Whether the inventory as a whole was surveyed, beside its hosts; likewise.
    pub(super) surveyed_whole: bool,
    /// What the releases of kubespray demand that could deploy, the likeliest first; likewise.
    pub(super) candidates: Vec<Demands>,
    /// What the inventory sets of what kubespray reads, by host; likewise.
    pub(super) variables: HashMap<String, Variables>,
    /// By which proxy hosts get their images; likewise.
    pub(super) proxies: HashMap<String, Proxy>,
    /// What Ansible would run with on this machine, where that is asked; likewise.
    pub(super) control_node: Option<Arc<Inquiry>>,
    /// What `ansible.cfg` and Ansible's environment variables say about logging in.
    pub(super) config: AnsibleConfig,
}

impl Cluster {
    /// Reads the inventory; without one, this machine alone.
    pub(super) fn load(
        args: &TargetArgs,
        team: &TeamConfig,
        logins: Logins<'_>,
    ) -> Result<Cluster, RunError> {
        let mut paths: Vec<PathBuf> = args.inventory.clone();
        let config = reading::ansible_config(args.kubespray.as_deref(), logins)?;
        match args.as_role {
            Some(role) => only_hosts_have_a_role(role, &paths)?,
            None if paths.is_empty() => paths = reading::inventories(&team.inventory(), &config),
            None => {}
        }
        if paths.is_empty() {
            if args.limit.is_some() {
                return Err(RunError::flag(
                    "--limit",
                    "there is no inventory to choose from: name one with -i",
                ));
            }
            if args.devbox == Devbox::None && args.as_role.unwrap_or(Role::Devbox) == Role::Devbox {
                let reason =
                    "without an inventory this machine is the only one to visit: name an inventory with -i";
                return Err(RunError::flag("--devbox none", reason));
            }
            return Cluster::alone(args, config);
        }
        let roles: BTreeSet<Role> = args.as_role.into_iter().collect();
        let options = reading::options(&args.vault, &config, args.kubespray.as_deref(), logins)?;
        let options = LoadOptions { extra_vars: args.extra_vars.clone(), roles, ..options };
        let inventory = inventory::load_with(&paths, &options)?;
        for warning in &inventory.warnings {
            terminal::note(&format!("airworthy: warning: {warning}"));
        }
        reading::note_idle_exclusions(&inventory, args.limit.as_deref());
        let mut hosts: Vec<Host> = match &args.limit {
            Some(pattern) => inventory.limit(pattern)?.into_iter().cloned().collect(),
            None => inventory.hosts.clone(),
        };
        // Who names a role and a few hosts asks about those.
        if args.devbox == Devbox::Local && args.as_role.is_none() {
            hosts.insert(0, this_machine(&free_name(inventory.names()), Role::Devbox));
        }
        Ok(Cluster {
            kind: if args.as_role.is_some() { NO_INVENTORY } else { kind(&inventory) },
            sources: inventory.sources.iter().map(|path| path.display().to_string()).collect(),
            digest: inventory.digest.clone(),
            parameters: parameters(&inventory),
            hosts,
            devbox_password: inventory.openpai.as_ref().and_then(|config| config.password.clone()),
            inventory: Some(inventory),
            deployment: Deployment::default(),
            candidates: Vec::new(),
            surveyed_whole: false,
            variables: HashMap::new(),
            proxies: HashMap::new(),
            control_node: None,
            config,
        })
    }

    /// This machine by itself, as the flags' role: to kubespray it is what its defaults make of a host with that role.
    pub(super) fn alone(args: &TargetArgs, config: AnsibleConfig) -> Result<Cluster, RunError> {
        let role = args.as_role.unwrap_or(Role::Devbox);
        let inventory = match role {
            Role::Devbox => None, // which is in no group
            Role::Infra | Role::Worker => {
                let options = LoadOptions {
                    extra_vars: args.extra_vars.clone(),
                    roles: BTreeSet::from([role]),
                    playbook_dir: None,
                    ..reading::options(&args.vault, &config, None, Logins::Own)?
                };
                Some(inventory::load_with(&[PathBuf::from(format!("{THIS_MACHINE},"))], &options)?)
            }
        };
        Ok(Cluster {
            kind: NO_INVENTORY,
            sources: Vec::new(),
            digest: "sha256:".to_owned() + DIGEST_OF_NOTHING,
            parameters: BTreeMap::new(),
            hosts: vec![this_machine(THIS_MACHINE, role)],
            devbox_password: None,
            inventory,
            deployment: Deployment::default(),
            candidates: Vec::new(),
            surveyed_whole: false,
            variables: HashMap::new(),
            proxies: HashMap::new(),
            control_node: None,
            config,
        })
    }

    /// The same with another name for its only machine, which is not this one.
    pub(super) fn called(mut self, name: &str) -> Cluster {
        for host in &mut self.hosts {
            if let Some(variables) = self.variables.remove(&host.name) {
                self.variables.insert(name.to_owned(), variables);
            }
            host.name = name.to_owned();
            host.connection.address = name.to_owned();
        }
        self
    }

    /// The `kube_version` that the inventory sets, as far as it is no template.
    fn kube_version(&self) -> Option<&str> {
        let inventory = self.inventory.as_ref()?;
        let written = inventory.layers().filter_map(|layer| layer.variables.get("kube_version"));
        written.filter_map(Value::as_str).find(|version| !version.contains("{{"))
    }

    /// Says whose limits count where neither a checkout nor a release is named.
    fn note_release(&self, candidates: &[Demands], best: usize) {
        let release = |at: usize| candidates[at].facts.release.value().cloned().unwrap_or_default();
        let others: Vec<String> = (0..candidates.len()).filter(|at| *at != best).map(release).collect();
        let known = self.kube_version().filter(|version| !Demands::releases_deploying(version).is_empty());
        let why = match (known, self.kube_version()) {
            (Some(version), _) if others.is_empty() => format!("which deploys Kubernetes {version}"),
            (Some(version), _) => {
                format!(
                    "which deploys Kubernetes {version} as {} also {}",
                    others.join(" and "),
                    if others.len() == 1 { "does" } else { "do" }
                )
            }
            (None, Some(version)) => {
                format!("the newest known: no known release deploys Kubernetes {version}")
            }
            (None, None) => "the newest known: the inventory does not set `kube_version`".to_owned(),
        };
        terminal::note(&format!(
            "airworthy: note: using the limits of kubespray {}, {why}; pass --kubespray DIR to use your checkout's",
            release(best)
        ));
    }

    /// Holds the inventory against what the kubespray that will deploy demands: its hosts, and as a `whole` where a check looks
    /// at that.
    pub(super) fn survey(
        &mut self,
        checkout: Option<&Path>,
        profile: &Profile,
        whole: bool,
    ) -> Result<(), RunError> {
        let likely = || self.kube_version().map(Demands::releases_deploying).unwrap_or_default();
        let candidates = candidates(checkout, profile, likely)?;
        let Some(inventory) = &self.inventory else {
            self.deployment.kubespray = candidates[0].facts.clone();
            return Ok(());
        };
        let mut best = 0;
        let whole = whole && self.kind != NO_INVENTORY;
        let survey = match (whole, candidates.as_slice()) {
            (false, _) => kubespray::survey_hosts(inventory, &candidates[best]),
            (true, [only]) => kubespray::survey(inventory, only),
            (true, several) => {
                let found = kubespray::survey_candidates(inventory, several, &GatheredFacts::default());
                best = found.best;
                Survey { inventory: found.inventory, ..kubespray::survey_hosts(inventory, &several[best]) }
            }
        };
        // Without an inventory nobody expects another release than the newest, and the report names it.
        if checkout.is_none() && named_release(profile).is_empty() && self.kind != NO_INVENTORY {
            self.note_release(&candidates, best);
        }
        self.deployment.inventory = survey.inventory;
        self.variables = survey.variables;
        self.proxies = survey.proxies;
        self.deployment.kubespray = kubespray::tailored(inventory, kubespray::lenient(&candidates, best));
        (self.candidates, self.surveyed_whole) = (candidates, whole);
        Ok(())
    }

    /// The deployment with what kubespray's asserts make of the inventory now that hosts were read: only where an assert asked
    /// for facts of hosts before.
    pub(super) fn deployment_of<F>(&self, hosts: &[HostRecord<F>], os: impl Fn(&F) -> &Os) -> Deployment {
        let mut deployment = self.deployment.clone();
        let found = &deployment.inventory;
        let asked = [
            &found.unevaluated_asserts,
            &found.unsupported_choices,
            &found.unsupported_versions,
            &found.contradictions,
        ];
        let is_open = asked.iter().any(|fact| matches!(fact.reading, Reading::Unknown(_)));
        if let (Some(inventory), true) = (&self.inventory, is_open && self.surveyed_whole) {
            let reached = hosts.iter().filter_map(|host| Some((&host.subject.name, host.facts()?)));
            let facts =
                reached.map(|(name, facts)| (name.clone(), kubespray::ansible_facts(os(facts)))).collect();
            deployment.inventory =
                kubespray::survey_candidates(inventory, &self.candidates, &facts).inventory;
        }
        deployment
    }

    /// What the inventory tells of a host's images.
    pub(super) fn told(&self, host: &Host) -> Told<'_> {
        Told { variables: self.variables.get(&host.name), proxy: self.proxies.get(&host.name) }
    }

    /// Starts to ask what Ansible would run with here, where this machine is the dev box and kubespray is what deploys: its
    /// checkout is named, or the profile has `control_node_check`. `program` is the `ansible-playbook` that will be started, where
    /// that is known.
    pub(super) fn inquire(&mut self, args: &TargetArgs, profile: &Profile, program: Option<&Path>) {
        let wanted = profile.parameters.get("control_node_check") == Some(&Value::Bool(true));
        let is_here =
            self.hosts.iter().any(|host| host.connection.local && host.roles.contains(&Role::Devbox));
        if !is_here || !(wanted || args.kubespray.is_some()) {
            return;
        }
        let others = || self.hosts.iter().map(|host| &host.connection).filter(|connection| !connection.local);
        let target = |connection: &Connection| Target {
            address: connection.address.clone(),
            user: args.user.clone().or_else(|| connection.user.clone()).unwrap_or_default(),
            port: connection.port.unwrap_or(22),
        };
        let question = Question {
            program: program.map(Path::to_owned),
            targets: others().map(target).collect(),
            password_login: args.ask_pass || others().any(|connection| connection.password.is_some()),
            ..Question::of(&self.deployment.kubespray)
        };
        self.control_node = Some(Arc::new(Inquiry::start(question)));
    }

    /// The names of all hosts, whatever part of them is in scope; some twice.
    pub(super) fn names(&self) -> Vec<String> {
        let in_scope = self.hosts.iter().map(|host| &host.name);
        in_scope.chain(self.inventory.iter().flat_map(Inventory::names)).cloned().collect()
    }

    /// The profile that fits the inventory's kind.
    pub(super) fn default_profile(&self) -> &'static str {
        default_profile(self.kind)
    }
}

/// What the releases of kubespray demand that could deploy, the likeliest first and never none: the user's checkout where one
/// was named, else the release that the profile names (`kubespray_release`), else those of the built-in table that are `likely`,
/// else the newest of it.
pub(super) fn candidates(
    checkout: Option<&Path>,
    profile: &Profile,
    likely: impl FnOnce() -> Vec<String>,
) -> Result<Vec<Demands>, RunError> {
    if let Some(folder) = checkout {
        return Ok(vec![Demands::of_checkout(folder)?]);
    }
    let mut releases = match named_release(profile) {
        "" => likely(),
        named => vec![named.to_owned()],
    };
    if releases.is_empty() {
        releases.push(String::new());
    }
    let of =
        |release: &String| Demands::of_release(release).map_err(|reason| RunError::flag(RELEASE, reason));
    releases.iter().map(of).collect()
}

/// The release that the profile names; empty where it names none.
fn named_release(profile: &Profile) -> &str {
    profile.parameters.get(RELEASE).and_then(Value::as_str).unwrap_or_default().trim()
}

/// The profile's parameter that names a release of the table.
const RELEASE: &str = "kubespray_release";

/// The profile that fits an inventory's kind; kubespray's where there is none.
pub(super) fn default_profile(kind: &str) -> &'static str {
    match kind {
        "openpai" => "openpai",
        _ => DEFAULT_PROFILE,
    }
}

/// The profile where nothing says which.
pub(super) const DEFAULT_PROFILE: &str = "kubespray";

/// Whether `--as` can be what hosts are that were given so: an inventory tells roles by itself.
fn only_hosts_have_a_role(role: Role, paths: &[PathBuf]) -> Result<(), RunError> {
    if let Some(path) = paths.iter().find(|path| !inventory::is_list_of_hosts(path)) {
        let name = path.display();
        let reason = match path.exists() {
            true => format!("{name} is an inventory, whose groups say what its hosts are; leave --as away"),
            false => format!("a list of hosts has a comma: -i '{name},'"),
        };
        return Err(RunError::flag("--as", reason));
    }
    if role == Role::Devbox && !paths.is_empty() {
        return Err(RunError::flag("--as devbox", "the dev box is this machine: leave -i away"));
    }
    Ok(())
}

/// A name for the dev box that no host of the inventory has, whatever part of it is in scope.
fn free_name(taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("devbox{number}"));
    let mut names = [THIS_MACHINE, "devbox"].map(str::to_owned).into_iter().chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_else(|| THIS_MACHINE.to_owned())
}

/// SHA-256 of nothing.
const DIGEST_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn kind(inventory: &Inventory) -> &'static str {
    match inventory.kind {
        Kind::OpenPai => "openpai",
        Kind::Kubespray => "kubespray",
    }
}

/// This machine, visited without SSH.
pub(super) fn this_machine(name: &str, role: Role) -> Host {
    Host {
        name: name.to_owned(),
        roles: BTreeSet::from([role]),
        accelerator: None,
        layout: None,
        ip: None,
        access_ip: None,
        connection: Connection { local: true, ..Connection::ssh("127.0.0.1") },
    }
}

/// What OpenPAI's config.yaml sets of the profile's parameters.
fn parameters(inventory: &Inventory) -> BTreeMap<String, Value> {
    let mut parameters = BTreeMap::new();
    let Some(config) = &inventory.openpai else { return parameters };
    parameters.insert("docker_check".to_owned(), json!(config.docker_check));
    parameters.insert("resource_check".to_owned(), json!(config.resource_check));
    if !config.registries.is_empty() {
        parameters.insert("registries".to_owned(), json!(config.registries));
    }
    if !config.registry_mirrors.is_empty() {
        parameters.insert("registry_mirrors".to_owned(), json!(config.registry_mirrors));
    }
    parameters
}

/// What the facts need to know of a host.
pub(super) fn subject(host: &Host) -> facts::Subject {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    facts::Subject {
        name: host.name.clone(),
        address: host.connection.address.clone(),
        peer_address: host.peer_address().to_owned(),
        roles: host.roles.clone(),
        accelerator: host.accelerator.clone(),
        layout: host.layout.as_ref().map(|layout| facts::Layout {
            machine_type: layout.machine_type.clone(),
            memory_mib: layout.memory_mib.map(whole),
            cpus: layout.cpus.map(whole),
            accelerator_model: layout.accelerator_model.clone(),
            accelerator_count: layout.accelerator_count.map(whole),
        }),
    }
}
