use super::super::fact::{Fact, Reading};
use super::super::nvml::{Document, Failure, Gpu as Card, Process, Queried};
use super::super::recorded::Recorded;
use super::super::transcript::{Ended, Transcript};
use super::{Gpu, parse};

/// A machine with two cards on its bus and driver 535 loaded.
fn machine() -> Recorded {
    Recorded::default()
        .answer(
            "pci",
            "0000:17:00.0 0x10de 0x20b0 0x030200 nvidia\n0000:65:00.0 0x10de 0x20b0 0x030200 nvidia\n",
        )
        .file(
            "/proc/driver/nvidia/version",
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue\n",
        )
        .file("/proc/sys/kernel/osrelease", "5.15.0-101-generic\n")
        .answer("nvidia-library", "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.54.03\n")
        .answer("nvidia-nodes", "/dev/nvidiactl\n/dev/nvidia0\n/dev/nvidia1\n")
        .answer("nvidia-modules", "/lib/modules/5.15.0-101-generic/updates/dkms/nvidia.ko\n")
}

fn card(index: u32) -> Card {
    let slot = ["17", "65"][index as usize];
    Card {
        index,
        failure: None,
        name: Queried::Known("NVIDIA A100-SXM4-40GB".to_owned()),
        uuid: Queried::Known(format!("GPU-{index}")),
        pci_bus_id: Queried::Known(format!("00000000:{slot}:00.0")),
        minor_number: Queried::Known(index),
        memory_total_mib: Queried::Known(40960),
        memory_used_mib: Queried::Known(4),
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
        pcie_link_generation: Queried::Known(1),
        pcie_link_generation_max: Queried::Known(4),
        pcie_link_width: Queried::Known(16),
        pcie_link_width_max: Queried::Known(16),
        nvlinks: Queried::Known(vec![true, true, false]),
        power_limit_mw: Queried::Known(400_000),
        temperature_c: Queried::Known(31),
        clocks_throttle_reasons: Queried::Known(vec!["GPU_IDLE".to_owned()]),
    }
}

fn document(gpus: Vec<Card>) -> Document {
    Document {
        driver_version: Queried::Known("535.54.03".to_owned()),
        nvml_version: Queried::Known("12.535.54.03".to_owned()),
        cuda_driver_version: Queried::Known("12.2".to_owned()),
        gpu_count: Queried::Known(gpus.len() as u32),
        gpus,
        ..Document::default()
    }
}

fn helped(document: &Document) -> Gpu {
    let text = serde_json::to_string(document).expect("it is written");
    parse(&machine().answer("nvml", &text).transcript())
}

fn changed(change: impl Fn(&mut Card)) -> Gpu {
    let mut second = card(1);
    change(&mut second);
    helped(&document(vec![card(0), second]))
}

fn failing(error: &str) -> Document {
    Document { failure: Some(Failure::named(error)), ..Document::default() }
}

fn reason<T>(fact: &Fact<T>) -> &str {
    match &fact.reading {
        Reading::Unknown(reason) => reason,
        _ => "",
    }
}

fn none() -> Option<&'static Vec<String>> {
    static NONE: Vec<String> = Vec::new();
    Some(&NONE)
}

#[test]
fn healthy_cards_offend_nowhere_and_the_source_says_nvml() {
    let gpu = helped(&document(vec![card(0), card(1)]));
    assert_eq!(gpu.enumerated_count, Fact::known(2, "NVML"));
    assert_eq!(gpu.failure, Fact::absent("NVML"));
    assert_eq!(gpu.cuda_driver_version, Fact::known("12.2".to_owned(), "NVML"));
    assert_eq!(gpu.memory_used_max_mib, Fact::known(4, "NVML"));
    for list in [
        &gpu.broken,
        &gpu.compute_processes,
        &gpu.ecc_uncorrected,
        &gpu.rows_to_remap,
        &gpu.narrow_links,
        &gpu.persistence_off,
        &gpu.mig_enabled,
    ] {
        assert_eq!((list.value(), &*list.source), (none(), "NVML"));
    }
    assert_eq!(gpu.silent_slots.value(), none());
    assert_eq!(gpu.mig_disabled.value().map(Vec::len), Some(2));
    let first = &gpu.enumerated.value().expect("known")[0];
    assert_eq!((first.nvlinks, first.nvlinks_active), (Some(Some(3)), Some(Some(2))));
    assert_eq!((first.retired_pages, first.power_limit_w), (Some(None), Some(Some(400))));
}

