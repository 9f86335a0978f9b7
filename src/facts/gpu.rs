//! NVIDIA GPUs: on the bus, in the kernel, in the library, and as `nvidia-smi` enumerates them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::pci::{self, Device};
use super::probe::Probe;
use super::transcript::Transcript;

/// NVIDIA GPUs: on the bus, in the kernel, in the library, and as `nvidia-smi` enumerates them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Gpu {
    /// NVIDIA display controllers and 3D controllers on the PCI bus.
    pub devices: Fact<Vec<Device>>,
    /// How many of them.
    pub device_count: Fact<i64>,
    /// Kernel drivers that hold one of them: `nvidia`, `nouveau`, `nova`, `vfio-pci`; each once.
    pub bound_drivers: Fact<Vec<String>>,
    /// Version of the kernel module; absent where it is not loaded.
    pub driver_version: Fact<String>,
    /// Version of `libnvidia-ml.so` on disk; absent where there is none.
    pub library_version: Fact<String>,
    /// What `nvidia-smi` says when it fails; absent where it does not.
    pub failure: Fact<String>,
    /// The GPUs it enumerates.
    pub enumerated: Fact<Vec<EnumeratedGpu>>,
    /// How many.
    pub enumerated_count: Fact<i64>,
    /// Their names, in order.
    pub models: Fact<Vec<String>>,
    /// Programs that compute on them, as `pid name`.
    pub compute_processes: Fact<Vec<String>>,
}

/// One GPU as the driver enumerates it; NVML's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnumeratedGpu {
    /// NVML's index.
    pub index: i64,
    /// Product name.
    pub name: String,
    /// `GPU-…`.
    pub uuid: String,
    /// PCI bus id.
    pub pci_bus_id: String,
    /// Memory, in MiB.
    pub memory_total_mib: Option<i64>,
}

const VERSION: &str = "/proc/driver/nvidia/version";

