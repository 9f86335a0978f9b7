//! The one script, run for real under every shell that hosts have.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;

use airworthy::facts::proxy::Proxy;
use airworthy::facts::{self, Circumstances, Ended, HostFacts, Read, Reading};
use airworthy::gather::{self, Answered, Errand, Helpers, Script, Supply};

use crate::environment;

const BOUNDARY: &str = "-_0123456789ABCDEFabcd";

/// The programs that ask registries, the first that is there.
const DOWNLOADERS: [&str; 3] = ["curl", "wget", "python3"];

/// Runs the script in `shell` and takes its answer apart.
fn run(shell: &[&str], errand: &Errand) -> (Answered, Vec<u8>) {
    let probes = facts::host::probes();
    // No Docker of this machine has a word in it.
    let script = Script::new(&probes).text(BOUNDARY, errand);
    let script = script.replace("docker.pid", "no-docker.pid").replace("/etc/docker/", "/no/etc/docker/");
    let mut child = environment::command(shell[0])
        .env("PATH", environment::path_with(&DOWNLOADERS))
        .args(&shell[1..])
        .args(["-s", "--", "user", "sudo: a password is required"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the shell starts");
    child.stdin.take().expect("stdin").write_all(script.as_bytes()).expect("the script is read");
    let output = child.wait_with_output().expect("the shell ends");
    let answered = gather::take_apart(output.stdout.clone(), BOUNDARY, &probes).unwrap_or_else(|error| {
        panic!("{error}\n{}", String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "the script itself complains");
    (answered, output.stdout)
}

/// The script at its longest: one that asks for the helper.
fn longest() -> String {
    let supply = Supply::Auto(Arc::new(Helpers::in_folders(Vec::new())));
    Script::new(&facts::host::probes()).text(BOUNDARY, &Errand { supply, ..Errand::default() })
}

fn facts_of(answered: &Answered) -> HostFacts {
    facts::host::parse(&answered.transcript, &Circumstances::default())
}

/// There is one pause, and a second one's answer would be missing.
#[test]
fn one_probe_is_read_twice() {
    let twice = facts::host::probes().into_iter().filter(|probe| matches!(probe.read, Read::Twice { .. }));
    assert_eq!(twice.map(|probe| probe.name).collect::<Vec<_>>(), ["cpu-idle"]);
}

#[test]
fn reads_this_machine_under_every_shell() {
    let mut tried = 0;
    for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
        if !environment::has(shell[0]) {
            eprintln!("skipped: no {} on this machine", shell[0]);
            continue;
        }
        tried += 1;
        let (answered, _) = run(shell, &Errand::default());
        for (name, section) in answered.transcript.sections() {
            assert!(matches!(section.ended, Ended::Exited(_)), "{shell:?} {name}: {section:?}");
        }
        let facts = facts_of(&answered);
        assert!(facts.memory.total_mib.value().is_some_and(|mib| *mib > 64), "{shell:?} {:?}", facts.memory);
        assert!(facts.cpu.count.value().is_some_and(|count| *count > 0), "{shell:?} {:?}", facts.cpu);
        assert!(facts.cpu.idle_percent.value().is_some(), "{shell:?} {:?}", facts.cpu);
        assert!(facts.os.id.value().is_some(), "{shell:?} {:?}", facts.os);
        assert!(facts.identity.hostname.value().is_some(), "{shell:?} {:?}", facts.identity);
        assert_eq!(facts.sudo.privilege.reading, Reading::Known(false));
        assert_eq!(facts.sudo.refusal.value().map(String::as_str), Some("sudo: a password is required"));
        assert!(answered.clock.is_some_and(|clock| clock.seconds > 1.7e9), "{shell:?}");
    }
    assert!(tried > 0, "no shell at all");
}

/// Ubuntu 16.04 and busybox are the oldest and the smallest that hosts have.
#[test]
fn uses_only_what_old_and_small_hosts_have() {
    let script = longest();
    for newer in [
        "systemctl --value",
        "--value",
        "timedatectl show",
        "ip -j",
        "ip -br",
        "ss -",
        "grep -P",
        "[[ ",
        "echo -e",
        "&>",
        "local ",
        "function ",
        "$'",
        "readarray",
        "pgrep",
        "lsblk",
        "jq ",
    ] {
        // Messages to people may use such words; commands may not.
        let line = script.lines().find(|line| line.contains(newer) && !line.trim_start().starts_with('#'));
        assert_eq!(line, None, "`{newer}` is not there on every host");
    }
    assert!(!script.contains('\t') || script.contains("\\t"), "tabs travel badly");
}

/// Hosts get it without comments and indentation: the same to a shell, as bash prints what it understood of each.
#[test]
fn what_hosts_get_is_what_people_are_shown() {
    let understood = |script: &str| {
        let mut bash = environment::command("bash");
        bash.arg("--pretty-print").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = bash.spawn().ok()?;
        child.stdin.take()?.write_all(script.as_bytes()).ok()?;
        let output = child.wait_with_output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let supply = Supply::Auto(Arc::new(Helpers::in_folders(Vec::new())));
    let errand = Errand { supply, ..Errand::default() };
    let probes = facts::host::probes();
    let legible = Script::legible(&probes).text(BOUNDARY, &errand);
    assert!(legible.contains("\n# ") && legible.contains("\n    "), "{legible}");
    let Some(shown) = understood(&legible).filter(|text| !text.is_empty()) else {
        eprintln!("skipped: no bash on this machine that prints what it understands");
        return;
    };
    let sent = understood(&longest()).expect("bash understands what hosts get");
    let differs = sent.lines().zip(shown.lines()).find(|(sent, shown)| sent != shown);
    assert_eq!(differs, None, "bash understands them otherwise");
    assert_eq!(sent.len(), shown.len());
}

#[test]
fn what_hosts_are_asked_about_is_one_inert_word() {
    let hostile = "'; touch /tmp/airworthy-was-here; '";
    let errand = Errand {
        peers: vec![(hostile.to_owned(), 22)],
        registries: vec![hostile.to_owned()],
        mirrors: vec!["$(touch /tmp/airworthy-was-here)".to_owned()],
        python: Some(hostile.to_owned()),
        proxy: Some(Proxy {
            http: Some(hostile.into()),
            https: Some(hostile.into()),
            no: Some(hostile.into()),
        }),
        ..Errand::default()
    };
    let _ = std::fs::remove_file("/tmp/airworthy-was-here");
    let (answered, _) = run(&["sh"], &errand);
    assert!(facts_of(&answered).cpu.count.value().is_some());
    assert!(!std::path::Path::new("/tmp/airworthy-was-here").exists(), "a word of the inventory was run");
}

/// A proxy that answers whatever is asked, as often as it is asked.
fn proxy() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut connection, &mut request);
            let _ =
                connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    format!("http://joe:s3cret@{address}")
}

#[test]
fn registries_are_asked_by_the_inventorys_proxy() {
    if DOWNLOADERS.iter().all(|name| environment::tool(name).is_none()) {
        eprintln!("skipped: no curl, wget or python3 on this machine");
        return;
    }
    // Nobody listens there.
    let registry = "http://127.0.0.1:1".to_owned();
    let asked = |proxy: Option<Proxy>| {
        let errand = Errand { registries: vec![registry.clone()], proxy, ..Errand::default() };
        let (answered, whole) = run(&["sh"], &errand);
        assert!(!String::from_utf8_lossy(&whole).contains("s3cret"), "the password came back");
        let circumstances = Circumstances { registries: vec![registry.clone()], ..Circumstances::default() };
        let facts = facts::host::parse(&answered.transcript, &circumstances);
        facts.registries.asked.value().expect("it was asked")[0].clone()
    };
    let http = Some(proxy().into());
    assert!(asked(Some(Proxy { http: http.clone(), ..Proxy::default() })).answered);
    assert!(!asked(Some(Proxy { http, no: Some("127.0.0.1".into()), ..Proxy::default() })).answered);
    assert!(!asked(None).answered);
}

/// A connection may break while the script is on its way.
#[test]
fn a_script_that_was_cut_does_nothing() {
    let script = longest();
    let folder = environment::folder();
    for shell in ["dash", "bash"].into_iter().filter(|shell| environment::has(shell)) {
        let whole = script.trim_end().len();
        for cut in (0..whole).step_by(whole / 40).chain(whole - 24..whole) {
            let output = environment::command(shell)
                .args(["-c", "eval \"$1\"", "sh", &script[..cut]])
                .env("TMPDIR", folder.path())
                .output()
                .expect("the shell runs");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{shell} cut at {cut}");
            let left = std::fs::read_dir(folder.path()).expect("a folder").count();
            assert_eq!(left, 0, "{shell} cut at {cut}");
        }
    }
}
