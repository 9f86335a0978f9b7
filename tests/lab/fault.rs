//! What a fault is, and what a report has to say of it. Data alone: `judge.rs` brings faults about, and
//! `tests/integration/coverage.rs` counts the checks without a lab.

/// One thing wrong with one host, and what must be said about it.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Where the commands below run: a host, or `OUTSIDE`.
    pub(crate) on: &'static str,
    /// Brings the fault about.
    pub(crate) apply: &'static str,
    /// Succeeds while the fault is there, and only then.
    pub(crate) proof: &'static str,
    /// Takes the fault away.
    pub(crate) restore: &'static str,
    /// What deploys the cluster.
    pub(crate) by: By,
    /// What the run is given with `-i`.
    pub(crate) inventory: &'static str,
    /// Further flags of the run.
    pub(crate) flags: &'static str,
    /// What the report has to say.
    pub(crate) expect: Expect,
}

/// What deploys the cluster: a run is given a profile for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// OpenPAI's scripts.
    OpenPai,
    /// A checkout of kubespray on the dev box, with the Ansible that it wants.
    Kubespray,
}

/// What a report has to say about a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// This check fails, on this host.
    Fails(&'static str, &'static str),
    /// This check fails, on these hosts.
    FailsOnAll(&'static str, &'static [&'static str]),
    /// This check fails, for the whole fleet.
    FleetFails(&'static str),
    /// This check fails on these hosts with severity warning: still GO.
    Warns(&'static str, &'static [&'static str]),
    /// This check fails for the whole fleet with severity warning: still GO.
    FleetWarns(&'static str),
    /// This check fails or cannot tell, on this host.
    FailsOrUnknown(&'static str, &'static str),
    /// This host is not reached, and this check alone says so.
    Unreachable(&'static str, &'static str),
    /// This check, which does not concern the healthy hosts, passes on this one.
    Passes(&'static str, &'static str),
    /// These checks fail, each on this host (the fleet where it is empty), and say this.
    Say(&'static [(&'static str, &'static str, &'static str)]),
    /// Nothing: it is no fault at all.
    Nothing,
}

/// Stands for the machine that carries the lab, where a host would be named; `lab` is the script there.
pub(crate) const OUTSIDE: &str = "outside";

/// What a fault leaves out: a run of the lab's own layout. A run reads `airworthy.yaml` beside it as well.
pub(crate) const DEFAULTS: Fault = Fault {
    on: OUTSIDE,
    apply: "",
    proof: "",
    restore: "",
    by: By::OpenPai,
    inventory: "/lab/layout.yaml",
    flags: "",
    expect: Expect::Nothing,
};

/// The same of the lab's inventory for kubespray.
pub(crate) const KUBESPRAY: Fault =
    Fault { by: By::Kubespray, inventory: "/lab/kubespray/inventory", ..DEFAULTS };

/// A table of faults, and what they leave out; `each_fault` is the crate's own, and makes of the names what it needs.
macro_rules! faults {
    (of $defaults:expr; $($name:ident { $($field:tt)* })*) => {
        /// Every fault, by its name.
        #[allow(clippy::needless_update)] // one of them leaves nothing out
        pub(crate) const FAULTS: &[(&str, Fault)] = &[$((stringify!($name), Fault { $($field)* ..$defaults })),*];
        each_fault! { $($name)* }
    };
}
