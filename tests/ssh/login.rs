//! Who gets in, and by what.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use airworthy::inventory::HostKeyChecking;
use airworthy::transport::{HostKeyStanding, Login, Options, Ssh, Stage, Transport};
use russh::MethodKind;
use secrecy::SecretString;

use crate::agent::Agent;
use crate::keys::{self, PASSPHRASE, ed25519};
use crate::server::{Plan, Server};
use crate::talk::{Talk, host, options, timed, visit};

fn with_key(path: impl AsRef<Path>) -> Options {
    let mut options = options();
    options.private_key = Some(path.as_ref().to_owned());
    options
}

fn with_agent(agent: &Agent) -> Options {
    let mut options = options();
    options.agent = Some(agent.socket.clone());
    options
}

fn with_password(password: &str) -> Options {
    let mut options = options();
    options.password = Some(SecretString::from(password));
    options
}

#[test]
fn a_server_that_asks_for_nothing() {
    let server = Server::start(Plan::open());
    let visit = visit(options(), &server).expect("in");
    assert_eq!((visit.login, visit.user.as_str()), (Login::None, "ops"));
    let key = visit.host_key.expect("SSH has one");
    assert_eq!((key.kind.as_str(), key.standing), ("ssh-ed25519", HostKeyStanding::Unchecked));
    let fingerprint = ed25519(100).public_key().fingerprint(Default::default()).to_string();
    assert_eq!(key.fingerprint, fingerprint);
}

#[test]
fn a_configured_key_file() {
    let folder = crate::environment::folder();
    let key = ed25519(1);
    let server = Server::start(Plan::for_key(&key));
    let path = keys::save(&key, folder.path(), "id");
    assert_eq!(visit(with_key(path), &server).expect("in").login, Login::PublicKey);
    assert_eq!((server.keys_offered(), server.methods_asked()), (1, 0));
}

#[test]
fn a_server_that_lets_everybody_in_but_wants_no_key() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan { open: true, ..Plan::default() });
    let path = keys::save(&ed25519(1), folder.path(), "id");
    assert_eq!(visit(with_key(path), &server).expect("in").login, Login::None);
    assert_eq!((server.keys_offered(), server.methods_asked()), (1, 1));
}

/// sshd hangs up after the sixth failure; to ask for the methods first is none.
#[test]
fn as_many_keys_as_sshd_takes_and_the_password_after_them() {
    let folder = crate::environment::folder();
    for keys in 1..=6u8 {
        let plan = Plan { password: Some("sesame"), most_failures: 6, ..Plan::default() };
        let server = Server::start(plan);
        let mut options = with_password("sesame");
        let names = (0..keys).map(|key| keys::save(&ed25519(key), folder.path(), &key.to_string()));
        options.default_keys = names.collect();
        assert_eq!(visit(options, &server).expect("in").login, Login::Password, "{keys} keys");
        assert_eq!((server.keys_offered(), server.methods_asked()), (usize::from(keys.min(5)), 1));
    }
}

/// sshd hangs up after so many failures; to ask for the methods is one, but for the very first request.
#[test]
fn no_attempt_is_wasted_on_a_host_that_grants_few() {
    let folder = crate::environment::folder();
    let key = |number: u8| keys::save(&ed25519(number), folder.path(), &number.to_string());
    for most_failures in [2, 4, 6] {
        let most_keys = u8::try_from(most_failures).expect("few").min(5);
        for keys in 1..=most_keys {
            let plan = Plan { most_failures, ..Plan::for_key(&ed25519(keys)) };
            let options = || Options { default_keys: (1..=keys).map(key).collect(), ..options() };
            let server = Server::start(plan.clone());
            assert_eq!(
                visit(options(), &server).expect("in").login,
                Login::PublicKey,
                "{keys} of {most_failures}"
            );
            let asked = usize::from(keys == 5);
            assert_eq!((server.keys_offered(), server.methods_asked()), (usize::from(keys), asked));
            // A password that would do as well is not shown.
            let server = Server::start(Plan { password: Some("sesame"), ..plan });
            let password = Some(SecretString::from("sesame"));
            let visit = visit(Options { password, ..options() }, &server).expect("in");
            assert_eq!((visit.login, server.methods_asked()), (Login::PublicKey, 1));
        }
        for keys in 0..most_keys {
            let plan = Plan { password: Some("sesame"), most_failures, ..Plan::default() };
            let server = Server::start(plan);
            let options = Options { default_keys: (1..=keys).map(key).collect(), ..with_password("sesame") };
            assert_eq!(
                visit(options, &server).expect("in").login,
                Login::Password,
                "{keys} of {most_failures}"
            );
            assert_eq!((server.keys_offered(), server.methods_asked()), (usize::from(keys), 1));
        }
    }
}

