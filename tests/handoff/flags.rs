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
        (&["--", "-e", "a=1"], "give it before `--`"),
        (&["--", "-i", "other"], "give it before `--`"),
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
fn the_checkouts_ansible_cfg_says_how_inventories_are_read_and_the_users_how_hosts_are_reached() {
    let bench = Bench::new();
    bench.write("checkout/ansible.cfg", "[defaults]\ninventory_ignore_extensions = .ini\nforks = nonsense\n");
    bench.handoff_of("inv", &[]).refuses(2, &["Ansible leaves it out of the folder"]);
    let ran = bench.handoff(&[]);
    assert!(ran.code == 0 && !ran.err.contains("nonsense"), "{ran:?}");
    bench.write("ansible.cfg", "[defaults]\nforks = nonsense\n");
    assert!(bench.handoff(&[]).err.contains("warning: `forks` in"));
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
