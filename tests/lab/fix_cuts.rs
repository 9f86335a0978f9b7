//! What breaks while a fix is applied to a real host, and what has to come of it.

use airworthy::report::FixOutcome;

/// What is broken, what comes of it, and whether the new file is there.
pub(crate) struct Cut {
    pub(crate) name: &'static str,
    /// Brought about on worker1 after it was broken.
    pub(crate) apply: &'static str,
    /// Done from outside once `/run/lab-reached` is there.
    pub(crate) meanwhile: &'static str,
    pub(crate) restore: &'static str,
    pub(crate) outcome: &'static [FixOutcome],
    pub(crate) new: bool,
    /// The report's reason says so.
    pub(crate) says: &'static str,
}

const NOTHING: Cut =
    Cut { name: "", apply: "true", meanwhile: "", restore: "true", outcome: &[], new: false, says: "" };

/// A tool that tells when it was called, and takes its time.
macro_rules! slow {
    ($tool:literal, $before:literal, $after:literal) => {
        concat!(
            "printf '#!/bin/sh\\n",
            $before,
            "\\n/usr/bin/",
            $tool,
            " \"$@\"; s=$?\\n",
            $after,
            "\\nexit $s\\n' >/usr/local/bin/",
            $tool,
            "; chmod 755 /usr/local/bin/",
            $tool
        )
    };
}

/// A tool that fails where a shell's test says so.
macro_rules! failing {
    ($tool:literal, $when:literal) => {
        concat!(
            "printf '#!/bin/sh\\n",
            $when,
            " && { echo injected >&2; exit 1; }\\nexec /usr/bin/",
            $tool,
            " \"$@\"\\n' >/usr/local/bin/",
            $tool,
            "; chmod 755 /usr/local/bin/",
            $tool
        )
    };
}

/// The connection goes, the host stays.
const RESET: &str = "lab exec worker1 'pkill -KILL -u pai sshd'";
/// The host goes, and comes back.
const KILLED: &str = "lab kill worker1; lab start worker1; lab wait worker1";

