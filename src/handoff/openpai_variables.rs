//! kubespray's variables as OpenPAI sets them (`openpai.yml`): its own values, and what the team's config.yaml says.
//!
//! The values are those of microsoft/pai, contrib/kubespray/quick-start/openpai.yml.template at a95d9420: room for 4096 nodes with
//! about a hundred pods each, and an API server and etcd to match. Two things are better than there: `--config-file` is set apart
//! from what stands before it (OpenPAI glues it to `--log-driver=json-file`), and a list or mapping under
//! `openpai_kubespray_extra_var` stays one (OpenPAI writes Python's notation of it, as a text).

use serde_json::{Map, Value};

use super::yaml::Yaml;

/// What kubespray is told whatever config.yaml says.
fn fixed() -> Vec<(&'static str, Yaml)> {
    let text = |text: &str| Yaml::text(text);
    vec![
        // etcd: memory unbounded, and 8 GiB of space before it refuses writes (its own default is 2).
        ("etcd_memory_limit", text("0")),
        ("etcd_quota_backend_bytes", text("8589934592")),
        // nginx before the API servers, on every node.
        ("loadbalancer_apiserver_memory_requests", text("500M")),
        ("loadbalancer_apiserver_cpu_requests", text("500m")),
        ("loadbalancer_apiserver_keepalive_timeout", text("15m")),
        ("loadbalancer_apiserver_type", text("nginx")),
        // DNS.
        ("enable_nodelocaldns", Yaml::Switch(false)),
        ("dns_memory_limit", text("1000Mi")),
        ("dns_cpu_requests", text("0m")),
        ("dns_memory_requests", text("0Mi")),
        ("dns_min_replicas", Yaml::Whole(1)),
        ("deploy_netchecker", Yaml::Switch(false)),
        // Kubernetes; kubeconfig comes to `artifacts/` beside the inventory.
        ("kube_log_level", Yaml::Whole(2)),
        ("kubeconfig_localhost", Yaml::Switch(true)),
        ("kubectl_localhost", Yaml::Switch(true)),
        ("kubelet_custom_flags", Yaml::List(vec![text("--image-pull-progress-deadline=10m")])),
        ("kubelet_node_custom_flags", Yaml::List(vec![text("--node-labels=pai-worker=true")])),
        ("k8s_image_pull_policy", text("Always")),
        ("kube_service_addresses", text("10.192.0.0/13")),
        ("kube_pods_subnet", text("10.200.0.0/13")),
        ("kube_network_node_prefix", Yaml::Whole(25)),
        (
            "kube_kubeadm_apiserver_extra_args",
            Yaml::mapping([
                ("cors-allowed-origins", text(".*")),
                ("storage-media-type", text("application/json")),
                ("max-requests-inflight", Yaml::Whole(1500)),
                ("max-mutating-requests-inflight", Yaml::Whole(500)),
                ("v", Yaml::Whole(2)),
            ]),
        ),
        ("kube_apiserver_memory_limit", text("20000M")),
        ("kube_apiserver_cpu_limit", text("10000m")),
        ("kube_apiserver_memory_requests", text("1024M")),
        ("kube_apiserver_cpu_requests", text("1000m")),
        (
            "kube_kubeadm_controller_extra_args",
            Yaml::mapping([
                ("v", Yaml::Whole(2)),
                ("kube-api-qps", Yaml::Whole(200)),
                ("kube-api-burst", Yaml::Whole(300)),
                ("concurrent-gc-syncs", Yaml::Whole(500)),
                ("large-cluster-size-threshold", Yaml::Whole(0)),
                ("secondary-node-eviction-rate", Yaml::Fraction(0.05)),
            ]),
        ),
        ("kube_controller_memory_limit", text("20000M")),
        ("kube_controller_cpu_limit", text("10000m")),
        ("kube_controller_memory_requests", text("1024M")),
        ("kube_controller_cpu_requests", text("1000m")),
        ("kube_kubeadm_scheduler_extra_args", Yaml::mapping([("v", Yaml::Whole(2))])),
        ("kube_scheduler_memory_limit", text("200000M")),
        ("kube_scheduler_cpu_limit", text("10000m")),
        ("kube_scheduler_memory_requests", text("1024M")),
        ("kube_scheduler_cpu_requests", text("1000m")),
        ("dashboard_enabled", Yaml::Switch(false)),
        // Docker's own.
        ("docker_dns_servers_strict", Yaml::Switch(false)),
        ("docker_log_opts", text("--log-opt max-size=2g --log-opt max-file=2 --log-driver=json-file")),
    ]
}

