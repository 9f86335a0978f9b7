//! What the kubespray that will deploy demands: read from the user's checkout, else from the built-in table of releases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What the kubespray that will deploy demands. Each fact's source says where it stands: a file of the checkout, or the
/// built-in table of releases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kubespray {
    /// The release, as `2.28.0`; between two releases the one that is to come.
    pub release: Fact<String>,
    /// The checkout's folder; absent where the built-in table stands in.
    pub checkout: Fact<String>,
    /// The commit that is checked out; absent where there is no clone (an archive was unpacked, or the table stands in).
    pub commit: Fact<String>,
    /// The release's tag at that commit, as `v2.28.0`; absent where it has none.
    pub tag: Fact<String>,
    /// Tracked files that differ from that commit; absent where there is no clone.
    pub modified: Fact<Vec<String>>,

    /// The distributions it works on, as os-release's `ID` has them: `ubuntu`.
    pub os_ids: Fact<Vec<String>>,
    /// The distributions it names as supported in its README, by `ID`, with the `VERSION_ID` where it names one: `ubuntu
    /// 22.04`, `flatcar`.
    pub os_releases: Fact<Vec<String>>,
    /// The least memory of a control plane host, in MB as Ansible counts them (MiB of `MemTotal`).
    pub control_plane_memory_min_mb: Fact<i64>,
    /// The least memory of any other node, likewise.
    pub node_memory_min_mb: Fact<i64>,

    /// The lowest ansible-core it runs with.
    pub ansible_core_min: Fact<String>,
    /// The lowest ansible-core that is too new; absent where any is good.
    pub ansible_core_below: Fact<String>,
    /// The lowest Python that its ansible-core runs with on the control node.
    pub python_min: Fact<String>,
    /// The Pythons that the modules of its ansible-core run with on a host, each as pip writes it: `>=3.6`.
    pub host_python_versions: Fact<Vec<String>>,
    /// What its requirements.txt has pip install, Ansible itself left out.
    pub python_packages: Fact<Vec<PythonPackage>>,
    /// The collections its playbooks use.
    pub collections: Fact<Vec<Collection>>,

    /// The Kubernetes it deploys where nothing else is said, as `1.32.5`.
    pub kube_version: Fact<String>,
    /// The oldest Kubernetes it deploys.
    pub kube_version_min: Fact<String>,
    /// Every Kubernetes it has checksums of, and so can download.
    pub kube_versions: Fact<Vec<String>>,
    /// The Docker it installs where that is the container manager.
    pub docker_version: Fact<String>,
    /// The containerd it installs.
    pub containerd_version: Fact<String>,
    /// Keys of daemon.json that its Docker unit passes to dockerd as flags, with its own defaults.
    pub docker_keys: Fact<Vec<String>>,
}

/// One line of requirements.txt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PythonPackage {
    /// The distribution as pip knows it: `ruamel.yaml`.
    pub name: String,
    /// The versions that are asked for, as pip writes it: `==1.3.0`, `>=2.4,<6`; empty for any.
    pub versions: String,
    /// What is imported: `netaddr`, `yaml`.
    pub module: String,
}

/// A collection of Ansible's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Collection {
    /// `ansible.utils`.
    pub name: String,
    /// The versions that are asked for, as galaxy.yml writes it: `>=2.5.0`; empty for any.
    pub versions: String,
}
