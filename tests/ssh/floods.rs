//! Peers that never stop sending, at every stage: none takes more time than its deadline or more memory than its share.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use airworthy::inventory::{Connection, SshArguments};
use airworthy::transport::{Ssh, Stage, Transport, TransportError};

use crate::server::{Answer, Flood, Plan, Server};
use crate::talk::{Talk, host, host_at, options, timed};

/// What the stage under test may take.
const LIMIT: Duration = Duration::from_millis(1500);

/// How much longer a visit may take than its deadline.
const LATER: Duration = Duration::from_secs(1);

/// A listener that sends this to whoever connects, again and again, as long as it is taken.
fn listener(greeting: &'static [u8], again: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let again = again.clone();
            thread::spawn(move || {
                drain(&stream);
                let _ = stream.write_all(greeting);
                while stream.write_all(&again).is_ok() {}
            });
        }
    });
    port
}

/// Reads what the other side says, so that it never waits for us.
fn drain(stream: &TcpStream) {
    let mut stream = stream.try_clone().expect("a second handle");
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while matches!(stream.read(&mut piece), Ok(1..)) {}
    });
}

/// A packet of SSH before keys are exchanged.
fn packet(kind: u8, payload: usize) -> Vec<u8> {
    let padding = 8 - (payload + 6) % 8 + 8;
    let length = u32::try_from(1 + 1 + payload + padding).expect("short");
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).expect("short"));
    packet.push(kind);
    packet.resize(4 + usize::try_from(length).expect("short"), 0);
    packet
}

/// Visits `port`; every stage has little time.
fn visit(connection: Connection) -> (TransportError, Duration) {
    let mut options = options();
    options.timeouts.connect = LIMIT;
    options.timeouts.authenticate = LIMIT;
    options.timeouts.run = LIMIT;
    let ssh = Ssh::new(options);
    let (result, took) = timed(|| ssh.run(&host_at(connection), &mut Talk::of("x")));
    (result.expect_err("it never ends"), took)
}

fn at(port: u16) -> Connection {
    let mut connection = Connection::ssh("127.0.0.1");
    connection.port = Some(port);
    connection
}

/// What peers send before anybody is logged in.
pub(crate) fn before_login() -> Vec<(&'static str, u16)> {
    vec![
        ("lines before the greeting", listener(b"", b"please wait\r\n".repeat(4096))),
        ("one line without end", listener(b"", vec![b'x'; 65_536])),
        ("line ends alone", listener(b"", b"\r\n".repeat(32_768))),
        ("packets of an unknown type", listener(b"SSH-2.0-flood\r\n", packet(192, 32_000))),
        ("small packets of an unknown type", listener(b"SSH-2.0-flood\r\n", packet(192, 1).repeat(2000))),
        ("packets of a login", listener(b"SSH-2.0-flood\r\n", packet(51, 1000))),
        ("packets to be ignored", listener(b"SSH-2.0-flood\r\n", packet(2, 32_000))),
        ("packets for debugging", listener(b"SSH-2.0-flood\r\n", packet(4, 1000))),
    ]
}

#[test]
fn a_flood_before_login_ends_in_time_and_takes_no_memory() {
    let before = peak();
    thread::scope(|scope| {
        for (name, port) in before_login() {
            scope.spawn(move || {
                let (error, took) = visit(at(port));
                assert_eq!(error.stage, Stage::Handshake, "{name}: {error}");
                assert!(took < LIMIT + LATER, "{name}: {took:?}: {error}");
            });
        }
    });
    let grown = peak() - before;
    assert!(grown < 300, "the process grew by {grown} MiB");
}

#[test]
fn a_flood_after_login_ends_in_time() {
    thread::scope(|scope| {
        for flood in [Flood::ExitStatus, Flood::Success, Flood::FlowControl, Flood::Unread] {
            scope.spawn(move || {
                let server = Server::start(Plan { answer: Answer::Floods(flood), ..Plan::open() });
                let (error, took) = visit(host(&server).connection);
                assert_eq!(error.stage, Stage::Run, "{flood:?}: {error}");
                assert!(took < LIMIT + LATER, "{flood:?}: {took:?}: {error}");
            });
        }
    });
}

#[test]
fn a_flood_through_a_command_or_a_jump_host_ends_in_time() {
    let port = listener(b"SSH-2.0-flood\r\n", packet(192, 32_000));
    let mut by_command = Connection::ssh("node1");
    by_command.ssh_arguments = SshArguments::parse("-o ProxyCommand=yes").expect("words");
    let (error, took) = visit(by_command);
    assert_eq!(error.stage, Stage::Handshake, "{error}");
    assert!(took < LIMIT + LATER, "{took:?}: {error}");

    let bastion = Server::start(Plan::bastion());
    let mut behind = at(port);
    behind.ssh_arguments =
        SshArguments::parse(&format!("-J {}:{}", bastion.address(), bastion.port())).expect("words");
    let (error, took) = visit(behind);
    assert_eq!(error.stage, Stage::Handshake, "{error}");
    assert!(took < LIMIT + LATER, "{took:?}: {error}");
}

/// The most memory that this process ever had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}
