//! Reports for tests: a cluster in health, one with findings, a large one, a hostile one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::document::{
    FixOutcome, FixRow, HostOutcome, HostRow, INTERRUPTED, InventoryRow, KubesprayRow, Mode, ProfileSource,
    Report, SCHEMA, Scope, Summary, Tool, Unreachable,
};
use super::summary::{host_outcome, outcome};
use crate::checks::{Conclusion, Found, Severity, Status, Verdict};
use crate::role::Role;

/// A host that was reached.
pub(super) fn host(name: &str, address: &str, roles: &[Role]) -> HostRow {
    HostRow {
        name: name.to_owned(),
        address: address.to_owned(),
        roles: roles.to_vec(),
        verdict: HostOutcome::Go,
        reached: true,
        unreachable: None,
        gathered_at: Some("2026-07-01T03:12:45.120Z".to_owned()),
        duration_ms: Some(812),
    }
}

/// A host that was not.
pub(super) fn unreachable(name: &str, address: &str, stage: &str, reason: &str) -> HostRow {
    let why = Unreachable { stage: stage.to_owned(), reason: reason.to_owned() };
    HostRow {
        reached: false,
        unreachable: Some(why),
        gathered_at: None,
        duration_ms: None,
        ..host(name, address, &[Role::Worker])
    }
}

/// A verdict with as few words as possible.
pub(super) fn verdict(check: &str, host: Option<&str>, status: Status, severity: Severity) -> Verdict {
    let conclusion = Conclusion {
        check: check.into(),
        title: format!("Whatever {check} is about is as it should be").into(),
        severity,
        status,
        message: String::new().into(),
        expected: "ok == true".to_owned().into(),
        found: [].into(),
        reason: None,
        cause: None,
        remediation: "Mend it".to_owned().into(),
        references: vec!["https://example.org/why".to_owned()].into(),
        fixable: false,
    };
    Verdict::new(host.map(Into::into), conclusion.into())
}

/// A verdict of which some fields are otherwise.
macro_rules! altered {
    ($verdict:expr => { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut verdict = $verdict;
        $(verdict.$field = $value;)*
        verdict
    }};
}
pub(super) use altered;

fn found(fact: &str, value: Value, source: &str) -> Found {
    Found {
        fact: fact.to_owned().into(),
        value: value.into(),
        unknown: None,
        source: source.to_owned(),
        omitted: 0,
    }
}

/// A report with its counts and its answers made up from the rest.
pub(super) fn report(hosts: Vec<HostRow>, results: Vec<Verdict>) -> Report {
    let scope = Scope {
        limit: None,
        select: Vec::new(),
        skip: Vec::new(),
        devbox: "local".to_owned(),
        stage: "new".to_owned(),
        complete: true,
        interrupted: false,
    };
    scoped(scope, hosts, results)
}

fn scoped(scope: Scope, mut hosts: Vec<HostRow>, results: Vec<Verdict>) -> Report {
    for row in &mut hosts {
        let own = results.iter().filter(|v| v.host.as_deref() == Some(&row.name));
        row.verdict = host_outcome(row.reached, own, &scope, Severity::Error);
    }
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "airworthy".to_owned(), version: "0.1.0".to_owned() },
        mode: Mode::Live,
        verdict: outcome(&hosts, &results, &scope, Severity::Error),
        fail_on: Severity::Error,
        scope,
        started_at: "2026-07-01T03:12:44.003Z".to_owned(),
        duration_ms: 3_249,
        profile: "openpai".to_owned(),
        profile_source: ProfileSource::Inventory,
        parameters: BTreeMap::from([("worker_cpus".to_owned(), json!(4))]),
        inventory: InventoryRow { sources: vec!["layout.yaml".to_owned()], digest: "sha256:00".to_owned() },
        kubespray: Some(KubesprayRow { release: Some("2.12".to_owned()), checkout: None, commit: None }),
        summary: Summary::of(&hosts, &results),
        hosts,
        results,
        fixes: Vec::new(),
    }
}

