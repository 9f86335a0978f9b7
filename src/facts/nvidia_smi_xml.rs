//! The XML of `nvidia-smi -q -x`, whose names changed over the years.

use roxmltree::{Document as Xml, Node, ParsingOptions};

use super::nvidia_smi::{ENDED, NOT_TOLD};
use super::nvml::{
    Document, Failure, GPU_IS_LOST, Gpu, MOST_GPUS, MigDevice, Process, Queried, RESET_REQUIRED,
};

/// The XML of eight GPUs has some 4000 elements, without the clocks that the probe leaves out.
const MOST_NODES: u32 = 200_000;

/// Reads it.
pub(super) fn xml(text: &str) -> Result<Document, String> {
    // The DTD it names is not looked for; entities are bounded by the parser.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let xml = Xml::parse_with_options(text, options).map_err(|error| error.to_string())?;
    let log = xml.root_element();
    let gpus: Vec<Node<'_, '_>> = log.children().filter(|node| node.has_tag_name("gpu")).collect();
    if gpus.len() > MOST_GPUS {
        return Err(format!("it has {} GPUs, more than {MOST_GPUS}", gpus.len()));
    }
    Ok(Document {
        driver_version: text_at(log, "driver_version"),
        cuda_driver_version: text_at(log, "cuda_version"),
        nvml_version: Queried::failed(NOT_TOLD),
        gpu_count: number(text_at(log, "attached_gpus")),
        gpus: gpus.iter().enumerate().map(|(index, node)| gpu(index as u32, *node)).collect(),
        ..Document::default()
    })
}

fn gpu(index: u32, node: Node<'_, '_>) -> Gpu {
    let at = |path: &str| text_at(node, path);
    let pending = at("retired_pages/pending_retirement");
    let mig_mode = newer(at("mig_mode/current_mig"));
    let power = [
        "gpu_power_readings/current_power_limit",
        "gpu_power_readings/enforced_power_limit",
        "power_readings/enforced_power_limit",
    ];
    Gpu {
        index,
        failure: None,
        name: at("product_name"),
        uuid: at("uuid"),
        pci_bus_id: match node.attribute("id") {
            Some(id) => Queried::Known(id.to_owned()),
            None => at("pci/pci_bus_id"),
        },
        minor_number: number(at("minor_number")),
        memory_total_mib: number(at("fb_memory_usage/total")),
        memory_used_mib: number(at("fb_memory_usage/used")),
        compute_processes: processes(node),
        persistence_mode: switch(at("persistence_mode")),
        compute_mode: at("compute_mode").map(|mode| mode.to_uppercase()),
        mig_mode_pending: switch(newer(at("mig_mode/pending_mig"))),
        mig_devices: mig_devices(node, &mig_mode),
        mig_mode: switch(mig_mode),
        ecc_mode: switch(at("ecc_mode/current_ecc")),
        ecc_mode_pending: switch(at("ecc_mode/pending_ecc")),
        ecc_uncorrected_volatile: uncorrected(node, "volatile"),
        ecc_uncorrected_aggregate: uncorrected(node, "aggregate"),
        retired_pages: sum([
            number(at("retired_pages/multiple_single_bit_retirement/retired_count")),
            number(at("retired_pages/double_bit_retirement/retired_count")),
        ]),
        retired_pages_pending: switch(match pending.failure() {
            Some(_) => at("retired_pages/pending_blacklist"),
            None => pending,
        }),
        remapped_rows_correctable: number(remapped(node, "remapped_row_corr")),
        remapped_rows_uncorrectable: number(remapped(node, "remapped_row_unc")),
        remapped_rows_pending: switch(remapped(node, "remapped_row_pending")),
        remapped_rows_failure: switch(remapped(node, "remapped_row_failure")),
        pcie_link_generation: number(at("pci/pci_gpu_link_info/pcie_gen/current_link_gen")),
        pcie_link_generation_max: number(at("pci/pci_gpu_link_info/pcie_gen/max_link_gen")),
        pcie_link_width: number(at("pci/pci_gpu_link_info/link_widths/current_link_width")),
        pcie_link_width_max: number(at("pci/pci_gpu_link_info/link_widths/max_link_width")),
        nvlinks: Queried::failed(NOT_TOLD),
        power_limit_mw: milliwatts(power.map(at)),
        temperature_c: number(at("temperature/gpu_temp")),
        clocks_throttle_reasons: throttle_reasons(node),
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, path: &str) -> Option<Node<'a, 'i>> {
    path.split('/').try_fold(node, |node, name| node.children().find(|child| child.has_tag_name(name)))
}

/// An element's text in NVML's three states, by the words that nvidia-smi has for them.
fn text_at(node: Node<'_, '_>, path: &str) -> Queried<String> {
    let Some(node) = child(node, path) else { return Queried::failed(NOT_TOLD) };
    let text = node.text().unwrap_or_default().trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']').to_lowercase();
    match bare.as_str() {
        "n/a" | "not supported" | "requested functionality has been deprecated" => Queried::NotSupported,
        "err!" | "unknown error" | "" => Queried::failed("UNKNOWN"),
        "insufficient permissions" => Queried::failed("NO_PERMISSION"),
        bare if bare.contains("gpu is lost") => Queried::failed(GPU_IS_LOST),
        bare if bare.contains("requires reset") => Queried::failed(RESET_REQUIRED),
        _ => Queried::Known(text.to_owned()),
    }
}

