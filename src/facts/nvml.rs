//! What NVML told of one machine: the document that the helper writes and the parser reads.
//!
//! Names, units and errors are NVML's. This file and `queried.rs` stand alone (serde and serde_json, nothing of the house), because
//! the small helper is built from them too.

use serde::{Deserialize, Serialize};

pub use super::queried::{
    FUNCTION_NOT_FOUND, Failure, GPU_IS_LOST, HANGS, NOT_ASKED, Queried, RESET_REQUIRED, WRAPPER,
};

/// The format's number. A document of another one is not read.
pub const FORMAT: u32 = 1;
/// The most GPUs that a document may hold; the largest machines have 16.
pub const MOST_GPUS: usize = 64;
/// The most processes told of one GPU.
pub const MOST_PROCESSES: usize = 256;
/// The longest text in a document, in bytes. NVML's own buffers are 96 bytes and less; a process's name may be a path.
pub const LONGEST: usize = 512;
/// The largest document, in bytes.
const LARGEST: usize = 1024 * 1024;

/// What NVML told of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// [`FORMAT`].
    pub airworthy_nvml: u32,
    /// Why NVML could not be loaded or initialised; then nothing else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The calls that did not come back: `nvmlDeviceGetEccMode of GPU 2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hung: Vec<String>,
    /// Version of the kernel's driver.
    #[serde(default)]
    pub driver_version: Queried<String>,
    /// Version of the NVML library: `12.535.54.03`.
    #[serde(default)]
    pub nvml_version: Queried<String>,
    /// The newest CUDA that the driver runs: `12.2`.
    #[serde(default)]
    pub cuda_driver_version: Queried<String>,
    /// How many GPUs NVML counts.
    #[serde(default)]
    pub gpu_count: Queried<u32>,
    /// Each of them.
    #[serde(default)]
    pub gpus: Vec<Gpu>,
}

/// One GPU as NVML tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gpu {
    /// NVML's index.
    pub index: u32,
    /// Why NVML gives no handle of it, or which call hangs; what was told before that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Product name.
    pub name: Queried<String>,
    /// `GPU-…`.
    pub uuid: Queried<String>,
    /// PCI bus id, with eight digits of domain.
    pub pci_bus_id: Queried<String>,
    /// The number of its device node: 0 for `/dev/nvidia0`.
    pub minor_number: Queried<u32>,
    /// Memory, in MiB.
    pub memory_total_mib: Queried<u64>,
    /// Memory in use, in MiB.
    pub memory_used_mib: Queried<u64>,
    /// Programs that compute on it.
    pub compute_processes: Queried<Vec<Process>>,
    /// Whether the driver stays loaded without a client.
    pub persistence_mode: Queried<bool>,
    /// `DEFAULT`, `EXCLUSIVE_PROCESS`, `PROHIBITED`.
    pub compute_mode: Queried<String>,
    /// Whether it is cut into instances.
    pub mig_mode: Queried<bool>,
    /// The same after the next reset.
    pub mig_mode_pending: Queried<bool>,
    /// Its MIG devices.
    pub mig_devices: Queried<Vec<MigDevice>>,
    /// Whether its memory corrects errors.
    pub ecc_mode: Queried<bool>,
    /// The same after the next boot.
    pub ecc_mode_pending: Queried<bool>,
    /// Uncorrected errors since the driver was loaded.
    pub ecc_uncorrected_volatile: Queried<u64>,
    /// Uncorrected errors of its life.
    pub ecc_uncorrected_aggregate: Queried<u64>,
    /// Pages retired, for whichever cause.
    pub retired_pages: Queried<u64>,
    /// Whether more are to be at the next boot.
    pub retired_pages_pending: Queried<bool>,
    /// Rows remapped for correctable errors.
    pub remapped_rows_correctable: Queried<u64>,
    /// Rows remapped for uncorrectable errors.
    pub remapped_rows_uncorrectable: Queried<u64>,
    /// Whether more are to be at the next reset.
    pub remapped_rows_pending: Queried<bool>,
    /// Whether a remapping failed.
    pub remapped_rows_failure: Queried<bool>,
    /// PCIe generation now; lower at rest.
    pub pcie_link_generation: Queried<u32>,
    /// The highest that card and slot allow.
    pub pcie_link_generation_max: Queried<u32>,
    /// PCIe lanes now.
    pub pcie_link_width: Queried<u32>,
    /// The most that card and slot allow.
    pub pcie_link_width_max: Queried<u32>,
    /// Whether each NVLink is active, by its number.
    pub nvlinks: Queried<Vec<bool>>,
    /// The power limit in force, in milliwatts.
    pub power_limit_mw: Queried<u64>,
    /// The GPU's temperature, in degrees Celsius.
    pub temperature_c: Queried<u32>,
    /// Why its clocks are lower than they could be, in NVML's names: `HW_THERMAL_SLOWDOWN`.
    pub clocks_throttle_reasons: Queried<Vec<String>>,
}

