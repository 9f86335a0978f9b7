//! Shell text of probes and of the frame around them, run under every shell that hosts have against what is made for it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use airworthy::facts::{self, Answer, Ended, Probe, Read, Transcript};
use airworthy::gather::{self, Errand, Script};

use crate::environment;

const BOUNDARY: &str = "-_0123456789ABCDEFabcd";
const SHELLS: &[&[&str]] = &[&["dash"], &["bash"], &["busybox", "sh"]];

/// Runs a script of these probes under `shell`, after `change` had its text.
fn run(shell: &[&str], probes: &[Probe], errand: &Errand, change: impl Fn(String) -> String) -> Transcript {
    let script = change(Script::new(probes).text(BOUNDARY, errand));
    let output = environment::command(shell[0])
        .env("PATH", environment::path_with(&["curl", "wget", "python3"]))
        .args(&shell[1..])
        .args(["-c", &script, "sh", "root"])
        .stdin(Stdio::null())
        .output()
        .expect("the shell starts");
    let answered = gather::take_apart(output.stdout, BOUNDARY, probes);
    answered.unwrap_or_else(|error| panic!("{shell:?}: {error}")).transcript
}

/// For each shell that is there.
fn under_every_shell(mut test: impl FnMut(&[&str])) {
    let there: Vec<_> = SHELLS.iter().filter(|shell| environment::has(shell[0])).collect();
    assert!(!there.is_empty(), "no shell at all");
    there.into_iter().for_each(|shell| test(shell));
}

/// A probe of ours, whose text was changed.
fn probe(name: &str, change: impl Fn(&str) -> String) -> Probe {
    let all = facts::host::probes();
    let mut probe = *all.iter().find(|probe| probe.name == name).expect("one of ours");
    let Read::Shell(text) = probe.read else { panic!("{name} is no shell text") };
    let changed = change(text);
    assert_ne!(changed, text, "{name} reads what it always does");
    probe.read = Read::Shell(changed.leak());
    probe
}

fn answer<'t>(transcript: &'t Transcript, probe: &str) -> Answer<'t> {
    transcript.answer(probe).value().unwrap_or_else(|| panic!("{probe} answered nothing")).clone()
}

#[test]
fn programs_are_found_where_the_shell_finds_them() {
    let text = r#"for p in sh ls no-such-program /bin/sh /etc/passwd /no/such; do
    path_of "$p"
    echo "$path $(command -v "$p")"
done"#;
    under_every_shell(|shell| {
        let transcript =
            run(shell, &[Probe::shell("found", "", text).light()], &Errand::default(), |script| script);
        let found = answer(&transcript, "found").out.into_owned();
        let found: Vec<_> = found.lines().filter_map(|line| line.split_once(' ')).collect();
        assert_eq!(found.len(), 6, "{shell:?} {found:?}");
        for (at, (ours, the_shells)) in found.iter().enumerate() {
            match at {
                2 | 4 | 5 => assert_eq!(*ours, "", "{shell:?} {found:?}"),
                // busybox's own applets come first with it.
                _ if the_shells.starts_with('/') => assert_eq!(ours, the_shells, "{shell:?}"),
                _ => assert!(Path::new(ours).is_file(), "{shell:?} {found:?}"),
            }
        }
    });
}

#[test]
fn runtimes_are_read_out_of_any_json() {
    let folder = environment::folder();
    let file = folder.path().join("daemon.json");
    let config = "{\"path\":\t\"/first/runtime\",\r\n\"a\": {\"path\"\r\n\t:\n \"/second/run-time\"},\n\
                  \"b\": \"path\", \"c\": [\"path\", \"/no/key\"], \"x:path\": \"/another/key\",\n\
                  \"d\": {\"path\": \"/with blanks/x\"}, \"e\": {\"path\": \"\"}, \"f\": {\"path\":\"/last\"}}";
    fs::write(&file, config).expect("written");
    let set =
        format!("dockerd_config='{}'\ndockerd_words='dockerd\n--add-runtime=x=/of/the/line'", file.display());
    let probes = [
        Probe::shell("set", "", set.leak()).light(),
        probe("runtime-programs", |text| format!("{text}\n:")),
        Probe::shell("behind", "", "set -- $(echo 'a b'); echo $# /etc/passw?").light(),
    ];
    under_every_shell(|shell| {
        let transcript = run(shell, &probes, &Errand::default(), |script| script);
        let out = answer(&transcript, "runtime-programs").out.into_owned();
        let missing: Vec<_> = out.lines().filter_map(|line| line.strip_prefix("missing /")).collect();
        assert_eq!(missing, ["first/runtime", "second/run-time", "last", "of/the/line"], "{shell:?}");
        // It leaves its neighbours the shell that they know.
        assert_eq!(answer(&transcript, "behind").out.trim(), "2 /etc/passwd", "{shell:?}");
    });
}

#[test]
fn mirrors_are_read_out_of_any_json() {
    let folder = environment::folder();
    let file = folder.path().join("daemon.json");
    let config =
        "{\r\n\t\"registry-mirrors\"\t:\r\n [\"http://127.0.0.1:9/a\",\r\n\t\"http://127.0.0.1:9/b\"]}";
    fs::write(&file, config).expect("written");
    let probes = [probe("registries", |text| {
        // No daemon of this machine's has a word in it.
        text.replace("/etc/docker/daemon.json", &file.display().to_string()).replace(".pid", ".no-pid")
    })];
    let errand = Errand { registries: vec![facts::registries::DOCKER_HUB.to_owned()], ..Errand::default() };
    // The hub itself is not asked by a test.
    let change = |script: String| script.replace("set -- \"$@\" registry \"$u\"", ":");
    under_every_shell(|shell| {
        let transcript = run(shell, &probes, &errand, change);
        let out = answer(&transcript, "registries").out.into_owned();
        let asked: Vec<Vec<&str>> = out.lines().map(|line| line.split('\t').collect()).collect();
        let mut urls: Vec<_> =
            asked.iter().filter(|fields| fields.len() == 3).map(|f| (f[0], f[1])).collect();
        urls.sort_unstable();
        let expected = [("mirror", "http://127.0.0.1:9/a"), ("mirror", "http://127.0.0.1:9/b")];
        assert_eq!(urls, expected, "{shell:?}: {out}");
    });
}

