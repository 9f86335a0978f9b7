//! What the deployment is to be, apart from any one host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::FactTree;
use super::seen::Seen;
use super::{inventory, kubespray};

/// What the deployment is to be, apart from any one host: conditions of hosts and of the fleet see its subjects alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Deployment {
    /// What the kubespray that will deploy demands.
    pub kubespray: kubespray::Kubespray,
    /// What is found in the inventory and its variables.
    pub inventory: inventory::Inventory,
}

impl Deployment {
    /// The same facts, without their types: what conditions see.
    pub fn tree(&self) -> FactTree {
        let Deployment { kubespray, inventory } = self;
        let mut seen = Seen::default();
        FactTree::from([
            ("kubespray".into(), seen.subject(kubespray, |_| true)),
            ("inventory".into(), seen.subject(inventory, |_| true)),
        ])
    }
}
