//! Values as Ansible uses them: templates against Ansible's own answers, vault, scripts, `ansible.cfg`.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use airworthy::inventory::{
    AnsibleConfig, Inventory, LoadOptions, Surroundings, Vault, VaultSecret, VaultSource,
    find_ansible_inventory, load, load_with, read_password,
};
use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/inventories/templates")
}

/// Writes files and gives their folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// An inventory in which `node1` has these variables.
fn with(variables: &Value) -> Inventory {
    let text = variables.to_string();
    let folder = folder(&[
        ("hosts.ini", "[kube_control_plane]\nnode1\n[kube_node]\nnode1\nnode2 ip=10.0.0.2\n"),
        ("host_vars/node1.json", &text),
    ]);
    load(&[folder.path().join("hosts.ini")]).unwrap()
}

/// Cases whose answer Ansible gave: `cases.json`, recorded with ansible-core 2.19.
fn cases() -> Vec<Value> {
    let text = fs::read_to_string(fixtures().join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The recorded inventory, with each case as a variable `case<number>` of `n1`.
fn inventory_of(cases: &[Value]) -> (tempfile::TempDir, Inventory) {
    let variables: serde_json::Map<String, Value> =
        cases.iter().enumerate().map(|(at, case)| (format!("case{at}"), case["template"].clone())).collect();
    let hosts = fs::read_to_string(fixtures().join("hosts.yml")).unwrap();
    let folder =
        folder(&[("hosts.yml", &hosts), ("host_vars/n1.json", &Value::Object(variables).to_string())]);
    let inventory = load(&[folder.path().join("hosts.yml")]).unwrap();
    (folder, inventory)
}

/// What is not even tried, though Ansible has an answer: it is told as unknown, never guessed.
const NOT_TRIED: [&str; 3] =
    ["{{ \"%02d\" | format(b) }}", "{{ list | union(['z']) }}", "{{ list | difference(['a']) }}"];

#[test]
fn templates_have_ansibles_values() {
    let cases = cases();
    let (_folder, inventory) = inventory_of(&cases);
    let (mut wrong, mut answered) = (Vec::new(), 0);
    for (at, case) in cases.iter().enumerate() {
        let template = case["template"].as_str().unwrap();
        let ours = inventory.value_of("n1", &format!("case{at}"));
        let same = match (&ours, case.get("value")) {
            (Ok(ours), Some(theirs)) => {
                answered += 1;
                ours.as_ref().unwrap_or(&Value::Null) == theirs
            }
            (Err(_), None) => true,
            // Whoever uses a variable that is `omit` leaves it out.
            (Ok(None), None) => case["error"].as_str().unwrap().contains("Omit"),
            (Err(_), Some(_)) => NOT_TRIED.contains(&template),
            (Ok(_), None) => false,
        };
        if !same {
            wrong.push(format!("{template}\n    ours:   {ours:?}\n    theirs: {case}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(answered >= 100, "{answered}");
}

/// The same against the Ansible of this machine, in one run.
#[test]
fn templates_have_the_values_of_the_ansible_that_is_here() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(ansible) = find_ansible_inventory(&path).map(|program| program.with_file_name("ansible")) else {
        eprintln!("note: skipped, there is no ansible on PATH");
        return;
    };
    let cases = cases();
    let (folder, inventory) = inventory_of(&cases);
    let decided: serde_json::Map<String, Value> = cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.get("value").is_some())
        .filter_map(|(at, case)| {
            inventory.value_of("n1", &format!("case{at}")).ok()?;
            Some((format!("case{at}"), case["template"].clone()))
        })
        .collect();
    let all = folder.path().join("all.json");
    fs::write(&all, json!({ "all_cases": decided }).to_string()).unwrap();
    let output = Command::new(ansible)
        .args(["n1", "-c", "local", "-m", "debug", "-a", "msg={{ all_cases }}", "-i"])
        .arg(folder.path().join("hosts.yml"))
        .arg("-e")
        .arg(format!("@{}", all.display()))
        .env("ANSIBLE_NOCOLOR", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said: Value = serde_json::from_str(&text[text.find('{').unwrap()..])
        .unwrap_or_else(|error| panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)));
    for (name, theirs) in said["msg"].as_object().unwrap() {
        let ours = inventory.value_of("n1", name).unwrap().unwrap_or(Value::Null);
        assert_eq!(&ours, theirs, "{}", decided[name]);
    }
}

#[test]
fn what_only_a_run_knows_is_named_and_not_guessed() {
    for (template, named) in [
        ("{{ ansible_default_ipv4.address }}", "ansible_default_ipv4"),
        ("{{ ansible_default_ipv4.address | default('10.0.0.1') }}", "ansible_default_ipv4"),
        ("{{ ansible_facts.hostname }}", "ansible_facts"),
        ("{{ ansible_user | default('root') }}", "ansible_user"),
        ("{{ lookup('env', 'HOME') }}", "lookup('env')"),
        ("{{ query('file', '/etc/hostname') }}", "query('file')"),
        ("{{ playbook_dir }}", "playbook_dir"),
        ("{{ ansible_version.full }}", "ansible_version"),
        ("{{ now() }}", "now()"),
        ("{{ '10.0.0.0/24' | ansible.utils.ipaddr('network') }}", "ipaddr"),
        ("{{ 'x' | ipaddr }}", "ipaddr"),
        ("{{ hostvars['node2'].ansible_default_ipv4.address }}", "ansible_default_ipv4"),
        ("{{ nowhere }}", "nowhere"),
        ("{{ nowhere.at.all }}", "nowhere"),
        ("{{ a_mapping | dict2items }}", "order"),
        ("{{ a_mapping }}x", "order"),
        ("{{ range(100000000) | list }}", "costs"),
        ("{{ 'x' * 100000000 }}", "costs"),
        ("{{ 2 ** 9999 }}", "64 bits"),
        ("{% macro m() %}{% endmacro %}x", "template"),
        ("{{ 'unclosed", "template"),
        ("{{ other }}", "lookup"),
    ] {
        let inventory = with(&json!({
            "it": template,
            "a_mapping": {"z": 1, "a": 2},
            "other": "{{ lookup('pipe', 'date') }}"
        }));
        let refused = inventory.value_of("node1", "it").expect_err(template);
        assert!(refused.reason.contains(named), "{template}: {refused}");
        assert!(
            refused.origin.ends_with("node1.json") || refused.origin.contains("node1.json:"),
            "{refused}"
        );
    }
}

#[test]
fn nesting_and_circles_end() {
    let mut chain: serde_json::Map<String, Value> =
        (0..500).map(|at| (format!("v{at}"), json!(format!("{{{{ v{} }}}}", at + 1)))).collect();
    chain.insert("v500".to_owned(), json!("end"));
    chain.insert(
        "parentheses".to_owned(),
        json!(format!("{{{{ {}1{} }}}}", "(".repeat(3000), ")".repeat(3000))),
    );
    chain.insert("lists".to_owned(), json!(format!("{{{{ {}1{} }}}}", "[".repeat(140), "]".repeat(140))));
    chain.insert("doubling0".to_owned(), json!("xxxxxxxxxx"));
    for at in 1..60 {
        let below = format!("{{{{ doubling{} }}}}", at - 1);
        chain.insert(format!("doubling{at}"), json!(below.repeat(2)));
    }
    let inventory = with(&Value::Object(chain));
    for name in ["v0", "parentheses", "doubling59"] {
        assert!(inventory.value_of("node1", name).is_err(), "{name}");
    }
    assert_eq!(inventory.value_of("node1", "v480").unwrap(), Some(json!("end")));
    let _ = inventory.value_of("node1", "lists");
}

#[test]
fn connection_variables_are_templated() {
    let inventory = with(&json!({
        "ansible_host": "{{ net }}.{{ number }}", "net": "10.0.0", "number": 7,
        "ansible_port": "{{ number + 2215 }}",
        "ansible_user": "{{ nowhere | default(omit) }}",
        "ip": "{{ hostvars['node2'].ip }}",
        "ansible_become_password": "{{ passwords[inventory_hostname] }}",
        "passwords": {"node1": "geheim"},
    }));
    let host = &inventory.hosts[0];
    assert_eq!((host.connection.address.as_str(), host.connection.port), ("10.0.0.7", Some(2222)));
    assert_eq!((host.connection.user.as_deref(), host.ip.as_deref()), (None, Some("10.0.0.2")));
    assert_eq!(host.connection.become_password.as_ref().unwrap().expose_secret(), "geheim");
    assert!(
        host.connection.unresolved.is_empty() && inventory.warnings.is_empty(),
        "{:?}",
        inventory.warnings
    );
    assert_eq!(inventory.vars_of("node1").unwrap()["ansible_port"], "{{ number + 2215 }}");
}

#[test]
fn an_unknown_connection_variable_is_kept_with_its_name_and_place() {
    let inventory = with(&json!({
        "ansible_host": "{{ ansible_default_ipv4.address }}",
        "ansible_port": "{{ nowhere }}",
        "ip": "{{ ansible_default_ipv4.address }}",
        "ansible_python_interpreter": "{{ nowhere }}",
    }));
    let host = &inventory.hosts[0];
    let names: Vec<&str> = host.connection.unresolved.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["ansible_host", "ansible_port"]);
    assert!(host.connection.address.contains("{{"), "the address is shown as it is written");
    let [python, ip] = inventory.warnings.as_slice() else { panic!("{:?}", inventory.warnings) };
    assert!(python.contains("`ansible_python_interpreter`") && python.contains("`nowhere`"), "{python}");
    assert!(ip.contains("`ip`") && ip.contains("ansible_default_ipv4"), "{ip}");
}

/// Encrypted by ansible-vault 2.19 with the password `pw1`: `x{{ secret }}`.
const INLINE: &str = "!vault |\n  $ANSIBLE_VAULT;1.2;AES256;dev\n  \
    32333337316165363166393333343730323630313263383261613635336339326135646161653234\n  \
    6235316334643534386538363330613634316330643839640a663031653035373232363432636363\n  \
    66353936646432373638353966303361653931663865663366366161663035353266376561663339\n  \
    3863346535626462310a613365666564346339383364396331633039663566646134373536663762\n  3135\n";

fn options(password: &str) -> LoadOptions {
    let secret = VaultSecret { label: "default".to_owned(), password: SecretString::from(password) };
    LoadOptions { vault: Arc::new(Vault::new(vec![secret])), ..LoadOptions::default() }
}

#[test]
fn encrypted_values_are_used_and_stay_encrypted_in_what_is_printed() {
    let vars = format!("ansible_password: {INLINE}copy: \"{{{{ ansible_password }}}}!\"\n");
    let folder = folder(&[("hosts.ini", "[kube_node]\nn\n"), ("group_vars/all.yml", &vars)]);
    let hosts = [folder.path().join("hosts.ini")];
    let inventory = load_with(&hosts, &options("pw1")).unwrap();
    // What was encrypted is no template.
    let password = inventory.hosts[0].connection.password.as_ref().unwrap().expose_secret();
    assert_eq!(password, "x{{ secret }}");
    assert_eq!(inventory.value_of("n", "copy").unwrap(), Some(json!("x{{ secret }}!")));
    let printed = inventory.to_ansible_json();
    assert!(printed["_meta"]["hostvars"]["n"]["ansible_password"]["__ansible_vault"].is_string());

    for (options, reason) in
        [(LoadOptions::default(), "no vault password was given"), (options("pw2"), "`dev`")]
    {
        let inventory = load_with(&hosts, &options).unwrap();
        let [unknown] = inventory.hosts[0].connection.unresolved.as_slice() else { panic!() };
        assert_eq!(unknown.name, "ansible_password");
        assert!(unknown.reason.contains(reason) && !format!("{inventory:?}").contains("pw2"), "{unknown}");
        assert!(unknown.origin.contains("all.yml"), "{unknown}");
    }
}

/// `secret: geheim` and `ansible_user: "{{ secret }}-u"`, encrypted with the password `pw1`.
fn encrypted_file() -> String {
    fs::read_to_string(fixtures().join("vault.yml")).unwrap()
}

#[test]
fn encrypted_files_are_read_with_the_password_and_lock_their_hosts_without() {
    let folder = folder(&[
        ("hosts.ini", "[kube_node]\nn\n[etcd]\nm\n"),
        ("group_vars/kube_node/vault.yml", &encrypted_file()),
    ]);
    let hosts = [folder.path().join("hosts.ini")];
    let inventory = load_with(&hosts, &options("pw1")).unwrap();
    let host = inventory.hosts.iter().find(|host| host.name == "n").unwrap();
    assert_eq!(host.connection.user.as_deref(), Some("geheim-u"));
    assert!(inventory.layers_of("n").unwrap().any(|layer| layer.is_secret()));
    // As ansible-inventory prints it.
    assert_eq!(inventory.to_ansible_json()["_meta"]["hostvars"]["n"]["secret"], "geheim");

    let inventory = load_with(&hosts, &LoadOptions::default()).unwrap();
    let unresolved =
        |name: &str| &inventory.hosts.iter().find(|host| host.name == name).unwrap().connection.unresolved;
    assert!(unresolved("m").is_empty());
    assert!(unresolved("n")[0].reason.contains("vault.yml"), "{:?}", unresolved("n"));
    assert!(inventory.value_of("m", "anything").unwrap().is_none());

    let error = load_with(&hosts, &options("pw2")).unwrap_err().to_string();
    assert!(
        error.contains("vault.yml") && error.contains("no vault password that was given opens it"),
        "{error}"
    );
}

#[test]
fn extra_variables_from_an_encrypted_file_are_read_with_the_password_and_lock_all_hosts_without() {
    let folder = folder(&[
        ("hosts.ini", "[kube_node]\nn ansible_user=u\n[etcd]\nm\n"),
        ("vault.yml", &encrypted_file()),
    ]);
    let hosts = [folder.path().join("hosts.ini")];
    let word = format!("@{}", folder.path().join("vault.yml").display());
    let with =
        |options: LoadOptions| load_with(&hosts, &LoadOptions { extra_vars: vec![word.clone()], ..options });
    let inventory = with(options("pw1")).unwrap();
    assert_eq!(inventory.hosts[0].connection.user.as_deref(), Some("geheim-u"));
    assert!(inventory.layers_of("n").unwrap().any(|layer| layer.is_secret()));
    let inventory = with(LoadOptions::default()).unwrap();
    assert_eq!(inventory.hosts.len(), 2);
    for host in &inventory.hosts {
        assert!(
            host.connection.unresolved[0].reason.contains("vault.yml"),
            "{:?}",
            host.connection.unresolved
        );
    }
    let error = with(options("pw2")).unwrap_err().to_string();
    assert!(
        error.contains("vault.yml") && error.contains("no vault password that was given opens it"),
        "{error}"
    );
}

#[test]
fn passwords_come_from_files_and_programs() {
    let folder = folder(&[
        ("plain", "  pw1\n"),
        ("empty", "\n"),
        ("program", "#!/bin/sh\necho pw-$#\n"),
        ("own-client.sh", "#!/bin/sh\necho \"$1 $2\"\n"),
        ("failing", "#!/bin/sh\necho told >&2; exit 3\n"),
    ]);
    let path = |name: &str| folder.path().join(name);
    for name in ["program", "own-client.sh", "failing"] {
        executable(&path(name));
    }
    let password = |name: &str| read_password(&path(name), "dev").unwrap().expose_secret().to_owned();
    assert_eq!(password("plain"), "pw1");
    assert_eq!(password("program"), "pw-0");
    assert_eq!(password("own-client.sh"), "--vault-id dev");
    for (name, told) in
        [("empty", "no password"), ("failing", "failed"), ("nowhere", "No such file"), ("", "folder")]
    {
        let error = read_password(&path(name), "dev").unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("vault password file"), "{name}: {error}");
    }
    let source = |word: &str| VaultSource::parse(word);
    assert_eq!(source("dev@prompt"), VaultSource { label: "dev".to_owned(), file: None });
    assert_eq!(source("a@/b@c"), VaultSource { label: "a".to_owned(), file: Some("/b@c".into()) });
    assert_eq!(source("/b"), VaultSource { label: "default".to_owned(), file: Some("/b".into()) });
}

/// Stands in for `ansible-inventory`: prints what the real one printed for such a script.
const STAND_IN: &str = r#"#!/bin/sh
[ "$1 $3 $4" = "-i --list --export" ] && [ -z "$ANSIBLE_VARS_ENABLED" ] || exit 9
echo '{"_meta": {"hostvars": {"d1": {"ip": "10.0.0.1", "t": "{{ ip }}", "u": {"__ansible_unsafe": "{{ ip }}"}}}},
 "all": {"children": ["ungrouped", "k8s_cluster"]}, "k8s_cluster": {"children": ["kube_node"]},
 "kube_node": {"hosts": ["d1", "d2"], "vars": {"g": "{{ ip }}", "ansible_group_priority": 7}}}'
