//! This machine, without SSH.

use std::time::Duration;

use airworthy::inventory::Connection;
use airworthy::transport::{Local, Login, Reply, Stage, Transport, TransportError, Visit};

use crate::talk::{Talk, host_at, timed};

fn run(talk: &mut Talk) -> Result<Visit, TransportError> {
    run_within(Duration::from_secs(20), talk)
}

fn run_within(limit: Duration, talk: &mut Talk) -> Result<Visit, TransportError> {
    let mut connection = Connection::ssh("localhost");
    connection.local = true;
    Local::new(limit).run(&host_at(connection), talk)
}

#[test]
fn both_streams_are_heard() {
    let mut talk = Talk::of("echo out; echo err >&2");
    let visit = run(&mut talk).expect("heard");
    assert_eq!((talk.out().as_str(), talk.err.as_slice()), ("out\n", &b"err\n"[..]));
    assert_eq!((visit.login, visit.host_key), (Login::Local, None));
    assert!(!visit.user.is_empty() && visit.asked_at <= talk.stamps[0]);
}

#[test]
fn a_dialogue() {
    let mut talk = Talk::of("IFS= read -r name; echo \"hello $name\"; cat").opening("node1\n");
    let mut said = false;
    talk = talk.answering(move |_| {
        if said {
            return Reply::Close;
        }
        said = true;
        Reply::Say(b"more\n".to_vec())
    });
    run(&mut talk).expect("heard");
    assert_eq!(talk.out(), "hello node1\nmore\n");
}

#[test]
fn much_in_both_directions() {
    let opening = vec![b'x'; 4 * 1024 * 1024];
    let wanted = opening.len();
    let mut talk = Talk::of("tee /dev/stderr").opening(opening);
    talk = talk.answering(move |heard| if heard.len() >= wanted { Reply::Close } else { Reply::Listen });
    run(&mut talk).expect("heard");
    assert_eq!((talk.out.len(), talk.err.len()), (wanted, wanted));
}

#[test]
fn a_command_that_reads_no_stdin_still_answers() {
    let mut talk = Talk::of("exec <&-; sleep 0.1; echo @@end").opening(vec![b'x'; 1024 * 1024]);
    run(&mut talk).expect("heard");
    assert_eq!(talk.out(), "@@end\n");
}

#[test]
fn done_does_not_wait() {
    let mut talk = Talk::of("echo @@end; sleep 5").until("@@end");
    let (visit, took) = timed(|| run(&mut talk));
    visit.expect("heard");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn the_deadline_ends_the_command_and_all_it_started() {
    let folder = crate::environment::folder();
    let mark = folder.path().join("alive");
    let command =
        format!("trap 'echo cleaned >{0}.trap; exit' TERM; (sleep 2; echo >{0}) & wait", mark.display());
    let limit = Duration::from_millis(500);
    let mut talk = Talk::of(&command);
    let (result, took) = timed(|| run_within(limit, &mut talk));
    assert_eq!(result.expect_err("it hangs"), TransportError::timed_out(Stage::Run, limit));
    assert!(took < Duration::from_secs(2), "{took:?}");
    std::thread::sleep(Duration::from_millis(2200));
    assert!(!mark.exists(), "a child lived on");
    assert!(folder.path().join("alive.trap").exists(), "the trap may clean up");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let error = run(&mut Talk::of("yes")).expect_err("too much");
    assert!(error.reason.contains("longer than 16 MiB"), "{error}");
}
