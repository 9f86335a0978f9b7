//! The plan: every refusal by its reason, and what a look reads out of a host's answer.

use std::collections::{BTreeMap, BTreeSet};

use airworthy::facts::{Ended, Fact, HostFacts, Section, Subject, Transcript};
use airworthy::fix::look::{Look, digest};
use airworthy::fix::plan::{Plan, plan, precheck, state, undo};
use airworthy::role::Role;
use bytes::Bytes;
use serde_json::json;

const PROGRAM: &str = "/usr/bin/nvidia-container-runtime";
const FILE: &str = "/etc/docker/daemon.json";

fn worker() -> Subject {
    Subject {
        name: "gpu1".to_owned(),
        address: "10.0.0.1".to_owned(),
        peer_address: "10.0.0.1".to_owned(),
        roles: BTreeSet::from([Role::Worker]),
        accelerator: Some("nvidia.com/gpu".to_owned()),
        layout: None,
    }
}

fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, "test")
}

/// A worker whose Docker lacks nothing but the default.
fn facts() -> HostFacts {
    let mut facts = HostFacts::default();
    facts.sudo.privilege = known(true);
    facts.docker.running = known(true);
    facts.docker.config_path = known(FILE.to_owned());
    facts.docker.config = Fact::absent("test");
    facts.docker.flag_keys = known(vec!["containerd".to_owned(), "hosts".to_owned()]);
    facts.gpu.failure = Fact::absent("test");
    facts.gpu.enumerated_count = known(2);
    facts.container_runtime.nvidia = known(PROGRAM.to_owned());
    facts.container_runtime.present = known(vec![PROGRAM.to_owned(), "nvidia-container-runtime".to_owned()]);
    facts
}

fn look(bytes: Option<&str>) -> Look {
    Look {
        asked: FILE.to_owned(),
        real: FILE.to_owned(),
        bytes: bytes.map(|text| text.as_bytes().to_vec()),
        links: 1,
        validates: true,
        ..Look::default()
    }
}

fn reserved() -> Vec<String> {
    ["data-root", "iptables", "log-opts"].map(str::to_owned).to_vec()
}

#[test]
fn facts_that_forbid_it_are_named() {
    type Change = fn(&mut Subject, &mut HostFacts);
    let cases: &[(&str, Change)] = &[
        ("no worker", |subject, _| subject.roles = BTreeSet::from([Role::Infra])),
        ("no NVIDIA GPU is promised", |subject, _| subject.accelerator = None),
        ("no NVIDIA GPU is promised", |subject, _| subject.accelerator = Some("amd.com/gpu".to_owned())),
        ("does not become root", |_, facts| facts.sudo.privilege = known(false)),
        ("sudo.privilege is unknown", |_, facts| facts.sudo.privilege = Fact::default()),
        ("Docker does not run", |_, facts| facts.docker.running = known(false)),
        ("docker.running is unknown", |_, facts| facts.docker.running = Fact::unknown("late", "")),
        ("driver does not work: GPU is lost", |_, facts| facts.gpu.failure = known("GPU is lost".to_owned())),
        ("driver works is unknown", |_, facts| facts.gpu.failure = Fact::unknown("late", "")),
        ("finds no GPU", |_, facts| facts.gpu.enumerated_count = known(0)),
        ("not installed or not executable", |_, facts| facts.container_runtime.nvidia = Fact::absent("")),
        ("is installed is unknown", |_, facts| facts.container_runtime.nvidia = Fact::default()),
        ("flags are not known", |_, facts| facts.docker.flag_keys = Fact::default()),
        ("`default-runtime` is among dockerd's flags", |_, facts| {
            facts.docker.flag_keys = known(vec!["default-runtime".to_owned()]);
        }),
        ("`runtimes` is among dockerd's flags", |_, facts| {
            facts.docker.flag_keys = known(vec!["runtimes".to_owned()]);
        }),
        ("`labels` is among dockerd's flags", |_, facts| {
            facts.docker.flag_keys = known(vec!["labels".to_owned()]);
            facts.docker.config = known(json!({"labels": ["a=b"]}).as_object().expect("an object").clone());
        }),
        ("kubespray will pass `log-opts`", |_, facts| {
            facts.docker.config = known(json!({"log-opts": {}}).as_object().expect("an object").clone());
        }),
    ];
    for (said, change) in cases {
        let (mut subject, mut facts) = (worker(), facts());
        assert_eq!(precheck(&subject, &facts, &reserved()), Ok(()));
        change(&mut subject, &mut facts);
        let reason = precheck(&subject, &facts, &reserved()).expect_err(said);
        assert!(reason.contains(said), "{said}: {reason}");
    }
    // Both an infra host and a GPU worker: the worker counts.
    let both = Subject { roles: BTreeSet::from([Role::Infra, Role::Worker]), ..worker() };
    assert_eq!(precheck(&both, &facts(), &reserved()), Ok(()));
}