#[test]
fn each_fault_of_one_card_is_told_with_its_slot() {
    let second = "GPU 1 (0000:65:00.0)";
    let ecc = changed(|card| {
        card.ecc_uncorrected_volatile = Queried::Known(3);
        card.ecc_uncorrected_aggregate = Queried::Known(12);
    });
    let said = format!("{second}: 3 uncorrected errors since the driver was loaded, 12 in its life");
    assert_eq!(ecc.ecc_uncorrected.value(), Some(&vec![said]));
    let rows = changed(|card| {
        card.remapped_rows_pending = Queried::Known(true);
        card.remapped_rows_failure = Queried::failed("UNKNOWN");
    });
    let said = format!("{second}: rows wait to be remapped at the next reset");
    assert_eq!(rows.rows_to_remap.value(), Some(&vec![said]));
    let link = changed(|card| card.pcie_link_width = Queried::Known(8));
    let said = format!("{second}: 8 of 16 lanes, generation 1 of 4 (lower at rest)");
    assert_eq!(link.narrow_links.value(), Some(&vec![said]));
    let persistence = changed(|card| card.persistence_mode = Queried::Known(false));
    assert_eq!(persistence.persistence_off.value(), Some(&vec![second.to_owned()]));
    let mig = changed(|card| card.mig_mode = Queried::Known(true));
    assert_eq!(mig.mig_enabled.value(), Some(&vec![format!("{second}: cut into 0 MIG devices")]));
    let busy = changed(|card| {
        let name = Queried::Known("/usr/bin/python3".to_owned());
        card.compute_processes = Queried::Known(vec![Process { pid: 4711, name }]);
    });
    assert_eq!(busy.compute_processes.value(), Some(&vec!["4711 /usr/bin/python3".to_owned()]));
}

#[test]
fn what_one_card_does_not_tell_is_no_pass_and_hides_no_fault() {
    let untold = changed(|card| card.ecc_uncorrected_volatile = Queried::failed("NO_PERMISSION"));
    assert!(reason(&untold.ecc_uncorrected).starts_with("GPU 1 (0000:65:00.0): no permission"), "{untold:?}");
    let mut first = card(0);
    first.ecc_uncorrected_volatile = Queried::Known(1);
    let mut second = card(1);
    second.ecc_uncorrected_volatile = Queried::failed("UNKNOWN");
    let both = helped(&document(vec![first, second]));
    assert_eq!(both.ecc_uncorrected.value().map(Vec::len), Some(1));
    // A card that cannot tell what runs on it is not idle.
    let silent = changed(|card| card.compute_processes = Queried::NotSupported);
    assert_eq!(reason(&silent.compute_processes), "GPU 1 (0000:65:00.0): it does not tell");
}

#[test]
fn what_no_card_has_is_absent() {
    let plain = |index| Card {
        ecc_uncorrected_volatile: Queried::NotSupported,
        mig_mode: Queried::NotSupported,
        remapped_rows_pending: Queried::NotSupported,
        remapped_rows_failure: Queried::NotSupported,
        ..card(index)
    };
    let gpu = helped(&document(vec![plain(0), plain(1)]));
    for list in [&gpu.ecc_uncorrected, &gpu.rows_to_remap, &gpu.mig_enabled, &gpu.mig_disabled] {
        assert_eq!(list.reading, Reading::Absent);
    }
}

