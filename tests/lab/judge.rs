//! How every fault is judged, the same for all of them.

use airworthy::checks::{Status, Verdict};
use airworthy::report::{Outcome, Report};

use crate::rig::{Lab, OUTSIDE, Run};

/// One thing wrong with one host, and what must be said about it.
pub(crate) struct Fault {
    /// Where the commands below run: a host, or `OUTSIDE`.
    pub(crate) on: &'static str,
    /// Brings the fault about.
    pub(crate) apply: &'static str,
    /// Succeeds while the fault is there, and only then.
    pub(crate) proof: &'static str,
    /// Takes the fault away.
    pub(crate) restore: &'static str,
    /// What the report has to say.
    pub(crate) expect: Expect,
}

/// What a report has to say about a fault.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// This check fails, on this host.
    Fails(&'static str, &'static str),
    /// This check fails, for the whole fleet.
    FleetFails(&'static str),
    /// This check fails or cannot tell, on this host.
    FailsOrUnknown(&'static str, &'static str),
    /// This host is not reached, and this check alone says so.
    Unreachable(&'static str, &'static str),
    /// Nothing: it is no fault at all.
    Nothing,
}

/// Applies a fault, judges a run, takes the fault away, and judges another run, which must be GO.
/// With `AIRWORTHY_LAB_FAULTS_ONLY` set the runs are left out, which shows that the faults are real.
/// The run under the fault is given back.
pub(crate) fn judge(name: &str, fault: &Fault) -> Option<Run> {
    let lab = Lab::take();
    let runs = std::env::var_os("AIRWORTHY_LAB_FAULTS_ONLY").is_none();
    lab.wait(OUTSIDE);
    let applied = Applied::apply(&lab, fault);
    let run = runs.then(|| lab.check(&[]));
    if let Some(run) = &run {
        says(name, fault.expect, run);
    }
    assert!(lab.holds(fault.on, fault.proof), "{name}: gone while it was judged");
    drop(applied);

    assert!(!lab.holds(fault.on, fault.proof), "{name}: still there after it was taken away");
    if runs {
        is_go(&lab.check(&[]));
    }
    run
}

/// A fault that is there now; dropped, it is taken away, also where a test panics.
pub(crate) struct Applied<'a> {
    lab: &'a Lab,
    fault: &'a Fault,
}

impl<'a> Applied<'a> {
    /// Brings a fault about, and looks that it is there now and was not before.
    pub(crate) fn apply(lab: &'a Lab, fault: &'a Fault) -> Applied<'a> {
        assert!(!lab.holds(fault.on, fault.proof), "there before it was applied");
        let applied = Applied { lab, fault };
        lab.must(fault.on, fault.apply);
        assert!(lab.holds(fault.on, fault.proof), "not there after it was applied");
        applied
    }
}

impl Drop for Applied<'_> {
    fn drop(&mut self) {
        let restored = self.lab.shell_with(self.fault.on, self.fault.restore, "");
        if !restored.status.success() && !std::thread::panicking() {
            panic!("not restored: {}", String::from_utf8_lossy(&restored.stderr));
        }
        if !std::thread::panicking() {
            self.lab.wait(self.fault.on);
        }
    }
}

/// GO, with no finding on any host.
pub(crate) fn is_go(run: &Run) {
    let report = run.report();
    let findings: Vec<&Verdict> = report.results.iter().filter(|v| v.is_finding()).collect();
    assert!(findings.is_empty(), "findings on healthy hosts: {findings:#?}");
    assert!(report.hosts.iter().all(|h| h.reached), "{:#?}", report.hosts);
    assert_eq!(report.verdict, Outcome::Go);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
}

fn says(name: &str, expect: Expect, run: &Run) {
    let (check, host, statuses): (_, _, &[Status]) = match expect {
        Expect::Nothing => return is_go(run),
        Expect::Fails(check, host) | Expect::Unreachable(check, host) => (check, Some(host), &[Status::Fail]),
        Expect::FailsOrUnknown(check, host) => (check, Some(host), &[Status::Fail, Status::Unknown]),
        Expect::FleetFails(check) => (check, None, &[Status::Fail]),
    };
    let report = run.report();
    let named = report.results.iter().find(|v| v.check == check && v.host.as_deref() == host);
    let named = named.unwrap_or_else(|| panic!("{name}: nothing says {check}: {}", table(&report)));
    assert!(statuses.contains(&named.status), "{name}: {check} is {:?}: {}", named.status, table(&report));

    for other in report.results.iter().filter(|v| v.is_finding() && !std::ptr::eq(*v, named)) {
        let follows = other.status == Status::Unknown && other.cause.as_deref() == Some(check);
        assert!(follows, "{name}: {} has nothing to do with {check}: {other:#?}", other.check);
    }
    for row in &report.hosts {
        let unreachable = matches!(expect, Expect::Unreachable(_, host) if host == row.name);
        assert_eq!(row.reached, !unreachable, "{name}: {row:#?}");
        assert_eq!(row.unreachable.is_some(), unreachable, "{name}: {row:#?}");
        let verdicts = report.results.iter().filter(|v| v.host.as_ref() == Some(&row.name)).count();
        assert!(!unreachable || verdicts == 1, "{name}: {}", table(&report));
    }
    assert_eq!(report.verdict, Outcome::NoGo, "{name}");
    assert_eq!(run.status, Some(1), "{name}: {}", run.stderr);
}

fn table(report: &Report) -> String {
    let rows = report.results.iter().filter(|v| v.status != Status::Pass).map(|v| {
        let host = v.host.as_deref().unwrap_or("fleet");
        format!("\n{host} {} {:?} {} {:?}", v.check, v.status, v.message, v.cause)
    });
    rows.collect()
}
