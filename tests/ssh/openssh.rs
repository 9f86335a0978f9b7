//! The same visits through the system's `ssh`, where there is one.
#![allow(clippy::print_stderr)]

use std::fs;
use std::time::Duration;

use airworthy::inventory::{Host, HostKeyChecking, SshArguments};
use airworthy::transport::{
    HostKeyStanding, Login, OpenSsh, Options, Stage, Transport, TransportError, Visit,
};
use russh::MethodKind;
use secrecy::SecretString;

use crate::environment;
use crate::keys::{self, ed25519};
use crate::server::{Answer, Fault, Plan, Server};
use crate::talk::{Talk, host, options, timed};

/// Whether the system has `ssh`; says so where not.
fn is_there() -> bool {
    let found = environment::tool("ssh").is_some();
    if !found {
        eprintln!("SKIPPED: there is no ssh on this machine");
    }
    found
}

fn run(options: Options, host: &Host, talk: &mut Talk) -> Result<Visit, TransportError> {
    OpenSsh::new(options)?.run(host, talk)
}

fn with_key(seed: u8, folder: &std::path::Path) -> Options {
    let mut options = options();
    options.private_key = Some(keys::save(&ed25519(seed), folder, "id"));
    options
}

#[test]
fn a_visit_by_key_carries_a_dialogue() {
    if !is_there() {
        return;
    }
    let folder = environment::folder();
    let server = Server::start(Plan::for_key(&ed25519(1)));
    let mut talk =
        Talk::of("echo ready; read line; echo got $line; echo oops >&2").opening("hello\n").until("hello\n");
    let visit = run(with_key(1, folder.path()), &host(&server), &mut talk).expect("in");
    assert_eq!(talk.out(), "ready\ngot hello\n");
    assert_eq!((visit.user.as_str(), visit.login), ("ops", Login::PublicKey));
    let key = visit.host_key.expect("a key");
    let fingerprint = ed25519(100).public_key().fingerprint(Default::default()).to_string();
    assert_eq!((key.kind.as_str(), key.fingerprint), ("ssh-ed25519", fingerprint));
    assert_eq!((server.connections(), server.commands().len()), (1, 1));
}

#[test]
fn stderr_of_the_command_is_heard_and_that_of_ssh_is_not() {
    if !is_there() {
        return;
    }
    let folder = environment::folder();
    let server = Server::start(Plan::for_key(&ed25519(1)));
    let mut talk = Talk::of("echo out; echo err >&2; exit 3");
    run(with_key(1, folder.path()), &host(&server), &mut talk).expect("in");
    assert_eq!((talk.out().as_str(), String::from_utf8_lossy(&talk.err).as_ref()), ("out\n", "err\n"));
}

#[test]
fn a_password_is_answered_once_and_shown_to_nobody() {
    if !is_there() {
        return;
    }
    for methods in [&[MethodKind::Password][..], &[MethodKind::KeyboardInteractive]] {
        let server = Server::start(Plan { password: Some("sesame"), methods, ..Plan::default() });
        let mut options = options();
        options.password = Some(SecretString::from("sesame"));
        let visit = run(options, &host(&server), &mut Talk::of("true")).expect("in");
        assert_eq!(visit.login, Login::Password);
        assert_eq!(server.passwords(), ["sesame"]);
    }
    let server = Server::start(Plan { password: Some("sesame"), ..Plan::default() });
    let mut options = options();
    options.password = Some(SecretString::from("wrong one"));
    let error = run(options, &host(&server), &mut Talk::of("true")).expect_err("out");
    assert_eq!(error.stage, Stage::Authenticate);
    assert!(!error.reason.contains("wrong one"), "{error}");
    assert_eq!(server.passwords(), ["wrong one"]);
}

#[test]
fn failures_have_the_same_stages() {
    if !is_there() {
        return;
    }
    let folder = environment::folder();
    let server = Server::start(Plan::for_key(&ed25519(2)));
    let error = run(with_key(1, folder.path()), &host(&server), &mut Talk::of("x")).expect_err("out");
    assert_eq!(error.stage, Stage::Authenticate, "{error}");
    assert!(error.reason.contains("Permission denied"), "{error}");

    let mut closed = host(&server);
    closed.connection.port = Some(1);
    let error = run(options(), &closed, &mut Talk::of("x")).expect_err("closed");
    assert_eq!(error.stage, Stage::Connect, "{error}");

    let mut nowhere = host(&server);
    nowhere.connection.address = "no-such-host.invalid".into();
    let error = run(options(), &nowhere, &mut Talk::of("x")).expect_err("no address");
    assert_eq!(error.stage, Stage::Resolve, "{error}");

    let hangs_up = Server::start(Plan { fault: Fault::HangsUp, ..Plan::open() });
    let error = run(options(), &host(&hangs_up), &mut Talk::of("x")).expect_err("closed");
    assert_eq!(error.stage, Stage::Handshake, "{error}");
}

