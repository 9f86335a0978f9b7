//! The NVML helper on its way to a host: asked for on stdout, read from stdin, run, and gone.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use airworthy::facts::nvml::Document;
use airworthy::facts::{self, Ended, Probe};
use airworthy::gather::{self, Errand, Helpers, Supply};
use airworthy::inventory::Connection;
use airworthy::transport::{Local, OpenSsh, Ssh, Stage, Transport};

use crate::environment;
use crate::machine::wait_until;
use crate::server::{Answer, Plan, Server};
use crate::stand_in::{
    DOCUMENT, assert_document, assert_stand_in, auto, folder, gpu_machine, helper_size, machine_with,
    questions, section, started, stdin_of, text, visit, visit_with,
};
use crate::talk::{host, host_at, options};

#[path = "../support/nvml_stub.rs"]
mod nvml_stub;

#[test]
fn a_host_with_a_device_gets_the_helper_over_the_stream_it_has() {
    let machine = gpu_machine();
    let server = machine.server();
    let gathered = visit(&server, auto());
    assert_document(&gathered);
    assert_eq!((server.connections(), server.commands().len(), questions(&gathered)), (1, 1, 1));
    wait_until("nothing is left behind", || machine.is_clean());
    // The same script without the push, so that its bytes can be told.
    let plain = machine_with("0x1002", "0x030000");
    let other = plain.server();
    assert_eq!(questions(&visit(&other, auto())), 0);
    let pushed = stdin_of(&server) - stdin_of(&other);
    let announced = format!("bytes {} {}\n", helper_size(), "0".repeat(64)).len();
    assert_eq!(pushed, helper_size() + announced);
}

#[test]
fn a_host_without_a_device_is_sent_nothing_but_the_script() {
    // Another maker's card, and NVIDIA's own bridge.
    for (vendor, class) in [("0x1002", "0x030000"), ("0x10de", "0x060400")] {
        let machine = machine_with(vendor, class);
        let server = machine.server();
        let gathered = visit(&server, auto());
        assert_stand_in(&gathered, "no NVIDIA device is on the PCI bus");
        assert_eq!(questions(&gathered), 0);
        assert!(stdin_of(&server) < helper_size() / 4, "{} bytes", stdin_of(&server));
    }
}

#[test]
fn it_comes_through_sudo_whether_that_wants_a_password_or_not() {
    let passwords = [
        (None, None),
        (Some("s3cret'pass"), Some("s3cret'pass")),
        (Some("another"), Some("wrong")),
        (None, Some("unused")),
    ];
    for (wanted, given) in passwords {
        let machine = gpu_machine();
        machine.sudo(wanted);
        let server = machine.server();
        let ssh = Ssh::new(options());
        let gathered = visit_with(&ssh, &host(&server), &facts::host::probes(), auto(), given)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_document(&gathered);
        assert_eq!((server.connections(), server.commands().len()), (1, 1));
        wait_until("nothing is left behind", || machine.is_clean());
    }
}

