//! NVIDIA GPUs: on the bus, in the kernel, in the library, and as NVML or `nvidia-smi` enumerates them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
pub use super::gpu_card::EnumeratedGpu;
use super::gpu_fault::{self, brokenness, label};
use super::nvidia_driver;
use super::nvidia_smi;
use super::nvml::{self, Document, FUNCTION_NOT_FOUND, HANGS, Queried};
use super::pci::{self, Device};
use super::probe::Probe;
use super::transcript::{Ended, TOO_LONG, Transcript};

/// NVIDIA GPUs: on the bus, in the kernel, in the library, and as NVML or `nvidia-smi` enumerates them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Gpu {
    /// NVIDIA display controllers and 3D controllers on the PCI bus.
    pub devices: Fact<Vec<Device>>,
    /// How many of them.
    pub device_count: Fact<i64>,
    /// Kernel drivers that hold one of them: `nvidia`, `nouveau`, `nova`, `vfio-pci`; each once.
    pub bound_drivers: Fact<Vec<String>>,
    /// The virtual machine's make, which has to pass cards through; absent on a machine of its own.
    pub virtual_machine: Fact<String>,
    /// Version of the kernel module; absent where it is not loaded.
    pub driver_version: Fact<String>,
    /// Kernel releases for which an nvidia module is installed.
    pub module_kernels: Fact<Vec<String>>,
    /// Whether the running kernel is one of them.
    pub module_for_running_kernel: Fact<bool>,
    /// Version of `libnvidia-ml.so` on disk; absent where there is none.
    pub library_version: Fact<String>,
    /// The newest CUDA that the driver runs: `12.2`.
    pub cuda_driver_version: Fact<String>,
    /// Device nodes: `/dev/nvidiactl`, `/dev/nvidia0` …
    pub device_nodes: Fact<Vec<String>>,
    /// Why NVML, or `nvidia-smi` in its stead, tells of no GPU; absent where it does.
    pub failure: Fact<String>,
    /// GPUs that are there and do not work, each with why: lost, to be reset, or a call that does not come back.
    pub broken: Fact<Vec<String>>,
    /// Slots of the bus in which the driver shows no working GPU.
    pub silent_slots: Fact<Vec<String>>,
    /// The GPUs that answer.
    pub enumerated: Fact<Vec<EnumeratedGpu>>,
    /// How many.
    pub enumerated_count: Fact<i64>,
    /// Their names, in order.
    pub models: Fact<Vec<String>>,
    /// The most memory that is in use on one of them, in MiB; absent where none of them tells.
    pub memory_used_max_mib: Fact<i64>,
    /// Programs that compute on them, as `pid name`.
    pub compute_processes: Fact<Vec<String>>,
    /// GPUs with uncorrected memory errors; absent where none of them counts any.
    pub ecc_uncorrected: Fact<Vec<String>>,
    /// GPUs whose rows or pages wait to be remapped, or could not be; absent where none of them does that.
    pub rows_to_remap: Fact<Vec<String>>,
    /// GPUs with fewer PCIe lanes than card and slot allow; absent where none of them tells.
    pub narrow_links: Fact<Vec<String>>,
    /// GPUs without persistence mode; absent where none of them has it.
    pub persistence_off: Fact<Vec<String>>,
    /// GPUs that are cut into MIG devices; absent where none of them can be.
    pub mig_enabled: Fact<Vec<String>>,
    /// GPUs that could be cut and are not; absent where none of them can be.
    pub mig_disabled: Fact<Vec<String>>,
}

/// What the subject reads beside [`super::nvidia_driver`]: the helper, and `nvidia-smi` in its stead. Both wake every card where
/// no persistence daemon runs, hence their own deadlines.
pub const PROBES: &[Probe] = &[
    // `pci` has looked who is on the bus. The helper gives up by itself after 20 s; the rest is for its way.
    Probe::helper(
        "nvml",
        "NVML",
        r#"for v in $ACCELERATORS; do
    if read -r vendor <"$v" && read -r class <"${v%/vendor}/class"; then
        case $vendor$class in 0x10de0x03*) return 0 ;; esac
    fi
done
return 1"#,
        "no NVIDIA device is on the PCI bus",
    )
    .within(Duration::from_secs(25)),
    Probe::shell("nvidia-smi", "nvidia-smi", nvidia_smi::TEXT)
        .needs(&["nvidia-smi"])
        .within(Duration::from_secs(15))
        .stands_in_for("nvml"),
];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Gpu {
    let devices = pci::devices(transcript, "0x10de");
    let bound_drivers = devices.clone().map(|devices| {
        let mut drivers: Vec<String> = devices.into_iter().filter_map(|device| device.driver).collect();
        drivers.sort_unstable();
        drivers.dedup();
        drivers
    });
    let module_kernels = nvidia_driver::module_kernels(transcript);
    let known = Gpu {
        device_count: devices.clone().map(|devices| devices.len() as i64),
        bound_drivers,
        virtual_machine: nvidia_driver::virtual_machine(transcript),
        driver_version: nvidia_driver::loaded_version(transcript),
        module_for_running_kernel: nvidia_driver::is_for_running_kernel(transcript, &module_kernels),
        module_kernels,
        library_version: nvidia_driver::library_version(transcript),
        device_nodes: nvidia_driver::device_nodes(transcript),
        devices,
        ..Gpu::default()
    };
    told(known, transcript)
}

