//! What asking NVML for one value gave. Like [`super::nvml`], a part of the small helper too.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What asking NVML for one value gave. In JSON: the value; `null` where it is not supported; `{"error": "GPU_IS_LOST"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Queried<T> {
    /// Neither: the error's name.
    Failed(Failure),
    /// The value.
    Known(T),
    /// The device, or this NVML, has no such thing.
    NotSupported,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Queried<T> {
    /// By hand: a derived one takes a list of two texts for a failure.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let queried = match Value::deserialize(deserializer)? {
            Value::Null => Ok(Queried::NotSupported),
            Value::Object(failure) if failure.contains_key("error") => {
                serde_json::from_value(Value::Object(failure)).map(Queried::Failed)
            }
            value => serde_json::from_value(value).map(Queried::Known),
        };
        queried.map_err(D::Error::custom)
    }
}

/// Why NVML gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The name of NVML's error without `NVML_ERROR_`, or one of the helper's own: `HANGS`, `NOT_ASKED`, `WRAPPER`.
    pub error: String,
    /// More, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The helper's own: a call did not come back within its deadline.
pub const HANGS: &str = "HANGS";
/// The helper's own: not asked, because an earlier call hangs.
pub const NOT_ASKED: &str = "NOT_ASKED";
/// The helper's own: an answer that the bindings cannot read.
pub const WRAPPER: &str = "WRAPPER";
/// NVML's: it fell off the bus.
pub const GPU_IS_LOST: &str = "GPU_IS_LOST";
/// NVML's: it waits for a reset.
pub const RESET_REQUIRED: &str = "RESET_REQUIRED";
/// NVML's: this library is older than the function.
pub const FUNCTION_NOT_FOUND: &str = "FUNCTION_NOT_FOUND";

impl<T> Queried<T> {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Queried::Known(value) => Some(value),
            Queried::NotSupported | Queried::Failed(_) => None,
        }
    }

    /// Why there is no value, where that is a failure.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Queried::Failed(failure) => Some(failure),
            Queried::NotSupported | Queried::Known(_) => None,
        }
    }

    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Queried<U> {
        match self {
            Queried::Known(value) => Queried::Known(change(value)),
            Queried::NotSupported => Queried::NotSupported,
            Queried::Failed(failure) => Queried::Failed(failure),
        }
    }

    /// A failure by its name alone.
    pub fn failed(error: &str) -> Self {
        Queried::Failed(Failure::named(error))
    }
}

impl<T> Default for Queried<T> {
    /// What nobody asked is not told.
    fn default() -> Self {
        Queried::failed(NOT_ASKED)
    }
}

impl Failure {
    /// Only a name.
    pub fn named(error: &str) -> Self {
        Failure { error: error.to_owned(), detail: None }
    }

    /// In words, with NVML's own name.
    pub fn words(&self) -> String {
        let meaning = match self.error.as_str() {
            HANGS => "the call did not come back",
            NOT_ASKED => "not asked, because an earlier call did not come back",
            WRAPPER => "an answer that cannot be read",
            GPU_IS_LOST => "the GPU fell off the bus or is otherwise inaccessible",
            RESET_REQUIRED => "the GPU has to be reset before it can be used again",
            FUNCTION_NOT_FOUND => "this driver's NVML is too old to tell",
            "DRIVER_NOT_LOADED" => "the NVIDIA driver is not loaded",
            "LIB_RM_VERSION_MISMATCH" => "the driver and the library are of different versions",
            "LIBRARY_NOT_FOUND" => "the NVML library could not be loaded",
            "NO_PERMISSION" => "no permission to ask the driver (device nodes, cgroup)",
            "INSUFFICIENT_POWER" => "the GPU's external power cables are not attached",
            "IRQ_ISSUE" => "the kernel saw an interrupt problem with the GPU",
            "CORRUPTED_INFOROM" => "the GPU's infoROM is corrupted",
            "OPERATING_SYSTEM" => "the operating system or a cgroup blocked it",
            "IN_USE" => "the GPU is in use",
            "TIMEOUT" => "the driver did not answer in time",
            "UNKNOWN" => "an internal error of the driver",
            _ => "",
        };
        match (meaning, &self.detail) {
            ("", None) => format!("NVML: {}", self.error),
            ("", Some(detail)) => format!("NVML: {}: {detail}", self.error),
            (meaning, None) => format!("{meaning} (NVML: {})", self.error),
            (meaning, Some(detail)) => format!("{meaning} (NVML: {}: {detail})", self.error),
        }
    }
}