#[test]
fn it_comes_through_the_systems_ssh_and_through_a_bastion() {
    let machine = gpu_machine();
    let server = machine.server();
    match OpenSsh::new(options()) {
        Ok(ssh) => {
            let gathered = visit_with(&ssh, &host(&server), &facts::host::probes(), auto(), None);
            assert_document(&gathered.unwrap_or_else(|error| panic!("{error}")));
        }
        Err(_) => eprintln!("skipped: no ssh on this machine"),
    }
    let bastion = Server::start(Plan::bastion());
    let mut way = Connection::ssh(bastion.address());
    way.port = Some(bastion.port());
    let mut behind = host(&server);
    behind.connection.bastion = Some(Box::new(way));
    let gathered = visit_with(&Ssh::new(options()), &behind, &facts::host::probes(), auto(), None);
    assert_document(&gathered.unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(bastion.forwarded().len(), 1);
    wait_until("nothing is left behind", || machine.is_clean());
}

/// The same dialogue on this machine: what hangs in NVML hangs in a process of its own.
#[test]
fn this_machine_is_no_exception() {
    let mut connection = Connection::ssh("localhost");
    connection.local = true;
    let probes = [Probe::helper("nvml", "NVML", "return 0", "").within(Duration::from_secs(15))];
    let local = Local::new(Duration::from_secs(30));
    let gathered = visit_with(&local, &host_at(connection), &probes, auto(), None);
    let gathered = gathered.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(text(&section(&gathered, "nvml").out), DOCUMENT);
}

#[test]
fn every_shell_and_busybox_alone_take_it_in() {
    let mut tried = 0;
    for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
        if !environment::has(shell[0]) {
            eprintln!("skipped: no {} on this machine", shell[0]);
            continue;
        }
        tried += 1;
        let machine = gpu_machine();
        // The bootstrap says `sh`, whatever the login shell; busybox takes its own applets before all others.
        let real = environment::programs().join(shell[0]).display().to_string();
        machine.program("sh", &format!("exec {real} {} \"$@\"", shell[1..].join(" ")));
        if shell[0] == "busybox" {
            for applet in ["head", "sha256sum", "od", "chmod", "cat", "mktemp", "mkfifo"] {
                machine.program(applet, &format!("exec {real} {applet} \"$@\""));
            }
        }
        let probes = [
            Probe::helper("nvml", "NVML", "return 0", "").within(Duration::from_secs(15)),
            Probe::shell("nvidia-smi", "nvidia-smi", "nvidia-smi").stands_in_for("nvml"),
        ];
        for play in ["", "fail"] {
            let server = started(&machine, &format!("STANDIN={play}; export STANDIN"));
            let gathered = visit_with(&Ssh::new(options()), &host(&server), &probes, auto(), None);
            let gathered = gathered.unwrap_or_else(|error| panic!("{shell:?}: {error}"));
            match play {
                "" => assert_document(&gathered),
                _ => assert_stand_in(&gathered, "the helper ended with status 7: no luck\n"),
            }
        }
        wait_until("nothing is left behind", || machine.is_clean());
    }
    assert!(tried > 0, "no shell at all");
}

/// Programs of a host's own, by name.
type Programs = &'static [(&'static str, &'static str)];

#[test]
fn what_keeps_it_from_running_is_told_and_nvidia_smi_stands_in() {
    let nowhere = environment::folder();
    let foreign = environment::folder();
    let mut bytes = fs::read(folder().join("airworthy-nvml")).expect("compiled");
    bytes[18..20].copy_from_slice(&[0xb7, 0]); // ELF's word for aarch64
    fs::create_dir(foreign.path().join("x86_64")).expect("a folder");
    fs::write(foreign.path().join("x86_64/airworthy-nvml"), &bytes).expect("written");
    let at = |folder: &Path| Supply::Auto(Arc::new(Helpers::in_folders(vec![folder.to_owned()])));
    let never = Supply::Never("--nvml never".into());

    // Whether it was sent, the reason, and how the host comes to it.
    let cases: [(bool, &str, Supply, Programs); 11] = [
        (false, "--nvml never", never, &[]),
        (false, "the script ran without airworthy at the other end", Supply::default(), &[]),
        (false, "there is no helper for x86_64 (looked for airworthy-nvml in", at(nowhere.path()), &[]),
        (false, "is made for aarch64, not for x86_64", at(foreign.path()), &[]),
        (false, "there is no helper for aarch64 (looked for", auto(), &[("od", "echo ' b7 00'")]),
        (
            false,
            "there is no helper for riscv64",
            auto(),
            &[("od", "echo ' f3 00'"), ("uname", "echo riscv64")],
        ),
        // Nothing gets the mode to run: as on a file system that is mounted noexec.
        (false, "nothing may be run from", auto(), &[("chmod", ":")]),
        (false, "and this host has 2.1", auto(), &[("getconf", "echo glibc 2.1")]),
        (
            false,
            "needs glibc, and this host has musl",
            auto(),
            &[("getconf", "exit 1"), ("ldd", "echo 'musl libc (x86_64)'; exit 1")],
        ),
        (true, "did not arrive as it was sent", auto(), &[("sha256sum", "echo 0123")]),
        (
            true,
            "did not arrive as it was sent",
            auto(),
            &[(
                "head",
                "PATH=${PATH#*:}; case $2 in ??????*) head \"$@\" >/dev/null ;; *) exec head \"$@\" ;; esac",
            )],
        ),
    ];
    if !cfg!(target_arch = "x86_64") {
        eprintln!("skipped: the stand-in is not for x86_64");
        return;
    }
    for (sent, reason, supply, programs) in cases {
        let machine = gpu_machine();
        for (name, text) in programs {
            machine.program(name, text);
        }
        let server = machine.server();
        let gathered = visit(&server, supply);
        assert_stand_in(&gathered, reason);
        assert_eq!(stdin_of(&server) > helper_size(), sent, "{reason}");
        wait_until("nothing is left behind", || machine.is_clean());
    }
}

