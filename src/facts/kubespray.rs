//! What the kubespray that will deploy demands: read from the user's checkout, else from the built-in table of releases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What the kubespray that will deploy demands. Each fact's source says where it stands: a file of the checkout, or the
/// built-in table of releases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kubespray {
    /// The release, as `2.28.0`.
    pub release: Fact<String>,
}
