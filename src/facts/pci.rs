//! Accelerators on the PCI bus, whoever makes them: one probe for several subjects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;

/// One device on the PCI bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// `0000:17:00.0`.
    pub slot: String,
    /// PCI device id: `0x1db4`.
    pub device: String,
    /// The kernel driver that holds it.
    pub driver: Option<String>,
}

/// What the subjects read: devices of NVIDIA, AMD's graphics and Enflame, as the first look found them.
pub const PROBES: &[Probe] = &[Probe::shell(
    "pci",
    "/sys/bus/pci/devices",
    r#"[ -d /sys/bus/pci/devices ] || return 44
looked || return 2
for v in $ACCELERATORS; do
    s=${v%/vendor}; class=; device=; driver=-
    read -r vendor <"$v"; read -r class <"$s/class"; read -r device <"$s/device"
    while IFS= read -r line; do case $line in DRIVER=*) driver=${line#*=} ;; esac; done <"$s/uevent"
    echo "${s##*/} $vendor $device $class $driver"
done"#,
)
.light()];

/// Display controllers (PCI class 03) and processing accelerators (12) of one vendor.
pub fn devices(transcript: &Transcript, vendor: &str) -> Fact<Vec<Device>> {
    transcript.answer("pci").try_map(|answer| match answer.status {
        // A machine without a PCI bus has no PCI device.
        44 => Ok(Vec::new()),
        0 => Ok(answer
            .out
            .lines()
            .filter_map(|line| match line.split(' ').collect::<Vec<_>>().as_slice() {
                [slot, of, device, class, driver] if *of == vendor && is_accelerator(class) => Some(Device {
                    slot: (*slot).to_owned(),
                    device: (*device).to_owned(),
                    driver: (*driver != "-").then(|| (*driver).to_owned()),
                }),
                _ => None,
            })
            .collect()),
        status => Err(format!("reading /sys/bus/pci ended with status {status}{}", answer.complaint())),
    })
}

fn is_accelerator(class: &str) -> bool {
    class.starts_with("0x03") || class.starts_with("0x12")
}
