//! From loading the library to the last GPU, watched: no call is waited for without end.

use std::ffi::OsStr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use super::ask::{failure, plain, queried};
use super::board::{Asker, Board, Replaced};
use super::gpu;
use crate::facts::nvml::{Document, Failure, Gpu, HANGS, MOST_GPUS};

/// How long one call may take. Where no persistence daemon runs, the first one wakes every card: seconds each.
pub const CALL: Duration = Duration::from_secs(8);
/// How long everything together may take.
pub const TOTAL: Duration = Duration::from_secs(20);

/// The runtime's name first: the other one comes with development packages only.
const LIBRARIES: [&str; 2] = ["libnvidia-ml.so.1", "libnvidia-ml.so"];

/// Reads NVML of this machine. Comes back within `total`, whatever the library does: a call that does not come back is named
/// in the document, and the GPUs behind it are asked by another thread. The thread that hangs stays behind.
pub fn read(call: Duration, total: Duration) -> Document {
    let board = Arc::new(Board::default());
    let end = Instant::now() + total;
    let mut next = start(&board, 0, 0);
    let mut state = board.state();
    loop {
        let now = Instant::now();
        if state.done || now >= end || !next {
            break;
        }
        let due = state.asking.as_ref().map(|(_, _, since)| *since + call);
        match due {
            Some(due) if now >= due => {
                // Another asker takes over behind this GPU; where the library itself hangs there is nothing behind it.
                let hung = state.asking.take();
                state.asker += 1;
                let number = state.asker;
                let Some((name, index, _)) = hung else { break };
                state.document.hung.push(name.clone());
                let Some(index) = index else { break };
                hangs(&mut state.document, index, &name);
                drop(state);
                next = start(&board, number, index + 1);
                state = board.state();
            }
            due => {
                let wait = due.unwrap_or(end).min(end).saturating_duration_since(now);
                state = board.wait(state, wait.max(Duration::from_millis(1)));
            }
        }
    }
    if !state.done {
        if let Some((name, index, _)) = state.asking.take() {
            state.document.hung.push(name.clone());
            if let Some(index) = index {
                hangs(&mut state.document, index, &name);
            }
        }
        // Whoever comes back changes nothing any more.
        state.asker += 1;
        if state.nvml.is_none() && state.document.failure.is_none() {
            let detail = state.document.hung.last().cloned();
            state.document.failure = Some(Failure { error: HANGS.to_owned(), detail });
        }
    }
    state.document.clone()
}

/// Notes that a GPU hangs: the names of what it told stay.
fn hangs(document: &mut Document, index: u32, call: &str) {
    if let Some(gpu) = document.gpus.iter_mut().find(|gpu| gpu.index == index) {
        gpu.failure = Some(Failure { error: HANGS.to_owned(), detail: Some(call.to_owned()) });
    }
}

/// Starts an asker at a GPU; false where the machine gives no thread.
fn start(board: &Arc<Board>, number: u32, first: u32) -> bool {
    let (asker, board) = (Asker::new(Arc::clone(board), number), Arc::clone(board));
    let ask = move || {
        let _ = walk(&board, &asker, first);
    };
    thread::Builder::new().name(format!("nvml-{number}")).spawn(ask).is_ok()
}

/// Loads the library if nobody has, asks it for itself, then GPU by GPU.
fn walk(board: &Board, asker: &Asker, first: u32) -> Result<(), Replaced> {
    let loaded = board.state().nvml.clone();
    let nvml = match loaded {
        Some(nvml) => nvml,
        None => match asker.call("nvmlInit", None, load)? {
            Ok(nvml) => {
                let nvml = Arc::new(nvml);
                asker.change(|state| state.nvml = Some(Arc::clone(&nvml)))?;
                about_itself(asker, &nvml)?;
                nvml
            }
            Err(error) => {
                return asker.change(|state| {
                    state.document.failure = Some(failure(&error));
                    state.done = true;
                });
            }
        },
    };
    let count = board.state().document.gpus.len() as u32;
    for index in first..count {
        gpu::ask(asker, &nvml, index)?;
    }
    asker.change(|state| state.done = true)
}

fn load() -> Result<Nvml, NvmlError> {
    let mut first = None;
    for library in LIBRARIES {
        match Nvml::builder().lib_path(OsStr::new(library)).init() {
            // Only a library that is not there lets the other name be tried; one that answers has answered.
            Err(error @ NvmlError::LibloadingError(_)) => first = first.or(Some(error)),
            answer => return answer,
        }
    }
    Err(first.unwrap_or(NvmlError::LibraryNotFound))
}

fn about_itself(asker: &Asker, nvml: &Nvml) -> Result<(), Replaced> {
    let driver = asker.call("nvmlSystemGetDriverVersion", None, || queried(nvml.sys_driver_version()))?;
    let library = asker.call("nvmlSystemGetNVMLVersion", None, || queried(nvml.sys_nvml_version()))?;
    let cuda =
        asker.call("nvmlSystemGetCudaDriverVersion", None, || queried(nvml.sys_cuda_driver_version()))?;
    let count = asker.call("nvmlDeviceGetCount", None, || queried(nvml.device_count()))?;
    asker.change(|state| {
        let document = &mut state.document;
        document.driver_version = driver.map(|version| plain(&version));
        document.nvml_version = library.map(|version| plain(&version));
        document.cuda_driver_version = cuda.map(|version| {
            format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version))
        });
        let gpus = count.value().map_or(0, |count| (*count).min(MOST_GPUS as u32));
        document.gpus = (0..gpus).map(|index| Gpu { index, ..Gpu::default() }).collect();
        document.gpu_count = count;
    })
}
