//! Answers of hosts as they came, against what they are to be read as: a folder of `fixtures/hosts` is a test case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use airworthy::checks::{Catalog, Judge, Profile, Status, Verdict};
use airworthy::facts::fleet::{self, Essence};
use airworthy::facts::{
    self, Circumstances, Deployment, HostFacts, HostRecord, Layout, Outcome, Reading, Seen, Subject,
    Transcript,
};
use airworthy::gather::{self, Answered};
use airworthy::role::Role;
use bytes::Bytes;
use rayon::prelude::*;
use serde_json::Value;

use crate::environment;
use crate::harness::shipped_checks;

/// Whether a check may pass though one of its facts is unknown, because the others are enough.
fn is_enough(check: &str, without: &str, subject: &Subject, facts: &HostFacts) -> bool {
    match (check, without) {
        // No daemon.json, no key of it that could be a flag as well.
        ("docker-config-conflict", "docker.flag_keys") => facts.docker.config.reading == Reading::Absent,
        // No GPU is promised, and none is asked who computes on it.
        ("host-dedicated", "gpu.compute_processes") => {
            subject.accelerator.as_deref() != Some("nvidia.com/gpu")
        }
        // The profile has limits, lists or networks of its own: what kubespray and its inventory say is not asked.
        (
            "os-supported"
            | "cidr-overlap"
            | "cpu-count"
            | "ports-free"
            | "kernel-modules-loadable"
            | "ntp-enabled"
            | "python-present"
            | "registry-reachable",
            fact,
        ) => fact.starts_with("variables.") || fact.starts_with("kubespray."),
        // A name that resolves needs no registry's word.
        ("dns-resolves", "registries.asked") => facts.dns.resolves.value() != Some(&false),
        _ => false,
    }
}

/// A recorded answer.
struct Host {
    name: String,
    folder: PathBuf,
    raw: Bytes,
    answered: Answered,
}

fn hosts() -> Vec<Host> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/hosts"));
    let entries = fs::read_dir(&root).expect("fixtures/hosts").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 8, "recorded hosts are missing: {folders:?}");
    folders.into_iter().map(Host::load).collect()
}

impl Host {
    fn load(folder: PathBuf) -> Host {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let raw = fs::read(folder.join("transcript")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let raw = Bytes::from(raw);
        let boundary = gather::boundary_of(&raw).unwrap_or_else(|error| panic!("{name}: {error}"));
        let answered = gather::take_apart(raw.clone(), &boundary, &facts::host::probes())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Host { name, folder, raw, answered }
    }

    /// What the transcript says, at the moment at which it was written.
    fn parse(&self, transcript: &Transcript) -> HostFacts {
        let clock = self.answered.clock.expect("the answer tells its clock");
        let circumstances = Circumstances { host_epoch_s: clock.seconds as i64, ..Circumstances::default() };
        facts::host::parse(transcript, &circumstances)
    }
}

fn profile() -> &'static (Profile, Catalog) {
    shipped_checks("openpai", "")
}

/// What an inventory might say of a host: an infra host, a worker, and workers that promise accelerators.
fn subjects() -> Vec<Subject> {
    let of = |role: Role, accelerator: Option<&str>| Subject {
        name: "host".to_owned(),
        roles: BTreeSet::from([role]),
        accelerator: accelerator.map(str::to_owned),
        layout: Some(Layout {
            machine_type: "machine".to_owned(),
            memory_mib: Some(65536),
            cpus: Some(16),
            accelerator_model: accelerator.map(|_| "V100".to_owned()),
            accelerator_count: accelerator.map(|_| 2),
        }),
        ..Subject::default()
    };
    vec![
        of(Role::Infra, None),
        of(Role::Worker, None),
        of(Role::Worker, Some("nvidia.com/gpu")),
        of(Role::Worker, Some("amd.com/gpu")),
        of(Role::Worker, Some("enflame.com/dtu")),
    ]
}

thread_local! {
    /// A judge that has judged others before.
    static SEASONED: Judge<'static> = Judge::new(&profile().1, &profile().0, &Deployment::default());
}

/// What every check says of a host with these facts: the same, whomever the judge saw before.
fn verdicts(subject: &Subject, facts: &HostFacts) -> Vec<Verdict> {
    let (profile, catalog) = profile();
    let record = HostRecord {
        subject: subject.clone(),
        gathered_at: None,
        duration_ms: None,
        outcome: Outcome::Gathered(Box::new(facts.clone())),
    };
    let fleet = fleet::compare(&[record.clone().map(Essence::from)]);
    let judge = Judge::new(catalog, profile, &Deployment::default());
    let mut verdicts = judge.host(&record);
    assert_eq!(SEASONED.with(|judge| judge.host(&record)), verdicts, "a precedent was followed that is none");
    verdicts.extend(judge.fleet(&[record], &fleet));
    verdicts
}

/// Every leaf of a document by its path.
fn leaves(path: String, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| leaves(format!("{path}.{key}"), value, into));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(at, value)| leaves(format!("{path}[{at}]"), value, into));
        }
        _ => {
            into.insert(path, value.clone());
        }
    }
}

