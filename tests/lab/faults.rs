//! Fault by fault on one host: the check that names it fails there, and nothing else is blamed.

use crate::judge::{Expect::*, Fault, judge};
use crate::rig::OUTSIDE;

macro_rules! faults {
    ($($name:ident { $($field:tt)* })*) => {
        $(#[test] fn $name() {
            judge(stringify!($name), &Fault { $($field)* });
        })*
    };
}

// --- reaching a host -------------------------------------------------------------------------------------------------

faults! {
    key_no_longer_authorized {
        on: "worker1",
        apply: "mv /home/pai/.ssh/authorized_keys /root/",
        proof: "! [ -e /home/pai/.ssh/authorized_keys ]",
        restore: "mv /root/authorized_keys /home/pai/.ssh/",
        expect: Unreachable("ssh-passwordless", "worker1"),
    }
    sshd_keys_removed {
        on: "worker1",
        apply: "mkdir /root/keys && mv /etc/ssh/ssh_host_* /root/keys/",
        proof: "! ssh-keyscan -T 2 127.0.0.1 2>/dev/null | grep -q ssh",
        restore: "mv /root/keys/* /etc/ssh/ && rmdir /root/keys",
        expect: Unreachable("host-reachable", "worker1"),
    }
    host_key_changed {
        on: "infra1",
        apply: "mkdir /root/keys && mv /etc/ssh/ssh_host_* /root/keys/ && ssh-keygen -A && systemctl restart ssh",
        proof: "[ -e /root/keys ]",
        restore: "mv /root/keys/* /etc/ssh/ && rmdir /root/keys && systemctl restart ssh",
        expect: Unreachable("ssh-host-key", "infra1"),
    }
    host_frozen {
        on: OUTSIDE,
        apply: "lab pause worker3",
        proof: "lab status | grep -q '^worker3.*paused'",
        restore: "lab unpause worker3",
        expect: Unreachable("host-reachable", "worker3"),
    }
    host_down {
        on: OUTSIDE,
        apply: "lab stop worker3",
        proof: "lab status | grep -q '^worker3.*exited'",
        restore: "lab start worker3",
        expect: Unreachable("host-reachable", "worker3"),
    }
    login_shell_prints_noise {
        on: "infra2",
        apply: r#"cp -p /home/pai/.bashrc /root/ && cat - /root/.bashrc > /home/pai/.bashrc <<'EOF'
echo "Welcome to $(hostname)! Last backup: never."
printf 'no newline, \033[31mcolour\033[0m, \377\376 and a NUL: \000'
echo "bash: warning: setlocale: LC_ALL: cannot change locale" >&2
EOF"#,
        proof: "runuser -u pai -- env HOME=/home/pai SSH_CLIENT=x SHLVL=0 bash -c true </dev/null | grep -qa Welcome",
        restore: "mv /root/.bashrc /home/pai/",
        expect: Nothing,
    }
    a_long_banner_before_login {
        on: "infra2",
        apply: "yes 'Authorised use only. Everything is logged.' | head -n 200 > /etc/ssh/banner \
                && echo 'Banner /etc/ssh/banner' > /etc/ssh/sshd_config.d/banner.conf && systemctl restart ssh",
        proof: "sshd -T | grep -q '^banner /etc/ssh/banner'",
        restore: "rm /etc/ssh/banner /etc/ssh/sshd_config.d/banner.conf && systemctl restart ssh",
        expect: Nothing,
    }
    peer_cut_off_by_a_firewall {
        on: "worker2",
        apply: "iptables -I OUTPUT -d 10.219.7.23 -p tcp --dport 22 -j DROP",
        proof: "! nc -z -w 1 10.219.7.23 22",
        restore: "iptables -D OUTPUT -d 10.219.7.23 -p tcp --dport 22 -j DROP",
        expect: FleetFails("peers-reachable"),
    }
    registry_does_not_answer {
        on: "worker3",
        apply: "iptables -I OUTPUT -d 10.219.7.2 -p tcp --dport 5000 -j DROP",
        proof: "! curl -sf -m 1 http://10.219.7.2:5000/v2/",
        restore: "iptables -D OUTPUT -d 10.219.7.2 -p tcp --dport 5000 -j DROP",
        expect: Fails("registry-reachable", "worker3"),
    }
}

// --- login, sudo, the system -----------------------------------------------------------------------------------------

