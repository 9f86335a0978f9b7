//! The NVIDIA driver as it lies on a machine: module, library, device nodes; and whether the machine is a virtual one.

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

const VERSION: &str = "/proc/driver/nvidia/version";
const KERNEL: &str = "/proc/sys/kernel/osrelease";
const VENDOR: &str = "/sys/class/dmi/id/sys_vendor";
const PRODUCT: &str = "/sys/class/dmi/id/product_name";

/// Built-ins and globs alone.
pub(super) const PROBES: &[Probe] = &[
    Probe::files(&[VERSION, KERNEL, VENDOR, PRODUCT]),
    Probe::shell(
        "nvidia-library",
        "libnvidia-ml.so on disk",
        r#"for f in /usr/lib/*-linux-gnu/libnvidia-ml.so.[0-9]*.* /usr/lib64/libnvidia-ml.so.[0-9]*.* \
    /usr/lib/libnvidia-ml.so.[0-9]*.* /usr/lib/nvidia-[0-9]*/libnvidia-ml.so.[0-9]*.* \
    /usr/lib/*-linux-gnu/nvidia/current/libnvidia-ml.so.[0-9]*.* /usr/local/nvidia/lib64/libnvidia-ml.so.[0-9]*.*; do
    if [ -e "$f" ]; then echo "$f"; fi
done"#,
    )
    .light(),
    Probe::shell(
        "nvidia-nodes",
        "/dev/nvidia*",
        r#"for f in /dev/nvidiactl /dev/nvidia[0-9]*; do
    if [ -e "$f" ]; then echo "$f"; fi
done"#,
    )
    .light(),
    // DKMS, Ubuntu's linux-modules-nvidia, the .run installer, RPMs' kmods.
    Probe::shell(
        "nvidia-modules",
        "/lib/modules/*/**/nvidia.ko",
        r#"for f in /lib/modules/*/updates/dkms/nvidia.ko* /lib/modules/*/updates/dkms/nvidia-*.ko* \
    /lib/modules/*/updates/nvidia*.ko* /lib/modules/*/kernel/nvidia-*/nvidia.ko* \
    /lib/modules/*/kernel/drivers/video/nvidia*.ko* \
    /lib/modules/*/extra/nvidia*.ko* /lib/modules/*/extra/*/nvidia.ko* /lib/modules/*/weak-updates/*/nvidia.ko*; do
    if [ -e "$f" ]; then echo "$f"; fi
done"#,
    )
    .light(),
];

/// Version of the loaded module; absent where it is not loaded.
pub(super) fn loaded_version(transcript: &Transcript) -> Fact<String> {
    transcript.file(VERSION).try_map(|text| {
        version_in(text).ok_or_else(|| format!("{VERSION} names no version: {}", text.trim()))
    })
}

/// The device nodes that there are.
pub(super) fn device_nodes(transcript: &Transcript) -> Fact<Vec<String>> {
    lines(transcript, "nvidia-nodes")
}

/// Whether the running kernel is one of those that have a module.
pub(super) fn is_for_running_kernel(transcript: &Transcript, kernels: &Fact<Vec<String>>) -> Fact<bool> {
    let running = transcript.file(KERNEL);
    match running.value() {
        Some(running) => kernels.clone().map(|kernels| kernels.iter().any(|kernel| kernel == running.trim())),
        None => running.map(|_| false),
    }
}

fn lines(transcript: &Transcript, probe: &str) -> Fact<Vec<String>> {
    transcript.answer(probe).map(|answer| answer.out.lines().map(str::to_owned).collect())
}

/// Kernel releases that have a module: the release is the folder's name.
pub(super) fn module_kernels(transcript: &Transcript) -> Fact<Vec<String>> {
    lines(transcript, "nvidia-modules").map(|paths| {
        let kernels = paths.iter().filter_map(|path| path.strip_prefix("/lib/modules/")?.split('/').next());
        let mut kernels: Vec<String> = kernels.map(str::to_owned).collect();
        kernels.dedup();
        kernels
    })
}

/// By what the firmware says of itself: enough to say where to look, nothing is judged by it.
pub(super) fn virtual_machine(transcript: &Transcript) -> Fact<String> {
    const MAKERS: [&str; 14] = [
        "QEMU",
        "KVM",
        "VMware",
        "Xen",
        "innotek",
        "VirtualBox",
        "OpenStack",
        "Red Hat",
        "oVirt",
        "Nutanix",
        "Parallels",
        "Amazon EC2",
        "Google",
        "Alibaba Cloud",
    ];
    let (vendor, product) = (transcript.file(VENDOR), transcript.file(PRODUCT));
    let make = format!(
        "{} {}",
        vendor.value().map_or("", |text| text.trim()),
        product.value().map_or("", |text| text.trim())
    );
    let make = make.trim();
    let is_virtual = MAKERS.iter().any(|maker| make.contains(maker)) || make.contains("Virtual Machine");
    match is_virtual {
        true => Fact::known(make.to_owned(), VENDOR),
        false => match vendor.reading {
            Reading::Unknown(reason) => Fact::unknown(reason, VENDOR),
            _ => Fact::absent(VENDOR),
        },
    }
}

/// The first dotted number of the line that names the kernel module.
fn version_in(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("NVRM version"))?;
    line.split_whitespace()
        .find(|word| word.split('.').count() >= 2 && word.split('.').all(|part| part.parse::<u32>().is_ok()))
        .map(str::to_owned)
}

/// Version of the library on disk; absent where there is none.
pub(super) fn library_version(transcript: &Transcript) -> Fact<String> {
    let answer = transcript.answer("nvidia-library");
    let Some(text) = answer.value().map(|answer| answer.out.clone().into_owned()) else {
        return answer.map(|_| String::new());
    };
    let mut found: Vec<(&str, &str)> =
        text.lines().filter_map(|path| Some((path, path.split_once("libnvidia-ml.so.")?.1))).collect();
    found.dedup_by_key(|(_, version)| *version);
    match found.as_slice() {
        [] => Fact::absent(answer.source),
        [(path, version)] => Fact::known((*version).to_owned(), (*path).to_owned()),
        several => {
            let paths: Vec<&str> = several.iter().map(|(path, _)| *path).collect();
            Fact::unknown(format!("libraries of several versions: {}", paths.join(", ")), answer.source)
        }
    }
}