#[test]
fn what_the_look_shows_may_forbid_it_too() {
    type Change = fn(&mut HostFacts, &mut Look);
    let cases: &[(&str, Change)] = &[
        ("immutable", |_, look| look.refusals.push("the file is immutable (chattr +i)".to_owned())),
        ("another run is at work", |_, look| look.locked = true),
        ("read another file", |_, look| look.asked = "/etc/docker-openpai/daemon-openpai.json".to_owned()),
        ("is left alone: the key \"debug\" stands twice", |_, look| {
            look.bytes = Some(b"{\"debug\":1,\"debug\":2}".to_vec());
        }),
        ("names /opt/x, which is not there", |_, look| {
            look.bytes = Some(b"{\"runtimes\":{\"nvidia\":{\"path\":\"/opt/x\"}}}".to_vec());
        }),
        ("is a shim that Docker does not know", |_, look| {
            look.bytes = Some(b"{\"runtimes\":{\"nvidia\":{\"runtimeType\":\"x\"}}}".to_vec());
        }),
        ("kubespray will pass `data-root`", |_, look| look.bytes = Some(b"{\"data-root\":\"/d\"}".to_vec())),
        ("`hosts` is among dockerd's flags", |_, look| look.bytes = Some(b"{\"hosts\":[]}".to_vec())),
    ];
    for (said, change) in cases {
        let (mut facts, mut look) = (facts(), look(Some("{}")));
        assert!(plan(&facts, &look, &reserved()).is_ok());
        change(&mut facts, &mut look);
        let reason = plan(&facts, &look, &reserved()).expect_err(said);
        assert!(reason.contains(said), "{said}: {reason}");
    }
}

#[test]
fn a_link_is_followed_and_told() {
    let linked = Look { real: "/srv/docker/daemon.json".to_owned(), ..look(Some("{}")) };
    let plan = plan(&facts(), &linked, &reserved()).expect("a plan");
    assert_eq!(plan.path, "/srv/docker/daemon.json");
    assert!(plan.diff.starts_with("--- /srv/docker/daemon.json"), "{}", plan.diff);
    assert!(plan.notes.iter().any(|note| note.contains("leads to /srv/docker")), "{:?}", plan.notes);
}

fn fixed(text: &str) -> (Plan, String) {
    let plan = plan(&facts(), &look(Some(text)), &reserved()).expect("a plan");
    let backup = plan.backup("20260731T101500Z");
    (plan, backup)
}

#[test]
fn undo_knows_its_own_backup_and_nobody_elses_file() {
    let (done, backup) = fixed("{}\n");
    let after = String::from_utf8(done.after.clone().expect("a text")).expect("text");
    let seen = Look {
        backups: vec![format!("{FILE}.airworthy-20250101T000000Z-000000000000"), backup.clone()],
        latest_backup: done.before.clone(),
        ..look(Some(&after))
    };
    let plan = undo(&seen).expect("no refusal").expect("a plan");
    assert_eq!((&plan.after, &plan.before, plan.runtime), (&done.before, &done.after, None));
    assert_eq!(plan.spends, Some(backup));
    let changed = Look { bytes: Some(b"{\"debug\": true}".to_vec()), ..seen.clone() };
    assert!(undo(&changed).expect_err("refused").contains("was changed since"));
    // Cut between backup and rename: there is nothing to take back.
    let cut = Look { bytes: done.before.clone(), ..seen.clone() };
    assert_eq!(undo(&cut), Ok(None));
    assert_eq!(undo(&Look { backups: Vec::new(), ..seen }), Ok(None));
}

