//! The script of `apply`, cut and failed at every step: afterwards daemon.json is the old file or the new one, whole.

use std::fs;
use std::os::unix::fs::symlink;

use airworthy::fix::apply::{FileNow, Order, Outcome};
use airworthy::fix::plan::Plan;

use crate::bench::{Bench, OLD, STAMP};

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
pub(crate) fn is_whole(bench: &Bench, plan: &Plan, what: &str) -> FileNow {
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
