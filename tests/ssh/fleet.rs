//! Many hosts at once, on a few threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use airworthy::transport::{Ssh, Transport};

use crate::keys::{self, ed25519};
use crate::server::{Answer, Plan, Server};
use crate::talk::{Talk, host, options, timed};

#[test]
fn two_hundred_hosts_cost_one_connection_and_one_exec_each() {
    let folder = crate::environment::folder();
    let plan = Plan {
        latency: Duration::from_millis(100),
        answer: Answer::Canned { out: vec![b'x'; 6000], err: Vec::new() },
        ..Plan::for_key(&ed25519(1))
    };
    let first = Server::start_at("127.0.1.1:0", plan.clone());
    let port = first.port();
    let mut fleet = vec![first];
    fleet.extend((2..=200).map(|at| Server::start_at(&format!("127.0.1.{at}:{port}"), plan.clone())));

    let mut options = options();
    options.default_keys = vec![keys::save(&ed25519(1), folder.path(), "id")];
    let ssh = Ssh::new(options);
    let next = AtomicUsize::new(0);
    let ((), took) = timed(|| {
        thread::scope(|scope| {
            for _ in 0..50 {
                // As small as the run's own threads.
                let worker = thread::Builder::new().stack_size(256 * 1024);
                let visit = || {
                    while let Some(server) = fleet.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let mut talk = Talk::of("facts");
                        ssh.run(&host(server), &mut talk).expect("in");
                        assert_eq!(talk.out.len(), 6000);
                    }
                };
                worker.spawn_scoped(scope, visit).expect("a thread");
            }
        });
    });
    for server in &fleet {
        assert_eq!((server.connections(), server.commands().len(), server.keys_offered()), (1, 1, 1));
    }
    // One after the other it would be 20 s of waiting alone.
    assert!(took < Duration::from_secs(15), "{took:?}");
}
