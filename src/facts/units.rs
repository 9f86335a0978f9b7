//! systemd's word on the services that matter: read in one process, used by several subjects.

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

/// One unit as `systemctl show` prints it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unit {
    /// Its canonical name.
    pub id: String,
    /// `loaded`, `not-found`, `masked` …
    pub load: String,
    /// `active`, `inactive`, `failed` …
    pub active: String,
    /// `enabled`, `disabled`, `static`, `generated` …
    pub enabled: String,
    /// Its other assignments, a line each, in order: `ExecStart`, `Environment` and so on.
    pub others: String,
}

impl Unit {
    /// It exists on this machine.
    pub(super) fn is_installed(&self) -> bool {
        self.load != "not-found" && !self.load.is_empty()
    }

    /// It runs (or, being a socket, listens). One that is still `activating` may be failing over and over.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }

    /// It runs, or is about to: what must not be there is there already.
    pub(super) fn is_active_or_starting(&self) -> bool {
        self.is_active() || self.active == "activating"
    }

    /// It starts at boot by itself. `static` and `linked` units wait for others, `enabled-runtime` is forgotten.
    pub(super) fn is_enabled(&self) -> bool {
        matches!(self.enabled.as_str(), "enabled" | "generated" | "alias")
    }

    /// The values of a property.
    pub(super) fn values<'u>(&'u self, property: &'u str) -> impl Iterator<Item = &'u str> {
        let lines = self.others.lines();
        lines
            .filter_map(|line| line.split_once('='))
            .filter(move |(key, _)| *key == property)
            .map(|(_, value)| value)
    }
}

/// What the subjects read together.
pub(super) const PROBES: &[Probe] = &[Probe::shell(
    "units",
    "systemctl show",
    // A unit that systemd shows costs the host two thirds of a millisecond, one asked for by its name as much where it is not
    // there. So by name it is asked only for those with a file (in the folders of systemd.unit(5)), and of them for
    // those of which more counts than whether they run. All others are patterns: they show what is loaded, and what runs or starts at
    // boot is, also when its file is gone; `--state` leaves out what systemd only knows because others name it.
    r#"installed='ssh.service sshd.service ssh.socket sshd.socket
chrony.service chronyd.service ntp.service ntpd.service ntpsec.service openntpd.service
systemd-timesyncd.service open-vm-tools.service vmtoolsd.service
docker.service snap.docker.dockerd.service'
folders=
for folder in /lib/systemd/system /usr/lib/systemd/system /usr/local/lib/systemd/system \
    /etc/systemd/system /etc/systemd/system.control /etc/systemd/system.attached \
    /run/systemd/system /run/systemd/system.control /run/systemd/system.attached /run/systemd/transient \
    /run/systemd/generator /run/systemd/generator.early /run/systemd/generator.late; do
    # The first two are one folder nowadays.
    [ ! -d "$folder" ] || { [ -n "$folders" ] && [ "$folder" -ef /lib/systemd/system ]; } || folders="$folders $folder"
done
file= containerd='[c]ontainerd.service'
set -f
set -- '[c]rio.service' '[k]ubelet.service' '[f]irewalld.service' '[n]ftables.service' \
    '[k]3s.service' '[k]3s-agent.service' '[r]ke2-server.service' '[r]ke2-agent.service' \
    '[k]0scontroller.service' '[k]0sworker.service' '[s]nap.microk8s.daemon-kubelite.service' \
    '[s]nap.microk8s.daemon-kubelet.service'
for unit in $installed; do
    asked="[${unit%"${unit#?}"}]${unit#?}"
    for folder in $folders; do
        if [ -e "$folder/$unit" ]; then asked=$unit; break; fi
    done
    # A socket that neither waits nor will says nothing beside its service.
    case $unit$file in *.socket?*) asked="[s]${unit#?}" ;; esac
    if [ "$asked" = "$unit" ]; then
        # Another name of the one before is answered with that one.
        [ ! -f "$file" ] || ! [ "$folder/$unit" -ef "$file" ] || continue
        file=$folder/$unit
        # Docker's own containerd is nobody's choice.
        [ "$unit" != docker.service ] || containerd=
    fi
    set -- "$@" "$asked"
done
[ -z "$containerd" ] || set -- "$@" "$containerd"
systemctl show --all --state=loaded,active,reloading,activating,deactivating,failed -p Id -p LoadState -p ActiveState -p UnitFileState -p ExecStart -p Environment -p EnvironmentFiles "$@""#,
)];

/// Every unit that was asked about, unknown where systemd could not be asked.
pub(super) fn parse(transcript: &Transcript) -> Fact<Vec<Unit>> {
    transcript.answer("units").try_map(|answer| match answer.status {
        127 => Err("there is no systemctl on this machine".to_owned()),
        0 => Ok(answer.out.split("\n\n").map(unit).filter(|unit| !unit.id.is_empty()).collect()),
        status => Err(format!("systemctl ended with status {status}{}", answer.complaint())),
    })
}

fn unit(block: &str) -> Unit {
    let mut unit = Unit::default();
    for line in block.lines() {
        match line.split_once('=') {
            Some(("Id", value)) => unit.id = value.to_owned(),
            Some(("LoadState", value)) => unit.load = value.to_owned(),
            Some(("ActiveState", value)) => unit.active = value.to_owned(),
            Some(("UnitFileState", value)) => unit.enabled = value.to_owned(),
            Some((_, "")) | None => {}
            Some(_) => unit.others.extend([line, "\n"]),
        }
    }
    unit
}

/// Those of `units` that exist and are named, in the order of `names`.
pub(super) fn named<'u>(units: &'u Fact<Vec<Unit>>, names: &[&str]) -> Fact<Vec<&'u Unit>> {
    let reading = match &units.reading {
        Reading::Known(units) => Reading::Known(
            names
                .iter()
                .filter_map(|name| units.iter().find(|unit| unit.id == *name && unit.is_installed()))
                .collect(),
        ),
        Reading::Absent => Reading::Absent,
        Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
    };
    Fact::new(reading, format!("systemctl show {}", names.join(" ")))
}
