//! Every check that ships: its examples, and the laws that hold for all of them.

use std::sync::Arc;

use airworthy::checks::{
    CheckFile, Example, Expected, Profile, Profiles, Source, Status, compile, meets, run_example, shipped,
};

fn profile() -> Profile {
    Profiles { shipped: shipped::PROFILES }.named("openpai").expect("the profile loads")
}

fn each(mut f: impl FnMut(&Arc<airworthy::checks::Check>, &Profile)) {
    let profile = profile();
    for (id, text) in shipped::CHECKS {
        let file = format!("checks/{id}.yaml");
        let source = Source { file: &file, id, text };
        let check = compile(&source, &profile).unwrap_or_else(|error| panic!("{error}"));
        f(&Arc::new(check), &profile);
    }
}

#[test]
fn examples_come_out_as_they_say() {
    let mut wrong = Vec::new();
    each(|check, profile| {
        for (at, example) in check.file.examples.iter().enumerate() {
            match run_example(check, example, profile) {
                Ok(verdict) if meets(example, &verdict) => {}
                Ok(verdict) => wrong.push(format!(
                    "{} example {}: expected {:?}, is {:?}: {}",
                    check.id,
                    at + 1,
                    example.expect,
                    verdict.status,
                    verdict.message
                )),
                Err(error) => wrong.push(format!("{} example {}: {error}", check.id, at + 1)),
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_its_examples_a_check_is_the_same() {
    let profile = profile();
    each(|check, _| {
        let (_, text) = shipped::CHECKS.iter().find(|(id, _)| **id == *check.id).expect("it ships");
        let text = shipped::without_examples(text);
        let bare = compile(&Source { file: "", id: &check.id, text }, &profile).expect("it compiles");
        assert!(bare.file.examples.is_empty(), "{}", check.id);
        let whole = CheckFile { examples: Vec::new(), ..check.file.clone() };
        assert_eq!(bare.file, whole);
    });
}

#[test]
fn each_has_an_example_that_passes_one_that_fails_and_one_that_is_unknown() {
    each(|check, _| {
        for expected in [Expected::Pass, Expected::Fail, Expected::Unknown] {
            let has = check.file.examples.iter().any(|example| example.expect == expected);
            assert!(has, "{} has no example that is {expected:?}", check.id);
        }
    });
}

/// No false GO: whatever fact of a passing example could not be read, the verdict is not a pass by other
/// means than the facts that are left, and never becomes not-applicable.
#[test]
fn blanking_a_fact_never_lets_a_failing_check_pass() {
    each(|check, profile| {
        for example in &check.file.examples {
            if !matches!(example.expect, Expected::Pass | Expected::Fail | Expected::Unknown) {
                continue;
            }
            for blanked in blanked(example) {
                let before = example.expect.status();
                let verdict = run_example(check, &blanked, profile).expect("an example");
                let allowed = match before {
                    // A pass may rest on the other facts alone (`a || b`), or be unknown now.
                    Status::Pass => matches!(verdict.status, Status::Pass | Status::Unknown),
                    _ => !matches!(verdict.status, Status::Pass | Status::NotApplicable),
                };
                assert!(allowed, "{}: {before:?} became {:?} without {blanked:?}", check.id, verdict.status);
            }
        }
    });
}

/// A pass that rests on a fact alone is lost with all facts gone.
#[test]
fn nothing_passes_without_facts() {
    each(|check, profile| {
        for example in check.file.examples.iter().filter(|e| e.expect == Expected::Pass) {
            let empty = Example {
                facts: Default::default(),
                fleet: Default::default(),
                probe: None,
                ..example.clone()
            };
            let verdict = run_example(check, &empty, profile).expect("an example");
            // The script's own end mark is what `ssh.answered` stands for, and it is a fact like others.
            assert_eq!(verdict.status, Status::Unknown, "{}: {}", check.id, verdict.message);
        }
    });
}

fn blanked(example: &Example) -> Vec<Example> {
    let mut all = Vec::new();
    for (subject, fields) in &example.facts {
        for field in fields.keys() {
            let mut without = example.clone();
            if let Some(fields) = without.facts.get_mut(subject) {
                fields.remove(field);
            }
            all.push(without);
        }
    }
    for field in example.fleet.keys() {
        let mut without = example.clone();
        without.fleet.remove(field);
        all.push(without);
    }
    all
}
