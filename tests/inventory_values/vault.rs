//! What `ansible-vault` encrypted, and where its passwords come from.

use std::fs;
use std::sync::Arc;

use airworthy::inventory::{LoadOptions, Vault, VaultSecret, VaultSource, load_with, read_password};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::bench::{executable, folder};
use crate::templates::fixtures;

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
pub(crate) fn encrypted_file() -> String {
    fs::read_to_string(fixtures().join("vault.yml")).unwrap()
}

#[test]
pub(crate) fn encrypted_files_are_read_with_the_password_and_lock_their_hosts_without() {
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

/// Encrypted by ansible-vault 2.19 with the password `pw1`: `x{{ secret }}`.
pub(crate) const INLINE: &str = "!vault |\n  $ANSIBLE_VAULT;1.2;AES256;dev\n  \
    32333337316165363166393333343730323630313263383261613635336339326135646161653234\n  \
    6235316334643534386538363330613634316330643839640a663031653035373232363432636363\n  \
    66353936646432373638353966303361653931663865663366366161663035353266376561663339\n  \
    3863346535626462310a613365666564346339383364396331633039663566646134373536663762\n  3135\n";
