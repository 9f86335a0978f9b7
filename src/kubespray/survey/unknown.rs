//! Why a variable or a condition could not be determined.

use std::fmt;

use crate::inventory::{HostFact, NotRendered, Unresolved};

/// Why a variable or a condition could not be determined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// In words for people.
    pub(super) reason: String,
    /// Whether a variable that the inventory itself sets has no value: the operator can do something about it.
    pub(super) from_inventory: bool,
    /// The host's fact that it depends on and that was not read, where that is why.
    pub(super) fact: Option<Box<HostFact>>,
}

impl Unknown {
    /// What is not known of the release, or of its own defaults.
    pub(super) fn of_release(reason: String) -> Self {
        Unknown { reason, from_inventory: false, fact: None }
    }
}

impl From<Unresolved> for Unknown {
    fn from(unresolved: Unresolved) -> Self {
        Unknown {
            reason: unresolved.to_string(),
            from_inventory: unresolved.from_inventory,
            fact: unresolved.fact,
        }
    }
}

impl From<NotRendered> for Unknown {
    fn from(stopped: NotRendered) -> Self {
        let NotRendered { reason, fact, from_inventory } = stopped;
        Unknown { reason, from_inventory, fact }
    }
}

/// What the operator wrote.
impl From<String> for Unknown {
    fn from(reason: String) -> Self {
        Unknown { reason, from_inventory: true, fact: None }
    }
}

impl From<Unknown> for String {
    fn from(unknown: Unknown) -> Self {
        unknown.reason
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
