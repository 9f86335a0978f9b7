//! Writes what this lab answers to `fixtures/`: `tests/lab/record`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::deadlines::DOCKER_CLIENT_HANGS;
use crate::fault::{DEFAULTS, Fault};
use crate::judge::{Applied, named};
use crate::rig::{HOSTS, Lab};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

/// What the lab's machines cannot have, and what is asked of them instead.
const LIMITS: &str = include_str!("cluster/profile.yaml");

/// A folder of `fixtures/hosts`: its name, the host that answers, and what is wrong with it.
const ANSWERS: [(&str, &str, Option<&str>); 6] = [
    ("infra", "infra1", None),
    ("worker-gpu", "worker1", None),
    ("worker-no-docker", "worker3", Some("docker_removed")),
    ("worker-daemon-json-broken", "worker1", Some("daemon_json_broken")),
    ("worker-no-root", "worker3", Some("sudo_gone")),
    ("worker-dhcp", "worker3", Some("address_leased_by_dhcp")),
];

/// What goes wrong at once in `fixtures/clusters/no-go`.
const BAD_DAY: [&str; 4] = ["runtime_not_the_default", "chrony_stopped", "port_taken", "host_down"];

#[test]
#[ignore = "writes fixtures; tests/lab/record runs it"]
fn clusters() {
    let lab = Lab::take();
    cluster(&lab, "healthy", 0);
    let _applied: Vec<_> = BAD_DAY.iter().map(|name| Applied::apply(&lab, named(name))).collect();
    cluster(&lab, "no-go", 1);
}

fn cluster(lab: &Lab, name: &str, status: i32) {
    let folder = emptied(&format!("clusters/{name}"));
    let run = lab.airworthy(
        &format!(
            "rm -rf saved && airworthy check -i {} --profile /lab/profile.yaml --save-facts saved",
            DEFAULTS.inventory
        ),
        "",
    );
    assert_eq!(run.status, Some(status), "{}{}", run.stdout, run.stderr);
    for host in lab.must("pai@devbox", "ls ~/saved").lines() {
        fetch(lab, &format!("saved/{host}"), &folder.join(host));
    }
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), HOSTS.len());
    let (_, parameters) = LIMITS.split_once("parameters:").expect("the profile has parameters");
    let team = format!("# As tests/lab/cluster/profile.yaml has them.\nparameters:{parameters}");
    fs::write(folder.join("airworthy.yaml"), team).expect("airworthy.yaml is written");
}

#[test]
#[ignore = "writes fixtures; tests/lab/record runs it"]
fn hosts() {
    let lab = Lab::take();
    for (name, host, fault) in ANSWERS {
        answer(&lab, name, host, fault.map(named));
    }
    answer(&lab, "worker-docker-hangs", "worker3", Some(&DOCKER_CLIENT_HANGS));
}

fn answer(lab: &Lab, name: &str, host: &str, fault: Option<&'static Fault>) {
    let _applied = fault.map(|fault| Applied::apply(lab, fault));
    let run = lab.airworthy(
        &format!(
            "rm -rf saved && airworthy facts -i {} --profile /lab/profile.yaml --save-transcripts saved",
            DEFAULTS.inventory
        ),
        "",
    );
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    let folder = emptied(&format!("hosts/{name}"));
    fetch(lab, &format!("saved/{host}.transcript"), &folder.join("transcript"));
}

fn fetch(lab: &Lab, from: &str, to: &Path) {
    let read = lab.shell_with("pai@devbox", &format!("cat ~/{from}"), "");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    fs::write(to, read.stdout).expect("the fixture is written");
}

fn emptied(name: &str) -> PathBuf {
    let folder = Path::new(FIXTURES).join(name);
    let _ = fs::remove_dir_all(&folder); // it need not be there
    fs::create_dir_all(&folder).expect("the folder is made");
    folder
}