#[test]
fn every_peer_is_told_whatever_their_number() {
    let listeners: Vec<_> = (0..13).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let mut ports: Vec<u16> =
        listeners.iter().map(|listener| listener.local_addr().expect("bound").port()).collect();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound").port()
    };
    ports.insert(3, closed);
    let errand = Errand {
        peers: ports.iter().map(|port| ("127.0.0.1".to_owned(), *port)).collect(),
        ..Errand::default()
    };
    under_every_shell(|shell| {
        let transcript = run(shell, &[probe("peers", |text| format!("{text}\n:"))], &errand, |script| script);
        let out = answer(&transcript, "peers").out.into_owned();
        for port in &ports {
            let line = out.lines().find_map(|line| line.strip_prefix(&format!("127.0.0.1 {port} ")));
            let line = line.unwrap_or_else(|| panic!("{shell:?}: nothing of {port} in {out}"));
            assert_eq!(line == "connected", *port != closed, "{shell:?} {port}: {line}");
            assert!(*port != closed || line.contains("refused"), "{line}");
        }
        assert_eq!(out.lines().count(), ports.len() + 1, "{shell:?}: {out}");
    });
}

#[test]
fn a_probe_that_hangs_takes_along_those_behind_it_and_none_before() {
    let probes = [
        Probe::shell("before", "", "echo known").shares("one").within(Duration::from_millis(400)),
        Probe::shell("hangs", "", "echo half; sleep 30").shares("one"),
        Probe::shell("behind", "", "echo never").shares("one"),
        Probe::shell("beside", "", "echo known"),
    ];
    under_every_shell(|shell| {
        let began = Instant::now();
        let transcript = run(shell, &probes, &Errand::default(), |script| script);
        assert!(began.elapsed() < Duration::from_secs(3), "{shell:?} {:?}", began.elapsed());
        for known in ["before", "beside"] {
            assert_eq!(answer(&transcript, known).out.trim(), "known", "{shell:?}");
        }
        let sections = transcript.sections();
        assert_eq!(sections["hangs"].ended, Ended::TimedOut(400), "{shell:?}");
        assert_eq!(String::from_utf8_lossy(&sections["hangs"].out).trim(), "half", "{shell:?}");
        assert_eq!(sections["behind"].ended, Ended::TimedOut(400), "{shell:?}");
        assert!(sections["behind"].out.is_empty(), "{shell:?}");
    });
}

/// bash before 5.1 makes a here-document a file, and then a fifo carries the processes' words.
#[test]
fn a_shell_without_a_pipe_of_its_own_makes_a_fifo() {
    let probes = [Probe::shell("known", "", "echo known"), Probe::shell("hangs", "", "sleep 30")]
        .map(|probe| probe.within(Duration::from_millis(400)));
    let change = |script: String| {
        let changed = script.replace("[ -p /proc/self/fd/4 ]", "false");
        assert_ne!(changed, script);
        changed
    };
    under_every_shell(|shell| {
        let transcript = run(shell, &probes, &Errand::default(), change);
        assert_eq!(answer(&transcript, "known").out.trim(), "known", "{shell:?}");
        assert_eq!(transcript.sections()["hangs"].ended, Ended::TimedOut(400), "{shell:?}");
    });
}

#[test]
fn the_pause_goes_on_where_a_folder_cannot_be_made() {
    let idle = facts::host::probes().into_iter().find(|probe| probe.name == "cpu-idle").expect("one of ours");
    let Read::Twice { pause, .. } = idle.read else { panic!("it is read twice") };
    under_every_shell(|shell| {
        let begun = Instant::now();
        let elsewhere = |script: String| format!("TMPDIR=/no/such/folder\n{script}");
        let transcript = run(shell, &[idle], &Errand::default(), elsewhere);
        assert!(begun.elapsed() >= pause, "{shell:?}");
        assert!(matches!(transcript.sections()["cpu-idle"].ended, Ended::Exited(0)), "{shell:?}");
    });
}

/// What it asked for is told along with the files: an empty one is known, one that another script asks for is not.
#[test]
fn empty_files_are_told_from_those_that_nobody_asked_for() {
    let folder = environment::folder();
    let path = |name: &str| -> &'static str { folder.path().join(name).display().to_string().leak() };
    for name in ["empty", "d-1.conf"] {
        fs::write(path(name), "").expect("written");
    }
    fs::write(path("full"), "one\n").expect("written");
    let paths: &'static [&'static str] =
        vec![path("empty"), path("full"), path("none"), path("d-*.conf")].leak();
    under_every_shell(|shell| {
        let transcript = run(shell, &[Probe::files(paths)], &Errand::default(), |script| script);
        assert_eq!(transcript.file(path("full")).value(), Some(&"one\n"), "{shell:?}");
        for empty in ["empty", "d-1.conf"] {
            assert_eq!(transcript.file(path(empty)).value(), Some(&""), "{shell:?}");
        }
        assert_eq!(transcript.file(path("none")).reading, facts::Reading::Absent, "{shell:?}");
        let not_asked = transcript.file(path("other")).reading;
        assert!(matches!(not_asked, facts::Reading::Unknown(_)), "{shell:?} {not_asked:?}");
    });
}
