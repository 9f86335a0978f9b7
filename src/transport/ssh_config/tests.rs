//! Against OpenSSH itself: `fixtures/ssh_config/*.conf`, with what `ssh -G` says of the hosts of each beside it, and live
//! where `ssh` is installed. `UPDATE_GOLDEN=1` writes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::SshConfig;

/// The user that the tests run as, as far as the configuration can see.
const USER: &str = "tester";

/// What is compared.
const KEYWORDS: [&str; 13] = [
    "connecttimeout",
    "globalknownhostsfile",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "port",
    "proxycommand",
    "proxyjump",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
];

type Said = BTreeMap<String, Vec<String>>;

struct Case {
    name: String,
    conf: PathBuf,
    expected: PathBuf,
    /// Each a host, and options of the command line behind it.
    hosts: Vec<String>,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ssh_config");
    let mut confs: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    confs.sort();
    assert!(confs.len() >= 20, "{}", confs.len());
    confs
        .into_iter()
        .map(|conf| {
            let text = fs::read_to_string(&conf).expect("readable");
            let hosts = text.lines().next().and_then(|line| line.strip_prefix("# hosts: ")).expect("hosts");
            Case {
                name: conf.file_stem().expect("a name").to_string_lossy().into_owned(),
                expected: conf.with_extension("expected"),
                hosts: hosts.split(" | ").map(str::to_owned).collect(),
                conf,
            }
        })
        .collect()
}

/// The file where `@DIR@` is the folder of what it includes.
fn placed(case: &Case, folder: &Path) -> PathBuf {
    let fixtures = case.conf.parent().expect("a folder").join("included");
    let text = fs::read_to_string(&case.conf).expect("readable");
    let path = folder.join("config");
    fs::write(&path, text.replace("@DIR@", &fixtures.display().to_string())).expect("written");
    path
}

fn ours(config: &SshConfig, words: &str) -> Said {
    let mut words = words.split(' ');
    let host = words.next().expect("a host");
    let options: Vec<(String, String)> = words
        .map(|option| option.split_once('=').expect("key=value"))
        .map(|(key, value)| (key.to_lowercase(), value.to_owned()))
        .collect();
    let settings = config.settings(host, &options, USER);
    let mut said = Said::new();
    for keyword in KEYWORDS {
        let values: Vec<String> = match keyword {
            "identityfile" => settings.identity_files.clone(),
            _ => settings.one(keyword).map(|value| value.replace('\u{1f}', " ")).into_iter().collect(),
        };
        let values: Vec<String> =
            values.into_iter().filter(|value| !is_default(keyword, value, host)).collect();
        if !values.is_empty() {
            said.insert(
                keyword.to_owned(),
                values.into_iter().map(|value| as_ssh_says(keyword, &value)).collect(),
            );
        }
    }
    said
}

/// `ssh -G` tells defaults too, and not that they are.
fn is_default(keyword: &str, value: &str, host: &str) -> bool {
    match keyword {
        "hostname" => value.eq_ignore_ascii_case(host),
        "port" => value == "22",
        "user" => value == USER,
        "identitiesonly" => value == "no",
        "stricthostkeychecking" => value == "ask",
        "connecttimeout" | "proxyjump" | "proxycommand" => value == "none",
        "identityagent" => value == "SSH_AUTH_SOCK",
        _ => false,
    }
}

fn as_ssh_says(keyword: &str, value: &str) -> String {
    match (keyword, value) {
        ("stricthostkeychecking", "yes") => "true".to_owned(),
        ("stricthostkeychecking", "no" | "off") => "false".to_owned(),
        _ => value.to_owned(),
    }
}

/// What `ssh -G` says, without what it says of every host; `None` where there is no ssh.
fn openssh(file: &Path, words: &str) -> Option<Said> {
    let ask = |file: &str, words: &str| {
        let mut words = words.split(' ');
        let host = words.next().expect("a host");
        let mut ssh = Command::new("ssh");
        ssh.args(["-G", "-F", file]);
        ssh.args(words.flat_map(|option| ["-o".to_owned(), option.to_owned()]));
        let done = ssh.arg(host).output().ok()?;
        assert!(done.status.success(), "{host}: {}", String::from_utf8_lossy(&done.stderr));
        Some(String::from_utf8(done.stdout).expect("UTF-8"))
    };
    let host = words.split(' ').next().expect("a host");
    let usual = ask("none", host)?;
    let usual: Vec<&str> = usual.lines().collect();
    let mut said = Said::new();
    for line in ask(file.to_str().expect("UTF-8"), words)?.lines().filter(|line| !usual.contains(line)) {
        let (keyword, value) = line.split_once(' ').expect("a value");
        if KEYWORDS.contains(&keyword) {
            // Of some paths it tells what `~` stands for.
            let home = std::env::home_dir().map(|home| format!("{}/", home.display())).unwrap_or_default();
            said.entry(keyword.to_owned()).or_default().push(value.replace(&home, "~/"));
        }
    }
    Some(said)
}

