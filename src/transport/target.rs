//! Where a visit really goes: what the inventory, the flags and ssh_config say of a host, put together as Ansible's ssh
//! would: `ansible_ssh_args`, the variables and flags, `ansible_ssh_common_args`, then ssh_config; the first value counts.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::ssh_config::{Settings, SshConfig, Tokens, expand_home};
use super::{Options, Stage, TransportError};
use crate::inventory::{Connection, HostKeyChecking, SshArguments};

/// More jumps than anybody takes; a jump host that jumps through itself takes more.
const MOST_JUMPS: usize = 8;

/// Where a visit, or one hop of it, goes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// As it was asked for.
    pub(super) asked: String,
    /// The name or address to connect to.
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    /// The key files that are named; none means the defaults.
    pub(super) identities: Vec<PathBuf>,
    /// Of an agent's keys only those of the files are shown.
    pub(super) identities_only: bool,
    pub(super) agent: AgentChoice,
    pub(super) password: Option<SecretString>,
    pub(super) proxy: Proxy,
    /// The known_hosts files, the one that learns first.
    pub(super) known_hosts: Vec<PathBuf>,
    /// The name and port it has there.
    pub(super) known_as: (String, u16),
    pub(super) policy: HostKeyChecking,
    /// How long a connection may take to open.
    pub(super) connect: Duration,
    /// What is not obeyed.
    pub(super) notes: Vec<String>,
}

/// Which agent is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AgentChoice {
    /// That of the environment.
    Default,
    /// None.
    None,
    /// The one behind this socket.
    At(PathBuf),
}

/// What stands between.
#[derive(Clone, Debug)]
pub(super) enum Proxy {
    /// Nothing.
    None,
    /// Another SSH server.
    Jump(Box<Target>),
    /// A command whose stdin and stdout are the connection.
    Command(String),
}

/// Puts a target together.
pub(super) struct Resolver<'a> {
    pub(super) options: &'a Options,
    /// Who runs this.
    pub(super) login_name: &'a str,
}

/// What one hop is asked for with.
struct Asked<'a> {
    host: &'a str,
    command_line: Vec<(String, String)>,
    password: Option<SecretString>,
    policy: Option<HostKeyChecking>,
    default_policy: HostKeyChecking,
    /// kubespray's bastion.
    bastion: Option<&'a Connection>,
    depth: usize,
}

