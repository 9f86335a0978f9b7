//! The table as people see it, and what must hold of every table.

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::checks::Severity;
use crate::report::{
    document::{HostOutcome, Outcome},
    sample::{self, altered},
};

fn shown(report: &Report, width: usize, verbose: bool, by: By) -> String {
    render(report, &TableOptions { width, color: false, verbose, by })
}

fn last_line(report: &Report) -> String {
    shown(report, 200, false, By::Check).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn golden() {
    insta::with_settings!({snapshot_path => "../../../tests/golden/report", prepend_module_to_snapshot => false}, {
        for (name, report) in [
            ("healthy", sample::healthy()),
            ("findings", sample::findings()),
            ("large", sample::large()),
            ("hostile", sample::hostile()),
            ("partial", sample::partial()),
            ("selection", sample::selection()),
            ("interrupted", sample::interrupted()),
        ] {
            insta::assert_snapshot!(format!("{name}-100"), shown(&report, 100, false, By::Check));
        }
        insta::assert_snapshot!("findings-60", shown(&sample::findings(), 60, false, By::Check));
        insta::assert_snapshot!("findings-40", shown(&sample::findings(), 40, false, By::Check));
        insta::assert_snapshot!("findings-by-host-100", shown(&sample::findings(), 100, false, By::Host));
        insta::assert_snapshot!("findings-verbose-100", shown(&sample::findings(), 100, true, By::Check));
    });
}

#[test]
fn no_line_is_wider_than_the_paper() {
    for report in sample::all() {
        for width in [20, 33, 40, 49, 50, 60, 80, 100, 200] {
            for (verbose, by) in [(false, By::Check), (true, By::Check), (false, By::Host), (true, By::Host)]
            {
                for line in shown(&report, width, verbose, by).lines() {
                    // Commands and links are never broken.
                    let command = line.contains('`') || line.contains("://") || line.contains("sudo ");
                    let exempt = command || (width < 40 && !line.trim().contains(' '));
                    assert!(exempt || line.width() <= width, "{} > {width}: {line}", line.width());
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }
}

#[test]
fn nothing_acts_on_the_terminal_but_our_own_colours() {
    for report in sample::all() {
        for by in [By::Check, By::Host] {
            for color in [false, true] {
                let text = render(&report, &TableOptions { width: 80, color, verbose: true, by });
                let mut rest = text.as_str();
                while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n') {
                    assert!(color, "a control character without colours: {:?}", &rest[at..]);
                    let sequence = rest[at..].strip_prefix("\x1b[").expect("an SGR sequence");
                    let end = sequence.find(|c: char| !c.is_ascii_digit() && c != ';').expect("an end");
                    assert_eq!(&sequence[end..=end], "m");
                    rest = &sequence[end..];
                }
                assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{9b}']));
                let forged = text
                    .lines()
                    .filter(|line| line.trim_start_matches("\x1b[1;32m").starts_with("GO"))
                    .count();
                assert_eq!(forged, if report.verdict == Outcome::Go { 2 } else { 0 });
            }
        }
    }
}

#[test]
fn colours_change_nothing_else() {
    for report in sample::all() {
        let options = TableOptions { width: 80, color: true, verbose: false, by: By::Check };
        let mut plain = String::new();
        for (number, part) in render(&report, &options).split("\x1b[").enumerate() {
            plain.push_str(if number == 0 { part } else { part.split_once('m').expect("an SGR sequence").1 });
        }
        assert_eq!(
            plain.lines().map(str::trim_end).collect::<Vec<_>>(),
            shown(&report, 80, false, By::Check).lines().collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_answer_is_the_first_word_and_the_last_line() {
    for report in sample::all() {
        let word = if report.verdict == Outcome::Go { "GO" } else { "NO-GO" };
        let text = shown(&report, 200, false, By::Check);
        // That it is no whole answer goes before the answer.
        let text = match report.scope.interrupted {
            true => text.split_once('\n').expect("lines").1.to_owned(),
            false => text,
        };
        assert!(text.starts_with(&format!("{word} ")), "{text}");
        let last = text.rsplit("\n\n").next().unwrap_or_default();
        assert!(
            last.starts_with(&format!("{word}:")) || last.starts_with(&format!("{word} (partial):")),
            "{last}"
        );
    }
    assert_eq!(last_line(&sample::healthy()), "GO: 11 checks passed on 5 hosts");
    assert_eq!(
        last_line(&sample::large()),
        "NO-GO: 50 errors (2 checks) on 48 of 300 hosts; 1 host unreachable"
    );
}

#[test]
fn a_no_go_always_says_why() {
    let mut report = sample::healthy();
    report.verdict = Outcome::NoGo;
    assert_eq!(last_line(&report), "NO-GO: nothing was judged");
    // The whole profile was asked, and none of its checks for such a host applies to this one.
    let of_gpu02 = |verdict: &&mut Verdict| verdict.host.as_deref() == Some("gpu02");
    for verdict in report.results.iter_mut().filter(of_gpu02) {
        verdict.status = Status::NotApplicable;
    }
    let row = report.hosts.iter_mut().find(|row| row.name == "gpu02").expect("it is there");
    row.verdict = HostOutcome::NoGo;
    assert_eq!(last_line(&report), "NO-GO: no check applied to gpu02");
    let mut report = sample::findings();
    report.results.retain(|verdict| *verdict.check == *"swap-off" || verdict.status == Status::Pass);
    report.hosts.truncate(4);
    report.summary = crate::report::Summary::of(&report.hosts, &report.results);
    assert_eq!(last_line(&report), "NO-GO: 1 warning; warnings stop it (--fail-on warning)");
}

#[test]
fn a_selection_says_whom_it_leaves_out() {
    let report = sample::selection();
    assert_eq!(report.verdict, Outcome::Go);
    let line = "GO (partial): 2 checks passed on 2 hosts, 1 warning; not judged: devbox, infra01, gpu03; only a part was judged: --select gpu-*";
    assert_eq!(last_line(&report), line);
    for by in [By::Check, By::Host] {
        let text = shown(&report, 100, false, by);
        assert_eq!(text.lines().filter(|line| line.contains("  not judged  ")).count(), 3, "{text}");
    }
}

#[test]
fn an_interrupted_run_says_so_first_and_last() {
    let report = sample::interrupted();
    let text = shown(&report, 100, false, By::Check);
    assert!(text.starts_with("INTERRUPTED after 3.2 s: 2 of 5 hosts not visited\nNO-GO "), "{text}");
    assert!(
        text.contains("NOT VISITED 2 of 5 hosts\n  reason gpu01, gpu02: the run was interrupted"),
        "{text}"
    );
    // There is nothing to mend where nothing was tried, and no other remedy is borrowed for it.
    assert_eq!(text.matches("→").count(), 1, "{text}");
    let last =
        "NO-GO (partial): the run was interrupted before 2 hosts had answered; 1 of 5 hosts unreachable";
    assert_eq!(last_line(&report), last);
    // Judged again from what it saved.
    let mut again = report;
    again.scope.interrupted = false;
    assert_eq!(last_line(&again), "NO-GO: 2 hosts not visited; 1 of 5 hosts unreachable");
}

#[test]
fn the_fleet_has_a_verdict_by_the_rule_of_hosts() {
    let row = |report: &Report| {
        let text = shown(report, 100, false, By::Check);
        let row = text.lines().find(|line| line.starts_with("  (fleet)")).expect("a row").to_owned();
        row.trim_start_matches("  (fleet)").split_whitespace().next().unwrap_or_default().to_owned()
    };
    let mut report = sample::healthy();
    assert_eq!(row(&report), "GO");
    for (status, severity, fail_on, wanted) in [
        (Status::Fail, Severity::Error, Severity::Error, "NO-GO"),
        (Status::Unknown, Severity::Error, Severity::Error, "NO-GO"),
        (Status::Fail, Severity::Warning, Severity::Error, "GO"),
        (Status::Fail, Severity::Warning, Severity::Warning, "NO-GO"),
        (Status::Unknown, Severity::Warning, Severity::Error, "GO"),
        (Status::Waived, Severity::Error, Severity::Error, "GO"),
    ] {
        let verdict = report.results.last_mut().expect("the fleet's");
        (verdict.status, verdict.severity) = (status, severity);
        report.fail_on = fail_on;
        assert_eq!(row(&report), wanted, "{status:?} {severity:?} {fail_on:?}");
    }
}

#[test]
fn only_lost_hosts_are_a_reason_too() {
    let mut report = sample::findings();
    report.results.retain(|v| *v.check == *"host-reachable" || v.status == Status::Pass);
    report.summary = crate::report::Summary::of(&report.hosts, &report.results);
    assert_eq!(last_line(&report), "NO-GO: 1 of 5 hosts unreachable");
}

#[test]
fn warnings_alone_do_not_stop_it() {
    let mut report = sample::healthy();
    report
        .results
        .push(altered!(sample::verdict("cpu-idle", Some("gpu01"), Status::Unknown, Severity::Warning) => {
        reason: Some("sar is not installed".to_owned().into()),}));
    report.summary = crate::report::Summary::of(&report.hosts, &report.results);
    let text = shown(&report, 80, false, By::Check);
    assert!(
        text.contains("UNKNOWN  cpu-idle on 1 of 5 hosts (warning)\n  reason gpu01: sar is not"),
        "{text}"
    );
    assert_eq!(last_line(&report), "GO: 11 checks passed on 5 hosts, 1 unknown");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn any_words_fit_any_paper(
        words in proptest::collection::vec("\\PC{0,40}|[a-z]{0,3}[0-9]{0,25}[.a-z]{0,9}|(?s:.{0,300})", 8),
        width in 0usize..130,
        by_host: bool,
        verbose: bool,
    ) {
        let mut hosts = vec![sample::host(&words[0], &words[1], &[])];
        hosts.push(sample::unreachable(&words[2], &words[3], &words[4], &words[5]));
        let results = [(0, Status::Fail), (0, Status::Unknown), (2, Status::Fail), (2, Status::Waived)];
        let results = results.map(|(name, status)| altered!(sample::verdict(&words[4], Some(&words[name]), status, Severity::Error) => {
            title: words[5].clone().into(),
            message: format!("{} {} {}", words[6], words[0], words[1]).into(),
            expected: words[7].clone().into(),
            reason: Some(words[3].clone().into()),
            remediation: String::new().into(),
            references: Vec::new().into(),}));
        let report = sample::report(hosts, results.to_vec());
        let by = if by_host { By::Host } else { By::Check };
        for line in shown(&report, width, verbose, by).lines() {
            // The offered --limit is a command.
            let command = line.contains("--limit");
            proptest::prop_assert!(command || line.width() <= width.max(20), "{}: {line}", line.width());
            proptest::prop_assert!(!line.chars().any(char::is_control));
        }
    }
}

#[test]
fn every_finding_is_named_in_every_layout() {
    for report in [sample::findings(), sample::large()] {
        for by in [By::Check, By::Host] {
            let text = shown(&report, 200, false, by);
            for verdict in report.results.iter().filter(|verdict| verdict.is_finding()) {
                assert!(text.contains(&*verdict.check), "{} is missing in\n{text}", verdict.check);
            }
        }
    }
}