/// What the driver does not even name, no card of its has.
fn newer(told: Queried<String>) -> Queried<String> {
    match told.failure() {
        Some(failure) if failure.error == NOT_TOLD => Queried::NotSupported,
        _ => told,
    }
}

fn unreadable<T>(text: &str) -> Queried<T> {
    Queried::Failed(Failure {
        error: ENDED.to_owned(),
        detail: Some(format!("nvidia-smi answered `{text}`")),
    })
}

fn convert<T>(told: Queried<String>, read: impl FnOnce(&str) -> Option<T>) -> Queried<T> {
    match told {
        Queried::Known(text) => read(&text).map_or_else(|| unreadable(&text), Queried::Known),
        Queried::NotSupported => Queried::NotSupported,
        Queried::Failed(failure) => Queried::Failed(failure),
    }
}

/// `40960 MiB`, `16x`, `31 C`, `4`.
fn number<T: std::str::FromStr>(told: Queried<String>) -> Queried<T> {
    convert(told, |text| text.split(' ').next()?.trim_end_matches('x').parse().ok())
}

fn switch(told: Queried<String>) -> Queried<bool> {
    convert(told, |text| match text {
        "Enabled" | "Yes" => Some(true),
        "Disabled" | "No" => Some(false),
        _ => None,
    })
}

/// `400.00 W`, by the first name that this version has for it.
fn milliwatts(told: [Queried<String>; 3]) -> Queried<u64> {
    let known = told.iter().find(|told| told.failure().is_none()).cloned();
    let [first, ..] = told;
    convert(known.unwrap_or(first), |text| {
        let watts: f64 = text.split(' ').next()?.parse().ok()?;
        (0.0..1e6).contains(&watts).then(|| (watts * 1000.0).round() as u64)
    })
}

/// Not supported where none is; failed where one is; else their sum.
fn sum(told: impl IntoIterator<Item = Queried<u64>>) -> Queried<u64> {
    let mut sum: Queried<u64> = Queried::NotSupported;
    for told in told {
        sum = match (sum, told) {
            (_, failed @ Queried::Failed(_)) => return failed,
            (Queried::Known(a), Queried::Known(b)) => Queried::Known(a.saturating_add(b)),
            (sum, Queried::NotSupported) => sum,
            (_, known) => known,
        };
    }
    sum
}

