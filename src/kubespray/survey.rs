//! How an inventory fares by what kubespray demands.

use crate::facts::inventory::Inventory as Findings;
use crate::facts::variables::Variables;
use crate::inventory::{Host, Inventory};

use super::demands::Demands;

/// Looks over an inventory.
pub fn survey(_inventory: &Inventory, _demands: &Demands) -> Findings {
    Findings::default()
}

/// What the inventory sets for a host, of what kubespray reads.
pub fn variables(_inventory: &Inventory, _host: &Host, _demands: &Demands) -> Variables {
    Variables::default()
}
