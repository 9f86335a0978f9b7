//! A fix on its way through a real SSH server, the connection cut after so many bytes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;

use airworthy::fix::apply::{FileNow, Order, Outcome};
use airworthy::fix::plan::Plan as Fix;
use airworthy::transport::Ssh;

use crate::bench::{BOUNDARY, Bench, OLD, STAMP};
use crate::machine::wait_until;
use crate::server::{Answer, Plan, Server};
use crate::talk::{host, options};

/// Passes one connection on to a server, and cuts it when the client has said so many bytes.
fn knife(server: &Server, after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let target = (server.address(), server.port());
    thread::spawn(move || {
        let Ok((client, _)) = listener.accept() else { return };
        let Ok(server) = TcpStream::connect(target) else { return };
        let (mut from_server, mut to_client) =
            (server.try_clone().expect("a clone"), client.try_clone().expect("a clone"));
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let (mut client, mut server) = (client, server);
        let mut piece = [0; 512];
        let mut left = after;
        while let Ok(count @ 1..) = client.read(&mut piece) {
            let passed = count.min(left);
            if server.write_all(&piece[..passed]).is_err() {
                break;
            }
            left -= passed;
            if left == 0 {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    });
    port
}

fn login(bench: &Bench) -> Server {
    let rc = format!("PATH='{}':$PATH; export PATH", bench.path("bin").display());
    Server::start(Plan { answer: Answer::Login { shell: "sh", rc }, ..Plan::open() })
}

fn which(bench: &Bench, plan: &Fix) -> FileNow {
    match bench.now().map(String::into_bytes) {
        now if now == plan.after => FileNow::New,
        now if now == plan.before => FileNow::Old,
        now => panic!("a piece of a file: {now:?}"),
    }
}

#[test]
fn a_plan_is_applied_over_ssh() {
    let bench = Bench::new(Some(OLD));
    let server = login(&bench);
    let plan = bench.plan();
    let order = Order { plan: &plan, stamp: STAMP, allow_restart: false };
    let applied = order.apply(&Ssh::new(options()), &host(&server), None);
    assert_eq!((applied.outcome, which(&bench, &plan)), (Outcome::Fixed, FileNow::New), "{applied:?}");
    // What `ps` shows holds nothing of the file.
    assert!(server.commands().iter().all(|command| !command.contains("nvidia") && command.len() < 2000));
}

#[test]
fn cut_at_any_byte_the_file_is_whole_and_the_next_run_gets_there() {
    // The script alone is some fifteen thousand bytes; before it come the greeting, the keys and the login.
    let cuts: Vec<usize> = (0..28).map(|i| 700 + i * 800).collect();
    let mut seen = (0, 0);
    for after in cuts {
        let bench = Bench::new(Some(OLD));
        let server = login(&bench);
        let plan = bench.plan();
        let order = Order { plan: &plan, stamp: STAMP, allow_restart: false };
        let mut through = host(&server);
        through.connection.port = Some(knife(&server, after));
        let applied = order.apply(&Ssh::new(options()), &through, None);
        if applied.outcome == Outcome::Lost {
            assert_ne!(applied.reason, "", "cut after {after}");
            wait_until("the server has read what came", || server.seen.ended.load(Ordering::SeqCst) == 1);
            // What was handed over whole goes on by itself.
            if server.seen.stdin.lock().expect("a lock").len() == order.text(BOUNDARY).len() {
                wait_until("the order is carried out", || {
                    let _ = which(&bench, &plan);
                    bench.told("info").starts_with("nvidia|")
                });
            }
        }
        match which(&bench, &plan) {
            FileNow::Old => {
                seen.0 += 1;
                assert_eq!(bench.names(), ["daemon.json"], "cut after {after}: nothing was begun");
            }
            _ => seen.1 += 1,
        }
        let plan = bench.plan();
        let order = Order { plan: &plan, stamp: "20260731T111500Z", allow_restart: false };
        let again = order.apply(&Ssh::new(options()), &host(&server), None);
        assert_eq!(again.outcome, Outcome::Fixed, "cut after {after}: {again:?}");
    }
    assert!(seen.0 > 3 && seen.1 > 3, "both sides of the hand-over were cut: {seen:?}");
}