impl Resolver<'_> {
    /// The target of a host of the inventory. A stray word among ssh's arguments is refused: ssh would go there.
    pub(super) fn host(&self, connection: &Connection, config: &SshConfig) -> Result<Target, TransportError> {
        let complaint = connection.ssh_arguments.complaint().or(connection.more_ssh_arguments.complaint());
        complaint.map_or(Ok(()), |complaint| Err(refused(complaint)))?;
        self.target(
            config,
            Asked {
                host: &connection.address,
                command_line: self.command_line(connection),
                password: connection.password.clone().or_else(|| self.options.password.clone()),
                policy: connection.host_key_checking,
                default_policy: self.options.default_host_key_checking,
                bastion: connection.bastion.as_deref(),
                depth: 0,
            },
        )
    }

    /// What Ansible would put on ssh's command line.
    fn command_line(&self, connection: &Connection) -> Vec<(String, String)> {
        let mut line = connection.ssh_arguments.options.clone();
        let mut say = |keyword: &str, value: Option<String>| {
            line.extend(value.map(|value| (keyword.to_owned(), value)));
        };
        say("port", connection.port.map(|port| port.to_string()));
        let key = connection.private_key.as_ref().or(self.options.private_key.as_ref());
        say("identityfile", key.map(|path| path.display().to_string().replace('%', "%%")));
        let user = connection.user.as_deref().or(self.options.user.as_deref());
        say("user", user.map(str::to_owned));
        say("connecttimeout", Some(self.options.timeouts.connect.as_secs().to_string()));
        line.extend(connection.more_ssh_arguments.options.iter().cloned());
        line
    }

    fn target(&self, config: &SshConfig, asked: Asked<'_>) -> Result<Target, TransportError> {
        // An address in brackets is Ansible's way to write IPv6.
        let bare = asked.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(asked.host);
        if !is_host(bare) {
            return Err(refused(format!("`{}` is no host name and no address", asked.host)));
        }
        if asked.depth > MOST_JUMPS {
            return Err(refused(format!(
                "the way there takes more than {MOST_JUMPS} jumps: does a jump host jump through itself? \
                 Give it `ProxyJump none`"
            )));
        }
        let has_own_way = asked
            .command_line
            .iter()
            .any(|(keyword, _)| matches!(keyword.as_str(), "proxyjump" | "proxycommand"));
        let settings = config.settings(bare, &asked.command_line, self.login_name);
        let address = settings.one("hostname").unwrap_or(bare).to_owned();
        if !is_host(&address) {
            return Err(refused(format!("`HostName {address}` is no host name and no address")));
        }
        let user = settings.one("user").unwrap_or(self.login_name).to_owned();
        if !is_user(&user) {
            return Err(refused(format!("`{user}` is no user name that ssh takes")));
        }
        let port = match settings.one("port") {
            None => 22,
            Some(text) => text
                .parse()
                .ok()
                .filter(|&port| port > 0)
                .ok_or_else(|| refused(format!("`Port {text}` is not a port")))?,
        };
        let alias = settings.one("hostkeyalias").map(str::to_owned);
        let tokens = Tokens {
            host: address.clone(),
            asked: Some(bare.to_owned()),
            alias: alias.clone(),
            port: Some(port),
            remote_user: Some(user.clone()),
            local_user: Some(self.login_name.to_owned()),
        };
        let proxy = match (asked.bastion, has_own_way) {
            (Some(bastion), false) => Proxy::Jump(Box::new(self.bastion(bastion, config, asked.depth)?)),
            _ => self.proxy(&settings, &tokens, config, asked.depth)?,
        };
        Ok(Target {
            asked: asked.host.to_owned(),
            identities: (settings.identity_files.iter())
                .filter(|file| !file.eq_ignore_ascii_case("none"))
                .map(|file| tokens.path(file))
                .collect(),
            identities_only: settings.is_yes("identitiesonly"),
            agent: agent(&settings, &tokens),
            password: asked.password,
            proxy,
            known_hosts: self.known_hosts(&settings, &tokens),
            known_as: alias.map_or_else(|| (address.clone(), port), |alias| (alias, 22)),
            policy: self.policy(asked.policy, asked.default_policy, &settings),
            connect: settings
                .one("connecttimeout")
                .and_then(|seconds| seconds.parse().ok())
                .filter(|&seconds| seconds > 0)
                .map_or(self.options.timeouts.connect, Duration::from_secs),
            address,
            port,
            user,
            notes: settings.notes,
        })
    }

    /// The flag, the host's own word, ansible.cfg's `no`, ssh_config, the default.
    fn policy(
        &self,
        own: Option<HostKeyChecking>,
        default: HostKeyChecking,
        settings: &Settings,
    ) -> HostKeyChecking {
        let told = self.options.host_key_checking.or(own);
        let configured = || settings.one("stricthostkeychecking").and_then(HostKeyChecking::from_ssh);
        told.unwrap_or_else(|| match default {
            HostKeyChecking::Off => HostKeyChecking::Off,
            other => configured().unwrap_or(other),
        })
    }

    fn known_hosts(&self, settings: &Settings, tokens: &Tokens) -> Vec<PathBuf> {
        let named = |keyword: &str, default: &[PathBuf]| match settings.several(keyword) {
            None => default.to_vec(),
            Some(files) => files
                .iter()
                .filter(|file| !file.is_empty() && !file.eq_ignore_ascii_case("none"))
                .map(|file| tokens.path(file))
                .collect(),
        };
        let mut files = named("userknownhostsfile", &self.options.known_hosts);
        files.extend(named("globalknownhostsfile", &self.options.global_known_hosts));
        files
    }

    fn proxy(
        &self,
        settings: &Settings,
        tokens: &Tokens,
        config: &SshConfig,
        depth: usize,
    ) -> Result<Proxy, TransportError> {
        if let Some(jumps) = settings.one("proxyjump").filter(|jumps| !jumps.eq_ignore_ascii_case("none")) {
            return self.jump(jumps, config, depth + 1).map(|hop| Proxy::Jump(Box::new(hop)));
        }
        match settings.one("proxycommand").filter(|command| !command.eq_ignore_ascii_case("none")) {
            Some(command) => Ok(Proxy::Command(tokens.expand(command))),
            None => Ok(Proxy::None),
        }
    }

    /// The last host of a `ProxyJump` list; the way to it leads through those before it, else through what ssh_config
    /// says of it. As ssh does, with nothing of the command line but the file of `-F`.
    fn jump(&self, jumps: &str, config: &SshConfig, depth: usize) -> Result<Target, TransportError> {
        let (before, last) = match jumps.rsplit_once(',') {
            Some((before, last)) => (Some(before.trim()), last.trim()),
            None => (None, jumps.trim()),
        };
        let hop = Hop::parse(last)
            .ok_or_else(|| refused(format!("`{last}` in ProxyJump is not [user@]host[:port]")))?;
        let mut command_line = Vec::new();
        let mut say = |keyword: &str, value: Option<String>| {
            command_line.extend(value.map(|value| (keyword.to_owned(), value)));
        };
        say("user", hop.user);
        say("port", hop.port.map(|port| port.to_string()));
        say("proxyjump", before.filter(|before| !before.is_empty()).map(str::to_owned));
        self.target(
            config,
            Asked {
                host: &hop.host,
                command_line,
                password: None,
                policy: None,
                default_policy: self.options.default_host_key_checking,
                bastion: None,
                depth,
            },
        )
    }

    fn bastion(
        &self,
        bastion: &Connection,
        config: &SshConfig,
        depth: usize,
    ) -> Result<Target, TransportError> {
        self.target(
            config,
            Asked {
                host: &bastion.address,
                command_line: self.command_line(bastion),
                password: bastion.password.clone().or_else(|| self.options.password.clone()),
                policy: bastion.host_key_checking,
                default_policy: self.options.default_host_key_checking,
                bastion: None,
                depth: depth + 1,
            },
        )
    }
}

