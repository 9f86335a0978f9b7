//! How Ansible would connect to a host, read from its variables.

use std::path::PathBuf;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::words;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::host::{Connection, HostKeyChecking};
use crate::inventory::source::Place;
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
    place: &Place,
    warnings: &mut Vec<String>,
) -> Result<Connection, Diagnostic> {
    let mut settings = Settings { name, variables, warnings };
    let mut connection = Connection::ssh(settings.text(&ADDRESS).unwrap_or_else(|| name.to_owned()));
    if let Some(port) = settings.text(&PORT) {
        connection.port = port.trim().parse().ok().filter(|&port| port > 0).ok_or_else(|| {
            let message = format!("the SSH port of host `{name}` is not a port");
            place.complain(message, "set ansible_port to a number from 1 to 65535")
        })?;
    }
    connection.user = settings.text(&USER);
    connection.private_key = settings.text(&PRIVATE_KEY).map(|path| expand_home(&path));
    connection.password = settings.text(&PASSWORD).map(SecretString::from);
    connection.become_password = settings.text(&BECOME_PASSWORD).map(SecretString::from);
    connection.host_key_checking = settings.host_key_checking();
    match settings.text(&["ansible_connection"]).as_deref() {
        None | Some("ssh" | "smart" | "paramiko" | "paramiko_ssh" | "ansible.builtin.ssh") => {}
        Some("local" | "ansible.builtin.local") => connection.local = true,
        Some(other) => {
            settings
                .warnings
                .push(format!("{name}: `ansible_connection: {other}` is not known; SSH is used"));
        }
    }
    Ok(connection)
}

struct Settings<'a> {
    name: &'a str,
    variables: &'a Map<String, Value>,
    warnings: &'a mut Vec<String>,
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

    /// In the order in which Ansible puts them on ssh's command line, where the first one counts.
    fn host_key_checking(&mut self) -> Option<HostKeyChecking> {
        let checked =
            HOST_KEY_CHECKING.iter().rev().find_map(|name| self.variables.get(*name)).and_then(boolean);
        self.argument("ansible_ssh_args")
            .or((checked == Some(false)).then_some(HostKeyChecking::Off))
            .or_else(|| self.argument("ansible_ssh_common_args"))
            .or_else(|| self.argument("ansible_ssh_extra_args"))
            .or((checked == Some(true)).then_some(HostKeyChecking::Strict))
    }

    /// `-o StrictHostKeyChecking=…` among ssh's arguments.
    fn argument(&self, name: &str) -> Option<HostKeyChecking> {
        let words = words::split(self.variables.get(name)?.as_str()?).ok()?;
        words.iter().find_map(|word| {
            let option = word.text.strip_prefix("-o").unwrap_or(&word.text).trim_start();
            let (key, value) = option.split_once(['=', ' '])?;
            if !key.trim().eq_ignore_ascii_case("StrictHostKeyChecking") {
                return None;
            }
            match value.trim_matches([' ', '=']).to_ascii_lowercase().as_str() {
                "no" | "off" | "false" => Some(HostKeyChecking::Off),
                "accept-new" => Some(HostKeyChecking::AcceptNew),
                "yes" | "true" | "ask" => Some(HostKeyChecking::Strict),
                _ => None,
            }
        })
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
    use crate::inventory::source::{Mark, Source};

    fn read(variables: Value) -> (Result<Connection, Diagnostic>, Vec<String>) {
        let source = Arc::new(Source { path: "hosts".into(), text: "[all]\nn\n".to_owned() });
        let mut warnings = Vec::new();
        let place = Place { source, mark: Mark::new(2, 1) };
        (connection("n", variables.as_object().unwrap(), &place, &mut warnings), warnings)
    }

    #[test]
    fn names_old_and_new_are_understood() {
        let (connection, warnings) = read(json!({
            "ansible_ssh_host": "10.0.0.1", "ansible_port": "2222", "ansible_user": "a", "ansible_ssh_user": "b",
            "ansible_ssh_private_key_file": "/k", "ansible_ssh_pass": 1234, "ansible_sudo_pass": "s",
        }));
        let connection = connection.unwrap();
        assert_eq!((connection.address.as_str(), connection.port), ("10.0.0.1", 2222));
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
        let (connection, warnings) = read(json!({"ansible_host": ["a"], "ansible_connection": "winrm"}));
        assert_eq!(connection.unwrap().address, "n");
        assert_eq!(warnings.len(), 2);
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
            (json!({}), None),
        ] {
            assert_eq!(read(variables.clone()).0.unwrap().host_key_checking, expected, "{variables}");
        }
    }
}
