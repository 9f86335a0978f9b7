//! Processes that pass for the system's: their programs are not run, their words, their proxies and their names not believed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use airworthy::facts::{self, Probe};
use airworthy::gather::{self, Errand};

use crate::environment;
use crate::ground::{BOUNDARY, Ground, OTHER, is_root, said, under_every_shell, unknown};

/// As dockerd, which tells what it was asked for.
fn dockerd() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dockerd-{}", std::process::id()));
        let source = program.with_extension("c");
        let text = r#"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
    for (int i = 1; i < count; i++) if (!strcmp(words[i], "--help")) {
        char trace[4096];
        ssize_t length = readlink("/proc/self/exe", trace, sizeof trace - 8);
        strcpy(trace + length, ".ran");
        close(open(trace, O_CREAT | O_WRONLY, 0666));
        return puts("  --validate") < 0;
    }
    for (;;) pause();
}
"#;
        fs::write(&source, text).expect("written");
        let done = environment::cc().args(["-O0", "-o"]).arg(&program).arg(&source).status();
        assert!(done.expect("cc starts").success());
        fs::remove_file(&source).expect("removed");
        program
    })
}

/// A process that the pid file names, and the word for why it is not the system's dockerd.
struct Named {
    what: &'static str,
    /// Makes it, and tells where its program is.
    make: fn(&mut Ground) -> PathBuf,
    refused: Option<&'static str>,
    /// Whether its program may be run.
    runs: bool,
}

fn put(ground: &Ground, name: &str, mode: u32, owner: Option<u32>) -> PathBuf {
    fs::copy(dockerd(), ground.path(name)).expect("copied");
    ground.set(name, mode, owner)
}

/// Starts it as dockerd is, with a word that a forger might choose.
fn start(ground: &mut Ground, program: &Path, as_other: &[&str]) {
    let pid =
        ground.process(program, &["--config-file", "/forged.json", "--default-runtime=forged"], as_other);
    ground.pid_file(pid);
}

const AS_OTHER: &[&str] = &["--reuid=65534", "--regid=65534", "--clear-groups"];

const NAMED: &[Named] = &[
    Named {
        what: "the system's own",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o755, None);
            start(ground, &program, &[]);
            program
        },
        refused: None,
        runs: true,
    },
    Named {
        what: "one whose file is gone since an upgrade",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o755, None);
            start(ground, &program, &[]);
            fs::remove_file(&program).expect("removed");
            program
        },
        refused: None,
        runs: false,
    },
    Named {
        what: "another user's, with a program of root's",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o755, None);
            start(ground, &program, AS_OTHER);
            program
        },
        refused: Some("no process of root's alone"),
        runs: false,
    },
    Named {
        what: "another user's, with a program of its own",
        make: |ground| {
            let program = put(ground, "home/dockerd", 0o755, Some(OTHER));
            start(ground, &program, AS_OTHER);
            program
        },
        refused: Some("no process of root's alone"),
        runs: false,
    },
    Named {
        what: "one that another user started with root's rights (set-user-id)",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o755, None);
            start(ground, &program, &["--ruid=65534"]);
            program
        },
        refused: Some("no process of root's alone"),
        runs: false,
    },
    Named {
        what: "root's, with a program of another user's",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o755, Some(OTHER));
            start(ground, &program, &[]);
            program
        },
        refused: Some("others than root may change"),
        runs: false,
    },
    Named {
        what: "root's, with a program that its group may write to",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o775, None);
            start(ground, &program, &[]);
            program
        },
        refused: Some("others than root may change"),
        runs: false,
    },
    Named {
        what: "root's, with a program in another user's folder",
        make: |ground| {
            let program = put(ground, "home/dockerd", 0o755, None);
            start(ground, &program, &[]);
            program
        },
        refused: Some("others than root may change"),
        runs: false,
    },
    Named {
        what: "root's, of another program under dockerd's name",
        make: |ground| {
            let program = put(ground, "usr-bin/other", 0o755, None);
            symlink(&program, ground.path("home/dockerd")).expect("linked");
            start(ground, &ground.path("home/dockerd"), &[]);
            program
        },
        refused: Some("runs another program than dockerd"),
        runs: false,
    },
    Named {
        what: "the system's own, by a pid file that others may write to",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o755, None);
            start(ground, &program, &[]);
            ground.set("docker.pid", 0o666, None);
            program
        },
        refused: Some("others than root may write to"),
        runs: false,
    },
    Named {
        what: "the system's own, by another user's pid file",
        make: |ground| {
            let program = put(ground, "usr-bin/dockerd", 0o755, None);
            start(ground, &program, &[]);
            ground.set("docker.pid", 0o644, Some(OTHER));
            program
        },
        refused: Some("others than root may write to"),
        runs: false,
    },
];

