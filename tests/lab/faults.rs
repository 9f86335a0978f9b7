//! Fault by fault on one host, under OpenPAI's layout: the check that names it fails there, and nothing else is blamed.

use super::fault::{DEFAULTS, Expect::*, Fault, OUTSIDE};

faults! {
    of DEFAULTS;

    // --- reaching a host ---------------------------------------------------------------------------------------------

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
    account_locked_by_its_shell {
        on: "worker2",
        apply: "usermod --shell /usr/sbin/nologin pai",
        proof: "getent passwd pai | grep -q nologin",
        restore: "usermod --shell /bin/bash pai",
        expect: Unreachable("host-answers", "worker2"),
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

    // --- login, sudo, the system -------------------------------------------------------------------------------------

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

    os_not_fully_tested {
        on: "worker3",
        apply: "cp /usr/lib/os-release /root/ && sed -i 's/16\\.04/18.04/; s/Xenial Xerus/Bionic Beaver/; s/xenial/bionic/' /usr/lib/os-release",
        proof: "grep -q '^VERSION_ID=\"18.04\"' /etc/os-release",
        restore: "mv /root/os-release /usr/lib/",
        expect: Warns("os-tested", &["worker3"]),
    }
    ssh_not_started_at_boot {
        on: "infra2",
        apply: "systemctl disable ssh",
        proof: "systemctl is-active --quiet ssh && ! systemctl is-enabled --quiet ssh",
        restore: "systemctl enable ssh",
        expect: Fails("ssh-service-enabled", "infra2"),
    }
    another_user_on_one_host {
        on: OUTSIDE,
        apply: r#"lab exec worker3 'useradd --create-home --shell /bin/bash deploy && cp -r /home/pai/.ssh /home/deploy/ \
                && chown -R deploy: /home/deploy/.ssh && echo "deploy ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/deploy \
                && chmod 440 /etc/sudoers.d/deploy' && lab exec devbox 'cat > /lab/hosts.ini' <<'EOF'
[kube_control_plane]
infra1 ansible_host=10.219.7.11
infra2 ansible_host=10.219.7.12

[etcd:children]
kube_control_plane

[kube_node]
worker1 ansible_host=10.219.7.21
worker2 ansible_host=10.219.7.22
worker3 ansible_host=10.219.7.23 ansible_user=deploy

[all:vars]
ansible_user=pai
EOF"#,
        proof: "lab exec worker3 'id deploy' && lab exec devbox 'grep -q deploy /lab/hosts.ini'",
        restore: "lab exec worker3 'userdel deploy; rm -r /home/deploy /etc/sudoers.d/deploy' && lab inventory",
        inventory: "/lab/hosts.ini",
        expect: FleetFails("ssh-same-user"),
    }
    cloned_from_the_dev_box {
        on: OUTSIDE,
        apply: "lab exec worker2 'mkdir /root/keys && cp -p /etc/ssh/ssh_host_* /root/keys/' \
                && lab exec devbox 'cd /etc/ssh && tar -c ssh_host_*' | lab exec worker2 'tar -C /etc/ssh -x && systemctl restart ssh' \
                && lab exec devbox 'cd /home/pai/.ssh && cp -p known_hosts /root/ && sed -i /worker2/d known_hosts \
                && sed -n s/^10.219.7.2,devbox/10.219.7.22,worker2/p /root/known_hosts >> known_hosts'",
        proof: "key='cat /etc/ssh/ssh_host_ed25519_key.pub'; [ \"$(lab exec devbox \"$key\")\" = \"$(lab exec worker2 \"$key\")\" ]",
        restore: "lab exec worker2 'mv /root/keys/* /etc/ssh/ && rmdir /root/keys && systemctl restart ssh' \
                  && lab exec devbox 'mv /root/known_hosts /home/pai/.ssh/'",
        expect: FleetWarns("devbox-host-key-unique"),
    }

    // --- memory and processors ---------------------------------------------------------------------------------------

    memory_used_up {
        on: "worker2",
        apply: "sed 's/^MemAvailable:.*/MemAvailable:     204800 kB/' /proc/meminfo > /root/meminfo && mount --bind /root/meminfo /proc/meminfo",
        proof: "grep -q '^MemAvailable: *204800 kB' /proc/meminfo",
        restore: "umount /proc/meminfo && rm /root/meminfo",
        expect: Fails("memory-available", "worker2"),
    }
    fewer_processors_than_promised {
        on: "worker3",
        apply: "echo 0 > /root/online && mount --bind /root/online /sys/devices/system/cpu/online",
        proof: "[ \"$(cat /sys/devices/system/cpu/online)\" = 0 ]",
        restore: "umount /sys/devices/system/cpu/online && rm /root/online",
        expect: Fails("cpu-matches-layout", "worker3"),
    }
    fewer_processors_than_wanted {
        on: "devbox",
        apply: "echo 'parameters: {infra_cpus: 999}' > /lab/airworthy.yaml",
        proof: "[ -e /lab/airworthy.yaml ]",
        restore: "rm /lab/airworthy.yaml",
        expect: FailsOnAll("cpu-count", &["infra1", "infra2"]),
    }
    busier_than_wanted {
        on: "devbox",
        apply: "echo 'parameters: {cpu_idle_min_percent: 101}' > /lab/airworthy.yaml",
        proof: "[ -e /lab/airworthy.yaml ]",
        restore: "rm /lab/airworthy.yaml",
        expect: Warns("cpu-idle", &["infra1", "infra2", "worker1", "worker2", "worker3"]),
    }

    // --- time --------------------------------------------------------------------------------------------------------

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

    infra_clock_five_seconds_ahead {
        on: "infra2",
        apply: "printf '#!/bin/sh\nexec /bin/date -d \"5 seconds\" \"$@\"\n' > /usr/local/bin/date && chmod 755 /usr/local/bin/date",
        proof: "[ $(($(date +%s) - $(/bin/date +%s))) -ge 4 ]",
        restore: "rm /usr/local/bin/date",
        expect: FleetFails("clock-skew"),
    }
    worker_clock_five_seconds_ahead {
        on: "worker2",
        apply: "printf '#!/bin/sh\nexec /bin/date -d \"5 seconds\" \"$@\"\n' > /usr/local/bin/date && chmod 755 /usr/local/bin/date",
        proof: "[ $(($(date +%s) - $(/bin/date +%s))) -ge 4 ]",
        restore: "rm /usr/local/bin/date",
        expect: FleetWarns("clock-skew-workers"),
    }

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

    // --- what every machine owes (profile base) ------------------------------------------------------------------------

    process_1_is_not_systemd {
        on: "worker3",
        apply: "echo init > /root/comm && mount --bind /root/comm /proc/1/comm",
        proof: "[ \"$(cat /proc/1/comm)\" = init ]",
        restore: "umount /proc/1/comm && rm /root/comm",
        expect: Fails("os-systemd", "worker3"),
    }
    python_removed {
        on: "worker3",
        apply: "mkdir /root/python && mv /usr/bin/python3* /root/python/",
        proof: "! command -v python3",
        restore: "mv /root/python/* /usr/bin/ && rmdir /root/python",
        expect: Fails("python-present", "worker3"),
    }
    a_module_the_kernel_lacks {
        on: "devbox",
        apply: "echo 'parameters: {kernel_modules: [overlay, ip_vs]}' > /lab/airworthy.yaml",
        proof: "[ -e /lab/airworthy.yaml ]",
        restore: "rm /lab/airworthy.yaml",
        expect: FailsOnAll("kernel-modules-loadable", &["infra1", "infra2", "worker1", "worker2", "worker3"]),
    }
    memory_cgroup_switched_off {
        on: "worker3",
        apply: "sed 's/^\\(memory.*\\)1$/\\10/' /proc/cgroups > /root/cgroups && mount --bind /root/cgroups /proc/cgroups",
        proof: "grep -q '^memory.*0$' /proc/cgroups",
        restore: "umount /proc/cgroups && rm /root/cgroups",
        expect: Fails("cgroup-controllers", "worker3"),
    }
    apparmor_without_its_parser {
        on: "worker2",
        apply: "mkdir -p /sys/module/apparmor/parameters && echo Y > /sys/module/apparmor/parameters/enabled",
        proof: "grep -q Y /sys/module/apparmor/parameters/enabled",
        restore: "rm -r /sys/module/apparmor",
        expect: Fails("apparmor-parser-present", "worker2"),
    }
    apparmor_with_its_parser {
        on: "worker2",
        apply: "mkdir -p /sys/module/apparmor/parameters && echo Y > /sys/module/apparmor/parameters/enabled \
                && cp /bin/true /usr/local/sbin/apparmor_parser",
        proof: "grep -q Y /sys/module/apparmor/parameters/enabled && command -v apparmor_parser",
        restore: "rm -r /sys/module/apparmor /usr/local/sbin/apparmor_parser",
        expect: Passes("apparmor-parser-present", "worker2"),
    }
    swap_in_use {
        on: "worker3",
        apply: "(cat /proc/swaps; echo '/dev/sda2 partition 2097148 0 -2') > /root/swaps && mount --bind /root/swaps /proc/swaps",
        proof: "grep -q sda2 /proc/swaps",
        restore: "umount /proc/swaps && rm /root/swaps",
        expect: Warns("swap-off", &["worker3"]),
    }
    reboot_required {
        on: "worker3",
        apply: "echo '*** System restart required ***' > /run/reboot-required && echo libc6 > /run/reboot-required.pkgs",
        proof: "[ -e /run/reboot-required ]",
        restore: "rm /run/reboot-required /run/reboot-required.pkgs",
        expect: Warns("reboot-not-pending", &["worker3"]),
    }
    newer_kernel_installed {
        on: "worker3",
        apply: "touch /boot/vmlinuz-$(uname -r) /boot/vmlinuz-99$(uname -r)",
        proof: "[ -e /boot/vmlinuz-99$(uname -r) ]",
        restore: "rm /boot/vmlinuz-*",
        expect: Warns("reboot-not-pending", &["worker3"]),
    }
    hostname_no_dns_name {
        on: "worker3",
        apply: "echo Worker_3 > /proc/sys/kernel/hostname",
        proof: "[ \"$(hostname)\" = Worker_3 ]",
        restore: "hostname worker3",
        expect: Fails("hostname-valid", "worker3"),
    }
    hostname_not_the_inventorys {
        on: "worker3",
        apply: "hostname gpu3",
        proof: "[ \"$(hostname)\" = gpu3 ]",
        restore: "hostname worker3",
        expect: Warns("hostname-matches-inventory", &["worker3"]),
    }
    two_hosts_of_one_name {
        on: OUTSIDE,
        apply: r#"lab exec worker3 'hostname worker2' && lab exec devbox 'cat > /lab/hosts.ini' <<'EOF'
[kube_control_plane]
infra1 ansible_host=10.219.7.11

[etcd:children]
kube_control_plane

[kube_node]
worker2.a ansible_host=10.219.7.22
worker2.b ansible_host=10.219.7.23

[all:vars]
ansible_user=pai
EOF"#,
        proof: "lab exec worker3 '[ \"$(hostname)\" = worker2 ]'",
        restore: "lab exec worker3 'hostname worker3' && lab inventory",
        inventory: "/lab/hosts.ini",
        expect: FleetFails("hostname-unique"),
    }
    one_machine_listed_twice {
        on: "devbox",
        apply: r#"cat > /lab/hosts.ini <<'EOF'
[kube_control_plane]
infra1 ansible_host=10.219.7.11

[etcd:children]
kube_control_plane

[kube_node]
worker2 ansible_host=10.219.7.22
worker3 ansible_host=10.219.7.23
worker3.lab ansible_host=10.219.7.23

[all:vars]
ansible_user=pai
EOF"#,
        proof: "grep -q worker3.lab /lab/hosts.ini",
        restore: "rm /lab/hosts.ini",
        inventory: "/lab/hosts.ini",
        expect: FleetFails("same-machine-twice"),
    }
    machine_id_cloned {
        on: OUTSIDE,
        apply: "lab exec worker3 'cp /etc/machine-id /root/ && cat /proc/sys/kernel/random/uuid > /root/boot_id \
                && mount --bind /root/boot_id /proc/sys/kernel/random/boot_id' \
                && lab exec worker2 'cat /etc/machine-id' | lab exec worker3 'cat > /etc/machine-id'",
        proof: "[ \"$(lab exec worker2 'cat /etc/machine-id')\" = \"$(lab exec worker3 'cat /etc/machine-id')\" ]",
        restore: "lab exec worker3 'cat /root/machine-id > /etc/machine-id; rm /root/machine-id; \
                  umount /proc/sys/kernel/random/boot_id && rm /root/boot_id'",
        expect: FleetFails("machine-id-unique"),
    }
    product_uuid_cloned {
        on: OUTSIDE,
        apply: "for host in worker2 worker3; do lab exec $host 'mkdir -p /run/lab/class/upper/dmi/id /run/lab/class/work \
                && echo 4C4C4544-0047-3110-8052-B8C04F4D3332 > /run/lab/class/upper/dmi/id/product_uuid \
                && mount -t overlay -o lowerdir=/sys/class,upperdir=/run/lab/class/upper,workdir=/run/lab/class/work overlay /sys/class'; done",
        proof: "lab exec worker3 'grep -q 4C4C4544 /sys/class/dmi/id/product_uuid'",
        restore: "for host in worker2 worker3; do lab exec $host 'umount /sys/class && rm -r /run/lab/class'; done",
        expect: FleetFails("product-uuid-unique"),
    }
    a_nodes_address_on_another_host {
        on: "worker3",
        apply: "sysctl -qw net.ipv4.conf.all.arp_ignore=2 && ip link add twin0 type veth peer name twin1 && ip link set twin0 up \
                && ip addr add 10.219.7.22/32 dev twin0",
        proof: "ip -o addr show dev twin0 | grep -q 10.219.7.22",
        restore: "ip link del twin0; sysctl -qw net.ipv4.conf.all.arp_ignore=0",
        expect: FleetFails("address-unique"),
    }
    default_route_lost {
        on: "worker3",
        apply: "ip route del default",
        proof: "[ -z \"$(ip route show default)\" ]",
        restore: "ip route add default via 10.219.7.1",
        expect: Fails("default-route", "worker3"),
    }
    resolver_without_servers {
        on: "worker3",
        apply: "echo 'search lab' > /root/resolv.conf && mount --bind /root/resolv.conf /etc/resolv.conf",
        proof: "! grep -q nameserver /etc/resolv.conf",
        restore: "umount /etc/resolv.conf && rm /root/resolv.conf",
        expect: Fails("dns-resolves", "worker3"),
    }
    resolver_of_a_dead_server {
        on: "worker3",
        apply: "echo 'nameserver 10.219.7.254' > /root/resolv.conf && mount --bind /root/resolv.conf /etc/resolv.conf",
        proof: "grep -q 10.219.7.254 /etc/resolv.conf",
        restore: "umount /etc/resolv.conf && rm /root/resolv.conf",
        expect: Fails("dns-resolves", "worker3"),
    }
    resolver_on_the_hosts_own_loopback {
        on: "worker3",
        apply: "systemd-run --unit=lab-stub dnsmasq -k --no-resolv --server=10.219.7.2 --listen-address=127.0.0.1 --bind-interfaces \
                && echo 'nameserver 127.0.0.1' > /root/resolv.conf && mount --bind /root/resolv.conf /etc/resolv.conf \
                && for i in 1 2 3 4 5 6 7 8; do getent hosts registry.lab && break; sleep 0.3; done",
        proof: "grep -q 127.0.0.1 /etc/resolv.conf && getent hosts registry.lab",
        restore: "umount /etc/resolv.conf && rm /root/resolv.conf; systemctl stop lab-stub",
        expect: Warns("dns-stub", &["worker3"]),
    }
    route_into_the_pods_network {
        on: "worker3",
        apply: "ip route add 10.201.7.0/24 dev eth0",
        proof: "ip route | grep -q 10.201.7.0",
        restore: "ip route del 10.201.7.0/24",
        expect: Fails("cidr-overlap", "worker3"),
    }
    firewalld_at_work {
        on: "worker3",
        apply: "systemd-run --unit=firewalld sleep 86400",
        proof: "systemctl is-active --quiet firewalld",
        restore: "systemctl stop firewalld",
        expect: Warns("firewall-active", &["worker3"]),
    }
    ufw_at_work {
        on: "worker3",
        apply: "mkdir -p /etc/ufw && echo ENABLED=yes > /etc/ufw/ufw.conf",
        proof: "grep -q ENABLED=yes /etc/ufw/ufw.conf",
        restore: "rm /etc/ufw/ufw.conf",
        expect: Warns("firewall-active", &["worker3"]),
    }
    smaller_packets_on_one_host {
        on: "worker3",
        apply: "ip link set dev eth0 mtu 1400",
        proof: "ip -o link show dev eth0 | grep -q 'mtu 1400'",
        restore: "ip link set dev eth0 mtu 1500",
        expect: FleetWarns("mtu-uniform"),
    }
    disk_full {
        on: "worker3",
        apply: "mkdir -p /var/lib/kubelet && mount -t tmpfs -o size=1m tmpfs /var/lib/kubelet",
        proof: "mountpoint -q /var/lib/kubelet",
        restore: "umount /var/lib/kubelet && rmdir /var/lib/kubelet",
        expect: Fails("disk-available", "worker3"),
    }
    inodes_used_up {
        on: "worker3",
        apply: "mkdir -p /var/lib/kubelet && mount -t tmpfs -o size=1g,nr_inodes=40 tmpfs /var/lib/kubelet \
                && cd /var/lib/kubelet && touch $(seq 39)",
        proof: "[ -e /var/lib/kubelet/39 ]",
        restore: "umount /var/lib/kubelet && rmdir /var/lib/kubelet",
        expect: Warns("disk-inodes", &["worker3"]),
    }
    no_program_may_run_in_tmp {
        on: "worker3",
        apply: "mount -o remount,noexec /tmp",
        proof: "grep -q '^tmpfs /tmp .*noexec' /proc/mounts",
        restore: "mount -o remount,exec /tmp",
        expect: Fails("temp-dir-usable", "worker3"),
    }
    tmp_is_read_only {
        on: "worker3",
        apply: "mount -o remount,ro /tmp",
        proof: "! touch /tmp/x",
        restore: "mount -o remount,rw /tmp",
        expect: Fails("temp-dir-usable", "worker3"),
    }
    package_manager_at_work {
        on: "worker3",
        apply: "systemd-run --unit=lab-apt python3 -c 'import fcntl, time; f = open(\"/var/lib/dpkg/lock-frontend\", \"w\"); \
                fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(86400)' && for i in 1 2 3 4 5 6 7 8 9; do \
                grep -q \":$(stat -c %i /var/lib/dpkg/lock-frontend) \" /proc/locks && break; sleep 0.2; done",
        proof: "grep -q \":$(stat -c %i /var/lib/dpkg/lock-frontend) \" /proc/locks",
        restore: "systemctl stop lab-apt",
        expect: Fails("package-lock-free", "worker3"),
    }
    package_half_configured {
        on: "worker3",
        apply: "cp /var/lib/dpkg/status /root/ && sed -i '/^Package: less$/{n;s/ installed$/ half-configured/}' /var/lib/dpkg/status",
        proof: "dpkg --audit | grep -q less",
        restore: "mv /root/status /var/lib/dpkg/",
        expect: Fails("package-database-sound", "worker3"),
    }

    // --- GPUs --------------------------------------------------------------------------------------------------------

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
