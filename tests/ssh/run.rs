//! The dialogue once the user is in.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use airworthy::transport::{Reply, Ssh, Stage, Transport, TransportError, Visit};

use crate::server::{Answer, Plan, Server};
use crate::talk::{Talk, host, options, timed};

fn run(server: &Server, talk: &mut Talk) -> Result<Visit, TransportError> {
    Ssh::new(options()).run(&host(server), talk)
}

#[test]
fn one_connection_one_channel_one_exec() {
    let server = Server::start(Plan::open());
    let mut talk = Talk::of("echo out; echo err >&2; exit 3");
    let before = SystemTime::now();
    let visit = run(&server, &mut talk).expect("heard");
    assert_eq!((talk.out().as_str(), talk.err.as_slice()), ("out\n", &b"err\n"[..]));
    assert!(before <= visit.asked_at && visit.asked_at <= talk.stamps[0]);
    assert_eq!(server.connections(), 1);
    assert_eq!(server.seen.channels.load(Ordering::SeqCst), 1);
    assert_eq!(server.commands(), ["echo out; echo err >&2; exit 3"]);
}

#[test]
fn a_script_on_stdin_and_a_dialogue() {
    let server = Server::start(Plan::open());
    let script = "echo 'need nvml'; read -r answer; echo \"got $answer\"; cat; echo end\n";
    let mut talk = Talk::of("IFS= read -r script; eval \"$script\"").opening(script);
    let mut told = false;
    talk = talk.answering(move |heard| {
        let heard = String::from_utf8_lossy(heard);
        if heard.contains("got") {
            Reply::Close
        } else if heard.contains("need nvml\n") && !told {
            told = true;
            Reply::Say(b"x86_64\nrest\n".to_vec())
        } else {
            Reply::Listen
        }
    });
    run(&server, &mut talk).expect("heard");
    assert_eq!(talk.out(), "need nvml\ngot x86_64\nrest\nend\n");
}

#[test]
fn done_hangs_up_without_waiting_for_the_command() {
    let server = Server::start(Plan::open());
    let mut talk = Talk::of("echo @@end; exec sleep 5").until("@@end");
    let (visit, took) = timed(|| run(&server, &mut talk));
    visit.expect("heard");
    assert!(took < Duration::from_secs(3), "{took:?}");
    // The server notices: nothing of the connection is left behind.
    let ended = || server.seen.ended.load(Ordering::SeqCst) == 1;
    assert!((0..100).any(|_| ended() || (std::thread::sleep(Duration::from_millis(20)), false).1));
}

#[test]
fn no_wake_up_is_lost_whatever_arrives_together() {
    let server = Server::start(Plan::open());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let mut talk = Talk::of("echo err >&2; echo @@end; exec sleep 8").until("@@end");
                    let (visit, took) = timed(|| run(&server, &mut talk));
                    visit.expect("heard");
                    assert!(took < Duration::from_secs(6), "{took:?}");
                }
            });
        }
    });
}

#[test]
fn a_child_left_behind_with_stdout_open_is_not_waited_for() {
    let server = Server::start(Plan::open());
    let mut talk = Talk::of("sleep 5 & echo @@end").until("@@end");
    let (visit, took) = timed(|| run(&server, &mut talk));
    visit.expect("heard");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_large_answer() {
    let out: Vec<u8> = (0..8 * 1024 * 1024).map(|at: u32| (at % 251) as u8).collect();
    let server =
        Server::start(Plan { answer: Answer::Canned { out: out.clone(), err: vec![] }, ..Plan::open() });
    let mut talk = Talk::of("x");
    run(&server, &mut talk).expect("heard");
    assert!(talk.out == out, "{} bytes", talk.out.len());
}

#[test]
fn a_flood_of_stderr_does_not_block_stdout() {
    let err = vec![b'e'; 6 * 1024 * 1024];
    let server = Server::start(Plan {
        answer: Answer::Canned { out: b"@@end".to_vec(), err: err.clone() },
        ..Plan::open()
    });
    let mut talk = Talk::of("x");
    run(&server, &mut talk).expect("heard");
    assert_eq!((talk.out().as_str(), talk.err.len()), ("@@end", err.len()));
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let out = vec![b'x'; 20 * 1024 * 1024];
    let server = Server::start(Plan { answer: Answer::Canned { out, err: vec![] }, ..Plan::open() });
    let error = run(&server, &mut Talk::of("x")).expect_err("too much");
    assert_eq!(error.stage, Stage::Run);
    assert!(error.reason.contains("longer than 16 MiB"), "{error}");
}

#[test]
fn a_large_stdin_while_the_command_answers_as_much() {
    let server = Server::start(Plan::open());
    let opening: Vec<u8> = (0..6 * 1024 * 1024).map(|at: u32| (at % 253) as u8).collect();
    let wanted = opening.len();
    let mut talk = Talk::of("cat").opening(opening.clone());
    talk = talk.answering(move |heard| if heard.len() >= wanted { Reply::Close } else { Reply::Listen });
    run(&server, &mut talk).expect("heard");
    assert!(talk.out == opening);
}

#[test]
fn a_command_that_reads_no_stdin_still_answers() {
    let server = Server::start(Plan::open());
    let mut talk = Talk::of("exec <&-; echo @@end").opening(vec![b'x'; 4 * 1024 * 1024]).until("@@end");
    run(&server, &mut talk).expect("heard");
}

#[test]
fn noise_before_the_answer_is_handed_over() {
    let server = Server::start(Plan::open());
    let mut talk = Talk::of("printf 'Welcome!\\r\\n\\0\\377'; echo @@end").until("@@end");
    run(&server, &mut talk).expect("heard");
    assert_eq!(talk.out, b"Welcome!\r\n\0\xff@@end\n");
}

#[test]
fn a_command_killed_by_a_signal_ends_the_streams() {
    let server = Server::start(Plan { answer: Answer::Killed(b"half".to_vec()), ..Plan::open() });
    let mut talk = Talk::of("x");
    run(&server, &mut talk).expect("the end of both streams; that the mark is missing is for others to see");
    assert_eq!(talk.out(), "half");
}