"#;

#[test]
fn scripts_and_plugins_are_read_through_ansible_inventory() {
    let folder = folder(&[
        ("bin/ansible-inventory", STAND_IN),
        ("inv/10-script", "#!/bin/sh\necho {}\n"),
        ("inv/20-static.ini", "[kube_control_plane]\nd1 extra=1\n"),
        ("inv/group_vars/kube_node.yml", "g: above\n"),
        ("plugin.yml", "plugin: amazon.aws.aws_ec2\n"),
    ]);
    executable(&folder.path().join("bin/ansible-inventory"));
    let program = find_ansible_inventory(folder.path().join("bin").as_os_str());
    assert!(program.is_some());
    let options = LoadOptions { ansible_inventory: program, ..LoadOptions::default() };
    let inventory = load_with(&[folder.path().join("inv")], &options).unwrap();
    assert_eq!(inventory.names(), ["d1", "d2"]);
    let variables = inventory.vars_of("d1").unwrap();
    assert_eq!((&variables["extra"], &variables["g"]), (&json!(1), &json!("above")));
    assert_eq!(inventory.value_of("d1", "t").unwrap(), Some(json!("10.0.0.1")));
    assert_eq!(inventory.value_of("d1", "u").unwrap(), Some(json!("{{ ip }}")));
    assert!(inventory.layers_of("d1").unwrap().any(|layer| layer.origin.contains("ansible-inventory (")));
    assert!(inventory.warnings.iter().any(|it| it.contains("10-script") && it.contains("was read through")));
    let plugin = load_with(&[folder.path().join("plugin.yml")], &options).unwrap();
    assert_eq!(plugin.names(), ["d1", "d2"]);

    fs::write(folder.path().join("bin/ansible-inventory"), "#!/bin/sh\necho broken plugin >&2\nexit 1\n")
        .unwrap();
    let error = load_with(&[folder.path().join("plugin.yml")], &options).unwrap_err().to_string();
    assert!(error.contains("broken plugin") && error.contains("plugin.yml"), "{error}");
    for path in ["plugin.yml", "inv"] {
        let error = load(&[folder.path().join(path)]);
        let told = match error {
            Err(error) => error.to_string(),
            Ok(inventory) => inventory.warnings.join("\n"),
        };
        assert!(told.contains("install ansible-core"), "{path}: {told}");
    }
}

