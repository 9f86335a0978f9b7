//! What hosts, inventories and files can make long.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use airworthy::checks::Config;
use airworthy::facts::saved::SavedHost;
use airworthy::facts::{self, Circumstances, Section, Transcript};
use airworthy::fix::daemon_json::{self, Wish};
use airworthy::gather;
use airworthy::inventory::{self, Connection, Host, read_yaml};
use airworthy::redact;
use airworthy::transport::{ConfigFiles, Options, Ssh};
use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;

/// Something that is read.
pub(crate) struct Input {
    pub(crate) name: String,
    /// Makes one of this length; what it gives reads it.
    pub(crate) read: Box<dyn Fn(usize) -> Box<dyn FnMut()>>,
}

/// All of them, in the same order each time.
pub(crate) fn inputs() -> Vec<Input> {
    [sections(), answers(), saved_facts(), inventories(), yaml(), files(), secrets()]
        .into_iter()
        .flatten()
        .collect()
}

fn input(name: impl Into<String>, read: impl Fn(usize) -> Box<dyn FnMut()> + 'static) -> Input {
    Input { name: name.into(), read: Box::new(read) }
}

/// How a section is made longer.
#[derive(Clone, Copy, Debug)]
enum Growth {
    /// Its lines again and again.
    Same,
    /// Its lines with other numbers and names each time.
    Other,
}

/// Each section that a recorded host answered, with more lines.
fn sections() -> Vec<Input> {
    let mut longest: BTreeMap<String, Rc<Transcript>> = BTreeMap::new();
    for host in ["h100", "infra", "worker-gpu", "worker-dhcp", "worker-no-docker"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(host).join("transcript");
        let raw = fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let boundary = gather::boundary_of(&raw).expect("a boundary");
        let answered = gather::take_apart(raw, &boundary, &facts::host::probes()).expect("whole");
        let transcript = Rc::new(answered.transcript);
        for (name, section) in transcript.sections() {
            let known = longest.get(&**name).and_then(|known| known.sections().get(name));
            if !section.out.is_empty() && known.is_none_or(|known| known.out.len() < section.out.len()) {
                longest.insert(name.to_string(), Rc::clone(&transcript));
            }
        }
    }
    let mut inputs = Vec::new();
    for (name, transcript) in longest {
        for growth in [Growth::Same, Growth::Other] {
            let (section, transcript) = (name.clone(), Rc::clone(&transcript));
            inputs.push(input(format!("section {name}, {growth:?}"), move |length| {
                let transcript = longer(&transcript, &section, length, growth);
                let circumstances = Circumstances::default();
                Box::new(move || {
                    black_box(facts::host::parse(&Transcript::new(transcript.clone()), &circumstances));
                })
            }));
        }
    }
    for (name, line) in FILES {
        inputs.push(input(format!("file {name}"), move |length| {
            let mut section = Rc::new(RefCell::new(String::new()));
            let text = Rc::get_mut(&mut section).expect("the only one").get_mut();
            text.push_str("asked:/etc/*:/run/*:/proc/*:/sys/*:/var/*:/lib/*:/usr/*\n");
            for at in 0..length {
                writeln!(text, "{}:{}", name.replace('#', &at.to_string()), line.replace('#', &at.to_string()))
                    .expect("text");
            }
            let ip = "2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever\n\
                      2: eth0: <BROADCAST,UP,LOWER_UP> mtu 1500 state UP\\    link/ether 52:54:00:12:34:56\n\
                      default via 10.0.0.1 dev eth0\n";
            let sections = [("files", told(text.clone())), ("network-ip", told(ip.to_owned()))];
            let circumstances = Circumstances::default();
            Box::new(move || {
                black_box(facts::host::parse(&Transcript::new(sections.clone()), &circumstances));
            })
        }));
    }
    inputs
}

