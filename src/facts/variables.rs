//! What the inventory sets for one host, of what kubespray reads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What the inventory sets for one host, of what kubespray reads; where it sets nothing, kubespray's own default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Variables {
    /// `docker`, `containerd`, `crio`.
    pub container_manager: Fact<String>,
    /// `calico`, `cilium` …
    pub kube_network_plugin: Fact<String>,
    /// `ipvs`, `iptables`, `nftables`.
    pub kube_proxy_mode: Fact<String>,
    /// `ip`, the address that Kubernetes binds to; absent where it is not set.
    pub ip: Fact<String>,
    /// Networks that pods will be in: `kube_pods_subnet`, and `kube_pods_subnet_ipv6` where IPv6 is on.
    pub pod_networks: Fact<Vec<String>>,
    /// Networks that services will be in: `kube_service_addresses`, and `kube_service_addresses_ipv6` where IPv6 is on.
    pub service_networks: Fact<Vec<String>>,
    /// The least memory, in MB as Ansible counts them (MiB of `MemTotal`), that kubespray wants of a host in these groups;
    /// absent where it wants none.
    pub memory_min_mb: Fact<i64>,
    /// The oldest kernel that what is chosen for this host works with; absent where any does.
    pub kernel_min: Fact<String>,
    /// What needs that kernel: `kube_proxy_mode nftables`.
    pub kernel_min_for: Fact<String>,
    /// The processors that kubeadm's preflight wants: two on a control plane, unless the inventory has it ignore `NumCPU`.
    pub cpus_min: Fact<i64>,
    /// The kernel modules that are loaded there, of those that a host is asked about.
    pub kernel_modules: Fact<Vec<String>>,
    /// The TCP ports that what runs there listens on.
    pub ports: Fact<Vec<i64>>,
    /// `ntp_enabled`: kubespray installs a time service.
    pub ntp_enabled: Fact<bool>,
    /// The registries that images come from: `kube_image_repo`, `quay_image_repo`, `docker_image_repo` and such.
    pub registries: Fact<Vec<String>>,
    /// Mirrors of docker.io.
    pub registry_mirrors: Fact<Vec<String>>,
    /// `allow_unsupported_distribution_setup`: kubespray is to go on with a distribution it does not know.
    pub allow_unsupported_os: Fact<bool>,
    /// `kubelet_fail_swap_on`: the kubelet refuses to start while the host swaps.
    pub kubelet_fail_swap_on: Fact<bool>,
    /// `local_release_dir`, the folder that kubespray downloads into; absent where neither the inventory nor what is known of the
    /// release sets it, which is below `/tmp` in every release.
    pub local_release_dir: Fact<String>,
}
