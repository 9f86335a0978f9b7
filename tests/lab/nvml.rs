//! The NVML helper on real hosts: through sshd and sudo to a worker, and every way in which it does not get there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use airworthy::facts::nvml::Document;
use airworthy::facts::{self, Ended, Section};
use airworthy::gather;

use crate::fault::{DEFAULTS, Fault};
use crate::judge::Applied;
use crate::leftovers::{nothing_new, traces};
use crate::rig::{HOSTS, Lab};

#[path = "../support/nvml_stub.rs"]
mod nvml_stub;

/// worker2 with a library of today: the lab's own is one of driver 418.
const LIBRARY: Fault = Fault {
    on: "worker2",
    apply: "cd /usr/lib/x86_64-linux-gnu && rm libnvidia-ml.so.1 && cp /root/stub.so libnvidia-ml.so.1",
    proof: "[ -f /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1 ] && ! [ -L /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1 ]",
    restore: "cd /usr/lib/x86_64-linux-gnu && ln -sf libnvidia-ml.so.418.226.00 libnvidia-ml.so.1 && rm /root/stub.so",
    ..DEFAULTS
};

const NOEXEC: Fault = Fault {
    on: "worker2",
    apply: "mount -o remount,noexec /tmp",
    proof: "grep -q '^tmpfs /tmp tmpfs [^ ]*noexec' /proc/mounts",
    restore: "mount -o remount,exec /tmp",
    ..DEFAULTS
};

/// The programs of worker2 say that they are made for another machine.
const FOREIGN: Fault = Fault {
    on: "worker2",
    apply: "printf '#!/bin/sh\\necho \" b7 00\"\\n' > /usr/local/sbin/od && chmod 755 /usr/local/sbin/od",
    proof: "[ -e /usr/local/sbin/od ]",
    restore: "rm /usr/local/sbin/od",
    ..DEFAULTS
};

/// The helper comes slowly: its first 100 KB, a mark, and after a while the rest.
const SLOW: Fault = Fault {
    on: "worker2",
    apply: "mkdir -p /run/lab && cat > /usr/local/sbin/head <<'END' && chmod 755 /usr/local/sbin/head\n\
            #!/bin/sh\n\
            case $1$2 in -c??????*) dd bs=1000 count=100 iflag=fullblock 2>/dev/null\n\
            touch /run/lab/pushing; sleep 3; exec cat ;; esac\n\
            exec /usr/bin/head \"$@\"\n\
            END",
    proof: "[ -e /usr/local/sbin/head ]",
    restore: "rm -f /usr/local/sbin/head /run/lab/pushing; rmdir --ignore-fail-on-non-empty /run/lab",
    ..DEFAULTS
};

/// Puts the library that plays on worker2.
fn with_library(lab: &Lab) -> Applied<'_> {
    let folder = tempfile::tempdir().expect("a folder");
    let library = nvml_stub::compile(folder.path(), false);
    let encoded = Command::new("base64").arg(&library).output().expect("base64 starts").stdout;
    lab.must_with("worker2", "base64 -d > /root/stub.so", &String::from_utf8_lossy(&encoded));
    Applied::apply(lab, &LIBRARY)
}

