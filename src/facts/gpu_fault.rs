//! What is wrong with GPUs, card by card: one that is broken hides no other, and what one did not tell is no pass.

use super::fact::Fact;
use super::nvidia_smi::words;
use super::nvml::{Failure, GPU_IS_LOST, Gpu, Queried, RESET_REQUIRED};
use super::pci::Device;

/// `GPU 1 (0000:65:00.0)`.
pub(super) fn label(gpu: &Gpu) -> String {
    match gpu.pci_bus_id.value() {
        Some(bus) => format!("GPU {} ({})", gpu.index, slot(bus)),
        None => format!("GPU {}", gpu.index),
    }
}

/// A bus id as sysfs writes it: NVML's domain has eight digits, and capital letters.
pub(super) fn slot(bus: &str) -> String {
    let lower = bus.to_lowercase();
    match lower.split_once(':') {
        Some((domain, rest)) if domain.len() == 8 && domain.starts_with("0000") => {
            format!("{}:{rest}", &domain[4..])
        }
        _ => lower,
    }
}

/// Why a GPU cannot be used at all.
pub(super) fn brokenness(gpu: &Gpu) -> Option<&Failure> {
    let identity =
        || [gpu.uuid.failure(), gpu.name.failure(), gpu.pci_bus_id.failure()].into_iter().flatten();
    let fatal = |failure: &&Failure| matches!(failure.error.as_str(), GPU_IS_LOST | RESET_REQUIRED);
    let values = [
        gpu.memory_total_mib.failure(),
        gpu.compute_processes.failure(),
        gpu.temperature_c.failure(),
        gpu.ecc_mode.failure(),
        gpu.pcie_link_width.failure(),
    ];
    gpu.failure.as_ref().or_else(|| identity().next()).or_else(|| values.into_iter().flatten().find(fatal))
}

/// GPUs that do not work, each with why.
pub(super) fn broken(gpus: &[Gpu]) -> Vec<String> {
    let broken = gpus.iter().filter_map(|gpu| Some((gpu, brokenness(gpu)?)));
    broken.map(|(gpu, failure)| format!("{}: {}", label(gpu), words(failure))).collect()
}

/// Slots of the bus of which the driver shows no working GPU.
pub(super) fn silent(devices: &[Device], gpus: &[Gpu]) -> Vec<String> {
    let working = gpus.iter().filter(|gpu| brokenness(gpu).is_none());
    let answering: Vec<String> =
        working.filter_map(|gpu| gpu.pci_bus_id.value()).map(|bus| slot(bus)).collect();
    devices
        .iter()
        .map(|device| device.slot.clone())
        .filter(|slot| !answering.contains(&slot.to_lowercase()))
        .collect()
}

/// Known where one certainly offends, or none does; absent where no GPU has such a thing; unknown where one did not tell and
/// none offends. Broken ones are left out: they have their own finding.
pub(super) fn offenders(
    gpus: &[Gpu],
    source: &str,
    offence: impl Fn(&Gpu) -> Queried<Option<String>>,
) -> Fact<Vec<String>> {
    let (mut found, mut asked, mut untold) = (Vec::new(), false, None);
    for gpu in gpus.iter().filter(|gpu| brokenness(gpu).is_none()) {
        match offence(gpu) {
            Queried::Known(told) => {
                asked = true;
                found.extend(told.map(|told| match told.is_empty() {
                    true => label(gpu),
                    false => format!("{}: {told}", label(gpu)),
                }));
            }
            Queried::NotSupported => {}
            Queried::Failed(failure) => {
                untold = untold.or_else(|| Some(format!("{}: {}", label(gpu), words(&failure))));
            }
        }
    }
    let source = source.to_owned();
    match untold {
        Some(reason) if found.is_empty() => Fact::unknown(reason, source),
        _ if !asked && found.is_empty() => Fact::absent(source),
        _ => Fact::known(found, source),
    }
}

/// Offends by being so.
pub(super) fn switch(told: &Queried<bool>, offends: bool) -> Queried<Option<String>> {
    told.clone().map(|told| (told == offends).then(String::new))
}

/// Uncorrected errors since the driver was loaded; those of its life are told beside them.
pub(super) fn ecc(gpu: &Gpu) -> Queried<Option<String>> {
    gpu.ecc_uncorrected_volatile.clone().map(|errors| {
        let life = gpu.ecc_uncorrected_aggregate.value();
        let life = life.map_or(String::new(), |life| format!(", {life} in its life"));
        (errors > 0).then(|| format!("{errors} uncorrected errors since the driver was loaded{life}"))
    })
}

/// Rows or pages that wait for a reset, or could not be remapped.
pub(super) fn rows(gpu: &Gpu) -> Queried<Option<String>> {
    let each = [
        (&gpu.remapped_rows_failure, "a row could not be remapped: the card has to be replaced"),
        (&gpu.remapped_rows_pending, "rows wait to be remapped at the next reset"),
        (&gpu.retired_pages_pending, "pages wait to be retired at the next reboot"),
    ];
    let wrong: Vec<&str> =
        each.iter().filter(|(told, _)| told.value() == Some(&true)).map(|(_, words)| *words).collect();
    if !wrong.is_empty() {
        return Queried::Known(Some(wrong.join("; ")));
    }
    match each.iter().find_map(|(told, _)| told.failure()) {
        Some(failure) => Queried::Failed(failure.clone()),
        None if each.iter().all(|(told, _)| told.value().is_none()) => Queried::NotSupported,
        None => Queried::Known(None),
    }
}

/// Fewer lanes than card and slot have. The generation is told beside it: a GPU at rest lowers it, and rarely its width.
pub(super) fn link(gpu: &Gpu) -> Queried<Option<String>> {
    match (&gpu.pcie_link_width, &gpu.pcie_link_width_max) {
        (Queried::Failed(failure), _) | (_, Queried::Failed(failure)) => Queried::Failed(failure.clone()),
        (Queried::NotSupported, _) | (_, Queried::NotSupported) => Queried::NotSupported,
        (Queried::Known(width), Queried::Known(most)) => Queried::Known((width < most).then(|| {
            let generation = match (gpu.pcie_link_generation.value(), gpu.pcie_link_generation_max.value()) {
                (Some(now), Some(most)) => format!(", generation {now} of {most} (lower at rest)"),
                _ => String::new(),
            };
            format!("{width} of {most} lanes{generation}")
        })),
    }
}

/// MIG is on, and how many devices it makes.
pub(super) fn mig(gpu: &Gpu) -> Queried<Option<String>> {
    gpu.mig_mode.clone().map(|on| {
        on.then(|| match gpu.mig_devices.value().map(Vec::len) {
            Some(devices) => format!("cut into {devices} MIG devices"),
            None => "MIG is on".to_owned(),
        })
    })
}
