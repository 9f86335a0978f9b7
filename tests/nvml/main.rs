//! The real helper against a library that plays: what it writes for healthy machines and for every way a GPU goes wrong.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use airworthy::facts::nvml::{Document, Gpu, Queried};
use tempfile::TempDir;

#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
#[path = "../support/nvml_stub.rs"]
mod nvml_stub;

/// A folder with the library in it.
fn library(old: bool) -> TempDir {
    let folder = environment::folder();
    nvml_stub::compile(folder.path(), old);
    folder
}

fn helper(library: &Path, play: &str) -> Output {
    environment::command(env!("CARGO_BIN_EXE_airworthy-nvml"))
        .env("LD_LIBRARY_PATH", library)
        .env("NVML_STUB", play)
        .output()
        .expect("the helper starts")
}

/// The document and the exit status.
fn told(library: &Path, play: &str) -> (Document, Option<i32>) {
    let output = helper(library, play);
    assert!(output.stderr.is_empty(), "{play}: {}", String::from_utf8_lossy(&output.stderr));
    let document = Document::read(&output.stdout).unwrap_or_else(|error| panic!("{play}: {error}"));
    (document, output.status.code())
}

/// The document of a play that ends well.
fn played(play: &str) -> Document {
    let folder = library(false);
    let (document, status) = told(folder.path(), play);
    assert_eq!(status, Some(0), "{play}");
    document
}

fn error<T>(queried: &Queried<T>) -> &str {
    queried.failure().map_or("", |failure| failure.error.as_str())
}

#[test]
fn healthy_machines_of_one_four_and_eight_gpus() {
    for count in [1, 4, 8] {
        let document = played(&format!("gpus={count}"));
        assert_eq!((document.failure, document.hung.len()), (None, 0));
        assert_eq!(document.driver_version.value().map(String::as_str), Some("535.54.03"));
        assert_eq!(document.nvml_version.value().map(String::as_str), Some("12.535.54.03"));
        assert_eq!(document.cuda_driver_version.value().map(String::as_str), Some("12.2"));
        assert_eq!(document.gpu_count.value(), Some(&count));
        let indexes: Vec<u32> = document.gpus.iter().map(|gpu| gpu.index).collect();
        assert_eq!(indexes, (0..count).collect::<Vec<_>>());
        for gpu in &document.gpus {
            let bus = format!("00000000:{:02X}:00.0", 0x17 + gpu.index * 0x11);
            let wanted = Gpu {
                index: gpu.index,
                failure: None,
                name: Queried::Known("NVIDIA A100-SXM4-40GB".to_owned()),
                uuid: Queried::Known(format!("GPU-6f1a3c5e-0000-4000-8000-{:08}0000", gpu.index)),
                pci_bus_id: Queried::Known(bus),
                minor_number: Queried::Known(gpu.index),
                memory_total_mib: Queried::Known(40960),
                memory_used_mib: Queried::Known(0),
                compute_processes: Queried::Known(Vec::new()),
                persistence_mode: Queried::Known(true),
                compute_mode: Queried::Known("DEFAULT".to_owned()),
                mig_mode: Queried::Known(false),
                mig_mode_pending: Queried::Known(false),
                mig_devices: Queried::Known(Vec::new()),
                ecc_mode: Queried::Known(true),
                ecc_mode_pending: Queried::Known(true),
                ecc_uncorrected_volatile: Queried::Known(0),
                ecc_uncorrected_aggregate: Queried::Known(0),
                retired_pages: Queried::NotSupported,
                retired_pages_pending: Queried::NotSupported,
                remapped_rows_correctable: Queried::Known(0),
                remapped_rows_uncorrectable: Queried::Known(0),
                remapped_rows_pending: Queried::Known(false),
                remapped_rows_failure: Queried::Known(false),
                pcie_link_generation: Queried::Known(4),
                pcie_link_generation_max: Queried::Known(4),
                pcie_link_width: Queried::Known(16),
                pcie_link_width_max: Queried::Known(16),
                nvlinks: Queried::Known(vec![true; 12]),
                power_limit_mw: Queried::Known(400_000),
                temperature_c: Queried::Known(31),
                clocks_throttle_reasons: Queried::Known(vec!["GPU_IDLE".to_owned()]),
            };
            assert_eq!(*gpu, wanted);
        }
    }
}

