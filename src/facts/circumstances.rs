//! What the visit itself shows of a host, apart from what the host says.

use super::control_node::ControlNode;
use super::fact::Fact;
use super::variables::Variables;

/// What the visit itself shows of a host. Everything is unknown where a saved answer is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// The user that logged in.
    pub user: Fact<String>,
    /// What let it in: `agent`, `publickey`, `password`, `none`, `local`.
    pub login: Fact<String>,
    /// `known`, `learned` or `unchecked`; absent on this machine.
    pub host_key: Fact<String>,
    /// The host key's fingerprint.
    pub host_key_fingerprint: Fact<String>,
    /// The host's clock minus ours, in milliseconds, at the middle of the exchange.
    pub clock_offset_ms: Fact<f64>,
    /// Half the exchange's length: how far off the offset may be, in milliseconds.
    pub clock_uncertainty_ms: Fact<f64>,
    /// The host's own clock, in seconds since 1970; what lease times are held against.
    pub host_epoch_s: i64,
    /// The inventory's `ip`.
    pub node_ip: Option<String>,
    /// What the inventory sets, of what kubespray reads.
    pub variables: Variables,
    /// Ansible's control node, where this is the dev box and it was asked.
    pub control_node: ControlNode,
    /// Whether a password for sudo was at hand.
    pub sudo_password: bool,
    /// The peers it was asked to reach, as `address port`.
    pub peers: Vec<(String, u16)>,
    /// The registries it was asked to reach, as base URLs; docker.io is `https://registry-1.docker.io`.
    pub registries: Vec<String>,
    /// The mirrors of docker.io it was asked to reach besides those in its daemon.json.
    pub mirrors: Vec<String>,
}
