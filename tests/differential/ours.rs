//! What airworthy finds, in saved facts of the same hosts.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::case::{Case, Facts, here};
use crate::environment;

/// The checks that the asserts have to do with.
const CHECKS: [&str; 6] = [
    "inventory-*",
    "os-supported",
    "memory-minimum",
    "ip-matches-inventory",
    "kernel-version",
    "container-manager-change",
];

/// The checks that failed, with a message of each.
pub(crate) fn failed(case: &Case) -> BTreeMap<String, String> {
    let folder = environment::folder();
    let inventory = case.write(folder.path());
    let saved = folder.path().join("saved");
    fs::create_dir(&saved).unwrap();
    let hosts = case.hosts();
    for (position, (name, variables, facts)) in hosts.iter().enumerate() {
        let ip = variables.get("ip").and_then(Value::as_str).unwrap_or_default();
        let document = document(name, ip, facts, position, hosts.len());
        fs::write(saved.join(format!("{position}.json")), document.to_string()).unwrap();
    }
    let mut command = environment::command(env!("CARGO_BIN_EXE_airworthy"));
    command.current_dir(folder.path()).args(["check", "--format", "json", "--devbox", "none"]);
    command.arg("-i").arg(inventory).arg("--facts").arg(saved);
    command.arg("--kubespray").arg(here().join("kubespray"));
    for words in &case.extra {
        command.args(["-e", words]);
    }
    for check in CHECKS {
        command.args(["--select", check]);
    }
    let answer = command.output().unwrap();
    let report: Value = serde_json::from_slice(&answer.stdout).unwrap_or_else(|error| {
        panic!("{}: {error}: {}", case.name, String::from_utf8_lossy(&answer.stderr))
    });
    let mut failed = BTreeMap::new();
    for result in report["results"].as_array().unwrap() {
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        // What cannot be told is no finding of the fault, and no healthy inventory either.
        match text("status").as_str() {
            "fail" => _ = failed.insert(text("check"), text("message")),
            "unknown" => _ = failed.insert(format!("{} is unknown", text("check")), text("message")),
            _ => {}
        }
    }
    let is_go = report["verdict"] == "go";
    let errors = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .any(|it| it["severity"] == "error" && matches!(it["status"].as_str(), Some("fail" | "unknown")));
    assert_eq!(is_go, !errors, "{}: the verdict is what the findings say", case.name);
    failed
}

/// A host's document, with what the checks look at.
fn document(name: &str, ip: &str, facts: &Facts, position: usize, hosts: usize) -> Value {
    let known = |value: Value| json!({"known": value, "source": "the case"});
    let version = if facts.os[1].is_empty() {
        json!({"absent": true, "source": "the case"})
    } else {
        known(json!(facts.os[1]))
    };
    json!({
        "schema": "airworthy/facts/v1",
        "inventory": {
            "kind": "kubespray", "sources": ["hosts.yml"], "digest": "sha256:0", "position": position, "hosts": hosts
        },
        "host": {
            "name": name, "address": ip, "peer_address": ip, "roles": ["worker"], "accelerator": null, "layout": null
        },
        "gathered_at": null,
        "duration_ms": null,
        "facts": {
            "os": {
                "id": known(json!(facts.os[0])),
                "version_id": version,
                "kernel_release": known(json!(facts.kernel)),
            },
            "memory": {"total_mib": known(json!(facts.memory_mb))},
            "network": {
                "addresses": known(json!(facts.addresses)),
                "address_assigned": known(json!(facts.addresses.iter().any(|own| own == ip))),
            },
            "container_runtime": {"managers_running": known(json!(facts.managers))},
        },
        "unreachable": null,
    })
}
