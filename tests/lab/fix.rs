//! `check --fix` with a real Docker: what runs goes on running, and whatever breaks on the way leaves a whole file.

use std::time::{Duration, Instant};

use airworthy::report::{FixOutcome, FixRow, Report};

use crate::fix_cuts::{CUTS, Cut};
use crate::rig::{Lab, Run};

const OLD: &str = "{\n  \"labels\": [\"rack=7\"],\n  \"debug\": true\n}\n";
const HEALTHY: &str = r#"{
    "default-runtime": "nvidia",
    "runtimes": {
        "nvidia": {
            "path": "/usr/bin/nvidia-container-runtime",
            "runtimeArgs": []
        }
    }
}
"#;
const CHECK: &str = "airworthy check -i /lab/layout.yaml --profile /lab/profile.yaml --select 'docker-*,nvidia-*' --format json";
const IDS: &str = "docker inspect -f '{{.Id}} {{.State.StartedAt}} {{.State.Pid}}' idle1 idle2";

/// A GPU worker whose Docker lost its nvidia runtime, with two containers that run.
fn breaks(lab: &Lab, host: &str) -> String {
    lab.must_with(host, "cat >/etc/docker/daemon.json; chmod 640 /etc/docker/daemon.json", OLD);
    lab.must(
        host,
        "docker rm -f idle1 idle2 >/dev/null 2>&1; rm -f /etc/docker/daemon.json.airworthy-*
        systemctl reset-failed docker; systemctl restart docker
        tar -C / -c bin/busybox | docker import - lab-idle >/dev/null
        for i in 1 2; do docker run -d --network none --name idle$i lab-idle /bin/busybox sleep 86400 >/dev/null; done",
    );
    assert_eq!(lab.must(host, "docker info -f '{{.DefaultRuntime}}'").trim(), "runc");
    lab.must(host, IDS)
}

/// As the lab has it.
fn heals(lab: &Lab, host: &str) {
    lab.must_with(
        host,
        r#"docker rm -f idle1 idle2 >/dev/null; docker rmi lab-idle >/dev/null; rm -f /etc/docker/daemon.json.airworthy-*
        cat >/etc/docker/daemon.json
        chmod 644 /etc/docker/daemon.json
        for t in mv sync ln cp docker systemctl mktemp; do rm -f /usr/local/bin/$t; done; rm -f /etc/sudoers.d/zz-lab /var/lab-once; rm -rf /etc/systemd/system/docker.service.d; systemctl daemon-reload
        systemctl reset-failed docker; systemctl restart docker"#,
        HEALTHY,
    );
}

fn check(lab: &Lab, more: &str) -> (Run, Report) {
    let run = lab.airworthy(&format!("{CHECK} {more}"), "");
    let report = run.report();
    (run, report)
}

fn file(lab: &Lab, host: &str) -> String {
    lab.must(host, "cat /etc/docker/daemon.json")
}

