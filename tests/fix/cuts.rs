//! The script of `apply`, cut and failed at every step: afterwards daemon.json is the old file or the new one, whole.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use airworthy::fix::apply::{Applied, FileNow, Order, Outcome};
use airworthy::fix::plan::Plan;

use crate::bench::{Bench, OLD, STAMP};

const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "sh"]];

/// One fault, and what has to come of it.
struct Cut {
    /// What is done to the machine before the script runs.
    fault: Fault,
    outcome: Outcome,
    /// Which file is there afterwards.
    file: FileNow,
    /// The step at which it ends; empty before the first.
    step: &'static str,
    /// The branch or system call that it reaches and no other cut does.
    reaches: &'static str,
}

#[derive(Clone, Copy)]
enum Fault {
    /// This tool, at this call, in this way.
    Tool(&'static str),
    /// Docker and systemd behave so.
    Docker(&'static [(&'static str, &'static str)]),
    /// systemctl is killed at this word of its, with the whole session.
    Systemd(&'static str),
    /// The machine is otherwise so.
    Machine(fn(&Bench)),
}

use FileNow::{New, Old, Other};
use Outcome::{Failed, Fixed, Lost, Refused, Restored, Stuck};

const fn cut(
    fault: Fault,
    outcome: Outcome,
    file: FileNow,
    step: &'static str,
    reaches: &'static str,
) -> Cut {
    Cut { fault, outcome, file, step, reaches }
}

const CUTS: &[Cut] = &[
    // Before anything was begun.
    cut(Fault::Tool("readlink 1 fail"), Refused, Old, "", "readlink of the path dockerd was told"),
    cut(Fault::Tool("readlink 1 before"), Lost, Old, "", "killed in the checks"),
    cut(Fault::Tool("flock 1 fail"), Refused, Old, "", "flock: another run holds it"),
    cut(Fault::Tool("flock 1 before"), Lost, Old, "", "killed at the lock"),
    cut(Fault::Tool("sha256sum 1 fail"), Refused, Old, "", "the old file cannot be read"),
    cut(Fault::Tool("sha256sum 1 edit"), Refused, Other, "", "changed since it was planned from"),
    cut(Fault::Docker(&[("docker-dead", "")]), Refused, Old, "", "Docker does not answer before"),
    cut(Fault::Docker(&[("pid", "0")]), Refused, Old, "", "no main process"),
    cut(
        Fault::Machine(|bench| {
            fs::remove_file(bench.file()).expect("removed");
            symlink("/dev/null", bench.file()).expect("linked");
        }),
        Refused,
        Other,
        "",
        "lstat: a link now",
    ),
    cut(
        Fault::Machine(|bench| {
            fs::remove_dir_all(bench.path("etc/docker")).expect("removed");
        }),
        Refused,
        Other,
        "",
        "the folder is gone",
    ),
    cut(
        Fault::Machine(|bench| {
            fs::remove_file(bench.path("bin/docker")).expect("removed");
            fs::create_dir(bench.path("bin/docker")).expect("made");
        }),
        Refused,
        Old,
        "",
        "execve of docker",
    ),
    // The new file beside the old one.
    cut(Fault::Tool("mktemp 1 fail"), Failed, Old, "write", "open(O_EXCL) of the temporary file"),
    cut(Fault::Tool("mktemp 1 after"), Lost, Old, "write", "killed with an empty temporary file"),
    cut(Fault::Tool("cp 1 fail"), Failed, Old, "write", "fchown, fchmod"),
    cut(Fault::Tool("cp 1 after"), Lost, Old, "write", "killed with a copy of the old file beside it"),
    cut(Fault::Tool("cp 1 lie"), Failed, Old, "write", "owner and mode differ after all"),
    cut(Fault::Tool("stat 2 fail"), Failed, Old, "write", "stat of the temporary file"),
    cut(Fault::Tool("sha256sum 2 fail"), Failed, Old, "write", "read of the temporary file"),
    cut(
        Fault::Tool("sha256sum 2 before"),
        Lost,
        Old,
        "write",
        "killed with the new text in the temporary file",
    ),
    cut(Fault::Tool("sync 1 fail"), Failed, Old, "write", "fsync of the temporary file"),
    cut(Fault::Tool("sync 1 before"), Lost, Old, "write", "killed before fsync of the temporary file"),
    cut(Fault::Tool("sync 1 after"), Lost, Old, "write", "killed after it"),
    cut(Fault::Docker(&[("validate-refuses", "")]), Failed, Old, "validate", "dockerd --validate says no"),
    // The backup.
    cut(
        Fault::Machine(|bench| {
            let name = format!("{}.airworthy-{STAMP}-{}", bench.file().display(), short(bench));
            fs::write(name, "mine").expect("written");
        }),
        Failed,
        Old,
        "backup",
        "the backup's name is taken",
    ),
    cut(Fault::Tool("ln 1 fail"), Failed, Old, "backup", "link"),
    cut(Fault::Tool("ln 1 before"), Lost, Old, "backup", "killed before link"),
    cut(Fault::Tool("ln 1 after"), Lost, Old, "backup", "killed between link and rename"),
    cut(Fault::Tool("ln 1 late"), Failed, Old, "backup", "link, and no word of it"),
    cut(Fault::Tool("ln 1 edit-after"), Failed, Other, "backup", "changed between link and rename"),
    // The rename.
    cut(Fault::Tool("mv 1 fail"), Failed, Old, "rename", "rename"),
    cut(Fault::Tool("mv 1 lie"), Failed, Old, "rename", "rename that did nothing"),
    cut(Fault::Tool("mv 1 before"), Lost, Old, "rename", "killed before rename"),
    cut(Fault::Tool("mv 1 after"), Lost, New, "rename", "killed after rename"),
    cut(Fault::Tool("mv 1 late"), Fixed, New, "verify", "rename, and no word of it"),
    cut(Fault::Tool("mv 1 signals"), Fixed, New, "verify", "HUP, TERM, INT and PIPE in the rename"),
    cut(Fault::Tool("mv 1 edit-after"), Failed, Other, "rename", "overwritten right after rename"),
    cut(Fault::Tool("sync 2 fail"), Restored, Old, "put-back", "fsync of the folder"),
    cut(Fault::Tool("sync 2 before"), Lost, New, "rename", "killed before fsync of the folder"),
    // Docker's part.
    cut(Fault::Systemd("reload"), Lost, New, "reload", "killed at the reload"),
    cut(Fault::Docker(&[("reload-fails", "")]), Restored, Old, "put-back", "ExecReload fails"),
    cut(Fault::Docker(&[("reload-idle", "")]), Restored, Old, "put-back", "reload without effect"),
    cut(
        Fault::Docker(&[("reload-kills", "")]),
        Restored,
        Old,
        "put-back",
        "Docker dies of the reload, and is started",
    ),
    cut(
        Fault::Docker(&[("reload-kills", ""), ("start-fails", "")]),
        Restored,
        Old,
        "put-back",
        "and cannot be started",
    ),
    cut(
        Fault::Docker(&[("reload-edits", ""), ("reload-fails", "")]),
        Stuck,
        Other,
        "put-back",
        "somebody else's file is not put back over",
    ),
];

/// The start of the new file's digest, as backups are named.
fn short(bench: &Bench) -> String {
    airworthy::fix::plan::state(bench.plan().after.as_deref())[..12].to_owned()
}

fn arrange(bench: &Bench, fault: Fault) {
    match fault {
        Fault::Tool(what) => bench.tell("fault", what),
        Fault::Docker(words) => words.iter().for_each(|(name, text)| bench.tell(name, text)),
        Fault::Systemd(word) => bench.tell("cut", word),
        Fault::Machine(change) => change(bench),
    }
}

/// The file is one of the three, never a piece of one; a backup is the old file, whole.
fn is_whole(bench: &Bench, plan: &Plan, what: &str) -> FileNow {
    for name in bench.names().iter().filter(|name| name.starts_with("daemon.json.airworthy-")) {
        let backup = fs::read(bench.path("etc/docker").join(name)).expect("readable");
        let edited = what.contains("between link and rename");
        assert!(edited || Some(&backup) == plan.before.as_ref() || backup == b"mine", "{what}: {name}");
    }
    match bench.now().map(String::into_bytes) {
        now if now == plan.after => New,
        now if now == plan.before => Old,
        Some(text) => {
            assert!(text == b"edited" || text.is_empty(), "{what}: {}", String::from_utf8_lossy(&text));
            Other
        }
        None => Other,
    }
}

fn judge(cut: &Cut, shell: &[&str]) {
    let what = format!("{} under {shell:?}", cut.reaches);
    let bench = Bench::new(Some(OLD));
    let plan = bench.plan();
    arrange(&bench, cut.fault);
    let applied = bench.run(shell, &Order { plan: &plan, stamp: STAMP, allow_restart: false });
    assert_eq!((applied.outcome, applied.step.as_str()), (cut.outcome, cut.step), "{what}: {applied:?}");
    assert_eq!(is_whole(&bench, &plan, &what), cut.file, "{what}: {applied:?}");
    match applied.outcome {
        Fixed => assert_eq!(applied.reason, "", "{what}"),
        Lost => assert!(applied.reason.contains("with status 137"), "{what}: {applied:?}"),
        _ => {
            assert_ne!(applied.reason, "", "{what}");
            assert_eq!(applied.file, cut.file, "{what}: it says which file is there");
        }
    }
    if matches!(applied.outcome, Failed | Restored | Refused) && cut.file == Old {
        let left: Vec<String> = bench.names().into_iter().filter(|name| name != "daemon.json").collect();
        let foreign = left
            .iter()
            .all(|name| fs::read(bench.path("etc/docker").join(name)).is_ok_and(|text| text == b"mine"));
        assert!(foreign, "{what}: left behind {left:?}");
        assert_eq!(bench.mode_and_owner().0, 0o640, "{what}");
    }
}

#[test]
fn at_every_cut_the_file_is_whole() {
    assert!(CUTS.len() >= 30, "{}", CUTS.len());
    let mut reached: Vec<&str> = CUTS.iter().map(|cut| cut.reaches).collect();
    reached.sort_unstable();
    reached.dedup();
    assert_eq!(reached.len(), CUTS.len(), "each cut reaches something that no other does");
    for cut in CUTS {
        judge(cut, &["sh"]);
    }
}

/// What a cut left is no obstacle: the next run gets there, and cleans up.
#[test]
fn after_every_cut_the_next_run_gets_there() {
    for cut in CUTS.iter().filter(|cut| cut.outcome == Lost) {
        let bench = Bench::new(Some(OLD));
        arrange(&bench, cut.fault);
        bench.apply(&bench.plan());
        let _ = fs::remove_file(bench.path("state/fault"));
        let _ = fs::remove_file(bench.path("state/cut"));
        let plan = bench.plan();
        let again =
            bench.run(&["sh"], &Order { plan: &plan, stamp: "20260731T111500Z", allow_restart: false });
        assert_eq!(again.outcome, Fixed, "{}: {again:?}", cut.reaches);
        assert!(!bench.names().iter().any(|name| name.starts_with('.')), "{:?}", bench.names());
        assert!(bench.told("info").starts_with("nvidia|"), "{}", cut.reaches);
    }
}

fn is_there(shell: &[&str]) -> bool {
    Command::new(shell[0]).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

#[test]
fn works_under_every_shell() {
    for shell in SHELLS.into_iter().filter(|shell| is_there(shell)) {
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
    // Hangs from the reload on: each question costs its five seconds, so the whole is bounded, not quick.
    bench.tell("docker-hangs", "");
    let began = Instant::now();
    let applied = bench.apply(&plan);
    assert_eq!((applied.outcome, applied.file), (Refused, Old), "{applied:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// The connection breaks: nobody reads any more, and the foreground ends. The script goes on to its end.
#[test]
fn nobody_listens_and_the_work_is_done() {
    for shell in SHELLS.into_iter().filter(|shell| is_there(shell)) {
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
        let output = Command::new("sh")
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
            airworthy::gather::take_apart(&output.stdout, crate::bench::BOUNDARY, &[]).expect("whole");
        Applied::parse(&answered.transcript).outcome
    });
    assert!(outcomes.contains(&Fixed) && outcomes.contains(&Refused), "{outcomes:?}");
    assert_eq!(bench.names().len(), 2, "one backup: {:?}", bench.names());
}