/// Files that a host can have many of, or that can have many lines. `#` stands for a number.
const FILES: &[(&str, &str)] = &[
    ("/proc/mounts", "/dev/sd# /mnt/d# ext4 rw,relatime 0 0"),
    ("/proc/swaps", "/swap# file 1048576 0 -2"),
    ("/proc/net/route", "eth#\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"),
    (
        "/proc/net/ipv6_route",
        "fe80000000000000000000000000#00 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth#",
    ),
    ("/etc/resolv.conf", "nameserver 10.0.0.#"),
    ("/etc/fstab", "/dev/sd# /mnt/d# ext4 defaults 0 0"),
    ("/etc/os-release", "NAME#=Ubuntu"),
    ("/etc/netplan/#.yaml", "network: {ethernets: {eth#: {dhcp4: true}}}"),
    ("/etc/network/interfaces", "iface eth# inet dhcp"),
    ("/etc/network/interfaces.d/#", "iface eth0 inet dhcp"),
    ("/etc/systemd/network/#.network", "[Match]"),
    ("/etc/systemd/network/10-eth0.network.d/#.conf", "[Network]"),
    ("/etc/sysconfig/network-scripts/ifcfg-eth#", "DEVICE=eth0"),
    ("/etc/sysconfig/docker", "OPTIONS#=--debug"),
    ("/etc/default/docker", "DOCKER_OPTS#=--debug"),
    ("/run/systemd/netif/leases/#", "ADDRESS=10.0.0.5"),
    ("/var/lib/dhcp/dhclient.#.leases", "lease { interface \"eth0\"; fixed-address 10.0.0.5; }"),
    ("/var/lib/dhcp/dhclient.leases", "lease { interface \"eth0\"; fixed-address 10.0.0.5; }"),
    ("/var/lib/NetworkManager/internal-#-eth0.lease", "ADDRESS=10.0.0.5"),
    ("/etc/ssh/ssh_host_#_key.pub", "ssh-ed25519 AAAA# root@host"),
    ("/sys/class/net/eth#/uevent", "INTERFACE=eth#"),
    ("/proc/cgroups", "cpu#\t1\t166\t1"),
    ("/proc/driver/nvidia/version", "NVRM version: # 535.104"),
];

fn told(out: String) -> Section {
    Section {
        source: "".into(),
        ended: facts::Ended::Exited(0),
        out: out.into(),
        err: Bytes::new(),
        stuck: None,
    }
}

/// A host's sections, one of them with so many more lines.
fn longer(transcript: &Transcript, name: &str, length: usize, growth: Growth) -> Vec<(String, Section)> {
    let sections = transcript.sections().iter().map(|(own, section)| {
        let mut section = section.clone();
        if own == name {
            let text = String::from_utf8_lossy(&section.out).into_owned();
            let mut out = text.clone();
            let lines = text.lines().count().max(1);
            for copy in 1..=length.div_ceil(lines) {
                for line in text.lines() {
                    out.push_str(&match growth {
                        Growth::Same => line.to_owned(),
                        Growth::Other => changed(line, copy),
                    });
                    out.push('\n');
                }
            }
            section.out = out.into();
        }
        (own.to_string(), section)
    });
    sections.collect()
}

/// A line with its first number counted up, and its first word of small letters made another.
fn changed(line: &str, copy: usize) -> String {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = line.split_at(digits);
    let number = number.parse::<usize>().map(|number| (number + copy * 100).to_string()).unwrap_or_default();
    let is_letter = |c: char| c.is_ascii_lowercase();
    let Some(start) = rest.find(is_letter) else { return format!("{number}{rest}") };
    let end = rest[start..].find(|c| !is_letter(c)).map_or(rest.len(), |length| start + length);
    format!("{number}{}x{copy}{}", &rest[..end], &rest[end..])
}

