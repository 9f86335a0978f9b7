//! One GPU as the driver enumerates it, in NVML's terms.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::nvidia_smi::{NOT_TOLD, words};
use super::nvml::{self, Queried};

/// A value of one GPU: left out where it is not known, null where the GPU has no such thing.
type Told<T> = Option<Option<T>>;

/// One GPU as the driver enumerates it; NVML's terms. Beyond its name, what is not known is left out, and null is what it
/// does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Memory in use, in MiB.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub memory_used_mib: Told<i64>,
    /// Whether the driver stays loaded without a client.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub persistence_mode: Told<bool>,
    /// `DEFAULT`, `EXCLUSIVE_PROCESS`, `PROHIBITED`.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub compute_mode: Told<String>,
    /// Whether it is cut into instances.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub mig_mode: Told<bool>,
    /// How many MIG devices it has.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub mig_device_count: Told<i64>,
    /// Whether its memory corrects errors.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub ecc_mode: Told<bool>,
    /// Uncorrected errors since the driver was loaded.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub ecc_uncorrected_volatile: Told<i64>,
    /// Uncorrected errors of its life.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub ecc_uncorrected_aggregate: Told<i64>,
    /// Pages retired.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub retired_pages: Told<i64>,
    /// Rows remapped for uncorrectable errors.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub remapped_rows_uncorrectable: Told<i64>,
    /// PCIe generation now; lower at rest.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub pcie_link_generation: Told<i64>,
    /// The highest that card and slot allow.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub pcie_link_generation_max: Told<i64>,
    /// PCIe lanes now.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub pcie_link_width: Told<i64>,
    /// The most that card and slot allow.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub pcie_link_width_max: Told<i64>,
    /// NVLinks that are active.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub nvlinks_active: Told<i64>,
    /// NVLinks that it has.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub nvlinks: Told<i64>,
    /// The power limit in force, in watts.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub power_limit_w: Told<i64>,
    /// Its temperature, in degrees Celsius.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub temperature_c: Told<i64>,
    /// Why its clocks are lower than they could be, in NVML's names: `HW_THERMAL_SLOWDOWN`.
    #[serde(default, deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub clocks_throttle_reasons: Told<Vec<String>>,
    /// Why a value is not known, by its field; what nobody was asked is not in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
}

/// Null is a value here: there is no such thing.
fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Told<T>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A GPU that tells who it is; the others are broken.
pub(super) fn enumerated(gpu: &nvml::Gpu) -> Option<EnumeratedGpu> {
    if gpu.failure.is_some() {
        return None;
    }
    let mut unknown = BTreeMap::new();
    macro_rules! take {
        ($field:ident) => {
            take!($field, |value| value)
        };
        ($field:ident, $change:expr) => {
            match gpu.$field.clone().map($change) {
                Queried::Known(value) => Some(Some(value)),
                Queried::NotSupported => Some(None),
                Queried::Failed(failure) => {
                    if failure.error != NOT_TOLD {
                        unknown.insert(stringify!($field).to_owned(), words(&failure));
                    }
                    None
                }
            }
        };
    }
    let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    Some(EnumeratedGpu {
        index: i64::from(gpu.index),
        name: gpu.name.value()?.clone(),
        uuid: gpu.uuid.value()?.clone(),
        pci_bus_id: gpu.pci_bus_id.value()?.clone(),
        memory_total_mib: take!(memory_total_mib, whole).flatten(),
        memory_used_mib: take!(memory_used_mib, whole),
        persistence_mode: take!(persistence_mode),
        compute_mode: take!(compute_mode),
        mig_mode: take!(mig_mode),
        mig_device_count: take!(mig_devices, |devices| devices.len() as i64),
        ecc_mode: take!(ecc_mode),
        ecc_uncorrected_volatile: take!(ecc_uncorrected_volatile, whole),
        ecc_uncorrected_aggregate: take!(ecc_uncorrected_aggregate, whole),
        retired_pages: take!(retired_pages, whole),
        remapped_rows_uncorrectable: take!(remapped_rows_uncorrectable, whole),
        pcie_link_generation: take!(pcie_link_generation, i64::from),
        pcie_link_generation_max: take!(pcie_link_generation_max, i64::from),
        pcie_link_width: take!(pcie_link_width, i64::from),
        pcie_link_width_max: take!(pcie_link_width_max, i64::from),
        nvlinks_active: take!(nvlinks, |links| links.iter().filter(|active| **active).count() as i64),
        nvlinks: take!(nvlinks, |links| links.len() as i64),
        power_limit_w: take!(power_limit_mw, |limit| whole(limit / 1000)),
        temperature_c: take!(temperature_c, i64::from),
        clocks_throttle_reasons: take!(clocks_throttle_reasons),
        unknown,
    })
}
