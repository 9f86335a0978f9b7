//! `airworthy handoff` with a real `ansible-playbook` on the dev box, and a playbook that leaves a mark on every host.

use std::path::Path;

use serde_json::{Value, json};

use crate::control_node::{self, WITH_2_19};
use crate::fault::OUTSIDE;
use crate::judge::{Applied, named};
use crate::rig::{Lab, Run};

/// The hosts that the playbook is about.
const HOSTS: [&str; 5] = ["infra1", "infra2", "worker1", "worker2", "worker3"];
/// What the playbook leaves there, as root.
const MARK: &str = "/var/tmp/airworthy-mark";

const MARKS: &str = "\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.copy: {content: \"{{ inventory_hostname }} {{ bin_dir }} {{ kube_network_node_prefix }}\", dest: /var/tmp/airworthy-mark}
";

/// Marks every host, and then waits for somebody to press Ctrl-C.
const WAITS: &str = "    - ansible.builtin.command: sleep 120\n";

const FAILS: &str =
    "    - ansible.builtin.fail: {msg: as it should}\n      when: inventory_hostname == 'worker2'\n";

/// The dev box with Ansible and a checkout whose playbook is this; dropped, what the test left is taken away.
struct Deployment<'l> {
    lab: &'l Lab,
}

impl<'l> Deployment<'l> {
    fn new(lab: &'l Lab, playbook: &str) -> Deployment<'l> {
        control_node::lay(lab);
        let deployment = Deployment { lab };
        deployment.clear();
        // OpenPAI's release in miniature, but for the Python packages that nothing here needs.
        let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kubespray/2.12");
        lab.must(
            OUTSIDE,
            &format!(
                "tar -C '{}' --exclude=requirements.txt -c . | \
                 lab exec pai@devbox 'mkdir ~/kubespray && tar -C ~/kubespray -x --no-same-owner'",
                release.display()
            ),
        );
        lab.must("pai@devbox", "mkdir -p ~/kubespray/inventory/sample/group_vars/all ~/deploy");
        lab.must("pai@devbox", "cp /lab/layout.yaml /lab/config.yaml ~/deploy/");
        lab.must_with("pai@devbox", "cat >> ~/kubespray/cluster.yml", playbook);
        // No connection is to outlive a test.
        lab.must_with(
            "pai@devbox",
            "cat > ~/kubespray/ansible.cfg",
            "[ssh_connection]\nssh_args = -o ControlMaster=no\n",
        );
        lab.must_with(
            "pai@devbox",
            "cat > ~/kubespray/inventory/sample/group_vars/all/all.yml",
            "bin_dir: /opt/bin\n",
        );
        deployment
    }

    fn handoff(&self, more: &str) -> Run {
        self.lab.airworthy(&format!("{WITH_2_19}; {HANDOFF} {more}"), "")
    }

    /// What the playbook left on a host, and whose it is.
    fn mark(&self, host: &str) -> String {
        self.lab
            .must(host, &format!("[ ! -e {MARK} ] || {{ cat {MARK}; stat -c ' %U' {MARK}; }}"))
            .trim()
            .to_owned()
    }

    /// The latest record.
    fn record(&self) -> Value {
        let text =
            self.lab.must("pai@devbox", "cd ~/deploy/.airworthy && cat \"$(ls handoff-*.json | tail -n 1)\"");
        serde_json::from_str(&text).expect("JSON")
    }

    fn clear(&self) {
        for host in HOSTS {
            self.lab.must(host, &format!("rm -rf {MARK} /home/pai/.ansible"));
        }
        self.lab.must(
            "devbox",
            "rm -rf /home/pai/kubespray /home/pai/deploy /home/pai/.ansible /home/pai/screen",
        );
    }
}

impl Drop for Deployment<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.clear();
        }
    }
}

const HANDOFF: &str = "airworthy handoff -i deploy/layout.yaml --kubespray kubespray --profile /lab/profile.yaml --output deploy";

