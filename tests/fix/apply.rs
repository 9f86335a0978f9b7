//! The script of `apply` where all goes well, where it is taken back, and where nobody listens.

use std::fs;
use std::time::{Duration, Instant};

use airworthy::fix::apply::{Applied, FileNow, Order, Outcome};
use airworthy::fix::plan::Plan;

use crate::bench::{Bench, OLD, STAMP};
use crate::cuts::is_whole;
use crate::environment;

use FileNow::{New, Old};
use Outcome::{Failed, Fixed, Lost, Refused, Restored};

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "sh"]];

#[test]
fn works_under_every_shell() {
    for shell in SHELLS.into_iter().filter(|shell| environment::has(shell[0])) {
        let bench = Bench::new(Some(OLD));
        let (mode, uid, gid) = bench.mode_and_owner();
        let plan = bench.plan();
        let applied = bench.run(shell, &Order { plan: &plan, stamp: STAMP, allow_restart: false });
        let expected = Applied {
            outcome: Fixed,
            file: New,
            default_runtime: Some("nvidia".to_owned()),
            step: "verify".to_owned(),
            reason: String::new(),
        };
        assert_eq!(applied, expected, "{shell:?}");
        assert_eq!(bench.now().map(String::into_bytes), plan.after, "{shell:?}");
        assert_eq!(bench.mode_and_owner(), (mode, uid, gid));
        let backup = format!(
            "daemon.json.airworthy-{STAMP}-{}",
            &airworthy::fix::plan::state(plan.after.as_deref())[..12]
        );
        assert_eq!(bench.names(), ["daemon.json".to_owned(), backup.clone()], "{shell:?}");
        assert_eq!(fs::read_to_string(bench.path("etc/docker").join(backup)).expect("readable"), OLD);
        assert!(
            bench.told("dockerd").contains("3600 --validate --config-file="),
            "{}",
            bench.told("dockerd")
        );
        assert_eq!(bench.told("systemctl").lines().filter(|line| line.contains("restart")).count(), 0);
    }
}

#[test]
fn a_second_run_changes_nothing_and_leaves_no_backup() {
    let bench = Bench::new(Some(OLD));
    bench.apply(&bench.plan());
    let before = bench.names();
    let plan = bench.plan();
    assert!(!plan.writes());
    let applied = bench.apply(&plan);
    assert_eq!(applied.outcome, Fixed, "{applied:?}");
    assert_eq!(bench.names(), before);
}

#[test]
fn where_the_file_says_it_already_docker_is_only_reloaded() {
    let bench = Bench::new(Some(OLD));
    fs::write(bench.file(), bench.plan().after.expect("a text")).expect("written");
    let applied = bench.apply(&bench.plan());
    assert_eq!(applied.outcome, Fixed, "{applied:?}");
    assert_eq!(bench.names(), ["daemon.json"]);
    assert!(bench.told("info").starts_with("nvidia|"));
    bench.tell("reload-idle", "");
    bench.tell("info", "runc||runc|");
    let applied = bench.apply(&bench.plan());
    assert_eq!((applied.outcome, applied.file), (Failed, New), "{applied:?}");
}

#[test]
fn an_absent_file_comes_and_goes_again() {
    let bench = Bench::new(None);
    let plan = bench.plan();
    bench.tell("reload-idle", "");
    let applied = bench.apply(&plan);
    assert_eq!((applied.outcome, applied.file), (Restored, Old), "{applied:?}");
    assert_eq!(bench.names(), Vec::<String>::new());
    fs::remove_file(bench.path("state/reload-idle")).expect("removed");
    let applied = bench.apply(&plan);
    assert_eq!(applied.outcome, Fixed, "{applied:?}");
    assert_eq!(bench.mode_and_owner().0, 0o644);
    let backup = bench.names()[1].clone();
    assert!(backup.ends_with("-absent"), "{backup}");
    let spends = Some(bench.path("etc/docker").join(&backup).display().to_string());
    let undo =
        Plan { before: plan.after.clone(), after: None, runtime: None, validates: false, spends, ..plan };
    let applied = bench.apply(&undo);
    assert_eq!((applied.outcome, applied.file), (Fixed, New), "{applied:?}");
    assert_eq!(bench.names(), Vec::<String>::new());
}