/// A fix that went well.
pub(super) fn fix(host: &str) -> FixRow {
    FixRow {
        host: host.to_owned(),
        fix: "docker-nvidia-runtime".to_owned(),
        path: Some("/etc/docker/daemon.json".to_owned()),
        diff: Some("--- a\n+++ b\n".to_owned()),
        backup: Some("/etc/docker/daemon.json.airworthy-20260701T031244Z-0123456789ab".to_owned()),
        action: Some("systemctl reload docker".to_owned()),
        outcome: FixOutcome::Fixed,
        reason: None,
        file: Some("new".to_owned()),
        notes: Vec::new(),
        before: BTreeMap::from([("docker-default-runtime".to_owned(), Status::Fail)]),
        after: BTreeMap::from([("docker-default-runtime".to_owned(), Status::Pass)]),
    }
}

fn five() -> Vec<HostRow> {
    vec![
        host("devbox", "127.0.0.1", &[Role::Devbox]),
        host("infra01", "10.0.0.1", &[Role::Infra]),
        host("gpu01", "10.0.0.11", &[Role::Worker]),
        host("gpu02", "10.0.0.12", &[Role::Worker]),
        host("gpu03", "10.0.0.13", &[Role::Worker]),
    ]
}

fn passes(hosts: &[HostRow]) -> Vec<Verdict> {
    let mut passes = Vec::new();
    for row in hosts.iter().filter(|row| row.reached) {
        passes.push(altered!(verdict("os-supported", Some(&row.name), Status::Pass, Severity::Error) => {
            title: "The operating system is one that the deployment supports".to_owned().into(),
            found: [
                found("os.id", json!("ubuntu"), "/etc/os-release"),
                found("os.version", json!("18.04"), "/etc/os-release"),
            ]
            .into(),}));
        passes.push(verdict("sudo-privilege", Some(&row.name), Status::Pass, Severity::Error));
        if !row.roles.contains(&Role::Worker) {
            passes.push(
                altered!(verdict("gpu-present", Some(&row.name), Status::NotApplicable, Severity::Error) => {
                title: "A GPU is on the PCI bus".to_owned().into(),
                reason: Some("no GPU is promised for this host".to_owned().into()),}),
            );
        }
    }
    passes
}

/// The default runtime is not nvidia.
pub(super) fn runc(host: &str) -> Verdict {
    altered!(verdict("docker-default-runtime", Some(host), Status::Fail, Severity::Error) => {
        title: "Docker runs containers with the nvidia runtime by default".to_owned().into(),
        message: "default runtime is runc".to_owned().into(),
        expected: "docker.default_runtime == \"nvidia\" &&\n  docker.config[\"default-runtime\"] == \"nvidia\"".to_owned().into(),
        found: [
            found("docker.default_runtime", json!("runc"), "docker info"),
            found("docker.config[\"default-runtime\"]", Value::Null, "/etc/docker/daemon.json"),
        ].into(),
        remediation: "Set \"default-runtime\": \"nvidia\" in /etc/docker/daemon.json, then `sudo systemctl restart docker`.".to_owned().into(),
        fixable: true,})
}

/// A node that is dead.
pub(super) fn dead(row: &HostRow) -> Verdict {
    altered!(verdict("host-reachable", Some(&row.name), Status::Fail, Severity::Error) => {
        title: "The host answers on its SSH port".to_owned().into(),
        message: format!("no connection to {}:22 within 10 s", row.address).into(),
        expected: "The host answers on its SSH port".to_owned().into(),
        remediation: format!("Is it up, and does a firewall stand between? `nc -vz -w 5 {} 22`", row.address)
            .into(),})
}

/// Five hosts, all well.
pub(super) fn healthy() -> Report {
    let hosts = five();
    let mut results = passes(&hosts);
    results.push(verdict("clock-skew", None, Status::Pass, Severity::Error));
    report(hosts, results)
}

