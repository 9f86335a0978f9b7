//! Disks that are full or read-only, files that may not be changed, folders that deny it: as the kernel says no.

use std::fs;

use airworthy::fix::apply::{FileNow, Order, Outcome};

use crate::bench::{Bench, OLD, STAMP};
use crate::environment;

/// What is mounted or set, and how it goes away.
struct Case {
    /// Shell text; `$d` is the folder, `$f` the file.
    arrange: &'static str,
    undo: &'static str,
    shell: &'static [&'static str],
    outcome: Outcome,
    step: &'static str,
    reaches: &'static str,
}

const PLAIN: &[&str] = &["sh"];

const CASES: &[Case] = &[
    Case {
        arrange: "cat $f >/tmp/.aw$$; mount -t tmpfs -o mode=755,nr_inodes=2 tmpfs $d && cat /tmp/.aw$$ >$f; rm /tmp/.aw$$",
        undo: "umount $d",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "write",
        reaches: "ENOSPC for the temporary file's inode",
    },
    Case {
        arrange: "cat $f >/tmp/.aw$$; mount -t tmpfs -o mode=755,size=8k tmpfs $d && cat /tmp/.aw$$ >$f && head -c 4096 /dev/zero >$d/filler; rm /tmp/.aw$$",
        undo: "umount $d",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "write",
        reaches: "ENOSPC for the copy",
    },
    Case {
        arrange: "cat $f >/tmp/.aw$$; mount -t tmpfs -o mode=755,size=12k tmpfs $d && cat /tmp/.aw$$ >$f && head -c 4096 /dev/zero >$d/filler; rm /tmp/.aw$$",
        undo: "umount $d",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "write",
        reaches: "ENOSPC for the new text",
    },
    Case {
        arrange: "cat $f >/tmp/.aw$$; mount -t tmpfs -o mode=755,nr_inodes=3 tmpfs $d && cat /tmp/.aw$$ >$f; rm /tmp/.aw$$",
        undo: "umount $d",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "backup",
        reaches: "ENOSPC for the backup's name",
    },
    Case {
        arrange: "mount --bind $d $d && mount -o remount,ro,bind $d",
        undo: "umount $d",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "write",
        reaches: "EROFS",
    },
    Case {
        arrange: "mount --bind $f $f",
        undo: "umount $f",
        shell: PLAIN,
        outcome: Outcome::Refused,
        step: "",
        reaches: "a file that is a mount point, where rename says EBUSY",
    },
    Case {
        arrange: "chattr +i $f",
        undo: "chattr -i $f",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "backup",
        reaches: "EPERM: the file is immutable",
    },
    Case {
        arrange: "chattr +a $f",
        undo: "chattr -a $f",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "backup",
        reaches: "EPERM: the file may only be appended to",
    },
    Case {
        arrange: "chattr +i $d",
        undo: "chattr -i $d",
        shell: PLAIN,
        outcome: Outcome::Failed,
        step: "write",
        reaches: "EPERM: the folder is immutable",
    },
    Case {
        // That user may not be allowed into the folder with the programs.
        arrange: "cp -Pn $PATH/* $d/../../bin; chmod -R a+rX $d/../..; chmod -R a+rwX $d/../../state",
        undo: "true",
        shell: &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh"],
        outcome: Outcome::Failed,
        step: "write",
        reaches: "EACCES: not root after all",
    },
];

fn shell(bench: &Bench, text: &str) -> bool {
    let folder = bench.path("etc/docker");
    let text = format!("d={}; f=$d/daemon.json; {text}", folder.display());
    environment::command("sh").args(["-c", &text]).output().expect("sh runs").status.success()
}

#[test]
fn where_the_kernel_says_no_nothing_is_changed() {
    let mut tried = 0;
    for case in CASES {
        // A page of its own for the old text, and two for the new one.
        let padded = OLD.replace("true", &format!("true, \"labels\": [\"{}\"]", "x".repeat(3950)));
        let bench = Bench::new(Some(&padded));
        let may = shell(&bench, case.arrange);
        if !may {
            eprintln!("skipped, for it may not be brought about here: {}", case.reaches);
            shell(&bench, case.undo);
            continue;
        }
        tried += 1;
        let plan = bench.plan();
        let applied = bench.run(case.shell, &Order { plan: &plan, stamp: STAMP, allow_restart: false });
        let now = bench.now();
        let left: Vec<String> = bench.names().into_iter().filter(|name| name.contains("airworthy")).collect();
        shell(&bench, case.undo);
        assert_eq!(
            (applied.outcome, applied.step.as_str()),
            (case.outcome, case.step),
            "{}: {applied:?}",
            case.reaches
        );
        assert_eq!((applied.file, now.as_deref()), (FileNow::Old, Some(padded.as_str())), "{}", case.reaches);
        assert_eq!(left, Vec::<String>::new(), "{}", case.reaches);
        assert_eq!(
            bench.told("systemctl").lines().filter(|line| *line != "show -p MainPID docker.service").count(),
            0
        );
    }
    let root = fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    assert!(tried > 0 || !root, "as root some of them can be brought about");
}
