//! The control node's checks, each failing and passing through the binary: on a dev box with an Ansible of our making.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::checkouts::fixture;
use super::harness::{Bench, Ran};
use crate::environment;

/// The checks that fail and pass here.
pub(crate) const COVERED: [&str; 8] = [
    "control-node-ansible",
    "control-node-python",
    "control-node-modules",
    "control-node-requirements",
    "control-node-collections",
    "control-node-ssh",
    "control-node-open-files",
    "kubespray-checkout",
];

/// A dev box: the checkout and what stands for Ansible.
struct DevBox {
    bench: Bench,
}

impl DevBox {
    fn new() -> DevBox {
        let bench = Bench::new();
        let from = fixture("2.31");
        let status =
            environment::command("cp").arg("-r").arg(&from).arg(bench.path().join("kubespray")).status();
        assert!(status.expect("cp runs").success());
        DevBox { bench }
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.bench.write(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    /// An `ansible-playbook` of this version, whose interpreter tells this.
    fn ansible(&self, core: &str, python: &str, told: &Value) {
        let interpreter = self.bench.path().join("own/python3").display().to_string();
        let version = format!(
            "ansible-playbook [core {core}]\n  config file = None\n  python version = {python} (main) [GCC] ({interpreter})\n"
        );
        self.program("bin/ansible-playbook", &format!("#!/bin/sh\ncat <<'END'\n{version}END\n"));
        self.program(
            "own/python3",
            &format!("#!/bin/sh\ncat <<'END'\nnoise\n@airworthy-control-node {told}\nEND\n"),
        );
        self.program("bin/ssh", "#!/bin/sh\n");
    }

    /// A repository of the checkout, at a release or behind it.
    fn commit(&self, tag: Option<&str>) {
        let git = |args: &[&str]| {
            let checkout = self.bench.path().join("kubespray");
            let identity =
                ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"];
            let ran = environment::command("git").arg("-C").arg(checkout).args(identity).args(args).output();
            let ran = ran.expect("git is here");
            assert!(ran.status.success(), "{args:?}: {ran:?}");
        };
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "x"]);
        if let Some(tag) = tag {
            git(&["tag", "-a", "-m", "x", tag]);
        }
    }

    fn check(&self, more: &[&str]) -> Ran {
        let path = environment::path(&[&self.bench.path().join("bin")]);
        let path = path.to_str().expect("UTF-8");
        let args = [
            "check",
            "--kubespray",
            "kubespray",
            "--select",
            "control-node-*,kubespray-checkout",
            "--format",
            "json",
        ];
        self.bench.run_with(&[&args[..], more].concat(), &[("PATH", path)])
    }
}

#[track_caller]
fn status(ran: &Ran, check: &str) -> (String, String) {
    let report = ran.json();
    let rows = report["results"].as_array().expect("results");
    let row = rows.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("no {check}: {report}"));
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"))
}

fn told(change: impl FnOnce(&mut Value)) -> Value {
    let package = |name: &str, version: &str| json!({"name": name, "module": name, "importable": true, "version": version, "error": null});
    let collection = |name: &str, version: &str| json!({"name": name, "path": "/c", "version": version});
    let mut told = json!({
        "python": "/own/python3", "python_version": "3.11.7", "ansible_core": "2.18.1", "forks": 5,
        "control_path": null, "control_path_dir": "/home/x/.ansible/cp",
        "packages": [package("bcrypt", "5.0.0"), package("cryptography", "46.0.7"), package("jmespath", "1.1.0"),
            package("netaddr", "1.3.0")],
        "collections": [collection("ansible.utils", "5.1.2"), collection("community.general", "10.0.0")],
    });
    change(&mut told);
    told
}

