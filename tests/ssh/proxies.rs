//! Connections that a command carries, ssh_config's word on a host, and dialogues that ask for more than a password.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use airworthy::inventory::{Connection, HostKeyChecking, SshArguments};
use airworthy::transport::{Login, Options, Ssh, Stage, Transport};
use russh::MethodKind;
use secrecy::SecretString;

use crate::agent::Agent;
use crate::keys::{self, ed25519};
use crate::server::{Plan, Server};
use crate::talk::{Talk, host, host_at, options, timed};

/// A command like `nc`, of bash alone; airworthy hands on the environment that it runs in, as ssh does,
/// and bash takes a socket on stdin for a login.
const NC: &str =
    "env -u BASH_ENV LC_ALL=C bash --norc -c \"exec 3<>/dev/tcp/%h/%p; cat <&3 & cat >&3; kill $!\"";

fn with_config(folder: &Path, text: &str) -> Options {
    let mut options = options();
    let path = folder.join("config");
    fs::write(&path, text).expect("written");
    options.config.user = Some(path);
    options
}

#[test]
fn a_command_carries_the_connection() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan::open());
    let mut by_arguments = host(&server);
    by_arguments.connection.ssh_arguments =
        SshArguments::parse(&format!("-o ProxyCommand='{NC}'")).expect("words");
    let by_config = with_config(folder.path(), &format!("Host *\n  ProxyCommand {NC}\n"));
    for (options, host) in [(options(), by_arguments), (by_config, host(&server))] {
        let mut talk = Talk::of("head -c 300000 /dev/zero | tr '\\0' a");
        Ssh::new(options).run(&host, &mut talk).expect("in");
        assert_eq!(talk.out.len(), 300_000);
    }
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_command_that_fails_says_why() {
    let folder = crate::environment::folder();
    let options = with_config(folder.path(), "ProxyCommand sh -c 'echo the proxy is closed >&2; exit 1'\n");
    let host = host_at(Connection::ssh("node1"));
    let error = Ssh::new(options).run(&host, &mut Talk::of("x")).expect_err("closed");
    assert_eq!(error.stage, Stage::Connect);
    assert!(error.reason.contains("its ProxyCommand says: the proxy is closed"), "{error}");
}

#[test]
fn a_command_that_hangs_is_ended_with_the_visit() {
    let folder = crate::environment::folder();
    let pid = folder.path().join("pid");
    let text = format!("ProxyCommand sh -c 'echo $$ > {}; sleep 600'\n", pid.display());
    let mut options = with_config(folder.path(), &text);
    options.timeouts.connect = Duration::from_secs(1);
    let ssh = Ssh::new(options);
    let (result, took) = timed(|| ssh.run(&host_at(Connection::ssh("node1")), &mut Talk::of("x")));
    assert_eq!(result.expect_err("silent").stage, Stage::Handshake);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let process = format!("/proc/{}", fs::read_to_string(&pid).expect("it started").trim());
    let start = Instant::now();
    while Path::new(&process).exists() {
        assert!(start.elapsed() < Duration::from_secs(5), "it is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn names_that_a_shell_would_obey_are_refused() {
    let folder = crate::environment::folder();
    let mark = folder.path().join("mark");
    let options = || with_config(folder.path(), "ProxyCommand echo %h %r\n");
    for name in [
        format!("a;touch {}", mark.display()),
        "$(id)".into(),
        "-oProxyCommand=id".into(),
        "a b".into(),
        String::new(),
    ] {
        let error = Ssh::new(options())
            .run(&host_at(Connection::ssh(&*name)), &mut Talk::of("x"))
            .expect_err("refused");
        assert_eq!(error.stage, Stage::Resolve, "{name}");
    }
    for user in ["a;id", "-x", "`id`", "a b"] {
        let mut connection = Connection::ssh("node1");
        connection.user = Some(user.into());
        let error = Ssh::new(options()).run(&host_at(connection), &mut Talk::of("x")).expect_err("refused");
        assert_eq!(error.stage, Stage::Resolve, "{user}");
    }
    assert!(!mark.exists());
}

#[test]
fn ssh_config_names_host_port_user_key_and_known_hosts() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan::for_key(&ed25519(4)));
    keys::save(&ed25519(4), folder.path(), "id_deploy");
    let known = folder.path().join("known");
    fs::write(&known, format!("the-alias {}\n", keys::text(&ed25519(100)))).expect("written");
    let mut options = with_config(
        folder.path(),
        &format!(
            "Host node1\n  HostName 127.0.0.1\n  Port {}\n  User deploy\n  IdentityFile {}/id_%r\n  UserKnownHostsFile {}\n  \
             HostKeyAlias the-alias\n  StrictHostKeyChecking yes\n",
            server.port(),
            folder.path().display(),
            known.display(),
        ),
    );
    options.user = None;
    options.default_host_key_checking = HostKeyChecking::Strict;
    let ssh = Ssh::new(options);
    let visit = ssh.run(&host_at(Connection::ssh("node1")), &mut Talk::of("true")).expect("in");
    assert_eq!((visit.user.as_str(), visit.login), ("deploy", Login::PublicKey));
    assert!(ssh.run(&host_at(Connection::ssh("node2.invalid")), &mut Talk::of("true")).is_err());
}