faults! {
    sudo_wants_a_password {
        on: "infra1",
        apply: "sed -i 's/NOPASSWD: //' /etc/sudoers.d/pai",
        proof: "! runuser -u pai -- sudo -kn true 2>/dev/null",
        restore: "sed -i 's/ALL$/NOPASSWD: ALL/' /etc/sudoers.d/pai",
        expect: Fails("sudo-privilege", "infra1"),
    }
    sudo_gone {
        on: "worker3",
        apply: "mv /usr/bin/sudo /root/",
        proof: "! command -v sudo",
        restore: "mv /root/sudo /usr/bin/",
        expect: Fails("sudo-privilege", "worker3"),
    }
    os_is_debian {
        on: "worker3",
        apply: "cp /usr/lib/os-release /root/ && printf 'NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n\
                PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\n' > /usr/lib/os-release",
        proof: "grep -q '^ID=debian' /etc/os-release",
        restore: "mv /root/os-release /usr/lib/",
        expect: Fails("os-supported", "worker3"),
    }
    os_is_too_old {
        on: "infra2",
        apply: "cp /usr/lib/os-release /root/ && sed -i 's/16\\.04/14.04/; s/Xenial Xerus/Trusty Tahr/; s/xenial/trusty/' /usr/lib/os-release",
        proof: "grep -q '^VERSION_ID=\"14.04\"' /etc/os-release",
        restore: "mv /root/os-release /usr/lib/",
        expect: Fails("os-supported", "infra2"),
    }
    too_little_memory_for_the_layout {
        on: "devbox",
        apply: "sed -i 's/mem: 1Gi/mem: 512Gi/' /lab/layout.yaml",
        proof: "grep -q 512Gi /lab/layout.yaml",
        restore: "sed -i 's/mem: 512Gi/mem: 1Gi/' /lab/layout.yaml",
        expect: Fails("memory-matches-layout", "worker3"),
    }
    dev_box_listed_as_a_worker {
        on: "devbox",
        apply: "cp /lab/layout.yaml /root/ && sed -n '/hostname: worker3/,$p' /root/layout.yaml \
                | sed 's/worker3/devbox/; s/10.219.7.23/10.219.7.2/' >> /lab/layout.yaml",
        proof: "grep -q 'hostname: devbox' /lab/layout.yaml",
        restore: "mv /root/layout.yaml /lab/",
        expect: FleetFails("devbox-separate"),
    }
}

// --- time ------------------------------------------------------------------------------------------------------------

faults! {
    chrony_stopped {
        on: "infra2",
        apply: "systemctl stop chrony",
        proof: "! systemctl is-active --quiet chrony && systemctl is-enabled --quiet chrony",
        restore: "systemctl start chrony",
        expect: Fails("ntp-enabled", "infra2"),
    }
    chrony_disabled_at_boot {
        on: "infra2",
        apply: "systemctl disable chrony",
        proof: "systemctl is-active --quiet chrony && ! systemctl is-enabled --quiet chrony",
        restore: "systemctl enable chrony",
        expect: Fails("ntp-enabled", "infra2"),
    }
    clock_not_synchronised {
        on: "infra2",
        apply: "sed -i 's/10.219.7.2/10.219.7.254/' /etc/chrony/chrony.conf && systemctl restart chrony",
        proof: "chronyc -n tracking | grep -q 'Leap status *: Not synchronised'",
        restore: "sed -i 's/10.219.7.254/10.219.7.2/' /etc/chrony/chrony.conf && systemctl restart chrony",
        expect: Fails("ntp-synchronized", "infra2"),
    }
}

// --- Docker ----------------------------------------------------------------------------------------------------------

