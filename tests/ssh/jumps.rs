//! Hosts behind jump hosts: by ssh's arguments, by ssh_config, by kubespray's bastion.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use airworthy::inventory::{Connection, Host, HostKeyChecking, SshArguments};
use airworthy::transport::{Login, Options, Reply, Ssh, Stage, Transport};

use crate::keys::{self, ed25519};
use crate::server::{Answer, Fault, Plan, Server};
use crate::talk::{Talk, host, host_at, options, timed};

fn with_arguments(server: &Server, arguments: &str) -> Host {
    let mut host = host(server);
    host.connection.more_ssh_arguments = SshArguments::parse(arguments).expect("words");
    host
}

fn by_jump(server: &Server, bastion: &Server) -> Host {
    with_arguments(server, &format!("-J jumper@127.0.0.1:{}", bastion.port()))
}

fn with_config(folder: &Path, text: &str) -> Options {
    let mut options = options();
    let path = folder.join("config");
    fs::write(&path, text).expect("written");
    options.config.user = Some(path);
    options
}

/// Waits until every connection to a server has ended.
fn ends(server: &Server) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if server.seen.ended.load(Ordering::SeqCst) == server.connections() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn a_host_behind_a_jump_host_is_reached_by_arguments_config_and_bastion() {
    let folder = crate::environment::folder();
    let (bastion, server) = (Server::start(Plan::bastion()), Server::start(Plan::open()));
    let config = format!(
        "Host jump\n  HostName 127.0.0.1\n  Port {}\nHost 127.0.0.1\n  ProxyJump jump\nMatch originalhost jump\n  ProxyJump none\n",
        bastion.port()
    );
    let mut through = host(&server);
    let mut way = Connection::ssh("127.0.0.1");
    way.port = Some(bastion.port());
    through.connection.bastion = Some(Box::new(way));
    let ways = [
        (options(), by_jump(&server, &bastion)),
        (options(), with_arguments(&server, &format!("-o ProxyJump=127.0.0.1:{}", bastion.port()))),
        (with_config(folder.path(), &config), host(&server)),
        (options(), through),
    ];
    for (at, (options, host)) in ways.into_iter().enumerate() {
        let mut talk = Talk::of("echo hello");
        let visit = Ssh::new(options).run(&host, &mut talk).unwrap_or_else(|why| panic!("way {at}: {why}"));
        assert_eq!((visit.user.as_str(), talk.out().as_str()), ("ops", "hello\n"));
        assert_eq!(bastion.forwarded().len(), at + 1, "way {at}");
        assert_eq!((bastion.connections(), server.connections()), (at + 1, at + 1));
    }
    assert!(ends(&bastion) && ends(&server), "a connection was left behind");
    assert_eq!(bastion.seen.channels.load(Ordering::SeqCst), 0, "nothing runs on a jump host");
    assert_eq!(server.seen.channels.load(Ordering::SeqCst), 4);
}

#[test]
fn several_hops_are_taken_in_their_order() {
    let (first, second) = (Server::start(Plan::bastion()), Server::start(Plan::bastion()));
    let server = Server::start(Plan::open());
    let jumps = format!("-J 127.0.0.1:{},127.0.0.1:{}", first.port(), second.port());
    let mut talk = Talk::of("echo hello");
    Ssh::new(options()).run(&with_arguments(&server, &jumps), &mut talk).expect("in");
    assert_eq!(talk.out(), "hello\n");
    assert_eq!(first.forwarded(), [format!("127.0.0.1:{}", second.port())]);
    assert_eq!(second.forwarded(), [format!("127.0.0.1:{}", server.port())]);
    assert!(ends(&first) && ends(&second));
}

#[test]
fn much_goes_through_in_both_directions() {
    let (bastion, server) = (Server::start(Plan::bastion()), Server::start(Plan::open()));
    let size = 6 * 1024 * 1024;
    let mut closed = false;
    let mut talk = Talk::of("echo ready; cat").opening(vec![b'x'; size]).answering(move |heard| {
        if heard.len() >= size + 6 && !closed {
            closed = true;
            return Reply::Close;
        }
        Reply::Listen
    });
    Ssh::new(options()).run(&by_jump(&server, &bastion), &mut talk).expect("in");
    assert_eq!(talk.out.len(), size + 6);
}

#[test]
fn a_fleet_behind_one_jump_host_does_not_storm_it() {
    let (bastion, server) = (Server::start(Plan::bastion()), Server::start(Plan::open()));
    let ssh = Ssh::new(options());
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let mut talk = Talk::of("echo hello");
                ssh.run(&by_jump(&server, &bastion), &mut talk).expect("in");
                assert_eq!(talk.out(), "hello\n");
            });
        }
    });
    assert_eq!(server.seen.channels.load(Ordering::SeqCst), 40);
    assert_eq!(server.connections(), 40);
}

#[test]
fn a_jump_host_that_lets_nobody_in_is_named_and_asked_once_for_all() {
    let folder = crate::environment::folder();
    let bastion = Server::start(Plan { forwards: true, ..Plan::default() });
    let server = Server::start(Plan::open());
    let mut options = options();
    options.default_keys = vec![keys::save(&ed25519(1), folder.path(), "id")];
    let ssh = Ssh::new(options);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let error = ssh.run(&by_jump(&server, &bastion), &mut Talk::of("true")).expect_err("out");
                assert_eq!(error.stage, Stage::Authenticate);
                assert!(
                    error.reason.starts_with("jump host 127.0.0.1: permission denied for jumper"),
                    "{error}"
                );
            });
        }
    });
    assert_eq!((bastion.connections(), server.connections()), (1, 0));
}