#[test]
fn the_inventory_goes_before_ssh_config_and_common_arguments_after_the_variables() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan::open());
    let options = with_config(folder.path(), "User config\nPort 1\n");
    let mut host = host(&server);
    host.connection.user = Some("variable".into());
    host.connection.more_ssh_arguments = SshArguments::parse("-o User=late -p 2").expect("words");
    let visit = Ssh::new(options).run(&host, &mut Talk::of("true")).expect("in");
    assert_eq!(visit.user, "variable");
    let options = with_config(folder.path(), "User config\n");
    host.connection.ssh_arguments = SshArguments::parse("-l early").expect("words");
    assert_eq!(Ssh::new(options).run(&host, &mut Talk::of("true")).expect("in").user, "early");
}

#[test]
fn a_file_named_by_the_inventory_replaces_the_users() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan::open());
    let options = with_config(folder.path(), "HostName unreachable.invalid\n");
    let other = folder.path().join("other");
    fs::write(&other, "Match host 127.0.0.1\n  User from-file\n").expect("written");
    let mut options = options;
    options.user = None;
    let mut host = host(&server);
    host.connection.more_ssh_arguments =
        SshArguments::parse(&format!("-F {}", other.display())).expect("words");
    assert_eq!(Ssh::new(options).run(&host, &mut Talk::of("true")).expect("in").user, "from-file");
}

#[test]
fn what_libssh2_cannot_obey_is_told_once_for_all_hosts() {
    let folder = crate::environment::folder();
    let options = with_config(folder.path(), "Match exec \"true\"\n  User x\nHost *\n  CertificateFile c\n");
    let hosts = [host_at(Connection::ssh("a")), host_at(Connection::ssh("b"))];
    let warnings = Ssh::new(options).warnings(&hosts);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().all(|warning| warning.contains("--transport openssh")), "{warnings:?}");
}

#[test]
fn only_a_question_for_the_password_gets_it() {
    let methods: &[MethodKind] = &[MethodKind::KeyboardInteractive];
    for prompts in [
        &[("Verification code: ", false)][..],
        &[("Password: ", true)],
        &[("Password: ", false), ("Token: ", false)],
        &[("New password: ", false)],
        &[("One-time password: ", false)],
    ] {
        let server = Server::start(Plan { password: Some("sesame"), methods, prompts, ..Plan::default() });
        let mut options = options();
        options.password = Some(SecretString::from("sesame"));
        let error = Ssh::new(options).run(&host(&server), &mut Talk::of("x")).expect_err("out");
        assert_eq!(error.stage, Stage::Authenticate);
        assert!(error.reason.contains("--transport openssh"), "{error}");
        assert!(!server.passwords().contains(&"sesame".to_owned()), "{prompts:?}");
    }
}