#[test]
fn a_plugin_builds_on_the_sources_before_it() {
    let said = r#"{"_meta": {"hostvars": {"a": {"x": 1, "ansible_host": "10.0.0.9"}}},
        "all": {"children": ["ungrouped", "kube_node", "made"]}, "kube_node": {"hosts": ["a"]}, "made": {"hosts": ["a"]}}"#;
    let folder = folder(&[
        ("inv/10.ini", "[kube_node]\na x=1\n[kube_control_plane]\na\n"),
        (
            "inv/20-constructed.yml",
            "plugin: constructed\nstrict: true\ncompose:\n  ansible_host: \"'10.0.0.' ~ (x + 8)\"\ngroups:\n  made: x == 1\n",
        ),
        ("inv/30.ini", "[kube_node]\nlater\n"),
    ]);
    let program = folder.path().join("ansible-inventory");
    fs::write(
        &program,
        format!(
            "#!/bin/sh\n[ \"$1 $2 $3 $4 $5\" = \"-i $D/10.ini -i $D/20-constructed.yml --list\" ] || {{ echo \"$@\" >&2; exit 9; }}\necho '{said}'\n"
        )
        .replace("$D", &folder.path().join("inv").display().to_string()),
    )
    .unwrap();
    executable(&program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in [Some(program), find_ansible_inventory(&path)].into_iter().flatten() {
        let options = LoadOptions { ansible_inventory: Some(program), ..LoadOptions::default() };
        let inventory = load_with(&[folder.path().join("inv")], &options).unwrap();
        assert_eq!(inventory.groups.get("made").unwrap().hosts, ["a"]);
        assert_eq!(inventory.value_of("a", "ansible_host").unwrap(), Some(json!("10.0.0.9")));
        let x = inventory.layers_of("a").unwrap().find(|layer| layer.variables.contains_key("x")).unwrap();
        assert!(x.place_of("x").ends_with("10.ini:2"), "{}", x.place_of("x"));
        assert_eq!(inventory.names(), ["a", "later"]);
    }
}

