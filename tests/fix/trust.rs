//! Files and folders that others than root may write to are left alone, and nobody else can keep a fix out.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Child, Stdio};

use airworthy::fix::apply::{FileNow, Order, Outcome};
use airworthy::fix::plan::Plan;

use crate::bench::{Bench, OLD, STAMP};
use crate::environment;

/// A user that is nobody here.
const OTHER: u32 = 65534;

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// Who could change the file, and how that comes about; the plan is the one that was made before.
struct Loose {
    what: &'static str,
    needs_root: bool,
    make: fn(&Bench, &mut Plan),
}

/// Moves the file to a folder named `home` and makes a link of it.
fn move_home(bench: &Bench, plan: &mut Plan) {
    fs::create_dir(bench.path("home")).expect("a folder");
    let real = bench.path("home/real.json");
    fs::rename(bench.file(), &real).expect("moved");
    symlink(&real, bench.file()).expect("linked");
    plan.path = real.display().to_string();
}

const LOOSE: &[Loose] = &[
    Loose {
        what: "a folder where all may write",
        needs_root: false,
        make: |bench, _| mode(&bench.path("etc/docker"), 0o777),
    },
    Loose {
        what: "a folder where the group may write",
        needs_root: false,
        make: |bench, _| mode(&bench.path("etc/docker"), 0o775),
    },
    Loose {
        what: "a folder like /tmp",
        needs_root: false,
        make: |bench, _| mode(&bench.path("etc/docker"), 0o1777),
    },
    Loose {
        what: "a folder above where all may write",
        needs_root: false,
        make: |bench, _| mode(&bench.path("etc"), 0o777),
    },
    Loose {
        what: "a file that all may write",
        needs_root: false,
        make: |bench, _| mode(&bench.file(), 0o666),
    },
    Loose {
        what: "a file that the group may write",
        needs_root: false,
        make: |bench, _| mode(&bench.file(), 0o664),
    },
    Loose {
        what: "a link into a folder where all may write",
        needs_root: false,
        make: |bench, plan| {
            move_home(bench, plan);
            mode(&bench.path("home"), 0o777);
        },
    },
    Loose {
        what: "another user's folder",
        needs_root: true,
        make: |bench, _| chown(bench.path("etc/docker"), Some(OTHER), None).expect("given away"),
    },
    Loose {
        what: "another user's folder above",
        needs_root: true,
        make: |bench, _| chown(bench.path("etc"), Some(OTHER), None).expect("given away"),
    },
    Loose {
        what: "another user's file",
        needs_root: true,
        make: |bench, _| chown(bench.file(), Some(OTHER), None).expect("given away"),
    },
    Loose {
        what: "a link into another user's home",
        needs_root: true,
        make: |bench, plan| {
            move_home(bench, plan);
            chown(bench.path("home"), Some(OTHER), None).expect("given away");
        },
    },
    Loose {
        what: "a backup of another user's",
        needs_root: true,
        make: |bench, plan| {
            let backup = bench.path("etc/docker/daemon.json.airworthy-20250101T000000Z-000000000000");
            fs::write(&backup, "{}").expect("written");
            chown(&backup, Some(OTHER), None).expect("given away");
            plan.spends = Some(backup.display().to_string());
        },
    },
    Loose {
        what: "a backup that all may write",
        needs_root: false,
        make: |bench, plan| {
            let backup = bench.path("etc/docker/daemon.json.airworthy-20250101T000000Z-000000000000");
            fs::write(&backup, "{}").expect("written");
            mode(&backup, 0o666);
            plan.spends = Some(backup.display().to_string());
        },
    },
];

#[test]
fn what_others_than_root_may_change_is_left_alone() {
    for loose in LOOSE {
        if loose.needs_root && !is_root() {
            eprintln!("SKIPPED, for only root can make what belongs to another user: {}", loose.what);
            continue;
        }
        let bench = Bench::new(Some(OLD));
        let mut plan = bench.plan();
        (loose.make)(&bench, &mut plan);
        let names = bench.names();
        let applied = bench.run(&["sh"], &Order { plan: &plan, stamp: STAMP, allow_restart: true });
        assert_eq!(
            (applied.outcome, applied.file),
            (Outcome::Refused, FileNow::Old),
            "{}: {applied:?}",
            loose.what
        );
        assert!(applied.reason.contains("others than root may change /"), "{}: {applied:?}", loose.what);
        assert_eq!(bench.names(), names, "{}", loose.what);
        assert_eq!(bench.now().as_deref(), Some(OLD), "{}", loose.what);
        assert!(!bench.told("systemctl").contains("reload"), "{}", loose.what);
    }
}

/// There is no such folder yet, and one above it is not root's alone.
#[test]
fn no_folder_is_made_where_others_may_write() {
    let bench = Bench::new(None);
    let plan = bench.plan();
    fs::remove_dir(bench.path("etc/docker")).expect("removed");
    mode(&bench.path("etc"), 0o777);
    let applied = bench.apply(&plan);
    assert_eq!(applied.outcome, Outcome::Refused, "{applied:?}");
    assert!(applied.reason.contains("others than root may change"), "{applied:?}");
    assert!(!bench.path("etc/docker").exists());
}

/// Holds a lock as any user may, until it is dropped.
struct Held(Child);

impl Held {
    fn on(path: &Path, how: &str) -> Held {
        let child = environment::command("flock")
            .arg(how)
            .arg(path)
            .args(["sleep", "600"])
            .stdout(Stdio::null())
            .spawn()
            .expect("started");
        let held = Held(child);
        for _ in 0..200 {
            let tried = environment::command("flock").args(["-x", "-n"]).arg(path).arg("true").status();
            if !tried.expect("flock runs").success() {
                return held;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{path:?} is not locked");
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // flock hands its lock on to the program that it runs.
        let children = format!("/proc/{0}/task/{0}/children", self.0.id());
        for child in fs::read_to_string(children).unwrap_or_default().split_whitespace() {
            let _ = environment::command("kill").args(["-KILL", child]).status();
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn locks_that_anybody_may_hold_keep_nobody_out() {
    for how in ["-s", "-x"] {
        let bench = Bench::new(Some(OLD));
        let plan = bench.plan();
        let _held =
            ["etc", "etc/docker", "etc/docker/daemon.json"].map(|name| Held::on(&bench.path(name), how));
        let applied = bench.apply(&plan);
        assert_eq!(applied.outcome, Outcome::Fixed, "{how}: {applied:?}");
    }
}

/// The one that counts: only its owner can open it, and it is gone afterwards, also when a run was killed before.
#[test]
fn the_lock_is_closed_to_others_and_taken_away() {
    for cut in ["", "reload"] {
        let bench = Bench::new(Some(OLD));
        bench.tell("list-locks", "");
        if !cut.is_empty() {
            bench.tell("cut", cut);
            bench.apply(&bench.plan());
            fs::remove_file(bench.path("state/cut")).expect("removed");
        }
        let plan = bench.plan();
        let order = Order { plan: &plan, stamp: "20260731T111500Z", allow_restart: false };
        assert_eq!(bench.run(&["sh"], &order).outcome, Outcome::Fixed, "{cut}");
        let name = bench.file().display().to_string().replace('/', "-");
        let listed = bench.told("locks");
        let locks: Vec<&str> = listed.lines().filter(|line| line.ends_with(&name)).collect();
        assert!(
            !locks.is_empty() && locks.iter().all(|line| line.starts_with("drwx------")),
            "{cut}: {listed}"
        );
        let lock = locks[0].rsplit(' ').next().expect("a path");
        assert!(!Path::new(lock).exists(), "{cut}: {lock}");
    }
}