/// The frame of an answer, whatever is in it.
fn answers() -> Vec<Input> {
    let frame = |line: fn(usize) -> String| {
        move |length: usize| -> Box<dyn FnMut()> {
            let mut text = String::from("noise\n@b airworthy 1 1.0 root\n");
            (0..length).for_each(|at| text.push_str(&line(at)));
            text.push_str("\n@b end\n");
            let text = Bytes::from(text);
            Box::new(move || {
                let _ = black_box(gather::take_apart(text.clone(), "b", &[]));
            })
        }
    };
    vec![
        input("answer of many sections", frame(|at| format!("\n@b out s{at}\nx\n\n@b exit s{at} 0\n"))),
        input("answer of one section many times", frame(|_| "\n@b out s\nx\n\n@b exit s 0\n".to_owned())),
        input("answer of marks alone", frame(|_| "\n@b ".to_owned())),
        input("answer of beginnings", frame(|at| format!("\n@b out s{at}\n"))),
        input("answer of signs", frame(|_| "@@@@@@@@\n@\n".to_owned())),
    ]
}

/// Each list of a saved host, with more items.
fn saved_facts() -> Vec<Input> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters/healthy/worker1.json");
    let saved: Value = serde_json::from_str(&fs::read_to_string(path).expect("saved facts")).expect("JSON");
    let subjects = saved["facts"].as_object().expect("facts");
    let lists = subjects.iter().flat_map(|(subject, fields)| {
        let fields = fields.as_object().into_iter().flatten();
        let lists = fields.filter(|(_, fact)| fact["known"].as_array().is_some_and(|list| !list.is_empty()));
        lists.map(|(field, _)| (subject.clone(), field.clone()))
    });
    let lists: Vec<(String, String)> = lists.collect();
    let grown = lists.into_iter().map(|(subject, field)| {
        let saved = saved.clone();
        input(format!("saved {subject}.{field}"), move |length| {
            let mut saved = saved.clone();
            let list = saved["facts"][&subject][&field]["known"].as_array_mut().expect("a list");
            let item = list[0].clone();
            list.extend(std::iter::repeat_n(item, length));
            let text = saved.to_string();
            Box::new(move || {
                let _ = black_box(SavedHost::parse(&text).map(SavedHost::record));
            })
        })
    });
    grown.collect()
}

/// A folder with these files, loaded as an inventory.
fn inventory_of(write: impl Fn(&Path, usize) -> PathBuf + 'static) -> impl Fn(usize) -> Box<dyn FnMut()> {
    move |length| {
        let folder: TempDir = crate::environment::folder();
        let path = write(folder.path(), length);
        Box::new(move || {
            let _ = black_box((inventory::load(std::slice::from_ref(&path)), &folder));
        })
    }
}

fn lines(length: usize, line: impl Fn(usize) -> String) -> String {
    (0..length).map(|at| line(at) + "\n").collect()
}

