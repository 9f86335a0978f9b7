//! What an earlier Kubernetes, or another orchestrator, left or runs on the machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;
use super::units::{self, Unit};

/// What an earlier Kubernetes, or another orchestrator, left or runs on the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kubernetes {
    /// Whether a kubelet runs as a service or as a process.
    pub kubelet_running: Fact<bool>,
    /// Paths that a deployment leaves behind and that are there now: manifests, etcd's data, the kubelet's
    /// configuration.
    pub leftovers: Fact<Vec<String>>,
    /// Other orchestrators that run: k3s, rke2, microk8s, k0s.
    pub orchestrators: Fact<Vec<String>>,
}

const ORCHESTRATORS: [(&str, &str); 8] = [
    ("k3s.service", "k3s"),
    ("k3s-agent.service", "k3s"),
    ("rke2-server.service", "rke2"),
    ("rke2-agent.service", "rke2"),
    ("k0scontroller.service", "k0s"),
    ("k0sworker.service", "k0s"),
    ("snap.microk8s.daemon-kubelite.service", "microk8s"),
    ("snap.microk8s.daemon-kubelet.service", "microk8s"),
];

/// What the subject reads: shell built-ins only, but for the process list.
pub const PROBES: &[Probe] = &[
    Probe::shell(
        "kubernetes-leftovers",
        "/etc/kubernetes, /var/lib/kubelet, /var/lib/etcd",
        r#"for f in /etc/kubernetes/admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf \
    /etc/kubernetes/kubeadm-config.yaml /etc/kubernetes/kubelet.env /etc/kubernetes/pki/ca.crt \
    /etc/kubernetes/ssl/ca.crt /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env \
    /etc/etcd.env /etc/systemd/system/kubelet.service; do
    if [ -e "$f" ]; then echo "there $f"; fi
done
for f in /etc/kubernetes /etc/kubernetes/manifests /var/lib/kubelet /var/lib/etcd; do
    if [ -d "$f" ] && ! { [ -r "$f" ] && [ -x "$f" ]; }; then echo "closed $f"; fi
done
for f in /etc/kubernetes/manifests/* /var/lib/etcd/*; do
    if [ -e "$f" ]; then echo "there $f"; fi
done"#,
    )
    .light(),
    Probe::shell(
        "kubelet-process",
        "/proc/*/comm",
        // Found ahead, along with the accelerators. Any user's process may have the name.
        r#"looked || return 2
for f in $KUBELETS; do
    t=${f%/comm}
    ! is_roots_process "${t#/proc/}" || echo "$f"
done"#,
    )
    .light(),
];

/// Reads the subject out of a transcript.
pub(super) fn parse(transcript: &Transcript, units: &Fact<Vec<Unit>>) -> Kubernetes {
    let kubelet = units::named(units, &["kubelet.service"]);
    let active = kubelet.clone().map(|units| units.iter().any(|unit| unit.is_active_or_starting()));
    let process = transcript.answer("kubelet-process").try_map(|answer| match answer.status {
        0 => Ok(!answer.out.trim().is_empty()),
        status => Err(format!("looking for its process ended with status {status}{}", answer.complaint())),
    });
    let kubelet_running = match (&active.reading, &process.reading) {
        (Reading::Known(true), _) => active,
        (_, Reading::Known(true)) => process,
        (Reading::Unknown(_), Reading::Known(false)) => process,
        (_, Reading::Unknown(_)) => process,
        _ => active,
    };
    let orchestrators = units.as_ref().map(|units| {
        let runs = |unit: &str| units.iter().any(|other| other.id == unit && other.is_active_or_starting());
        let mut running: Vec<String> =
            ORCHESTRATORS.iter().filter(|(unit, _)| runs(unit)).map(|(_, name)| (*name).to_owned()).collect();
        running.dedup();
        running
    });
    Kubernetes { kubelet_running, leftovers: leftovers(transcript), orchestrators }
}

fn leftovers(transcript: &Transcript) -> Fact<Vec<String>> {
    transcript.answer("kubernetes-leftovers").try_map(|answer| {
        let paths = |word: &str| -> Vec<String> {
            answer
                .out
                .lines()
                .filter_map(|line| line.strip_prefix(word))
                .map(|p| p.trim().to_owned())
                .collect()
        };
        match (paths("there "), paths("closed ")) {
            (there, closed) if there.is_empty() && !closed.is_empty() => {
                Err(format!("may not be entered without root: {}", closed.join(", ")))
            }
            (there, _) => Ok(there),
        }
    })
}