#[test]
fn a_dev_box_that_has_everything_passes() {
    let devbox = DevBox::new();
    devbox.ansible("2.18.1", "3.11.7", &told(|_| ()));
    devbox.commit(Some("v2.31.0"));
    let ran = devbox.check(&[]);
    for check in COVERED {
        assert_eq!(status(&ran, check).0, "pass", "{check}: {ran:?}");
    }
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_dev_box_that_lacks_things_fails_for_each() {
    let devbox = DevBox::new();
    devbox.ansible(
        "2.19.0",
        "3.9.2",
        &told(|told| {
            told["ansible_core"] = json!("2.19.0");
            told["python_version"] = json!("3.9.2");
            told["packages"][3] = json!({"name": "netaddr", "module": "netaddr", "importable": false, "version": null,
                "error": "ModuleNotFoundError: No module named 'netaddr'"});
            told["collections"][1] = json!({"name": "community.general", "path": null, "version": null});
            told["control_path_dir"] = json!(format!("/{}", "x".repeat(100)));
            told["forks"] = json!(1_000_000);
        }),
    );
    devbox.commit(None);
    devbox
        .bench
        .write("kubespray/requirements.txt", "ansible==2.9.7\nbcrypt<6\ncryptography\njmespath\nnetaddr\n");
    let ran = devbox.check(&[]);
    for (check, says) in [
        ("control-node-ansible", "ansible-core 2.19.0"),
        ("control-node-python", "Python 3.9.2"),
        ("control-node-modules", "netaddr cannot be imported"),
        ("control-node-collections", "community.general is missing (wanted >=7.0.0)"),
        ("control-node-ssh", "the longest ControlPath has 112 bytes"),
        ("control-node-open-files", "1000000 forks"),
        ("kubespray-checkout", "which no release is, and differs from it in requirements.txt"),
    ] {
        let (is, message) = status(&ran, check);
        assert!(is == "fail" && message.contains(says), "{check} is {is}: {message}");
    }
    // What stands after a check that failed is folded under it.
    assert_eq!(status(&ran, "control-node-requirements").0, "unknown");
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn versions_that_were_not_tested_are_a_warning_and_bounds_are_an_error() {
    let devbox = DevBox::new();
    devbox.ansible("2.18.1", "3.11.7", &told(|told| told["packages"][3]["version"] = json!("0.8.0")));
    let ran = devbox.check(&[]);
    assert_eq!((status(&ran, "control-node-requirements").0.as_str(), ran.code), ("fail", 0), "{ran:?}");
    assert_eq!(status(&ran, "control-node-modules").0, "pass");
    // An archive that was unpacked.
    assert_eq!(status(&ran, "kubespray-checkout").0, "not-applicable");
    devbox.ansible("2.18.1", "3.11.7", &told(|told| told["packages"][0]["version"] = json!("6.0.1")));
    let ran = devbox.check(&[]);
    assert_eq!((status(&ran, "control-node-modules").0.as_str(), ran.code), ("fail", 1), "{ran:?}");
}

#[test]
fn an_ansible_that_does_not_answer_is_unknown() {
    let devbox = DevBox::new();
    devbox.program("bin/ansible-playbook", "#!/bin/sh\necho broken >&2\nexit 1\n");
    devbox.program("bin/ssh", "#!/bin/sh\n");
    let ran = devbox.check(&[]);
    for check in
        ["control-node-ansible", "control-node-python", "control-node-modules", "control-node-collections"]
    {
        assert_eq!(status(&ran, check).0, "unknown", "{check}: {ran:?}");
    }
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn without_ansible_there_is_one_finding_and_without_a_checkout_none() {
    let devbox = DevBox::new();
    let ran = devbox.check(&[]);
    let failed: Vec<&str> = COVERED.into_iter().filter(|check| status(&ran, check).0 == "fail").collect();
    assert_eq!((failed, ran.code), (vec!["control-node-ansible"], 1), "{ran:?}");
    // OpenPAI's users who name no checkout have nothing of this.
    let args = [
        "check",
        "--profile",
        "openpai",
        "--select",
        "control-node-*,kubespray-checkout,os-supported",
        "--as",
        "devbox",
        "--format",
        "json",
    ];
    let ran = devbox.bench.run(&args);
    for check in COVERED {
        let rows = ran.json();
        let row = rows["results"]
            .as_array()
            .and_then(|rows| rows.iter().find(|row| row["check"] == check).cloned());
        assert!(row.is_none_or(|row| row["status"] == "not-applicable"), "{check}: {ran:?}");
    }
    // The profile of kubespray's own users wants Ansible here.
    let args = ["check", "--profile", "kubespray", "--select", "control-node-*", "--format", "json"];
    let ran = devbox.bench.run(&args);
    assert_eq!((status(&ran, "control-node-ansible").0.as_str(), ran.code), ("fail", 1), "{ran:?}");
}

/// Real Ansible, where this machine has one: versions and interpreter are told, and agree.
#[test]
fn the_real_program_is_understood() {
    use airworthy::facts::control_node::{ansible_version, told};
    let Some(python) = environment::tool("python3") else {
        eprintln!("skipped: no python3 on this machine");
        return;
    };
    let python = environment::command(python).arg("-c").arg("import sys; print(sys.executable)").output();
    let python = python.expect("python3 runs");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kubespray/control_node.py");
    let asked =
        json!({"packages": [["no-such-package", "json"], ["x", "no_such_module"]], "collections": ["a.b"]});
    let interpreter = String::from_utf8(python.stdout).expect("a path");
    let ran = environment::command(interpreter.trim())
        .arg("-c")
        .arg(fs::read_to_string(program).expect("the program"))
        .arg(asked.to_string())
        .output()
        .expect("python3 runs");
    let told = told(&String::from_utf8_lossy(&ran.stdout)).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(told.python.as_deref(), Some(interpreter.trim()));
    let importable: Vec<bool> = told.packages.iter().map(|package| package.importable).collect();
    assert_eq!((importable, told.packages[0].version.as_deref()), (vec![true, false], None));
    assert!(told.error.is_some() || told.ansible_core.is_some(), "{told:?}");
    if let Some(playbook) = environment::ansible("ansible-playbook") {
        let ran = environment::ansible_command(playbook).arg("--version").output().expect("it runs");
        let version = ansible_version(&String::from_utf8_lossy(&ran.stdout));
        assert!(version.core.is_some() && version.python_version.is_some(), "{version:?}");
    }
}
