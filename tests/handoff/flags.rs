//! What a handoff cannot be made with, and what ansible-playbook gets of the flags.

use crate::bench::Bench;

#[test]
fn what_would_not_be_judged_is_refused_before_anything_happens() {
    let bench = Bench::new();
    for (more, told) in [
        (&["--select", "fit"][..], "--override ID --reason TEXT"),
        (&["--skip", "fit"], "--override ID --reason TEXT"),
        (&["--devbox", "none"], "it is the dev box"),
        (&["--override", "fot", "--reason", "x"], "did you mean `fit`?"),
        (&["--override", "all", "--reason", "x"], "there is no way to let all through"),
        (&["--override", "*", "--reason", "x"], "there is no way to let all through"),
        (&["--override", "fit", "--reason", " "], "is empty"),
        (
            &["--override", "fit", "--override", "sound", "--reason", "x"],
            "each --override needs its own --reason",
        ),
        (&["--override", "fit", "--reason", "x", "--override", "fit", "--reason", "y"], "there twice"),
        (&["-e", "ansible_become_password=hunter2"], "`ansible_become_password` looks like a secret"),
        (
            &["-e", "http_proxy=http://joe:hunter2@proxy:3128"],
            "a URL with a user or a password in it looks like a secret",
        ),
        (&["-e", "my_pw=hunter2"], "`my_pw` looks like a secret"),
        (&["--", "-e", "a=1"], "give it before `--`"),
        (&["--", "-i", "other"], "give it before `--`"),
        (&["--", "reset.yml"], "another playbook"),
        (&["--", "--connection=local"], "say it in the inventory (`ansible_connection`)"),
        (&["--", "--vault-password-file", "vp"], "give it before `--`"),
        (&["--limit", "node1", "--", "-l", "node1"], "keep one of them"),
        (&["--from-report", "none.json"], "none.json"),
        (&["--ansible-playbook", "bin/nothing"], "is no program"),
        (&["--kubespray", "inv"], "holds no cluster.yml"),
    ] {
        let more: Vec<&str> = more.to_vec();
        let ran = match more[0] {
            "--kubespray" => bench.run(&["handoff", "-i", "inv/hosts.ini", "--kubespray", "inv"]),
            _ => bench.handoff(&more),
        };
        ran.refuses(2, &[told]);
        assert!(!ran.err.contains("hunter2"), "{ran:?}");
    }
    bench.run(&["handoff", "--kubespray", "checkout"]).refuses(2, &["-i"]);
    // What the flags' own reader refuses: an unknown one, a value that is none, one without the other.
    bench.handoff(&["--overide", "fit"]).refuses(2, &["--override"]);
    bench.handoff(&["--facts-max-age", "soon"]).refuses(2, &["--facts-max-age"]);
    bench.handoff(&["--override", "fit"]).refuses(2, &["--reason"]);
    let help = bench.run(&["handoff", "--help"]);
    assert!(help.code == 0 && !help.err.contains("not started"), "{help:?}");
    bench.run(&["handoff", "-i", "inv/hosts.ini"]).refuses(2, &["--kubespray"]);
    assert_eq!(bench.started(), None);
    assert!(bench.records("inv").is_empty());
}

#[test]
fn remedies_name_the_checkout_so_that_they_run_as_they_are_pasted() {
    let bench = Bench::new();
    bench.write(
        "profile.yaml",
        "title: T\nchecks: [kubespray-checkout, control-node-ansible]\nparameters: {control_node_check: true}\n",
    );
    let words = ["check", "-i", "inv/hosts.ini", "--kubespray", "checkout", "--profile", "./profile.yaml"];
    let remedies = |ran: &crate::bench::Ran| -> String {
        let report: serde_json::Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        let of = |verdict: &serde_json::Value| verdict["remediation"].as_str().map(str::to_owned);
        report["results"].as_array().into_iter().flatten().filter_map(of).collect()
    };
    let live = remedies(&bench.run(&[&words[..], &["--format", "json", "--save-facts", "saved"]].concat()));
    assert!(live.contains("checkout/requirements.txt\"") && live.contains("git -C \""), "{live}");
    assert!(!live.contains("$KUBESPRAY"), "{live}");
    let words = ["check", "--facts", "saved", "--profile", "./profile.yaml", "--format", "json"];
    assert_eq!(remedies(&bench.run(&words)), live);
}