/// The real program, where it is.
#[test]
fn the_ansible_inventory_that_is_here_runs_scripts() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(program) = find_ansible_inventory(&path) else {
        eprintln!("note: skipped, there is no ansible-inventory on PATH");
        return;
    };
    let folder = folder(&[(
        "hosts.sh",
        "#!/bin/sh\necho '{\"_meta\": {\"hostvars\": {\"d1\": {\"ip\": \"10.0.0.1\"}}}, \
         \"kube_node\": {\"hosts\": [\"d1\"], \"vars\": {\"g\": \"{{ ip }}\"}}}'\n",
    )]);
    let script = folder.path().join("hosts.sh");
    executable(&script);
    let options = LoadOptions { ansible_inventory: Some(program.clone()), ..LoadOptions::default() };
    let inventory = load_with(std::slice::from_ref(&script), &options).unwrap();
    assert_eq!(inventory.value_of("d1", "g").unwrap(), Some(json!("10.0.0.1")));
    let output = Command::new(program).arg("-i").arg(&script).arg("--list").output().unwrap();
    assert_eq!(inventory.to_ansible_json(), serde_json::from_slice::<Value>(&output.stdout).unwrap());
}

fn config(folder: &Path, variables: &[(&str, &str)]) -> AnsibleConfig {
    let variables: HashMap<&str, OsString> =
        variables.iter().map(|(name, value)| (*name, OsString::from(value))).collect();
    let variable = |name: &str| variables.get(name).cloned();
    let around = Surroundings {
        variable: &variable,
        folder: folder.to_owned(),
        system: folder.join("etc/ansible.cfg"),
    };
    AnsibleConfig::find(&around).unwrap()
}

