//! What an unprivileged user could put on a host root neither runs nor reads: folders of PATH, modules, homes and folders for
//! temporary files. Under every shell that hosts have.
//!
//! What belongs to another user only root can make: as somebody else these tests say that they are skipped.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use airworthy::facts::{self, Circumstances, Probe, Reading};
use airworthy::gather::{self, Errand};

use crate::environment;
use crate::ground::{BOUNDARY, Ground, OTHER, is_root, said, under_every_shell};

/// Programs for `PATH`, as folders named by what is wrong with them; all but the first two are no folders of root's alone.
#[test]
fn of_path_only_folders_that_are_roots_alone_are_left() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    ground.dir("alone", 0o755, None);
    ground.dir("alone too", 0o2755, None);
    symlink(ground.path("alone"), ground.path("link-to-alone")).expect("linked");
    ground.dir("group", 0o775, None);
    ground.dir("world", 0o777, None);
    ground.dir("sticky", 0o1777, None);
    ground.dir("setgid-group", 0o2770, None);
    ground.dir("theirs", 0o755, Some(OTHER));
    ground.dir("theirs/roots", 0o755, None);
    ground.dir("world/roots", 0o755, None);
    symlink(ground.path("theirs"), ground.path("link-to-theirs")).expect("linked");
    symlink(ground.path("theirs/roots"), ground.path("link-through-theirs")).expect("linked");
    ground.file("a-file", "", 0o755, None);
    let loose = [
        "group",
        "world",
        "sticky",
        "setgid-group",
        "theirs",
        "theirs/roots",
        "world/roots",
        "link-to-theirs",
        "link-through-theirs",
        "a-file",
        "not-there",
    ];
    for name in loose.iter().filter(|name| ground.path(name).is_dir()) {
        for program in
            ["date", "stat", "cat", "rm", "mktemp", "sleep", "grep", "sh", "docker", "systemctl", "curl"]
        {
            ground.trap(&format!("{name}/{program}"));
        }
    }
    let mut folders: Vec<OsString> = loose.iter().map(|name| ground.path(name).into()).collect();
    folders.extend(["", ".", "bin", "theirs"].map(OsString::from));
    folders.extend(["link-to-alone", "alone too"].map(|name| ground.path(name).into()));
    folders.push(environment::programs().into());
    let path = std::env::join_paths(folders).expect("no colon");
    // What a probe sees, and the programs that it would run.
    let probes =
        [Probe::shell("path", "", "echo \"$PATH\"; echo \"$HOME\"; pwd; any docker curl && echo there; :")];
    under_every_shell(|shell| {
        let change = |command: &mut Command| {
            command.env("PATH", &path).env("HOME", ground.path("theirs")).current_dir(ground.path("theirs"));
            // Nothing in a login's environment adds to it.
            command.env("AIRWORTHY_SYSTEM_PATH", ground.path("world")).env("system__", ground.path("world"));
        };
        let transcript = ground.run(shell, &probes, &Errand::default(), &change);
        let said = said(&transcript, "path");
        let lines: Vec<&str> = said.trim().lines().collect();
        let ours = [ground.path("alone"), ground.path("alone too")];
        let ours = ours.map(|path| path.canonicalize().expect("there").display().to_string());
        let expected = format!("{}:{}", ours.join(":"), environment::programs().display());
        assert_eq!(lines[0], expected, "{shell:?}");
        assert!(!lines[1].contains("theirs") && lines[2] == "/", "{shell:?} {lines:?}");
        assert_eq!(lines.len(), 3, "{shell:?} {lines:?}");
        assert_eq!(ground.traces(), "", "{shell:?}");
    });
}

/// Modules beside the folder that one is in, in PYTHONPATH and in a home; and the folder itself.
#[test]
fn no_module_and_no_configuration_of_a_user_is_read() {
    let Some(python) = environment::tool("python3") else {
        eprintln!("skipped: no python3 on this machine");
        return;
    };
    let ground = Ground::new();
    ground.dir("home", 0o755, None);
    let trace =
        format!("open({:?}, 'a').write(__name__ + '\\n')\n", ground.path("traces").display().to_string());
    for module in ["ssl", "select", "socket", "urllib", "sitecustomize", "usercustomize"] {
        ground.file(&format!("home/{module}.py"), &trace, 0o644, None);
    }
    let hung_up = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = hung_up.local_addr().expect("bound").port();
    let errand = Errand {
        registries: vec!["http://127.0.0.1:1".to_owned()],
        peers: vec![("127.0.0.1".to_owned(), port)],
        ..Errand::default()
    };
    // No curl, wget or bash: python3 does it all.
    let bin = ground.dir("bin", 0o755, None);
    for entry in fs::read_dir(environment::programs()).expect("readable").flatten() {
        let name = entry.file_name();
        if name != "bash" && name != "curl" && name != "wget" {
            symlink(entry.path(), bin.join(&name)).expect("linked");
        }
    }
    let path = std::env::join_paths([bin.as_path(), python.parent().expect("a folder")]).expect("no colon");
    let home = ground.path("home");
    let change = |command: &mut Command| {
        command.env("PATH", &path).env("HOME", &home).env("PYTHONPATH", &home).current_dir(&home);
    };
    under_every_shell(|shell| {
        // The others have a way of their own.
        if shell[0] != "dash" {
            return;
        }
        let transcript = ground.run(shell, &facts::host::probes(), &errand, &change);
        assert!(said(&transcript, "registries").contains("by python3"), "{shell:?}");
        assert!(
            said(&transcript, "peers").contains(&format!("by python3\n127.0.0.1 {port} connected")),
            "{shell:?}"
        );
        assert_eq!(ground.traces(), "", "{shell:?}: modules that were loaded");
    });
}