#[test]
fn a_helper_that_fails_is_told_with_its_first_words() {
    let machine = gpu_machine();
    let server = started(&machine, "STANDIN=fail; export STANDIN");
    let gathered = visit(&server, auto());
    assert_stand_in(&gathered, "the helper ended with status 7: no luck\n");
}

#[test]
fn a_library_so_old_that_nvidia_smi_knows_more_gives_both() {
    let machine = gpu_machine();
    let server = started(&machine, "STANDIN=old; export STANDIN");
    let gathered = visit(&server, auto());
    let nvml = section(&gathered, "nvml");
    assert_eq!((nvml.ended, text(&nvml.out)), (Ended::Exited(3), DOCUMENT));
    assert!(text(&section(&gathered, "nvidia-smi").out).starts_with("smi\n"));
}

#[test]
fn always_means_that_nothing_stands_in() {
    let nowhere = Arc::new(Helpers::in_folders(Vec::new()));
    for (vendor, class) in [("0x10de", "0x030200"), ("0x1002", "0x030000")] {
        let machine = machine_with(vendor, class);
        let server = machine.server();
        let gathered = visit(&server, Supply::Always(Arc::clone(&nowhere)));
        assert_eq!(section(&gathered, "nvml").ended, Ended::Exited(127));
        let smi = section(&gathered, "nvidia-smi");
        assert_eq!((smi.ended, text(&smi.out)), (Ended::Exited(127), ""));
        assert!(text(&smi.err).contains("--nvml always"), "{}", text(&smi.err));
    }
    let machine = gpu_machine();
    let Supply::Auto(helpers) = auto() else { unreachable!("that is what auto gives") };
    assert_document(&visit(&machine.server(), Supply::Always(helpers)));
}

/// The two deadlines follow each other: a helper that hangs costs its own, and then what stands in has its own.
#[test]
fn a_helper_that_hangs_costs_its_deadline_and_no_more() {
    let probes = [
        Probe::helper("nvml", "NVML", "return 0", "").within(Duration::from_secs(1)),
        Probe::shell("nvidia-smi", "nvidia-smi", "nvidia-smi")
            .within(Duration::from_millis(1500))
            .stands_in_for("nvml"),
    ];
    let errand = Errand { supply: auto(), ..Errand::default() };
    assert_eq!(gather::total_deadline(&probes, &errand), Duration::from_millis(2500));
    // Without a helper the script would be done within 1.5 s: asking for one prolongs the visit.
    let brief = || {
        let mut options = options();
        options.timeouts.run = Duration::from_millis(2500);
        options
    };
    let late = |transport: &dyn Transport, program: &str, ended: Ended| {
        let machine = gpu_machine();
        machine.program("nvidia-smi", program);
        let server = started(&machine, "STANDIN=hang; export STANDIN");
        let gathered = visit_with(transport, &host(&server), &probes, auto(), None);
        let gathered = gathered.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert_eq!(section(&gathered, "nvml").ended, Ended::TimedOut(1000));
        assert_eq!(section(&gathered, "nvidia-smi").ended, ended, "{program}");
        wait_until("nothing is left behind", || machine.is_clean());
    };
    // All they do is wait, so they wait together.
    thread::scope(|scope| {
        for (program, ended) in [
            ("echo smi", Ended::Exited(0)),
            ("sleep 1; echo smi", Ended::Exited(0)),
            ("sleep 60", Ended::TimedOut(1500)),
        ] {
            scope.spawn(move || late(&Ssh::new(brief()), program, ended));
        }
        // The same through the system's ssh.
        if let Ok(ssh) = OpenSsh::new(brief()) {
            scope.spawn(move || late(&ssh, "sleep 60", Ended::TimedOut(1500)));
        }
        scope.spawn(without_ssh_a_helper_that_is_missing_costs_nothing);
    });
}

