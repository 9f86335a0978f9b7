//! Everything known of one machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::circumstances::Circumstances;
use super::fact::{Fact, FactTree};
use super::probe::Probe;
use super::seen::Seen;
use super::transcript::Transcript;
use super::{
    accelerator, apparmor, cgroup, container_runtime, control_node, cpu, disk, dns, docker, firewall,
    first_look, gpu, identity, kernel, kubernetes, memory, network, nvidia_driver, os, packages, pci, peers,
    ports, python, registries, ssh, sudo, swap, temp, time, units, variables,
};
use crate::role::Role;

/// The facts of one machine, by subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HostFacts {
    /// The operating system.
    pub os: os::Os,
    /// Its kernel's modules.
    pub kernel: kernel::Kernel,
    /// The Python that Ansible will use.
    pub python: python::Python,
    /// What tells it from others.
    pub identity: identity::Identity,
    /// How it was logged in to.
    pub ssh: ssh::Ssh,
    /// Whether the login user becomes root.
    pub sudo: sudo::Sudo,
    /// Its clock.
    pub time: time::Time,
    /// Its memory.
    pub memory: memory::Memory,
    /// Its processors.
    pub cpu: cpu::Cpu,
    /// Swap.
    pub swap: swap::Swap,
    /// Control groups.
    pub cgroup: cgroup::Cgroup,
    /// Room on its filesystems.
    pub disk: disk::Disk,
    /// Its folder for temporary files.
    pub temp: temp::Temp,
    /// AppArmor.
    pub apparmor: apparmor::Apparmor,
    /// Its package manager.
    pub packages: packages::Packages,
    /// Its addresses and routes.
    pub network: network::Network,
    /// How it resolves names.
    pub dns: dns::Dns,
    /// Its firewalls.
    pub firewall: firewall::Firewall,
    /// Which peers it reaches.
    pub peers: peers::Peers,
    /// Which registries answer it.
    pub registries: registries::Registries,
    /// Ports in use.
    pub ports: ports::Ports,
    /// Docker.
    pub docker: docker::Docker,
    /// Runtime programs.
    pub container_runtime: container_runtime::ContainerRuntime,
    /// Kubernetes and other orchestrators.
    pub kubernetes: kubernetes::Kubernetes,
    /// NVIDIA GPUs.
    pub gpu: gpu::Gpu,
    /// Other accelerators.
    pub accelerator: accelerator::Accelerator,
    /// What the inventory sets for it, of what kubespray reads.
    pub variables: variables::Variables,
    /// Ansible's control node; asked on the dev box alone, and only where kubespray is looked at.
    #[serde(skip_serializing_if = "control_node::ControlNode::is_blank")]
    pub control_node: control_node::ControlNode,
    /// What the user's own probes wrote, by check id.
    pub probes: BTreeMap<String, Fact<String>>,
}

/// Every subject's probes, in no particular order.
pub fn probes() -> Vec<Probe> {
    [
        os::PROBES,
        kernel::PROBES,
        python::PROBES,
        swap::PROBES,
        cgroup::PROBES,
        temp::PROBES,
        apparmor::PROBES,
        packages::PROBES,
        dns::PROBES,
        firewall::PROBES,
        identity::PROBES,
        memory::PROBES,
        cpu::PROBES,
        time::PROBES,
        network::Network::PROBES,
        peers::PROBES,
        registries::PROBES,
        ports::PROBES,
        docker::PROBES,
        container_runtime::PROBES,
        kubernetes::PROBES,
        nvidia_driver::PROBES,
        gpu::PROBES,
        first_look::PROBES,
        pci::PROBES,
        accelerator::PROBES,
        units::PROBES,
        ssh::PROBES,
        disk::PROBES, // the last, as it says there
    ]
    .concat()
}

/// Reads every subject out of a transcript and what the visit itself showed.
pub fn parse(transcript: &Transcript, circumstances: &Circumstances) -> HostFacts {
    let own = transcript.sections().keys().filter_map(|name| name.strip_prefix(OWN_PROBE));
    let own = own.map(|check| {
        let answer = transcript.answer(&format!("{OWN_PROBE}{check}"));
        let output = answer.try_map(|answer| match answer.status {
            0 => Ok(answer.out.into_owned()),
            status => Err(format!("the probe ended with status {status}{}", answer.complaint())),
        });
        (check.to_owned(), output)
    });
    let units = units::parse(transcript);
    HostFacts {
        os: os::parse(transcript),
        kernel: kernel::parse(transcript),
        python: python::parse(transcript),
        swap: swap::parse(transcript),
        cgroup: cgroup::parse(transcript),
        disk: disk::parse(transcript),
        temp: temp::parse(transcript),
        apparmor: apparmor::parse(transcript),
        packages: packages::parse(transcript),
        dns: dns::parse(transcript),
        firewall: firewall::parse(transcript, &units),
        identity: identity::parse(transcript),
        ssh: ssh::parse(transcript, &units, circumstances),
        sudo: sudo::parse(transcript, circumstances),
        time: time::parse(transcript, &units, circumstances),
        memory: memory::parse(transcript),
        cpu: cpu::parse(transcript),
        network: network::Network::parse(
            transcript,
            circumstances.node_ip.as_deref(),
            circumstances.host_epoch_s,
        ),
        peers: peers::parse(transcript, circumstances),
        registries: registries::parse(transcript, circumstances),
        ports: ports::parse(transcript),
        docker: docker::parse(transcript, &units),
        container_runtime: container_runtime::parse(transcript, &units),
        kubernetes: kubernetes::parse(transcript, &units),
        gpu: gpu::parse(transcript),
        accelerator: accelerator::parse(transcript),
        variables: circumstances.variables.clone(),
        control_node: circumstances.control_node.clone(),
        probes: own.collect(),
    }
}

