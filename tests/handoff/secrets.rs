//! A handoff knows the inventory's secrets, and writes none of them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::bench::{Bench, Ran};
use crate::vault::{encrypt, encrypt_value};

#[track_caller]
fn is_clean(what: &str, text: &str) {
    let line = text.lines().find(|line| line.to_lowercase().contains("zqm4rk"));
    assert!(line.is_none(), "{what}: {line:?}");
}

#[track_caller]
fn keeps(ran: &Ran) {
    is_clean("stdout", &ran.out);
    is_clean("stderr", &ran.err);
}

fn bench() -> Bench {
    let bench = Bench::new();
    let plain = format!(
        "registry_password: zQm4rk01\nhttp_proxy: joe:zQm4rk02@10.0.0.1:3128\nansible_become_password: zQm4rk03\n\
         kube_network_plugin: {}",
        encrypt_value("zQm4rk-vault", "zQm4rkplug")
    );
    bench.write("inv/group_vars/all/plain.yml", plain);
    bench.write(
        "inv/group_vars/all/vault.yml",
        encrypt("zQm4rk-vault", "kube_service_addresses: zQm4rk04\nip: zQm4rk05\n"),
    );
    bench.write("pw", "zQm4rk-vault\n");
    bench
}

#[test]
fn neither_the_terminal_nor_the_record_has_them() {
    for more in [
        &["--dry-run"][..],
        &["--verbose"],
        &["--set", "fit=false"],
        &["--report", "json=r.json", "--dry-run"],
    ] {
        let bench = bench();
        let ran = bench.handoff(&[&["--vault-password-file", "pw", "-e", "token_ttl=1h"][..], more].concat());
        assert!(ran.code < 2, "{ran:?}");
        keeps(&ran);
        let kept = bench.path().join("inv/.airworthy");
        for entry in fs::read_dir(&kept).into_iter().flatten().map(|entry| entry.expect("an entry")) {
            is_clean("the record", &fs::read_to_string(entry.path()).expect("text"));
            assert_eq!(
                entry.metadata().expect("there").permissions().mode() & 0o777,
                0o600,
                "{:?}",
                entry.path()
            );
        }
        if more.contains(&"--report") {
            is_clean("the report", &bench.read("r.json"));
        }
    }
}

#[test]
fn what_is_refused_is_not_quoted() {
    let bench = bench();
    for more in [
        &["-e", "my_token=zQm4rk10"][..],
        &["-e", "http_proxy=joe:zQm4rk11@10.0.0.1:3128"],
        &["-e", "http_proxy=http://joe:zQm4rk12/x@10.0.0.1:3128"],
        &["-e", "{\"dd-api-key\": \"zQm4rk13\"}"],
        &["--", "--extra-vars=apiKey=zQm4rk14"],
        &["--vault-password-file", "inv/hosts.ini"],
    ] {
        let ran = bench.handoff(more);
        keeps(&ran);
        assert!(bench.started().is_none(), "{more:?}");
    }
}

#[test]
fn a_record_does_not_go_where_another_users_link_leads() {
    let bench = bench();
    let at = |name: &str| bench.path().join(name);
    for folder in ["shared", "secret"] {
        fs::create_dir(at(folder)).expect("made");
    }
    fs::set_permissions(at("shared"), fs::Permissions::from_mode(0o1777)).expect("set");
    symlink(at("secret"), at("shared/.airworthy")).expect("linked");
    symlink(at("secret"), at("shared/out")).expect("linked");
    for link in ["shared/.airworthy", "shared/out"] {
        if std::os::unix::fs::lchown(at(link), Some(12345), Some(12345)).is_err() {
            return; // only root can make another user's link
        }
    }
    for output in ["shared", "shared/out"] {
        let ran = bench.handoff(&["--vault-password-file", "pw", "--output", output]);
        ran.refuses(2, &["another user"]);
    }
    assert_eq!(fs::read_dir(at("secret")).expect("there").count(), 0);
}