pub(crate) const CUTS: &[Cut] = &[
    Cut {
        name: "connection reset before the rename",
        apply: slow!("mv", "touch /run/lab-reached; sleep 4", ":"),
        meanwhile: "lab exec worker1 'iptables -I INPUT -p tcp --dport 22 -j REJECT --reject-with tcp-reset; \
                    iptables -I OUTPUT -p tcp --sport 22 -j REJECT --reject-with tcp-reset; ss -K sport = :22 >/dev/null 2>&1; \
                    pkill -KILL -u pai sshd; sleep 6; iptables -D INPUT 1; iptables -D OUTPUT 1'",
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "host killed before the rename, and started again",
        apply: slow!("mv", "touch /run/lab-reached; sleep 30", ":"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: false,
        says: "the file is the old one",
        ..NOTHING
    },
    Cut {
        name: "host killed after the rename, and started again",
        apply: slow!("mv", ":", "touch /run/lab-reached; sleep 30"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset while sudo holds a terminal",
        apply: concat!(
            "echo 'Defaults use_pty' >/etc/sudoers.d/zz-lab; ",
            slow!("mv", "touch /run/lab-reached; sleep 4", ":")
        ),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "host killed with an empty temporary file",
        apply: slow!("mktemp", ":", "case \"$*\" in *daemon.json*) touch /run/lab-reached; sleep 30 ;; esac"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        says: "the file is the old one",
        ..NOTHING
    },
    Cut {
        name: "host killed before the new file is flushed",
        apply: slow!("sync", "touch /run/lab-reached; sleep 30", ":"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        says: "the file is the old one",
        ..NOTHING
    },
    Cut {
        name: "host killed between backup and rename",
        apply: slow!("ln", ":", "touch /run/lab-reached; sleep 30"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        says: "the file is the old one",
        ..NOTHING
    },
    Cut {
        name: "host killed at the reload",
        apply: slow!("systemctl", "[ \"$1\" != reload ] || { touch /run/lab-reached; sleep 30; }", ":"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "sudo denied",
        apply: "chmod 0 /usr/bin/sudo",
        restore: "chmod 4755 /usr/bin/sudo",
        outcome: &[FixOutcome::Refused],
        says: "does not become root",
        ..NOTHING
    },
    Cut {
        name: "disk full",
        apply: "cat /etc/docker/daemon.json >/run/d && mount -t tmpfs -o size=8k,mode=755 tmpfs /etc/docker \
                && cp /run/d /etc/docker/daemon.json && chmod 640 /etc/docker/daemon.json \
                && head -c 4096 /dev/zero >/etc/docker/filler",
        restore: "umount -l /etc/docker",
        outcome: &[FixOutcome::Failed],
        says: "No space left",
        ..NOTHING
    },
    Cut {
        name: "read-only folder",
        apply: "mount --bind /etc/docker /etc/docker && mount -o remount,ro,bind /etc/docker",
        restore: "umount -l /etc/docker",
        outcome: &[FixOutcome::Refused],
        says: "read-only",
        ..NOTHING
    },
    Cut {
        name: "root is denied the lock by another run",
        apply: "mkdir -m 700 /run/airworthy-etc-docker-daemon.json; \
                (flock /run/airworthy-etc-docker-daemon.json sh -c 'echo $$ >/run/lab-lock; exec sleep 60' >/dev/null 2>&1 &) ; sleep 0.3",
        restore: "kill $(cat /run/lab-lock); sleep 0.2; rmdir /run/airworthy-etc-docker-daemon.json",
        outcome: &[FixOutcome::Refused],
        says: "another run",
        ..NOTHING
    },
    Cut {
        name: "dockerd refuses the file",
        apply: "sed -i 's/\\[\"rack=7\"\\]/\"rack=7\"/' /etc/docker/daemon.json",
        restore: "sed -i 's/\"rack=7\"/[\"rack=7\"]/' /etc/docker/daemon.json",
        outcome: &[FixOutcome::Restored],
        says: "did not take it on a reload",
        ..NOTHING
    },
    Cut {
        name: "reload without effect",
        apply: "mkdir -p /etc/systemd/system/docker.service.d \
                && printf '[Service]\\nExecReload=\\nExecReload=/bin/true\\n' >/etc/systemd/system/docker.service.d/lab.conf \
                && systemctl daemon-reload",
        outcome: &[FixOutcome::Restored],
        says: "--allow-restart was not given",
        ..NOTHING
    },
    Cut {
        name: "fsync of the folder fails",
        apply: "printf '#!/bin/sh\\n[ ! -d \"$1\" ] || { echo injected >&2; exit 1; }\\nexec /usr/bin/sync \"$@\"\\n' >/usr/local/bin/sync; \
                chmod 755 /usr/local/bin/sync",
        outcome: &[FixOutcome::Restored],
        says: "could not be flushed",
        ..NOTHING
    },
    Cut {
        name: "connection reset with an empty temporary file",
        apply: slow!("mktemp", ":", "case \"$*\" in *daemon.json*) touch /run/lab-reached; sleep 4 ;; esac"),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset while owner and mode are copied",
        apply: slow!("cp", "touch /run/lab-reached; sleep 4", ":"),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset before the new file is flushed",
        apply: slow!("sync", "[ ! -f \"$1\" ] || { touch /run/lab-reached; sleep 4; }", ":"),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset between backup and rename",
        apply: slow!("ln", ":", "touch /run/lab-reached; sleep 4"),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset after the rename",
        apply: slow!("mv", ":", "touch /run/lab-reached; sleep 4"),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset after the folder was flushed",
        apply: slow!("sync", ":", "[ ! -d \"$1\" ] || { touch /run/lab-reached; sleep 4; }"),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset at the reload",
        apply: slow!("systemctl", "[ \"$1\" != reload ] || { touch /run/lab-reached; sleep 4; }", ":"),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "connection reset while Docker is asked whether it took the file",
        apply: slow!(
            "docker",
            "! grep -q nvidia /etc/docker/daemon.json || [ -e /var/lab-once ] || { touch /var/lab-once /run/lab-reached; sleep 4; }",
            ":"
        ),
        meanwhile: RESET,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "host killed while owner and mode are copied",
        apply: slow!("cp", "touch /run/lab-reached; sleep 30", ":"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: false,
        says: "the file is the old one",
        ..NOTHING
    },
    Cut {
        name: "host killed after the new file was flushed",
        apply: slow!("sync", ":", "[ ! -f \"$1\" ] || { touch /run/lab-reached; sleep 30; }"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: false,
        says: "the file is the old one",
        ..NOTHING
    },
    Cut {
        name: "host killed after the folder was flushed",
        apply: slow!("sync", ":", "[ ! -d \"$1\" ] || { touch /run/lab-reached; sleep 30; }"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "host killed after the reload",
        apply: slow!("systemctl", ":", "[ \"$1\" != reload ] || { touch /run/lab-reached; sleep 30; }"),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "host killed while Docker is asked whether it took the file",
        apply: slow!(
            "docker",
            "! grep -q nvidia /etc/docker/daemon.json || [ -e /var/lab-once ] || { touch /var/lab-once /run/lab-reached; sleep 30; }",
            ":"
        ),
        meanwhile: KILLED,
        outcome: &[FixOutcome::Lost],
        new: true,
        says: "the file is the new one",
        ..NOTHING
    },
    Cut {
        name: "no temporary file can be made",
        apply: failing!("mktemp", "[ \"${1#*daemon.json}\" != \"$1\" ]"),
        outcome: &[FixOutcome::Failed],
        says: "no temporary file could be made",
        ..NOTHING
    },
    Cut {
        name: "owner and mode cannot be copied",
        apply: failing!("cp", "true"),
        outcome: &[FixOutcome::Failed],
        says: "owner and mode could not be copied",
        ..NOTHING
    },
    Cut {
        name: "fsync of the new file fails",
        apply: failing!("sync", "[ -f \"$1\" ]"),
        outcome: &[FixOutcome::Failed],
        says: "could not be flushed",
        ..NOTHING
    },
    Cut {
        name: "no backup can be made",
        apply: failing!("ln", "true"),
        outcome: &[FixOutcome::Failed],
        says: "no backup could be made",
        ..NOTHING
    },
    Cut {
        name: "the rename is refused",
        apply: failing!("mv", "true"),
        outcome: &[FixOutcome::Failed],
        says: "could not be replaced",
        ..NOTHING
    },
    Cut {
        name: "the reload is refused",
        apply: failing!("systemctl", "[ \"$1\" = reload ]"),
        outcome: &[FixOutcome::Restored],
        says: "could not be reloaded",
        ..NOTHING
    },
];
