//! The ansible-core that will read an inventory, where its releases read otherwise.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// By whose rules an inventory is read, where releases of ansible-core differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreRules {
    /// ansible-core up to 2.18: `.ini` files of a folder are left out, a scalar with `!unsafe` is a text.
    UpTo2_18,
    /// ansible-core since 2.19.
    Since2_19,
}

impl CoreRules {
    /// Those of a release: `2.18.1`; `None` where it is none.
    pub fn of_release(release: &str) -> Option<CoreRules> {
        let mut numbers = release.trim().split('.').map(|part| part.parse::<u32>().ok());
        let release = (numbers.next()??, numbers.next()??);
        Some(if release < (2, 19) { CoreRules::UpTo2_18 } else { CoreRules::Since2_19 })
    }
}

/// Whose rules count, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsibleCore {
    /// The rules.
    pub rules: CoreRules,
    /// What says so: `ansible-core 2.18.1 (/usr/bin/ansible-inventory)`; where nothing does, why not.
    pub source: String,
    /// Whether nothing says so, and the rules are those of the releases that kubespray takes.
    pub assumed: bool,
}

impl AnsibleCore {
    /// The older rules, where nothing says which ansible-core will read: every kubespray up to 2.31 wants one below 2.19.
    pub fn assumed(reason: impl Into<String>) -> AnsibleCore {
        AnsibleCore { rules: CoreRules::UpTo2_18, source: reason.into(), assumed: true }
    }
}

/// Finds out whose rules count when that is first needed: most inventories never need it.
#[derive(Clone)]
pub struct CoreLookup(Arc<LazyLock<AnsibleCore, Box<dyn FnOnce() -> AnsibleCore + Send>>>);

impl CoreLookup {
    /// Asks when it is needed.
    pub fn new(ask: impl FnOnce() -> AnsibleCore + Send + 'static) -> Self {
        CoreLookup(Arc::new(LazyLock::new(Box::new(ask))))
    }

    /// The answer; the first time, it is found out.
    pub(super) fn get(&self) -> &AnsibleCore {
        &self.0
    }

    /// The rules alone.
    pub(super) fn rules(&self) -> CoreRules {
        self.get().rules
    }
}

impl From<CoreRules> for CoreLookup {
    fn from(rules: CoreRules) -> Self {
        let source = match rules {
            CoreRules::UpTo2_18 => "ansible-core up to 2.18",
            CoreRules::Since2_19 => "ansible-core since 2.19",
        };
        CoreLookup::new(move || AnsibleCore { rules, source: source.to_owned(), assumed: false })
    }
}

impl Default for CoreLookup {
    fn default() -> Self {
        CoreLookup::new(|| AnsibleCore::assumed("nothing says which one will read it,"))
    }
}

impl fmt::Debug for CoreLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoreLookup")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_the_rules_of_their_time() {
        let of = CoreRules::of_release;
        for release in ["2.18.19", "2.9.20", "2.18.0rc1", "1.9.4"] {
            assert_eq!(of(release), Some(CoreRules::UpTo2_18), "{release}");
        }
        for release in ["2.19.0", "2.19.0b1", "2.20.4", "3.0.0"] {
            assert_eq!(of(release), Some(CoreRules::Since2_19), "{release}");
        }
        for release in ["", "2", "devel", "2.x"] {
            assert_eq!(of(release), None, "{release}");
        }
    }

    #[test]
    fn it_is_asked_once_and_only_when_needed() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let lookup = CoreLookup::new(move || {
            let _ = sender.send(());
            AnsibleCore::assumed("x")
        });
        let other = lookup.clone();
        assert!(receiver.try_recv().is_err());
        assert_eq!((lookup.rules(), other.get().assumed), (CoreRules::UpTo2_18, true));
        assert_eq!(receiver.iter().count(), 1);
    }
}
