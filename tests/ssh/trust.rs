//! The way to root: what of the login user's own is run on it, who may read the boundary, and what is left by a client that
//! stops.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use airworthy::facts;
use airworthy::gather::{self, Errand, Gathered, Script, bootstrap};
use airworthy::transport::Ssh;
use secrecy::SecretString;

use crate::environment;
use crate::machine::{Machine, wait_until};
use crate::server::{Answer, Plan, Server};
use crate::talk::{host, options};

const PASSWORD: &str = "s3cret'pass $word";

fn visit(server: &Server, password: Option<&str>) -> Gathered {
    let password = password.map(|password| SecretString::from(password.to_owned()));
    let script = Script::new(&facts::host::probes());
    gather::visit(&Ssh::new(options()), &host(server), &script, &Errand::default(), password.as_ref())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Whoever reads it could forge the marks of an answer.
#[test]
fn the_boundary_is_in_no_command_line_and_no_environment() {
    for (wanted, given) in [
        (None, None),
        (None, Some("unused")),
        (Some(PASSWORD), Some(PASSWORD)),
        (Some("another"), Some(PASSWORD)),
    ] {
        let machine = Machine::new();
        machine.sudo(wanted);
        // While the script is at work, and while sudo asks.
        let look = format!(
            "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' >>'{}'",
            machine.path("seen").display()
        );
        machine.program("docker", &look);
        let sudo = fs::read_to_string(machine.path("bin/sudo")).expect("readable");
        machine.program("sudo", &format!("{look}\n{sudo}"));
        let server = machine.server();
        let gathered = visit(&server, given);
        let boundary = gather::boundary_of(&gathered.raw).expect("it is framed");
        let seen =
            String::from_utf8_lossy(&fs::read(machine.path("seen")).expect("it was looked")).into_owned();
        assert!(seen.contains("head") || seen.contains("/bin/sh"), "{seen}");
        assert!(!seen.contains(&boundary), "{wanted:?} {given:?}: a command line or an environment holds it");
        assert!(!machine.sudo_log().contains(&boundary), "{}", machine.sudo_log());
        assert!(!server.commands()[0].contains(&boundary));
    }
}

/// Without sudo's `secure_path` root's shell has the login user's PATH.
#[test]
fn of_the_login_users_own_path_root_runs_nothing() {
    if fs::metadata("/proc/self").is_ok_and(|me| me.uid() != 0) {
        eprintln!(
            "SKIPPED, for only root can make what belongs to another user: run these tests as root too"
        );
        return;
    }
    for (wanted, given) in [(None, None), (None, Some("unused")), (Some(PASSWORD), Some(PASSWORD))] {
        let machine = Machine::new();
        machine.sudo(wanted);
        let sudo = fs::read_to_string(machine.path("bin/sudo")).expect("readable");
        machine.program("sudo", &sudo.replace("exec \"$@\"", "AS_ROOT=1; export AS_ROOT; exec \"$@\""));
        let own = machine.path("own");
        fs::create_dir(&own).expect("a folder");
        for entry in fs::read_dir(environment::programs()).expect("readable").flatten() {
            let name = entry.file_name().into_string().expect("text");
            let text = format!(
                "#!/bin/sh\n[ -z \"$AS_ROOT\" ] || echo {name} >>'{}'\nexec '{}' \"$@\"\n",
                machine.path("hijacked").display(),
                entry.path().display()
            );
            let program = own.join(&name);
            fs::write(&program, text).expect("written");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
        }
        chown(&own, Some(65534), None).expect("given away");
        // Even a login as root takes no `id` from there.
        for before in [vec![own.clone(), machine.path("bin")], vec![machine.path("bin"), own.clone()]] {
            let folders: Vec<String> = before.iter().map(|folder| folder.display().to_string()).collect();
            let rc = format!("{}; PATH='{}':$PATH", machine.rc(), folders.join("':'"));
            let server = Server::start(Plan { answer: Answer::Login { shell: "sh", rc }, ..Plan::open() });
            let gathered = visit(&server, given);
            let facts = facts::host::parse(&gathered.answered.transcript, &facts::Circumstances::default());
            assert!(facts.cpu.count.value().is_some());
            assert_ne!(facts.sudo.method.value().map(String::as_str), Some("root"), "it went by sudo");
        }
        let hijacked = fs::read_to_string(machine.path("hijacked")).unwrap_or_default();
        assert_eq!(hijacked, "", "{wanted:?} {given:?}");
        assert!(machine.sudo_log().contains("/bin/sh -c"), "{}", machine.sudo_log());
    }
}

/// The host's side of a dialogue with a client that stops, with a patience of a second.
struct Stopped {
    machine: Machine,
    child: Child,
    began: Instant,
}

impl Stopped {
    fn start(machine: Machine, command: &str, length: usize) -> Stopped {
        let patience = command.replace("sleep 30", "sleep 1");
        assert_ne!(patience, command, "whoever waits has a clock");
        let path = environment::path(&[&machine.path("bin")]);
        let child = environment::command("sh")
            .args(["-c", &patience])
            .env("PATH", path)
            .env("TMPDIR", machine.path("tmp"))
            .env("STOPPED", machine.path(&format!("mark-{length}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        Stopped { machine, child, began: Instant::now() }
    }

    fn say(&mut self, words: &[u8]) {
        self.child.stdin.as_mut().expect("stdin").write_all(words).expect("said");
    }

    fn hear(&mut self, mark: &str) {
        let mut heard = Vec::new();
        let stdout = self.child.stdout.as_mut().expect("stdout");
        while !String::from_utf8_lossy(&heard).contains(mark) {
            let mut byte = [0];
            assert_eq!(stdout.read(&mut byte).expect("readable"), 1, "{}", String::from_utf8_lossy(&heard));
            heard.push(byte[0]);
        }
    }

    /// The connection stays, and yet all is over.
    fn ends(mut self, what: &str) {
        let mark = format!("STOPPED={}/", self.machine.path("").display()).replace("//", "/");
        let is_there = || {
            let processes = fs::read_dir("/proc").expect("proc").flatten();
            let mut environs = processes.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
            environs.any(|environ| String::from_utf8_lossy(&environ).contains(&mark))
        };
        assert!(is_there(), "{what}: it waits");
        wait_until(&format!("{what}: every process ends by itself"), || !is_there());
        assert!(self.began.elapsed() < Duration::from_secs(10), "{what}: {:?}", self.began.elapsed());
        assert!(self.machine.is_clean(), "{what}: a folder is left behind");
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

const SCRIPT: &str = "{\necho ran\n}\n";

#[test]
fn a_client_that_stops_leaves_nothing_on_the_host() {
    let length = SCRIPT.len();
    let start = |sudo: Option<&str>, command: String| {
        let machine = Machine::new();
        machine.sudo(sudo);
        Stopped::start(machine, &command, length)
    };
    start(None, bootstrap::plain(length)).ends("before the script, by NOPASSWD");
    start(Some(PASSWORD), bootstrap::plain(length)).ends("before the script, as the user");
    let mut stopped = start(None, bootstrap::plain(length));
    stopped.say(&SCRIPT.as_bytes()[..5]);
    stopped.ends("in the script");
    start(Some(PASSWORD), bootstrap::with_password(length)).ends("before the boundary");
    let mut stopped = start(Some(PASSWORD), bootstrap::with_password(length));
    stopped.say(b"boundary\n");
    stopped.hear("@boundary password\n");
    stopped.ends("before the password");
    let mut stopped = start(Some(PASSWORD), bootstrap::with_password(length));
    stopped.say(b"boundary\n");
    stopped.hear("@boundary password\n");
    stopped.say(format!("{PASSWORD}\n").as_bytes());
    stopped.hear("@boundary ready\n");
    stopped.say(&SCRIPT.as_bytes()[..5]);
    stopped.ends("in the script, behind the password");
    let mut stopped = start(None, bootstrap::with_password(length));
    stopped.say(b"boundary\n");
    stopped.hear("@boundary ready\n");
    stopped.ends("before the script, where no password was wanted");
}
