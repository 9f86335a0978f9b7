//! A marker in whatever can hold a secret, looked for in whatever is written: by name, by form and by origin.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use airworthy::gather;
use serde_json::Value;

use crate::environment;
use crate::harness::{Bench, Ran};
use crate::vault::{encrypt, encrypt_value};
use crate::written::rewritten;

/// What each marker has in it; a number makes it its own.
const MARK: &str = "zQm4rk";

/// Whether nothing that a run wrote holds a marker; the first line that does is told.
#[track_caller]
fn keeps(args: &[&str], ran: &Ran) {
    for (stream, text) in [("stdout", &ran.out), ("stderr", &ran.err)] {
        is_clean(&format!("{args:?}, {stream}"), text);
    }
    assert!(!ran.err.contains("panicked"), "{args:?}: {ran:?}");
}

#[track_caller]
fn is_clean(what: &str, text: &str) {
    let mark = MARK.to_lowercase();
    if let Some(line) = text.lines().find(|line| line.to_lowercase().contains(&mark)) {
        let at = line.to_lowercase().find(&mark).unwrap_or_default();
        let start =
            line.char_indices().map(|(at, _)| at).take_while(|start| start + 100 < at).last().unwrap_or(0);
        panic!("{what}: {}", line[start..].chars().take(240).collect::<String>());
    }
}

/// daemon.json with a marker in each field that can hold a secret.
const DAEMON: &str = r#"{
  "debug": true,
  "default-runtime": "runc",
  "exec-opts": ["native.cgroupdriver=systemd", "x.password=zQm4rk01"],
  "insecure-registries": ["plain.example:5000", "joe:zQm4rk02@r.example:5000", "zQm4rk03@r.example:5000"],
  "labels": ["rack=7", "api-key=zQm4rk04", "url=http://joe:zQm4rk05@x.example/"],
  "log-driver": "splunk",
  "log-opts": {
    "api-key": "zQm4rk06", "dd-api-key": "zQm4rk07", "logdna-key": "zQm4rk08", "splunk-token": "zQm4rk09",
    "env": "A=b,API_TOKEN=zQm4rk10", "labels": "secret=zQm4rk11", "gelf-address": "udp://joe:zQm4rk12@10.0.0.2:12201",
    "sasl.password": "zQm4rk13", "max-size": "50m", "accessKey": "zQm4rk14", "credential": "zQm4rk15",
    "header": "Bearer zQm4rk16abcdef", "key": "-----BEGIN RSA PRIVATE KEY-----\nzQm4rk17\n-----END RSA PRIVATE KEY-----"
  },
  "proxies": {
    "http-proxy": "joe:zQm4rk18@10.0.0.1:3128", "https-proxy": "http://joe:zQm4rk19/zQm4rk20@10.0.0.1:3128",
    "no-proxy": "localhost,.example"
  },
  "registry-mirrors": ["https://mirror.example", "https://joe:zQm4rk21@mirror.example", "https://zQm4rk22@m.example/"],
  "runtimes": {
    "nvidia": {"path": "/usr/bin/nvidia-container-runtime", "runtimeArgs": ["--token", "zQm4rk23", "--auth=zQm4rk24"]},
    "other": {"path": "/x", "options": {"ClientSecret": "zQm4rk25", "Pin": {"passphrase": 81234567}}}
  },
  "env": ["PLAIN=x", "DB_PASSWORD=zQm4rk26"]
}
"#;