/// A helper runs from the private folder, and the answer is put together there.
#[test]
fn the_private_folder_is_where_nobody_else_may_replace_it() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    ground.dir("alone", 0o755, None);
    ground.dir("sticky", 0o1777, None);
    ground.dir("world", 0o777, None);
    ground.dir("theirs", 0o755, Some(OTHER));
    ground.dir("theirs/roots", 0o755, None);
    symlink(ground.path("theirs/roots"), ground.path("link")).expect("linked");
    symlink(ground.path("alone"), ground.path("theirs/link")).expect("linked");
    let probes = [Probe::shell("folder", "", "echo \"$dir__\"; echo \"$TMPDIR\"")];
    under_every_shell(|shell| {
        for (name, is_used) in [
            ("alone", true),
            ("sticky", true),
            ("world", false),
            ("theirs", false),
            ("theirs/roots", false),
            ("link", false),
        ] {
            let change = |command: &mut Command| {
                command.env("TMPDIR", ground.path(name));
            };
            let told = said(&ground.run(shell, &probes, &Errand::default(), &change), "folder");
            let (folder, programs) = told.trim().split_once('\n').expect("two lines");
            assert_eq!(folder, programs, "{shell:?} {name}");
            assert_eq!(
                folder.starts_with(&*ground.folder.path().to_string_lossy()),
                is_used,
                "{shell:?} {name}: {folder}"
            );
            assert_eq!(
                fs::read_dir(ground.path(name))
                    .expect("a folder")
                    .filter(|entry| {
                        entry
                            .as_ref()
                            .is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("airworthy"))
                    })
                    .count(),
                0,
                "{shell:?} {name}: left behind"
            );
        }
    });
}

/// The inventory may name an interpreter that is a user's own.
#[test]
fn an_interpreter_that_others_may_change_is_not_run_by_root() {
    if !is_root() {
        return;
    }
    let ground = Ground::new();
    ground.dir("alone", 0o755, None);
    ground.dir("theirs", 0o755, Some(OTHER));
    for (name, mode, owner) in [
        ("alone/good", 0o755, None),
        ("alone/world", 0o777, None),
        ("alone/theirs", 0o755, Some(OTHER)),
        ("theirs/python", 0o755, None),
    ] {
        ground.trap(name);
        ground.set(name, mode, owner);
    }
    symlink(ground.path("theirs/python"), ground.path("alone/link")).expect("linked");
    under_every_shell(|shell| {
        for (name, is_run) in [
            ("alone/good", true),
            ("alone/world", false),
            ("alone/theirs", false),
            ("theirs/python", false),
            ("alone/link", false),
        ] {
            let _ = fs::remove_file(ground.path("traces"));
            let python = ground.path(name).display().to_string();
            let errand = Errand { python: Some(python.clone()), ..Errand::default() };
            let transcript = ground.run(shell, &facts::host::probes(), &errand, &|_| ());
            let facts = facts::host::parse(&transcript, &Circumstances::default());
            assert_eq!(facts.python.interpreter.value(), Some(&python), "{shell:?}");
            assert_eq!(ground.traces() != "", is_run, "{shell:?} {name}: {}", ground.traces());
            let Reading::Unknown(reason) = &facts.python.version.reading else {
                panic!("{:?}", facts.python)
            };
            assert_eq!(reason.contains("others than root may change"), !is_run, "{shell:?} {name}: {reason}");
        }
    });
}

