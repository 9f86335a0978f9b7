//! What is found in the inventory and its variables, apart from any one host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What is found in the inventory and its variables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Inventory {
    /// Groups that kubespray needs and that are not there, or are empty.
    pub missing_groups: Fact<Vec<String>>,
}
