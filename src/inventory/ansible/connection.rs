//! How Ansible would connect to a host, read from its variables.

use std::path::PathBuf;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::unsupported::{counting, plain, unsupported};
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::host::{Connection, Host, HostKeyChecking};
use crate::inventory::options::SshWords;
use crate::inventory::settle::PYTHON;
use crate::inventory::source::Place;
use crate::inventory::ssh_arguments::SshArguments;
use crate::inventory::template::Unresolved;
use crate::inventory::variables::{UNSAFE, boolean, text};

/// Where one setting has several names, the last one that is set counts, as in Ansible.
const ADDRESS: [&str; 2] = ["ansible_host", "ansible_ssh_host"];
const PORT: [&str; 2] = ["ansible_port", "ansible_ssh_port"];
const USER: [&str; 2] = ["ansible_user", "ansible_ssh_user"];
const PRIVATE_KEY: [&str; 2] = ["ansible_private_key_file", "ansible_ssh_private_key_file"];
const PASSWORD: [&str; 3] = ["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"];
const BECOME_PASSWORD: [&str; 3] = ["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"];
const HOST_KEY_CHECKING: [&str; 2] = ["ansible_host_key_checking", "ansible_ssh_host_key_checking"];

/// Reads a host's connection variables.
pub(super) fn connection(
    name: &str,
    variables: &Map<String, Value>,
    place_of: &dyn Fn(&str) -> Place,
    words: &SshWords,
    warnings: &mut Vec<String>,
) -> Result<Connection, Diagnostic> {
    let mut settings = Settings { name, variables, place_of, warnings, unresolved: Vec::new() };
    let mut connection = Connection::ssh(settings.text(&ADDRESS).unwrap_or_else(|| name.to_owned()));
    if let Some(port) = settings.text(&PORT) {
        let port = port.trim().parse().ok().filter(|&port| port > 0).ok_or_else(|| {
            let message = format!("the SSH port of host `{name}` is not a port");
            let written =
                PORT.iter().rev().find(|name| variables.get(**name).is_some_and(|it| !it.is_null()));
            let place = place_of(written.unwrap_or(&PORT[0]));
            place.complain(message, "set ansible_port to a number from 1 to 65535")
        })?;
        connection.port = Some(port);
    }
    connection.port = connection.port.or(words.port);
    connection.user = settings.text(&USER);
    connection.private_key = settings.text(&PRIVATE_KEY).map(|path| expand_home(&path));
    connection.password = settings.text(&PASSWORD).map(SecretString::from);
    connection.become_password = settings.text(&BECOME_PASSWORD).map(SecretString::from);
    connection.python_interpreter = settings.text(&[PYTHON]);
    connection.ssh_arguments = settings.arguments("ansible_ssh_args", words.args.as_deref());
    let common = settings.arguments("ansible_ssh_common_args", words.common_args.as_deref());
    connection.has_common_arguments =
        variables.get("ansible_ssh_common_args").is_some_and(|value| !value.is_null());
    connection.more_ssh_arguments =
        common.and(settings.arguments("ansible_ssh_extra_args", words.extra_args.as_deref()));
    connection.host_key_checking = settings.host_key_checking(&connection);
    let mut unresolved = settings.unresolved;
    if let Some((name, plugin, origin)) =
        counting(&["ansible_connection"], variables, place_of, &words.stand_ins)
    {
        match plain(plugin.trim()) {
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" => {}
            "local" => connection.local = true,
            other => {
                let reason = format!(
                    "not supported by airworthy: `{other}`; hosts are reached by ssh, or are `local`"
                );
                unresolved.push(Unresolved {
                    name: name.to_owned(),
                    origin,
                    reason,
                    fact: None,
                    from_inventory: true,
                });
            }
        }
    }
    if connection.local {
        unresolved.clear(); // ssh's arguments
    }
    unresolved.extend(unsupported(variables, place_of, &words.stand_ins, connection.local));
    connection.unresolved = unresolved;
    Ok(connection)
}