/// A worker's answer with that daemon.json, and with programs that quote it when they complain.
fn transcript(bench: &Bench, daemon: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts/worker-gpu/transcript");
    let recorded = fs::read_to_string(file).expect("readable");
    let boundary = gather::boundary_of(recorded.as_bytes()).expect("the answer's boundary");
    let config = format!("/etc/docker/daemon.json\n{daemon}");
    let registries = "by curl\nregistry\thttps://quay.io\tcurl: (5) Could not resolve proxy: http://joe:zQm4rk30@proxy:3128 000\n\
                      mirror\thttps://joe:zQm4rk31@mirror.example\tpassword: zQm4rk32\n";
    let leaked: &'static str = Box::leak(config.into_boxed_str());
    let answer = [("docker-config", 0, leaked), ("registries", 0, registries)]
        .into_iter()
        .fold(recorded, |answer, section| rewritten(&answer, &boundary, section));
    let complaint = format!(
        "\n@{boundary} err docker-info\nunable to configure the Docker daemon: \"splunk-token\": \"zQm4rk33\"\n\
         proxy joe:zQm4rk34@10.0.0.1:3128 refused\n\n@{boundary} err docker-config\n"
    );
    bench.write("answer", answer.replace(&format!("\n@{boundary} err docker-config\n"), &complaint));
}

#[test]
fn facts_of_a_host_keep_its_secrets_and_are_judged_all_the_same() {
    let bench = Bench::new();
    transcript(&bench, DAEMON);
    let args = ["facts", "--transcript", "answer", "-o", "facts"];
    let ran = bench.run(&args);
    assert_eq!(ran.code, 0, "{ran:?}");
    keeps(&args, &ran);
    let printed = bench.run(&["facts", "--transcript", "answer"]);
    keeps(&["facts"], &printed);
    assert!(!printed.out.contains("81234567"), "a number under a secret's name");
    let config = &printed.json()["facts"]["docker"]["config"]["known"];
    // The shape is there, and what is no secret.
    for (pointer, value) in [
        ("/log-driver", "splunk"),
        ("/log-opts/max-size", "50m"),
        ("/log-opts/dd-api-key", "********"),
        ("/labels/0", "rack=7"),
        ("/labels/1", "api-key=********"),
        ("/exec-opts/0", "native.cgroupdriver=systemd"),
        ("/insecure-registries/0", "plain.example:5000"),
        ("/insecure-registries/1", "********@r.example:5000"),
        ("/registry-mirrors/0", "https://mirror.example"),
        ("/proxies/http-proxy", "********@10.0.0.1:3128"),
        ("/proxies/no-proxy", "localhost,.example"),
        ("/runtimes/nvidia/runtimeArgs/1", "********"),
    ] {
        assert_eq!(config.pointer(pointer).and_then(Value::as_str), Some(value), "{pointer}");
    }
    for file in fs::read_dir(bench.path().join("facts")).expect("there") {
        let file = file.expect("an entry");
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        is_clean("saved facts", &fs::read_to_string(file.path()).expect("readable"));
    }
    for more in [
        &["-v"][..],
        &["--by", "host"],
        &["--format", "json"],
        &["--report", "json=r.json", "--report", "table=r.txt"],
    ] {
        let args = [&["check", "--facts", "facts", "--profile", "openpai"][..], more].concat();
        let ran = bench.run(&args);
        assert_eq!(ran.code, 1, "{ran:?}");
        keeps(&args, &ran);
    }
    is_clean("r.json", &bench.read("r.json"));
    is_clean("r.txt", &bench.read("r.txt"));
    let findings = |name: &str| {
        let judged =
            bench.run(&["check", "--facts", name, "--profile", "openpai", "--format", "json"]).json();
        let results = judged["results"].as_array().expect("a list").clone();
        let docker =
            results.into_iter().filter(|it| it["check"].as_str().is_some_and(|id| id.starts_with("docker")));
        docker.map(|it| (it["check"].clone(), it["status"].clone())).collect::<Vec<_>>()
    };
    // What is judged of the file without secrets is judged of it with them.
    let plain = DAEMON.replace("zQm4rk", "p").replace("joe:p", "joe:q");
    transcript(&bench, &plain);
    assert_eq!(bench.run(&["facts", "--transcript", "answer", "-o", "plain"]).code, 0);
    assert_eq!(findings("facts"), findings("plain"));
    // What is no JSON is quoted nowhere.
    transcript(&bench, &DAEMON.replace("\"debug\": true,", "\"debug\": \"zQm4rk40\"\n \"token\": zQm4rk41"));
    keeps(&args, &bench.run(&["facts", "--transcript", "answer", "-o", "facts"]));
    let ran = bench.run(&["check", "--facts", "facts", "--profile", "openpai", "-v"]);
    keeps(&["check"], &ran);
    is_clean("saved facts", &bench.read("facts/localhost.json"));
}

