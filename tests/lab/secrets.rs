//! A password is seen by sudo's stdin and by nobody else: in no argv, environment, log, output or saved fact.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use airworthy::checks::Status;

use crate::fault::{DEFAULTS, Fault, OUTSIDE};
use crate::judge::{Applied, is_go};
use crate::rig::{HOSTS, Lab, Run};

const PASSWORD: &str = "zYx-7-Leak-Canary-41b";
const CHECK: &str = "airworthy check -i /lab/layout.yaml --profile /lab/profile.yaml --save-facts /home/pai/facts \
                     --report table=/home/pai/report.txt --report json=/home/pai/report.json --format json";

/// Empties the journal.
const FORGET: &str = "journalctl -q --rotate && journalctl -q --vacuum-time=1s";
const CLEAN: &str = "rm -rf ~/facts ~/report.txt ~/report.json ~/typed.json";

/// infra1 needs the password, the other hosts would not.
const SUDO_WANTS_IT: Fault = Fault {
    on: "infra1",
    apply: "sed -i 's/NOPASSWD: //' /etc/sudoers.d/pai",
    proof: "! runuser -u pai -- sudo -kn true 2>/dev/null",
    restore: "sed -i 's/ALL$/NOPASSWD: ALL/' /etc/sudoers.d/pai; passwd -l pai >/dev/null",
    ..DEFAULTS
};

#[test]
fn a_password_from_the_configuration_stays_secret() {
    let lab = Lab::take();
    let _applied = passwords_set(&lab);
    lab.must_with("devbox", "cat >> /lab/config.yaml", &format!("password: {PASSWORD}\n"));
    let (run, seen) = watched(|| lab.airworthy(CHECK, ""));
    lab.must("devbox", "rm /lab/config.yaml");
    let kept = traces(&lab);
    lab.must(OUTSIDE, "lab inventory");
    lab.must("pai@devbox", CLEAN);

    is_go(&run);
    stays_secret(&run, &seen, &kept);
}

#[test]
fn a_password_typed_at_the_prompt_stays_secret() {
    let lab = Lab::take();
    let _applied = passwords_set(&lab);
    let typed = format!("{PASSWORD}\n");
    // A terminal for the prompt, and somebody who types when asked; the report goes past it.
    let command = format!("(sleep 2; cat) | script -qec '{CHECK} -K > ~/typed.json' /dev/null");
    let (terminal, seen) = watched(|| lab.airworthy(&command, &typed));
    let kept = traces(&lab);
    let terminal_shows_it = terminal.stdout.contains(PASSWORD);
    let report = Run { stdout: lab.must("pai@devbox", "cat ~/typed.json"), ..terminal };
    lab.must("pai@devbox", CLEAN);

    is_go(&report);
    stays_secret(&report, &seen, &kept);
    assert!(!terminal_shows_it, "on the terminal");
}

/// sudo locks accounts and mails administrators over wrong passwords: one run, one attempt.
#[test]
fn a_wrong_password_is_tried_once() {
    let lab = Lab::take();
    let _applied = passwords_set(&lab);
    let failures = "journalctl -q -o cat | grep -c 'pam_unix(sudo:auth): authentication failure' || true";
    let before: usize = lab.must("infra1", failures).trim().parse().expect("a count");
    lab.must_with("devbox", "cat >> /lab/config.yaml", "password: not-the-password\n");
    let run = lab.check(&[]);
    lab.must(OUTSIDE, "lab inventory");
    let after: usize = lab.must("infra1", failures).trim().parse().expect("a count");

    assert_eq!(after - before, 1, "attempts on infra1");
    let report = run.report();
    let sudo =
        report.results.iter().find(|v| *v.check == *"sudo-privilege" && v.host.as_deref() == Some("infra1"));
    assert_eq!(sudo.expect("sudo is judged").status, Status::Fail);
    assert_eq!(run.status, Some(1));
}

/// The watcher and the search do find a password that is careless.
#[test]
fn a_careless_password_would_be_found() {
    let lab = Lab::take();
    let careless = format!(
        "CARELESS={PASSWORD} sh -c 'sleep 1' {PASSWORD}; sudo -n true {PASSWORD}; touch /tmp/{PASSWORD}; \
         echo {PASSWORD} > /home/pai/careless"
    );
    let (_, seen) = watched(|| lab.airworthy(&format!("ssh infra2 \"{careless}\""), ""));
    let kept = traces(&lab);
    lab.must_with("infra2", "cd /tmp && xargs rm /home/pai/careless", PASSWORD);
    lab.must("infra2", FORGET);

    let expected = ["journal", "/home/pai/careless", "/tmp/"];
    for place in expected {
        assert!(kept.iter().any(|k| k.starts_with("infra2") && k.contains(place)), "{place} in {kept:#?}");
    }
    assert!(seen.iter().any(|s| s.starts_with("argv")), "{seen:#?}");
    assert!(seen.iter().any(|s| s.starts_with("environment")), "{seen:#?}");
}

/// pai gets the password on every host; infra1's sudo asks for it.
fn passwords_set(lab: &Lab) -> Applied<'_> {
    for host in HOSTS {
        lab.must_with(host, "chpasswd", &format!("pai:{PASSWORD}\n"));
        lab.must(host, FORGET);
    }
    Applied::apply(lab, &SUDO_WANTS_IT)
}

/// Does something while every process of the machine, those of the hosts among them, is looked at again and again.
fn watched(act: impl FnOnce() -> Run) -> (Run, BTreeSet<String>) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            let mut rounds = 0;
            while !over.load(Ordering::Relaxed) {
                look_around(&mut seen);
                rounds += 1;
                thread::sleep(Duration::from_millis(1));
            }
            println!("looked at every process {rounds} times");
            seen
        });
        let run = act();
        over.store(true, Ordering::Relaxed);
        (run, watcher.join().expect("the watcher ends"))
    })
}

fn look_around(seen: &mut BTreeSet<String>) {
    for process in fs::read_dir("/proc").expect("there is a /proc").flatten() {
        for (name, file) in [("argv", "cmdline"), ("environment", "environ")] {
            let Ok(bytes) = fs::read(process.path().join(file)) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            if text.contains(PASSWORD) {
                seen.insert(format!("{name} {}", text.replace('\0', " ")));
            }
        }
    }
}

/// Everything kept anywhere on the hosts that holds the password: files, file names, and the journal with sudo's log.
fn traces(lab: &Lab) -> Vec<String> {
    let search = "cat > /run/lab-secret
        grep -rlaF -D skip -f /run/lab-secret /home /root /tmp /var/tmp /var/log /var/lib/sudo /run /dev/shm /etc /lab 2>/dev/null \
            | grep -v -x -F /run/lab-secret
        find / /tmp /run /dev/shm -xdev 2>/dev/null | grep -F -f /run/lab-secret
        journalctl -q | grep -F -f /run/lab-secret | sed 's/^/journal: /'
        rm /run/lab-secret";
    let hits = HOSTS.iter().map(|host| (host, lab.must_with(host, search, &format!("{PASSWORD}\n"))));
    hits.flat_map(|(host, lines)| lines.lines().map(|l| format!("{host} {l}")).collect::<Vec<_>>()).collect()
}

fn stays_secret(run: &Run, seen: &BTreeSet<String>, kept: &[String]) {
    assert!(seen.is_empty(), "seen while it ran: {seen:#?}");
    assert!(kept.is_empty(), "kept: {kept:#?}");
    assert!(!run.stdout.contains(PASSWORD), "on stdout");
    assert!(!run.stderr.contains(PASSWORD), "on stderr: {}", run.stderr);
}
