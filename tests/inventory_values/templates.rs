//! Templates, against Ansible's own answers.

use std::fs;
use std::path::{Path, PathBuf};

use airworthy::inventory::{Inventory, load};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::{folder, with};
use crate::environment;

/// The folder of recorded answers.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/inventories/templates")
}

/// Cases whose answer Ansible gave: `cases.json`, recorded with ansible-core 2.19.
fn cases() -> Vec<Value> {
    let text = fs::read_to_string(fixtures().join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The recorded inventory, with each case as a variable `case<number>` of `n1`.
fn inventory_of(cases: &[Value]) -> (tempfile::TempDir, Inventory) {
    let variables: serde_json::Map<String, Value> =
        cases.iter().enumerate().map(|(at, case)| (format!("case{at}"), case["template"].clone())).collect();
    let hosts = fs::read_to_string(fixtures().join("hosts.yml")).unwrap();
    let folder =
        folder(&[("hosts.yml", &hosts), ("host_vars/n1.json", &Value::Object(variables).to_string())]);
    let inventory = load(&[folder.path().join("hosts.yml")]).unwrap();
    (folder, inventory)
}

/// What is not even tried, though Ansible has an answer: it is told as unknown, never guessed.
const NOT_TRIED: [&str; 3] =
    ["{{ \"%02d\" | format(b) }}", "{{ list | union(['z']) }}", "{{ list | difference(['a']) }}"];

#[test]
fn templates_have_ansibles_values() {
    let cases = cases();
    let (_folder, inventory) = inventory_of(&cases);
    let (mut wrong, mut answered) = (Vec::new(), 0);
    for (at, case) in cases.iter().enumerate() {
        let template = case["template"].as_str().unwrap();
        let ours = inventory.value_of("n1", &format!("case{at}"));
        let same = match (&ours, case.get("value")) {
            (Ok(ours), Some(theirs)) => {
                answered += 1;
                ours.as_ref().unwrap_or(&Value::Null) == theirs
            }
            (Err(_), None) => true,
            // Whoever uses a variable that is `omit` leaves it out.
            (Ok(None), None) => case["error"].as_str().unwrap().contains("Omit"),
            (Err(_), Some(_)) => NOT_TRIED.contains(&template),
            (Ok(_), None) => false,
        };
        if !same {
            wrong.push(format!("{template}\n    ours:   {ours:?}\n    theirs: {case}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(answered >= 100, "{answered}");
}

/// The same against the Ansible of this machine, in one run.
#[test]
fn templates_have_the_values_of_the_ansible_that_is_here() {
    let Some(ansible) = environment::ansible("ansible") else {
        eprintln!("note: skipped, there is no ansible on PATH");
        return;
    };
    let cases = cases();
    let (folder, inventory) = inventory_of(&cases);
    let decided: serde_json::Map<String, Value> = cases
        .iter()
        .enumerate()
        .filter(|(_, case)| case.get("value").is_some())
        .filter_map(|(at, case)| {
            inventory.value_of("n1", &format!("case{at}")).ok()?;
            Some((format!("case{at}"), case["template"].clone()))
        })
        .collect();
    let all = folder.path().join("all.json");
    fs::write(&all, json!({ "all_cases": decided }).to_string()).unwrap();
    let output = environment::ansible_command(ansible)
        .args(["n1", "-c", "local", "-m", "debug", "-a", "msg={{ all_cases }}", "-i"])
        .arg(folder.path().join("hosts.yml"))
        .arg("-e")
        .arg(format!("@{}", all.display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said: Value = serde_json::from_str(&text[text.find('{').unwrap()..])
        .unwrap_or_else(|error| panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)));
    for (name, theirs) in said["msg"].as_object().unwrap() {
        let ours = inventory.value_of("n1", name).unwrap().unwrap_or(Value::Null);
        assert_eq!(&ours, theirs, "{}", decided[name]);
    }
}

#[test]
fn what_only_a_run_knows_is_named_and_not_guessed() {
    for (template, named) in [
        ("{{ ansible_default_ipv4.address }}", "ansible_default_ipv4"),
        ("{{ ansible_default_ipv4.address | default('10.0.0.1') }}", "ansible_default_ipv4"),
        ("{{ ansible_facts.hostname }}", "ansible_hostname"),
        ("{{ ansible_user | default('root') }}", "ansible_user"),
        ("{{ lookup('env', 'HOME') }}", "lookup('env')"),
        ("{{ query('file', '/etc/hostname') }}", "query('file')"),
        ("{{ playbook_dir }}", "playbook_dir"),
        ("{{ ansible_version.full }}", "ansible_version"),
        ("{{ now() }}", "now()"),
        ("{{ '10.0.0.0/24' | ansible.utils.ipaddr('network') }}", "ipaddr"),
        ("{{ 'x' | ipaddr }}", "ipaddr"),
        ("{{ hostvars['node2'].ansible_default_ipv4.address }}", "ansible_default_ipv4"),
        ("{{ nowhere }}", "nowhere"),
        ("{{ nowhere.at.all }}", "nowhere"),
        ("{{ a_mapping | dict2items }}", "order"),
        ("{{ a_mapping }}x", "order"),
        ("{{ range(100000000) | list }}", "costs"),
        ("{{ 'x' * 100000000 }}", "costs"),
        ("{{ 2 ** 9999 }}", "64 bits"),
        ("{% macro m() %}{% endmacro %}x", "template"),
        ("{{ 'unclosed", "template"),
        ("{{ other }}", "lookup"),
    ] {
        let inventory = with(&json!({
            "it": template,
            "a_mapping": {"z": 1, "a": 2},
            "other": "{{ lookup('pipe', 'date') }}"
        }));
        let refused = inventory.value_of("node1", "it").expect_err(template);
        assert!(refused.reason.contains(named), "{template}: {refused}");
        assert!(
            refused.origin.ends_with("node1.json") || refused.origin.contains("node1.json:"),
            "{refused}"
        );
    }
}

#[test]
fn nesting_and_circles_end() {
    let mut chain: serde_json::Map<String, Value> =
        (0..500).map(|at| (format!("v{at}"), json!(format!("{{{{ v{} }}}}", at + 1)))).collect();
    chain.insert("v500".to_owned(), json!("end"));
    chain.insert(
        "parentheses".to_owned(),
        json!(format!("{{{{ {}1{} }}}}", "(".repeat(3000), ")".repeat(3000))),
    );
    chain.insert("lists".to_owned(), json!(format!("{{{{ {}1{} }}}}", "[".repeat(140), "]".repeat(140))));
    chain.insert("doubling0".to_owned(), json!("xxxxxxxxxx"));
    for at in 1..60 {
        let below = format!("{{{{ doubling{} }}}}", at - 1);
        chain.insert(format!("doubling{at}"), json!(below.repeat(2)));
    }
    let inventory = with(&Value::Object(chain));
    for name in ["v0", "parentheses", "doubling59"] {
        assert!(inventory.value_of("node1", name).is_err(), "{name}");
    }
    assert_eq!(inventory.value_of("node1", "v480").unwrap(), Some(json!("end")));
    let _ = inventory.value_of("node1", "lists");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a variable ends in a value or a reason, soon.
    #[test]
    fn no_template_panics(words in prop::collection::vec(prop::sample::select(WORDS), 0..24), free in "[ -~äß→]{0,12}") {
        let template = format!("{{{{ {} }}}}{free}{{% {} %}}", words.join(" "), words.iter().rev().copied().collect::<Vec<_>>().join(""));
        let inventory = with(&json!({"it": template, "also": format!("{{{{ {} }}}}", words.join("")), "x": [1, "b", null], "m": {"k": "{{ it }}"}}));
        let _ = inventory.value_of("node1", "it");
        let _ = inventory.value_of("node1", "also");
    }
}

/// Pieces of templates.
const WORDS: &[&str] = &[
    "x",
    "m",
    "it",
    "hostvars",
    "groups",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "|",
    ".",
    ",",
    ":",
    "'",
    "\"",
    "~",
    "+",
    "-",
    "*",
    "**",
    "//",
    "%",
    "==",
    "<",
    "in",
    "not",
    "is",
    "if",
    "else",
    "and",
    "or",
    "1",
    "-9223372036854775808",
    "2.5",
    "'a'",
    "list",
    "sort",
    "first",
    "join",
    "map",
    "int",
    "default",
    "combine",
    "regex_replace",
    "replace",
    "for i in x",
    "endfor",
    "set a =",
    "range(9)",
    "[::-1]",
    "['k']",
    "round",
    "min",
    "defined",
    "\\",
    "}}",
    "{{",
    "%}",
    "{%",
];