/// sshd's `AuthenticationMethods publickey,password`: to libssh2 a key that is not enough looks like one whose signature failed.
#[test]
fn a_key_and_a_password() {
    let folder = crate::environment::folder();
    let (other, key) = (ed25519(1), ed25519(2));
    let files = [keys::save(&other, folder.path(), "other"), keys::save(&key, folder.path(), "id")];
    let agent = Agent::holding(vec![other, key.clone()]);
    let plan = |besides| Plan {
        methods: &[MethodKind::PublicKey],
        besides,
        password: Some("sesame"),
        ..Plan::for_key(&key)
    };
    let by_files = || Options { default_keys: files.to_vec(), ..options() };
    let by_agent = || with_agent(&agent);
    for besides in [&[MethodKind::Password][..], &[MethodKind::KeyboardInteractive]] {
        for (way, told) in [(&by_files as &dyn Fn() -> Options, "id (taken"), (&by_agent, "agent's")] {
            let server = Server::start(plan(besides));
            let with = |password: &str| Options { password: Some(SecretString::from(password)), ..way() };
            assert_eq!(visit(with("sesame"), &server).expect("in").login, Login::Password);
            assert_eq!(server.passwords(), ["sesame"]);

            let why = visit(with("simsim"), &server).expect_err("a wrong password");
            assert_eq!(why.stage, Stage::Authenticate);
            assert!(why.reason.contains("besides the key the server wants"), "{why}");

            let why = visit(way(), &server).expect_err("no password at hand");
            assert!(why.reason.contains(told) && why.reason.contains(" with -k"), "{why}");
            assert!(!why.reason.contains("signature"), "{why}");
            let is_dialogue = besides == [MethodKind::KeyboardInteractive];
            assert_eq!(why.reason.contains("one-time code"), is_dialogue, "{why}");
        }
    }
    // One key is refused, and to ask what is wanted besides the other is one attempt more.
    for (most_failures, is_in) in [(2, false), (3, true)] {
        let server = Server::start(Plan { most_failures, ..plan(&[MethodKind::Password]) });
        let password = Some(SecretString::from("sesame"));
        match visit(Options { password, ..by_files() }, &server) {
            Ok(visit) => assert!(is_in && visit.login == Login::Password),
            Err(why) => assert!(!is_in && why.reason.contains("taken, or its signature failed"), "{why}"),
        }
    }
}

#[test]
fn a_refused_key_is_told_also_where_the_server_hangs_up_then() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan { most_failures: 2, ..Plan::default() });
    let path = keys::save(&ed25519(1), folder.path(), "id");
    let error = visit(with_key(&path), &server).expect_err("out");
    let told = format!("permission denied for ops: tried {}, then the server hung up", path.display());
    assert!(error.stage == Stage::Authenticate && error.reason.starts_with(&told), "{error}");
}

#[test]
fn nobody_is_asked_for_a_passphrase_where_no_key_is_taken() {
    let methods: &[MethodKind] = &[MethodKind::Password];
    let server = Server::start(Plan { password: Some("sesame"), methods, ..Plan::default() });
    let mut options = with_key(keys::path("ed25519_encrypted"));
    options.passphrase = Box::new(|_| panic!("asked for a passphrase"));
    let error = visit(options, &server).expect_err("out");
    assert!(error.reason.contains("the server offers password"), "{error}");
    assert_eq!(server.keys_offered(), 0);
}