fn without_ssh_a_helper_that_is_missing_costs_nothing() {
    let mut connection = Connection::ssh("localhost");
    connection.local = true;
    let slow = [
        Probe::helper("nvml", "NVML", "return 0", "").within(Duration::from_secs(1)),
        Probe::shell("nvidia-smi", "nvidia-smi", "sleep 60")
            .within(Duration::from_millis(1500))
            .stands_in_for("nvml"),
    ];
    let local = Local::new(Duration::from_millis(1500));
    let nowhere = Supply::Auto(Arc::new(Helpers::in_folders(Vec::new())));
    let gathered = visit_with(&local, &host_at(connection), &slow, nowhere, None);
    let gathered = gathered.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(section(&gathered, "nvidia-smi").ended, Ended::TimedOut(1500));
}

/// No signal comes to the host: its script reads the end of the stream, and cleans up by itself.
#[test]
fn a_connection_that_breaks_during_the_push_leaves_nothing_behind() {
    let machine = gpu_machine();
    let whole = machine.server();
    assert_document(&visit(&whole, auto()));
    let end = stdin_of(&whole);
    let announcement = end - helper_size() - format!("bytes {} {}\n", helper_size(), "0".repeat(64)).len();
    let bytes = end - helper_size();
    let cuts = [
        announcement + 1,
        announcement + 8,
        bytes - 1,
        bytes,
        bytes + 1,
        bytes + helper_size() / 2,
        end - 1,
        end,
    ];
    for cut in cuts {
        let machine = gpu_machine();
        let answer = Answer::Login { shell: "sh", rc: machine.rc() };
        let server = Server::start(Plan { answer, cut_after: Some(cut), ..Plan::open() });
        let error = visit_with(&Ssh::new(options()), &host(&server), &facts::host::probes(), auto(), None)
            .expect_err("the connection broke");
        assert_eq!(error.stage, Stage::Run, "{error}");
        assert_eq!(stdin_of(&server), cut);
        wait_until("the script cleans up by itself", || machine.is_clean());
    }
}

/// The helper itself, and a library that plays.
#[test]
fn what_nvml_tells_comes_back_whole() {
    let library = environment::folder();
    nvml_stub::compile(library.path(), false);
    let helper = Path::new(env!("CARGO_BIN_EXE_airworthy-nvml"));
    let supply = || {
        let helpers = Helpers::in_folders(vec![helper.parent().expect("a folder").to_owned()]);
        Supply::Auto(Arc::new(helpers))
    };
    for (play, failure, gpus) in
        [("gpus=8", None, 8), ("gpus=2 lost=1", None, 2), ("init=9", Some("DRIVER_NOT_LOADED"), 0)]
    {
        let machine = gpu_machine();
        let more = format!("LD_LIBRARY_PATH={} NVML_STUB='{play}'", library.path().display());
        let server = started(&machine, &format!("{more}; export LD_LIBRARY_PATH NVML_STUB"));
        let gathered = visit(&server, supply());
        let nvml = section(&gathered, "nvml");
        assert_eq!(nvml.ended, Ended::Exited(0), "{play}: {}", text(&nvml.err));
        let document = Document::read(&nvml.out).unwrap_or_else(|error| panic!("{play}: {error}"));
        assert_eq!(document.failure.as_ref().map(|failure| failure.error.as_str()), failure, "{play}");
        assert_eq!(document.gpus.len(), gpus, "{play}");
        wait_until("nothing is left behind", || machine.is_clean());
    }
}
