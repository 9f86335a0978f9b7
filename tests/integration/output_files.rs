//! Where reports, saved facts, transcripts and records go: where the path says, and not where another user's link leads.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::environment;
use crate::harness::{Bench, Ran};

/// A check that takes no time.
const CHECK: [&str; 5] = ["check", "--as", "worker", "--select", "cpu-count"];

fn report(bench: &Bench, path: &str) -> Ran {
    let report = format!("json={path}");
    let ran = bench.run(&[&CHECK[..], &["--report", &report]].concat());
    assert!(!ran.err.contains("panicked"), "{ran:?}");
    ran
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("there").permissions().mode() & 0o7777
}

fn is_report(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with("{\n  \"schema\": \"airworthy/report/v1\""))
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("there").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Gives a file or link to another user; whether this process may.
fn give_away(path: &Path) -> bool {
    std::os::unix::fs::lchown(path, Some(12345), Some(12345)).is_ok()
}

#[test]
fn own_links_are_followed_and_stay() {
    let bench = Bench::new();
    let at = |name: &str| bench.path().join(name);
    fs::create_dir(at("data")).expect("made");
    bench.write("data/old.json", "old");
    fs::set_permissions(at("data/old.json"), fs::Permissions::from_mode(0o640)).expect("set");
    symlink("data/old.json", at("to-old")).expect("linked");
    symlink(at("data/new.json"), at("to-new")).expect("linked");
    symlink("data", at("folder")).expect("linked");
    for path in ["to-old", "to-new", "folder/other.json"] {
        assert!(report(&bench, path).code < 2, "{path}");
    }
    for name in ["old.json", "new.json", "other.json"] {
        assert!(is_report(&at("data").join(name)), "{name}");
    }
    assert!(at("to-old").is_symlink() && at("to-new").is_symlink());
    assert_eq!(mode(&at("data/old.json")), 0o640, "one that is there keeps its mode");
    assert_eq!(names(&at("data")), ["new.json", "old.json", "other.json"]);
    for (path, reason) in
        [("data", "folder"), ("nowhere/x", "No such file"), ("data/old.json/x", "Not a directory")]
    {
        report(&bench, path).complains(&[reason]);
    }
}

#[test]
fn a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode() {
    let bench = Bench::new();
    let run = |umask: &str, name: &str| {
        let line =
            format!("umask {umask}; exec \"$0\" check --as worker --select cpu-count --report json={name}");
        let mut command = environment::command("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_airworthy")]).current_dir(bench.path());
        let done = command.output().expect("sh runs");
        assert!(done.status.code().is_some_and(|code| code < 2), "{done:?}");
        mode(&bench.path().join(name))
    };
    for (umask, expected) in [("022", 0o644), ("077", 0o600), ("027", 0o640), ("000", 0o666)] {
        assert_eq!(run(umask, &format!("new-{umask}")), expected, "{umask}");
    }
    for before in [0o600, 0o644, 0o660] {
        let path = bench.write("old", "old");
        fs::set_permissions(&path, fs::Permissions::from_mode(before)).expect("set");
        assert_eq!(run("022", "old"), before);
        assert!(is_report(&path));
    }
}

#[test]
fn pipes_devices_and_open_files_are_written_to() {
    let bench = Bench::new();
    for device in ["/dev/null", "/dev/stdout", "/dev/fd/1", "/dev/stderr"] {
        let ran = report(&bench, device);
        assert!(ran.code < 2, "{device}: {ran:?}");
        let both = ran.out + &ran.err;
        assert_eq!(both.contains("\"airworthy/report/v1\""), device != "/dev/null", "{device}: {both}");
    }
    // stdout as a file is added to, and neither replaced nor cut.
    for device in ["/dev/stdout", "/dev/fd/1", "/dev/fd/7"] {
        let line = format!(
            "exec >out 7>seven; echo before; echo before >&7; \"$0\" check --as worker --select cpu-count --report json={device}; \
             echo behind >&7"
        );
        let mut command = environment::command("sh");
        let done =
            command.args(["-c", &line, env!("CARGO_BIN_EXE_airworthy")]).current_dir(bench.path()).output();
        assert!(done.expect("sh runs").stderr.is_empty(), "{device}");
        let (out, seven) = (bench.read("out"), bench.read("seven"));
        assert!(out.starts_with("before\n") && seven.starts_with("before\n"), "{device}: {out} {seven}");
        let there = if device.ends_with('7') { &seven } else { &out };
        assert!(there.contains("\"airworthy/report/v1\""), "{device}: {out} {seven}");
        assert_eq!(names(bench.path()), ["out", "seven"], "{device}");
    }
    let pipe = bench.path().join("pipe");
    assert!(environment::command("mkfifo").arg(&pipe).status().expect("it runs").success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            fs::File::open(pipe).and_then(|mut file| file.read_to_string(&mut text)).map(|_| text)
        }
    });
    assert!(report(&bench, "pipe").code < 2);
    let read = reader.join().expect("it ends").expect("read");
    assert!(read.contains("\"airworthy/report/v1\""), "{read}");
}