/// An inventory with a marker in each variable that can hold a secret, plain and encrypted.
fn inventory(bench: &Bench) {
    bench.write(
        "inv/hosts.ini",
        "[kube_control_plane]\nn1 ansible_password=zQm4rk50 ansible_host=192.0.2.1\n[etcd]\nn1\n[kube_node]\nn1\nn2\n\
         [all:vars]\nansible_become_pass='zQm4rk 51'\n",
    );
    let inline = |text: &str| encrypt_value("zQm4rk-vault", text);
    let plain = format!(
        "ansible_ssh_private_key: zQm4rk52\nregistry_password: zQm4rk53\nhttp_proxy: joe:zQm4rk54@10.0.0.1:3128\n\
         https_proxy: http://joe:zQm4rk55/zQm4rk56@10.0.0.1:3128\n\
         ansible_ssh_common_args: -o ProxyCommand='sshpass -p zQm4rk57 ssh -W %h:%p b'\n\
         docker_insecure_registries: [\"joe:zQm4rk58@r:5000\"]\ndocker_registry_mirrors: [\"https://zQm4rk59@m\"]\n\
         containerd_registry_auth: [{{registry: r.example, username: ann, password: zQm4rk60}}]\n\
         kube_encrypt_token: zQm4rk61\ndockerd_options: \"--log-opt splunk-token=zQm4rk62\"\n\
         my_pem: |\n  -----BEGIN PRIVATE KEY-----\n  zQm4rk63\n  -----END PRIVATE KEY-----\n\
         copied: \"{{{{ registry_password }}}}\"\nkube_proxy_mode: \"{{{{ registry_password }}}}\"\n\
         kube_webhook_token_auth: false\ntoken_ttl: 24h\nkeyring: /etc/keys\nauthorized_users: [ann]\n\
         kube_network_plugin: {}access_ip: {}",
        inline("zQm4rkplug"),
        inline("zQm4rkaddress"),
    );
    bench.write("inv/group_vars/all/plain.yml", plain);
    let secret = "kube_service_addresses: zQm4rk70/18\nkube_pods_subnet: 10.99.0.0/33\nip: zQm4rk71\ncontainer_manager: zQm4rk72\n\
                  kube_version: vzQm4rk73\netcd_deployment_type: zQm4rk74\nnested: {a: [zQm4rk75, {b: zQm4rk76}]}\n\
                  ansible_user: zqm4rkuser\n";
    bench.write("inv/group_vars/kube_node.yml", encrypt("zQm4rk-vault", secret));
    bench.write("extra.yml", encrypt("zQm4rk-vault", "dns_mode: zQm4rk80\nextra_secret: zQm4rk81\n"));
    bench.write("vault-password", "zQm4rk-vault\n");
    fs::set_permissions(bench.path().join("vault-password"), fs::Permissions::from_mode(0o600)).expect("set");
}

const VAULT: [&str; 2] = ["--vault-password-file", "vault-password"];
const EXTRA: [&str; 6] = [
    "-e",
    "my_token=zQm4rk90 kube_proxy_remove=false",
    "-e",
    "{\"other_pw\": \"zQm4rk91\"}",
    "-e",
    "@extra.yml",
];