#[test]
fn a_broken_card_is_named_by_slot_and_hides_no_other() {
    let lost = helped(&document(vec![card(0), Card { index: 1, ..Card::default() }]));
    assert_eq!(lost.enumerated_count.value(), Some(&1));
    assert_eq!(lost.silent_slots.value(), Some(&vec!["0000:65:00.0".to_owned()]));
    for (error, words) in [("GPU_IS_LOST", "fell off the bus"), ("RESET_REQUIRED", "has to be reset")] {
        let gpu = changed(|card| {
            card.temperature_c = Queried::failed(error);
            card.ecc_uncorrected_volatile = Queried::failed(error);
        });
        let broken = gpu.broken.value().expect("known");
        assert!(broken[0].starts_with("GPU 1 (0000:65:00.0): ") && broken[0].contains(words), "{broken:?}");
        assert_eq!((gpu.enumerated_count.value(), gpu.ecc_uncorrected.value()), (Some(&1), none()));
    }
    let hung = changed(|card| {
        let detail = Some("nvmlDeviceGetEccMode of GPU 1".to_owned());
        card.failure = Some(Failure { error: "HANGS".to_owned(), detail });
    });
    assert!(hung.broken.value().expect("known")[0].contains("did not come back"));
}

#[test]
fn failures_that_people_meet_are_told_apart() {
    let said = |recorded: Recorded, document: &Document| {
        let text = serde_json::to_string(document).expect("it is written");
        parse(&recorded.answer("nvml", &text).transcript()).failure.value().cloned().unwrap_or_default()
    };
    let mismatch = machine().answer("nvidia-library", "/usr/lib64/libnvidia-ml.so.550.54.14\n");
    let mismatch = said(mismatch, &failing("LIB_RM_VERSION_MISMATCH"));
    assert!(mismatch.contains("the loaded module is 535.54.03, the library 550.54.14"), "{mismatch}");
    let unloaded = |modules: &str| {
        Recorded::default()
            .unreadable("/proc/driver/nvidia/version", "No such file or directory")
            .file("/proc/sys/kernel/osrelease", "5.15.0-101-generic\n")
            .answer("nvidia-library", "")
            .answer("nvidia-nodes", "")
            .answer("nvidia-modules", modules)
    };
    let other = said(
        unloaded("/lib/modules/5.15.0-91-generic/updates/dkms/nvidia.ko\n"),
        &failing("DRIVER_NOT_LOADED"),
    );
    assert!(other.contains("installed for 5.15.0-91-generic and not for the kernel that runs"), "{other}");
    let none = said(unloaded(""), &failing("LIBRARY_NOT_FOUND"));
    assert!(none.contains("no nvidia module is installed for any kernel"), "{none}");
    let idle = said(
        unloaded("/lib/modules/5.15.0-101-generic/kernel/nvidia-535/nvidia.ko\n"),
        &failing("DRIVER_NOT_LOADED"),
    );
    assert!(idle.contains("the nvidia module is not loaded"), "{idle}");
    let nodes = said(machine().answer("nvidia-nodes", "/dev/nvidia0\n"), &failing("UNKNOWN"));
    assert!(nodes.contains("no /dev/nvidiactl"), "{nodes}");
    // A library that does not come back may be slow: unknown, no failure.
    let hangs = helped(&failing("HANGS"));
    assert!(reason(&hangs.failure).contains("did not come back"), "{:?}", hangs.failure);
}