/// A program that computes on a GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its process id on the host.
    pub pid: u32,
    /// Its name, as far as NVML may see it.
    pub name: Queried<String>,
}

/// A GPU instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigDevice {
    /// `NVIDIA A100-SXM4-40GB MIG 1g.5gb`.
    pub name: Queried<String>,
    /// `MIG-…`.
    pub uuid: Queried<String>,
}

impl Default for Document {
    fn default() -> Self {
        Document {
            airworthy_nvml: FORMAT,
            failure: None,
            hung: Vec::new(),
            driver_version: Queried::default(),
            nvml_version: Queried::default(),
            cuda_driver_version: Queried::default(),
            gpu_count: Queried::default(),
            gpus: Vec::new(),
        }
    }
}

impl Document {
    /// Reads what a helper wrote on some host: nothing in it is trusted.
    ///
    /// # Errors
    /// In words: what is too large, not JSON, of another format, or no text.
    pub fn read(text: &[u8]) -> Result<Document, String> {
        if text.len() > LARGEST {
            return Err(format!("the helper wrote {} bytes, more than {LARGEST}", text.len()));
        }
        let document: Document =
            serde_json::from_slice(text).map_err(|error| format!("the helper's document: {error}"))?;
        if document.airworthy_nvml != FORMAT {
            return Err(format!(
                "the helper's document has format {}, {FORMAT} was expected: use the helper that came with this airworthy",
                document.airworthy_nvml
            ));
        }
        if document.gpus.len() > MOST_GPUS {
            return Err(format!(
                "the helper's document has {} GPUs, more than {MOST_GPUS}",
                document.gpus.len()
            ));
        }
        let mut indexes: Vec<u32> = document.gpus.iter().map(|gpu| gpu.index).collect();
        indexes.sort_unstable();
        if indexes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("the helper's document names a GPU twice".to_owned());
        }
        let bad = document.texts().find(|text| text.len() > LONGEST || text.chars().any(char::is_control));
        if let Some(text) = bad {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(format!(
                "the helper's document has a text that is too long or has control characters: {shown}"
            ));
        }
        Ok(document)
    }

    /// Whether `nvidia-smi` may know more: a library that is older than a function which a verdict needs.
    pub fn is_too_old(&self) -> bool {
        let missing = |failure: Option<&Failure>| failure.is_some_and(|f| f.error == FUNCTION_NOT_FOUND);
        missing(self.failure.as_ref())
            || self.gpus.iter().any(|gpu| {
                missing(gpu.memory_total_mib.failure()) || missing(gpu.compute_processes.failure())
            })
    }

    /// Every text in it.
    fn texts(&self) -> impl Iterator<Item = &str> {
        fn of(queried: &Queried<String>) -> impl Iterator<Item = &str> {
            queried.value().map(String::as_str).into_iter().chain(why(queried.failure()))
        }
        fn why(failure: Option<&Failure>) -> impl Iterator<Item = &str> {
            failure.into_iter().flat_map(|f| [Some(f.error.as_str()), f.detail.as_deref()]).flatten()
        }
        let own = [&self.driver_version, &self.nvml_version, &self.cuda_driver_version];
        let own = own.into_iter().flat_map(of).chain(why(self.failure.as_ref()));
        let own = own.chain(self.hung.iter().map(String::as_str));
        own.chain(self.gpus.iter().flat_map(|gpu| {
            let plain = [&gpu.name, &gpu.uuid, &gpu.pci_bus_id, &gpu.compute_mode].into_iter().flat_map(of);
            let reasons = gpu.clocks_throttle_reasons.value().into_iter().flatten().map(String::as_str);
            let mig = gpu.mig_devices.value().into_iter().flatten();
            let mig = mig.flat_map(|mig| of(&mig.name).chain(of(&mig.uuid)));
            let processes = gpu.compute_processes.value().into_iter().flatten();
            let processes = processes.flat_map(|process| of(&process.name));
            plain.chain(why(gpu.failure.as_ref())).chain(reasons).chain(mig).chain(processes)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, FORMAT, Failure, Gpu, Queried};

    #[test]
    fn three_states_go_through_json() {
        let gpu = Gpu {
            name: Queried::Known("Tesla V100".to_owned()),
            mig_mode: Queried::NotSupported,
            temperature_c: Queried::failed("GPU_IS_LOST"),
            clocks_throttle_reasons: Queried::Known(vec!["HW_SLOWDOWN".to_owned(), "SYNC_BOOST".to_owned()]),
            ..Gpu::default()
        };
        let document = Document { gpus: vec![gpu], ..Document::default() };
        let text = serde_json::to_string(&document).expect("it is written");
        assert!(text.contains(r#""name":"Tesla V100","uuid":{"error":"NOT_ASKED"}"#), "{text}");
        assert!(text.contains(r#""mig_mode":null"#), "{text}");
        assert!(text.contains(r#""temperature_c":{"error":"GPU_IS_LOST"}"#), "{text}");
        assert_eq!(Document::read(text.as_bytes()), Ok(document));
    }

    #[test]
    fn a_field_that_is_not_there_is_not_told() {
        let document = Document::read(br#"{"airworthy_nvml":1,"gpus":[{"index":0}]}"#).expect("it is read");
        assert_eq!(document.gpus[0].ecc_mode, Queried::failed("NOT_ASKED"));
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let gpus = |n: usize| vec![Gpu::default(); n];
        let named = |name: String| Gpu { name: Queried::Known(name), ..Gpu::default() };
        let of = |gpus: Vec<Gpu>| {
            let document = Document { gpus, ..Document::default() };
            serde_json::to_vec(&document).expect("it is written")
        };
        let failure = Failure { error: "X".to_owned(), detail: Some("\u{1b}[2J".to_owned()) };
        let failing = Document { failure: Some(failure), ..Document::default() };
        for (what, text) in [
            ("twice", of(gpus(2))),
            ("65 GPUs", of(gpus(65))),
            ("too long", of(vec![named("x".repeat(600))])),
            ("control", of(vec![named("a\u{1b}[31m".to_owned())])),
            ("control", serde_json::to_vec(&failing).expect("it is written")),
            ("bytes", vec![b' '; 2 << 20]),
            ("EOF", b"{".to_vec()),
            ("format 2", br#"{"airworthy_nvml":2}"#.to_vec()),
            ("missing field", b"{}".to_vec()),
            ("invalid type", br#"{"airworthy_nvml":1,"gpu_count":"4"}"#.to_vec()),
        ] {
            let error = Document::read(&text).expect_err(what);
            assert!(error.contains(what), "{what}: {error}");
        }
        assert_eq!(FORMAT, 1);
    }
}