struct Settings<'a> {
    name: &'a str,
    variables: &'a Map<String, Value>,
    place_of: &'a dyn Fn(&str) -> Place,
    warnings: &'a mut Vec<String>,
    /// What would lead elsewhere than Ansible goes.
    unresolved: Vec<Unresolved>,
}

impl Settings<'_> {
    /// The setting as text; templates and encrypted values are settled by now.
    fn text(&mut self, names: &[&str]) -> Option<String> {
        let (name, value) = names.iter().rev().find_map(|name| {
            self.variables.get(*name).filter(|value| !value.is_null()).map(|value| (*name, value))
        })?;
        let problem = match value {
            Value::Object(object) if object.contains_key(UNSAFE) => return text(value),
            Value::Array(_) | Value::Object(_) => "is neither text nor number",
            _ => return text(value),
        };
        self.warnings.push(format!("{}: `{name}` {problem}, and is left out", self.name));
        None
    }

    /// Words for ssh's command line. With one that is no option the host must not be visited: ssh would take it for the
    /// host's name. The words themselves are not told: one may be a password that a forgotten quote set free.
    fn arguments(&mut self, name: &str, configured: Option<&str>) -> SshArguments {
        let own = self.text(&[name]);
        let Some(text) = own.as_deref().or(configured) else { return SshArguments::default() };
        let (arguments, problem) = match SshArguments::parse(text) {
            Ok(arguments) => {
                let problem = arguments.complaint();
                (arguments, problem)
            }
            Err(problem) => (SshArguments::default(), Some(format!("it has {problem}"))),
        };
        if let Some(problem) = problem {
            let origin = match own {
                Some(_) => (self.place_of)(name).origin(),
                None => "ansible.cfg".to_owned(),
            };
            let reason = format!("not supported by airworthy: {problem}");
            self.unresolved.push(Unresolved {
                name: name.to_owned(),
                origin,
                reason,
                fact: None,
                from_inventory: true,
            });
        }
        arguments
    }

    /// In the order in which Ansible puts them on ssh's command line, where the first one counts.
    fn host_key_checking(&self, connection: &Connection) -> Option<HostKeyChecking> {
        let checked =
            HOST_KEY_CHECKING.iter().rev().find_map(|name| self.variables.get(*name)).and_then(boolean);
        let argument = |arguments: &SshArguments| {
            arguments.option("stricthostkeychecking").and_then(HostKeyChecking::from_ssh)
        };
        argument(&connection.ssh_arguments)
            .or((checked == Some(false)).then_some(HostKeyChecking::Off))
            .or_else(|| argument(&connection.more_ssh_arguments))
            .or((checked == Some(true)).then_some(HostKeyChecking::Strict))
    }
}

/// Sends the hosts through kubespray's bastion, as its own `ansible_ssh_common_args` do: those of the inventory go
/// before them, and with the hosts' key where the bastion has none of its own.
pub(super) fn through_bastion(hosts: &mut [Host], name: &str, bastion: &Connection) {
    for host in hosts.iter_mut().filter(|host| host.name != name && !host.connection.local) {
        if !host.connection.has_common_arguments {
            let mut bastion = bastion.clone();
            bastion.private_key = bastion.private_key.or_else(|| host.connection.private_key.clone());
            // Who cannot be reached on the way cannot be reached behind it.
            host.connection.unresolved.append(&mut bastion.unresolved);
            host.connection.bastion = Some(Box::new(bastion));
        }
    }
}