#[test]
fn undo_brings_the_old_file_back_and_uses_the_backup_up() {
    for fault in ["", "mv 2 before", "mv 2 after", "ln 2 after", "sync 3 fail", "rm 1 before"] {
        let bench = Bench::new(Some(OLD));
        let plan = bench.plan();
        bench.apply(&plan);
        let backup = bench.names()[1].clone();
        bench.tell("fault", fault);
        let spends = Some(bench.path("etc/docker").join(&backup).display().to_string());
        let undo =
            Plan { before: plan.after.clone(), after: plan.before.clone(), runtime: None, spends, ..plan };
        let applied = bench.apply(&undo);
        let now = is_whole_undo(&bench, &undo);
        match fault {
            "" => {
                assert_eq!(applied.outcome, Fixed, "{applied:?}");
                assert_eq!(bench.names(), ["daemon.json"]);
                assert_eq!(bench.now().as_deref(), Some(OLD));
                assert_eq!(bench.mode_and_owner().0, 0o640);
            }
            "sync 3 fail" => assert_eq!((applied.outcome, now), (Failed, Old), "{applied:?}"),
            _ => assert_eq!(applied.outcome, Lost, "{fault}: {applied:?}"),
        }
    }
}

fn is_whole_undo(bench: &Bench, undo: &Plan) -> FileNow {
    match bench.now().map(String::into_bytes) {
        now if now == undo.after => New,
        now if now == undo.before => Old,
        _ => panic!("a piece of a file"),
    }
}

#[test]
fn docker_is_restarted_only_where_nobody_loses_a_container() {
    for (containers, restarts, outcome) in [
        ("3 false", false, Restored),
        ("0 false", true, Fixed),
        ("3 true", true, Fixed),
        ("", false, Restored),
    ] {
        let bench = Bench::new(Some(OLD));
        bench.tell("reload-idle", "");
        bench.tell("containers", containers);
        let plan = bench.plan();
        let applied = bench.run(&["sh"], &Order { plan: &plan, stamp: STAMP, allow_restart: true });
        assert_eq!(applied.outcome, outcome, "{containers}: {applied:?}");
        assert_eq!(bench.told("systemctl").contains("restart docker"), restarts, "{containers}");
    }
    for (word, start_works) in [("restart-fails", true), ("restart-idle", true)] {
        let bench = Bench::new(Some(OLD));
        bench.tell("reload-idle", "");
        bench.tell("containers", "0 false");
        bench.tell(word, "");
        let plan = bench.plan();
        let applied = bench.run(&["sh"], &Order { plan: &plan, stamp: STAMP, allow_restart: true });
        assert_eq!((applied.outcome, applied.file), (Restored, Old), "{word}: {applied:?}");
        assert_eq!(applied.default_runtime.is_some(), start_works, "{word}: Docker answers afterwards");
    }
}

