//! What is known of a bad host is taken away, one fact after the other and in every way: none of it makes a GO of a NO-GO.
//!
//! `cargo test --test integration -- --ignored every_deletion --nocapture` tries them all, some 10,000; a sample is a test.

#![allow(clippy::print_stdout)] // how many were tried

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use airworthy::checks::{
    Catalog, Config, Expected, Judge, Profile, Profiles, Severity, Source, Status, Verdict, shipped,
};
use airworthy::facts::Deployment;
use airworthy::facts::saved::SavedHost;
use serde_json::{Map, Value, json};

/// A healthy cluster's hosts, the checks, and what the cluster is to be.
struct Cluster {
    hosts: BTreeMap<String, Value>,
    catalog: Catalog,
    profile: Profile,
    deployment: Deployment,
}

/// A host's document with one fault in it, and the facts that show the fault.
struct Faulty {
    check: String,
    document: Value,
    facts: Vec<(String, String)>,
}

/// A way of taking something away from a document.
type Deletion = (&'static str, fn(&mut Map<String, Value>, &str, &str));

/// Facts stand under a subject and a field.
const DELETIONS: &[Deletion] = &[
    ("the field", |facts, subject, field| drop(fields(facts, subject).remove(field))),
    ("its value, null", |facts, subject, field| put(facts, subject, field, json!(null))),
    ("its value, an empty mapping", |facts, subject, field| put(facts, subject, field, json!({}))),
    ("its value, an empty list", |facts, subject, field| put(facts, subject, field, json!([]))),
    ("its value, an empty text", |facts, subject, field| put(facts, subject, field, json!(""))),
    ("its value, a number", |facts, subject, field| put(facts, subject, field, json!(0))),
    ("its value, true", |facts, subject, field| put(facts, subject, field, json!(true))),
    ("all but its source", |facts, subject, field| put(facts, subject, field, json!({"source": "/proc"}))),
    ("what is known, for a reason", |facts, subject, field| {
        put(facts, subject, field, json!({"unknown": "no answer within 5.0 s", "source": "/proc"}));
    }),
    ("what is known, for an empty reason", |facts, subject, field| {
        put(facts, subject, field, json!({"unknown": ""}))
    }),
    ("what is known, for no reason", |facts, subject, field| {
        put(facts, subject, field, json!({"unknown": null}))
    }),
    ("what is known, which is not absent", |facts, subject, field| {
        put(facts, subject, field, json!({"absent": false}))
    }),
    ("the certainty", |facts, subject, field| {
        let mut fact = fields(facts, subject).get(field).cloned().unwrap_or_default();
        if let Some(fact) = fact.as_object_mut() {
            fact.insert("unknown".to_owned(), json!("in doubt"));
        }
        put(facts, subject, field, fact);
    }),
    ("the whole subject", |facts, subject, _| drop(facts.remove(subject))),
    ("the subject, null", |facts, subject, _| drop(facts.insert(subject.to_owned(), json!(null)))),
    ("the subject, an empty mapping", |facts, subject, _| drop(facts.insert(subject.to_owned(), json!({})))),
    ("the subject, an empty list", |facts, subject, _| drop(facts.insert(subject.to_owned(), json!([])))),
    ("the subject, a text", |facts, subject, _| drop(facts.insert(subject.to_owned(), json!("none")))),
    ("all subjects", |facts, _, _| facts.clear()),
];

fn fields<'f>(facts: &'f mut Map<String, Value>, subject: &str) -> &'f mut Map<String, Value> {
    let subject = facts.entry(subject).or_insert_with(|| json!({}));
    subject.as_object_mut().expect("a subject has fields")
}

fn put(facts: &mut Map<String, Value>, subject: &str, field: &str, value: Value) {
    fields(facts, subject).insert(field.to_owned(), value);
}

impl Cluster {
    fn healthy() -> Cluster {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters/healthy");
        let read =
            |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
        let hosts: BTreeMap<String, Value> = ["infra1", "infra2", "localhost", "worker1", "worker2"]
            .map(|name| {
                (name.to_owned(), serde_json::from_str(&read(&format!("{name}.json"))).expect("JSON"))
            })
            .into();
        let mut profile = Profiles { shipped: shipped::PROFILES }.named("openpai").expect("it ships");
        let config = Config::parse("airworthy.yaml", &read("airworthy.yaml")).expect("a configuration");
        let saved = SavedHost::parse(&hosts["infra1"].to_string()).expect("saved facts");
        for (name, value) in saved.inventory.parameters.into_iter().chain(config.parameters) {
            profile.set(&name, value).expect("a parameter");
        }
        let files: Vec<String> = shipped::CHECKS.iter().map(|(id, _)| format!("checks/{id}.yaml")).collect();
        let checks = shipped::CHECKS.iter().zip(&files);
        let sources: Vec<Source<'_>> = checks.map(|((id, text), file)| Source { file, id, text }).collect();
        let catalog = Catalog::load(&sources, &[], &profile).expect("the checks load");
        Cluster { hosts, catalog, profile, deployment: saved.inventory.deployment }
    }

