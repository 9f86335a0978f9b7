//! What `nvidia-smi` tells, in NVML's terms: it stands in where the helper could not be used.

use super::fact::{Fact, Reading};
use super::nvidia_smi_xml::xml;
use super::nvml::{Document, Failure, Gpu, MOST_GPUS, Process, Queried};
use super::transcript::{Answer, Transcript};

/// Its own: `nvidia-smi` says nothing of it, or was not asked for it.
pub(super) const NOT_TOLD: &str = "NOT_TOLD";
/// Its own: it ended with an error; the detail tells it.
pub(super) const ENDED: &str = "NVIDIA_SMI";

/// Asks for everything at once. Thousands of lines of supported clocks stay on the host, hence the status within the text.
pub(super) const TEXT: &str =
    r#"{ nvidia-smi -q -x; echo "[status] $?"; } | grep -v '<supported_graphics_clock>'"#;

/// What it told; unknown where it is not there, or did not answer in time.
pub(super) fn parse(transcript: &Transcript) -> Fact<Document> {
    let answer = transcript.answer("nvidia-smi");
    match &answer.reading {
        Reading::Known(answer) if answer.status == 127 => {
            let otherwise = match answer.err.is_empty() {
                true => "there is no nvidia-smi on this machine",
                false => &*answer.err,
            };
            Fact::unknown(otherwise, "nvidia-smi")
        }
        Reading::Known(answer) => answered(answer),
        Reading::Unknown(reason) => Fact::unknown(reason.clone(), "nvidia-smi"),
        Reading::Absent => Fact::unknown("not asked", "nvidia-smi"),
    }
}

fn answered(answer: &Answer<'_>) -> Fact<Document> {
    let (text, status) = match answer.out.rsplit_once("[status] ") {
        Some((text, status)) => (text, status.trim().parse().unwrap_or(answer.status)),
        None => (&*answer.out, answer.status),
    };
    if let (Some(begin), Some((text, _))) = (text.find("<?xml"), text.rsplit_once("</nvidia_smi_log>")) {
        // Warnings may stand before and behind it.
        let read = text.get(begin..).map(|text| xml(&format!("{text}</nvidia_smi_log>")));
        let read = read.unwrap_or_else(|| Err("it is cut off".to_owned()));
        return match read {
            Ok(document) if status == 0 || !document.gpus.is_empty() => {
                Fact::known(document, "nvidia-smi -q -x")
            }
            Ok(_) => failed(status, &answer.err),
            Err(reason) => {
                Fact::unknown(format!("nvidia-smi's XML cannot be read: {reason}"), "nvidia-smi -q -x")
            }
        };
    }
    match status {
        0 => query(text),
        // What the query tells is kept where only the question behind it fails.
        _ if text.contains("[compute]") => query_with(text, Some(explain(status, &complaint(text, answer)))),
        _ => failed(status, &format!("{} {}", text.trim(), answer.err)),
    }
}

fn complaint(text: &str, answer: &Answer<'_>) -> String {
    format!("{} {}", text.split_once("[compute]").map_or("", |(_, said)| said), answer.err)
}

fn failed(status: i32, said: &str) -> Fact<Document> {
    let failure = Failure { error: ENDED.to_owned(), detail: Some(explain(status, said)) };
    Fact::known(Document { failure: Some(failure), ..Document::default() }, "nvidia-smi")
}

/// A failure in words; nvidia-smi's own are words already.
pub(super) fn words(failure: &Failure) -> String {
    match (failure.error.as_str(), &failure.detail) {
        (ENDED, Some(words)) => words.clone(),
        (NOT_TOLD, _) => "nvidia-smi does not tell it".to_owned(),
        _ => failure.words(),
    }
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

/// `--query-gpu=index,name,uuid,pci.bus_id,memory.total` and `--query-compute-apps`: what transcripts of the first releases
/// hold.
fn query(text: &str) -> Fact<Document> {
    query_with(text, None)
}

fn query_with(text: &str, complaint: Option<String>) -> Fact<Document> {
    let source = "nvidia-smi --query-gpu";
    let (gpus, programs) = text.split_once("[compute]").unwrap_or((text, ""));
    let told = lines(gpus).map(line).collect::<Option<Vec<Gpu>>>();
    let Some(mut gpus) = told.filter(|gpus| gpus.len() <= MOST_GPUS) else {
        return Fact::unknown(format!("nvidia-smi answered `{}`", gpus.trim()), source);
    };
    let programs = match complaint {
        Some(detail) => Err(detail),
        None => {
            let read: Option<Vec<Process>> = lines(programs).map(program).collect();
            read.ok_or_else(|| explain(0, &lines(programs).collect::<Vec<_>>().join(" ")))
        }
    };
    // It does not say which GPU they compute on.
    for (at, gpu) in gpus.iter_mut().enumerate() {
        gpu.compute_processes = match &programs {
            Ok(programs) if at == 0 => Queried::Known(programs.clone()),
            Ok(_) => Queried::Known(Vec::new()),
            Err(detail) => Queried::Failed(Failure { error: ENDED.to_owned(), detail: Some(detail.clone()) }),
        };
    }
    let document = Document {
        driver_version: Queried::failed(NOT_TOLD),
        nvml_version: Queried::failed(NOT_TOLD),
        cuda_driver_version: Queried::failed(NOT_TOLD),
        gpu_count: Queried::Known(gpus.len() as u32),
        gpus,
        ..Document::default()
    };
    Fact::known(document, source)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn line(line: &str) -> Option<Gpu> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [index, name, uuid, pci_bus_id, memory] = fields.as_slice() else { return None };
    let text = |text: &&str| Queried::Known((*text).to_owned());
    Some(Gpu {
        index: index.parse().ok()?,
        name: text(name),
        uuid: text(uuid),
        pci_bus_id: text(pci_bus_id),
        memory_total_mib: memory.parse().map_or(Queried::NotSupported, Queried::Known),
        ..untold()
    })
}

fn program(line: &str) -> Option<Process> {
    let (pid, name) = line.split_once(',')?;
    Some(Process { pid: pid.trim().parse().ok()?, name: Queried::Known(name.trim().to_owned()) })
}

/// A GPU of which nothing was said.
fn untold() -> Gpu {
    fn not_told<T>() -> Queried<T> {
        Queried::failed(NOT_TOLD)
    }
    Gpu {
        minor_number: not_told(),
        memory_used_mib: not_told(),
        persistence_mode: not_told(),
        compute_mode: not_told(),
        mig_mode: not_told(),
        mig_mode_pending: not_told(),
        mig_devices: not_told(),
        ecc_mode: not_told(),
        ecc_mode_pending: not_told(),
        ecc_uncorrected_volatile: not_told(),
        ecc_uncorrected_aggregate: not_told(),
        retired_pages: not_told(),
        retired_pages_pending: not_told(),
        remapped_rows_correctable: not_told(),
        remapped_rows_uncorrectable: not_told(),
        remapped_rows_pending: not_told(),
        remapped_rows_failure: not_told(),
        pcie_link_generation: not_told(),
        pcie_link_generation_max: not_told(),
        pcie_link_width: not_told(),
        pcie_link_width_max: not_told(),
        nvlinks: not_told(),
        power_limit_mw: not_told(),
        temperature_c: not_told(),
        clocks_throttle_reasons: not_told(),
        ..Gpu::default()
    }
}