/// What the subject reads. `nvidia-smi` wakes every card where no persistence daemon runs, hence its
/// own deadline.
pub const PROBES: &[Probe] = &[
    Probe::files(&[VERSION]),
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
    Probe::shell(
        "nvidia-library",
        "libnvidia-ml.so on disk",
        r#"for f in /usr/lib/*-linux-gnu/libnvidia-ml.so.[0-9]*.* /usr/lib64/libnvidia-ml.so.[0-9]*.* \
    /usr/lib/libnvidia-ml.so.[0-9]*.* /usr/lib/nvidia-[0-9]*/libnvidia-ml.so.[0-9]*.* \
    /usr/lib/*-linux-gnu/nvidia/current/libnvidia-ml.so.[0-9]*.* /usr/local/nvidia/lib64/libnvidia-ml.so.[0-9]*.*; do
    if [ -e "$f" ]; then echo "$f"; fi
done"#,
    )
    .light(),
    Probe::shell(
        "nvidia-smi",
        "nvidia-smi",
        r#"nvidia-smi --query-gpu=index,name,uuid,pci.bus_id,memory.total --format=csv,noheader,nounits || return $?
echo "[compute]"
nvidia-smi --query-compute-apps=pid,process_name --format=csv,noheader"#,
    )
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
    let smi = Smi::parse(transcript);
    Gpu {
        device_count: devices.clone().map(|devices| devices.len() as i64),
        devices,
        bound_drivers,
        driver_version: transcript.file(VERSION).try_map(|text| {
            version_in(text).ok_or_else(|| format!("{VERSION} names no version: {}", text.trim()))
        }),
        library_version: library_version(transcript),
        enumerated_count: smi.gpus.clone().map(|gpus| gpus.len() as i64),
        models: smi.gpus.clone().map(|gpus| gpus.into_iter().map(|gpu| gpu.name).collect()),
        failure: smi.failure,
        enumerated: smi.gpus,
        compute_processes: smi.processes,
    }
}

/// The first dotted number of the line that names the kernel module.
fn version_in(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("NVRM version"))?;
    line.split_whitespace()
        .find(|word| word.split('.').count() >= 2 && word.split('.').all(|part| part.parse::<u32>().is_ok()))
        .map(str::to_owned)
}

fn library_version(transcript: &Transcript) -> Fact<String> {
    let answer = transcript.answer("nvidia-library");
    let Some(text) = answer.value().map(|answer| answer.out.clone().into_owned()) else {
        return answer.map(|_| String::new());
    };
    let mut found: Vec<(&str, &str)> =
        text.lines().filter_map(|path| Some((path, path.split_once("libnvidia-ml.so.")?.1))).collect();
    found.dedup_by_key(|(_, version)| *version);
    match found.as_slice() {
        [] => Fact::absent(answer.source),
        [(path, version)] => Fact::known((*version).to_owned(), (*path).to_owned()),
        several => {
            let paths: Vec<&str> = several.iter().map(|(path, _)| *path).collect();
            Fact::unknown(format!("libraries of several versions: {}", paths.join(", ")), answer.source)
        }
    }
}

struct Smi {
    failure: Fact<String>,
    gpus: Fact<Vec<EnumeratedGpu>>,
    processes: Fact<Vec<String>>,
}

impl Smi {
    fn parse(transcript: &Transcript) -> Smi {
        let answer = transcript.answer("nvidia-smi");
        let reason = match &answer.reading {
            Reading::Known(answer) if answer.status == 127 => {
                "there is no nvidia-smi on this machine".to_owned()
            }
            Reading::Known(answer) if answer.status != 0 && !answer.out.contains("[compute]") => {
                let failure = explain(answer.status, &format!("{} {}", answer.out.trim(), answer.err));
                return Smi {
                    gpus: Fact::unknown(failure.clone(), "nvidia-smi"),
                    processes: Fact::unknown(failure.clone(), "nvidia-smi"),
                    failure: Fact::known(failure, "nvidia-smi"),
                };
            }
            Reading::Known(answer) => return Smi::answered(answer.status, &answer.out, &answer.err),
            Reading::Unknown(reason) => reason.clone(),
            Reading::Absent => "not asked".to_owned(),
        };
        Smi {
            failure: Fact::unknown(reason.clone(), "nvidia-smi"),
            gpus: Fact::unknown(reason.clone(), "nvidia-smi"),
            processes: Fact::unknown(reason, "nvidia-smi"),
        }
    }

    fn answered(status: i32, text: &str, complaint: &str) -> Smi {
        let (gpus, processes) = text.split_once("[compute]").unwrap_or((text, ""));
        let read: Option<Vec<EnumeratedGpu>> =
            gpus.lines().map(str::trim).filter(|line| !line.is_empty()).map(gpu).collect();
        let processes: Vec<&str> = processes.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let are_processes =
            status == 0 && processes.iter().all(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        let source = "nvidia-smi --query-compute-apps";
        Smi {
            failure: Fact::absent("nvidia-smi"),
            gpus: match read {
                Some(gpus) => Fact::known(gpus, "nvidia-smi --query-gpu"),
                None => {
                    Fact::unknown(format!("nvidia-smi answered `{}`", gpus.trim()), "nvidia-smi --query-gpu")
                }
            },
            processes: match are_processes {
                true => {
                    Fact::known(processes.iter().map(|line| line.replacen(", ", " ", 1)).collect(), source)
                }
                false => {
                    Fact::unknown(explain(status, &format!("{} {complaint}", processes.join(" "))), source)
                }
            },
        }
    }
}

fn gpu(line: &str) -> Option<EnumeratedGpu> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [index, name, uuid, pci_bus_id, memory] = fields.as_slice() else { return None };
    Some(EnumeratedGpu {
        index: index.parse().ok()?,
        name: (*name).to_owned(),
        uuid: (*uuid).to_owned(),
        pci_bus_id: (*pci_bus_id).to_owned(),
        memory_total_mib: memory.parse().ok(),
    })
}

/// nvidia-smi's exit status in words (its manual page, RETURN VALUE).
fn explain(status: i32, said: &str) -> String {
    let meaning = match status {
        9 => "the NVIDIA driver is not loaded",
        12 => "the NVML library could not be found or loaded",
        15 => "a GPU has fallen off the bus or is otherwise inaccessible",
        14 => "a GPU's infoROM is corrupted",
        8 => "a GPU's external power cables are not attached",
        18 => "the driver and the library are of different versions",
        _ => "nvidia-smi failed",
    };
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match said.is_empty() {
        true => format!("{meaning} (nvidia-smi exit status {status})"),
        false => format!("{meaning} (nvidia-smi exit status {status}: {said})"),
    }
}
