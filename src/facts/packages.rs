//! The package manager: whether it is free, and whether its last work was done to the end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

/// The package manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Packages {
    /// `dpkg` or `rpm`; absent where there is neither.
    pub manager: Fact<String>,
    /// Locks that somebody holds, each as `path (process)`.
    pub locks_held: Fact<Vec<String>>,
    /// What the last installation left half done: packages with their state, or journals.
    pub unfinished: Fact<Vec<String>>,
    /// Packages that ask for a reboot, `?` for one that gives no name; absent where none does.
    pub reboot_required_by: Fact<Vec<String>>,
}

/// What the subject reads. Locks are looked up in the kernel's own table by the inodes of the lock files, for `fuser` and
/// `lslocks` are not everywhere; dnf and yum write their process's number instead. dpkg's own audit takes many times the CPU of
/// the one `grep` through its database that says the same.
pub const PROBES: &[Probe] = &[
    Probe::shell(
        "package-locks",
        "/proc/locks and the lock files of dpkg, apt, rpm, dnf and yum",
        r#"looked || return 2
[ -r /proc/locks ] || { echo "/proc/locks cannot be read" >&2; return 2; }
set --
for f in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock \
    /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock; do
    if [ -e "$f" ]; then set -- "$@" "$f"; fi
done
held=
while read -r number kind mode access pid file rest; do
    [ -z "$file" ] || held="$held ${file##*:}=$pid"
done <<END
$WRITE_LOCKS
END
if [ $# -gt 0 ] && [ -n "$held" ]; then
    inodes=$(stat -c '%i %n' "$@") || return 2
    while read -r inode f; do
        for t in $held; do
            case $t in "$inode="*) ;; *) continue ;; esac
            t=${t#*=}; name=
            [ -r "/proc/$t/comm" ] && read -r name <"/proc/$t/comm"
            echo "held $f ${name:-process $t}"
        done
    done <<END
$inodes
END
fi
# A number may have been given to another user's process meanwhile.
for f in /run/yum.pid /var/run/yum.pid /var/cache/dnf/*.pid /var/lib/dnf/*.pid /run/zypp.pid; do
    t=
    # It may have no line end.
    [ ! -f "$f" ] || ! [ -r "$f" ] || read -r t <"$f"
    [ -n "$t" ] && is_roots_process "$t" && read -r name <"/proc/$t/comm" || continue
    case $name in *yum* | *dnf* | *zypp* | *packagekit* | python*) echo "held $f $name" ;; esac
done
true"#,
    )
    .light(),
    Probe::shell(
        "package-database",
        "/var/lib/dpkg or /var/lib/rpm",
        r#"if [ -e /var/run/reboot-required ] || [ -e /run/reboot-required ]; then echo "reboot ?"; fi
for f in /run/reboot-required.pkgs /var/run/reboot-required.pkgs; do
    [ -r "$f" ] && while read -r name; do echo "reboot $name"; done <"$f" && break
done
if [ -e /var/lib/dpkg/status ]; then
    echo "manager dpkg"
    for f in /var/lib/dpkg/updates/*; do if [ -e "$f" ]; then echo "journal $f"; fi; done
    grep -B 1 -E '^Status: [a-z]+ (reinstreq |ok (half|unpacked|triggers-))' /var/lib/dpkg/status || [ $? = 1 ] || return 2
elif [ -d /var/lib/rpm ] || [ -d /usr/lib/sysimage/rpm ]; then
    echo "manager rpm"
    for f in /var/lib/yum/transaction-all.* /var/lib/rpm/__db.rebuild*; do if [ -e "$f" ]; then echo "journal $f"; fi; done
fi"#,
    )
    .light(),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Packages {
    let lines = |text: &str, key: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(key)).map(|rest| rest.trim().to_owned()).collect()
    };
    let ended = |probe: &str| {
        transcript.answer(probe).try_map(|answer| match answer.status {
            0 => Ok(answer.out.into_owned()),
            status => Err(format!("reading it ended with status {status}{}", answer.complaint())),
        })
    };
    let locks_held = ended("package-locks").map(|text| {
        let held = lines(&text, "held ");
        let mut held: Vec<String> = held
            .iter()
            .map(|held| match held.split_once(' ') {
                Some((path, process)) => format!("{path} ({process})"),
                None => held.clone(),
            })
            .collect();
        held.dedup();
        held
    });
    let database = ended("package-database");
    let first = |fact: Fact<Vec<String>>| {
        let reading = match fact.reading {
            Reading::Known(mut found) if !found.is_empty() => Reading::Known(found.swap_remove(0)),
            Reading::Known(_) | Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason),
        };
        Fact::new(reading, fact.source)
    };
    let reboot = database.clone().map(|text| {
        let mut names = lines(&text, "reboot ");
        if names.len() > 1 {
            names.retain(|name| name != "?");
        }
        names.sort_unstable();
        names.dedup();
        names
    });
    Packages {
        manager: first(database.clone().map(|text| lines(&text, "manager "))),
        locks_held,
        unfinished: database.map(|text| unfinished(&text)),
        reboot_required_by: match &reboot.reading {
            Reading::Known(none) if none.is_empty() => Fact::absent(reboot.source),
            _ => reboot,
        },
    }
}

/// `Package: NAME` stands on the line before `Status: install ok half-configured`.
fn unfinished(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut package = "a package";
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("journal ") {
            found.push(format!("{} was not worked off", path.trim()));
        } else if let Some(name) = line.strip_prefix("Package: ") {
            package = name.trim();
        } else if let Some(status) = line.strip_prefix("Status: ") {
            let state = status.split_whitespace().skip(1).filter(|word| *word != "ok").collect::<Vec<_>>();
            found.push(format!("{package}: {}", state.join(" ")));
            package = "a package";
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;
    use crate::facts::transcript::Ended;

    fn read(locks: &str, database: &str) -> Packages {
        let host = Recorded::default().answer("package-locks", locks).answer("package-database", database);
        parse(&host.transcript())
    }

    #[test]
    fn a_sound_and_free_database() {
        let found = read("", "manager dpkg\n");
        assert_eq!(found.manager.value().map(String::as_str), Some("dpkg"));
        assert_eq!(found.locks_held.value(), Some(&Vec::new()));
        assert_eq!(found.unfinished.value(), Some(&Vec::new()));
        assert_eq!(found.reboot_required_by.reading, Reading::Absent);
        assert_eq!(read("", "").manager.reading, Reading::Absent);
    }

    #[test]
    fn locks_and_halves_and_reboots() {
        let found = read(
            "held /var/lib/dpkg/lock-frontend unattended-upgr\nheld /var/lib/dpkg/lock-frontend unattended-upgr\n",
            "reboot ?\nreboot linux-base\nreboot libc6\nmanager dpkg\njournal /var/lib/dpkg/updates/0001\n\
             Package: docker.io\nStatus: install ok half-configured\n--\nPackage: kmod\nStatus: install reinstreq half-installed\n",
        );
        assert_eq!(
            found.locks_held.value(),
            Some(&vec!["/var/lib/dpkg/lock-frontend (unattended-upgr)".to_owned()])
        );
        let unfinished = found.unfinished.value().expect("it is known");
        assert_eq!(unfinished.len(), 3, "{unfinished:?}");
        assert_eq!(unfinished[1..], ["docker.io: half-configured", "kmod: reinstreq half-installed"]);
        assert_eq!(
            found.reboot_required_by.value(),
            Some(&vec!["libc6".to_owned(), "linux-base".to_owned()])
        );
        assert_eq!(read("", "reboot ?\n").reboot_required_by.value(), Some(&vec!["?".to_owned()]));
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let failed =
            Recorded::default().ended("package-locks", Ended::Exited(2), "", "/proc/locks cannot be read\n");
        let found = parse(&failed.transcript());
        for unknown in [&found.locks_held.reading, &found.unfinished.reading] {
            assert!(matches!(unknown, Reading::Unknown(_)), "{found:?}");
        }
        assert!(matches!(found.reboot_required_by.reading, Reading::Unknown(_)));
    }
}