/// What the driver tells, by the helper's document or nvidia-smi's.
fn told(mut gpu: Gpu, transcript: &Transcript) -> Gpu {
    let told = document(transcript);
    let source = told.source.clone().into_owned();
    let document = match told.reading {
        Reading::Known(document) => document,
        Reading::Unknown(reason) => return untold(gpu, &reason, &source),
        Reading::Absent => return untold(gpu, "not asked", &source),
    };
    if let Some(failure) = &document.failure {
        let words = explained(&nvidia_smi::words(failure), &gpu);
        // One that does not come back may only be slow: seconds a card, where none is awake.
        let hangs = failure.error == HANGS;
        gpu = untold(gpu, &words, &source);
        if !hangs {
            gpu.failure = Fact::known(words, source);
        }
        return gpu;
    }
    gpu.cuda_driver_version = match document.cuda_driver_version {
        Queried::Known(version) => Fact::known(version, source.clone()),
        Queried::NotSupported => Fact::absent(source.clone()),
        Queried::Failed(failure) => Fact::unknown(nvidia_smi::words(&failure), source.clone()),
    };
    if let Some(failure) = document.gpu_count.failure().filter(|_| document.gpus.is_empty()) {
        let words = nvidia_smi::words(failure);
        return untold(gpu, &words, &source);
    }
    let gpus = document.gpus;
    gpu.failure = Fact::absent(source.clone());
    gpu.broken = Fact::known(gpu_fault::broken(&gpus), source.clone());
    gpu.silent_slots = gpu.devices.clone().map(|devices| gpu_fault::silent(&devices, &gpus));
    let working: Vec<&nvml::Gpu> = gpus.iter().filter(|gpu| brokenness(gpu).is_none()).collect();
    let enumerated: Vec<EnumeratedGpu> =
        working.iter().filter_map(|gpu| super::gpu_card::enumerated(gpu)).collect();
    gpu.enumerated_count = Fact::known(enumerated.len() as i64, source.clone());
    gpu.models = Fact::known(enumerated.iter().map(|gpu| gpu.name.clone()).collect(), source.clone());
    gpu.enumerated = Fact::known(enumerated, source.clone());
    gpu.memory_used_max_mib = memory_used(&working, &source);
    gpu.compute_processes = processes(&working, &source);
    let offenders =
        |offence: fn(&nvml::Gpu) -> Queried<Option<String>>| gpu_fault::offenders(&gpus, &source, offence);
    gpu.ecc_uncorrected = offenders(gpu_fault::ecc);
    gpu.rows_to_remap = offenders(gpu_fault::rows);
    gpu.narrow_links = offenders(gpu_fault::link);
    gpu.persistence_off = offenders(|gpu| gpu_fault::switch(&gpu.persistence_mode, false));
    gpu.mig_enabled = offenders(gpu_fault::mig);
    gpu.mig_disabled = offenders(|gpu| gpu_fault::switch(&gpu.mig_mode, false));
    gpu
}

/// The helper's document; nvidia-smi's where there is none, or where the library is so old that it knows less.
fn document(transcript: &Transcript) -> Fact<Document> {
    let smi = || nvidia_smi::parse(transcript);
    let Some(section) = transcript.sections().get("nvml") else { return smi() };
    match section.ended {
        Ended::Exited(0 | 3) => match Document::read(&section.out) {
            Ok(document) if document.is_too_old() => match smi() {
                told @ Fact { reading: Reading::Known(_), .. } => told,
                _ => Fact::known(document, "NVML"),
            },
            Ok(document) => Fact::known(document, "NVML"),
            Err(reason) => Fact::unknown(reason, "NVML"),
        },
        // What it wrote counts, where it was only not able to end.
        Ended::TimedOut(_) => {
            Document::read(&section.out).map_or_else(|_| smi(), |document| Fact::known(document, "NVML"))
        }
        Ended::TooLong => Fact::unknown(TOO_LONG, "NVML"),
        Ended::Exited(_) => match smi() {
            Fact { reading: Reading::Unknown(reason), source, .. } => {
                let why = String::from_utf8_lossy(&section.err);
                let why = why.trim().chars().filter(|c| !c.is_control()).take(400).collect::<String>();
                Fact::unknown(format!("{reason}; NVML was not asked: {why}"), source)
            }
            told => told,
        },
    }
}

