//! Faults of GPUs and other accelerators.

use super::super::fault::{DEFAULTS, Expect::*, Fault, OUTSIDE};

faults! {
    of DEFAULTS;

    nvidia_runtime_binary_gone {
        on: "worker2",
        apply: "mv /usr/bin/nvidia-container-runtime /root/",
        proof: "! [ -e /usr/bin/nvidia-container-runtime ]",
        restore: "mv /root/nvidia-container-runtime /usr/bin/",
        expect: Fails("nvidia-runtime-installed", "worker2"),
    }
    one_gpu_fewer_than_promised {
        on: "worker2",
        apply: "mkdir -p /run/lab/gone/bus /run/lab/gone/driver && mv /sys/bus/pci/devices/0000:65:00.0 /run/lab/gone/bus/ \
                && mv /proc/driver/nvidia/gpus/0000:65:00.0 /run/lab/gone/driver/",
        proof: "[ $(nvidia-smi -L | wc -l) = 1 ]",
        restore: "mv /run/lab/gone/bus/* /sys/bus/pci/devices/; mv /run/lab/gone/driver/* /proc/driver/nvidia/gpus/; rm -r /run/lab/gone",
        expect: Fails("gpu-count", "worker2"),
    }
    gpu_driver_not_loaded {
        on: "worker2",
        apply: "mv /proc/driver/nvidia /run/lab/nvidia && mount -t tmpfs tmpfs /sys/module/nvidia \
                && for d in /sys/bus/pci/devices/*; do rm $d/driver; sed -i /DRIVER=/d $d/uevent; done",
        proof: "nvidia-smi; [ $? = 9 ]",
        restore: "mv /run/lab/nvidia /proc/driver/ && umount /sys/module/nvidia \
                  && for d in /sys/bus/pci/devices/*; do ln -s ../../drivers/nvidia $d/driver; sed -i 1iDRIVER=nvidia $d/uevent; done",
        expect: Fails("gpu-driver", "worker2"),
    }
    gpus_gone_from_the_bus {
        on: "worker2",
        apply: "mkdir /run/lab/gone && mv /sys/bus/pci/devices/* /run/lab/gone/",
        proof: "[ -z \"$(ls /sys/bus/pci/devices)\" ]",
        restore: "mv /run/lab/gone/* /sys/bus/pci/devices/ && rmdir /run/lab/gone",
        expect: Fails("gpu-present", "worker2"),
    }
    gpus_of_another_model {
        on: "worker2",
        apply: "sed -i 's/Tesla V100-PCIE/Tesla P100-PCIE/' /proc/driver/nvidia/gpus/*/information",
        proof: "nvidia-smi -L | grep -q P100",
        restore: "sed -i 's/Tesla P100-PCIE/Tesla V100-PCIE/' /proc/driver/nvidia/gpus/*/information",
        expect: Warns("gpu-model", &["worker2"]),
    }
    nouveau_holds_the_gpus {
        on: "worker2",
        apply: "mv /proc/driver/nvidia /run/lab/nvidia && mount -t tmpfs tmpfs /sys/module/nvidia \
                && sed -i s/DRIVER=nvidia/DRIVER=nouveau/ /sys/bus/pci/devices/*/uevent",
        proof: "cat /sys/bus/pci/devices/*/uevent | grep -q DRIVER=nouveau",
        restore: "mv /run/lab/nvidia /proc/driver/ && umount /sys/module/nvidia \
                  && sed -i s/DRIVER=nouveau/DRIVER=nvidia/ /sys/bus/pci/devices/*/uevent",
        expect: Fails("gpu-nouveau-absent", "worker2"),
    }
    library_upgraded_under_the_loaded_module {
        on: "worker2",
        apply: "cd /usr/lib/x86_64-linux-gnu && mv libnvidia-ml.so.418.226.00 libnvidia-ml.so.440.33.01",
        proof: "[ -e /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.440.33.01 ]",
        restore: "cd /usr/lib/x86_64-linux-gnu && mv libnvidia-ml.so.440.33.01 libnvidia-ml.so.418.226.00",
        expect: Fails("gpu-driver-matches-library", "worker2"),
    }
    gpu_with_uncorrected_errors {
        on: "worker2",
        apply: "echo 1 ecc 3 > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<double_bit><total>3<'",
        restore: "rm /etc/lab/gpu-play",
        expect: Warns("gpu-ecc-clean", &["worker2"]),
    }
    gpu_with_pages_to_retire {
        on: "worker2",
        apply: "echo 0 pending Yes > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<pending_retirement>Yes<'",
        restore: "rm /etc/lab/gpu-play",
        expect: Warns("gpu-rows-remapped", &["worker2"]),
    }
    gpu_on_half_its_lanes {
        on: "worker2",
        apply: "echo 0 width 8x > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<current_link_width>8x<'",
        restore: "rm /etc/lab/gpu-play",
        expect: Warns("gpu-pcie-full-width", &["worker2"]),
    }
    gpu_memory_that_nobody_holds {
        on: "worker2",
        apply: "echo 1 used 12000 > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<used>12000 MiB<'",
        restore: "rm /etc/lab/gpu-play",
        expect: Warns("gpu-idle", &["worker2"]),
    }
    gpu_without_persistence {
        on: "worker2",
        apply: "echo 1 persistence Disabled > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<persistence_mode>Disabled<'",
        restore: "rm /etc/lab/gpu-play",
        expect: Warns("gpu-persistence", &["worker2"]),
    }
    gpu_cut_into_mig_devices {
        on: "worker2",
        apply: "echo 0 mig Enabled > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<current_mig>Enabled<'",
        restore: "rm /etc/lab/gpu-play",
        expect: Warns("gpu-mig-expected", &["worker2"]),
    }
    gpu_that_could_be_cut {
        on: "worker2",
        apply: "echo 0 mig Disabled > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<current_mig>Disabled<'",
        restore: "rm /etc/lab/gpu-play",
        expect: Passes("gpu-mig-expected", "worker2"),
    }
    gpus_of_twice_the_memory {
        on: "worker2",
        apply: "printf '%s total 32510\\n' 0 1 > /etc/lab/gpu-play",
        proof: "nvidia-smi -q -x | grep -q '<total>32510 MiB<'",
        restore: "rm /etc/lab/gpu-play",
        expect: FleetWarns("gpu-uniform"),
    }
    amd_gpu_without_its_tools {
        on: OUTSIDE,
        apply: "lab exec devbox \"sed -i 's|^  cpu-machine:|&\\n    computing-device: {type: amd.com/gpu, model: MI50, count: 1}|' /lab/layout.yaml\" \
                && lab exec worker3 'mount -t tmpfs tmpfs /sys/bus/pci && mkdir -p /sys/bus/pci/devices/0000:43:00.0 \
                && cd /sys/bus/pci/devices/0000:43:00.0 && echo 0x1002 > vendor && echo 0x66a1 > device && echo 0x038000 > class \
                && echo DRIVER=amdgpu > uevent'",
        proof: "lab exec worker3 'grep -q 0x1002 /sys/bus/pci/devices/*/vendor && ! command -v rocm-smi'",
        restore: "lab exec worker3 'umount /sys/bus/pci' && lab inventory",
        expect: Fails("device-runtime", "worker3"),
    }
    amd_gpu_with_its_tools {
        on: OUTSIDE,
        apply: "lab exec devbox \"sed -i 's|^  cpu-machine:|&\\n    computing-device: {type: amd.com/gpu, model: MI50, count: 1}|' /lab/layout.yaml\" \
                && lab exec worker3 'mount -t tmpfs tmpfs /sys/bus/pci && mkdir -p /sys/bus/pci/devices/0000:43:00.0 \
                && cd /sys/bus/pci/devices/0000:43:00.0 && echo 0x1002 > vendor && echo 0x66a1 > device && echo 0x038000 > class \
                && echo DRIVER=amdgpu > uevent \
                && printf \"#!/bin/sh\\necho GPU[0]: Device ID: 0x66a1\\n\" > /usr/local/bin/rocm-smi && chmod 755 /usr/local/bin/rocm-smi'",
        proof: "lab exec worker3 'grep -q 0x1002 /sys/bus/pci/devices/*/vendor && rocm-smi -i'",
        restore: "lab exec worker3 'umount /sys/bus/pci && rm /usr/local/bin/rocm-smi' && lab inventory",
        expect: Passes("device-runtime", "worker3"),
    }
}