#[test]
fn each_hop_shows_its_own_key_and_is_judged_by_it() {
    let folder = crate::environment::folder();
    let bastion = Server::start(Plan { host_keys: vec![ed25519(7)], ..Plan::bastion() });
    let server = Server::start(Plan::open());
    let known = folder.path().join("known_hosts");
    let line =
        |server: &Server, seed| format!("[127.0.0.1]:{} {}\n", server.port(), keys::text(&ed25519(seed)));
    let judged = |text: String| {
        fs::write(&known, text).expect("written");
        let mut options = options();
        options.known_hosts = vec![known.clone()];
        options.host_key_checking = Some(HostKeyChecking::Strict);
        Ssh::new(options).run(&by_jump(&server, &bastion), &mut Talk::of("true"))
    };
    let error = judged(line(&server, 100)).expect_err("the jump host is unknown");
    assert_eq!(error.stage, Stage::HostKey);
    assert!(error.reason.starts_with("jump host 127.0.0.1: the ssh-ed25519 key"), "{error}");
    assert_eq!(bastion.forwarded(), [""; 0]);
    let error = judged(line(&bastion, 7)).expect_err("the host is unknown");
    assert_eq!(error.stage, Stage::HostKey);
    assert!(error.reason.contains("(through jump host 127.0.0.1)"), "{error}");
    judged(line(&bastion, 7) + &line(&server, 100)).expect("both are known");
}

#[test]
fn a_host_that_is_down_behind_a_jump_host_is_told_from_the_jump_host() {
    let bastion = Server::start(Plan::bastion());
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let mut connection = Connection::ssh("127.0.0.1");
    connection.port = Some(closed);
    connection.more_ssh_arguments =
        SshArguments::parse(&format!("-J 127.0.0.1:{}", bastion.port())).expect("words");
    let error = Ssh::new(options()).run(&host_at(connection), &mut Talk::of("x")).expect_err("closed");
    assert_eq!(error.stage, Stage::Connect);
    assert!(error.reason.contains(&format!("did not connect to 127.0.0.1, port {closed}")), "{error}");

    let unwilling = Server::start(Plan { forwards: false, ..Plan::bastion() });
    let server = Server::start(Plan::open());
    let error = Ssh::new(options()).run(&by_jump(&server, &unwilling), &mut Talk::of("x")).expect_err("no");
    assert_eq!(error.stage, Stage::Connect);
    assert!(error.reason.contains("AllowTcpForwarding"), "{error}");
}

#[test]
fn a_silent_host_behind_a_jump_host_costs_its_deadline_and_leaves_nothing() {
    let bastion = Server::start(Plan::bastion());
    for (plan, stage) in [
        (Plan { fault: Fault::Silent, ..Plan::open() }, Stage::Handshake),
        (Plan { answer: Answer::Hangs(b"x".to_vec()), ..Plan::open() }, Stage::Run),
    ] {
        let server = Server::start(plan);
        let mut options = options();
        options.timeouts.connect = Duration::from_secs(2);
        options.timeouts.run = Duration::from_secs(2);
        let ssh = Ssh::new(options);
        let (result, took) = timed(|| ssh.run(&by_jump(&server, &bastion), &mut Talk::of("x")));
        let error = result.expect_err("silent");
        assert_eq!(error.stage, stage, "{error}");
        assert!(error.reason.contains("timed out after 2.0 s"), "{error}");
        assert!(took < Duration::from_secs(8), "{took:?}");
        assert!(ends(&bastion) && ends(&server), "{stage}");
    }
    let silent = Server::start(Plan { fault: Fault::Silent, ..Plan::bastion() });
    let server = Server::start(Plan::open());
    let mut options = options();
    options.timeouts.connect = Duration::from_secs(1);
    let error = Ssh::new(options).run(&by_jump(&server, &silent), &mut Talk::of("x")).expect_err("silent");
    assert_eq!(error.stage, Stage::Handshake);
    assert!(error.reason.starts_with("jump host 127.0.0.1: timed out"), "{error}");
}

#[test]
fn a_jump_host_that_jumps_through_itself_is_an_error() {
    let folder = crate::environment::folder();
    let options = with_config(folder.path(), "Host *\n  ProxyJump bastion\n");
    let server = Server::start(Plan::open());
    let error = Ssh::new(options).run(&host(&server), &mut Talk::of("x")).expect_err("a circle");
    assert!(error.reason.contains("through itself"), "{error}");
}

#[test]
fn the_bastions_own_user_key_and_password_are_used() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan::open());
    let through = |way: Connection| {
        let mut host = host(&server);
        host.connection.bastion = Some(Box::new(way));
        Ssh::new(options()).run(&host, &mut Talk::of("true"))
    };
    let bastion = Server::start(Plan { forwards: true, ..Plan::for_key(&ed25519(3)) });
    let mut way = Connection::ssh("127.0.0.1");
    way.port = Some(bastion.port());
    way.private_key = Some(keys::save(&ed25519(3), folder.path(), "bastion"));
    assert_eq!(through(way).expect("in").login, Login::None);

    let bastion = Server::start(Plan { forwards: true, password: Some("sesame"), ..Plan::default() });
    let mut way = Connection::ssh("127.0.0.1");
    way.port = Some(bastion.port());
    way.password = Some("sesame".to_owned().into());
    through(way).expect("in");
    assert_eq!(bastion.passwords(), ["sesame"]);
}
