//! What a host's answer costs the client once it is there: taken apart, read and judged, on one core, without SSH.
//!
//! `cargo bench --bench answers [-- --hosts N --runs N]`. The answer is the sweep's, of hosts that differ in what is a
//! host's own. Of the runs the quickest counts: what others do on the machine only ever adds.
#![allow(clippy::print_stdout, reason = "figures are what a benchmark gives")]

use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, Instant};

use airworthy::checks::{Catalog, Judge, Profiles, Source, shipped};
use airworthy::facts::fleet::Essence;
use airworthy::facts::{self, Circumstances, Deployment, Fact, HostRecord, Outcome, Subject};
use airworthy::gather;
use airworthy::role::Role;
use bytes::Bytes;

/// What a healthy host said.
const ANSWER: &str = include_str!("../sweep/answer.txt");
const BOUNDARY: &str = "0123456789abcdef0123456789abcdef";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let flag = |name: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(default, |at| arguments[at + 1].parse().expect("a number"))
    };
    let (hosts, runs) = (flag("--hosts", 1000), flag("--runs", 15));
    let profile = Profiles { shipped: shipped::PROFILES }.named("openpai").expect("the profile");
    let files: Vec<String> = shipped::CHECKS.iter().map(|(id, _)| format!("{id}.yaml")).collect();
    let checks = shipped::CHECKS.iter().zip(&files);
    let sources: Vec<Source<'_>> = checks.map(|((id, text), file)| Source { file, id, text }).collect();
    let catalog = Catalog::load(&sources, &[], &profile).expect("the checks");
    let answers: Vec<Bytes> = (0..hosts).map(|host| answer(host).into()).collect();
    let probes = facts::host::probes();

    let mut least = [Duration::MAX; 4];
    for _ in 0..runs {
        let mut took = [Duration::ZERO; 4];
        let mut time = |stage: usize, since: Instant| took[stage] += since.elapsed();
        let judge = Judge::new(&catalog, &profile, &Deployment::default());
        let mut kept = Vec::with_capacity(hosts);
        for (host, answer) in answers.iter().enumerate() {
            let start = Instant::now();
            let answered = gather::take_apart(answer.clone(), BOUNDARY, &probes).expect("an answer");
            time(0, start);
            let start = Instant::now();
            let facts = facts::host::parse(&answered.transcript, &circumstances(host));
            time(1, start);
            let record = HostRecord {
                subject: subject(host),
                gathered_at: None,
                duration_ms: None,
                outcome: Outcome::Gathered(Box::new(facts)),
            };
            let start = Instant::now();
            let verdicts = judge.host(&record);
            time(2, start);
            let start = Instant::now();
            kept.push((record.map(Essence::from), verdicts));
            drop(answered);
            time(3, start);
        }
        for (least, took) in least.iter_mut().zip(took) {
            *least = took.min(*least);
        }
    }
    println!("{hosts} hosts, the quickest of {runs} runs, microseconds a host");
    for (stage, took) in ["take apart", "read", "judge", "let go"].into_iter().zip(least) {
        println!("{stage:<12}{:>8.1}", took.as_secs_f64() * 1e6 / hosts as f64);
    }
}

fn name(host: usize) -> String {
    format!("node{host:04}")
}

fn address(host: usize) -> String {
    format!("127.0.{}.{}", host / 250 + 1, host % 250 + 1)
}

fn answer(host: usize) -> String {
    let own = [
        ("{BOUNDARY}", BOUNDARY),
        ("{CLOCK}", "1700000000.000000000"),
        ("{ADDRESS}", &address(host)),
        ("{NAME}", &name(host)),
        ("{ID}", &format!("{host:032x}")),
        ("{UUID}", &format!("{host:08x}-255f-4f93-95c9-b3c659e7af2f")),
        ("{MAC}", &format!("02:42:7f:00:{:02x}:{:02x}", host / 256, host % 256)),
        ("{KEY}", &format!("ssh-ed25519 {host:068x}")),
        ("{PEERS}", "10.0.0.1 22 connected\n10.0.0.2 22 connected\n"),
        ("{REGISTRIES}", "registry\thttps://docker.io\t 401\n"),
    ];
    own.into_iter().fold(ANSWER.to_owned(), |text, (word, value)| text.replace(word, value))
}

fn circumstances(host: usize) -> Circumstances {
    Circumstances {
        user: Fact::known("ops".to_owned(), "the login"),
        login: Fact::known("publickey".to_owned(), "the login"),
        host_key: Fact::known("known".to_owned(), "known_hosts"),
        host_key_fingerprint: Fact::known(format!("SHA256:{host:043x}"), "SSH key exchange"),
        host_epoch_s: 1_700_000_000,
        node_ip: Some(address(host)),
        peers: vec![("10.0.0.1".to_owned(), 22), ("10.0.0.2".to_owned(), 22)],
        registries: vec!["https://docker.io".to_owned()],
        ..Circumstances::default()
    }
}

fn subject(host: usize) -> Subject {
    let roles = BTreeSet::from([if host < 3 { Role::Infra } else { Role::Worker }]);
    Subject { name: name(host), address: address(host), roles, ..Subject::default() }
}