/// What the name of a user's own probe begins with in the transcript.
pub const OWN_PROBE: &str = "probe-";

impl HostFacts {
    /// The same facts, without their types: what conditions see. Only those of which `wanted` says so, by subject and field,
    /// which for one `seen` has to be the same for all hosts.
    pub fn tree(&self, wanted: impl Fn(&str, &str) -> bool, seen: &mut Seen) -> FactTree {
        // One that is not told would be an unused variable. The user's own probes are told apart.
        let HostFacts {
            os,
            kernel,
            python,
            identity,
            ssh,
            sudo,
            time,
            memory,
            cpu,
            swap,
            cgroup,
            disk,
            temp,
            apparmor,
            packages,
            network,
            dns,
            firewall,
            peers,
            registries,
            ports,
            docker,
            container_runtime,
            kubernetes,
            gpu,
            accelerator,
            variables,
            control_node,
            probes: _,
        } = self;
        let mut tree = FactTree::new();
        macro_rules! tell {
            ($($subject:ident)*) => {$(
                let told = seen.subject($subject, |field| wanted(stringify!($subject), field));
                tree.insert(stringify!($subject).into(), told);
            )*};
        }
        tell! {
            os kernel python identity ssh sudo time memory cpu
            swap cgroup disk temp apparmor packages network dns firewall peers
            registries ports docker container_runtime kubernetes gpu accelerator variables
        }
        if control_node.is_blank() {
            tree.insert("control_node".into(), Arc::clone(control_node::unasked()));
        } else {
            tell! { control_node }
        }
        tree
    }
}

/// What the inventory says of a machine, as far as conditions care.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The inventory's name.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// The address its peers use, with the SSH port they are asked to reach.
    #[serde(default)]
    pub peer_address: String,
    /// What it is for.
    pub roles: BTreeSet<Role>,
    /// The device plugin resource it promises.
    #[serde(default)]
    pub accelerator: Option<String>,
    /// What an OpenPAI layout promises of its hardware.
    #[serde(default)]
    pub layout: Option<Layout>,
}

/// What an OpenPAI layout promises of a machine's hardware.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Layout {
    /// Its `machine-type`.
    pub machine_type: String,
    /// Memory, in MiB.
    pub memory_mib: Option<i64>,
    /// Virtual processors.
    pub cpus: Option<i64>,
    /// Model of its accelerators.
    pub accelerator_model: Option<String>,
    /// Number of its accelerators.
    pub accelerator_count: Option<i64>,
}

/// One machine of the cluster as this run knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostRecord<F = HostFacts> {
    /// What the inventory says.
    pub subject: Subject,
    /// When its facts were read, RFC 3339.
    pub gathered_at: Option<String>,
    /// How long the visit took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// What the visit gave.
    pub outcome: Outcome<F>,
}

/// What a visit gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<F = HostFacts> {
    /// Facts.
    Gathered(Box<F>),
    /// Nothing.
    Unreachable {
        /// How far the visit got: `connect`, `handshake`, `host-key` …
        stage: String,
        /// What happened.
        reason: String,
    },
}

impl<F> HostRecord<F> {
    /// Its facts, where it was reached.
    pub fn facts(&self) -> Option<&F> {
        match &self.outcome {
            Outcome::Gathered(facts) => Some(facts),
            Outcome::Unreachable { .. } => None,
        }
    }

    /// The same host with what is made of its facts.
    pub fn map<G>(self, change: impl FnOnce(F) -> G) -> HostRecord<G> {
        let HostRecord { subject, gathered_at, duration_ms, outcome } = self;
        let outcome = match outcome {
            Outcome::Gathered(facts) => Outcome::Gathered(Box::new(change(*facts))),
            Outcome::Unreachable { stage, reason } => Outcome::Unreachable { stage, reason },
        };
        HostRecord { subject, gathered_at, duration_ms, outcome }
    }
}
