//! Faults of what every machine owes, whatever deploys it (profile base).

use super::super::fault::{DEFAULTS, Expect::*, Fault, OUTSIDE};

faults! {
    of DEFAULTS;

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

[gpu]
worker2.a

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

[gpu]
worker2

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
        expect: Warns("temp-dir-usable", &["worker3"]),
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
}
