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
    /// Every assignment of the unit, in order: `ExecStart`, `Environment` and so on.
    pub properties: Vec<(String, String)>,
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
        self.properties.iter().filter(move |(key, _)| key == property).map(|(_, value)| value.as_str())
    }
}

/// What the subjects read together.
pub(super) const PROBES: &[Probe] = &[Probe::shell(
    "units",
    "systemctl show",
    // Asking for a unit by its name costs the host about a millisecond, there or not; so only those with a file (in the
    // folders of systemd.unit(5)) are. A unit may run on after its file is gone: a pattern shows it
    // if it is loaded, and `--state` leaves out those that systemd only knows because others name them.
    r#"all='ssh.service sshd.service ssh.socket sshd.socket
chrony.service chronyd.service ntp.service ntpd.service ntpsec.service openntpd.service
systemd-timesyncd.service open-vm-tools.service vmtoolsd.service
docker.service docker.socket snap.docker.dockerd.service containerd.service crio.service
kubelet.service etcd.service
firewalld.service nftables.service
k3s.service k3s-agent.service rke2-server.service rke2-agent.service
k0scontroller.service k0sworker.service snap.microk8s.daemon-kubelite.service
snap.microk8s.daemon-kubelet.service'
folders=
for folder in /lib/systemd/system /usr/lib/systemd/system /usr/local/lib/systemd/system \
    /etc/systemd/system /etc/systemd/system.control /etc/systemd/system.attached \
    /run/systemd/system /run/systemd/system.control /run/systemd/system.attached /run/systemd/transient \
    /run/systemd/generator /run/systemd/generator.early /run/systemd/generator.late; do
    [ ! -d "$folder" ] || folders="$folders $folder"
done
file=
set --
for unit in $all; do
    asked="[${unit%"${unit#?}"}]${unit#?}"
    for folder in $folders; do
        if [ -e "$folder/$unit" ]; then asked=$unit; break; fi
    done
    if [ "$asked" = "$unit" ]; then
        # Another name of the one before is answered with that one.
        [ ! -f "$file" ] || ! [ "$folder/$unit" -ef "$file" ] || continue
        file=$folder/$unit
    fi
    set -- "$@" "$asked"
done
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
    for (key, value) in block.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "Id" => unit.id = value.to_owned(),
            "LoadState" => unit.load = value.to_owned(),
            "ActiveState" => unit.active = value.to_owned(),
            "UnitFileState" => unit.enabled = value.to_owned(),
            _ => unit.properties.push((key.to_owned(), value.to_owned())),
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
    Fact { reading, source: format!("systemctl show {}", names.join(" ")).into() }
}
