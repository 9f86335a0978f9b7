//! How every fault is judged, the same for all of them.

use airworthy::checks::{Severity, Status, Verdict};
use airworthy::report::{Outcome, Report};

use crate::fault::{By, Expect, Fault, OUTSIDE};
use crate::rig::{Lab, Run};
use crate::{faults, kubespray};

/// Judges the fault of this name in the tables.
pub(crate) fn judge_named(name: &str) {
    judge(name, named(name));
}

/// The fault of this name in the tables.
pub(crate) fn named(name: &str) -> &'static Fault {
    let found = faults::all().chain(kubespray::FAULTS).find(|(other, _)| *other == name);
    &found.unwrap_or_else(|| panic!("no fault is named {name}")).1
}

/// Applies a fault, judges a run, takes the fault away, and judges another run, which must be GO.
/// With `AIRWORTHY_LAB_FAULTS_ONLY` set the runs are left out, which shows that the faults are real.
/// The run under the fault is given back.
pub(crate) fn judge(name: &str, fault: &Fault) -> Option<Run> {
    let lab = Lab::take();
    let runs = std::env::var_os("AIRWORTHY_LAB_FAULTS_ONLY").is_none();
    lab.wait_unless_settled();
    let applied = Applied::apply(&lab, fault);
    let run = runs.then(|| lab.check_under(fault));
    if let Some(run) = &run {
        says(name, &[fault.expect], run, true);
    }
    assert!(lab.holds(fault.on, fault.proof), "{name}: gone while it was judged");
    drop(applied);

    assert!(!lab.holds(fault.on, fault.proof), "{name}: still there after it was taken away");
    if runs {
        is_go(&lab.check_by(fault.by));
        lab.settled();
    }
    run
}

/// Applies several faults, judges one run, and takes them away: each is found, and nothing else is blamed.
pub(crate) fn judge_together(name: &str, by: By, faults: &[&'static Fault]) {
    let lab = Lab::take();
    lab.wait_unless_settled();
    let mut applied: Vec<Applied<'_>> = faults.iter().map(|fault| Applied::apply(&lab, fault)).collect();
    let expects: Vec<Expect> = faults.iter().map(|fault| fault.expect).collect();
    if std::env::var_os("AIRWORTHY_LAB_FAULTS_ONLY").is_none() {
        // A profile may take another view of how grave a check is than the fault's own.
        let own_profile = faults.iter().all(|fault| fault.by == by);
        says(name, &expects, &lab.check_by(by), own_profile);
    }
    applied.iter_mut().for_each(|applied| applied.waits = false);
    // The last one first: a fault may stand on another's ground.
    applied.into_iter().rev().for_each(drop);
    lab.wait(OUTSIDE);
    for fault in faults {
        assert!(!lab.holds(fault.on, fault.proof), "{name}: still there after it was taken away: {fault:?}");
    }
}

/// A fault that is there now; dropped, it is taken away, also where a test panics.
pub(crate) struct Applied<'a> {
    lab: &'a Lab,
    fault: &'a Fault,
    /// Whether its host is waited for when it is gone.
    waits: bool,
}

impl<'a> Applied<'a> {
    /// Brings a fault about, and looks that it is there now and was not before.
    pub(crate) fn apply(lab: &'a Lab, fault: &'a Fault) -> Applied<'a> {
        assert!(!lab.holds(fault.on, fault.proof), "there before it was applied");
        let applied = Applied { lab, fault, waits: true };
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
        if self.waits && !std::thread::panicking() {
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

/// A verdict that has to be there.
struct Wanted {
    check: &'static str,
    /// None for the fleet's or the dev box's.
    host: Option<&'static str>,
    statuses: &'static [Status],
    severity: Option<Severity>,
    /// A piece of its message.
    says: &'static str,
}

fn wanted(expect: Expect) -> Vec<Wanted> {
    let (error, warning) = (Some(Severity::Error), Some(Severity::Warning));
    let (check, hosts, severity): (_, Vec<Option<&'static str>>, _) = match expect {
        Expect::Fails(check, host)
        | Expect::FailsOrUnknown(check, host)
        | Expect::Unreachable(check, host)
        | Expect::Passes(check, host) => (check, vec![Some(host)], error),
        Expect::FailsOnAll(check, hosts) => (check, hosts.iter().copied().map(Some).collect(), error),
        Expect::Warns(check, hosts) => (check, hosts.iter().copied().map(Some).collect(), warning),
        Expect::FleetFails(check) => (check, vec![None], error),
        Expect::FleetWarns(check) => (check, vec![None], warning),
        Expect::Say(checks) => {
            let of = |host: &'static str| (!host.is_empty()).then_some(host);
            let wanted = checks.iter().map(|(check, host, says)| Wanted {
                check,
                host: of(host),
                statuses: &[Status::Fail],
                severity: None,
                says,
            });
            return wanted.collect();
        }
        Expect::Nothing => return Vec::new(),
    };
    let statuses: &[Status] = match expect {
        Expect::FailsOrUnknown(..) => &[Status::Fail, Status::Unknown],
        Expect::Passes(..) => &[Status::Pass],
        _ => &[Status::Fail],
    };
    // What passes may be of any severity.
    let severity = severity.filter(|_| !matches!(expect, Expect::Passes(..)));
    let of = |host| Wanted { check, host, statuses, severity, says: "" };
    hosts.into_iter().map(of).collect()
}

fn says(name: &str, expects: &[Expect], run: &Run, own_profile: bool) {
    let wanted: Vec<Wanted> = expects.iter().copied().flat_map(wanted).collect();
    let report = run.report();
    let mut gravest = Severity::Warning;
    for wanted in &wanted {
        let check = wanted.check;
        let named = report.results.iter().find(|v| *v.check == *check && v.host.as_deref() == wanted.host);
        let named = named.unwrap_or_else(|| panic!("{name}: nothing says {check}: {}", table(&report)));
        let is = named.status;
        assert!(wanted.statuses.contains(&is), "{name}: {check} is {is:?}: {}", table(&report));
        let severity = wanted.severity.filter(|_| own_profile);
        assert!(severity.is_none_or(|it| it == named.severity), "{name}: {check}: {named:#?}");
        assert!(named.message.contains(wanted.says), "{name}: {check} says: {}", named.message);
        gravest = gravest.max(named.severity);
    }
    if expects.iter().all(|expect| matches!(expect, Expect::Passes(..) | Expect::Nothing)) {
        return is_go(run);
    }

    let is_wanted =
        |v: &Verdict| wanted.iter().any(|it| *it.check == *v.check && it.host == v.host.as_deref());
    for other in report.results.iter().filter(|v| v.is_finding() && !is_wanted(v)) {
        let cause = other.cause.as_deref();
        let follows = other.status == Status::Unknown && wanted.iter().any(|it| cause == Some(it.check));
        assert!(follows, "{name}: {} has nothing to do with it: {other:#?}", other.check);
    }
    for row in &report.hosts {
        let unreachable =
            expects.iter().any(|it| matches!(it, Expect::Unreachable(_, host) if *host == row.name));
        assert_eq!(row.reached, !unreachable, "{name}: {row:#?}");
        assert_eq!(row.unreachable.is_some(), unreachable, "{name}: {row:#?}");
        let verdicts = report.results.iter().filter(|v| v.host.as_deref() == Some(row.name.as_str())).count();
        assert!(!unreachable || verdicts == 1, "{name}: {}", table(&report));
    }
    let (verdict, status) = match gravest {
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