faults! {
    docker_stopped {
        on: "worker1",
        apply: "systemctl stop docker.socket docker.service",
        proof: "! systemctl is-active --quiet docker",
        restore: "systemctl reset-failed docker; systemctl start docker.socket docker.service",
        expect: Fails("docker-running", "worker1"),
    }
    docker_removed {
        on: "worker3",
        apply: "dpkg --remove --force-depends docker.io",
        proof: "! command -v docker && ! command -v dockerd",
        restore: "dpkg -i /opt/lab/docker.io.deb",
        expect: Fails("docker-installed", "worker3"),
    }
    daemon_json_broken {
        on: "worker1",
        apply: r#"cp /etc/docker/daemon.json /root/ && sed -i '/^}/d' /etc/docker/daemon.json"#,
        proof: "! python3 -m json.tool /etc/docker/daemon.json",
        restore: "mv /root/daemon.json /etc/docker/",
        expect: Fails("docker-config-valid", "worker1"),
    }
    key_twice_in_daemon_json {
        on: "worker1",
        apply: r#"cp /etc/docker/daemon.json /root/ && sed -i '1a "default-runtime": "runc",' /etc/docker/daemon.json"#,
        proof: "[ $(grep -c default-runtime /etc/docker/daemon.json) = 2 ]",
        restore: "mv /root/daemon.json /etc/docker/",
        expect: Fails("docker-config-valid", "worker1"),
    }
    runtime_not_the_default {
        on: "worker1",
        apply: "cp /etc/docker/daemon.json /root/ && sed -i '/default-runtime/d' /etc/docker/daemon.json \
                && systemctl reset-failed docker && systemctl restart docker",
        proof: "docker info 2>/dev/null | grep -q 'Default Runtime: runc'",
        restore: "mv /root/daemon.json /etc/docker/ && systemctl reset-failed docker && systemctl restart docker",
        expect: Fails("docker-default-runtime", "worker1"),
    }
    default_runtime_only_by_a_drop_in {
        on: "worker1",
        apply: "cp /etc/docker/daemon.json /root/ && sed -i '/default-runtime/d' /etc/docker/daemon.json \
                && mkdir -p /etc/systemd/system/docker.service.d && printf '[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// \
                --containerd=/run/containerd/containerd.sock --default-runtime=nvidia\n' > /etc/systemd/system/docker.service.d/runtime.conf \
                && systemctl daemon-reload && systemctl reset-failed docker && systemctl restart docker",
        proof: "docker info 2>/dev/null | grep -q 'Default Runtime: nvidia' && ! grep -q default-runtime /etc/docker/daemon.json",
        restore: "mv /root/daemon.json /etc/docker/ && rm -r /etc/systemd/system/docker.service.d \
                  && systemctl daemon-reload && systemctl reset-failed docker && systemctl restart docker",
        expect: Fails("docker-default-runtime", "worker1"),
    }
    flag_conflict_now {
        on: "worker3",
        apply: "mkdir -p /etc/systemd/system/docker.service.d && printf '[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// \
                --containerd=/run/containerd/containerd.sock --label rack=7\n' > /etc/systemd/system/docker.service.d/label.conf \
                && systemctl daemon-reload && systemctl reset-failed docker && systemctl restart docker \
                && echo '{\"labels\": [\"rack=7\"]}' > /etc/docker/daemon.json",
        proof: "docker info 2>/dev/null | grep -q rack=7 && grep -q labels /etc/docker/daemon.json",
        restore: "rm -r /etc/systemd/system/docker.service.d /etc/docker/daemon.json \
                  && systemctl daemon-reload && systemctl reset-failed docker && systemctl restart docker",
        expect: Fails("docker-config-conflict", "worker3"),
    }
    conflict_with_what_kubespray_will_pass {
        on: "infra2",
        apply: r#"echo '{"data-root": "/var/lib/docker"}' > /etc/docker/daemon.json
                  systemctl reset-failed docker && systemctl restart docker"#,
        proof: "grep -q data-root /etc/docker/daemon.json",
        restore: "echo '{}' > /etc/docker/daemon.json && systemctl reset-failed docker && systemctl restart docker",
        expect: Fails("docker-config-conflict", "infra2"),
    }
}

// --- what must not be there yet --------------------------------------------------------------------------------------

faults! {
    address_leased_by_dhcp {
        on: "worker3",
        apply: "ip -4 addr flush dev eth0 && dhclient -pf /run/lab-dhclient.pid -lf /var/lib/dhcp/dhclient.eth0.leases eth0",
        proof: "ip -4 addr show dev eth0 | grep -q 'inet 10.219.7.23/24 .*dynamic'",
        restore: "kill $(cat /run/lab-dhclient.pid); rm -f /run/lab-dhclient.pid /var/lib/dhcp/dhclient.eth0.leases; \
                  ip -4 addr change 10.219.7.23/24 dev eth0 valid_lft forever preferred_lft forever",
        expect: Fails("ip-static", "worker3"),
    }
    stale_lease_left_by_the_installer {
        on: "infra1",
        apply: "printf 'lease {\n  interface \"eth0\";\n  fixed-address 10.219.7.11;\n  option subnet-mask 255.255.255.0;\n\
                  renew 1 2021/03/01 10:00:00;\n  rebind 1 2021/03/01 16:00:00;\n  expire 1 2021/03/01 18:00:00;\n}\n' \
                > /var/lib/dhcp/dhclient.eth0.leases",
        proof: "[ -e /var/lib/dhcp/dhclient.eth0.leases ]",
        restore: "rm /var/lib/dhcp/dhclient.eth0.leases",
        expect: Nothing,
    }
    container_running {
        on: "worker3",
        apply: "tar -C / -c bin/busybox | docker import - lab-idle && docker run -d --name idle lab-idle /bin/busybox sleep 86400",
        proof: "docker ps | grep -q idle",
        restore: "docker rm -f idle; docker rmi lab-idle",
        expect: Fails("host-dedicated", "worker3"),
    }
    kubelet_running {
        on: "worker2",
        apply: "cp /bin/sleep /usr/local/bin/kubelet && systemd-run --unit=kubelet /usr/local/bin/kubelet 86400",
        proof: "pgrep -x kubelet",
        restore: "systemctl stop kubelet; rm /usr/local/bin/kubelet",
        expect: Fails("kubernetes-absent", "worker2"),
    }
    port_taken {
        on: "worker1",
        apply: "systemd-run --unit=lab-port nc -lk 10250",
        proof: "ss -ltn | grep -q ':10250 '",
        restore: "systemctl stop lab-port",
        expect: Fails("ports-free", "worker1"),
    }
}

// --- GPUs ------------------------------------------------------------------------------------------------------------

faults! {
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
}
