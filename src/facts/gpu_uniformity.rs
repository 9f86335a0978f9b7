//! Whether machines that should be alike have the same GPUs.

use std::collections::{BTreeMap, BTreeSet};

use super::accelerator_model::same_model;
use super::fact::{Fact, Reading};
use super::fleet::Reached;
use super::gpu::{EnumeratedGpu, Gpu};

/// One thing that is compared; none where it is not known.
type Aspect = fn(&Make) -> Option<String>;

/// What is compared of a host's GPUs, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Make {
    driver_version: Fact<String>,
    enumerated: Fact<Vec<EnumeratedGpu>>,
    models: Fact<Vec<String>>,
    failure: Fact<String>,
}

impl From<Gpu> for Make {
    fn from(gpu: Gpu) -> Self {
        let Gpu { driver_version, enumerated, models, failure, .. } = gpu;
        Make { driver_version, enumerated, models, failure }
    }
}

/// What differs between machines of one type, as `type: what: value (hosts), other value (hosts)`; absent where no two
/// machines are of one type. Those without a type are compared with each other. A host whose GPUs do not answer, or are not
/// of the promised model, has a finding of its own and is left out.
pub(super) fn differences(reached: &[Reached<'_>]) -> Fact<Vec<String>> {
    let source = "NVML or nvidia-smi on every GPU host";
    let mut types: BTreeMap<&str, Vec<(&str, &Make)>> = BTreeMap::new();
    let mut untold = None;
    for (host, facts) in reached {
        let subject = &host.subject;
        if subject.accelerator.as_deref() != Some("nvidia.com/gpu") {
            continue;
        }
        // No driver, or none that works: gpu-driver's finding.
        if facts.gpu.failure.value().is_some() {
            continue;
        }
        let models = match &facts.gpu.models.reading {
            Reading::Known(models) if models.is_empty() => continue,
            Reading::Known(models) => models,
            Reading::Absent => continue,
            Reading::Unknown(reason) => {
                untold = Some(format!("{}: {reason}", subject.name));
                continue;
            }
        };
        let promised = subject.layout.as_ref().and_then(|layout| layout.accelerator_model.as_deref());
        if promised.is_some_and(|promised| models.iter().any(|model| !same_model(model, promised))) {
            continue;
        }
        let of = subject.layout.as_ref().map_or("GPU hosts", |layout| layout.machine_type.as_str());
        types.entry(of).or_default().push((&subject.name, &facts.gpu));
    }
    types.retain(|_, hosts| hosts.len() > 1);
    let aspects: [(&str, Aspect); 3] = [
        ("models", |gpu| gpu.models.value().map(|models| distinct(models.iter().cloned()))),
        ("drivers", |gpu| gpu.driver_version.value().cloned()),
        ("memory", |gpu| {
            let gpus = gpu.enumerated.value()?;
            let memory: Option<Vec<i64>> = gpus.iter().map(|gpu| gpu.memory_total_mib).collect();
            Some(distinct(memory?.into_iter().map(|mib| format!("{mib} MiB"))))
        }),
    ];
    let mut differences = Vec::new();
    for (of, hosts) in &types {
        for (what, value) in &aspects {
            let mut by_value: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (name, gpu) in hosts {
                if let Some(value) = value(gpu) {
                    by_value.entry(value).or_default().push(name);
                }
            }
            if by_value.len() > 1 {
                let each = by_value.iter().map(|(value, hosts)| format!("{value} ({})", hosts.join(", ")));
                differences.push(format!("{of}: {what}: {}", each.collect::<Vec<_>>().join("; ")));
            }
        }
    }
    match untold {
        Some(reason) if differences.is_empty() => Fact::unknown(reason, source),
        _ if types.is_empty() => Fact::absent(source),
        _ => Fact::known(differences, source),
    }
}

/// Each value once, so that a machine with a card fewer is no other machine: that is another finding.
fn distinct(values: impl Iterator<Item = String>) -> String {
    values.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::super::fact::{Fact, Reading};
    use super::super::fleet::Essence;
    use super::super::gpu::{EnumeratedGpu, Gpu};
    use super::super::host::{HostFacts, HostRecord, Layout, Outcome, Subject};
    use super::differences;

    fn host(name: &str, model: &str, driver: &str, mib: i64) -> HostRecord<Essence> {
        let card = EnumeratedGpu { memory_total_mib: Some(mib), ..EnumeratedGpu::default() };
        let gpu = Gpu {
            models: Fact::known(vec![model.to_owned()], ""),
            driver_version: Fact::known(driver.to_owned(), ""),
            enumerated: Fact::known(vec![card], ""),
            ..Gpu::default()
        };
        let layout = Layout {
            machine_type: "gpu-machine".to_owned(),
            accelerator_model: Some("V100".to_owned()),
            ..Layout::default()
        };
        let subject = Subject {
            name: name.to_owned(),
            accelerator: Some("nvidia.com/gpu".to_owned()),
            layout: Some(layout),
            ..Subject::default()
        };
        let facts = HostFacts { gpu, ..HostFacts::default() };
        HostRecord {
            subject,
            gathered_at: None,
            duration_ms: None,
            outcome: Outcome::Gathered(Box::new(facts.into())),
        }
    }

    fn compared(hosts: &[HostRecord<Essence>]) -> Fact<Vec<String>> {
        let reached: Vec<_> = hosts.iter().filter_map(|host| Some((host, host.facts()?))).collect();
        differences(&reached)
    }

    #[test]
    fn machines_of_one_type_are_compared() {
        let a = || host("worker1", "Tesla V100-PCIE-16GB", "535.54.03", 16384);
        assert_eq!(
            compared(&[a(), host("worker2", "Tesla V100-PCIE-16GB", "535.54.03", 16384)]).value(),
            Some(&vec![])
        );
        let other = compared(&[a(), host("worker2", "Tesla V100-PCIE-32GB", "550.1", 32768)]);
        let told = [
            "gpu-machine: models: Tesla V100-PCIE-16GB (worker1); Tesla V100-PCIE-32GB (worker2)",
            "gpu-machine: drivers: 535.54.03 (worker1); 550.1 (worker2)",
            "gpu-machine: memory: 16384 MiB (worker1); 32768 MiB (worker2)",
        ];
        assert_eq!(other.value(), Some(&told.map(str::to_owned).to_vec()));
        // Not of the promised model: gpu-model's finding. Alone it differs from nobody.
        assert_eq!(compared(&[a(), host("worker2", "Tesla P100", "550.1", 16384)]).reading, Reading::Absent);
        let mut cpu = host("worker2", "Tesla V100-PCIE-32GB", "550.1", 32768);
        cpu.subject.accelerator = None;
        assert_eq!(compared(&[a(), cpu]).reading, Reading::Absent);
    }

    #[test]
    fn a_host_that_did_not_tell_is_no_pass() {
        let a = || host("worker1", "Tesla V100-PCIE-16GB", "535.54.03", 16384);
        let mut mute = host("worker3", "", "", 0);
        if let Outcome::Gathered(facts) = &mut mute.outcome {
            facts.gpu = Gpu::default().into();
        }
        let told = compared(&[a(), host("worker2", "Tesla V100-PCIE-16GB", "535.54.03", 16384), mute]);
        assert_eq!(told.reading, Reading::Unknown("worker3: not gathered".to_owned()));
        let mut broken = host("worker3", "", "", 0);
        if let Outcome::Gathered(facts) = &mut broken.outcome {
            facts.gpu = Gpu { failure: Fact::known("no driver".to_owned(), ""), ..Gpu::default() }.into();
        }
        let told = compared(&[a(), host("worker2", "Tesla V100-PCIE-16GB", "535.54.03", 16384), broken]);
        assert_eq!(told.value(), Some(&vec![]));
    }
}
