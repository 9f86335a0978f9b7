//! Connection variables that change who or what is reached in ways that airworthy has not: a host with one of them is not
//! visited, for what would be seen there is not what Ansible will see.

use serde_json::{Map, Value};

use crate::inventory::options::StandIn;
use crate::inventory::source::Place;
use crate::inventory::template::Unresolved;
use crate::inventory::variables::{boolean, text};

/// One setting of Ansible's.
struct Setting {
    /// Its variables; the last one that is set counts.
    names: &'static [&'static str],
    /// Whether airworthy does what it says.
    honoured: fn(&str) -> bool,
    /// What airworthy does instead.
    instead: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// How ssh logs in.
    Ssh,
    /// The same, and not to be shown.
    Secret,
    /// How root is become.
    Become,
}

const SETTINGS: [Setting; 8] = [
    Setting {
        names: &["ansible_ssh_executable"],
        honoured: |path| ["ssh", "/usr/bin/ssh", "/bin/ssh"].contains(&path),
        instead: "no other program than ssh is used",
        kind: Kind::Ssh,
    },
    Setting {
        names: &["ansible_private_key", "ansible_ssh_private_key"],
        honoured: |_| false,
        instead: "keys are read from files: ansible_ssh_private_key_file",
        kind: Kind::Secret,
    },
    Setting {
        names: &["ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"],
        honoured: |_| false,
        instead: "the passphrase is asked for, or an agent has the key",
        kind: Kind::Secret,
    },
    Setting {
        names: &["ansible_ssh_pkcs11_provider"],
        honoured: |_| false,
        instead: "put the token's key into an agent",
        kind: Kind::Ssh,
    },
    Setting {
        names: &["ansible_become_method"],
        honoured: |method| plain(method) == "sudo",
        instead: "airworthy becomes root by sudo",
        kind: Kind::Become,
    },
    Setting {
        names: &["ansible_become_user", "ansible_sudo_user"],
        honoured: |user| user == "root",
        instead: "facts are read as root",
        kind: Kind::Become,
    },
    Setting {
        names: &["ansible_become_exe", "ansible_sudo_exe"],
        honoured: |path| ["sudo", "/usr/bin/sudo", "/bin/sudo"].contains(&path),
        instead: "airworthy becomes root by sudo",
        kind: Kind::Become,
    },
    Setting {
        names: &["ansible_become_flags", "ansible_sudo_flags"],
        honoured: |flags| flags.split_whitespace().all(only_tunes),
        instead: "sudo is used without it",
        kind: Kind::Become,
    },
];

/// A plugin's name without the collection that Ansible brings along.
pub(super) fn plain(plugin: &str) -> &str {
    let own = plugin.strip_prefix("ansible.builtin.").or_else(|| plugin.strip_prefix("ansible.legacy."));
    own.unwrap_or(plugin)
}

/// Flags of sudo that change neither who nor where.
fn only_tunes(flag: &str) -> bool {
    let short = flag.strip_prefix('-').is_some_and(|letters| letters.chars().all(|c| "HSnEikP".contains(c)));
    short || ["--set-home", "--stdin", "--non-interactive", "--preserve-env", "--login"].contains(&flag)
}

/// The value of a setting that counts: the host's own, else `ansible.cfg`'s; with the variable's name and the origin.
pub(super) fn counting<'a>(
    names: &[&'static str],
    variables: &'a Map<String, Value>,
    place_of: &dyn Fn(&str) -> Place,
    configured: &'a [StandIn],
) -> Option<(&'static str, String, String)> {
    let own = names.iter().rev().find_map(|name| Some((*name, variables.get(*name)?)));
    if let Some((name, value)) = own.filter(|(_, value)| !value.is_null()) {
        let value = text(value).unwrap_or_else(|| "(neither text nor number)".to_owned());
        return Some((name, value, place_of(name).origin()));
    }
    let (name, found) =
        names.iter().find_map(|name| Some((*name, configured.iter().find(|it| it.variable == *name)?)))?;
    Some((name, found.value.clone(), found.origin.clone()))
}