#[test]
fn a_program_that_hangs_is_ended_and_the_file_put_back() {
    let bench = Bench::new(Some(OLD));
    let plan = bench.plan();
    bench.tell("cut", "nothing");
    // Hangs from the first question on; each costs its deadline.
    bench.tell("docker-hangs", "");
    bench.tell("short-deadlines", "");
    let began = Instant::now();
    let applied = bench.apply(&plan);
    assert_eq!((applied.outcome, applied.file), (Refused, Old), "{applied:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// The connection breaks: nobody reads any more, and the foreground ends. The script goes on to its end.
#[test]
fn nobody_listens_and_the_work_is_done() {
    for shell in SHELLS.into_iter().filter(|shell| environment::has(shell[0])) {
        let bench = Bench::new(Some(OLD));
        let plan = bench.plan();
        let mut child = bench.start(shell, &Order { plan: &plan, stamp: STAMP, allow_restart: false });
        drop(child.stdout.take());
        drop(child.stderr.take());
        std::thread::sleep(Duration::from_millis(30));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let began = Instant::now();
        while !bench.told("info").starts_with("nvidia|") && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // Killed before the script was handed over, it did nothing at all.
        let now = is_whole(&bench, &plan, "nobody listens");
        assert!(now == New || bench.told("systemctl").is_empty(), "{shell:?} {now:?}");
    }
}

#[test]
fn a_script_that_was_cut_on_its_way_does_nothing() {
    let bench = Bench::new(Some(OLD));
    let plan = bench.plan();
    let text = Order { plan: &plan, stamp: STAMP, allow_restart: false }.text(crate::bench::BOUNDARY);
    let whole = text.trim_end().len();
    for cut in (0..whole).step_by(whole / 40).chain(whole - 24..whole) {
        let output = environment::command("sh")
            .args(["-c", "eval \"$1\"", "sh", &text[..cut]])
            .env("PATH", format!("{}:/usr/bin:/bin", bench.path("bin").display()))
            .output()
            .expect("the shell runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "cut at {cut}");
    }
    assert_eq!(bench.now().as_deref(), Some(OLD));
    assert_eq!(bench.told("systemctl"), "");
}

#[test]
fn two_runs_at_once_do_not_meet() {
    let bench = Bench::new(Some(OLD));
    let plan = bench.plan();
    let order = Order { plan: &plan, stamp: STAMP, allow_restart: false };
    let other = Order { plan: &plan, stamp: "20260731T101501Z", allow_restart: false };
    let first = bench.start(&["sh"], &order);
    let second = bench.start(&["sh"], &other);
    let outcomes = [first, second].map(|child| {
        let output = child.wait_with_output().expect("it ends");
        let answered =
            airworthy::gather::take_apart(output.stdout, crate::bench::BOUNDARY, &[]).expect("whole");
        Applied::parse(&answered.transcript).outcome
    });
    assert!(outcomes.contains(&Fixed) && outcomes.contains(&Refused), "{outcomes:?}");
    assert_eq!(bench.names().len(), 2, "one backup: {:?}", bench.names());
}

#[test]
fn a_link_stays_a_link_and_what_it_leads_to_is_replaced() {
    let bench = Bench::new(Some(OLD));
    let real = bench.path("real.json");
    fs::rename(bench.file(), &real).expect("moved");
    std::os::unix::fs::symlink(&real, bench.file()).expect("linked");
    let planned = bench.plan();
    let plan = Plan { path: real.display().to_string(), ..planned };
    let applied = bench.apply(&plan);
    assert_eq!((applied.outcome, applied.file), (Fixed, New), "{applied:?}");
    assert_eq!(fs::read_link(bench.file()).expect("a link"), real);
    assert_eq!(fs::read(&real).ok(), plan.after);
    assert_eq!(bench.names(), ["daemon.json"], "the backup is beside the file, not beside the link");
}

/// Before Docker 23 there is nothing to ask.
#[test]
fn a_dockerd_that_cannot_try_a_file_is_not_asked_to() {
    let bench = Bench::new(Some(OLD));
    bench.tell("validate-refuses", "");
    let plan = Plan { validates: false, ..bench.plan() };
    assert_eq!(bench.apply(&plan).outcome, Fixed);
    assert_eq!(bench.told("dockerd"), "");
}

/// Quotes, dollars, backslashes and line ends of the file reach it as they are.
#[test]
fn no_byte_of_the_file_means_anything_to_the_shell() {
    let hostile = "{\r\n\t\"labels\": [\"it's $(touch /tmp/airworthy-was-here) `id` \\\\ \\n %s é\"]\r\n}";
    for shell in SHELLS.into_iter().filter(|shell| environment::has(shell[0])) {
        let bench = Bench::new(Some(hostile));
        let plan = bench.plan();
        let applied = bench.run(shell, &Order { plan: &plan, stamp: STAMP, allow_restart: false });
        assert_eq!(applied.outcome, Fixed, "{shell:?} {applied:?}");
        assert_eq!(bench.now().map(String::into_bytes), plan.after, "{shell:?}");
        assert!(!std::path::Path::new("/tmp/airworthy-was-here").exists());
    }
}