#[test]
fn a_key_file_of_every_kind() {
    for name in ["rsa", "ecdsa", "rsa_pem"] {
        let plan = Plan { authorized: vec![keys::public(name)], ..Plan::default() };
        let server = Server::start(plan);
        let visit = visit(with_key(keys::path(name)), &server);
        assert_eq!(visit.map(|visit| visit.login), Ok(Login::PublicKey), "{name}");
    }
}

#[test]
fn a_pem_key_without_its_public_half() {
    let folder = crate::environment::folder();
    let path = folder.path().join("id_rsa");
    std::fs::copy(keys::path("rsa_pem"), &path).expect("copied");
    let server = Server::start(Plan { authorized: vec![keys::public("rsa_pem")], ..Plan::default() });
    assert_eq!(visit(with_key(path), &server).expect("in").login, Login::PublicKey);
}

#[test]
fn the_hosts_own_key_and_user_go_before_the_flags() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan::for_key(&ed25519(1)));
    let mut host = host(&server);
    host.connection.private_key = Some(keys::save(&ed25519(1), folder.path(), "own"));
    host.connection.user = Some("root".into());
    let ssh = Ssh::new(with_key(keys::save(&ed25519(2), folder.path(), "flag")));
    let visit = ssh.run(&host, &mut Talk::of("true")).expect("in");
    assert_eq!((visit.login, visit.user.as_str()), (Login::PublicKey, "root"));
}

#[test]
fn default_keys_are_tried_in_order_and_missing_ones_passed_over() {
    let folder = crate::environment::folder();
    let mut options = options();
    options.default_keys = vec![
        keys::save(&ed25519(1), folder.path(), "first"),
        folder.path().join("missing"),
        keys::save(&ed25519(2), folder.path(), "second"),
    ];
    let server = Server::start(Plan::for_key(&ed25519(2)));
    assert_eq!(visit(options, &server).expect("in").login, Login::PublicKey);
    assert_eq!(server.keys_offered(), 2);
}

#[test]
fn an_encrypted_key_asks_for_its_passphrase_once_for_all_hosts() {
    for name in ["ed25519_encrypted", "rsa_pem_encrypted"] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let mut options = with_key(keys::path(name));
        options.passphrase = Box::new(move |path| {
            assert_eq!(path, keys::path(name));
            counter.fetch_add(1, Ordering::SeqCst);
            Some(SecretString::from(PASSPHRASE))
        });
        let server = Server::start(Plan { authorized: vec![keys::public(name)], ..Plan::default() });
        let ssh = Ssh::new(options);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let visit = ssh.run(&host(&server), &mut Talk::of("true")).expect("in");
                    assert_eq!(visit.login, Login::PublicKey);
                });
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{name}");
    }
}

#[test]
fn typing_a_passphrase_does_not_count_as_the_hosts_time() {
    let mut options = with_key(keys::path("ed25519_encrypted"));
    options.timeouts.authenticate = std::time::Duration::from_secs(3);
    options.passphrase = Box::new(|_| {
        std::thread::sleep(std::time::Duration::from_millis(3500));
        Some(SecretString::from(PASSPHRASE))
    });
    let server =
        Server::start(Plan { authorized: vec![keys::public("ed25519_encrypted")], ..Plan::default() });
    assert_eq!(visit(options, &server).expect("in").login, Login::PublicKey);
}