/// Five hosts: a wrong runtime, Docker down with what follows from it, a warning, an unknown, a
/// waiver, a finding of the fleet, one host dead.
pub(super) fn findings() -> Report {
    let mut hosts = five();
    hosts[4] = unreachable("gpu03", "10.0.0.13", "connect", "no connection to 10.0.0.13:22 within 10 s");
    let mut results = passes(&hosts);
    results.push(runc("gpu01"));
    results.push(altered!(verdict("docker-running", Some("gpu02"), Status::Fail, Severity::Error) => {
        title: "The Docker daemon answers".to_owned().into(),
        message: "docker info failed: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?".to_owned().into(),
        expected: "docker.running == true".to_owned().into(),
        found: [found("docker.running", json!(false), "docker info")].into(),
        remediation: "Find out why, then start it:\n    sudo journalctl -u docker --since -1h --no-pager | tail -50\n    sudo systemctl enable --now docker".to_owned().into(),}));
    for check in ["docker-default-runtime", "docker-config-conflict", "nvidia-runtime-installed"] {
        results.push(altered!(verdict(check, Some("gpu02"), Status::Unknown, Severity::Error) => {
            cause: Some("docker-running".into()),}));
    }
    results.push(altered!(verdict("ntp-synchronized", Some("infra01"), Status::Unknown, Severity::Error) => {
        title: "A time service keeps the clock".to_owned().into(),
        message: "could not be told".to_owned().into(),
        reason: Some("chronyc tracking took longer than 5 s".to_owned().into()),
        found: [Found {
            unknown: Some("no answer within 5.0 s".into()),
            ..found("time.synchronized", Value::Null, "chronyc tracking")
        }]
        .into(),
        expected: "time.synchronized == true".to_owned().into(),
        remediation: "Run `chronyc tracking` on the host; restart chrony where it hangs.".to_owned().into(),}));
    results.push(altered!(verdict("swap-off", Some("gpu01"), Status::Fail, Severity::Warning) => {
        title: "Swap is off".to_owned().into(),
        message: "2 GiB of swap on /swapfile".to_owned().into(),
        found: [found("memory.swap_total_mib", json!(2048), "/proc/swaps")].into(),
        expected: "memory.swap_total_mib == 0".to_owned().into(),
        remediation: "`sudo swapoff -a`, and remove the line from /etc/fstab; kubespray does both."
            .to_owned()
            .into(),}));
    results.push(
        altered!(verdict("firewall-active", Some("infra01"), Status::Waived, Severity::Warning) => {
        title: "No firewall is active".to_owned().into(),
        reason: Some("INC-77, the site's own rules; until 2026-09-01".to_owned().into()),}),
    );
    results.push(dead(&hosts[4]));
    results.push(altered!(verdict("clock-skew", None, Status::Fail, Severity::Error) => {
        title: "The infra hosts' clocks agree".to_owned().into(),
        message: "infra01 is 4.2 s ahead of gpu01".to_owned().into(),
        found: [
            found("infra01: clock.offset_ms", json!(4210), "the script's first line"),
            found("gpu01: clock.offset_ms", json!(8), "the script's first line"),
        ]
        .into(),}));
    report(hosts, results)
}

/// Three hundred hosts: one fault on forty, little memory on ten, one dead.
pub(super) fn large() -> Report {
    let mut hosts: Vec<HostRow> =
        (1..=3).map(|n| host(&format!("infra{n:02}"), &format!("10.1.0.{n}"), &[Role::Infra])).collect();
    hosts.extend(
        (1..=297).map(|n| {
            host(&format!("gpu{n:03}"), &format!("10.2.{}.{}", n / 200, n % 200 + 1), &[Role::Worker])
        }),
    );
    hosts[150] = unreachable("gpu148", "10.2.0.149", "connect", "no connection to 10.2.0.149:22 within 10 s");
    let mut results = passes(&hosts);
    results.extend((1..=40).map(|n| runc(&format!("gpu{n:03}"))));
    results.extend((1..=10).map(|n| {
        let mib = 15_000 + n * 7;
        altered!(verdict("memory-available", Some(&format!("gpu{:03}", n * 20)), Status::Fail, Severity::Error) => {
            title: "Enough memory is available".to_owned().into(),
            message: format!("{mib} MiB are available, {} too few", 16_000 - mib).into(),
            found: [found("memory.available_mib", json!(mib), "/proc/meminfo")].into(),
            expected: "memory.available_mib >= params.worker_memory_available_mib".to_owned().into(),
            remediation: "Stop what uses it, or add memory.".to_owned().into(),})
    }));
    results.push(dead(&hosts[150]));
    report(hosts, results)
}