/// Nothing told by the driver is known.
fn untold(gpu: Gpu, reason: &str, source: &str) -> Gpu {
    fn unknown<T>(reason: &str, source: &str) -> Fact<T> {
        Fact::unknown(reason, source.to_owned())
    }
    Gpu {
        cuda_driver_version: unknown(reason, source),
        failure: unknown(reason, source),
        broken: unknown(reason, source),
        silent_slots: unknown(reason, source),
        enumerated: unknown(reason, source),
        enumerated_count: unknown(reason, source),
        models: unknown(reason, source),
        memory_used_max_mib: unknown(reason, source),
        compute_processes: unknown(reason, source),
        ecc_uncorrected: unknown(reason, source),
        rows_to_remap: unknown(reason, source),
        narrow_links: unknown(reason, source),
        persistence_off: unknown(reason, source),
        mig_enabled: unknown(reason, source),
        mig_disabled: unknown(reason, source),
        ..gpu
    }
}

/// The failure with what else is seen of its cause.
fn explained(words: &str, gpu: &Gpu) -> String {
    let mut causes = Vec::new();
    match (&gpu.driver_version.reading, gpu.library_version.value()) {
        (Reading::Known(module), Some(library)) if module != library => {
            causes.push(format!("the loaded module is {module}, the library {library}"));
        }
        (Reading::Known(_), _)
            if gpu.device_nodes.value().is_some_and(|nodes| !nodes.iter().any(|n| n == "/dev/nvidiactl")) =>
        {
            causes.push("the device nodes are missing: no /dev/nvidiactl".to_owned());
        }
        (Reading::Absent, _) => match gpu.module_kernels.value() {
            Some(kernels) if kernels.is_empty() => {
                causes.push("no nvidia module is installed for any kernel".to_owned());
            }
            Some(kernels) if gpu.module_for_running_kernel.value() == Some(&false) => {
                causes.push(format!(
                    "the nvidia module is installed for {} and not for the kernel that runs",
                    kernels.join(", ")
                ));
            }
            _ => causes.push("the nvidia module is not loaded".to_owned()),
        },
        _ => {}
    }
    causes.insert(0, words.to_owned());
    causes.join("; ")
}

fn memory_used(working: &[&nvml::Gpu], source: &str) -> Fact<i64> {
    let mut most = None;
    for gpu in working {
        match &gpu.memory_used_mib {
            Queried::Known(used) => most = most.max(Some(*used)),
            Queried::NotSupported => {}
            Queried::Failed(failure) => {
                return Fact::unknown(
                    format!("{}: {}", label(gpu), nvidia_smi::words(failure)),
                    source.to_owned(),
                );
            }
        }
    }
    match most {
        Some(most) => Fact::known(i64::try_from(most).unwrap_or(i64::MAX), source.to_owned()),
        None => Fact::absent(source.to_owned()),
    }
}

fn processes(working: &[&nvml::Gpu], source: &str) -> Fact<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    let mut untold = None;
    for gpu in working {
        match &gpu.compute_processes {
            Queried::Known(processes) => found.extend(processes.iter().map(|process| {
                let name = process.name.value().map_or("(name unknown)", String::as_str);
                format!("{} {name}", process.pid)
            })),
            // A card that cannot tell is no idle card.
            Queried::NotSupported => untold = Some(format!("{}: it does not tell", label(gpu))),
            Queried::Failed(failure) => {
                untold = Some(match failure.error == FUNCTION_NOT_FOUND {
                    true => nvidia_smi::words(failure),
                    false => format!("{}: {}", label(gpu), nvidia_smi::words(failure)),
                });
            }
        }
    }
    // A program may compute on several.
    let mut seen = std::collections::HashSet::new();
    found.retain(|process| seen.insert(process.clone()));
    let source = match source {
        "nvidia-smi --query-gpu" => "nvidia-smi --query-compute-apps",
        source => source,
    };
    match untold {
        Some(reason) if found.is_empty() => Fact::unknown(reason, source.to_owned()),
        _ => Fact::known(found, source.to_owned()),
    }
}

#[cfg(test)]
mod tests;