#[test]
fn an_encrypted_key_without_or_with_a_wrong_passphrase_says_so() {
    let server =
        Server::start(Plan { authorized: vec![keys::public("ed25519_encrypted")], ..Plan::default() });
    let error = visit(with_key(keys::path("ed25519_encrypted")), &server).expect_err("out");
    assert_eq!(error.stage, Stage::Authenticate);
    assert!(error.reason.contains("ed25519_encrypted (encrypted, and no passphrase was given"), "{error}");

    let mut options = with_key(keys::path("ed25519_encrypted"));
    options.passphrase = Box::new(|_| Some(SecretString::from("wrong")));
    let error = visit(options, &server).expect_err("out");
    assert!(error.reason.contains("is the passphrase right?"), "{error}");
}

#[test]
fn the_agents_second_key_works() {
    let agent = Agent::holding(vec![ed25519(1), ed25519(2)]);
    let server = Server::start(Plan::for_key(&ed25519(2)));
    assert_eq!(visit(with_agent(&agent), &server).expect("in").login, Login::Agent);
    assert_eq!(server.keys_offered(), 2);
}

#[test]
fn an_agents_rsa_free_key_kinds_work() {
    let agent = Agent::holding(vec![keys::load("ecdsa")]);
    let server = Server::start(Plan { authorized: vec![keys::public("ecdsa")], ..Plan::default() });
    assert_eq!(visit(with_agent(&agent), &server).expect("in").login, Login::Agent);
}

#[test]
fn the_agent_goes_before_files_and_a_refused_key_is_not_offered_twice() {
    let folder = crate::environment::folder();
    let agent = Agent::holding(vec![ed25519(1)]);
    let server = Server::start(Plan::for_key(&ed25519(9)));
    let mut options = with_agent(&agent);
    options.default_keys = vec![keys::save(&ed25519(1), folder.path(), "same")];
    let error = visit(options, &server).expect_err("out");
    assert_eq!(server.keys_offered(), 1, "{error}");
    assert!(error.reason.contains("tried agent (1 key), "), "{error}");
}

#[test]
fn the_configured_key_is_the_agents_first() {
    let folder = crate::environment::folder();
    let agent = Agent::holding((1..=8).map(ed25519).collect());
    let server = Server::start(Plan::for_key(&ed25519(8)));
    let mut options = with_agent(&agent);
    options.private_key = Some(keys::save(&ed25519(8), folder.path(), "id"));
    assert_eq!(visit(options, &server).expect("in").login, Login::Agent);
    assert_eq!(server.keys_offered(), 1);
}

#[test]
fn a_full_agent_leaves_an_attempt_for_the_configured_file_and_for_the_password() {
    let folder = crate::environment::folder();
    let agent = Agent::holding((1..=8).map(ed25519).collect());
    let server = Server::start(Plan::for_key(&ed25519(50)));
    let mut options = with_agent(&agent);
    options.private_key = Some(keys::save(&ed25519(50), folder.path(), "id"));
    assert_eq!(visit(options, &server).expect("in").login, Login::PublicKey);
    assert_eq!(server.keys_offered(), 5);

    let server = Server::start(Plan { password: Some("sesame"), ..Plan::default() });
    let mut options = with_agent(&agent);
    options.password = Some(SecretString::from("sesame"));
    assert_eq!(visit(options, &server).expect("in").login, Login::Password);
    assert_eq!(server.keys_offered(), 5);
}

#[test]
fn the_agent_is_asked_for_its_keys_once_and_listed_by_each_visit() {
    let agent = Agent::holding(vec![ed25519(1)]);
    let server = Server::start(Plan::for_key(&ed25519(1)));
    let ssh = Ssh::new(with_agent(&agent));
    for _ in 0..2 {
        ssh.run(&host(&server), &mut Talk::of("true")).expect("in");
    }
    assert_eq!(agent.listed.load(Ordering::SeqCst), 3);
}

#[test]
fn an_agent_that_hangs_costs_a_while_once_and_no_host() {
    let folder = crate::environment::folder();
    let agent = Agent::hanging();
    let server = Server::start(Plan::for_key(&ed25519(1)));
    let mut options = with_agent(&agent);
    options.default_keys = vec![keys::save(&ed25519(1), folder.path(), "id")];
    let ssh = Ssh::new(options);
    assert_eq!(ssh.run(&host(&server), &mut Talk::of("true")).expect("in").login, Login::PublicKey);
    let (second, took) = timed(|| ssh.run(&host(&server), &mut Talk::of("true")));
    assert!(second.is_ok() && took.as_secs() < 4, "{took:?}");
}