const XML: &str = r#"<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
    <driver_version>535.54.03</driver_version>
    <cuda_version>12.2</cuda_version>
    <attached_gpus>1</attached_gpus>
    <gpu id="00000000:17:00.0">
        <product_name>NVIDIA A100-SXM4-40GB</product_name>
        <persistence_mode>Disabled</persistence_mode>
        <mig_mode><current_mig>Enabled</current_mig><pending_mig>Enabled</pending_mig></mig_mode>
        <mig_devices><mig_device><index>0</index></mig_device><mig_device><index>1</index></mig_device></mig_devices>
        <uuid>GPU-0</uuid>
        <minor_number>0</minor_number>
        <pci><pci_gpu_link_info>
            <pcie_gen><max_link_gen>4</max_link_gen><current_link_gen>1</current_link_gen></pcie_gen>
            <link_widths><max_link_width>16x</max_link_width><current_link_width>8x</current_link_width></link_widths>
        </pci_gpu_link_info></pci>
        <clocks_event_reasons>
            <clocks_event_reason_gpu_idle>Active</clocks_event_reason_gpu_idle>
            <clocks_event_reason_hw_slowdown>Not Active</clocks_event_reason_hw_slowdown>
        </clocks_event_reasons>
        <fb_memory_usage><total>40960 MiB</total><used>20480 MiB</used></fb_memory_usage>
        <compute_mode>Exclusive_Process</compute_mode>
        <ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Enabled</pending_ecc></ecc_mode>
        <ecc_errors>
            <volatile><sram_uncorrectable_parity>1</sram_uncorrectable_parity><sram_uncorrectable_secded>0</sram_uncorrectable_secded><dram_uncorrectable>2</dram_uncorrectable></volatile>
            <aggregate><sram_uncorrectable_parity>4</sram_uncorrectable_parity><sram_uncorrectable_secded>0</sram_uncorrectable_secded><dram_uncorrectable>8</dram_uncorrectable></aggregate>
        </ecc_errors>
        <retired_pages>
            <multiple_single_bit_retirement><retired_count>N/A</retired_count></multiple_single_bit_retirement>
            <double_bit_retirement><retired_count>N/A</retired_count></double_bit_retirement>
            <pending_retirement>N/A</pending_retirement>
        </retired_pages>
        <remapped_rows>
            <remapped_row_corr>0</remapped_row_corr><remapped_row_unc>1</remapped_row_unc>
            <remapped_row_pending>Yes</remapped_row_pending><remapped_row_failure>No</remapped_row_failure>
        </remapped_rows>
        <temperature><gpu_temp>31 C</gpu_temp></temperature>
        <gpu_power_readings><current_power_limit>400.00 W</current_power_limit></gpu_power_readings>
        <processes>
            <process_info><pid>4711</pid><type>C</type><process_name>/usr/bin/python3</process_name></process_info>
            <process_info><pid>812</pid><type>G</type><process_name>/usr/lib/xorg/Xorg</process_name></process_info>
        </processes>
    </gpu>
</nvidia_smi_log>
"#;

/// A host that got no helper, and nvidia-smi's answer with its exit status.
fn fallback(text: &str, status: i32) -> Transcript {
    let refusal = "nothing may be run from /tmp: it is mounted noexec, or a policy forbids it";
    let text = format!("{text}[status] {status}\n");
    machine().ended("nvml", Ended::Exited(127), "", refusal).answer("nvidia-smi", &text).transcript()
}

#[test]
fn nvidia_smi_stands_in_with_the_same_terms() {
    let gpu = parse(&fallback(XML, 0));
    let source = "nvidia-smi -q -x";
    assert_eq!(gpu.enumerated_count, Fact::known(1, source));
    assert_eq!(gpu.silent_slots.value(), Some(&vec!["0000:65:00.0".to_owned()]));
    assert_eq!(gpu.compute_processes, Fact::known(vec!["4711 /usr/bin/python3".to_owned()], source));
    let label = "GPU 0 (0000:17:00.0)";
    assert_eq!(gpu.persistence_off.value(), Some(&vec![label.to_owned()]));
    assert_eq!(gpu.mig_enabled.value(), Some(&vec![format!("{label}: cut into 2 MIG devices")]));
    assert_eq!(
        gpu.ecc_uncorrected.value(),
        Some(&vec![format!("{label}: 3 uncorrected errors since the driver was loaded, 12 in its life")])
    );
    assert_eq!(
        gpu.rows_to_remap.value(),
        Some(&vec![format!("{label}: rows wait to be remapped at the next reset")])
    );
    assert_eq!(
        gpu.narrow_links.value(),
        Some(&vec![format!("{label}: 8 of 16 lanes, generation 1 of 4 (lower at rest)")])
    );
    let card = &gpu.enumerated.value().expect("known")[0];
    assert_eq!(card.compute_mode, Some(Some("EXCLUSIVE_PROCESS".to_owned())));
    assert_eq!(card.clocks_throttle_reasons, Some(Some(vec!["GPU_IDLE".to_owned()])));
    assert_eq!((card.memory_used_mib, card.power_limit_w), (Some(Some(20480)), Some(Some(400))));
    assert_eq!((card.retired_pages, card.nvlinks), (Some(None), None));
}

