//! Why a template has no value here.

use std::borrow::Cow;

/// What evaluating a step gives.
pub(super) type Yield<T> = Result<T, Stop>;

/// Why a template has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// In words that name what is missing.
    pub(super) reason: String,
    /// The fact of a host that is missing, where it is one.
    pub(super) fact: Option<Box<HostFact>>,
    /// Whether a variable that the inventory itself sets has no value because of it.
    pub(super) from_inventory: bool,
}

/// One fact of one host, as Ansible's `setup` module gathers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFact {
    /// The host's name in the inventory.
    pub host: String,
    /// The fact's name without `ansible_`: `architecture`.
    pub name: String,
}

impl Stop {
    /// Something that Ansible would know, and that cannot be known here.
    pub(super) fn undecidable(what: impl Into<String>) -> Self {
        Stop::failed(format!("not decidable from the inventory: {}", what.into()))
    }

    /// A fact that Ansible gathers from a host when it runs, and that was not read here.
    pub(super) fn missing_fact(host: &str, name: &str) -> Self {
        let what = format!("`ansible_{}`, which Ansible gathers or is told when it runs", short(name));
        Stop {
            fact: Some(Box::new(HostFact { host: host.to_owned(), name: name.to_owned() })),
            ..Stop::undecidable(what)
        }
    }

    /// A variable that nothing defines.
    pub(super) fn undefined(name: &str) -> Self {
        let name = short(name);
        Stop::failed(format!("`{name}` is not defined in the inventory"))
    }

    /// What Ansible would fail on too.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Stop { reason: why.into(), fact: None, from_inventory: false }
    }
}

/// What a template made, as far as a reason shows it.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()).into(),
        None => text.into(),
    }
}