#[test]
fn no_container_is_interrupted_and_a_second_run_does_nothing() {
    let lab = Lab::take();
    let before = ["worker1", "worker2"].map(|host| (host, breaks(&lab, host)));
    let (shown, report) = check(&lab, "--fix --dry-run");
    assert_eq!(shown.status, Some(1), "{}", shown.stderr);
    assert!(shown.stderr.contains("+  \"default-runtime\": \"nvidia\""), "{}", shown.stderr);
    assert!(report.fixes.iter().all(|row| row.outcome == FixOutcome::Planned));
    assert_eq!(file(&lab, "worker1"), OLD, "a dry run changes nothing");

    let (done, report) = check(&lab, "--fix --yes");
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert_eq!(report.fixes.len(), 2);
    for (row, (host, ids)) in report.fixes.iter().zip(&before) {
        assert_eq!((row.outcome, row.host.as_str()), (FixOutcome::Fixed, *host), "{row:?}");
        assert_eq!(&lab.must(host, IDS), ids, "ids, start times and processes are as before");
        assert_eq!(lab.must(host, "docker info -f '{{.DefaultRuntime}}'").trim(), "nvidia");
        assert_eq!(lab.must(host, "stat -c %a /etc/docker/daemon.json").trim(), "640");
        let backup = row.backup.clone().expect("a backup");
        assert_eq!(lab.must(host, &format!("cat {backup}")), OLD);
    }
    let names = lab.must("worker1", "ls -la --time-style=full-iso /etc/docker");
    let (again, report) = check(&lab, "--fix --yes");
    assert_eq!((again.status, report.fixes.len()), (Some(0), 0), "{}", again.stderr);
    assert_eq!(lab.must("worker1", "ls -la --time-style=full-iso /etc/docker"), names);

    let undone = lab.airworthy("airworthy fix undo -i /lab/layout.yaml --yes", "");
    assert_eq!(undone.status, Some(0), "{}{}", undone.stdout, undone.stderr);
    for (host, ids) in &before {
        assert_eq!((file(&lab, host).as_str(), &lab.must(host, IDS)), (OLD, ids));
        heals(&lab, host);
    }
}

/// Refused here and taken by dockerd 20.10: of two equal keys it takes the last, and what follows the object it drops.
const STRICTER: [&str; 8] = [
    "duplicate-by-escape",
    "duplicate-keys",
    "duplicate-nested",
    "not-utf-8-outside",
    "nul",
    "null",
    "trailing-brace",
    "trailing-text",
];

/// Taken here, and by dockerd only since 23.
const NEWER: [&str; 2] = ["blank", "empty"];

