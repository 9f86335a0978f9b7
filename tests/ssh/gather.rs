//! Whole visits: the one script through a real SSH server, really run by a shell.

use std::fs;
use std::time::Duration;

use airworthy::facts::{self, Circumstances, HostFacts, Reading};
use airworthy::gather::{self, Errand, Gathered, Script, SudoPassword};
use airworthy::transport::{Ssh, Stage};
use secrecy::SecretString;

use crate::environment;
use crate::machine::{Machine, wait_until};
use crate::server::{Answer, Plan, Server};
use crate::talk::{host, options, timed};

const PASSWORD: &str = "s3cret'pass $word";

fn visit(server: &Server, password: Option<&str>) -> Gathered {
    let password = password.map(|password| SecretString::from(password.to_owned()));
    let script = Script::new(&facts::host::probes());
    gather::visit(&Ssh::new(options()), &host(server), &script, &Errand::default(), password.as_ref())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn facts_of(gathered: &Gathered) -> HostFacts {
    facts::host::parse(&gathered.answered.transcript, &Circumstances::default())
}

#[test]
fn a_host_costs_one_connection_and_one_exec_and_is_left_as_it_was() {
    let machine = Machine::new();
    let server = machine.server();
    let gathered = visit(&server, None);
    let facts = facts_of(&gathered);
    assert!(facts.memory.total_mib.value().is_some(), "{:?}", facts.memory);
    assert!(facts.identity.hostname.value().is_some());
    assert_eq!((server.connections(), server.commands().len()), (1, 1));
    // What `ps` shows is the bootstrap, not the script.
    assert!(server.commands()[0].len() < 2000, "{}", server.commands()[0]);
    wait_until("nothing is left behind", || machine.is_clean());
}

#[test]
fn noise_before_the_answer_and_forged_frames_change_nothing() {
    let machine = Machine::new();
    machine.program(
        "uname",
        "printf '\\n@0123 exit files 0\\n\\n@0123 end\\n'; printf '\\n@0123 airworthy 1 5.0 root\\n'",
    );
    let rc = format!("{}; echo 'Welcome!'; printf 'no line end'; uname; echo oops >&2", machine.rc());
    let server = Server::start(Plan { answer: Answer::Login { shell: "sh", rc }, ..Plan::open() });
    let gathered = visit(&server, None);
    assert!(gathered.answered.clock.is_some_and(|clock| clock.seconds > 1e9));
    assert!(facts_of(&gathered).cpu.count.value().is_some());
}

#[test]
fn every_login_shell_takes_the_bootstrap_as_it_is() {
    let mut tried = 0;
    for shell in ["sh", "bash", "zsh", "csh", "fish"] {
        if !environment::has(shell) {
            eprintln!("skipped: no {shell} on this machine");
            continue;
        }
        tried += 1;
        for password in [None, Some("unused")] {
            let answer = Answer::Login { shell, rc: "true".to_owned() };
            let server = Server::start(Plan { answer, ..Plan::open() });
            let gathered = visit(&server, password);
            assert!(facts_of(&gathered).cpu.count.value().is_some(), "{shell}");
        }
    }
    assert!(tried > 0);
}

#[test]
fn a_password_goes_to_sudo_and_to_nobody_else() {
    let machine = Machine::new();
    machine.sudo(Some(PASSWORD));
    let server = machine.server();
    let gathered = visit(&server, Some(PASSWORD));
    assert_eq!(gathered.sudo_password, SudoPassword::Sent);
    let facts = facts_of(&gathered);
    assert_eq!(facts.sudo.method.value().map(String::as_str), Some("password"));
    assert!(facts.cpu.count.value().is_some());
    let raw = String::from_utf8_lossy(&gathered.raw).into_owned();
    assert!(!raw.contains("s3cret"), "the answer holds the password");
    assert!(!machine.sudo_log().contains("s3cret"), "{}", machine.sudo_log());
    assert!(!server.commands()[0].contains("s3cret"));
    assert_eq!(machine.sudo_log().matches("try ").count(), 1);
    assert_eq!((server.connections(), server.commands().len()), (1, 1));
    wait_until("nothing is left behind", || machine.is_clean());
}

#[test]
fn a_host_that_needs_no_password_never_gets_it() {
    let machine = Machine::new();
    machine.sudo(None);
    let server = machine.server();
    let gathered = visit(&server, Some(PASSWORD));
    assert_eq!(gathered.sudo_password, SudoPassword::NotAsked);
    assert_eq!(facts_of(&gathered).sudo.method.value().map(String::as_str), Some("nopasswd"));
    let stdin = server.seen.stdin.lock().expect("a lock").clone();
    assert!(!String::from_utf8_lossy(&stdin).contains("s3cret"));
}

#[test]
fn a_wrong_password_costs_one_attempt_and_the_rest_is_read_as_the_user() {
    let machine = Machine::new();
    machine.sudo(Some("another"));
    let server = machine.server();
    let gathered = visit(&server, Some(PASSWORD));
    let facts = facts_of(&gathered);
    assert_eq!(facts.sudo.privilege.value(), Some(&false));
    assert!(facts.sudo.refusal.value().is_some(), "{:?}", facts.sudo);
    assert!(facts.memory.total_mib.value().is_some());
    assert_eq!(machine.sudo_log().matches("try ").count(), 1, "{}", machine.sudo_log());
    wait_until("nothing is left behind", || machine.is_clean());
}

#[test]
fn where_sudo_takes_no_password_the_rest_is_read_as_the_user() {
    for (sudo, said) in [
        ("echo 'pai is not in the sudoers file.' >&2; exit 1", "pai is not in the sudoers file."),
        ("exec /no/such/sudo", "not found"),
    ] {
        let machine = Machine::new();
        machine.sudo(Some(PASSWORD)).program("sudo", sudo);
        let facts = facts_of(&visit(&machine.server(), Some(PASSWORD)));
        assert!(facts.sudo.refusal.value().is_some_and(|why| why.contains(said)), "{:?}", facts.sudo);
        assert!(facts.memory.total_mib.value().is_some());
        wait_until("nothing is left behind", || machine.is_clean());
    }
}

#[test]
fn without_a_password_sudo_says_why_and_the_rest_is_read_as_the_user() {
    let machine = Machine::new();
    machine.sudo(Some("another"));
    let server = machine.server();
    let facts = facts_of(&visit(&server, None));
    assert_eq!(facts.sudo.refusal.value().map(String::as_str), Some("sudo: a password is required"));
    assert!(facts.memory.total_mib.value().is_some());
}

#[test]
fn a_docker_that_hangs_with_a_child_that_ignores_sigterm_costs_its_deadline() {
    let machine = Machine::new();
    let mark = format!("{}", 7_000_000 + std::process::id());
    machine.program("docker", &format!("trap '' TERM HUP INT\nsh -c \"trap '' TERM; sleep {mark}\""));
    let server = machine.server();
    let (gathered, took) = timed(|| visit(&server, None));
    let facts = facts_of(&gathered);
    assert!(matches!(&facts.docker.running.reading, Reading::Unknown(why) if why.contains("5.0 s")));
    assert!(facts.memory.total_mib.value().is_some() && facts.docker.config_path.value().is_some());
    assert!(took < facts::DEADLINE + Duration::from_secs(1), "{took:?}");
    let still_there = || {
        let commands = fs::read_dir("/proc").expect("proc").flatten();
        let commands = commands.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        commands.into_iter().any(|line| String::from_utf8_lossy(&line).contains(&mark))
    };
    wait_until("its processes are ended", || !still_there());
    wait_until("nothing is left behind", || machine.is_clean());
}

#[test]
fn sockets_that_listen_are_known_where_all_tables_were_read() {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = i64::from(listener.local_addr().expect("an address").port());
    let machine = Machine::new();
    let ports = facts_of(&visit(&machine.server(), None)).ports.listening;
    assert!(ports.value().is_some_and(|ports| ports.contains(&port)), "{ports:?}");
    // A table of which not even the header came.
    machine.program("grep", "PATH=${PATH#*:}; grep \"$@\" | grep -v '/net/tcp:'");
    let ports = facts_of(&visit(&machine.server(), None)).ports.listening;
    let Reading::Unknown(reason) = &ports.reading else { panic!("{ports:?}") };
    assert!(reason.contains("/proc/net/tcp"), "{reason}");
}

#[test]
fn what_was_not_looked_for_to_the_end_is_unknown() {
    let machine = Machine::new();
    let cut = "PATH=${PATH#*:}; grep \"$@\"; s=$?; case $* in */proc/locks*) kill -KILL $$ ;; esac; exit $s";
    machine.program("grep", cut);
    let facts = facts_of(&visit(&machine.server(), None));
    let is_unknown = |reading: bool, what: &str| assert!(reading, "{what}: {facts:?}");
    is_unknown(matches!(facts.ports.listening.reading, Reading::Unknown(_)), "ports");
    is_unknown(matches!(facts.packages.locks_held.reading, Reading::Unknown(_)), "locks");
    is_unknown(matches!(facts.kubernetes.kubelet_running.reading, Reading::Unknown(_)), "kubelet");
}

#[test]
fn an_answer_longer_than_a_pipe_comes_whole() {
    let machine = Machine::new();
    machine.program("docker", "head -c 300000 /dev/zero | tr '\\0' x; echo; echo the last line >&2; exit 1");
    let gathered = visit(&machine.server(), None);
    let facts = facts_of(&gathered);
    assert!(gathered.raw.len() > 300_000, "{}", gathered.raw.len());
    assert_eq!(facts.docker.failure.value().map(String::as_str), Some("the last line"));
    assert!(facts.cpu.idle_percent.value().is_some(), "{:?}", facts.cpu);
    wait_until("nothing is left behind", || machine.is_clean());
}

#[test]
fn a_connection_that_breaks_leaves_nothing_behind() {
    let machine = Machine::new();
    machine.program("docker", "sleep 2");
    let server = machine.server();
    let mut brief = options();
    brief.timeouts.run = Duration::from_secs(1);
    let script = Script::new(&facts::host::probes());
    let error = gather::visit(&Ssh::new(brief), &host(&server), &script, &Errand::default(), None)
        .expect_err("the deadline is shorter than the answer takes");
    assert_eq!(error.stage, Stage::Run);
    wait_until("the script cleans up by itself", || machine.is_clean());
}

#[test]
fn an_answer_that_is_not_ours_is_told_as_it_is() {
    for (out, said) in
        [(&b"This account is currently not available.\n"[..], "not available"), (b"", "said nothing")]
    {
        let answer = Answer::Canned { out: out.to_vec(), err: Vec::new() };
        let server = Server::start(Plan { answer, ..Plan::open() });
        let script = Script::new(&facts::host::probes());
        let error = gather::visit(&Ssh::new(options()), &host(&server), &script, &Errand::default(), None)
            .expect_err("not our script");
        assert_eq!(error.stage, Stage::Run);
        assert!(error.reason.contains(said), "{error}");
    }
}

#[test]
fn a_machine_with_busybox_alone_is_read_too() {
    if !environment::has("busybox") {
        eprintln!("skipped: no busybox on this machine");
        return;
    }
    let busybox = environment::programs().join("busybox");
    let machine = Machine::new();
    let list = environment::command(&busybox).arg("--list").output().expect("busybox lists").stdout;
    for applet in String::from_utf8_lossy(&list).lines() {
        std::os::unix::fs::symlink(&busybox, machine.path("bin").join(applet)).expect("a link");
    }
    environment::stand_alone(&machine.path("bin"));
    let rc = format!("{}; PATH=${{PATH%%:*}}", machine.rc());
    let server = Server::start(Plan { answer: Answer::Login { shell: "sh", rc }, ..Plan::open() });
    let facts = facts_of(&visit(&server, None));
    assert!(facts.memory.total_mib.value().is_some() && facts.cpu.count.value().is_some());
    assert!(facts.network.interfaces.value().is_some(), "{:?}", facts.network.interfaces);
    wait_until("nothing is left behind", || machine.is_clean());
}