/// A word that everybody knows cannot be told by its letters: its variable can.
#[test]
fn a_vaulted_word_is_not_told_where_its_variable_is() {
    let bench = Bench::new();
    bench.write(
        "hosts.ini",
        "n1 ansible_host=127.0.0.1 ansible_port=1\n[kube_control_plane]\nn1\n[kube_node]\nn1\n",
    );
    let plugin = encrypt_value("zQm4rk-vault", "calico");
    bench.write("group_vars/all.yml", format!("kube_network_plugin: {plugin}\nkube_proxy_mode: ipvs\n"));
    bench.write("vault-password", "zQm4rk-vault\n");
    let flags =
        ["-i", "hosts.ini", "--devbox", "none", "--timeout", "1", "--vault-password-file", "vault-password"];
    let told = bench.run(&[&["facts"][..], &flags].concat()).out;
    if !told.is_empty() {
        assert!(!told.contains("\"known\":\"calico\"") && !told.contains("\"known\": \"calico\""), "{told}");
    }
    bench.gather();
    let document = bench.read("facts/localhost.json").replace("\"name\": \"localhost\"", "\"name\": \"n1\"");
    bench.write("facts/localhost.json", document);
    let report = bench.run(&[&["check", "--facts", "facts", "--format", "json"][..], &flags].concat()).json();
    let found = report["results"].as_array().expect("results").iter().flat_map(|result| {
        result["found"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|found| found["source"].as_str().is_some_and(|it| it.contains("(encrypted)")))
    });
    for found in found {
        assert_eq!(found["value"], "********", "{found}");
    }
}

#[test]
fn no_output_of_any_command_holds_a_secret_of_the_inventory() {
    let bench = Bench::new();
    inventory(&bench);
    bench.gather();
    let document = bench.read("facts/localhost.json").replace("\"name\": \"localhost\"", "\"name\": \"n2\"");
    bench.write("facts/localhost.json", document);
    let common = [&["-i", "inv/hosts.ini"][..], &VAULT, &EXTRA].concat();
    let check = [&["check", "--facts", "facts", "--devbox", "none"][..], &common].concat();
    let visit = [&common[..], &["--devbox", "none", "--timeout", "1", "--limit", "n1"]].concat();
    let runs: Vec<Vec<&str>> = vec![
        [&["inventory"][..], &common].concat(),
        [&["inventory"][..], &common, &["--host", "n1"]].concat(),
        [&["inventory"][..], &common, &["--host", "n2"]].concat(),
        [&["inventory"][..], &common, &["--format", "json"]].concat(),
        [&["inventory"][..], &common, &["--host", "n2", "--format", "json"]].concat(),
        [&["inventory"][..], &common, &["--runtime-groups", "--format", "json"]].concat(),
        check.clone(),
        [&check[..], &["-v"]].concat(),
        [&check[..], &["-v", "--by", "host"]].concat(),
        [&check[..], &["--format", "json"]].concat(),
        [&check[..], &["--report", "json=r.json", "--report", "table=r.txt"]].concat(),
        [&["facts"][..], &visit].concat(),
        [&["facts"][..], &visit, &["-o", "saved"]].concat(),
        [&["check"][..], &visit, &["--save-facts", "kept", "--format", "json"]].concat(),
        [&["check"][..], &visit, &["--fix", "--dry-run"]].concat(),
        [
            &["fix", "undo", "--dry-run"][..],
            &common,
            &["--devbox", "none", "--timeout", "1", "--limit", "n2"],
        ]
        .concat(),
        [&["facts", "--transcript", "answer", "--host", "n2"][..], &common].concat(),
    ];
    transcript(&bench, DAEMON);
    for args in &runs {
        let ran = bench.run(args);
        assert!(ran.out.len() + ran.err.len() > 20, "{args:?}: {ran:?}");
        keeps(args, &ran);
    }
    for name in ["r.json", "r.txt"] {
        is_clean(name, &bench.read(name));
    }
    for folder in ["saved", "kept"] {
        for file in fs::read_dir(bench.path().join(folder)).expect(folder) {
            let path = file.expect("an entry").path();
            assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600, "{path:?}");
            is_clean(folder, &fs::read_to_string(path).expect("readable"));
        }
    }
    // What is no secret is there.
    let shown = bench.run(&runs[1]).out;
    for wanted in [
        "kube_webhook_token_auth: false",
        "token_ttl: \"24h\"",
        "keyring: \"/etc/keys\"",
        "authorized_users: [\"ann\"]",
    ] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(shown.contains("kube_network_plugin: (encrypted)"), "{shown}");
    let findings = bench.run(&runs[9]).json();
    assert!(
        findings["results"].to_string().contains("********"),
        "findings quote values, without them: {findings}"
    );
}