#[test]
fn without_ansible_playbook_nothing_is_visited() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path().join("bin/ansible-playbook")).expect("removed");
    let words = [
        "handoff",
        "-i",
        "inv/hosts.ini",
        "--kubespray",
        "checkout",
        "--profile",
        "./profile.yaml",
        "--checks",
        "checks",
    ];
    let output = bench.command(&words).env("PATH", "/nowhere").output().expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("not on PATH") && err.contains("airworthy: not started"), "{err}");
    assert!(output.stdout.is_empty());
}

#[test]
fn flags_go_on_to_ansible_playbook_seen_from_the_users_folder() {
    let bench = Bench::new();
    bench.write("vars.yml", "kube_version: v1.31.4\n");
    bench.write("vault-pass", "x\n");
    let ran = bench.handoff(&[
        "-u",
        "ubuntu",
        "--private-key",
        "id",
        "-e",
        "@vars.yml",
        "-e",
        "a=1",
        "-b",
        "-f",
        "7",
        "--timeout",
        "9",
        "--vault-password-file",
        "vault-pass",
        "--host-key-checking",
        "off",
        "--limit",
        "node1",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let words = bench.started().expect("started").join(" ");
    let wanted = format!(
        "{0}/checkout -i {0}/inv/hosts.ini cluster.yml --become -e @{0}/vars.yml -e a=1 --limit node1 \
         --user ubuntu --private-key {0}/id --vault-password-file {0}/vault-pass --forks 7 --timeout 9",
        bench.path().display()
    );
    assert_eq!(words, wanted);
    assert!(ran.err.contains("ANSIBLE_HOST_KEY_CHECKING=False"), "{ran:?}");
}

#[test]
fn the_checkouts_ansible_cfg_says_how_inventories_are_read() {
    let bench = Bench::new();
    bench.write("checkout/ansible.cfg", "[defaults]\ninventory_ignore_extensions = .ini\nforks = nonsense\n");
    bench.handoff_of("inv", &[]).refuses(2, &["left out of the folder", "`inventory_ignore_extensions` in"]);
    let ran = bench.handoff(&[]);
    assert!(ran.code == 0 && ran.err.matches("warning: `forks` in").count() == 1, "{ran:?}");
    bench.write("ansible.cfg", "[defaults]\nforks = nonsense\n");
    assert_eq!(bench.handoff(&[]).err.matches("warning: `forks` in").count(), 2);
}

#[test]
fn hosts_are_logged_in_to_as_the_playbook_will_do_it_and_not_by_the_users_ansible_cfg() {
    let bench = Bench::new();
    bench.write(
        "inv/hosts.ini",
        "[kube_control_plane]\nnode1 ansible_host=127.0.0.42 ansible_port=1\n\n[kube_node]\nnode1\n",
    );
    let visits = |more: &[&str]| bench.handoff(&[&["--timeout", "1"], more].concat());
    // A transport that airworthy does not have stands in for any setting of logins: the host is not visited by it.
    bench.write("ansible.cfg", "[defaults]\nremote_user = ann\ntransport = winrm\n");
    let ran = visits(&[]);
    assert!(ran.err.contains("set otherwise: remote_user, ansible_connection."), "{ran:?}");
    assert!(!ran.out.contains("winrm"), "the user's own is not the playbook's: {ran:?}");
    bench.write("checkout/ansible.cfg", "[defaults]\nremote_user = bob\ntransport = winrm\n");
    let ran = visits(&[]);
    assert!(ran.err.contains("set otherwise: remote_user.") && ran.out.contains("winrm"), "{ran:?}");
    bench.write("ansible.cfg", "[defaults]\nremote_user = bob\ntransport = winrm\n");
    assert!(!visits(&[]).err.contains("set otherwise"));
    let told = visits(&["--from-report", "none.json"]);
    assert!(told.err.contains("none.json"), "{told:?}");
}

#[test]
fn the_ansible_playbook_that_will_run_is_the_one_that_is_judged() {
    let bench = Bench::new();
    bench.write(
        "checks/core.yaml",
        "title: Ansible is 2.16.14\nseverity: error\nroles: [devbox]\nrequire: control_node.ansible_core == '2.16.14'\n\
         message: it is {{ control_node.ansible_core }}\nwhy: For tests.\nremediation: Set it.\nreferences: []\n\
         examples:\n  - {facts: {control_node: {ansible_core: 2.16.14}}, expect: pass}\n  - {facts: {}, expect: unknown}\n",
    );
    bench.write(
        "profile.yaml",
        "title: Of these tests\nchecks: [core, host-reachable]\nparameters: {fit: true, sound: true}\n",
    );
    let program = |name: &str, core: &str| {
        let path = bench.write(name, format!("#!/bin/sh\necho 'ansible-playbook [core {core}]'\n"));
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("executable");
    };
    program("old/ansible-playbook", "2.11.0");
    let old = ["--ansible-playbook", "old/ansible-playbook"];
    bench.handoff(&old).refuses(1, &["NO-GO: core"]);
    assert_eq!(bench.handoff(&["--dry-run"]).code, 0);
    let check = ["check", "-i", "inv/hosts.ini", "--kubespray", "checkout", "--report", "json=r.json"];
    bench.run(&[&check[..], &["--profile", "./profile.yaml", "--checks", "checks"]].concat());
    bench.handoff(&[&["--from-report", "r.json"], &old[..]].concat()).refuses(2, &["is another"]);
    // The other way round: none on PATH that fits, and one that does.
    program("new/ansible-playbook", "2.16.14");
    program("bin/ansible-playbook", "2.11.0");
    assert_eq!(bench.handoff(&["--ansible-playbook", "new/ansible-playbook"]).code, 0);
}

#[test]
fn the_ansible_playbook_that_will_be_started_decides_which_files_of_a_folder_are_read() {
    let bench = Bench::new();
    let ran = bench.handoff_of("inv", &[]);
    ran.refuses(
        2,
        &["inv/hosts.ini", "left out of the folder", "ansible-core 2.16.14", "bin/ansible-playbook", "-i "],
    );
    assert!(bench.started().is_none());
    let stand_in = bench.read("bin/ansible-playbook").replace("2.16.14", "2.19.2");
    bench.write("bin/ansible-playbook", stand_in);
    let ran = bench.handoff_of("inv", &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("hosts.ini is read, because ansible-core 2.19.2"), "{}", ran.err);
}

#[test]
fn a_report_made_with_other_logins_is_not_taken() {
    let bench = Bench::new();
    let check = ["check", "-i", "inv/hosts.ini", "--kubespray", "checkout", "--report", "json=r.json"];
    let ran = bench.run(&[&check[..], &["--profile", "./profile.yaml", "--checks", "checks"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    bench.write("ansible.cfg", "[defaults]\nprivate_key_file = id\n");
    bench.handoff(&["--from-report", "r.json"]).refuses(2, &["log in otherwise", "private_key_file"]);
    std::fs::remove_file(bench.path().join("ansible.cfg")).expect("removed");
    assert_eq!(bench.handoff(&["--from-report", "r.json"]).code, 0);
}

#[test]
fn variables_beside_the_playbooks_are_judged() {
    let bench = Bench::new();
    bench.write("checkout/group_vars/all.yml", "ansible_connection: ssh\nansible_host: 127.0.0.42\n");
    bench.write("inv/hosts.ini", "[kube_control_plane]\nnode1\n\n[kube_node]\nnode1\n");
    bench.handoff(&["--timeout", "1"]).refuses(1, &["NO-GO"]);
    assert!(bench.handoff(&["--timeout", "1"]).out.contains("127.0.0.42"));
}

#[test]
fn hosts_on_the_command_line_need_no_file() {
    let bench = Bench::new();
    let words = [
        "handoff",
        "-i",
        "127.0.0.9,",
        "--kubespray",
        "checkout",
        "--profile",
        "./profile.yaml",
        "--checks",
        "checks",
        "--timeout",
        "1",
        "--dry-run",
    ];
    let ran = bench.run(&words);
    assert!(ran.code == 1 || ran.code == 2, "{ran:?}");
    assert!(ran.err.contains("airworthy: not started"), "{ran:?}");
}