/// `~/…` as a path in the user's home.
pub(in crate::inventory) fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::inventory::options::LoadOptions;
    use crate::inventory::source::{Mark, Source};

    fn read(variables: Value) -> (Result<Connection, Diagnostic>, Vec<String>) {
        let source = Arc::new(Source::new("hosts", "[all]\nn\n"));
        let mut warnings = Vec::new();
        let place = Place { source, mark: Mark::new(2, 1) };
        (
            connection(
                "n",
                variables.as_object().unwrap(),
                &|_| place.clone(),
                &SshWords::default(),
                &mut warnings,
            ),
            warnings,
        )
    }

    #[test]
    fn names_old_and_new_are_understood() {
        let (connection, warnings) = read(json!({
            "ansible_ssh_host": "10.0.0.1", "ansible_port": "2222", "ansible_user": "a", "ansible_ssh_user": "b",
            "ansible_ssh_private_key_file": "/k", "ansible_ssh_pass": 1234, "ansible_sudo_pass": "s",
        }));
        let connection = connection.unwrap();
        assert_eq!((connection.address.as_str(), connection.port), ("10.0.0.1", Some(2222)));
        assert_eq!(connection.user.as_deref(), Some("b"));
        assert_eq!(connection.private_key, Some(PathBuf::from("/k")));
        assert_eq!(connection.password.unwrap().expose_secret(), "1234");
        assert_eq!(connection.become_password.unwrap().expose_secret(), "s");
        assert!(warnings.is_empty() && !connection.local);
        assert!(read(json!({"ansible_connection": "local"})).0.unwrap().local);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        assert!(read(json!({"ansible_port": 0})).0.is_err());
        let (connection, warnings) = read(json!({"ansible_host": ["a"]}));
        assert_eq!(connection.unwrap().address, "n");
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn host_key_checking_is_what_ssh_would_see_first() {
        use HostKeyChecking::{AcceptNew, Off, Strict};
        for (variables, expected) in [
            (json!({"ansible_host_key_checking": false}), Some(Off)),
            (json!({"ansible_host_key_checking": "yes"}), Some(Strict)),
            (json!({"ansible_ssh_common_args": "-o StrictHostKeyChecking=accept-new"}), Some(AcceptNew)),
            (json!({"ansible_ssh_extra_args": "-oStrictHostKeyChecking=no"}), Some(Off)),
            (
                json!({"ansible_ssh_args": "-o 'stricthostkeychecking yes'", "ansible_host_key_checking": false}),
                Some(Strict),
            ),
            (json!({"ansible_ssh_common_args": "-o ProxyJump=b"}), None),
            (
                json!({"ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o StrictHostKeyChecking=yes"}),
                Some(Off),
            ),
            (json!({}), None),
        ] {
            assert_eq!(read(variables.clone()).0.unwrap().host_key_checking, expected, "{variables}");
        }
    }

    #[test]
    fn arguments_are_taken_apart_and_nonsense_is_refused() {
        let (connection, warnings) = read(json!({
            "ansible_ssh_args": "-C -p 2200",
            "ansible_ssh_common_args": "-J ops@jump:2222",
            "ansible_ssh_extra_args": "-o User=late stray",
        }));
        let connection = connection.unwrap();
        assert_eq!(connection.ssh_arguments.option("port"), Some("2200"));
        assert_eq!(connection.more_ssh_arguments.option("proxyjump"), Some("ops@jump:2222"));
        assert_eq!(connection.more_ssh_arguments.option("user"), Some("late"));
        let [unresolved] = connection.unresolved.as_slice() else { panic!("{connection:?}") };
        assert_eq!(unresolved.name, "ansible_ssh_extra_args");
        assert_eq!(unresolved.origin, "hosts:2");
        assert!(!unresolved.reason.contains("stray") && warnings.is_empty(), "{unresolved}");
        let (connection, _) = read(json!({"ansible_ssh_common_args": "-o 'ProxyJump=j"}));
        let connection = connection.unwrap();
        assert!(connection.more_ssh_arguments.words.is_empty());
        assert!(connection.unresolved[0].reason.contains("quote"), "{:?}", connection.unresolved);
        let local = json!({"ansible_connection": "local", "ansible_ssh_common_args": "stray"});
        assert!(read(local).0.unwrap().unresolved.is_empty(), "ssh is not asked");
    }

    /// The first host of an inventory in which `a` is behind kubespray's bastion, as its sample names it.
    fn behind_bastion(of_bastion: &str, words: SshWords) -> Connection {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.ini");
        let text = format!(
            "a ansible_host=10.0.0.1\nbastion ansible_host=192.0.2.1 {of_bastion}\n[bastion]\nbastion\n\
             [kube_control_plane]\na\n[etcd]\na\n[kube_node]\na\n"
        );
        std::fs::write(&path, text).unwrap();
        let options = LoadOptions { ssh_words: words, ..LoadOptions::default() };
        crate::inventory::load_with(&[path], &options).unwrap().hosts.remove(0).connection
    }

    #[test]
    fn who_cannot_reach_the_bastion_cannot_reach_what_is_behind_it() {
        let known = behind_bastion("ansible_user=ops", SshWords::default());
        assert!(known.unresolved.is_empty() && known.bastion.unwrap().user.as_deref() == Some("ops"));
        let unknown = behind_bastion("ansible_user='{{ lookup(\"env\", \"X\") }}'", SshWords::default());
        assert_eq!(unknown.unresolved.len(), 1);
        assert_eq!(unknown.unresolved[0].name, "ansible_user");
    }

    #[test]
    fn ansible_cfg_stands_in_where_no_variable_does() {
        let words = SshWords {
            args: Some("-o Compression=yes".to_owned()),
            common_args: Some("-o ProxyJump=cfg".to_owned()),
            extra_args: Some("-o User=cfg".to_owned()),
            port: Some(2200),
            ..SshWords::default()
        };
        let place = Place { source: Arc::new(Source::new("hosts", "n\n")), mark: Mark::new(1, 1) };
        let of = |variables: Value| {
            connection("n", variables.as_object().unwrap(), &|_| place.clone(), &words, &mut Vec::new())
                .unwrap()
        };
        let configured = of(json!({}));
        assert_eq!(configured.ssh_arguments.option("compression"), Some("yes"));
        assert_eq!(configured.more_ssh_arguments.option("proxyjump"), Some("cfg"));
        assert_eq!(configured.more_ssh_arguments.option("user"), Some("cfg"));
        assert_eq!(configured.port, Some(2200));
        assert_eq!(of(json!({"ansible_port": 22})).port, Some(22));
        let own = of(json!({"ansible_ssh_common_args": "-J own", "ansible_ssh_extra_args": ""}));
        assert_eq!(own.more_ssh_arguments.option("proxyjump"), Some("own"));
        assert_eq!(own.more_ssh_arguments.option("user"), None);
        // kubespray sets the common arguments itself where there is a bastion.
        let behind = behind_bastion("", words);
        assert_eq!(behind.more_ssh_arguments.option("proxyjump"), None);
        assert_eq!(behind.ssh_arguments.option("compression"), Some("yes"));
        assert_eq!((behind.port, behind.bastion.unwrap().port), (Some(2200), None));
    }

    #[test]
    fn hosts_go_through_kubesprays_bastion_unless_they_have_a_way_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.ini");
        std::fs::write(
            &path,
            "a ansible_host=10.0.0.1 ansible_ssh_private_key_file=/k\n\
             b ansible_host=10.0.0.2 ansible_ssh_common_args='-J other'\n\
             c ansible_connection=local\n\
             d ansible_ssh_common_args=''\n\
             e ansible_ssh_extra_args='-o Compression=yes'\n\
             gate ansible_host=192.0.2.1 ansible_user=ops ansible_port=2222\n\
             [bastion]\ngate\n[kube_control_plane]\na\n[etcd]\na\n[kube_node]\nb\nc\nd\ne\n",
        )
        .unwrap();
        let inventory = crate::inventory::load(&[path]).unwrap();
        let names: Vec<&str> = inventory.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"], "a bastion is not visited");
        let way = |at: usize| inventory.hosts[at].connection.bastion.as_deref();
        let gate = way(0).unwrap();
        assert_eq!(
            (gate.address.as_str(), gate.port, gate.user.as_deref()),
            ("192.0.2.1", Some(2222), Some("ops"))
        );
        assert_eq!(gate.private_key, Some(PathBuf::from("/k")));
        assert!(way(1).is_none() && way(2).is_none() && way(3).is_none());
        assert!(way(4).is_some(), "extra arguments stand beside kubespray's");
    }
}