#[test]
fn undo_of_a_file_that_was_not_there_takes_it_away() {
    let done = plan(&facts(), &look(None), &reserved()).expect("a plan");
    let backup = done.backup("20260731T101500Z");
    assert!(backup.ends_with("-absent"), "{backup}");
    let after = String::from_utf8(done.after.expect("a text")).expect("text");
    let seen = Look { backups: vec![backup], latest_backup: Some(Vec::new()), ..look(Some(&after)) };
    assert_eq!(undo(&seen).expect("no refusal").expect("a plan").after, None);
}

/// A transcript with these lines of the look.
fn transcript(lines: &str, config: &[u8], status: i32) -> Transcript {
    let mut sections = BTreeMap::new();
    let mut put = |name: &str, out: &[u8], status: i32| {
        let section = Section {
            source: "".into(),
            ended: Ended::Exited(status),
            out: out.to_vec().into(),
            err: Bytes::new(),
            stuck: None,
        };
        sections.insert(name.to_owned(), section);
    };
    put("sudo", b"root\n\n", 0);
    put("dockerd-arguments", b"/usr/sbin/dockerd\n", 0);
    put("docker-config", config, status);
    put("fix-host", lines.as_bytes(), 0);
    put("fix-backup", b"", 44);
    Transcript::new(sections)
}

const LINES: &str = "asked /etc/docker/daemon.json\nreal /etc/docker/daemon.json\nprocess 77\nkind file\n\
                     user 0\nprogram /usr/sbin/dockerd\nmain 77\nstat 0 0 644 1\n";

#[test]
fn a_look_is_read_from_the_answer() {
    let config = b"/etc/docker/daemon.json\n{}\n";
    let lines = format!("{LINES}digest {}\n", digest(b"{}\n"));
    let seen = Look::parse(&transcript(&lines, config, 0)).expect("a look");
    assert_eq!(seen.bytes.as_deref(), Some(&b"{}\n"[..]));
    assert_eq!((seen.refusals.as_slice(), seen.locked, seen.validates), (&[][..], false, false));
    for (line, said) in [
        ("program /snap/docker/1/bin/dockerd", "snap"),
        ("user 1000", "rootless"),
        ("main 78", "not systemd's docker.service"),
        ("main 0", "not systemd's docker.service"),
        ("next /etc/other.json", "/etc/other.json at its next start"),
        ("kind other", "not a regular file"),
        ("refuses the file is immutable (chattr +i)", "immutable"),
        ("refuses the folder is on a file system that is mounted read-only", "read-only"),
        ("refuses the file is a mount point of its own", "mount point"),
        ("lacks flock", "has no `flock`"),
    ] {
        // The first word of a kind counts.
        let lines = format!("{line}\n{lines}");
        let seen = Look::parse(&transcript(&lines, config, 0)).expect("a look");
        assert!(seen.refusals.iter().any(|reason| reason.contains(said)), "{line}: {:?}", seen.refusals);
        assert!(plan(&facts(), &seen, &reserved()).is_err(), "{line}");
    }
    for (lines, said) in [
        (lines.replace("digest ", "digest 0"), "changed while it was read"),
        (lines.replace("asked /etc", "asked /e tc"), "characters that are not handled"),
        (lines.replace("user 0\n", ""), "whose process"),
        (String::new(), "path of daemon.json was not found"),
    ] {
        let reason = Look::parse(&transcript(&lines, config, 0)).expect_err(said);
        assert!(reason.contains(said), "{said}: {reason}");
    }
    let mut rootless = transcript(&lines, config, 0).sections().clone();
    let section = Section { out: Bytes::from_static(b"user\nno\n"), ..rootless["sudo"].clone() };
    rootless.insert("sudo".into(), section);
    assert_eq!(Look::parse(&Transcript::new(rootless)), Err("root was not to be had".to_owned()));
    let absent = Look::parse(&transcript(
        &LINES.replace("kind file", "kind absent"),
        b"/etc/docker/daemon.json\n",
        44,
    ));
    assert_eq!(absent.expect("a look").bytes, None);
    assert_eq!(state(None), "absent");
}

