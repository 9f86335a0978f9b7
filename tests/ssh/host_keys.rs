//! Which host keys are taken, and that nothing is shown to the others.

use std::fs;
use std::path::PathBuf;

use airworthy::inventory::HostKeyChecking::{self, AcceptNew, Off, Strict};
use airworthy::transport::{HostKeyStanding, Options, Ssh, Stage, Transport, TransportError, Visit};
use russh::keys::PrivateKey;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::agent::Agent;
use crate::keys::{self, ed25519, text};
use crate::server::{Plan, Server};
use crate::talk::{Talk, host, options, visit};

struct Setting {
    folder: TempDir,
    server: Server,
}

impl Setting {
    /// A server that shows `host_keys`, and takes the password `sesame` or key 1.
    fn new(host_keys: Vec<PrivateKey>) -> Self {
        let plan = Plan { host_keys, password: Some("sesame"), ..Plan::for_key(&ed25519(1)) };
        Setting { folder: crate::environment::folder(), server: Server::start(plan) }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    fn name(&self) -> String {
        format!("[127.0.0.1]:{}", self.server.port())
    }

    fn know(&self, line: &str) {
        let before = fs::read_to_string(self.file()).unwrap_or_default();
        fs::write(self.file(), format!("{before}{line}\n")).expect("written");
    }

    fn options(&self, policy: HostKeyChecking) -> Options {
        let mut options = options();
        options.known_hosts = vec![self.file()];
        options.host_key_checking = Some(policy);
        options.password = Some(SecretString::from("sesame"));
        options
    }

    fn visit(&self, policy: HostKeyChecking) -> Result<Visit, TransportError> {
        visit(self.options(policy), &self.server)
    }

    fn standing(&self, policy: HostKeyChecking) -> HostKeyStanding {
        self.visit(policy).expect("in").host_key.expect("a key").standing
    }

    /// Refused at the host key, and nothing was shown to the server.
    fn refusal(&self, policy: HostKeyChecking) -> String {
        let agent = Agent::holding(vec![ed25519(1)]);
        let mut options = self.options(policy);
        options.agent = Some(agent.socket.clone());
        options.default_keys = vec![keys::save(&ed25519(1), self.folder.path(), "id")];
        let error = visit(options, &self.server).expect_err("refused");
        assert_eq!(error.stage, Stage::HostKey, "{error}");
        assert!(self.server.saw_no_credential(), "{error}");
        error.reason
    }
}

#[test]
fn a_known_key() {
    let setting = Setting::new(vec![ed25519(100)]);
    setting.know("a bad line");
    setting.know(&format!("{} {} comment", setting.name(), text(&ed25519(100))));
    assert_eq!(setting.standing(Strict), HostKeyStanding::Known);
    assert_eq!(setting.standing(AcceptNew), HostKeyStanding::Known);
    assert_eq!(setting.standing(Off), HostKeyStanding::Known);
}

#[test]
fn a_key_known_by_wildcard_or_by_the_bare_name() {
    for names in ["[127.0.*]:*", "*,!10.*", "127.0.0.1"] {
        let setting = Setting::new(vec![ed25519(100)]);
        setting.know(&format!("{names} {}", text(&ed25519(100))));
        assert_eq!(setting.standing(Strict), HostKeyStanding::Known, "{names}");
    }
}

#[test]
fn the_type_that_is_known_is_asked_for() {
    for name in ["ecdsa", "rsa"] {
        let setting = Setting::new(vec![ed25519(100), keys::load(name)]);
        setting.know(&format!("{} {}", setting.name(), text(&keys::load(name))));
        let visit = setting.visit(Strict).expect("in");
        let kind = visit.host_key.expect("a key").kind;
        assert!(kind.contains(name), "{name}: {kind}");
    }
}

#[test]
fn an_unknown_key() {
    let setting = Setting::new(vec![ed25519(100)]);
    let reason = setting.refusal(Strict);
    assert!(reason.contains("is not in known_hosts"), "{reason}");
    let fingerprint = ed25519(100).public_key().fingerprint(Default::default()).to_string();
    assert!(reason.contains(&fingerprint), "{reason}");
    assert_eq!(setting.standing(Off), HostKeyStanding::Unchecked);
    assert!(!setting.file().exists(), "off learns nothing");
}

#[test]
fn accept_new_learns_and_then_knows() {
    let setting = Setting::new(vec![ed25519(100)]);
    assert_eq!(setting.standing(AcceptNew), HostKeyStanding::Learned);
    let line = format!("{} {}\n", setting.name(), text(&ed25519(100)));
    assert_eq!(fs::read_to_string(setting.file()).expect("written"), line);
    assert_eq!(setting.standing(AcceptNew), HostKeyStanding::Known);
    assert_eq!(setting.standing(Strict), HostKeyStanding::Known);
}

#[test]
fn parallel_visits_learn_one_line_each() {
    let settings: Vec<Setting> = (100..108).map(|seed| Setting::new(vec![ed25519(seed)])).collect();
    let mut options = settings[0].options(AcceptNew);
    options.known_hosts = vec![settings[0].file()];
    let ssh = Ssh::new(options);
    std::thread::scope(|scope| {
        for setting in settings.iter().chain(&settings) {
            let ssh = &ssh;
            scope.spawn(move || ssh.run(&host(&setting.server), &mut Talk::of("true")).expect("in"));
        }
    });
    let file = fs::read_to_string(settings[0].file()).expect("written");
    assert_eq!(file.lines().count(), settings.len(), "{file}");
    for (setting, seed) in settings.iter().zip(100..) {
        assert!(file.contains(&format!("{} {}\n", setting.name(), text(&ed25519(seed)))), "{file}");
    }
}

#[test]
fn a_changed_key_is_shown_nothing() {
    for policy in [Strict, AcceptNew] {
        let setting = Setting::new(vec![ed25519(100)]);
        setting.know("# a comment");
        setting.know(&format!("{} {}", setting.name(), text(&ed25519(99))));
        let reason = setting.refusal(policy);
        let place = format!("{}:2", setting.file().display());
        assert!(reason.contains("changed") && reason.contains(&place), "{reason}");
        let remedy = format!("ssh-keygen -f {} -R '{}'", setting.file().display(), setting.name());
        assert!(reason.contains(&remedy), "{reason}");
    }
}

#[test]
fn a_changed_key_under_off_gets_no_password_but_may_get_a_signature() {
    let setting = Setting::new(vec![ed25519(100)]);
    setting.know(&format!("{} {}", setting.name(), text(&ed25519(99))));
    let error = setting.visit(Off).expect_err("only a password was given");
    assert_eq!(error.stage, Stage::Authenticate);
    assert!(error.reason.contains("no password, for the host's key is not the known one"), "{error}");
    assert!(setting.server.saw_no_credential());
    let mut options = setting.options(Off);
    options.default_keys = vec![keys::save(&ed25519(1), setting.folder.path(), "id")];
    let visit = visit(options, &setting.server).expect("in");
    assert_eq!(visit.host_key.expect("a key").standing, HostKeyStanding::Unchecked);

    // Nor sudo's: the conversation is told before it is asked for its command.
    let mut options = setting.options(Off);
    options.default_keys = vec![keys::save(&ed25519(1), setting.folder.path(), "id")];
    let ssh = airworthy::transport::Ssh::new(options);
    let password = secrecy::SecretString::from("sudo-canary");
    let errand = airworthy::gather::Errand::default();
    let host = crate::talk::host(&setting.server);
    let _ =
        airworthy::gather::visit(&ssh, &host, &airworthy::gather::Script::new(&[]), &errand, Some(&password));
    let commands = setting.server.commands();
    let command = commands.last().expect("a command");
    assert!(!command.contains("password"), "{command}");
    let stdin = setting.server.seen.stdin.lock().expect("a lock").clone();
    assert!(!String::from_utf8_lossy(&stdin).contains("sudo-canary"));
}

#[test]
fn a_key_of_another_type_than_the_known_one_is_refused() {
    for policy in [Strict, AcceptNew] {
        let setting = Setting::new(vec![ed25519(100)]);
        setting.know(&format!("{} {}", setting.name(), text(&keys::load("ecdsa"))));
        let reason = setting.refusal(policy);
        assert!(reason.contains("known by its ecdsa-sha2-nistp256 key"), "{reason}");
    }
}

#[test]
fn a_revoked_key_is_refused_by_every_policy() {
    for policy in [Strict, AcceptNew, Off] {
        let setting = Setting::new(vec![ed25519(100)]);
        setting.know(&format!("{} {}", setting.name(), text(&ed25519(100))));
        setting.know(&format!("@revoked * {}", text(&ed25519(100))));
        let reason = setting.refusal(policy);
        assert!(reason.contains("revoked in") && reason.contains(":2"), "{reason}");
    }
}

#[test]
fn a_certificate_authority_does_not_vouch_for_a_plain_key() {
    let setting = Setting::new(vec![ed25519(100)]);
    setting.know(&format!("@cert-authority * {}", text(&ed25519(100))));
    let reason = setting.refusal(Strict);
    assert!(reason.contains("--transport openssh"), "{reason}");
}

#[test]
fn a_key_that_cannot_be_kept_is_not_taken() {
    let setting = Setting::new(vec![ed25519(100)]);
    let mut options = setting.options(AcceptNew);
    options.known_hosts = vec![PathBuf::from("/proc/version/known_hosts")];
    let error = visit(options, &setting.server).expect_err("refused");
    assert_eq!(error.stage, Stage::HostKey);
    assert!(error.reason.contains("cannot be added to"), "{error}");
    assert!(setting.server.saw_no_credential());
}

#[test]
fn known_hosts_and_keys_that_are_no_files_hold_nothing_up() {
    for policy in [Strict, AcceptNew] {
        let setting = Setting::new(vec![ed25519(100)]);
        let made = crate::environment::command("mkfifo").arg(setting.file()).status().expect("it runs");
        assert!(made.success());
        let reason = setting.refusal(policy);
        assert!(reason.contains("known_hosts") && reason.contains("a pipe"), "{reason}");
    }
    // What `UserKnownHostsFile /dev/null` means is no file at all.
    let setting = Setting::new(vec![ed25519(100)]);
    let key = setting.folder.path().join("id");
    assert!(crate::environment::command("mkfifo").arg(&key).status().expect("it runs").success());
    let mut options = setting.options(AcceptNew);
    options.known_hosts = vec![PathBuf::from("/dev/null")];
    options.default_keys = vec![key];
    let standing = visit(options, &setting.server).expect("in").host_key.expect("a key").standing;
    assert_eq!(standing, HostKeyStanding::Learned);
}