fn told(said: &[(String, Said)]) -> String {
    let mut text = String::new();
    for (host, said) in said {
        text += &format!("{host}\n");
        for (keyword, values) in said {
            for value in values {
                text += &format!("    {keyword} {value}\n");
            }
        }
    }
    text
}

#[test]
fn every_configuration_means_what_openssh_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wrong = Vec::new();
    let version = Command::new("ssh").arg("-V").output().map(|done| done.stderr).unwrap_or_default();
    let is_as_stored = String::from_utf8_lossy(&version).starts_with("OpenSSH_9.2");
    for case in cases() {
        let file = placed(&case, folder.path());
        let config = SshConfig::read(Some(&file), None);
        let ours: Vec<(String, Said)> =
            case.hosts.iter().map(|host| (host.clone(), ours(&config, host))).collect();
        let live: Option<Vec<(String, Said)>> =
            (case.hosts.iter()).map(|host| Some((host.clone(), openssh(&file, host)?))).collect();
        if let (Some(live), true) = (&live, std::env::var_os("UPDATE_GOLDEN").is_some()) {
            fs::write(&case.expected, told(live)).expect("written");
        }
        let expected = fs::read_to_string(&case.expected).unwrap_or_default();
        if told(&ours) != expected {
            wrong.push(format!("{}: ours:\n{}expected:\n{expected}", case.name, told(&ours)));
        }
        if let Some(live) = live.filter(|live| told(live) != expected) {
            let text = format!("{}: this machine's ssh says otherwise:\n{}", case.name, told(&live));
            // What is stored is OpenSSH 9.2's; other releases may differ in words.
            if is_as_stored { wrong.push(text) } else { eprintln!("{text}") }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_only_ssh_can_judge_is_noted_where_it_may_matter() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    fs::write(
        &file,
        "Match host a exec \"true\"\n  User m\nMatch host b\n  BindAddress 10.0.0.1\nHost c\n  CertificateFile x\n\
         Match exec true host a\n  Port 7\n",
    )
    .expect("written");
    let config = SshConfig::read(Some(&file), None);
    let notes = |host: &str| config.settings(host, &[], USER).notes;
    let a = notes("a");
    assert!(a.iter().all(|note| note.contains("--transport openssh")) && a.len() == 2, "{a:?}");
    assert!(a[0].contains("config:1: `Match exec`"), "{a:?}");
    assert_eq!(config.settings("a", &[], USER).one("port"), None);
    assert!(notes("b").iter().any(|note| note.contains("bindaddress")));
    assert!(notes("c").iter().any(|note| note.contains("certificatefile")));
}

#[test]
fn includes_that_include_themselves_come_to_an_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    let again = format!("Include {0}\nInclude {0}\nUser u\n", file.display());
    fs::write(&file, again).expect("written");
    let settings = SshConfig::read(Some(&file), None).settings("a", &[], USER);
    assert_eq!(settings.one("user"), Some("u"));
}

#[test]
fn arbitrary_bytes_are_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    for text in [
        "Host",
        "Match",
        "Match host",
        "Match !",
        "Host \"",
        "= =",
        "\"",
        "Port",
        "%",
        "HostName %",
        "Include [",
        "ProxyJump",
        "Match host=a",
        "IdentityFile ${",
        "User \\",
        "Host !",
        "UserKnownHostsFile",
    ] {
        fs::write(&file, format!("{text}\n{text} x\n{text} x y\n")).expect("written");
        let _ = SshConfig::read(Some(&file), None).settings("a", &[], USER);
    }
    fs::write(&file, [0xff, 0xfe, b'\n', 0, b'P']).expect("written");
    let _ = SshConfig::read(Some(&file), None).settings("a", &[], USER);
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_panic(text in "((Host|Match|Include|HostName|ProxyJump|IdentityFile|[a-z]{1,5})[ =\"'!%,*a-z\\\\#]{0,20}\n){0,8}") {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config");
        fs::write(&file, text).expect("written");
        let _ = SshConfig::read(Some(&file), None).settings("host", &[], USER);
    }
}