#[test]
fn a_process_is_dockerd_only_where_it_is_roots_alone() {
    if !is_root() {
        return;
    }
    under_every_shell(|shell| {
        for named in NAMED {
            let what = format!("{} under {shell:?}", named.what);
            let mut ground = Ground::new();
            ground.dir("usr-bin", 0o755, None);
            ground.dir("home", 0o755, Some(OTHER));
            ground.dir("etc/docker", 0o755, None);
            let program = (named.make)(&mut ground);
            let facts = ground.facts(shell);
            let look = ground.look(shell);
            let ran = program
                .with_file_name(format!("{}.ran", program.file_name().expect("a name").to_string_lossy()));
            assert_eq!(ran.exists(), named.runs, "{what}: whether its program was run");
            match named.refused {
                None => {
                    assert_eq!(
                        facts.docker.config_path.value().map(String::as_str),
                        Some("/forged.json"),
                        "{what}"
                    );
                    assert_eq!(look.expect("a look").validates, named.runs, "{what}");
                }
                Some(reason) => {
                    for said in [
                        unknown(&facts.docker.flag_keys),
                        unknown(&facts.docker.config_path),
                        unknown(&facts.docker.config),
                        unknown(&facts.docker.config_problem),
                        unknown(&facts.container_runtime.missing),
                    ] {
                        assert!(said.contains(reason), "{what}: {said}");
                    }
                    let said = look.expect_err("nothing is planned there");
                    assert!(said.contains(reason), "{what}: {said}");
                }
            }
        }
    });
}

/// A proxy in the environment of a process that only has dockerd's number is none of dockerd's.
#[test]
fn the_proxy_of_a_process_that_is_not_dockerd_is_not_used() {
    if !is_root() || ["curl", "wget", "python3"].iter().all(|name| environment::tool(name).is_none()) {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let proxy = format!("http://{}", listener.local_addr().expect("bound"));
    let errand = Errand { registries: vec!["http://127.0.0.1:1".to_owned()], ..Errand::default() };
    for name in ["dockerd", "sleep"] {
        let mut ground = Ground::new();
        let program = put(&ground, name, 0o755, None);
        let mut command = environment::command("setpriv");
        command.args(AS_OTHER).arg(&program).arg("3600").env("https_proxy", &proxy).env("http_proxy", &proxy);
        let child = command.spawn().expect("started");
        ground.pid_file(child.id());
        ground.children.push(child);
        std::thread::sleep(std::time::Duration::from_millis(200));
        under_every_shell(|shell| {
            let path = environment::path_with(&["curl", "wget", "python3"]);
            let change = |command: &mut Command| {
                command.env("PATH", &path);
            };
            let transcript = ground.run(shell, &facts::host::probes(), &errand, &change);
            assert!(said(&transcript, "registries").contains("127.0.0.1:1"), "{shell:?}");
            assert!(listener.accept().is_err(), "{shell:?} {name}: it was asked by that proxy");
        });
    }
}

/// Whoever names a process so is no kubelet, and no package manager that a stale pid file names.
#[test]
fn another_users_process_is_no_kubelet_and_holds_no_lock() {
    if !is_root() {
        return;
    }
    let mut ground = Ground::new();
    let mut mine = Vec::new();
    for (name, as_other) in
        [("kubelet", AS_OTHER), ("hyperkube", AS_OTHER), ("0x10de", AS_OTHER), ("kubelet", &[][..])]
    {
        let folder = format!("{}", mine.len());
        ground.dir(&folder, 0o755, None);
        let program = put(&ground, &format!("{folder}/{name}"), 0o755, None);
        mine.push(ground.process(&program, &[], as_other));
    }
    let program = put(&ground, "yum", 0o755, None);
    let yum = ground.process(&program, &[], AS_OTHER);
    ground.file("yum.pid", &format!("{yum}\n"), 0o644, None);
    let probes: Vec<Probe> = facts::host::probes();
    under_every_shell(|shell| {
        let script = ground.script(&probes, &Errand::default());
        let script = script.replace("/run/yum.pid", &ground.path("yum.pid").display().to_string());
        let output = environment::command(shell[0])
            .args(&shell[1..])
            .args(["-c", &script, "sh", "root"])
            .stdin(Stdio::null())
            .output()
            .expect("the shell starts");
        let transcript = gather::take_apart(output.stdout, BOUNDARY, &probes).expect("an answer").transcript;
        let said_of = |probe: &str| said(&transcript, probe);
        for (at, pid) in mine.iter().enumerate() {
            let is_told = said_of("kubelet-process").contains(&format!("/proc/{pid}/comm"));
            assert_eq!(is_told, at == 3, "{shell:?} {at}");
        }
        assert!(!said_of("package-locks").contains("yum"), "{shell:?} {}", said_of("package-locks"));
    });
}
