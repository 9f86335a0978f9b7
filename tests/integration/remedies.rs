//! Remedies show what was found on the host, and nothing of what was not.

use std::sync::Arc;

use airworthy::checks::{
    Check, Example, Profile, Profiles, Source, Status, compile, run_example, shipped, yaml,
};

fn profile(name: &str) -> Profile {
    Profiles { shipped: shipped::PROFILES }.named(name).expect("it ships")
}

fn compiled(id: &str, by: &str) -> Option<Arc<Check>> {
    let (_, text) = shipped::CHECKS.iter().find(|(known, _)| *known == id).expect("it ships");
    compile(&Source { file: id, id, text }, &profile(by)).ok().map(Arc::new)
}

fn check(id: &str) -> Arc<Check> {
    compiled(id, "kubespray").expect("it compiles")
}

/// The remedy of a check on a host with these facts, which is a finding.
fn remedy(id: &str, host: &str, facts: &str) -> String {
    let example: Example =
        yaml("an example", &format!("{{host: {host}, facts: {facts}}}")).expect("an example");
    let verdict = run_example(&check(id), &example, &profile("kubespray")).expect("it is judged");
    assert!(matches!(verdict.status, Status::Fail | Status::Unknown), "{verdict:?}");
    verdict.remediation.to_string()
}

/// The lines that are commands.
fn commands(remedy: &str) -> Vec<&str> {
    remedy.lines().filter_map(|line| line.strip_prefix("    ")).collect()
}

const IDLE: &str =
    "docker: {daemon: /usr/bin/dockerd, running: true, containers_running: 0, swarm: inactive}";

#[test]
fn a_host_with_other_work_is_told_of_that_work_alone() {
    let of = |facts: &str| remedy("host-dedicated", "{roles: [worker]}", facts);
    let containers = of(
        "{docker: {daemon: /usr/bin/dockerd, containers_running: 3, swarm: inactive}, kubernetes: {orchestrators: []}}",
    );
    assert_eq!(commands(&containers), ["sudo docker ps", "sudo docker stop CONTAINER"]);
    let k3s = of(&format!("{{{IDLE}, kubernetes: {{orchestrators: [k3s]}}}}"));
    assert_eq!(
        commands(&k3s),
        ["systemctl list-units --all | grep k3s", "sudo /usr/local/bin/k3s-uninstall.sh"]
    );
    let swarm = of(
        "{docker: {daemon: /usr/bin/dockerd, containers_running: 0, swarm: active}, kubernetes: {orchestrators: []}}",
    );
    assert_eq!(commands(&swarm), ["sudo docker node ls", "sudo docker swarm leave --force"]);
    // What destroys is marked, and nothing destroys everything at once.
    for text in [&containers, &k3s, &swarm] {
        assert!(text.contains("DESTRUCTIVE") && !text.contains("$("), "{text}");
    }
    let gpu = remedy(
        "host-dedicated",
        "{roles: [worker], accelerator: nvidia.com/gpu}",
        &format!(
            "{{{IDLE}, kubernetes: {{orchestrators: []}}, gpu: {{compute_processes: ['4711 python3']}}}}"
        ),
    );
    assert_eq!(commands(&gpu), ["nvidia-smi"]);
    assert!(!gpu.contains("DESTRUCTIVE"), "{gpu}");
    // What is not known is looked at, and not destroyed.
    let unknown = of("{docker: {daemon: null}}");
    assert!(!unknown.contains("DESTRUCTIVE") && !commands(&unknown).is_empty(), "{unknown}");
    // Where there is no host, everything is there.
    let all = check("host-dedicated");
    for line in ["docker stop", "swarm leave", "k3s-uninstall", "rke2-uninstall", "k0s reset", "microk8s"] {
        assert!(all.remediation().contains(line), "{line}");
    }
}

#[test]
fn a_container_manager_is_removed_by_its_own_name() {
    let of = |running: &str| {
        let facts = format!(
            "{{os: {{id: ubuntu}}, container_runtime: {{managers_running: {running}}}, variables: {{container_manager: containerd}}}}"
        );
        remedy("container-manager-change", "{roles: [worker]}", &facts)
    };
    let docker = of("[docker]");
    assert!(
        docker.contains("container_manager: docker") && docker.contains("purge -y docker.io"),
        "{docker}"
    );
    let crio = of("[crio]");
    assert!(crio.contains("container_manager: crio") && crio.contains("purge -y cri-o"), "{crio}");
    assert!(!crio.contains("docker"), "{crio}");
}

#[test]
fn names_are_filled_in() {
    let dns = remedy(
        "dns-resolves",
        "{roles: [worker]}",
        "{dns: {nameservers: [10.0.0.2], looked_up: registry.k8s.io, resolves: false}, registries: {asked: []}}",
    );
    assert!(dns.contains("    getent hosts registry.k8s.io\n") && !dns.contains("docker.io"), "{dns}");
    let registries = remedy(
        "registry-reachable",
        "{roles: [worker]}",
        "{variables: {registries: [quay.io, mirror.lab]}, registries: {asked: [\
         {registry: 'https://quay.io', answered: true, outcome: a}, {registry: 'https://mirror.lab', answered: false, outcome: b}]}}",
    );
    assert!(commands(&registries)[0].ends_with(" https://mirror.lab/v2/"), "{registries}");
    assert!(!registries.contains("quay.io"), "{registries}");
    let modules = remedy(
        "kernel-modules-loadable",
        "{roles: [worker]}",
        "{variables: {kernel_modules: [overlay, ip_vs, ip_vs_rr]}, kernel: {modules: {overlay: builtin, ip_vs: missing, ip_vs_rr: missing}}}",
    );
    assert_eq!(commands(&modules)[0], "modinfo ip_vs ip_vs_rr");
}

/// Every remedy of the shipped checks comes out, where nothing is known of a host as well.
#[test]
fn remedies_without_a_host_have_no_braces_left() {
    for (id, _) in shipped::CHECKS {
        // Each has its parameters in one of the two.
        let known = ["kubespray", "openpai"].iter().find_map(|profile| compiled(id, profile));
        let known = known.expect("it compiles");
        let text = known.remediation();
        assert!(!text.is_empty() && !text.contains("{%") && !text.contains("{{"), "{id}: {text}");
    }
}