fn inventories() -> Vec<Input> {
    let file = |name: &'static str, text: fn(usize) -> String| {
        inventory_of(move |folder, length| {
            let path = folder.join(name);
            fs::write(&path, text(length)).expect("written");
            path
        })
    };
    vec![
        input(
            "INI hosts",
            file("hosts", |n| {
                format!(
                    "[kube_node]\n{}",
                    lines(n, |at| format!("n{at} ansible_host=10.0.{}.{}", at / 250, at % 250 + 1))
                )
            }),
        ),
        input("INI hosts in a range", file("hosts", |n| format!("[kube_node]\nn[1:{}]\n", n.max(1)))),
        input("INI groups", file("hosts", |n| lines(n, |at| format!("[g{at}]\nn{at}")))),
        input(
            "INI groups in groups",
            file("hosts", |n| {
                format!("[g0]\nn1\n{}", lines(n, |at| format!("[g{}:children]\ng{at}", at + 1)))
            }),
        ),
        input("INI groups of one host", file("hosts", |n| lines(n, |at| format!("[g{at}]\nn1 a{at}=1")))),
        input(
            "INI variables of a group",
            file("hosts", |n| {
                format!("[all]\nn1\n[all:vars]\n{}", lines(n, |at| format!("v{at}=value {at}")))
            }),
        ),
        input(
            "INI variables of a host",
            file("hosts", |n| {
                format!("n1 {}\n", (0..n).map(|at| format!("v{at}='a b' ")).collect::<String>())
            }),
        ),
        input(
            "YAML hosts",
            file("hosts.yaml", |n| {
                format!(
                    "all:\n  hosts:\n    x: {{}}\n{}",
                    lines(n, |at| format!("    n{at}: {{ip: 10.0.0.1}}"))
                )
            }),
        ),
        input(
            "YAML groups",
            file("hosts.yaml", |n| {
                format!(
                    "all:\n  children:\n    x: {{}}\n{}",
                    lines(n, |at| format!("    g{at}: {{hosts: {{n{at}: }}}}"))
                )
            }),
        ),
        input(
            "YAML variables",
            file("hosts.yaml", |n| {
                format!(
                    "all:\n  hosts: {{n1: }}\n  vars:\n    x: 1\n{}",
                    lines(n, |at| format!("    v{at}: 'text {at}'"))
                )
            }),
        ),
        input(
            "group_vars with templates",
            inventory_of(|folder, n| {
                let path = folder.join("hosts.yaml");
                fs::write(&path, "all: {hosts: {n1: , n2: }}\n").expect("written");
                fs::create_dir_all(folder.join("group_vars")).expect("made");
                let text = lines(n, |at| format!("v{at}: \"{{{{ v{} | default('x') }}}}\"", at + 1));
                fs::write(folder.join("group_vars/all.yml"), text).expect("written");
                path
            }),
        ),
        input(
            "files of host_vars",
            inventory_of(|folder, n| {
                let path = folder.join("hosts");
                fs::write(&path, lines(n, |at| format!("n{at}"))).expect("written");
                fs::create_dir_all(folder.join("host_vars")).expect("made");
                for at in 0..n {
                    fs::write(folder.join(format!("host_vars/n{at}.yml")), "ip: 10.0.0.1\n")
                        .expect("written");
                }
                path
            }),
        ),
        input(
            "machines of a layout",
            file("layout.yaml", |n| {
                format!(
                    "machine-sku: {{m: {{mem: 1, cpu: {{vcore: 1}}}}}}\nmachine-list:\n{}",
                    lines(n.max(1), |at| format!(
                        "  - {{hostname: n{at}, hostip: 10.0.0.1, machine-type: m, pai-worker: 'true'}}"
                    ))
                )
            }),
        ),
    ]
}

/// Shapes of YAML, for whatever is written in it.
fn yaml() -> Vec<Input> {
    let text = |name: &str, text: fn(usize) -> String| {
        input(format!("YAML: {name}"), move |length| {
            let text = text(length);
            Box::new(move || {
                let _ = black_box(read_yaml(Path::new("x.yaml"), &text));
            })
        })
    };
    vec![
        text("keys", |n| lines(n + 1, |at| format!("k{at}: {at}"))),
        text("one key many times", |n| lines(n + 1, |_| "k: 1".to_owned())),
        text("a list", |n| lines(n + 1, |at| format!("- item {at}"))),
        text("a list on one line", |n| format!("[{}]\n", "a, ".repeat(n))),
        text("a mapping on one line", |n| {
            format!("{{{}}}\n", (0..n).map(|at| format!("k{at}: 1, ")).collect::<String>())
        }),
        text("a long text", |n| format!("k: \"{}\"\n", "word \\u00e9 ".repeat(n))),
        text("a plain text of many lines", |n| format!("k: a\n{}", lines(n, |at| format!("  line {at}")))),
        text("a block of text", |n| format!("k: |\n  a\n{}", lines(n, |at| format!("  line {at}")))),
        text("a folded block", |n| format!("k: >\n  a\n{}", lines(n, |at| format!("  line {at}")))),
        text("comments", |n| lines(n, |at| format!("# {at}")) + "k: 1\n"),
        text("anchors", |n| lines(n + 1, |at| format!("k{at}: &a{at} {{x: 1}}"))),
        text("aliases", |n| format!("a: &a {{x: 1}}\n{}", lines(n, |at| format!("k{at}: *a")))),
        text("merged mappings", |n| {
            format!("a: &a {{x: 1}}\n{}", lines(n, |at| format!("k{at}: {{<<: *a, y: 1}}")))
        }),
        text("a mapping merged from many", |n| {
            format!(
                "{}k: {{<<: [{}]}}\n",
                lines(n, |at| format!("a{at}: &a{at} {{x{at}: 1}}")),
                (0..n).map(|at| format!("*a{at}, ")).collect::<String>()
            )
        }),
        text("documents", |n| lines(n + 1, |_| "---\nk: 1".to_owned())),
        text("empty lines", |n| "\n".repeat(n) + "k: 1\n"),
        text("brackets", |n| "[".repeat(n)),
        text("dashes", |n| "- ".repeat(n)),
        text("question marks", |n| "? ".repeat(n)),
        text("a key without end", |n| format!("\"{}", "x\n ".repeat(n))),
        text("tags", |n| lines(n + 1, |at| format!("k{at}: !!str {at}"))),
    ]
}

