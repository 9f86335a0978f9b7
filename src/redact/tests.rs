use serde_json::{Value, json};

use super::*;

/// A value with `geheim` in it, shown: nothing of it is left, and something stands in its place.
#[track_caller]
fn hides(name: &str, secret: &Value) {
    let shown = value(name, secret).to_string();
    assert!(!shown.contains("geheim") && shown.contains(STARS), "{name}: {shown}");
}

#[test]
fn names_are_judged_by_their_words() {
    for name in [
        "password",
        "ansible_ssh_pass",
        "PASSWD",
        "userPassword",
        "rootpw",
        "db_pwd",
        "secret",
        "client-secret",
        "splunk-token",
        "X-Auth-Token",
        "apikey",
        "api_key",
        "dd-api-key",
        "logdna-key",
        "apiKey",
        "APIKey",
        "aws_secret_access_key",
        "access-key",
        "accesskey",
        "secret-key",
        "private_key",
        "ansible_ssh_private_key",
        "credential",
        "registry_credentials",
        "registry_auth",
        "auths",
        "auth",
        "Authorization",
        "bearer",
        "vault_db",
        "encryption_key",
        "api_key_value",
        "password_hash",
        "kube_encrypt_token",
        "sasl.password",
        "log-opts.splunk-token",
        "sshpassphrase",
        "insightops-token",
        "psk",
        "access_key_id",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "keyring",
        "authorized",
        "authorized_keys",
        "token_ttl",
        "token_type",
        "public_key",
        "ssh_pub_key",
        "monkey",
        "keyboard",
        "authorization_modes",
        "passthrough",
        "bypass",
        "passwordless",
        "author",
        "tokenizer",
        "secret_name",
        "oidc_username_claim",
        "auth_url",
        "key_file",
        "private_key_path",
        "log-driver",
        "max-size",
        "compass",
        "docker_repo_key_info",
        "kube_oidc_url",
        "host",
        "vaulted_roof",
        "keystone_user",
        "docker_reserved_keys",
        "keys",
        "",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn secrets_are_stars_by_name_and_by_form() {
    for (name, secret) in [
        ("ansible_password", json!("geheim")),
        ("ansible_private_key", json!("geheim")),
        ("aws_secret_access_key", json!(["geheim"])),
        ("registry_auth", json!({"user": "geheim"})),
        ("credentials", json!("geheim")),
        ("vault_password_file_content", json!("geheim")),
        ("ansible_become_password", json!({"__ansible_unsafe": "geheim"})),
        ("x", json!({"__ansible_vault": "geheim"})),
        ("x", json!("$ANSIBLE_VAULT;1.1;AES256;geheim\n3132\n3334\n")),
        ("pem", json!("-----BEGIN OPENSSH PRIVATE KEY-----\ngeheim\n")),
        ("pem", json!("a\n-----BEGIN RSA PRIVATE KEY-----\ngeheim\n-----END RSA PRIVATE KEY-----\nb")),
        ("http_proxy", json!("http://ann:geheim@proxy:3128/")),
        ("http_proxy", json!("http://ann:ge/geheim@proxy:3128/")),
        ("http_proxy", json!("http://ann:1/geheim@proxy:3128")),
        ("http_proxy", json!("http://ann:a@geheim/geheim@proxy:3128/")),
        ("http_proxy", json!("http://ann:a'geheim@proxy:3128/")),
        ("http_proxy", json!("http://ann:a geheim@proxy:3128/")),
        ("http_proxy", json!("http://ann:a,geheim@proxy:3128/")),
        ("http_proxy", json!("ann:geheim@10.0.0.1:3128")),
        ("http_proxy", json!("ann:x/geheim@10.0.0.1:3128")),
        ("http_proxy", json!("geheim@10.0.0.1:3128")),
        ("anything", json!("ann:geheim@10.0.0.1:3128")),
        ("anything", json!("ann:geheim@[fd00::1]:3128")),
        ("anything", json!("x=ann:geheim@proxy")),
        ("mirrors", json!(["a", "https://geheim@github.com/x and https://b:geheim@c"])),
        ("insecure-registries", json!(["a:5000", "geheim@r:5000"])),
        ("docker_config", json!("{\"auths\": {\"r\": {\"auth\": \"geheim\"}}}")),
        ("nested", json!({"a": [{"registry_password": "geheim"}]})),
        ("ansible_ssh_common_args", json!("-o ProxyCommand='sshpass -p geheim ssh -W %h:%p b'")),
        ("kubelet_args", json!("--v=2 --token=geheim")),
        ("kubelet_args", json!("--v=2 --token geheim")),
        ("runtimeArgs", json!(["--debug", "--token", "geheim", "x"])),
        ("runtimeArgs", json!(["--token=geheim"])),
        ("labels", json!(["rack=7", "api-key=geheim"])),
        ("env", json!("SPLUNK_TOKEN=geheim,OTHER=x")),
        ("env", json!([{"name": "API_TOKEN", "value": "geheim"}])),
        ("config", json!("user: ann\npassword: geheim\n")),
        ("header", json!("Authorization: Bearer geheim")),
        ("header", json!("Proxy-Authorization: Basic geheim")),
        ("address", json!("//joe:geheim@host/x")),
        ("anything", json!("//joe:geheim@host/x")),
        ("x", json!("server=db;uid=sa;Pwd=geheim;")),
        ("note", json!("curl -H 'bearer geheim123456'")),
        ("note", json!("it is ghp_geheim0123456789geheim")),
        ("note", json!("AKIAgeheimgeheim0123")),
        ("key_file_content", json!("PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\ngeheim\n")),
        ("note", json!("curl -u joe:geheim https://x")),
        ("unseal_key_1", json!("geheim")),
        ("password2", json!("geheim")),
        ("http_proxy", json!("http://joe@corp:geheim@proxy:3128")),
        ("dsn", json!("postgres://u:p@geheim@db/x")),
        ("dsn", json!("redis://:geheim@host:6379/0")),
        ("x", json!("joe:a:geheim@host:1")),
        ("url", json!("https://x.example/?access_token=geheim&a=b")),
        ("connection", json!("AccountName=x;AccountKey=geheim;")),
        ("nested", json!({"list": [{"deep": {"clientSecret": ["geheim"]}}]})),
        ("text", json!("[{\"api_key\": \"geheim\"}]")),
    ] {
        hides(name, &secret);
    }
    assert_eq!(value("ansible_password", &json!(8_123_456)), STARS);
    assert_eq!(
        value("log-opts", &json!({"tag": "x", "dd-api-key": "k", "mode": null})),
        json!({"tag": "x", "dd-api-key": STARS, "mode": null})
    );
}

#[test]
fn what_is_no_secret_is_shown() {
    for (name, public) in [
        ("ansible_ssh_private_key_file", json!("/home/ann/.ssh/id_ed25519")),
        ("ansible_ssh_private_key_file", json!("id_ed25519")),
        ("vault_password_file", json!("~/.vault/pass")),
        ("kube_webhook_token_auth", json!(false)),
        ("kube_token_auth", json!("true")),
        ("etcd_auth", json!(1)),
        ("token_ttl", json!("24h")),
        ("repo", json!("https://example.com:8443/a@b")),
        ("registry", json!("https://example.com:4873/@scope/package")),
        ("git", json!("ssh://git@example.com/x")),
        ("repo", json!("git@github.com:a/b.git")),
        ("ansible_ssh_common_args", json!("-o ProxyCommand='ssh -W %h:%p b'")),
        ("list", json!("[1, 2]")),
        ("image", json!("quay.io/tokens:v1")),
        ("image", json!("registry:5000/a:v1@sha256:0123456789abcdef")),
        ("ntp", json!({"servers": ["a", 3, null]})),
        ("taints", json!([{"key": "node", "value": "gpu", "effect": "NoSchedule"}])),
        ("exec-opts", json!(["native.cgroupdriver=systemd"])),
        ("log-opts", json!({"max-size": "50m", "env": "os,customer", "labels": "rack"})),
        ("mail", json!("mailto:joe@example.com")),
        ("nfs", json!("nfs1:/export@snapshot")),
        ("note", json!("a bearer token authenticates")),
        ("no_proxy", json!("localhost,10.0.0.0/8,.local")),
    ] {
        assert_eq!(value(name, &public), public, "{name}");
    }
    for sentence in [
        "-K, --ask-pass: there is no terminal",
        "the vault password file vault.txt: No such file",
        "hosts.yml:12:3: unexpected `x`",
        "no url, a@b",
        "https://kubernetes.io/docs/a@b",
    ] {
        assert_eq!(shown(sentence), sentence);
    }
    assert_eq!(shown("http://a:b@c and http://d/e@f"), "http://********@c and http://d/e@f");
    for complaint in [
        "a hardware key: needs an SSH agent that holds it",
        "cat: /etc/kubernetes/token: Permission denied",
        "sudo: a password is required",
        "Permission denied (publickey,password).",
        "token_ttl=3600 auth: true",
        "--password-file /etc/pw",
    ] {
        assert_eq!(text(complaint), complaint);
    }
}

#[test]
fn what_was_remembered_is_found_wherever_it_stands() {
    remember("Zq7remembered!");
    remember("zqplainword");
    remember("10.77.1.0/24");
    remember("a\"zq\\b");
    for text in [
        "xxZq7remembered!xx",
        "\"zqplainword\"",
        "/roles/zqplainword/x",
        "networks 10.77.1.0/24, 10.0.0.0/8",
        "a\"zq\\b",
        "\"a\\\"zq\\\\b\"",
    ] {
        let shown = shown(text);
        assert!(shown.contains(STARS) && !shown.contains("zq") && !shown.contains("Zq7"), "{shown}");
    }
    for text in ["zqplainword-running", "my-zqplainword", "110.77.1.0/24", "10.77.1.0/240"] {
        assert_eq!(shown(text), text);
    }
    for public in ["yes", "abc", "root", "ubuntu", "false"] {
        remember(public);
        assert_eq!(shown(public), public);
    }
    remember("zq-public-host");
    publish(["zq-public-host"]);
    assert_eq!(shown("on zq-public-host"), "on zq-public-host");
    remember_named("zq_password", &json!("zqNamed11"));
    remember_named("zq_password", &json!("{{ zqTemplate11 }}"));
    assert_eq!(shown("zqNamed11 zqTemplate11"), format!("{STARS} zqTemplate11"));
}

#[test]
fn places_in_a_text_stay() {
    for line in [
        "api_key=\"geheim",
        "{\"db_pwd\": \"geheim\", x",
        "registry_auth: geheim",
        "x: http://ann:geheim@proxy",
        "n1 ansible_password=geheim x=ü",
    ] {
        let shown = of_same_length(line);
        assert!(!shown.contains("geheim") && shown.len() == line.len(), "{shown}");
    }
    let text = "node1 ip=1 ansible_password=geheim x=ü\npassword: \"pä ss\"\nplain: text\ntoken_auth: true\n";
    let shown = of_same_length(text);
    assert_eq!(shown.len(), text.len());
    assert!(
        shown.contains("plain: text")
            && shown.contains("ansible_password=***")
            && shown.contains("auth: true")
    );
    assert!(!shown.contains("geheim") && !shown.contains("ss\""));
}

#[test]
fn what_a_program_says_of_a_thing_is_no_setting() {
    for said in [
        "/bin/sh: 1: exec: sshpass: not found",
        "exec: \"docker-credential-pass\": executable file not found in $PATH",
        "vault_token: expired, log in again with tsh login",
        "tsh: access-key: unauthorized",
    ] {
        assert_eq!(text(said), said);
    }
    for secret in ["token: zq8f7a6b", "password: \"zq and more\"", "password: zq1, user: joe", "api-key: ZQ"]
    {
        assert!(!text(secret).to_lowercase().contains("zq"), "{secret}: {}", text(secret));
    }
}

#[test]
fn words_of_the_programs_own_texts_are_no_secrets() {
    publish_texts(["zq-dir: see /var/lib/zqdocker, and zqversion-1.2."]);
    for word in ["/var/lib/zqdocker", "zqversion-1.2"] {
        remember(word);
        assert_eq!(shown(&format!("it is {word} here")), format!("it is {word} here"));
    }
    remember("zqversion");
    assert!(!shown("it is zqversion here").contains("zqversion"));
}

#[test]
fn names_of_each_and_names_about() {
    for name in ["passwords_by_user", "password_per_host", "token_for_host"] {
        hides(name, &json!({"joe": "geheim"}));
    }
    for (name, shown) in [
        ("vault_version", "1.15.2"),
        ("secrets_store_csi_image_tag", "v1.4"),
        ("ssh_key", "~/.ssh/id_rsa"),
        ("tls_key", "/etc/ssl/k.pem"),
        ("kubeadm_certificate_key", "{{ lookup('password', credentials_dir + '/key.creds length=64') }}"),
        ("ansible_password", "{{ vaulted }}"),
    ] {
        assert_eq!(value(name, &json!(shown)), json!(shown), "{name}");
    }
    hides("ansible_password", &json!("{{ 'geheim' }}"));
    hides("proxy_command", &json!("ncat --proxy-auth joe:geheim gate 22"));
    hides("env", &json!(["CONFIG={\"db_password\":\"geheim\"}"]));
}