#[test]
fn the_words_of_nvidia_smi_are_states() {
    let with = |from: &str, to: &str| parse(&fallback(&XML.replace(from, to), 0));
    let plain = with("<persistence_mode>Disabled", "<persistence_mode>[N/A]");
    assert_eq!(plain.persistence_off.reading, Reading::Absent);
    let error = with("<persistence_mode>Disabled", "<persistence_mode>[Unknown Error]");
    assert!(reason(&error.persistence_off).contains("an internal error of the driver"));
    let odd = with("<persistence_mode>Disabled", "<persistence_mode>Perhaps");
    assert!(reason(&odd.persistence_off).contains("nvidia-smi answered `Perhaps`"));
    let gone = with("<persistence_mode>Disabled</persistence_mode>", "");
    assert!(reason(&gone.persistence_off).contains("nvidia-smi does not tell it"));
    let lost = with("<gpu_temp>31 C", "<gpu_temp>[GPU is lost]");
    assert_eq!((lost.enumerated_count.value(), lost.broken.value().map(Vec::len)), (Some(&0), Some(1)));
    // Drivers before 450 know neither MIG nor rows.
    let old = XML.lines().filter(|line| !line.contains("mig_") && !line.contains("remapped_row"));
    let old = parse(&fallback(&old.collect::<Vec<_>>().join("\n"), 0));
    assert_eq!(old.mig_enabled.reading, Reading::Absent);
    assert_eq!(old.rows_to_remap.reading, Reading::Absent);
    // What is not XML is unknown, and no pass.
    let broken = with("</gpu>", "");
    assert!(reason(&broken.enumerated).contains("cannot be read"), "{broken:?}");
    let bomb =
        XML.replace("\"nvsmi_device_v12.dtd\"", "\"x\" [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&b;\">]");
    let bomb = parse(&fallback(&bomb.replace("<uuid>GPU-0", "<uuid>&b;"), 0));
    assert!(reason(&bomb.enumerated).contains("cannot be read"), "{bomb:?}");
}

#[test]
fn nvidia_smi_that_fails_says_why() {
    let failed = parse(&fallback("NVIDIA-SMI has failed because it couldn't communicate.\n", 9));
    let said = failed.failure.value().expect("it failed");
    assert!(
        said.starts_with("the NVIDIA driver is not loaded (nvidia-smi exit status 9: NVIDIA-SMI has"),
        "{said}"
    );
    assert!(reason(&failed.ecc_uncorrected).contains("exit status 9"));
    let refusal = "no NVIDIA device is on the PCI bus";
    let nothing = machine().ended("nvml", Ended::Exited(127), "", refusal);
    let nothing = nothing.ended("nvidia-smi", Ended::Exited(127), "", "");
    let nothing = parse(&nothing.transcript());
    assert!(
        reason(&nothing.failure).contains("there is no nvidia-smi")
            && reason(&nothing.failure).contains(refusal)
    );
}

#[test]
fn a_library_too_old_leaves_the_word_to_nvidia_smi() {
    let old = || {
        let old = |index| Card {
            memory_total_mib: Queried::failed("FUNCTION_NOT_FOUND"),
            compute_processes: Queried::failed("FUNCTION_NOT_FOUND"),
            ..card(index)
        };
        let text = serde_json::to_string(&document(vec![old(0), old(1)])).expect("it is written");
        machine().ended("nvml", Ended::Exited(3), &text, "")
    };
    let both = parse(&old().answer("nvidia-smi", &format!("{XML}[status] 0\n")).transcript());
    assert_eq!(both.enumerated_count, Fact::known(1, "nvidia-smi -q -x"));
    let alone = parse(&old().ended("nvidia-smi", Ended::Exited(127), "", "").transcript());
    assert_eq!(alone.enumerated_count, Fact::known(2, "NVML"));
    assert!(reason(&alone.compute_processes).contains("too old"), "{:?}", alone.compute_processes);
}

#[test]
fn a_document_that_cannot_be_trusted_is_unknown() {
    let gpu = parse(&machine().answer("nvml", "{\"airworthy_nvml\": 7}").transcript());
    assert!(reason(&gpu.enumerated).contains("format 7"), "{gpu:?}");
    // It could not end, and what it wrote is whole.
    let text = serde_json::to_string(&document(vec![card(0), card(1)])).expect("it is written");
    let late = parse(&machine().ended("nvml", Ended::TimedOut(25_000), &text, "").transcript());
    assert_eq!(late.enumerated_count, Fact::known(2, "NVML"));
}