#[test]
fn a_server_that_asks_for_the_password_again_and_again_gets_it_three_times() {
    let methods: &[MethodKind] = &[MethodKind::KeyboardInteractive];
    let server = Server::start(Plan {
        methods,
        password: Some("other"),
        asks_again: true,
        most_failures: 100_000,
        ..Plan::default()
    });
    let mut options = options();
    options.password = Some(SecretString::from("sesame"));
    let (result, took) = timed(|| Ssh::new(options).run(&host(&server), &mut Talk::of("true")));
    let error = result.expect_err("it never lets anybody in");
    assert_eq!(error.stage, Stage::Authenticate);
    assert!(error.reason.contains("password (given 3 times in one login, and asked for again)"), "{error}");
    assert_eq!(server.passwords().iter().filter(|password| *password == "sesame").count(), 3);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn an_agent_shows_only_the_keys_that_files_name_where_it_is_told_so() {
    let folder = crate::environment::folder();
    let agent = Agent::holding(vec![ed25519(1), ed25519(2), ed25519(3)]);
    // Only the public half is on this machine, as with a hardware key.
    let public = folder.path().join("id.pub");
    fs::write(&public, keys::text(&ed25519(3))).expect("written");
    for file in ["id.pub", "id"] {
        let server = Server::start(Plan::for_key(&ed25519(3)));
        let text = format!("IdentityFile {}\nIdentitiesOnly yes\n", folder.path().join(file).display());
        let mut options = with_config(folder.path(), &text);
        options.agent = Some(agent.socket.clone());
        let visit = Ssh::new(options).run(&host(&server), &mut Talk::of("true")).expect("in");
        assert_eq!((visit.login, server.keys_offered()), (Login::Agent, 1), "{file}");
    }
    let server = Server::start(Plan::for_key(&ed25519(3)));
    let mut options = with_config(folder.path(), "IdentityAgent none\n");
    options.agent = Some(agent.socket.clone());
    let error = Ssh::new(options).run(&host(&server), &mut Talk::of("true")).expect_err("out");
    assert_eq!(server.keys_offered(), 0, "{error}");
}

#[test]
fn a_server_that_offers_what_libssh2_lacks_names_the_other_transport() {
    let server = Server::start(Plan { methods: &[MethodKind::HostBased], ..Plan::default() });
    let error = Ssh::new(options()).run(&host(&server), &mut Talk::of("x")).expect_err("out");
    assert!(error.reason.contains("--transport openssh"), "{error}");
}

#[test]
fn several_known_hosts_files_are_read_from_the_command_line_and_from_a_file() {
    let folder = crate::environment::folder();
    let server = Server::start(Plan::open());
    let known = folder.path().join("with blank");
    let plain = folder.path().join("plain");
    let line = format!("[127.0.0.1]:{} {}\n", server.port(), keys::text(&ed25519(100)));
    fs::write(&known, &line).expect("written");
    fs::write(&plain, &line).expect("written");
    let visit = |mut options: Options, arguments: &str| {
        options.host_key_checking = Some(HostKeyChecking::Strict);
        let mut host = host(&server);
        host.connection.more_ssh_arguments = SshArguments::parse(arguments).expect("words");
        Ssh::new(options).run(&host, &mut Talk::of("true"))
    };
    let text = format!("UserKnownHostsFile /none \"{}\"\n", known.display());
    visit(with_config(folder.path(), &text), "").expect("known by the file's second");
    let arguments = format!("-o UserKnownHostsFile='/none {}'", plain.display());
    visit(options(), &arguments).expect("known by the command line's second");
    visit(options(), "-o UserKnownHostsFile=/dev/null").expect_err("unknown");
}