/// What the checks name is there, and the one fix that ships is for these two checks and no other.
#[test]
fn checks_name_fixes_that_are_there() {
    let named: Vec<(&str, &str)> = airworthy::checks::shipped::CHECKS
        .iter()
        .filter_map(|(id, text)| Some((*id, text.lines().find_map(|line| line.strip_prefix("fix: "))?)))
        .collect();
    assert!(named.iter().all(|(_, fix)| airworthy::fix::catalog::named(fix).is_some()), "{named:?}");
    let checks: Vec<&str> = named.iter().map(|(id, _)| *id).collect();
    assert_eq!(checks, ["docker-default-runtime", "nvidia-runtime-installed"]);
}

#[test]
fn secrets_are_written_as_they_are_and_shown_nowhere() {
    let before = r#"{
  "labels": ["rack=7", "api-key=zQm4rk01"],
  "log-driver": "splunk",
  "exec-opts": ["x.password=zQm4rk02"],
  "proxies": {"http-proxy": "joe:zQm4rk03@10.0.0.1:3128", "https-proxy": "http://joe:zQm4rk04/x@10.0.0.1:3128"},
  "insecure-registries": ["joe:zQm4rk05@r.example:5000"],
  "registry-mirrors": ["https://zQm4rk06@m.example"],
  "runtimes": {"other": {"path": "/x", "runtimeArgs": ["--token", "zQm4rk07"]}, "nvidia": {"path": "/usr/bin/nvidia-container-runtime", "runtimeArgs": ["--secret=zQm4rk08"]}},
  "node-generic-resources": ["dd-api-key=zQm4rk09"]
}
"#;
    let look = look(Some(before));
    let plan = plan(&facts(), &look, &reserved()).expect("a plan");
    assert!(!plan.diff.contains("zQm4rk") && !plan.diff.contains("joe"), "{}", plan.diff);
    assert!(plan.notes.iter().all(|note| !note.contains("zQm4rk")), "{:?}", plan.notes);
    // The diff is still one that people can read.
    assert!(plan.diff.contains("+  \"default-runtime\": \"nvidia\"\n"), "{}", plan.diff);
    assert!(
        plan.diff.contains("\n   \"insecure-registries\": [\"********@r.example:5000\"],\n"),
        "{}",
        plan.diff
    );
    assert!(plan.diff.contains("\"dd-api-key=********\""), "{}", plan.diff);
    let after = String::from_utf8(plan.after.clone().expect("a file")).expect("text");
    for number in 1..=9 {
        assert!(after.contains(&format!("zQm4rk0{number}")), "{number}: {after}");
    }
    assert!(!after.contains("***"), "{after}");
    let order = airworthy::fix::apply::Order { plan: &plan, stamp: "20260731T101500Z", allow_restart: false };
    let script = order.text("00112233445566778899aabbccddeeff");
    assert!(script.contains("zQm4rk09") && !script.contains("***"), "the host gets what the file had");
    // Undo brings back what was there.
    let backup = plan.backup("20260731T101500Z");
    let undone = undo(&Look {
        bytes: plan.after.clone(),
        backups: vec![backup],
        latest_backup: Some(before.as_bytes().to_vec()),
        ..look
    });
    let undone = undone.expect("able").expect("something to undo");
    assert_eq!(undone.after.as_deref(), Some(before.as_bytes()));
    assert!(!undone.diff.contains("zQm4rk"), "{}", undone.diff);
}
