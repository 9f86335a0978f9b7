//! Why a template has no value here.

/// What evaluating a step gives.
pub(super) type Yield<T> = Result<T, Stop>;

/// Why a template has no value: in words that name what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop(pub(super) String);

impl Stop {
    /// Something that Ansible would know, and that cannot be known here.
    pub(super) fn undecidable(what: impl Into<String>) -> Self {
        Stop(format!("not decidable from the inventory: {}", what.into()))
    }

    /// A variable that nothing defines.
    pub(super) fn undefined(name: &str) -> Self {
        Stop(format!("`{name}` is not defined in the inventory"))
    }

    /// What Ansible would fail on too.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Stop(why.into())
    }
}