#[test]
fn errors_quote_no_secret() {
    let bench = Bench::new();
    bench.write("vault-password", "zQm4rk-vault\n");
    let ini = "[kube_node]\nn1 ansible_password=zQm4rk01 x='open\n";
    bench.write("open.ini", ini);
    bench.write("url.yml", "all:\n  hosts:\n    n1: {http_proxy: http://joe:zQm4rk02@p:1, x: [}\n");
    bench.write("port.ini", "[kube_node]\nn1 ansible_port=zQm4rk03 ansible_password=zQm4rk03\n");
    bench.write(
        "key.yml",
        "all:\n  vars:\n    k: |\n      -----BEGIN RSA PRIVATE KEY-----\n      zQm4rk04\n  hosts: [}\n",
    );
    bench.write("vaulted.yml", encrypt("zQm4rk-vault", "all: {hosts: {n1: {a: zQm4rk05, b: [}}}\n"));
    bench.write("group_vars/kube_node.yml", encrypt("zQm4rk-vault", "a: zQm4rk06\nzQm4rk07: [}\n"));
    bench.write("plain.ini", "[kube_node]\nn1\n");
    bench.write("wrong", "zQm4rk-wrong\n");
    bench.write(
        "facts/airworthy.yaml",
        "parameters:\n  registries: [\"https://joe:zQm4rk08@r\"]\n  nope: 1\n",
    );
    bench.gather();
    bench.write(
        "profile.yaml",
        "title: x\nchecks: [cpu-count]\nparameters: {api_token: zQm4rk09, nope_token: [}\n",
    );
    for args in [
        &["inventory", "-i", "open.ini"][..],
        &["inventory", "-i", "url.yml"],
        &["inventory", "-i", "port.ini"],
        &["check", "-i", "port.ini", "--devbox", "none"],
        &["inventory", "-i", "key.yml"],
        &["inventory", "-i", "vaulted.yml", "--vault-password-file", "vault-password"],
        &["inventory", "-i", "plain.ini", "--vault-password-file", "vault-password"],
        &["inventory", "-i", "plain.ini", "--vault-password-file", "wrong"],
        &["inventory", "-i", "plain.ini", "-e", "my_password='zQm4rk11"],
        &["inventory", "-i", "plain.ini", "-e", "{my_password: zQm4rk12, x: [}"],
        &["inventory", "-i", "plain.ini", "-e", "http_proxy=http://joe:zQm4rk13@p:1 y='"],
        &["check", "--facts", "facts"],
        &["check", "--as", "worker", "--profile", "profile.yaml"],
        &["check", "--as", "worker", "--set", "registries=[https://joe:zQm4rk14@r]"],
        &["check", "--as", "worker", "--set", "registries=[joe:zQm4rk15@r:5000]"],
        &["check", "--as", "worker", "--set", "registries=[\"http://joe:zQm4rk16/x@r\""],
        &["explain", "cpu-count", "--set", "registries=[\"http://joe:zQm4rk17/x@r\"]"],
        &["handoff", "-i", "plain.ini", "--kubespray", ".", "-e", "my_token=zQm4rk18"],
        &["handoff", "-i", "plain.ini", "--kubespray", ".", "--", "--extra-vars=p=http://joe:zQm4rk19@x:1"],
        &["check", "https://joe:zQm4rk20@r"],
        &["facts", "--script", "-e", "http_proxy=joe:zQm4rk21@p:3128"],
        &["facts", "--script", "-e", "https_proxy=http://joe:zQm4rk22@p:3128"],
    ] {
        keeps(args, &bench.run(args));
    }
}

/// The tests above can fail: the same search finds what is careless.
#[test]
fn a_careless_output_would_be_found() {
    let careless =
        environment::command("sh").args(["-c", "printf 'a\\nx ZQM4RK\\n'"]).output().expect("sh runs");
    let text = String::from_utf8(careless.stdout).expect("text");
    assert!(std::panic::catch_unwind(|| is_clean("careless", &text)).is_err());
    is_clean("careful", "nothing");
}
