//! Everything that is asked of one GPU.

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{
    ComputeMode, EccCounter, MemoryError, RetirementCause, TemperatureSensor,
};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id;
use nvml_wrapper::{Device, Nvml};

use super::ask::{failure, feature, plain, queried};
use super::board::{Asker, Replaced};
use crate::facts::nvml::{LONGEST, MOST_PROCESSES, MigDevice, Process, Queried};

/// The most NVLinks of a GPU (NVML_NVLINK_MAX_LINKS), and the most MIG devices (seven on every card until now).
const MOST_LINKS: u32 = 36;
const MOST_MIG_DEVICES: u32 = 64;

/// Asks one GPU for everything, one call after the other.
pub(super) fn ask(asker: &Asker, nvml: &Nvml, index: u32) -> Result<(), Replaced> {
    let call = |name: &str| format!("{name} of GPU {index}");
    let handle = call("nvmlDeviceGetHandleByIndex");
    let gpu = match asker.call(&handle, Some(index), || nvml.device_by_index(index))? {
        Ok(gpu) => gpu,
        Err(error) => return asker.tell(index, |gpu| gpu.failure = Some(failure(&error))),
    };
    macro_rules! tell {
        ($field:ident, $name:literal, $answer:expr) => {{
            let answer = asker.call(&call($name), Some(index), || $answer)?;
            asker.tell(index, |told| told.$field = answer)?;
        }};
    }
    tell!(pci_bus_id, "nvmlDeviceGetPciInfo", queried(gpu.pci_info()).map(|pci| plain(&pci.bus_id)));
    tell!(name, "nvmlDeviceGetName", queried(gpu.name()).map(|name| plain(&name)));
    tell!(uuid, "nvmlDeviceGetUUID", queried(gpu.uuid()).map(|uuid| plain(&uuid)));
    tell!(minor_number, "nvmlDeviceGetMinorNumber", queried(gpu.minor_number()));
    let memory = asker.call(&call("nvmlDeviceGetMemoryInfo"), Some(index), || queried(gpu.memory_info()))?;
    asker.tell(index, |told| {
        told.memory_total_mib = memory.clone().map(|memory| memory.total >> 20);
        told.memory_used_mib = memory.map(|memory| memory.used >> 20);
    })?;
    tell!(compute_processes, "nvmlDeviceGetComputeRunningProcesses", processes(nvml, &gpu));
    tell!(persistence_mode, "nvmlDeviceGetPersistenceMode", queried(gpu.is_in_persistent_mode()));
    tell!(compute_mode, "nvmlDeviceGetComputeMode", queried(gpu.compute_mode()).map(compute_mode));

    let mig = asker.call(&call("nvmlDeviceGetMigMode"), Some(index), || feature(gpu.mig_mode()))?;
    let cut = mig.value().is_some_and(|mig| mig.current == 1);
    asker.tell(index, |told| {
        told.mig_devices = mig.clone().map(|_| Vec::new());
        told.mig_mode_pending = mig.clone().map(|mig| mig.pending == 1);
        told.mig_mode = mig.map(|mig| mig.current == 1);
    })?;
    if cut {
        tell!(mig_devices, "nvmlDeviceGetMigDeviceHandleByIndex", mig_devices(&gpu));
    }

    let ecc = asker.call(&call("nvmlDeviceGetEccMode"), Some(index), || queried(gpu.is_ecc_enabled()))?;
    asker.tell(index, |told| {
        told.ecc_mode_pending = ecc.clone().map(|ecc| ecc.pending_enabled);
        told.ecc_mode = ecc.map(|ecc| ecc.currently_enabled);
    })?;
    let errors = |since| queried(gpu.total_ecc_errors(MemoryError::Uncorrected, since));
    tell!(ecc_uncorrected_volatile, "nvmlDeviceGetTotalEccErrors", errors(EccCounter::Volatile));
    tell!(ecc_uncorrected_aggregate, "nvmlDeviceGetTotalEccErrors", errors(EccCounter::Aggregate));
    tell!(retired_pages, "nvmlDeviceGetRetiredPages", retired_pages(&gpu));
    tell!(
        retired_pages_pending,
        "nvmlDeviceGetRetiredPagesPendingStatus",
        queried(gpu.are_pages_pending_retired())
    );
    let rows = asker.call(&call("nvmlDeviceGetFieldValues"), Some(index), || remapped_rows(&gpu))?;
    let [correctable, uncorrectable, pending, failed] = rows;
    asker.tell(index, |told| {
        told.remapped_rows_correctable = correctable;
        told.remapped_rows_uncorrectable = uncorrectable;
        told.remapped_rows_pending = pending.map(|pending| pending != 0);
        told.remapped_rows_failure = failed.map(|failed| failed != 0);
    })?;

    tell!(pcie_link_generation, "nvmlDeviceGetCurrPcieLinkGeneration", queried(gpu.current_pcie_link_gen()));
    tell!(pcie_link_generation_max, "nvmlDeviceGetMaxPcieLinkGeneration", queried(gpu.max_pcie_link_gen()));
    tell!(pcie_link_width, "nvmlDeviceGetCurrPcieLinkWidth", queried(gpu.current_pcie_link_width()));
    tell!(pcie_link_width_max, "nvmlDeviceGetMaxPcieLinkWidth", queried(gpu.max_pcie_link_width()));
    tell!(nvlinks, "nvmlDeviceGetNvLinkState", nvlinks(&gpu));
    tell!(
        power_limit_mw,
        "nvmlDeviceGetEnforcedPowerLimit",
        queried(gpu.enforced_power_limit()).map(u64::from)
    );
    tell!(temperature_c, "nvmlDeviceGetTemperature", queried(gpu.temperature(TemperatureSensor::Gpu)));
    tell!(
        clocks_throttle_reasons,
        "nvmlDeviceGetCurrentClocksThrottleReasons",
        queried(gpu.current_throttle_reasons()).map(throttle_reasons)
    );
    Ok(())
}