#[test]
fn a_password_is_the_last_resort() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan { password: Some("sesame"), ..Plan::default() });
    let mut options = with_password("sesame");
    options.default_keys = vec![keys::save(&ed25519(1), folder.path(), "id")];
    assert_eq!(visit(options, &server).expect("in").login, Login::Password);
    assert_eq!((server.keys_offered(), server.passwords()), (1, vec!["sesame".to_owned()]));
}

#[test]
fn the_hosts_password_goes_before_the_flags() {
    let server = Server::start(Plan { password: Some("own"), ..Plan::default() });
    let mut host = host(&server);
    host.connection.password = Some(SecretString::from("own"));
    let visit = Ssh::new(with_password("flag")).run(&host, &mut Talk::of("true")).expect("in");
    assert_eq!((visit.login, server.passwords()), (Login::Password, vec!["own".to_owned()]));
}

#[test]
fn a_server_that_asks_for_the_password_in_a_dialogue() {
    let methods: &[MethodKind] = &[MethodKind::KeyboardInteractive];
    let server = Server::start(Plan { password: Some("sesame"), methods, ..Plan::default() });
    assert_eq!(visit(with_password("sesame"), &server).expect("in").login, Login::Password);
}

#[test]
fn a_wrong_password_is_sent_once_and_the_error_lists_what_was_tried() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan { password: Some("sesame"), ..Plan::default() });
    let mut options = with_password("wrong");
    let path = keys::save(&ed25519(1), folder.path(), "id");
    options.default_keys = vec![path.clone()];
    let error = visit(options, &server).expect_err("out");
    assert_eq!(error.stage, Stage::Authenticate);
    assert_eq!(server.passwords(), ["wrong"]);
    let tried = format!("permission denied for ops: tried {}, password; the server offers", path.display());
    assert!(error.reason.contains(&tried), "{error}");
    assert!(!error.reason.contains("wrong"), "a password must not be told: {error}");
}

#[test]
fn nobody_to_show_says_what_the_server_offers() {
    let server = Server::start(Plan { password: Some("sesame"), ..Plan::default() });
    let error = visit(options(), &server).expect_err("out");
    assert!(error.reason.contains("tried nothing; the server offers publickey,password"), "{error}");
    assert!(error.reason.contains("-k"), "{error}");
}

#[test]
fn a_server_that_hangs_up_early_is_told_from_a_refusal() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan { most_failures: 1, ..Plan::default() });
    let error = visit(with_key(keys::save(&ed25519(1), folder.path(), "id")), &server).expect_err("out");
    assert_eq!(error.stage, Stage::Authenticate);
    assert!(error.reason.contains("hung up while ops logged in"), "{error}");
}

#[test]
fn an_unusable_key_file_is_named() {
    let server = Server::start(Plan::default());
    let error = visit(with_key("/nonexistent/id"), &server).expect_err("out");
    assert!(error.reason.contains("/nonexistent/id (No such file"), "{error}");
    let error = visit(with_key(keys::path("rsa.pub")), &server).expect_err("out");
    assert!(error.reason.contains("this is the public key"), "{error}");
}

#[test]
fn the_policy_of_the_flag_goes_before_the_hosts() {
    let server = Server::start(Plan::open());
    let mut host = host(&server);
    host.connection.host_key_checking = Some(HostKeyChecking::Strict);
    assert!(Ssh::new(options()).run(&host, &mut Talk::of("true")).is_err());
    let mut options = options();
    options.host_key_checking = Some(HostKeyChecking::Off);
    assert!(Ssh::new(options).run(&host, &mut Talk::of("true")).is_ok());
}