/// Cards before Turing count double bit errors; later ones by memory, newer drivers by how they were found, too.
fn uncorrected(node: Node<'_, '_>, since: &str) -> Queried<u64> {
    let Some(counts) = child(node, "ecc_errors").and_then(|errors| child(errors, since)) else {
        return Queried::failed(NOT_TOLD);
    };
    if child(counts, "double_bit").is_some() {
        return number(text_at(counts, "double_bit/total"));
    }
    let kinds = counts.children().filter(|kind| kind.tag_name().name().contains("_uncorrectable"));
    let kinds: Vec<Queried<u64>> =
        kinds.map(|kind| number(text_at(counts, kind.tag_name().name()))).collect();
    match kinds.is_empty() {
        true => Queried::failed(NOT_TOLD),
        false => sum(kinds),
    }
}

/// Without rows to remap the whole is `N/A`.
fn remapped(node: Node<'_, '_>, field: &str) -> Queried<String> {
    match newer(text_at(node, &format!("remapped_rows/{field}"))) {
        Queried::NotSupported if child(node, &format!("remapped_rows/{field}")).is_none() => {
            match child(node, "remapped_rows").map(|rows| rows.children().any(|c| c.is_element())) {
                // There are rows, and this is not told of them.
                Some(true) => Queried::failed(NOT_TOLD),
                _ => newer(match text_at(node, "remapped_rows") {
                    Queried::Known(text) => unreadable(&text),
                    told => told,
                }),
            }
        }
        told => told,
    }
}

fn processes(node: Node<'_, '_>) -> Queried<Vec<Process>> {
    let Some(all) = child(node, "processes") else { return Queried::failed(NOT_TOLD) };
    let infos: Vec<Node<'_, '_>> = all.children().filter(|info| info.has_tag_name("process_info")).collect();
    if infos.is_empty() {
        // Nothing runs, or it says why nothing is shown.
        return match (all.text().unwrap_or_default().trim(), text_at(node, "processes")) {
            ("" | "None", _) => Queried::Known(Vec::new()),
            (_, Queried::Known(text)) => unreadable(&text),
            (_, told) => told.map(|_| Vec::new()),
        };
    }
    let mut told = Vec::new();
    for info in infos {
        // C, G, C+G; old drivers list nothing but computing.
        let computes = child(info, "type").and_then(|kind| kind.text()).is_none_or(|kind| kind.contains('C'));
        if !computes {
            continue;
        }
        match number(text_at(info, "pid")) {
            Queried::Known(pid) => told.push(Process { pid, name: text_at(info, "process_name") }),
            Queried::NotSupported => return unreadable("N/A"),
            Queried::Failed(failure) => return Queried::Failed(failure),
        }
    }
    Queried::Known(told)
}

/// Their number is told, and neither name nor UUID.
fn mig_devices(node: Node<'_, '_>, mode: &Queried<String>) -> Queried<Vec<MigDevice>> {
    mode.clone().map(|_| {
        let devices = child(node, "mig_devices").into_iter().flat_map(|devices| devices.children());
        let devices = devices.filter(|device| device.has_tag_name("mig_device"));
        devices
            .map(|_| MigDevice { name: Queried::failed(NOT_TOLD), uuid: Queried::failed(NOT_TOLD) })
            .collect()
    })
}

/// Renamed from throttle to event reasons with driver 535.
fn throttle_reasons(node: Node<'_, '_>) -> Queried<Vec<String>> {
    let names = [
        ("clocks_event_reasons", "clocks_event_reason_"),
        ("clocks_throttle_reasons", "clocks_throttle_reason_"),
    ];
    for (list, prefix) in names {
        let Some(reasons) = child(node, list) else { continue };
        let told = reasons.children().filter(|reason| reason.is_element());
        let active = told.filter(|reason| reason.text().is_some_and(|text| text.trim() == "Active"));
        let names = active.filter_map(|reason| reason.tag_name().name().strip_prefix(prefix));
        return match (reasons.children().any(|c| c.is_element()), text_at(node, list)) {
            (true, _) => Queried::Known(
                names.map(|name| name.to_uppercase().replace("DISPLAY_CLOCKS", "DISPLAY_CLOCK")).collect(),
            ),
            (false, told) => told.map(|_| Vec::new()),
        };
    }
    Queried::failed(NOT_TOLD)
}