/// Nothing is planned for a file that others than root may change.
#[test]
fn a_plan_is_refused_where_others_may_write() {
    if !is_root() {
        return;
    }
    type Make = fn(&Ground);
    let cases: &[(&str, bool, Make)] = &[
        ("as it should be", true, |_| ()),
        ("the folder", false, |ground| drop(ground.set("etc/docker", 0o777, None))),
        ("the folder like /tmp", false, |ground| drop(ground.set("etc/docker", 0o1777, None))),
        ("the folder above", false, |ground| drop(ground.set("etc", 0o755, Some(OTHER)))),
        ("the file", false, |ground| drop(ground.set("etc/docker/daemon.json", 0o644, Some(OTHER)))),
        ("the file's mode", false, |ground| drop(ground.set("etc/docker/daemon.json", 0o666, None))),
        ("a link", false, |ground| {
            ground.dir("home", 0o755, Some(OTHER));
            fs::rename(ground.path("etc/docker/daemon.json"), ground.path("home/real.json")).expect("moved");
            symlink(ground.path("home/real.json"), ground.path("etc/docker/daemon.json")).expect("linked");
        }),
        ("a backup", false, |ground| {
            ground.file(
                "etc/docker/daemon.json.airworthy-20250101T000000Z-000000000000",
                "{}",
                0o644,
                Some(OTHER),
            );
        }),
        ("a backup that is a link", false, |ground| {
            let backup = ground.path("etc/docker/daemon.json.airworthy-20250101T000000Z-000000000000");
            symlink("/etc/passwd", backup).expect("linked");
        }),
    ];
    under_every_shell(|shell| {
        for (what, is_fine, make) in cases {
            let mut ground = Ground::new();
            ground.dir("bin", 0o755, None);
            ground.dir("etc/docker", 0o755, None);
            ground.set("etc", 0o755, None);
            let config = ground.file("etc/docker/daemon.json", "{}\n", 0o644, None);
            fs::copy("/bin/sleep", ground.path("bin/dockerd")).expect("copied");
            let pid = ground.process(&ground.path("bin/dockerd"), &["3600"], &[]);
            ground.pid_file(pid);
            make(&ground);
            let look = ground.look(shell).unwrap_or_else(|reason| panic!("{shell:?} {what}: {reason}"));
            assert_eq!(look.asked, config.display().to_string(), "{shell:?} {what}");
            let refused: Vec<&String> = look
                .refusals
                .iter()
                .filter(|reason| reason.contains("others than root may change"))
                .collect();
            assert_eq!(refused.is_empty(), *is_fine, "{shell:?} {what}: {:?}", look.refusals);
            assert!(!look.locked, "{shell:?} {what}");
        }
    });
}

/// `ulimit -f 0`, and disks that are full: nothing is left behind, and the reason is told.
#[test]
fn where_no_file_may_grow_nothing_is_left_behind() {
    let ground = Ground::new();
    let probes = facts::host::probes();
    let left = || {
        let entries = fs::read_dir(ground.path("tmp")).expect("a folder").flatten();
        entries.map(|entry| entry.file_name()).collect::<Vec<_>>()
    };
    ground.dir("tmp", 0o755, None);
    under_every_shell(|shell| {
        for limit in ["ulimit -f 0", "ulimit -S -f 0"] {
            // Nowhere but there.
            let script = format!("{limit}\n{}", ground.script(&probes, &Errand::default()));
            let script = script.replace(" /tmp /var/tmp /dev/shm /run; do", "; do");
            let output = environment::command(shell[0])
                .args(&shell[1..])
                .args(["-c", &script, "sh", "root"])
                .env("TMPDIR", ground.path("tmp"))
                .stdin(Stdio::null())
                .output()
                .expect("the shell starts");
            let error =
                gather::take_apart(output.stdout, BOUNDARY, &probes).expect_err("there is no folder for it");
            assert!(
                error.to_string().contains("private directory that takes files"),
                "{shell:?} {limit}: {error}"
            );
            assert_eq!(left(), Vec::<OsString>::new(), "{shell:?} {limit}");
        }
    });
    // A disk of eight pages, all of them taken.
    let mount = format!(
        "mount -t tmpfs -o size=32k,mode=755 tmpfs '{0}' && head -c 65536 /dev/zero >'{0}/filler'; [ -s '{0}/filler' ]",
        ground.path("tmp").display()
    );
    let mounted =
        environment::command("sh").args(["-c", &mount]).output().is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("SKIPPED, for no file system may be mounted here: a full disk");
        return;
    }
    under_every_shell(|shell| {
        let change = |command: &mut Command| {
            command.env("TMPDIR", ground.path("tmp"));
        };
        // There is room elsewhere.
        let transcript = ground.run(shell, &probes, &Errand::default(), &change);
        assert!(transcript.answer("disk").value().is_some(), "{shell:?}");
        assert_eq!(left(), ["filler"], "{shell:?}");
    });
    let _ = environment::command("umount").arg(ground.path("tmp")).status();
}
