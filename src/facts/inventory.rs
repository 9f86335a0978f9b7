//! What is found in the inventory and its variables, apart from any one host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What is found in the inventory and its variables. Findings are sentences that name file and line; where there is none,
/// but something could not be judged, a list of them is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Inventory {
    /// Groups that kubespray needs and that are not there, or are empty.
    pub missing_groups: Fact<Vec<String>>,
    /// Hosts that are in a group and not in the one that has to hold it: a `calico_rr` outside `k8s_cluster`.
    pub misplaced_hosts: Fact<Vec<String>>,
    /// The hosts that will run etcd; absent where the inventory names none.
    pub etcd_hosts: Fact<Vec<String>>,
    /// Hosts whose names Kubernetes does not take for nodes.
    pub invalid_names: Fact<Vec<String>>,
    /// `ip`, `access_ip` and `ansible_host` that are no addresses, or that several hosts have.
    pub invalid_addresses: Fact<Vec<String>>,
    /// The networks that pods will be in.
    pub pod_networks: Fact<Vec<String>>,
    /// The networks that services will be in.
    pub service_networks: Fact<Vec<String>>,
    /// Networks of pods and services that are none.
    pub invalid_networks: Fact<Vec<String>>,
    /// Networks of pods, services and hosts that overlap.
    pub overlapping_networks: Fact<Vec<String>>,
    /// Addresses that something else is given and that are inside the services' network: it works until a Service is given one.
    pub service_addresses_taken: Fact<Vec<String>>,
    /// Networks that are too small for the nodes, the pods of a node, or the services.
    pub tight_networks: Fact<Vec<String>>,
    /// Variables that this release of kubespray does not read any more, and that were renamed or stop it.
    pub removed_variables: Fact<Vec<String>>,
    /// Others that it does not read any more.
    pub leftover_variables: Fact<Vec<String>>,
    /// Variables that kubespray never reads, whose names are nearly those of others that it does.
    pub misspelt_variables: Fact<Vec<String>>,
    /// Other variables that neither kubespray nor Ansible nor the inventory itself reads.
    pub unread_variables: Fact<Vec<String>>,
    /// Booleans that are written as texts.
    pub text_booleans: Fact<Vec<String>>,
    /// Values that kubespray does not know for that variable.
    pub unsupported_choices: Fact<Vec<String>>,
    /// Values that do not go together.
    pub contradictions: Fact<Vec<String>>,
    /// Versions of Kubernetes that this release of kubespray cannot deploy.
    pub unsupported_versions: Fact<Vec<String>>,
    /// Asserts of kubespray, and rules like them, that could not be evaluated although every variable that the inventory sets
    /// has a value: unknown where there are some, with the reasons.
    pub unevaluated_asserts: Fact<Vec<String>>,
    /// Findings that hold for some of the releases that could deploy this inventory, and not for all of them: each names its
    /// releases. Only where no checkout and no release is named.
    pub release_findings: Fact<Vec<String>>,
    /// Secrets in clear, in files that others may read.
    pub exposed_secrets: Fact<Vec<String>>,
}
