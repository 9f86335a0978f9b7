//! How every fault is judged, the same for all of them.

use airworthy::checks::{Severity, Status, Verdict};
use airworthy::report::{Outcome, Report};

use crate::faults::{Expect, FAULTS, Fault, OUTSIDE};
use crate::rig::{Lab, Run};

/// Judges the fault of this name in the table.
pub(crate) fn judge_named(name: &str) {
    judge(name, named(name));
}

/// The fault of this name in the table.
pub(crate) fn named(name: &str) -> &'static Fault {
    let found = FAULTS.iter().find(|(other, _)| *other == name);
    &found.unwrap_or_else(|| panic!("no fault is named {name}")).1
}

/// Applies a fault, judges a run, takes the fault away, and judges another run, which must be GO.
/// With `AIRWORTHY_LAB_FAULTS_ONLY` set the runs are left out, which shows that the faults are real.
/// The run under the fault is given back.
pub(crate) fn judge(name: &str, fault: &Fault) -> Option<Run> {
    let lab = Lab::take();
    let runs = std::env::var_os("AIRWORTHY_LAB_FAULTS_ONLY").is_none();
    lab.wait(OUTSIDE);
    let applied = Applied::apply(&lab, fault);
    let run = runs.then(|| lab.check_of(fault.inventory, &[]));
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
    let (check, hosts): (_, Vec<Option<&str>>) = match expect {
        Expect::Nothing => return is_go(run),
        Expect::Fails(check, host)
        | Expect::FailsOrUnknown(check, host)
        | Expect::Passes(check, host)
        | Expect::Unreachable(check, host) => (check, vec![Some(host)]),
        Expect::FailsOnAll(check, hosts) | Expect::Warns(check, hosts) => {
            (check, hosts.iter().copied().map(Some).collect())
        }
        Expect::FleetFails(check) | Expect::FleetWarns(check) => (check, vec![None]),
    };
    let (statuses, severity): (&[Status], _) = match expect {
        Expect::Passes(..) => (&[Status::Pass], Severity::Error),
        Expect::FailsOrUnknown(..) => (&[Status::Fail, Status::Unknown], Severity::Error),
        Expect::Warns(..) | Expect::FleetWarns(_) => (&[Status::Fail], Severity::Warning),
        _ => (&[Status::Fail], Severity::Error),
    };
    let report = run.report();
    for host in &hosts {
        let named = report.results.iter().find(|v| *v.check == *check && v.host.as_deref() == *host);
        let named = named.unwrap_or_else(|| panic!("{name}: nothing says {check}: {}", table(&report)));
        assert!(
            statuses.contains(&named.status),
            "{name}: {check} is {:?}: {}",
            named.status,
            table(&report)
        );
        if !matches!(expect, Expect::Passes(..)) {
            assert_eq!(named.severity, severity, "{name}: {check}");
        }
    }
    if let Expect::Passes(..) = expect {
        return is_go(run);
    }

    let named = |v: &Verdict| *v.check == *check && hosts.contains(&v.host.as_deref());
    for other in report.results.iter().filter(|v| v.is_finding() && !named(v)) {
        let follows = other.status == Status::Unknown && other.cause.as_deref() == Some(check);
        assert!(follows, "{name}: {} has nothing to do with {check}: {other:#?}", other.check);
    }
    for row in &report.hosts {
        let unreachable = matches!(expect, Expect::Unreachable(_, host) if host == row.name);
        assert_eq!(row.reached, !unreachable, "{name}: {row:#?}");
        assert_eq!(row.unreachable.is_some(), unreachable, "{name}: {row:#?}");
        let verdicts = report.results.iter().filter(|v| v.host.as_deref() == Some(row.name.as_str())).count();
        assert!(!unreachable || verdicts == 1, "{name}: {}", table(&report));
    }
    let (verdict, status) = match severity {
        Severity::Error => (Outcome::NoGo, 1),
        _ => (Outcome::Go, 0),
    };
    assert_eq!(report.verdict, verdict, "{name}: {}", table(&report));
    assert_eq!(run.status, Some(status), "{name}: {}", run.stderr);
}

fn table(report: &Report) -> String {
    let rows = report.results.iter().filter(|v| v.status != Status::Pass).map(|v| {
        let host = v.host.as_deref().unwrap_or("fleet");
        format!("\n{host} {} {:?} {} {:?}", v.check, v.status, v.message, v.cause)
    });
    rows.collect()
}