#[test]
fn on_go_the_playbook_runs_on_every_host_and_on_no_go_it_never_does() {
    let lab = Lab::take();
    let deployment = Deployment::new(&lab, MARKS);

    let fault = named("port_taken");
    let applied = Applied::apply(&lab, fault);
    let run = deployment.handoff("");
    assert_eq!(run.status, Some(1), "{}\n{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("airworthy: not started"), "{}", run.stderr);
    assert!(!run.stdout.contains("PLAY ["), "{}", run.stdout);
    let record = deployment.record();
    assert_eq!((&record["started"], &record["result"]), (&json!(false), &json!(null)));
    for host in HOSTS {
        assert_eq!(deployment.mark(host), "", "{host}");
    }
    drop(applied);

    let run = deployment.handoff("--dry-run");
    assert_eq!(run.status, Some(0), "{}\n{}", run.stdout, run.stderr);
    assert_eq!(deployment.mark("infra1"), "");

    let run = deployment.handoff("");
    assert_eq!(run.status, Some(0), "{}\n{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("PLAY RECAP"), "{}", run.stdout);
    for host in HOSTS {
        // The sample's variables and OpenPAI's are both there.
        assert_eq!(deployment.mark(host), format!("{host} /opt/bin 25 root"));
    }
    let record = deployment.record();
    assert_eq!((&record["started"], &record["result"]), (&json!(true), &json!({"status": 0})));
    assert_eq!(record["report"]["verdict"], "go");

    // The report of a check stands for one, and a part of the cluster is the same part for both.
    let check = "airworthy check -i deploy/layout.yaml --kubespray kubespray --profile /lab/profile.yaml --format json";
    let run = lab.airworthy(&format!("{WITH_2_19}; {check} --limit worker3 > deploy/report.json"), "");
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    let run = deployment.handoff("--from-report deploy/report.json");
    assert_eq!(run.status, Some(2), "{}", run.stderr);
    lab.must("worker3", &format!("rm {MARK}"));
    lab.must("worker1", &format!("rm {MARK}"));
    let run = deployment.handoff("--from-report deploy/report.json --limit worker3");
    assert_eq!(run.status, Some(0), "{}\n{}", run.stdout, run.stderr);
    assert_eq!(deployment.mark("worker3"), "worker3 /opt/bin 25 root");
    assert_eq!(deployment.mark("worker1"), "");
}

#[test]
fn a_failing_playbooks_status_comes_back() {
    let lab = Lab::take();
    let deployment = Deployment::new(&lab, &format!("{MARKS}{FAILS}"));
    let run = deployment.handoff("-- -v");
    // ansible-playbook: one or more hosts failed.
    assert_eq!(run.status, Some(2), "{}\n{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("as it should") && !run.stderr.contains("not started"), "{}", run.stderr);
    let record = deployment.record();
    assert_eq!((&record["started"], &record["result"]), (&json!(true), &json!({"status": 2})));
    assert_eq!(deployment.mark("worker2"), "worker2 /opt/bin 25 root");
}

#[test]
fn ctrl_c_reaches_ansible_playbook_and_its_status_comes_back() {
    let lab = Lab::take();
    let deployment = Deployment::new(&lab, &format!("{MARKS}{WAITS}"));
    // A terminal of its own; Ctrl-C is typed once the last host has its mark and the playbook waits.
    let typed = format!(
        "{WITH_2_19}; (i=0; until grep -q '{WAITING}' screen 2>/dev/null || [ $i -gt 600 ]; do i=$((i + 1)); sleep 0.1; done; \
         sleep 1; printf '\\003'; sleep 20) | script -qefc 'exec {HANDOFF}' screen >/dev/null; echo \"status $?\""
    );
    let run = lab.airworthy(&typed, "");
    let screen = lab.must("pai@devbox", "cat ~/screen");
    assert!(screen.contains("User interrupted execution") || screen.contains("interrupted"), "{screen}");
    let record = deployment.record();
    // ansible-playbook's own for an interruption.
    assert_eq!(record["result"], json!({"status": 99}), "{screen}");
    assert!(run.stdout.contains("status 99"), "{}\n{screen}", run.stdout);
    assert!(!lab.holds("devbox", "pgrep -f [a]nsible-playbook"), "{}", lab.must("devbox", "ps -ef"));
}

/// What the screen shows when the playbook waits.
const WAITING: &str = "TASK \\[ansible.builtin.command\\]";
