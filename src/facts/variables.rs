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
}
