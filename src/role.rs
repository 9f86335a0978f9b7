//! The part a machine plays in the cluster: the one word every room shares.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The part a machine plays. A host may be infra and worker at once: it then owes the sum of both
/// reservations and the stricter of two severities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ansible's control node, from which the cluster is deployed.
    Devbox,
    /// Control plane and etcd members (`kube_control_plane`, `etcd`, OpenPAI's `pai-master`).
    Infra,
    /// Nodes that run workloads (`kube_node`, OpenPAI's `pai-worker`).
    Worker,
}

impl Role {
    /// Every role, in the order in which reports name them.
    pub const ALL: [Role; 3] = [Role::Devbox, Role::Infra, Role::Worker];

    /// The word used on the command line, in check files and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Devbox => "devbox",
            Role::Infra => "infra",
            Role::Worker => "worker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Role::ALL
            .into_iter()
            .find(|r| r.as_str() == s)
            .ok_or_else(|| format!("`{s}` is not a role; expected devbox, infra or worker"))
    }
}