#[test]
fn ansible_cfg_is_found_in_ansibles_order() {
    let folder = folder(&[
        ("named/ansible.cfg", "[defaults]\nremote_user = named\n"),
        ("work/ansible.cfg", "[defaults]\nremote_user = here\n"),
        ("home/.ansible.cfg", "[defaults]\nremote_user = home\n"),
        ("work/etc/ansible.cfg", "[defaults]\nremote_user = system\n"),
    ]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let work = folder.path().join("work");
    let user = |variables: &[(&str, &str)]| config(&work, variables).remote_user;
    let (named, home) = (at("named"), at("home"));
    assert_eq!(user(&[("ANSIBLE_CONFIG", &named), ("HOME", &home)]).as_deref(), Some("named"));
    assert_eq!(user(&[("ANSIBLE_CONFIG", "/nowhere"), ("HOME", &home)]).as_deref(), Some("here"));
    assert_eq!(user(&[("HOME", &home), ("ANSIBLE_REMOTE_USER", "told")]).as_deref(), Some("told"));
    // Where everybody may write, everybody could say what is run.
    fs::set_permissions(&work, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(user(&[("HOME", &home)]).as_deref(), Some("home"));
    assert!(config(&work, &[("HOME", &home)]).warnings[0].contains("everybody may write"));
    assert_eq!(user(&[]).as_deref(), Some("system"));
}

#[test]
fn ansible_cfg_says_how_to_log_in() {
    let folder = folder(&[(
        "ansible.cfg",
        "# c\n[defaults]\ninventory = inv/hosts.ini, /abs\nprivate_key_file = keys/id ; mine\n\
         Host_Key_Checking: False\nforks=20\ntimeout = many\nvault_password_file = vp\n\
         vault_identity_list = dev@a, prod@b\n\n[ssh_connection]\npipelining = True\n\
         ssh_args = -o ControlMaster=auto\n  -o ControlPersist=60s\nssh_common_args = -J bastion\n",
    )]);
    let found = config(folder.path(), &[("ANSIBLE_FORKS", "99999"), ("ANSIBLE_SSH_EXTRA_ARGS", "-v")]);
    let at = |name: &str| folder.path().join(name);
    assert_eq!(found.inventory, [at("inv/hosts.ini"), "/abs".into()]);
    assert_eq!(found.private_key_file, Some(at("keys/id")));
    assert_eq!((found.host_key_checking, found.forks, found.timeout), (Some(false), Some(4096), None));
    assert_eq!(found.vault_password_file, Some(at("vp")));
    assert_eq!(found.vault_identity_list, ["dev@a", "prod@b"]);
    assert_eq!(found.ssh_args.as_deref(), Some("-o ControlMaster=auto\n-o ControlPersist=60s"));
    assert_eq!(
        (found.ssh_common_args.as_deref(), found.ssh_extra_args.as_deref()),
        (Some("-J bastion"), Some("-v"))
    );
    assert!(found.warnings[0].contains("`timeout`"), "{:?}", found.warnings);
    let checked = config(folder.path(), &[("ANSIBLE_HOST_KEY_CHECKING", "yes")]);
    assert_eq!(checked.host_key_checking, Some(true));
}

#[test]
fn a_folder_is_read_without_what_ansible_cfg_leaves_out() {
    let folder = folder(&[
        (
            "ansible.cfg",
            "[defaults]\ninventory_ignore_extensions = ~, .ini, .creds\n[inventory]\nignore_patterns = artifacts, ^cred\n",
        ),
        ("inv/hosts", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("inv/inventory.ini", "[kube_node]\nleftover\n"),
        ("inv/b.creds", "geheim1\n"),
        ("inv/credentials/pw", "geheim2\n"),
        ("inv/artifacts/admin", "geheim3\n"),
        ("inv/more.md", "[kube_node]\nm\n"),
    ]);
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "inv", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    assert!(!out.contains("geheim") && !out.contains("leftover") && !err.contains("geheim"), "{out}{err}");
    assert!(out.contains("\"m\""), "the configured endings replace Ansible's own: {out}");
    let told =
        config(folder.path(), &[("ANSIBLE_INVENTORY_IGNORE_REGEX", "("), ("ANSIBLE_INVENTORY_IGNORE", ".x")]);
    assert_eq!(told.ignored_endings, Some(vec![".x".to_owned()]));
    let options = LoadOptions { ignored_patterns: told.ignored_patterns, ..LoadOptions::default() };
    let error = load_with(&[folder.path().join("inv")], &options).unwrap_err().to_string();
    assert!(error.contains("ignore_patterns"), "{error}");
}

#[test]
fn the_vars_files_beside_the_playbook_stand_between_those_of_the_inventory() {
    let text =
        |whose: &str, names: &str| names.chars().map(|name| format!("{name}: {whose}\n")).collect::<String>();
    let folder = folder(&[
        ("inv/hosts.ini", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("inv/group_vars/all.yml", &text("inventory-all", "abcdef")),
        ("group_vars/all.yml", &text("playbook-all", "bcdef")),
        ("inv/group_vars/kube_node.yml", &text("inventory-group", "cdef")),
        ("group_vars/kube_node.yml", &text("playbook-group", "def")),
        ("inv/host_vars/n.yml", &text("inventory-host", "ef")),
        ("host_vars/n.yml", &text("playbook-host", "f")),
    ]);
    let (code, out, err) =
        airworthy(folder.path(), &["inventory", "-i", "inv/hosts.ini", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let ours: Value = serde_json::from_str(&out).unwrap();
    let expected = json!({"a": "inventory-all", "b": "playbook-all", "c": "inventory-group",
        "d": "playbook-group", "e": "inventory-host", "f": "playbook-host"});
    assert_eq!(ours["_meta"]["hostvars"]["n"], expected);
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(program) = find_ansible_inventory(&path) {
        let mut command = Command::new(program);
        let output =
            command.args(["-i", "inv/hosts.ini", "--list"]).current_dir(folder.path()).output().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), ours);
    }
    // Elsewhere, they are not read.
    let elsewhere = load(&[folder.path().join("inv/hosts.ini")]).unwrap();
    assert_eq!(elsewhere.vars_of("n").unwrap()["f"], "inventory-host");
}

#[test]
fn mappings_are_merged_where_ansible_cfg_says_so() {
    let folder = folder(&[
        ("ansible.cfg", "[defaults]\nhash_behaviour = merge\n"),
        (
            "hosts.yml",
            "all:\n  hosts: {n: {m: {h: 1, deep: {x: 1}}, s: {a: 1}}}\n  vars: {m: {g: 1, h: 0, deep: {y: [1]}}, s: 1}\nkube_node: {hosts: {n: {m: {again: 2}}}}\n",
        ),
        ("group_vars/kube_node.yml", "m: {deep: {y: [2], z: 3}}\ns: {b: 1}\n"),
    ]);
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.yml", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let ours: Value = serde_json::from_str(&out).unwrap();
    let expected =
        json!({"m": {"g": 1, "h": 1, "again": 2, "deep": {"x": 1, "y": [2], "z": 3}}, "s": {"a": 1, "b": 1}});
    assert_eq!(ours["_meta"]["hostvars"]["n"], expected);
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(program) = find_ansible_inventory(&path) {
        let mut command = Command::new(program);
        let output = command.args(["-i", "hosts.yml", "--list"]).current_dir(folder.path()).output().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), ours);
    }
    let plain = load(&[folder.path().join("hosts.yml")]).unwrap();
    assert_eq!(plain.vars_of("n").unwrap()["s"], json!({"a": 1}));
}

/// Runs the binary in a folder, with an environment of its own.
fn airworthy(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_airworthy"))
        .env_clear()
        .env("PATH", folder.join("bin"))
        .env("HOME", folder)
        .env("COLUMNS", "120")
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_host_whose_address_is_not_known_is_not_visited() {
    let folder = folder(&[(
        "hosts.yml",
        "all:\n  children:\n    kube_control_plane: {hosts: {a: {ansible_host: \"{{ ansible_default_ipv4.address }}\"}}}\n    \
         kube_node: {hosts: {b: {ansible_host: 127.0.0.1, ansible_port: \"{{ 0 + 1 }}\", \
         ansible_password: \"{{ lookup('env', 'P') }}\"}}}\n",
    )]);
    let check = ["check", "-i", "hosts.yml", "--devbox", "none", "--timeout", "2", "--format", "json"];
    let (code, out, err) = airworthy(folder.path(), &check);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    assert_eq!((code, &report["verdict"]), (1, &json!("no-go")));
    for (at, named) in [(0, "ansible_default_ipv4"), (1, "lookup('env')")] {
        let host = &report["hosts"][at];
        assert_eq!(host["unreachable"]["stage"], "inventory", "{host}");
        let reason = host["unreachable"]["reason"].as_str().unwrap();
        assert!(reason.contains(named) && reason.contains("hosts.yml:"), "{reason}");
        let results = report["results"].as_array().unwrap();
        assert!(results.iter().any(|it| it["check"] == "host-reachable"
            && it["host"] == host["name"]
            && it["status"] == "fail"
            && it["remediation"].as_str().is_some_and(|text| text.starts_with("Nothing was tried"))));
    }
}

#[test]
fn ansible_cfg_says_who_and_where_hosts_without_a_word_are() {
    let folder = folder(&[(
        "ansible.cfg",
        "[defaults]\nremote_port = 2222\ntransport = docker\n[privilege_escalation]\nbecome_method = su\n\
         become_user = admin\n[sudo_become_plugin]\nflags = -H\n",
    )]);
    let read = config(folder.path(), &[]);
    assert_eq!(read.remote_port, Some(2222));
    let stand_ins: Vec<(&str, &str)> =
        read.stand_ins.iter().map(|it| (it.variable.as_str(), it.value.as_str())).collect();
    assert_eq!(
        stand_ins,
        [
            ("ansible_connection", "docker"),
            ("ansible_become_method", "su"),
            ("ansible_become_user", "admin"),
            ("ansible_become_flags", "-H"),
        ]
    );
    assert!(read.stand_ins[1].origin.starts_with("`become_method` in "), "{:?}", read.stand_ins);
    let over = [("ANSIBLE_REMOTE_PORT", "2022"), ("ANSIBLE_BECOME_METHOD", "doas")];
    let told = config(folder.path(), &over);
    assert_eq!(told.remote_port, Some(2022));
    assert_eq!(
        (told.stand_ins[1].value.as_str(), told.stand_ins[1].origin.as_str()),
        ("doas", "ANSIBLE_BECOME_METHOD")
    );
    let none = config(folder.path(), &[("ANSIBLE_REMOTE_PORT", "99999")]);
    fs::write(folder.path().join("hosts.ini"), "[kube_node]\nn\n").unwrap();
    let (_, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.ini"]);
    assert!(out.contains(" 2222 "), "{out}");
    for name in ["ansible_connection", "ansible_become_method", "ansible_become_user"] {
        assert!(err.contains(&format!("`check` will not visit n: `{name}` (")), "{err}");
    }
    assert!(none.remote_port.is_none() && none.warnings[0].contains("ANSIBLE_REMOTE_PORT"), "{none:?}");
}

#[test]
fn ansible_cfg_and_vault_flags_reach_the_command() {
    let vars = format!("ansible_user: {INLINE}");
    let folder = folder(&[
        ("hosts.ini", "[kube_control_plane]\nn\n[kube_node]\nn\n"),
        ("group_vars/all.yml", &vars),
        ("group_vars/etcd.yml", &encrypted_file()),
        ("more.ini", "[etcd]\nn\n"),
        ("pw", "pw1\n"),
        ("ansible.cfg", "[defaults]\ninventory = hosts.ini, more.ini\n"),
    ]);
    let (code, out, err) =
        airworthy(folder.path(), &["inventory", "--host", "n", "--vault-password-file", "pw"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("the inventory is Ansible's configured one"), "{err}");
    assert!(out.contains("secret: (encrypted)") && !out.contains("geheim") && !out.contains("x{{"), "{out}");
    let (code, _, err) = airworthy(folder.path(), &["inventory", "--vault-id", "dev@hosts.ini"]);
    assert!(code == 2 && err.contains("etcd.yml"), "{err}");
    fs::write(folder.path().join("ansible.cfg"), "[defaults]\nvault_password_file = pw\n").unwrap();
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.ini", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("__ansible_vault"), "{out}");
    let (code, _, err) = airworthy(folder.path(), &["inventory"]);
    assert!(code == 2 && err.contains("name an inventory with -i"), "{err}");
}

#[test]
fn what_a_template_comes_to_is_shown_where_it_tells_how_a_host_is_reached() {
    let folder = folder(&[(
        "hosts.ini",
        "n ansible_host='n.{{ domain }}' ip='{{ ansible_default_ipv4.address }}' note='{{ domain }}'\n\
         [all:vars]\ndomain=example.org\n[kube_control_plane]\nn\n[etcd]\nn\n[kube_node]\nn\n",
    )]);
    let (code, out, err) = airworthy(folder.path(), &["inventory", "-i", "hosts.ini", "--host", "n"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("ansible_host: \"n.{{ domain }}\"\n    used as \"n.example.org\"\n"), "{out}");
    assert!(out.contains("    not known: ") && out.contains("ansible_default_ipv4"), "{out}");
    assert!(out.contains("note: \"{{ domain }}\"\n    hosts.ini:1"), "only what is shown anyway: {out}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a variable ends in a value or a reason, soon.
    #[test]
    fn no_template_panics(words in prop::collection::vec(prop::sample::select(WORDS), 0..24), free in "[ -~äß→]{0,12}") {
        let template = format!("{{{{ {} }}}}{free}{{% {} %}}", words.join(" "), words.iter().rev().copied().collect::<Vec<_>>().join(""));
        let inventory = with(&json!({"it": template, "also": format!("{{{{ {} }}}}", words.join("")), "x": [1, "b", null], "m": {"k": "{{ it }}"}}));
        let _ = inventory.value_of("node1", "it");
        let _ = inventory.value_of("node1", "also");
    }
}

/// Pieces of templates.
const WORDS: &[&str] = &[
    "x",
    "m",
    "it",
    "hostvars",
    "groups",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "|",
    ".",
    ",",
    ":",
    "'",
    "\"",
    "~",
    "+",
    "-",
    "*",
    "**",
    "//",
    "%",
    "==",
    "<",
    "in",
    "not",
    "is",
    "if",
    "else",
    "and",
    "or",
    "1",
    "-9223372036854775808",
    "2.5",
    "'a'",
    "list",
    "sort",
    "first",
    "join",
    "map",
    "int",
    "default",
    "combine",
    "regex_replace",
    "replace",
    "for i in x",
    "endfor",
    "set a =",
    "range(9)",
    "[::-1]",
    "['k']",
    "round",
    "min",
    "defined",
    "\\",
    "}}",
    "{{",
    "%}",
    "{%",
];