fn processes(nvml: &Nvml, gpu: &Device<'_>) -> Queried<Vec<Process>> {
    let answer = match gpu.running_compute_processes() {
        Err(NvmlError::FailedToLoadSymbol(_)) => gpu.running_compute_processes_v2(),
        answer => answer,
    };
    queried(answer).map(|processes| {
        let told = processes.into_iter().take(MOST_PROCESSES);
        told.map(|process| Process {
            pid: process.pid,
            name: queried(nvml.sys_process_name(process.pid, LONGEST)).map(|name| plain(&name)),
        })
        .collect()
    })
}

fn compute_mode(mode: ComputeMode) -> String {
    match mode {
        ComputeMode::Default => "DEFAULT",
        ComputeMode::ExclusiveThread => "EXCLUSIVE_THREAD",
        ComputeMode::Prohibited => "PROHIBITED",
        ComputeMode::ExclusiveProcess => "EXCLUSIVE_PROCESS",
    }
    .to_owned()
}

/// NVML numbers places, not devices: a place that is free is not found.
fn mig_devices(gpu: &Device<'_>) -> Queried<Vec<MigDevice>> {
    let places = match gpu.mig_device_count() {
        Ok(places) => places.min(MOST_MIG_DEVICES),
        Err(error) => return queried(Err(error)),
    };
    let mut devices = Vec::new();
    for place in 0..places {
        match gpu.mig_device_by_index(place) {
            Ok(device) => devices.push(MigDevice {
                name: queried(device.name()).map(|name| plain(&name)),
                uuid: queried(device.uuid()).map(|uuid| plain(&uuid)),
            }),
            Err(NvmlError::NotFound) => {}
            Err(error) => return queried(Err(error)),
        }
    }
    Queried::Known(devices)
}

fn retired_pages(gpu: &Device<'_>) -> Queried<u64> {
    let mut sum = 0;
    for cause in [RetirementCause::MultipleSingleBitEccErrors, RetirementCause::DoubleBitEccError] {
        match queried(gpu.retired_pages(cause)) {
            Queried::Known(pages) => sum += pages.len() as u64,
            other => return other.map(|_| 0),
        }
    }
    Queried::Known(sum)
}

/// Correctable, uncorrectable, pending, failure. The bindings lack nvmlDeviceGetRemappedRows; the same counts are fields.
/// A library that does not know these fields is older than the cards that have them (Ampere, driver 450).
fn remapped_rows(gpu: &Device<'_>) -> [Queried<u64>; 4] {
    let ids = [
        field_id::NVML_FI_DEV_REMAPPED_COR,
        field_id::NVML_FI_DEV_REMAPPED_UNC,
        field_id::NVML_FI_DEV_REMAPPED_PENDING,
        field_id::NVML_FI_DEV_REMAPPED_FAILURE,
    ];
    let fields = match gpu.field_values_for(&ids.map(FieldId)) {
        Ok(fields) => fields,
        Err(error) => {
            let answer: Queried<u64> = feature(Err(error));
            return ids.map(|_| answer.clone());
        }
    };
    let mut fields = fields.into_iter();
    ids.map(|_| match fields.next() {
        Some(Ok(field)) => match field.value {
            Err(NvmlError::InvalidArg) => Queried::NotSupported,
            value => queried(value).map(|value| match value {
                SampleValue::U32(value) => u64::from(value),
                SampleValue::U64(value) => value,
                SampleValue::I64(value) => value.unsigned_abs(),
                SampleValue::F64(value) => value as u64,
            }),
        },
        Some(Err(error)) => queried(Err(error)),
        None => Queried::default(),
    })
}

/// The links that there are: the first number that is no link ends them.
fn nvlinks(gpu: &Device<'_>) -> Queried<Vec<bool>> {
    let mut links = Vec::new();
    for link in 0..MOST_LINKS {
        match gpu.link_wrapper_for(link).is_active() {
            Ok(active) => links.push(active),
            Err(NvmlError::InvalidArg | NvmlError::NotSupported) => break,
            Err(error) => return feature(Err(error)),
        }
    }
    match links.is_empty() {
        true => Queried::NotSupported,
        false => Queried::Known(links),
    }
}

fn throttle_reasons(reasons: ThrottleReasons) -> Vec<String> {
    reasons.iter_names().map(|(name, _)| name.to_owned()).collect()
}
