//! Faults of Docker, and of what must not be there yet.

use super::super::fault::{DEFAULTS, Expect::*, Fault};

faults! {
    of DEFAULTS;

    // --- Docker ------------------------------------------------------------------------------------------------------

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

    docker_too_old_on_the_dev_box {
        on: "devbox",
        apply: "echo 'parameters: {docker_version_newer_than: \"99.0\"}' > /lab/airworthy.yaml",
        proof: "[ -e /lab/airworthy.yaml ]",
        restore: "rm /lab/airworthy.yaml",
        expect: Fails("docker-version", "localhost"),
    }

    // --- what must not be there yet ----------------------------------------------------------------------------------

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
        on: "worker2",
        apply: "systemd-run --unit=lab-port nc -lk 10250",
        proof: "ss -ltn | grep -q ':10250 '",
        restore: "systemctl stop lab-port",
        expect: Fails("ports-free", "worker2"),
    }
}