#[test]
fn another_users_link_in_a_shared_folder_is_not_followed() {
    let bench = Bench::new();
    let at = |name: &str| bench.path().join(name);
    for folder in ["shared", "secret"] {
        fs::create_dir(at(folder)).expect("made");
    }
    fs::set_permissions(at("shared"), fs::Permissions::from_mode(0o1777)).expect("set");
    bench.write("secret/file.json", "secret");
    fs::set_permissions(at("secret/file.json"), fs::Permissions::from_mode(0o600)).expect("set");
    symlink(at("secret/file.json"), at("shared/link.json")).expect("linked");
    symlink(at("secret/new.json"), at("shared/dangling.json")).expect("linked");
    symlink(at("secret"), at("shared/folder")).expect("linked");
    symlink("shared/folder", at("through")).expect("linked");
    bench.write("shared/theirs.json", "theirs");
    for name in ["link.json", "dangling.json", "folder", "theirs.json"] {
        if !give_away(&at("shared").join(name)) {
            return; // only root can make another user's link
        }
    }
    fs::set_permissions(at("shared/theirs.json"), fs::Permissions::from_mode(0o666)).expect("set");
    for path in [
        "shared/link.json",
        "shared/dangling.json",
        "shared/folder/x.json",
        "through/x.json",
        "shared/theirs.json",
    ] {
        report(&bench, path).complains(&["another user", "12345"]);
    }
    for folder in ["shared/folder", "shared/folder/sub", "through"] {
        for args in [
            &["check", "--as", "worker", "--select", "cpu-count", "--save-facts", folder][..],
            &["facts", "--local", "-o", folder],
            &["facts", "--local", "--save-transcripts", folder],
        ] {
            let ran = bench.run(args);
            assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
            assert!(ran.told().contains("another user"), "{args:?}: {ran:?}");
        }
    }
    assert_eq!(names(&at("secret")), ["file.json"]);
    assert_eq!((bench.read("secret/file.json").as_str(), mode(&at("secret/file.json"))), ("secret", 0o600));
    assert_eq!(bench.read("shared/theirs.json"), "theirs");
    // A link at a file's own place is replaced by the file.
    symlink(at("secret/file.json"), at("shared/localhost.json")).expect("linked");
    assert!(give_away(&at("shared/localhost.json")));
    assert_eq!(bench.run(&["facts", "--local", "-o", "shared"]).code, 0);
    assert!(at("shared/localhost.json").metadata().expect("there").is_file());
    assert_eq!(
        (bench.read("secret/file.json").as_str(), mode(&at("shared/localhost.json"))),
        ("secret", 0o600)
    );
    // In another user's own folder root follows no link of theirs either.
    fs::create_dir(at("home")).expect("a folder");
    symlink(at("secret/file.json"), at("home/report.json")).expect("linked");
    assert!(give_away(&at("home/report.json")) && give_away(&at("home")));
    assert_eq!(report(&bench, "home/report.json").code, 2);
    assert_eq!(bench.read("secret/file.json"), "secret");
    // One's own link in a shared folder, and another user's in one's own, lead on.
    symlink(at("secret/own.json"), at("shared/own.json")).expect("linked");
    symlink(at("secret/given.json"), at("given.json")).expect("linked");
    assert!(give_away(&at("given.json")));
    for path in ["shared/own.json", "given.json"] {
        assert!(report(&bench, path).code < 2, "{path}");
    }
    assert!(is_report(&at("secret/own.json")) && is_report(&at("secret/given.json")));
}

#[test]
fn a_file_of_ones_own_in_anothers_folder_is_written_in_place() {
    let bench = Bench::new();
    let folder = bench.path().join("folder");
    fs::create_dir(&folder).expect("made");
    let path = bench.write("folder/r.json", "x".repeat(200_000));
    let inode = fs::metadata(&path).expect("there").ino();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("set");
    let ran = report(&bench, "folder/r.json");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("set");
    assert!(ran.code < 2 && is_report(&path), "{ran:?}");
    // root may write to any folder, and replaces the file.
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0);
    assert!(is_root || fs::metadata(&path).expect("there").ino() == inode);
    assert!(serde_json::from_str::<serde_json::Value>(&bench.read("folder/r.json")).is_ok());
}

#[test]
fn a_run_that_is_killed_leaves_no_file_behind() {
    let bench = Bench::new();
    fs::create_dir(bench.path().join("reports")).expect("made");
    bench.write("reports/old.json", "old");
    // A server that takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("bound").port();
    bench.write("hosts.ini", format!("[kube_node]\nn1 ansible_host=127.0.0.1 ansible_port={port}\n"));
    let mut child = environment::command(env!("CARGO_BIN_EXE_airworthy"))
        .args(["check", "-i", "hosts.ini", "--devbox", "none", "--timeout", "20"])
        .args(["--report", "json=reports/old.json", "--report", "table=reports/new.txt"])
        .current_dir(bench.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let (connection, _) = silent.accept().expect("it connects");
    std::thread::sleep(Duration::from_millis(100));
    child.kill().expect("killed");
    child.wait().expect("ended");
    drop(connection);
    assert_eq!(names(&bench.path().join("reports")), ["old.json"]);
    assert_eq!(bench.read("reports/old.json"), "old");
}