/// dockerd's flags, as Jinja for Ansible: what they are made of may be overridden with `-e` still. Docker before 17.05 has
/// `--graph` for what is `--data-root` since.
const DOCKER_OPTIONS: [&str; 3] = [
    "{% for registry in docker_insecure_registries | default([]) %}--insecure-registry={{ registry }} {% endfor %}",
    "{% for mirror in docker_registry_mirrors | default([]) %}--registry-mirror={{ mirror }} {% endfor %}",
    "{{ '--graph' if docker_version != 'latest' and docker_version is version('17.05', '<') else '--data-root' }}=\
     {{ docker_daemon_graph }} {{ docker_log_opts }}",
];

/// What config.yaml may say of where images and programs come from; kubespray's names are the same.
const SOURCES: [&str; 8] = [
    "gcr_image_repo",
    "kube_image_repo",
    "quay_image_repo",
    "etcd_image_repo",
    "pod_infra_image_repo",
    "docker_image_repo",
    "kubeadm_download_url",
    "hyperkube_download_url",
];

/// Variables in their order; a later one of the same name takes the place of an earlier one.
#[derive(Default)]
struct Variables(Vec<(String, Yaml)>);

impl Variables {
    fn set(&mut self, name: &str, value: Yaml) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, before)) => *before = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

/// All of them, from what config.yaml says.
///
/// # Errors
/// A value of config.yaml that cannot be what it should be; the text names it.
pub(super) fn variables(config: &Map<String, Value>) -> Result<Vec<(String, Yaml)>, String> {
    let get = |name: &str| config.get(name);
    let mut variables = Variables::default();
    for (name, value) in fixed() {
        variables.set(name, value);
    }
    let mut options = DOCKER_OPTIONS.concat();
    if let Some(file) = get("docker_config_file_path") {
        options += &format!(" --config-file {}", printed("docker_config_file_path", file)?);
    }
    variables.set("docker_options", Yaml::Text(options));
    let data_root = match get("docker_data_root") {
        Some(folder) => printed("docker_data_root", folder)?,
        None => "/mnt/docker".to_owned(),
    };
    variables.set("docker_daemon_graph", Yaml::Text(data_root));
    for (theirs, ours) in [
        ("openpai_docker_insecure_registries", "docker_insecure_registries"),
        ("openpai_docker_registry_mirrors", "docker_registry_mirrors"),
    ] {
        if let Some(list) = get(theirs).filter(|list| !list.is_null()) {
            if !list.is_array() {
                return Err(format!("`{theirs}` of config.yaml is no list"));
            }
            variables.set(ours, Yaml::of(list));
        }
    }
    if let Some(switch) = get("docker_iptables_enabled") {
        variables.set("docker_iptables_enabled", switch_of(switch));
    }
    for name in SOURCES {
        if let Some(source) = get(name) {
            variables.set(name, Yaml::Text(printed(name, source)?));
        }
    }
    let plugin = match get("openpai_kube_network_plugin") {
        Some(plugin) => printed("openpai_kube_network_plugin", plugin)?,
        None => "calico".to_owned(),
    };
    variables.set("kube_network_plugin", Yaml::Text(plugin));
    for (name, value) in entries(config, "openpai_kubespray_extra_var")? {
        let value = match value {
            Value::Array(_) | Value::Object(_) => Yaml::of(value),
            scalar => Yaml::Text(printed(name, scalar)?),
        };
        variables.set(name, value);
    }
    if get("kubelet_custom_flags").is_some() {
        let flags = entries(config, "kubelet_custom_flags")?.into_iter();
        let flags: Result<Vec<Yaml>, String> = flags
            .map(|(name, value)| Ok(Yaml::Text(format!("--{name}={}", printed(name, value)?))))
            .collect();
        variables.set("kubelet_custom_flags", Yaml::List(flags?));
    }
    Ok(variables.0)
}

/// The entries of a mapping; none where there is none.
fn entries<'c>(config: &'c Map<String, Value>, name: &str) -> Result<Vec<(&'c String, &'c Value)>, String> {
    match config.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(entries)) => Ok(entries.iter().collect()),
        Some(_) => Err(format!("`{name}` of config.yaml is no mapping: write `name: value` lines below it")),
    }
}

/// A scalar as OpenPAI's generator prints it, which is Python's way.
fn printed(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Err(format!("`{name}` of config.yaml is empty: give it a value, or take it out")),
        Value::Array(_) | Value::Object(_) => Err(format!("`{name}` of config.yaml is not one text")),
    }
}

/// A switch, also one that was written as a text: OpenPAI's generator loses the quotes.
fn switch_of(value: &Value) -> Yaml {
    match value {
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Yaml::Switch(true),
            "false" | "no" | "off" => Yaml::Switch(false),
            _ => Yaml::Text(text.clone()),
        },
        other => Yaml::of(other),
    }
}
