//! Servers that fail or hang: each ends within its deadline, and the error names the stage.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use airworthy::inventory::Connection;
use airworthy::transport::{Ssh, Stage, Transport, TransportError};

use crate::server::{Answer, Fault, Plan, Server};
use crate::talk::{Talk, host, host_at, options, timed};

/// What the stage under test may take.
const LIMIT: Duration = Duration::from_millis(700);

/// Visits a server that fails; only `stage` has little time.
fn failing(plan: Plan, stage: Option<Stage>, mut talk: Talk) -> (TransportError, Duration) {
    let server = Server::start(plan);
    let mut options = options();
    let timeouts = &mut options.timeouts;
    match stage {
        Some(Stage::Handshake) => timeouts.connect = LIMIT,
        Some(Stage::Authenticate) => timeouts.authenticate = LIMIT,
        Some(Stage::Run) => timeouts.run = LIMIT,
        _ => {}
    }
    let ssh = Ssh::new(options);
    // Dropping the connection is part of the visit: it must not block either.
    let (result, took) = timed(|| ssh.run(&host(&server), &mut talk));
    (result.expect_err("it fails"), took)
}

fn fault(fault: Fault) -> Plan {
    Plan { fault, ..Plan::open() }
}

fn hangs(plan: Plan, stage: Stage, talk: Talk) {
    let name = format!("{:?} {:?}", plan.fault, plan.answer);
    let (error, took) = failing(plan, Some(stage), talk);
    assert_eq!(error, TransportError::timed_out(stage, LIMIT), "{name}");
    assert!(took >= LIMIT && took < LIMIT + Duration::from_secs(2), "{name}: {took:?}");
}

#[test]
fn a_hang_at_every_stage_ends_in_time() {
    let faults = [
        (Fault::Silent, Stage::Handshake),
        (Fault::GreetsOnly, Stage::Handshake),
        (Fault::NoLogin, Stage::Authenticate),
        (Fault::NoChannel, Stage::Run),
        (Fault::NoExec, Stage::Run),
    ];
    // All they do is wait, so they wait together.
    thread::scope(|scope| {
        for (fault_, stage) in faults {
            scope.spawn(move || hangs(fault(fault_), stage, Talk::of("x")));
        }
    });
}

#[test]
fn a_hanging_or_trickling_answer_ends_in_time() {
    let plan = |answer| Plan { answer, ..Plan::open() };
    hangs(plan(Answer::Hangs(b"half".to_vec())), Stage::Run, Talk::of("x"));
    hangs(plan(Answer::Trickles(Duration::from_millis(20))), Stage::Run, Talk::of("x"));
    hangs(plan(Answer::Shell), Stage::Run, Talk::of("sleep 5"));
}

#[test]
fn a_server_that_does_not_read_ends_in_time() {
    let plan = Plan { answer: Answer::Deaf, ..Plan::open() };
    hangs(plan, Stage::Run, Talk::of("x").opening(vec![b'x'; 12 * 1024 * 1024]));
}

#[test]
fn the_whole_visit_has_a_deadline_too() {
    let server = Server::start(fault(Fault::NoLogin));
    let mut options = options();
    options.timeouts.host = LIMIT;
    let (result, took) = timed(|| Ssh::new(options).run(&host(&server), &mut Talk::of("x")));
    let error = result.expect_err("it hangs");
    assert_eq!(error.stage, Stage::Authenticate);
    assert!(error.reason.contains("total time of 0.7 s"), "{error}");
    assert!(took < LIMIT + Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_server_that_hangs_up_or_is_none() {
    for (fault_, words) in [
        (Fault::HangsUp, "sshd"),
        (Fault::NotSsh, "something else listens on this port"),
        (Fault::GreetsAndHangsUp, "the server hung up midway"),
    ] {
        let (error, _) = failing(fault(fault_), None, Talk::of("x"));
        assert_eq!(error.stage, Stage::Handshake, "{fault_:?}");
        assert!(error.reason.contains(words), "{fault_:?}: {error}");
    }
}

#[test]
fn a_refused_channel_or_command() {
    for (fault_, words) in
        [(Fault::RefusesChannel, "opened no session"), (Fault::RefusesExec, "did not run the command")]
    {
        let (error, _) = failing(fault(fault_), None, Talk::of("x"));
        assert_eq!(error.stage, Stage::Run, "{fault_:?}");
        assert!(error.reason.contains(words), "{fault_:?}: {error}");
    }
}

#[test]
fn a_connection_that_breaks_mid_way() {
    let plan = Plan { answer: Answer::Cut(b"half".to_vec()), ..Plan::open() };
    let (error, took) = failing(plan, None, Talk::of("x"));
    assert_eq!(error.stage, Stage::Run);
    assert!(error.reason.contains("the connection broke while the command ran"), "{error}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_closed_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut connection = Connection::ssh("127.0.0.1");
    connection.port = Some(listener.local_addr().expect("bound").port());
    drop(listener);
    let error = Ssh::new(options()).run(&host_at(connection), &mut Talk::of("x")).expect_err("closed");
    assert_eq!(error.stage, Stage::Connect);
    assert!(error.reason.contains("connection refused"), "{error}");
}

#[test]
fn an_address_that_never_answers() {
    // A listener whose queue is full drops what comes: the kernel goes on asking.
    let listener =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None)
            .expect("a socket");
    rustix::net::bind(&listener, &"127.0.0.1:0".parse::<std::net::SocketAddrV4>().expect("an address"))
        .expect("bound");
    rustix::net::listen(&listener, 0).expect("listening");
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().expect("bound");
    let fill = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200));
    let _queue: Vec<_> = (0..4).map_while(|_| fill().ok()).collect();
    let mut connection = Connection::ssh("127.0.0.1");
    connection.port = Some(address.port());
    let mut options = options();
    options.timeouts.connect = LIMIT;
    let (result, took) = timed(|| Ssh::new(options).run(&host_at(connection), &mut Talk::of("x")));
    assert_eq!(result.expect_err("silent"), TransportError::timed_out(Stage::Connect, LIMIT));
    assert!(took < LIMIT + Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_name_without_address() {
    let host = host_at(Connection::ssh("no-such-host.invalid"));
    let mut options = options();
    options.timeouts.connect = Duration::from_secs(3);
    let (result, took) = timed(|| Ssh::new(options).run(&host, &mut Talk::of("x")));
    let error = result.expect_err("no such name");
    assert_eq!(error.stage, Stage::Resolve, "{error}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}
