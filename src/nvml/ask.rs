//! NVML's answers in the document's three states.

use nvml_wrapper::error::NvmlError;

use crate::facts::nvml::{
    FUNCTION_NOT_FOUND, Failure, GPU_IS_LOST, LONGEST, Queried, RESET_REQUIRED, WRAPPER,
};

/// An answer; a function that this library lacks is a failure.
pub(super) fn queried<T>(answer: Result<T, NvmlError>) -> Queried<T> {
    match answer {
        Ok(value) => Queried::Known(value),
        Err(NvmlError::NotSupported) => Queried::NotSupported,
        Err(error) => Queried::Failed(failure(&error)),
    }
}

/// The same for a feature of cards that are newer than a library without the function: such a library drives no such card.
pub(super) fn feature<T>(answer: Result<T, NvmlError>) -> Queried<T> {
    match answer {
        Err(NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound) => Queried::NotSupported,
        answer => queried(answer),
    }
}

/// A text that the document may hold.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if plain.len() + c.len_utf8() > LONGEST {
            break;
        }
        plain.push(c);
    }
    plain
}

/// NVML's name of an error.
pub(super) fn failure(error: &NvmlError) -> Failure {
    let name = match error {
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => FUNCTION_NOT_FOUND,
        NvmlError::GpuLost => GPU_IS_LOST,
        NvmlError::ResetRequired => RESET_REQUIRED,
        NvmlError::LibloadingError(why) => {
            return Failure { error: "LIBRARY_NOT_FOUND".to_owned(), detail: Some(plain(&why.to_string())) };
        }
        NvmlError::Uninitialized => "UNINITIALIZED",
        NvmlError::InvalidArg => "INVALID_ARGUMENT",
        NvmlError::NotSupported => "NOT_SUPPORTED",
        NvmlError::NoPermission => "NO_PERMISSION",
        NvmlError::NotFound => "NOT_FOUND",
        NvmlError::InsufficientSize(_) => "INSUFFICIENT_SIZE",
        NvmlError::InsufficientPower => "INSUFFICIENT_POWER",
        NvmlError::DriverNotLoaded => "DRIVER_NOT_LOADED",
        NvmlError::Timeout => "TIMEOUT",
        NvmlError::IrqIssue => "IRQ_ISSUE",
        NvmlError::LibraryNotFound => "LIBRARY_NOT_FOUND",
        NvmlError::CorruptedInfoROM => "CORRUPTED_INFOROM",
        NvmlError::OperatingSystem => "OPERATING_SYSTEM",
        NvmlError::LibRmVersionMismatch => "LIB_RM_VERSION_MISMATCH",
        NvmlError::InUse => "IN_USE",
        NvmlError::InsufficientMemory => "MEMORY",
        NvmlError::NoData => "NO_DATA",
        NvmlError::Unknown => "UNKNOWN",
        other => return Failure { error: WRAPPER.to_owned(), detail: Some(plain(&other.to_string())) },
    };
    Failure::named(name)
}