impl Target {
    /// How many servers are logged in to on the way.
    pub(super) fn hops(&self) -> u32 {
        match &self.proxy {
            Proxy::Jump(hop) => 1 + hop.hops(),
            Proxy::None | Proxy::Command(_) => 0,
        }
    }

    /// What is not obeyed, on the way too.
    pub(super) fn all_notes(&self) -> Vec<&str> {
        let mut notes: Vec<&str> = self.notes.iter().map(String::as_str).collect();
        if let Proxy::Jump(hop) = &self.proxy {
            notes.extend(hop.all_notes());
        }
        notes
    }

    /// For people: the name, and the address where that differs.
    pub(super) fn label(&self) -> String {
        if self.asked == self.address {
            self.asked.clone()
        } else {
            format!("{} ({})", self.asked, self.address)
        }
    }

    /// The same for every visit that logs in there in the same way.
    pub(super) fn key(&self) -> String {
        let way = match &self.proxy {
            Proxy::None => String::new(),
            Proxy::Jump(hop) => hop.key(),
            Proxy::Command(command) => command.clone(),
        };
        format!("{}@[{}]:{} {:?} {way}", self.user, self.address, self.port, self.identities)
    }
}

/// `[user@]host[:port]`, or `ssh://` before it.
struct Hop {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Hop {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("ssh://").map_or(text, |rest| rest.trim_end_matches('/'));
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, rest.strip_prefix(':'))
            }
            // More than one colon is an IPv6 address by itself.
            None => match rest.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (rest, None),
            },
        };
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|&port| port > 0)?),
            None => None,
        };
        (!host.is_empty()).then(|| Hop { user, host: host.to_owned(), port })
    }
}

fn agent(settings: &Settings, tokens: &Tokens) -> AgentChoice {
    match settings.one("identityagent") {
        None | Some("SSH_AUTH_SOCK") => AgentChoice::Default,
        Some(none) if none.eq_ignore_ascii_case("none") => AgentChoice::None,
        Some(variable) if variable.starts_with('$') && !variable.starts_with("${") => {
            match std::env::var_os(&variable[1..]) {
                Some(path) => AgentChoice::At(PathBuf::from(path)),
                None => AgentChoice::None,
            }
        }
        Some(path) => AgentChoice::At(tokens.path(path)),
    }
}

/// The files of `-F`, which replace the user's and the machine's.
pub(super) fn only_config_of(arguments: [&SshArguments; 2]) -> Option<Option<PathBuf>> {
    let file = arguments.iter().rev().find_map(|arguments| arguments.config_file.as_deref())?;
    Some((!file.eq_ignore_ascii_case("none")).then(|| expand_home(file)))
}

/// Whether the text can be a host name or address, and holds nothing that a shell or ssh would take for something else.
fn is_host(text: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    !text.is_empty() && text.len() <= 255 && !text.starts_with('-') && text.chars().all(fine)
}

/// Whether the text can be a user name, by what OpenSSH itself refuses.
fn is_user(text: &str) -> bool {
    let bad = |c: char| c.is_control() || "'`\";&<>|(){}$".contains(c);
    let ends_well = !text.ends_with('\\') && !text.contains("\\ ");
    !text.is_empty()
        && text.len() <= 255
        && !text.starts_with('-')
        && !text.contains(bad)
        && ends_well
        && !text.contains(char::is_whitespace)
}

fn refused(reason: String) -> TransportError {
    TransportError::new(Stage::Resolve, reason)
}