/// dockerd 20.10 has no `--validate`; it reads the file first and its pid file, which cannot be, next.
#[test]
fn dockerd_takes_what_is_taken_and_refuses_what_is_refused() {
    let lab = Lab::take();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    lab.must(
        crate::fault::OUTSIDE,
        &format!("tar -C {fixtures} -c daemon-json | lab exec worker3 'tar -C /run -x'"),
    );
    let told = lab.must(
        "worker3",
        "cd /run/daemon-json; for f in */before.json */after.json; do
            said=$(timeout 20 dockerd --config-file=$PWD/$f --data-root /run/x --exec-root /run/y -H unix:///run/z \\
                --pidfile /dev/null/pid 2>&1 | tail -1)
            case $said in *'not a directory'*) echo \"$f taken\" ;; *'with file'*) echo \"$f refused\" ;; *) echo \"$f $said\" ;; esac
        done; umount -l /run/x 2>/dev/null; rm -rf /run/daemon-json /run/x /run/y",
    );
    let mut seen = 0;
    for line in told.lines() {
        let (path, word) = line.split_once(' ').expect("a path and a word");
        let (case, file) = path.split_once('/').expect("a case and a file");
        let refused_here =
            std::fs::exists(format!("{fixtures}/daemon-json/{case}/refusal")).expect("readable");
        let wanted = match (refused_here, file) {
            (true, _) if STRICTER.contains(&case) => "taken",
            (true, _) => "refused",
            (false, "before.json") if NEWER.contains(&case) => "refused",
            (false, _) => "taken",
        };
        assert_eq!(word, wanted, "{path}");
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn the_first_host_that_fails_stops_the_rest() {
    let lab = Lab::take();
    for host in ["worker1", "worker2"] {
        breaks(&lab, host);
    }
    lab.must(
        "worker1",
        "mkdir -p /etc/systemd/system/docker.service.d
        printf '[Service]\\nExecReload=\\nExecReload=/bin/true\\n' >/etc/systemd/system/docker.service.d/lab.conf
        systemctl daemon-reload",
    );
    let (run, report) = check(&lab, "--fix --yes");
    let outcomes: Vec<FixOutcome> = report.fixes.iter().map(|row| row.outcome).collect();
    assert_eq!((run.status, outcomes), (Some(1), vec![FixOutcome::Restored, FixOutcome::Untouched]));
    assert!(report.fixes[1].reason.as_deref().is_some_and(|reason| reason.contains("worker1")));
    assert_eq!((file(&lab, "worker1").as_str(), file(&lab, "worker2").as_str()), (OLD, OLD));
    assert_eq!(lab.must("worker2", "ls /etc/docker").trim(), "daemon.json\nkey.json");

    // With nobody's container in the way Docker may be restarted, where that was allowed.
    lab.must("worker1", "docker rm -f idle1 idle2");
    let (run, report) = check(&lab, "--fix --yes --allow-restart --forks 1");
    assert!(
        report.fixes.iter().all(|row| row.outcome == FixOutcome::Fixed),
        "{:?} {}",
        report.fixes,
        run.stderr
    );
    for host in ["worker1", "worker2"] {
        heals(&lab, host);
    }
}

/// The question is asked on a terminal, and anything but yes is a no.
#[test]
fn on_a_terminal_it_asks() {
    let lab = Lab::take();
    breaks(&lab, "worker1");
    let ask = |answer: &str| {
        let command = format!("{CHECK} --fix --limit worker1");
        lab.airworthy(&format!("script -qec \"{command}\" /dev/null"), &format!("{answer}\n")).stdout
    };
    let said = ask("n");
    assert!(said.contains("Change this host (1)? [y/N]") && said.contains("\"declined\""), "{said}");
    assert_eq!(file(&lab, "worker1"), OLD);
    let said = ask("y");
    assert!(said.contains("\"fixed\""), "{said}");
    heals(&lab, "worker1");
}

#[test]
fn whatever_breaks_leaves_a_whole_file_and_a_docker_that_answers() {
    let lab = Lab::take();
    for cut in CUTS {
        println!("{}", cut.name);
        let _ = breaks(&lab, "worker1");
        lab.must("worker1", "rm -f /run/lab-reached");
        lab.must("worker1", cut.apply);
        let old = file(&lab, "worker1");
        let (run, report) = std::thread::scope(|scope| {
            let outside = scope.spawn(|| {
                if cut.meanwhile.is_empty() {
                    return;
                }
                let began = Instant::now();
                while !lab.holds("worker1", "test -e /run/lab-reached") {
                    assert!(began.elapsed() < Duration::from_secs(60), "{}: never reached", cut.name);
                    std::thread::sleep(Duration::from_millis(100));
                }
                lab.shell_with(crate::fault::OUTSIDE, cut.meanwhile, "");
            });
            let done = check(&lab, "--fix --yes --limit worker1");
            outside.join().expect("the cut was brought about");
            done
        });
        judge(&lab, cut, &run, &report, &old);
        lab.must("worker1", cut.restore);
        heals(&lab, "worker1");
    }
}

fn judge(lab: &Lab, cut: &Cut, run: &Run, report: &Report, old: &str) {
    let what = format!("{}: {}", cut.name, run.stderr);
    let [row] = report.fixes.as_slice() else { panic!("{what}: {:?}", report.fixes) };
    let row: &FixRow = row;
    assert!(cut.outcome.contains(&row.outcome), "{what}: {row:?}");
    assert!(row.reason.as_deref().is_some_and(|reason| reason.contains(cut.says)), "{what}: {row:?}");
    let now = file(lab, "worker1");
    match cut.new {
        true => {
            assert!(now.contains("\"default-runtime\": \"nvidia\"") && now.ends_with("}\n"), "{what}: {now}")
        }
        false => assert_eq!(now, old, "{what}"),
    }
    assert!(lab.holds("worker1", "docker info >/dev/null"), "{what}: Docker answers afterwards");
    assert!(cut.new || run.status == Some(1), "{what}: {:?}", run.status);
    assert!(row.outcome == FixOutcome::Fixed || run.status == Some(1), "{what}: {:?}", run.status);
}