/// The settings that are not honoured. A `local` host has no use for ssh's.
pub(super) fn unsupported(
    variables: &Map<String, Value>,
    place_of: &dyn Fn(&str) -> Place,
    configured: &[StandIn],
    local: bool,
) -> Vec<Unresolved> {
    let becomes = variables.get("ansible_become").and_then(boolean) != Some(false);
    let matters = |setting: &&Setting| match setting.kind {
        Kind::Become => becomes,
        Kind::Ssh | Kind::Secret => !local,
    };
    let judge = |setting: &Setting| {
        let (name, value, origin) = counting(setting.names, variables, place_of, configured)?;
        let value = value.trim();
        if value.is_empty() || (setting.honoured)(value) {
            return None;
        }
        let reason = match setting.kind {
            Kind::Secret => format!("not supported by airworthy: {}", setting.instead),
            Kind::Ssh | Kind::Become => {
                format!("not supported by airworthy: `{value}`; {}", setting.instead)
            }
        };
        Some(Unresolved { name: name.to_owned(), origin, reason, fact: None, from_inventory: true })
    };
    SETTINGS.iter().filter(matters).filter_map(judge).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use crate::inventory::options::{LoadOptions, SshWords, StandIn};
    use crate::inventory::{Connection, load_with};

    /// The connection of a host with these variables in its vars file.
    fn read(variables: &serde_json::Value, stand_ins: &[StandIn]) -> Connection {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.ini");
        std::fs::write(&path, "[kube_control_plane]\nn\n[etcd]\nn\n[kube_node]\nn\n").unwrap();
        std::fs::create_dir(folder.path().join("host_vars")).unwrap();
        std::fs::write(folder.path().join("host_vars/n.json"), variables.to_string()).unwrap();
        let ssh_words = SshWords { stand_ins: stand_ins.to_vec(), ..SshWords::default() };
        let options = LoadOptions { ssh_words, ..LoadOptions::default() };
        load_with(&[path], &options).unwrap().hosts.remove(0).connection
    }

    #[test]
    fn what_reaches_something_else_is_refused() {
        for (name, value) in [
            ("ansible_connection", "docker"),
            ("ansible_connection", "community.docker.docker"),
            ("ansible_connection", "{{ 'win' ~ 'rm' }}"),
            ("ansible_ssh_executable", "/opt/ssh"),
            ("ansible_private_key", "-----BEGIN KEY----- geheim"),
            ("ansible_ssh_private_key", "geheim"),
            ("ansible_private_key_passphrase", "geheim"),
            ("ansible_ssh_private_key_passphrase", "geheim"),
            ("ansible_ssh_pkcs11_provider", "/lib/p11.so"),
            ("ansible_become_method", "su"),
            ("ansible_become_user", "admin"),
            ("ansible_sudo_user", "admin"),
            ("ansible_become_exe", "/opt/sudo"),
            ("ansible_become_flags", "-H -u admin"),
        ] {
            let unresolved = read(&json!({name: value}), &[]).unresolved;
            let [only] = unresolved.as_slice() else { panic!("{name}: {unresolved:?}") };
            assert_eq!(only.name, name);
            assert!(only.origin.contains("n.json:1"), "{only}");
            assert!(only.reason.starts_with("not supported by airworthy: "), "{only}");
            assert!(!only.reason.contains("geheim"), "{only}");
        }
    }

    #[test]
    fn what_only_tunes_or_does_not_matter_is_not() {
        for variables in [
            json!({"ansible_connection": "ansible.builtin.ssh", "ansible_ssh_executable": "/usr/bin/ssh"}),
            json!({"ansible_connection": "paramiko", "ansible_ssh_timeout": 3, "ansible_ssh_retries": 2}),
            json!({"ansible_become_method": "ansible.builtin.sudo", "ansible_become_user": "root",
                "ansible_become_exe": "sudo", "ansible_become_flags": "-H -S -n"}),
            json!({"ansible_become": "no", "ansible_become_method": "su", "ansible_become_user": "admin"}),
            json!({"ansible_connection": "local", "ansible_ssh_executable": "/opt/ssh"}),
            json!({"ansible_become_user": "", "ansible_ssh_private_key": null}),
        ] {
            let unresolved = read(&variables, &[]).unresolved;
            assert!(unresolved.is_empty(), "{variables}: {unresolved:?}");
        }
    }

    #[test]
    fn ansible_cfg_stands_in_where_the_host_says_nothing() {
        let stand_in = |variable: &str, value: &str| StandIn {
            variable: variable.to_owned(),
            value: value.to_owned(),
            origin: "`key` in ansible.cfg".to_owned(),
        };
        let su = [stand_in("ansible_become_method", "su")];
        let unresolved = read(&json!({}), &su).unresolved;
        assert_eq!((unresolved.len(), unresolved[0].origin.as_str()), (1, "`key` in ansible.cfg"));
        assert!(read(&json!({"ansible_become_method": "sudo"}), &su).unresolved.is_empty());
        assert!(read(&json!({}), &[stand_in("ansible_connection", "local")]).local);
        assert_eq!(read(&json!({}), &[stand_in("ansible_connection", "docker")]).unresolved.len(), 1);
    }
}