#[test]
fn a_library_that_does_not_initialise_says_why() {
    for (code, name) in
        [(18, "LIB_RM_VERSION_MISMATCH"), (9, "DRIVER_NOT_LOADED"), (4, "NO_PERMISSION"), (999, "UNKNOWN")]
    {
        let document = played(&format!("init={code}"));
        assert_eq!(document.failure.map(|failure| failure.error), Some(name.to_owned()));
        assert_eq!((document.gpus.len(), error(&document.gpu_count)), (0, "NOT_ASKED"));
    }
}

#[test]
fn no_library_is_a_document_too() {
    let folder = environment::folder();
    let (document, status) = told(folder.path(), "");
    let failure = document.failure.expect("there is none here");
    assert_eq!((failure.error.as_str(), status), ("LIBRARY_NOT_FOUND", Some(0)));
    assert!(failure.detail.is_some_and(|detail| detail.contains("libnvidia-ml.so.1")));
}

#[test]
fn the_library_without_a_version_in_its_name_is_found_too() {
    let folder = library(false);
    let name = |name: &str| folder.path().join(name);
    std::fs::rename(name("libnvidia-ml.so.1"), name("libnvidia-ml.so")).expect("renamed");
    assert_eq!(told(folder.path(), "").0.gpus.len(), 1);
}

#[test]
fn a_gpu_that_is_lost_or_in_reset_hides_no_other() {
    for (word, name) in [("lost", "GPU_IS_LOST"), ("reset", "RESET_REQUIRED")] {
        let document = played(&format!("gpus=4 {word}=1"));
        assert_eq!(document.gpus.len(), 4);
        for gpu in &document.gpus {
            let wanted = if gpu.index == 1 { name } else { "" };
            assert_eq!((error(&gpu.uuid), error(&gpu.remapped_rows_pending)), (wanted, wanted), "{word}");
        }
    }
    let document = played("gpus=4 gone=2");
    let failures: Vec<_> =
        document.gpus.iter().map(|gpu| gpu.failure.as_ref().map(|failure| failure.error.as_str())).collect();
    assert_eq!(failures, [None, None, Some("GPU_IS_LOST"), None]);
}

#[test]
fn what_a_card_does_not_have_is_not_supported_and_nothing_else_suffers() {
    let document = played("gpus=2 plain=0");
    let [plain, full] = document.gpus.as_slice() else { panic!("{document:?}") };
    assert_eq!(plain.ecc_mode, Queried::NotSupported);
    assert_eq!(plain.mig_mode, Queried::NotSupported);
    assert_eq!(plain.mig_devices, Queried::NotSupported);
    assert_eq!(plain.persistence_mode, Queried::NotSupported);
    assert_eq!(plain.remapped_rows_pending, Queried::NotSupported);
    assert_eq!(plain.nvlinks, Queried::NotSupported);
    assert_eq!(plain.memory_total_mib, Queried::Known(40960));
    assert_eq!(full.ecc_mode, Queried::Known(true));
}

#[test]
fn what_is_wrong_with_a_card_is_told() {
    let document =
        played("gpus=2 mig=1 busy=1 pending=1 rowfailed=1 ecc=1 nopersist=1 narrow=1 slow=1 hot=1");
    let [good, bad] = document.gpus.as_slice() else { panic!("{document:?}") };
    assert_eq!((good.mig_mode.value(), bad.mig_mode.value()), (Some(&false), Some(&true)));
    let instances: Vec<_> =
        bad.mig_devices.value().into_iter().flatten().map(|device| device.name.value().cloned()).collect();
    assert_eq!(instances, [(); 2].map(|()| Some("NVIDIA A100-SXM4-40GB MIG 3g.20gb".to_owned())));
    let processes = bad.compute_processes.value().expect("known");
    assert_eq!((processes.len(), processes[0].pid), (1, 4711));
    assert_eq!(processes[0].name.value().map(String::as_str), Some("/usr/bin/python3"));
    assert_eq!(bad.memory_used_mib, Queried::Known(20480));
    assert_eq!(bad.remapped_rows_uncorrectable, Queried::Known(1));
    assert_eq!(
        (bad.remapped_rows_pending.value(), bad.remapped_rows_failure.value()),
        (Some(&true), Some(&true))
    );
    assert_eq!(bad.ecc_uncorrected_volatile, Queried::Known(3));
    assert_eq!(bad.ecc_uncorrected_aggregate, Queried::Known(12));
    assert_eq!(bad.persistence_mode, Queried::Known(false));
    assert_eq!((bad.pcie_link_width.value(), bad.pcie_link_width_max.value()), (Some(&8), Some(&16)));
    assert_eq!(
        (bad.pcie_link_generation.value(), bad.pcie_link_generation_max.value()),
        (Some(&1), Some(&4))
    );
    assert_eq!(bad.temperature_c, Queried::Known(92));
    let reasons = ["HW_SLOWDOWN", "HW_THERMAL_SLOWDOWN"].map(str::to_owned);
    assert_eq!(bad.clocks_throttle_reasons, Queried::Known(reasons.to_vec()));
}