/// What looks like the beginning of a secret, again and again.
fn secrets() -> Vec<Input> {
    let pieces = [
        "a=",
        "token=",
        "token: x ",
        "eyJ",
        "-eyJa",
        "$ANSIBLE_VAULT;",
        "$ANSIBLE_VAULT;1.1;AES256\nab\n",
        "-----BEGIN PRIVATE KEY\n",
        "-----BEGIN ",
        "a:b@c ",
        "http://a:b@c ",
        "http://",
        "a@",
        "--token ",
        " -u a:b",
        "password ",
        "\"",
        "ghp_",
        "Bearer ",
        "sshpass ",
    ];
    let texts = pieces.map(|piece| {
        input(format!("secrets: {piece:?}"), move |length| {
            let text = piece.repeat(length);
            Box::new(move || {
                black_box((redact::text(&text), redact::shown(&text), redact::of_same_length(&text)));
            })
        })
    });
    texts.into()
}

/// Other files.
fn files() -> Vec<Input> {
    vec![
        input("keys of daemon.json", |length| {
            let text = format!(
                "{{{}\"debug\": true}}",
                (0..length).map(|at| format!("\"k{at}\": {at},\n")).collect::<String>()
            );
            let wish = Wish { runtime_path: "/usr/bin/nvidia-container-runtime".into() };
            Box::new(move || {
                let _ = black_box(daemon_json::edit(Some(text.as_bytes()), &wish));
            })
        }),
        input("waivers of airworthy.yaml", |length| {
            let text = format!(
                "waive:\n{}",
                lines(length, |at| format!("  - {{check: swap-off, host: n{at}, reason: later}}"))
            );
            Box::new(move || {
                let _ = black_box(Config::parse("airworthy.yaml", &text));
            })
        }),
        input("blocks of ssh_config", |length| {
            let folder: TempDir = crate::environment::folder();
            let path = folder.path().join("config");
            fs::write(
                &path,
                lines(length, |at| format!("Host n{at}\n  User u{at}\n  GSSAPIAuthentication yes")),
            )
            .expect("written");
            let mut options = Options::from_environment();
            options.config = ConfigFiles { user: Some(path), system: None };
            let ssh = Ssh::new(options);
            let hosts = vec![Host { connection: Connection::ssh("n1"), ..plain_host() }];
            Box::new(move || {
                black_box((ssh.warnings(&hosts), &folder));
            })
        }),
    ]
}

fn plain_host() -> Host {
    Host {
        name: "n1".into(),
        roles: Default::default(),
        accelerator: None,
        layout: None,
        ip: None,
        access_ip: None,
        connection: Connection::ssh("n1"),
    }
}