#[test]
fn answers_are_read_as_recorded() {
    let mut wrong = Vec::new();
    for host in hosts() {
        let facts = serde_json::to_value(host.parse(&host.answered.transcript)).expect("facts are JSON");
        let file = host.folder.join("facts.json");
        if environment::variable("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
            let text = serde_json::to_string_pretty(&facts).expect("facts are JSON") + "\n";
            fs::write(&file, text).expect("facts.json is written");
        }
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 writes it", file.display()));
        let golden: Value = serde_json::from_str(&text).expect("facts.json is JSON");
        let (mut read, mut wanted) = (BTreeMap::new(), BTreeMap::new());
        leaves(String::new(), &facts, &mut read);
        leaves(String::new(), &golden, &mut wanted);
        for path in read.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
            if read.get(path) != wanted.get(path) {
                let (name, wanted, read) = (&host.name, wanted.get(path), read.get(path));
                wrong.push(format!("{name} {path}: wanted {wanted:?}, read {read:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One real card, asked by both paths within a second: the same value in every fact, but for its temperature, which moves by
/// itself, and its NVLinks, which `nvidia-smi -q` does not tell.
#[test]
fn nvml_and_nvidia_smi_tell_the_same_of_a_real_card() {
    let told = |name: &str, source: &str| {
        let host = hosts().into_iter().find(|host| host.name == name).expect("it is recorded");
        let facts = host.parse(&host.answered.transcript);
        assert_eq!(facts.gpu.enumerated.source, source);
        let mut card = facts.gpu.enumerated.value().expect("a card is told")[0].clone();
        (card.temperature_c, card.nvlinks, card.nvlinks_active) = Default::default();
        let mut facts = serde_json::to_value(&facts.gpu).expect("facts are JSON");
        facts["enumerated"] = serde_json::to_value(card).expect("a card is JSON");
        let fields = facts.as_object_mut().expect("a subject").iter_mut();
        fields.for_each(|(_, fact)| drop(fact.as_object_mut().and_then(|fact| fact.remove("source"))));
        facts
    };
    let (nvml, smi) = (told("h100", "NVML"), told("h100-nvidia-smi", "nvidia-smi -q -x"));
    assert_eq!(nvml["models"]["known"][0], "NVIDIA H100 80GB HBM3");
    assert_eq!(nvml, smi);
}

#[test]
fn nothing_passes_on_an_unknown_fact() {
    let mut passed = BTreeSet::new();
    let mut wrong = Vec::new();
    for host in hosts() {
        let facts = host.parse(&host.answered.transcript);
        let tree = facts.tree(|_, _| true, &mut Seen::default());
        for subject in subjects() {
            for verdict in verdicts(&subject, &facts).into_iter().filter(|v| v.status == Status::Pass) {
                for found in verdict.found.iter() {
                    let mut path = found.fact.split('.');
                    let fact = path.next().zip(path.next()).and_then(|(s, f)| tree.get(s)?.get(f));
                    let unknown = fact.is_some_and(|fact| matches!(fact.reading, Reading::Unknown(_)));
                    if unknown && !is_enough(&verdict.check, &found.fact, &subject, &facts) {
                        wrong.push(format!(
                            "{}: {} passes, {} is unknown",
                            host.name, verdict.check, found.fact
                        ));
                    }
                }
                passed.insert(Arc::clone(&verdict.check));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed.len() > 20, "hardly anything passes on any recorded host: {passed:?}");
}

#[test]
fn an_answer_that_was_cut_is_never_whole() {
    for host in hosts() {
        let boundary = gather::boundary_of(&host.raw).expect("the answer's boundary");
        let probes = facts::host::probes();
        let end = host.raw.len();
        for at in (0..200).map(|part| end * part / 200) {
            let cut = gather::take_apart(host.raw.slice(..at), &boundary, &probes);
            assert!(cut.is_err(), "{}: the first {at} of {end} bytes are a whole answer", host.name);
        }
    }
}

/// No false GO: whatever part of an answer is not there, a check that fails with it does not pass without.
#[test]
fn a_section_that_is_missing_lets_nothing_pass() {
    let hosts = hosts();
    let cases: Vec<(&Host, Subject)> =
        hosts.iter().flat_map(|host| subjects().into_iter().map(move |subject| (host, subject))).collect();
    // Hundreds of hosts' worth of verdicts: on all cores.
    let judged: Vec<(usize, Vec<String>)> = cases
        .par_iter()
        .map(|(host, subject)| {
            let whole = &host.answered.transcript;
            let mut failed = verdicts(subject, &host.parse(whole));
            failed.retain(|v| v.status == Status::Fail);
            let mut wrong = Vec::new();
            for name in whole.sections().keys() {
                for now in verdicts(subject, &host.parse(&blanked(whole, name))) {
                    let before = failed.iter().any(|v| v.check == now.check && v.host == now.host);
                    if before && matches!(now.status, Status::Pass | Status::NotApplicable) {
                        let status = now.status;
                        wrong.push(format!("{}: without {name} {} is {status:?}", host.name, now.check));
                    }
                }
            }
            (failed.len(), wrong)
        })
        .collect();
    let failing: usize = judged.iter().map(|(failing, _)| failing).sum();
    let wrong: Vec<String> = judged.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(failing > 50, "hardly anything fails on any recorded host: {failing}");
}

/// The transcript without one section.
fn blanked(whole: &Transcript, section: &str) -> Transcript {
    let mut sections = whole.sections().clone();
    sections.remove(section);
    Transcript::new(sections)
}