    /// What is said of a host; nothing where its document is refused.
    fn judged(&self, document: &Value) -> Option<Vec<Verdict>> {
        let host = SavedHost::parse(&document.to_string()).ok()?;
        Some(Judge::new(&self.catalog, &self.profile, &self.deployment).host(&host.record()))
    }

    /// Every host with every fault that a check's own example shows, where that check stops the deployment by it.
    fn faulty(&self) -> Vec<Faulty> {
        let mut faulty = Vec::new();
        for (check, (host, healthy)) in
            self.catalog.checks().iter().flat_map(|check| self.hosts.iter().map(move |host| (check, host)))
        {
            for (at, example) in check.file.examples.iter().enumerate() {
                let is_of_facts =
                    example.fleet.is_empty() && example.params.is_empty() && example.probe.is_none();
                if example.expect != Expected::Fail || !is_of_facts || example.facts.is_empty() {
                    continue;
                }
                let mut document = healthy.clone();
                let mut facts = Vec::new();
                let own = document["facts"].as_object_mut().expect("facts");
                for (subject, told) in &example.facts {
                    for (field, value) in told {
                        let fact = match value {
                            Value::Null => json!({"absent": true, "source": "an example"}),
                            value => json!({"known": value, "source": "an example"}),
                        };
                        put(own, subject, field, fact);
                        facts.push((subject.clone(), field.clone()));
                    }
                }
                if let Some(resource) = &example.host.accelerator {
                    document["host"]["accelerator"] = json!(resource);
                }
                if let Some(layout) = &example.host.layout {
                    document["host"]["layout"] = json!(layout);
                }
                let verdicts = self.judged(&document).unwrap_or_default();
                if verdicts.iter().any(|verdict| *verdict.check == *check.id && stops(verdict)) {
                    faulty.push(Faulty {
                        check: format!("{} of {host}, example {}", check.id, at + 1),
                        document,
                        facts,
                    });
                }
            }
        }
        faulty
    }
}

/// Whether a verdict makes a NO-GO.
fn stops(verdict: &Verdict) -> bool {
    matches!(verdict.status, Status::Fail | Status::Unknown) && verdict.severity == Severity::Error
}

/// Tries every deletion whose number `step` divides; the wrong GOs, and how many were tried.
fn try_deletions(step: usize) -> (Vec<String>, usize) {
    let cluster = Cluster::healthy();
    for (name, document) in &cluster.hosts {
        let verdicts = cluster.judged(document).expect("saved facts");
        let stopping: Vec<_> =
            verdicts.iter().filter(|verdict| stops(verdict)).map(|verdict| &verdict.check).collect();
        assert!(stopping.is_empty() && !verdicts.is_empty(), "{name} is not healthy: {stopping:?}");
    }
    let faulty = cluster.faulty();
    assert!(faulty.len() >= 60, "{} faults", faulty.len());
    let cases: Vec<(&Faulty, &(String, String), &Deletion)> = faulty
        .iter()
        .flat_map(|faulty| faulty.facts.iter().map(move |fact| (faulty, fact)))
        .flat_map(|(faulty, fact)| DELETIONS.iter().map(move |deletion| (faulty, fact, deletion)))
        .step_by(step)
        .collect();
    let next = AtomicUsize::new(0);
    let wrong = thread::scope(|scope| {
        let work = || {
            let mut wrong = Vec::new();
            while let Some((faulty, (subject, field), (name, delete))) =
                cases.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let mut document = faulty.document.clone();
                delete(document["facts"].as_object_mut().expect("facts"), subject, field);
                // What is refused is an error, and no GO.
                let Some(verdicts) = cluster.judged(&document) else { continue };
                if !verdicts.iter().any(stops) {
                    wrong.push(format!("{}: without {name} ({subject}.{field}) it is GO", faulty.check));
                }
            }
            wrong
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    (wrong, cases.len())
}

#[test]
fn a_sample_of_deletions_makes_no_go() {
    let (wrong, tried) = try_deletions(97);
    assert!(tried > 100, "{tried} deletions");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "takes a minute; the sample above is tried each time"]
fn every_deletion_makes_no_go() {
    let (wrong, tried) = try_deletions(1);
    println!("{tried} deletions, {} wrong GOs", wrong.len());
    assert!(tried >= 5000, "{tried} deletions");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
