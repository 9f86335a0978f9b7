//! From OpenPAI's files: what is written, where, and when it is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bench::{Bench, Ran};

const LAYOUT: &str = "\
machine-sku:
  plain: {mem: 1Gi, cpu: {vcore: 1}}
machine-list:
  - {hostname: master, hostip: 127.0.0.41, machine-type: plain, pai-master: \"true\"}
  - {hostname: worker, hostip: 127.0.0.42, machine-type: plain, pai-worker: \"true\"}
";

/// Both hosts may be missing, so that the dev box alone decides.
const WAIVERS: &str =
    "waivers:\n  - {check: unreachable, hosts: [master, worker], reason: tests, expires: 2999-01-01}\n";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("pai/layout.yaml", LAYOUT);
    bench.write("pai/config.yaml", "user: pai\npassword: hunter2\n");
    bench.write("pai/airworthy.yaml", WAIVERS);
    bench
}

fn handoff(bench: &Bench, more: &[&str]) -> Ran {
    bench.handoff_of("pai/layout.yaml", &[&["--timeout", "1"], more].concat())
}

fn mode(bench: &Bench, name: &str) -> u32 {
    fs::metadata(bench.path().join(name)).expect("there").permissions().mode() & 0o777
}

#[test]
fn the_inventory_is_written_beside_the_layout_and_used() {
    let bench = bench();
    let ran = handoff(&bench, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let folder = bench.at("pai/kubespray-inventory");
    let words = bench.started().expect("started");
    assert_eq!(
        words[1..],
        [
            "-i",
            &format!("{folder}/hosts.yml"),
            "cluster.yml",
            "--become",
            "--become-user=root",
            "-e",
            "ansible_python_interpreter=/usr/bin/python3",
            "-e",
            &format!("@{folder}/openpai.yml"),
            "--timeout",
            "1"
        ]
    );
    assert!(ran.err.contains("+ hosts.yml (new") && ran.err.contains(&folder), "{ran:?}");
    assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    assert_eq!(bench.read("pai/kubespray-inventory/group_vars/all/all.yml"), "bin_dir: /usr/local/bin\n");
    for (name, wanted) in [
        ("pai/kubespray-inventory", 0o700),
        ("pai/kubespray-inventory/hosts.yml", 0o600),
        ("pai/kubespray-inventory/openpai.yml", 0o600),
        ("pai/.airworthy", 0o700),
    ] {
        assert_eq!(mode(&bench, name), wanted, "{name}");
    }
    let record = bench.record("pai");
    let written: Vec<&str> =
        record["written"].as_array().expect("a list").iter().filter_map(|row| row["path"].as_str()).collect();
    assert_eq!(written.len(), 3, "{written:?}");
    assert!(!record.to_string().contains("hunter2"));
}

#[test]
fn nothing_is_written_on_no_go_or_in_a_dry_run() {
    let bench = bench();
    handoff(&bench, &["--set", "fit=false"]).refuses(1, &["NO-GO"]);
    let ran = handoff(&bench, &["--dry-run"]);
    ran.refuses(0, &["--dry-run"]);
    assert!(ran.out.contains("+ hosts.yml (new"), "{ran:?}");
    assert!(!bench.path().join("pai/kubespray-inventory").exists());
    assert_eq!(bench.started(), None);
}

#[test]
fn what_is_there_is_used_if_it_is_the_same_and_never_replaced_unasked() {
    let bench = bench();
    assert_eq!(handoff(&bench, &[]).code, 0);
    // What kubespray itself leaves there is not in the way.
    bench.write("pai/kubespray-inventory/artifacts/admin.conf", "x");
    let ran = handoff(&bench, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("hosts.yml (there, the same"), "{ran:?}");

    bench.write("pai/kubespray-inventory/hosts.yml", "mine\n");
    handoff(&bench, &[]).refuses(2, &["hosts.yml", "--overwrite", "--output DIR"]);
    assert_eq!(bench.read("pai/kubespray-inventory/hosts.yml"), "mine\n");
    let ran = handoff(&bench, &["--dry-run"]);
    assert!(ran.code == 0 && ran.out.contains("~ hosts.yml (there, and different"), "{ran:?}");
    let ran = handoff(&bench, &["--dry-run", "--overwrite"]);
    assert!(ran.code == 0 && ran.out.contains("~ hosts.yml (replaced"), "{ran:?}");
    assert_eq!(bench.read("pai/kubespray-inventory/hosts.yml"), "mine\n");
    let ran = handoff(&bench, &["--output", "elsewhere"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(bench.read("elsewhere/hosts.yml").contains("kube-master"));
    assert_eq!(bench.record("elsewhere")["started"], true);
    assert_eq!(handoff(&bench, &["--overwrite"]).code, 0);
    assert!(bench.read("pai/kubespray-inventory/hosts.yml").contains("kube-master"));
}

#[test]
fn variables_that_nobody_judged_are_refused_whatever_is_asked() {
    let bench = bench();
    assert_eq!(handoff(&bench, &[]).code, 0);
    bench.write("pai/kubespray-inventory/host_vars/master.yml", "kube_version: v9\n");
    handoff(&bench, &["--overwrite"]).refuses(2, &["host_vars/master.yml", "openpai_kubespray_extra_var"]);
    assert!(bench.path().join("pai/kubespray-inventory/host_vars/master.yml").exists());
}

#[test]
fn csv_files_and_a_folder_work_as_well() {
    let bench = bench();
    bench.write("csv/master.csv", "master,127.0.0.41\n");
    bench.write("csv/worker.csv", "worker,127.0.0.42\n");
    bench.write("csv/airworthy.yaml", WAIVERS);
    let ran = bench.handoff_of("csv/master.csv", &["-i", "csv/worker.csv", "--timeout", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let hosts = bench.read("csv/kubespray-inventory/hosts.yml");
    assert!(hosts.contains("127.0.0.42") && !hosts.contains("ansible_ssh_pass"), "{hosts}");
    let ran = bench.handoff_of("pai", &["--timeout", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(bench.path().join("pai/kubespray-inventory/hosts.yml").exists());
}