#[test]
fn a_stray_word_is_not_taken_for_the_host() {
    if !is_there() {
        return;
    }
    let server = Server::start(Plan::open());
    for later in [false, true] {
        let mut elsewhere = host(&server);
        let stray = SshArguments::parse("127.0.0.10").expect("words");
        let connection = &mut elsewhere.connection;
        *(if later { &mut connection.more_ssh_arguments } else { &mut connection.ssh_arguments }) = stray;
        let error = run(options(), &elsewhere, &mut Talk::of("x")).expect_err("refused");
        assert_eq!(error.stage, Stage::Resolve, "{error}");
        assert!(error.reason.contains("no option"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_policy_on_host_keys_is_the_same() {
    if !is_there() {
        return;
    }
    let folder = environment::folder();
    let server = Server::start(Plan::for_key(&ed25519(1)));
    let known = folder.path().join("known_hosts");
    let judged = |policy| {
        let mut options = with_key(1, folder.path());
        options.known_hosts = vec![known.clone()];
        options.host_key_checking = Some(policy);
        run(options, &host(&server), &mut Talk::of("true"))
            .map(|visit| visit.host_key.expect("a key").standing)
    };
    let error = judged(HostKeyChecking::Strict).expect_err("unknown");
    assert_eq!(error.stage, Stage::HostKey, "{error}");
    assert_eq!(judged(HostKeyChecking::Off), Ok(HostKeyStanding::Learned));
    fs::remove_file(&known).expect("there");
    assert_eq!(judged(HostKeyChecking::AcceptNew), Ok(HostKeyStanding::Learned));
    assert_eq!(judged(HostKeyChecking::Strict), Ok(HostKeyStanding::Known));
    fs::write(&known, format!("[127.0.0.1]:{} {}\n", server.port(), keys::text(&ed25519(9))))
        .expect("written");
    let error = judged(HostKeyChecking::AcceptNew).expect_err("changed");
    assert_eq!(error.stage, Stage::HostKey, "{error}");
    assert!(error.reason.contains("changed"), "{error}");
}

#[test]
fn deadlines_hold() {
    if !is_there() {
        return;
    }
    let late = |plan, stage| {
        let server = Server::start(plan);
        let mut options = options();
        options.timeouts.connect = Duration::from_secs(2);
        options.timeouts.run = Duration::from_secs(2);
        let (result, took) = timed(|| run(options, &host(&server), &mut Talk::of("x")));
        assert_eq!(result.expect_err("late").stage, stage);
        assert!(took < Duration::from_secs(8), "{took:?}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| late(Plan { fault: Fault::Silent, ..Plan::open() }, Stage::Handshake));
        scope.spawn(|| late(Plan { answer: Answer::Hangs(b"x".to_vec()), ..Plan::open() }, Stage::Run));
    });
}

#[test]
fn a_connection_that_breaks_is_an_error() {
    if !is_there() {
        return;
    }
    let server = Server::start(Plan { answer: Answer::Cut(b"half".to_vec()), ..Plan::open() });
    let error = run(options(), &host(&server), &mut Talk::of("x")).expect_err("broken");
    assert_eq!(error.stage, Stage::Run, "{error}");
}

#[test]
fn arguments_of_the_inventory_are_handed_on() {
    if !is_there() {
        return;
    }
    let bastion = Server::start(Plan::bastion());
    let server = Server::start(Plan::open());
    let mut through = host(&server);
    let jump = format!(
        "-o ProxyCommand='ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -W %h:%p -p {} x@127.0.0.1'",
        bastion.port()
    );
    through.connection.more_ssh_arguments = SshArguments::parse(&jump).expect("words");
    let mut talk = Talk::of("echo hello");
    run(options(), &through, &mut talk).expect("in");
    assert_eq!(talk.out(), "hello\n");
    assert_eq!(bastion.forwarded().len(), 1);
}

#[test]
fn a_password_is_in_no_argument_and_no_environment() {
    if !is_there() {
        return;
    }
    // The server runs its commands on this machine, and so sees every process of it.
    let server = Server::start(Plan { password: Some("Sesame-4711"), ..Plan::default() });
    let mut options = options();
    options.password = Some(SecretString::from("Sesame-4711"));
    let look = "pgrep -x ssh >/dev/null && echo looked; \
                cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -ac '[S]esame-4711'";
    let mut talk = Talk::of(look);
    run(options, &host(&server), &mut talk).expect("in");
    assert_eq!(talk.out(), "looked\n0\n");
}

#[test]
fn kubesprays_bastion_is_gone_through() {
    if !is_there() {
        return;
    }
    let folder = environment::folder();
    let bastion = Server::start(Plan { forwards: true, ..Plan::for_key(&ed25519(3)) });
    let server = Server::start(Plan::open());
    let known = folder.path().join("known_hosts");
    let mut through = host(&server);
    let mut way = airworthy::inventory::Connection::ssh("127.0.0.1");
    way.port = Some(bastion.port());
    way.user = Some("jumper".into());
    way.private_key = Some(keys::save(&ed25519(3), folder.path(), "a key's file"));
    through.connection.bastion = Some(Box::new(way));
    let mut options = options();
    options.known_hosts = vec![known];
    run(options, &through, &mut Talk::of("true")).expect("in");
    assert_eq!(bastion.forwarded(), [format!("127.0.0.1:{}", server.port())]);
}