/// Everything that a host, an inventory or a check file can say, said by an enemy.
pub(super) fn hostile() -> Report {
    let evil = "\x1b[2J\x1b]0;owned\x07\u{9b}31mGO: all is well\u{202e}\u{2066}\r\nGO: 99 checks passed\n\u{200b}京\u{301}";
    let long = "x".repeat(3_000);
    let mut hosts = vec![host(evil, evil, &[Role::Worker]), unreachable(&long, evil, evil, evil)];
    hosts[0].gathered_at = Some(evil.to_owned());
    let bad = |status, host: &str| {
        altered!(verdict(evil, Some(host), status, Severity::Error) => {
        title: evil.to_owned().into(),
        message: format!("{evil}{long}").into(),
        expected: evil.to_owned().into(),
        found: [found(evil, json!(evil), evil), found(&long, json!({ "k": long }), &long)].into(),
        reason: Some(evil.to_owned().into()),
        cause: Some(evil.into()),
        remediation: evil.to_owned().into(),
        references: vec![evil.to_owned()].into(),})
    };
    let mut results = vec![bad(Status::Fail, evil), bad(Status::Unknown, evil), bad(Status::Waived, evil)];
    results.extend([bad(Status::Pass, evil), bad(Status::NotApplicable, evil)]);
    results.push(altered!(bad(Status::Fail, &long) => { check: "host-reachable".into(),}));
    results.push(altered!(bad(Status::Fail, evil) => { host: None,}));
    let mut report = report(hosts, results);
    report.profile = evil.to_owned();
    report.scope.limit = Some(evil.to_owned());
    report.scope.skip = vec![evil.to_owned()];
    report.started_at = evil.to_owned();
    report.inventory.sources = vec![evil.to_owned()];
    report.fixes = vec![FixRow {
        fix: evil.to_owned(),
        path: Some(evil.to_owned()),
        reason: Some(long.clone()),
        backup: Some(evil.to_owned()),
        ..fix(evil)
    }];
    report
}

/// A GO for a part of the cluster, from saved facts, without the dev box, a dead host waived.
pub(super) fn partial() -> Report {
    let mut hosts = five().split_off(2);
    hosts[2] = unreachable("gpu03", "10.0.0.13", "connect", "no connection to 10.0.0.13:22 within 10 s");
    let mut results = passes(&hosts);
    results.push(altered!(dead(&hosts[2]) => {
        status: Status::Waived,
        reason: Some("in repair until 2026-08-01".to_owned().into()),}));
    let mut report = report(hosts, results);
    report.mode = Mode::Facts;
    report.scope.limit = Some("gpu*".to_owned());
    report.scope.skip = vec!["ntp-*".to_owned()];
    report.scope.devbox = "none".to_owned();
    report.scope.complete = false;
    report
}

/// A GO of a selection that leaves most hosts no check, and for one of them none that applies.
pub(super) fn selection() -> Report {
    let hosts = five();
    let mut results = vec![
        verdict("gpu-present", Some("gpu01"), Status::Pass, Severity::Error),
        verdict("gpu-present", Some("gpu02"), Status::Pass, Severity::Error),
        verdict("gpu-present", Some("gpu03"), Status::NotApplicable, Severity::Error),
    ];
    results.push(verdict("gpu-uniform", None, Status::Fail, Severity::Warning));
    let scope = Scope { select: vec!["gpu-*".to_owned()], complete: false, ..healthy().scope };
    scoped(scope, hosts, results)
}

/// Interrupted when one host had a finding and two had not answered; a third is dead.
pub(super) fn interrupted() -> Report {
    let mut hosts = five();
    for row in &mut hosts[2..4] {
        *row =
            unreachable(&row.name, &row.address, INTERRUPTED, "the run was interrupted before it answered");
    }
    hosts[4] = unreachable("gpu03", "10.0.0.13", "connect", "no connection to 10.0.0.13:22 within 10 s");
    let mut results = passes(&hosts);
    results.push(dead(&hosts[4]));
    let scope = Scope { complete: false, interrupted: true, ..healthy().scope };
    scoped(scope, hosts, results)
}

/// All of them.
pub(super) fn all() -> Vec<Report> {
    vec![healthy(), findings(), large(), hostile(), partial(), selection(), interrupted()]
}
