//! What never answers costs its deadline, and nothing else: the rest of that host, and the other hosts, are known.

use std::time::Duration;

use crate::fault::{DEFAULTS, Expect::*, Fault};
use crate::judge::judge;

/// A probe's deadline, and a second for everything else.
const DOCKER_DEADLINE: Duration = Duration::from_secs(6);

/// A `docker` that never answers and, like its child, ignores every signal that can be ignored.
pub(crate) const DOCKER_CLIENT_HANGS: Fault = Fault {
    on: "worker3",
    apply: "install -d -m 1777 /run/lab /run/lab/hanging \
            && dpkg-divert --local --rename --divert /usr/bin/docker.real --add /usr/bin/docker \
            && ln -s /usr/local/lib/lab/hang /usr/bin/docker",
    proof: "timeout -k 1 1 docker info; [ $? = 137 ]",
    restore: "rm /usr/bin/docker; dpkg-divert --local --rename --remove /usr/bin/docker; /usr/local/lib/lab/hang --end",
    expect: FailsOrUnknown("docker-running", "worker3"),
    ..DEFAULTS
};

#[test]
fn docker_client_hangs_and_ignores_signals() {
    within(DOCKER_DEADLINE, "docker_client_hangs", &DOCKER_CLIENT_HANGS);
}

#[test]
fn docker_daemon_frozen() {
    within(
        DOCKER_DEADLINE,
        "docker_daemon_frozen",
        &Fault {
            on: "infra2",
            apply: "kill -STOP $(cat /run/docker.pid)",
            proof: "timeout 2 docker info; [ $? = 124 ]",
            restore: "kill -CONT $(cat /run/docker.pid)",
            expect: FailsOrUnknown("docker-running", "infra2"),
            ..DEFAULTS
        },
    );
}

#[test]
fn host_hangs_after_login() {
    within(
        Duration::from_secs(60),
        "host_hangs_after_login",
        &Fault {
            on: "worker2",
            apply: "cp -p /home/pai/.bashrc /root/ && sed -i '1i sleep 86400' /home/pai/.bashrc",
            proof: "timeout 2 runuser -u pai -- env HOME=/home/pai SSH_CLIENT=x SHLVL=0 bash -c true </dev/null; [ $? = 124 ]",
            restore: "mv /root/.bashrc /home/pai/; pkill -u pai -x sleep; true",
            expect: Unreachable("host-answers", "worker2"),
            ..DEFAULTS
        },
    );
}

/// A busy machine makes a run longer, never shorter: where the first takes too long, the second counts.
fn within(limit: Duration, name: &str, fault: &Fault) {
    let mut took = Vec::new();
    while took.len() < 2 && took.last().is_none_or(|last| *last >= limit) {
        let Some(run) = judge(name, fault) else { return };
        println!("{name}: {:?}", run.wall);
        took.push(run.wall);
    }
    assert!(took.iter().any(|wall| *wall < limit), "{name} took {took:?}");
}