/// What every host answered.
fn answers(lab: &Lab, more: &str) -> BTreeMap<&'static str, BTreeMap<Cow<'static, str>, Section>> {
    let run = lab
        .airworthy(&format!("airworthy facts -i /lab/layout.yaml --save-transcripts ~/answers {more}"), "");
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    let answers = HOSTS[1..].iter().map(|host| {
        let raw = lab.must("pai@devbox", &format!("cat ~/answers/{host}.transcript"));
        let boundary = gather::boundary_of(raw.as_bytes()).expect("an answer of ours");
        let answered = gather::take_apart(raw, &boundary, &facts::host::probes()).expect("whole");
        (*host, answered.transcript.sections().clone())
    });
    let answers = answers.collect();
    lab.must("pai@devbox", "rm -r ~/answers");
    answers
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[test]
fn a_worker_with_a_device_is_read_through_nvml_and_left_as_it_was() {
    let lab = Lab::take();
    let _library = with_library(&lab);
    let before = traces(&lab);
    let answers = answers(&lab, "");
    nothing_new(&before, &traces(&lab));

    let nvml = &answers["worker2"]["nvml"];
    assert_eq!(nvml.ended, Ended::Exited(0), "{}", text(&nvml.err));
    let document = Document::read(&nvml.out).expect("a document");
    assert_eq!((document.failure, document.gpu_count.value()), (None, Some(&1)));
    let smi = &answers["worker2"]["nvidia-smi"];
    assert_eq!(
        (smi.ended, text(&smi.err)),
        (Ended::Exited(127), "not asked: the helper answered".to_owned())
    );
    // A library without the calls of today: what it tells is kept, and nvidia-smi is asked as well.
    let old = &answers["worker1"];
    assert!(Document::read(&old["nvml"].out).is_ok(), "{:?}", old["nvml"]);
    assert!(matches!(old["nvml"].ended, Ended::Exited(0 | 3)), "{:?}", old["nvml"]);
    for host in ["infra1", "infra2", "worker3"] {
        let nvml = &answers[host]["nvml"];
        assert_eq!(
            (nvml.ended, text(&nvml.err)),
            (Ended::Exited(127), "no NVIDIA device is on the PCI bus".to_owned()),
            "{host}"
        );
    }
}

#[test]
fn a_worker_that_may_not_run_it_falls_back_and_says_why() {
    let lab = Lab::take();
    for (fault, reason) in [
        (&NOEXEC, "nothing may be run from /tmp: it is mounted noexec, or a policy forbids it"),
        (&FOREIGN, "there is no helper for aarch64 (looked for airworthy-nvml in /usr/local/bin"),
    ] {
        let applied = Applied::apply(&lab, fault);
        let before = traces(&lab);
        let answers = answers(&lab, "");
        nothing_new(&before, &traces(&lab));
        let nvml = &answers["worker2"]["nvml"];
        assert_eq!((nvml.ended, text(&nvml.out)), (Ended::Exited(127), String::new()));
        assert!(text(&nvml.err).starts_with(reason), "{}", text(&nvml.err));
        let smi = &answers["worker2"]["nvidia-smi"];
        assert!(smi.ended == Ended::Exited(0) && text(&smi.out).contains("V100"), "{smi:?}");
        // The other worker got it.
        assert!(Document::read(&answers["worker1"]["nvml"].out).is_ok());
        drop(applied);
    }
    let never = answers(&lab, "--nvml never");
    assert_eq!(text(&never["worker1"]["nvml"].err), "--nvml never");
    assert_eq!(never["worker1"]["nvidia-smi"].ended, Ended::Exited(0));
}

#[test]
fn a_connection_that_goes_during_the_push_leaves_nothing_behind() {
    let lab = Lab::take();
    let _slow = Applied::apply(&lab, &SLOW);
    // sshd's own process of this session, or the other end's.
    for (host, cut) in [("worker2", "pkill -KILL -u pai -x sshd"), ("devbox", "pkill -KILL -x airworthy")] {
        lab.must("worker2", "rm -f /run/lab/pushing");
        let before = traces(&lab);
        let run = thread::scope(|scope| {
            let run =
                scope.spawn(|| lab.airworthy("airworthy facts -i /lab/layout.yaml --limit worker2", ""));
            wait_until("the helper is on its way", || lab.holds("worker2", "[ -e /run/lab/pushing ]"));
            assert!(lab.holds("worker2", "ls /tmp/airworthy.*/airworthy-nvml"), "it is there for now");
            lab.must(host, cut);
            run.join().expect("the run ends")
        });
        assert_ne!(run.status, Some(0), "the host was not reached to the end");
        wait_until("the script ends by itself", || !lab.holds("worker2", "ls -d /tmp/airworthy.*"));
        lab.must("worker2", "rm /run/lab/pushing");
        nothing_new(&before, &traces(&lab));
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(100));
    }
}