#[test]
fn one_call_that_fails_is_one_value() {
    let document = played("gpus=2 fail=nvmlDeviceGetTemperature:999 fail=nvmlSystemGetNVMLVersion:4");
    assert_eq!(error(&document.nvml_version), "NO_PERMISSION");
    for gpu in &document.gpus {
        assert_eq!(error(&gpu.temperature_c), "UNKNOWN");
        assert_eq!(gpu.power_limit_mw, Queried::Known(400_000));
        assert_eq!(gpu.failure, None);
    }
}

#[test]
fn a_library_older_than_the_bindings_asks_for_nvidia_smi() {
    let folder = library(true);
    let (document, status) = told(folder.path(), "gpus=2 nvml=10.418.226.00 driver=418.226.00");
    assert_eq!(status, Some(3));
    for gpu in &document.gpus {
        assert_eq!(error(&gpu.memory_total_mib), "FUNCTION_NOT_FOUND");
        assert_eq!(error(&gpu.compute_processes), "FUNCTION_NOT_FOUND");
        // Features that no card of that driver has.
        assert_eq!(gpu.mig_mode, Queried::NotSupported);
        assert_eq!(gpu.remapped_rows_pending, Queried::NotSupported);
        assert_eq!(gpu.ecc_mode, Queried::Known(true));
    }
}

/// Takes the real deadline of one call.
#[test]
fn a_gpu_that_hangs_is_named_and_those_behind_it_are_asked() {
    let begin = Instant::now();
    let document = played("gpus=4 hang=nvmlDeviceGetEccMode:1");
    assert!(begin.elapsed() < Duration::from_secs(16), "{:?}", begin.elapsed());
    assert_eq!(document.hung, ["nvmlDeviceGetEccMode of GPU 1"]);
    let hung = document.gpus[1].failure.as_ref().expect("it hangs");
    assert_eq!(hung.error, "HANGS");
    assert_eq!(
        (document.gpus[1].memory_total_mib.value(), error(&document.gpus[1].ecc_mode)),
        (Some(&40960), "NOT_ASKED")
    );
    for other in [0, 2, 3] {
        assert_eq!(document.gpus[other].ecc_mode, Queried::Known(true));
        assert_eq!(document.gpus[other].temperature_c, Queried::Known(31));
    }
}

/// Takes the real deadline of one call.
#[test]
fn a_library_that_hangs_is_named_and_the_helper_ends() {
    let begin = Instant::now();
    let document = played("hang=nvmlInit_v2");
    assert!(begin.elapsed() < Duration::from_secs(16), "{:?}", begin.elapsed());
    assert_eq!(document.hung, ["nvmlInit"]);
    assert_eq!(document.failure.map(|failure| failure.error), Some("HANGS".to_owned()));
}

#[test]
fn the_play_may_lie_beside_the_library() {
    let folder = library(false);
    std::fs::write(folder.path().join("libnvidia-ml.so.1.play"), "gpus=3\nlost=1\n").expect("written");
    let output = environment::command(env!("CARGO_BIN_EXE_airworthy-nvml"))
        .env("LD_LIBRARY_PATH", folder.path())
        .output()
        .expect("the helper starts");
    let document = Document::read(&output.stdout).expect("a document");
    assert_eq!(document.gpus.len(), 3);
    assert_eq!(error(&document.gpus[1].name), "GPU_IS_LOST");
}
