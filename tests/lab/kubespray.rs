//! Profile `kubespray` on real hosts: the lab as an inventory of kubespray's, with a checkout and its Ansible on the dev box.
//! What this profile shares with OpenPAI's is brought about by `faults/`, and here several of those together.

use super::fault::{Expect::*, Fault, KUBESPRAY, OUTSIDE};

faults! {
    of KUBESPRAY;

    // --- the hosts, against what the checkout and the inventory want -------------------------------------------------------

    distribution_that_kubespray_does_not_know {
        on: "worker3",
        apply: "cp /usr/lib/os-release /root/ && printf 'NAME=\"Arch Linux\"\nID=arch\nPRETTY_NAME=\"Arch Linux\"\nBUILD_ID=rolling\n' \
                > /usr/lib/os-release && mv /etc/lsb-release /root/ && touch /etc/arch-release",
        proof: "grep -q '^ID=arch' /etc/os-release",
        restore: "mv /root/os-release /usr/lib/; mv /root/lsb-release /etc/; rm -f /etc/arch-release",
        expect: Fails("os-supported", "worker3"),
    }
    node_with_little_memory {
        on: "worker3",
        apply: "sed 's/^MemTotal:.*/MemTotal:         921600 kB/' /proc/meminfo > /root/meminfo && mount --bind /root/meminfo /proc/meminfo",
        proof: "grep -q '^MemTotal: *921600 kB' /proc/meminfo",
        restore: "umount /proc/meminfo && rm /root/meminfo",
        expect: Fails("memory-minimum", "worker3"),
    }
    control_plane_with_little_memory {
        on: "infra2",
        apply: "sed 's/^MemTotal:.*/MemTotal:        1331200 kB/' /proc/meminfo > /root/meminfo && mount --bind /root/meminfo /proc/meminfo",
        proof: "grep -q '^MemTotal: *1331200 kB' /proc/meminfo",
        restore: "umount /proc/meminfo && rm /root/meminfo",
        expect: Fails("memory-minimum", "infra2"),
    }
    control_plane_with_one_processor {
        on: "infra2",
        apply: "echo 0 > /root/online && mount --bind /root/online /sys/devices/system/cpu/online",
        proof: "[ \"$(cat /sys/devices/system/cpu/online)\" = 0 ]",
        restore: "umount /sys/devices/system/cpu/online && rm /root/online",
        // worker3 is both, and owes the sum.
        flags: "--set infra_cpus=2 --set worker_cpus=0",
        expect: Fails("cpu-count", "infra2"),
    }
    kernel_too_old_for_cilium {
        on: OUTSIDE,
        apply: "lab exec worker2 'mkdir -p /etc/systemd/system/ssh.service.d && printf \"[Service]\nExecStart=\nExecStart=/usr/bin/setarch \
                x86_64 --uname-2.6 /usr/sbin/sshd -D\n\" > /etc/systemd/system/ssh.service.d/old.conf && systemctl daemon-reload && systemctl restart ssh \
                && setarch x86_64 --uname-2.6 uname -r > /root/osrelease && mount --bind /root/osrelease /proc/sys/kernel/osrelease' \
                && lab exec devbox 'printf \"kube_network_plugin: cilium\nkube_owner: root\n\" > /lab/kubespray/inventory/group_vars/all/fault.yml'",
        proof: "lab exec pai@devbox 'ssh 10.219.7.22 uname -r' | grep -q '^2\\.6\\.'",
        restore: "lab exec worker2 'umount /proc/sys/kernel/osrelease; rm -r /root/osrelease /etc/systemd/system/ssh.service.d && systemctl daemon-reload && systemctl restart ssh'; lab inventory",
        expect: Fails("kernel-version", "worker2"),
    }
    address_of_another_machine {
        on: "devbox",
        apply: "cd /lab/kubespray/inventory && mkdir host_vars && echo 'ip: 10.219.7.99' > host_vars/worker3.yml && sed -i '/worker3:/s/, ip: [0-9.]*//' hosts.yaml",
        proof: "[ -e /lab/kubespray/inventory/host_vars ]",
        restore: "cd /lab/kubespray/inventory && rm -r host_vars && sed -i '/worker3: {ansible_host/s/}/, ip: 10.219.7.23}/' hosts.yaml",
        // Nobody answers there, which is no second mistake of the inventory's.
        expect: Say(&[
            ("ip-matches-inventory", "worker3", "10.219.7.99"),
            ("peers-reachable", "", "worker3 (10.219.7.99:22)"),
        ]),
    }
    container_manager_that_removes_docker {
        on: "devbox",
        apply: "echo 'container_manager: containerd' > /lab/kubespray/inventory/group_vars/all/fault.yml",
        proof: "[ -e /lab/kubespray/inventory/group_vars/all/fault.yml ]",
        restore: "rm /lab/kubespray/inventory/group_vars/all/fault.yml",
        expect: FailsOnAll("container-manager-change", &["infra1", "infra2", "worker1", "worker2", "worker3"]),
    }
    container_manager_beside_the_inventorys {
        on: "worker3",
        apply: "systemd-run --unit=crio sleep 86400",
        proof: "systemctl is-active --quiet crio",
        restore: "systemctl stop crio",
        expect: Fails("container-manager-change", "worker3"),
    }
    key_that_the_checkouts_docker_unit_passes {
        on: "infra2",
        apply: r#"echo '{"log-opts": {"max-size": "10m"}}' > /etc/docker/daemon.json
                  systemctl reset-failed docker && systemctl restart docker"#,
        proof: "grep -q log-opts /etc/docker/daemon.json",
        restore: "echo '{}' > /etc/docker/daemon.json && systemctl reset-failed docker && systemctl restart docker",
        expect: Fails("docker-config-conflict", "infra2"),
    }
    python_of_2016 {
        on: "worker3",
        apply: "mv /usr/bin/python3 /root/ && cp /bin/true /usr/bin/python3.6 && ln -s python3.6 /usr/bin/python3",
        proof: "[ /usr/bin/python3 -ef /usr/bin/python3.6 ]",
        restore: "rm /usr/bin/python3.6 && mv /root/python3 /usr/bin/",
        expect: Fails("python-present", "worker3"),
    }
    ipvs_on_a_kernel_without_it {
        on: "devbox",
        apply: "echo 'kube_proxy_mode: ipvs' > /lab/kubespray/inventory/group_vars/all/fault.yml",
        proof: "[ -e /lab/kubespray/inventory/group_vars/all/fault.yml ]",
        restore: "rm /lab/kubespray/inventory/group_vars/all/fault.yml",
        expect: FailsOnAll("kernel-modules-loadable", &["infra1", "infra2", "worker1", "worker2", "worker3"]),
    }
    route_into_the_inventorys_pods {
        on: "worker3",
        apply: "ip route add 10.233.70.0/24 dev eth0",
        proof: "ip route | grep -q 10.233.70.0",
        restore: "ip route del 10.233.70.0/24",
        expect: Fails("cidr-overlap", "worker3"),
    }
    route_of_the_clusters_own_pods {
        on: "worker3",
        apply: "ip route add 10.233.70.0/24 dev eth0",
        proof: "ip route | grep -q 10.233.70.0",
        restore: "ip route del 10.233.70.0/24",
        flags: "--stage rerun",
        expect: Nothing,
    }
    data_of_an_etcd_of_before {
        on: "worker3",
        apply: "mkdir -p /var/lib/etcd/member && mkdir -p /etc/kubernetes && touch /etc/kubernetes/kubelet.conf",
        proof: "[ -e /var/lib/etcd/member ]",
        restore: "rm -r /var/lib/etcd /etc/kubernetes",
        expect: Fails("kubernetes-absent", "worker3"),
    }
    node_that_is_there_when_the_cluster_grows {
        on: "worker3",
        apply: "mkdir -p /var/lib/etcd/member /etc/kubernetes && touch /etc/kubernetes/kubelet.conf && cp /bin/sleep /usr/local/bin/kubelet \
                && systemd-run --unit=kubelet /usr/local/bin/kubelet 86400 && systemd-run --unit=lab-port nc -lk 10250 \
                && tar -C / -c bin/busybox | docker import - lab-idle && docker run -d --name idle lab-idle /bin/busybox sleep 86400",
        proof: "pgrep -x kubelet && docker ps | grep -q idle",
        restore: "systemctl stop kubelet lab-port; docker rm -f idle; docker rmi lab-idle; rm -r /usr/local/bin/kubelet /var/lib/etcd /etc/kubernetes",
        flags: "--stage scale",
        expect: Nothing,
    }
    nodes_that_are_all_there_when_the_cluster_grows {
        on: OUTSIDE,
        apply: "for host in worker1 worker2; do lab exec $host 'cp /bin/sleep /usr/local/bin/kubelet \
                && systemd-run --unit=kubelet /usr/local/bin/kubelet 86400' || exit; done",
        proof: "lab exec worker1 'pgrep -x kubelet' && lab exec worker2 'pgrep -x kubelet'",
        restore: "for host in worker1 worker2; do lab exec $host 'systemctl stop kubelet; rm /usr/local/bin/kubelet'; done",
        flags: "--stage scale",
        expect: FleetFails("scale-adds-node"),
    }
    port_of_the_api_server_taken {
        on: "infra1",
        apply: "systemd-run --unit=lab-port nc -lk 6443",
        proof: "ss -ltn | grep -q ':6443 '",
        restore: "systemctl stop lab-port",
        expect: Fails("ports-free", "infra1"),
    }
    port_of_etcd_taken_on_loopback {
        on: "infra2",
        apply: "systemd-run --unit=lab-port nc -lk 127.0.0.1 2379",
        proof: "ss -ltn | grep -q '127.0.0.1:2379 '",
        restore: "systemctl stop lab-port",
        expect: Fails("ports-free", "infra2"),
    }

    gpus_in_a_group_of_another_name {
        on: "devbox",
        apply: "sed -i 's/^    gpu:/    accelerated:/' /lab/kubespray/inventory/hosts.yaml",
        proof: "grep -q '^    accelerated:' /lab/kubespray/inventory/hosts.yaml",
        restore: "sed -i 's/^    accelerated:/    gpu:/' /lab/kubespray/inventory/hosts.yaml",
        expect: Warns("gpu-declared", &["worker1", "worker2"]),
    }

    // --- the control node ----------------------------------------------------------------------------------------------------

    ansible_of_another_release {
        on: "devbox",
        apply: "mv /opt/ansible-2.18 /opt/ansible-2.18-away && ln -s ansible-2.19 /opt/ansible-2.18",
        proof: "[ -L /opt/ansible-2.18 ]",
        restore: "rm /opt/ansible-2.18 && mv /opt/ansible-2.18-away /opt/ansible-2.18",
        expect: Say(&[("control-node-ansible", "localhost", "wants 2.18.0 or newer and older than 2.19.0")]),
    }
    no_ansible_at_all {
        on: "devbox",
        apply: "mv /opt/ansible-2.18 /opt/ansible-2.18-away",
        proof: "! [ -e /opt/ansible-2.18 ]",
        restore: "mv /opt/ansible-2.18-away /opt/ansible-2.18",
        expect: Say(&[("control-node-ansible", "localhost", "there is no ansible-playbook in PATH")]),
    }
    checkout_newer_than_the_control_node {
        on: "devbox",
        apply: "cp /srv/kubespray/playbooks/ansible_version.yml /root/ && sed -i 's/2\\.19\\.0/2.21.0/; s/2\\.18\\.0/2.20.0/' /srv/kubespray/playbooks/ansible_version.yml",
        proof: "grep -q 2.21.0 /srv/kubespray/playbooks/ansible_version.yml",
        restore: "mv /root/ansible_version.yml /srv/kubespray/playbooks/",
        expect: Say(&[
            ("control-node-ansible", "localhost", "wants 2.20.0 or newer and older than 2.21.0"),
            ("control-node-python", "localhost", "needs 3.12 or newer"),
        ]),
    }
    module_that_the_interpreter_lacks {
        on: "devbox",
        apply: "mv /opt/ansible-2.18/lib/python3.11/site-packages/netaddr /root/",
        proof: "! /opt/ansible-2.18/bin/python3 -c 'import netaddr'",
        restore: "mv /root/netaddr /opt/ansible-2.18/lib/python3.11/site-packages/",
        expect: Say(&[("control-node-modules", "localhost", "netaddr cannot be imported by /opt/ansible-2.18/bin/python3")]),
    }
    untidy_control_node {
        on: "devbox",
        apply: "mv /usr/share/ansible/collections/ansible_collections/community/general /root/ && cp /srv/kubespray/requirements.txt /root/ \
                && cd /srv/kubespray && sed -i 's/^netaddr==.*/netaddr==0.9.0/' requirements.txt \
                && printf '[defaults]\nforks = 1000000\n[ssh_connection]\ncontrol_path_dir = /home/pai/%0100d\n' 0 > ansible.cfg \
                && mkdir -p .git/refs/heads && echo 'ref: refs/heads/master' > .git/HEAD && echo 0123456789012345678901234567890123456789 > .git/refs/heads/master \
                && echo '# pack-refs with: peeled fully-peeled sorted' > .git/packed-refs",
        proof: "[ -e /srv/kubespray/.git ]",
        restore: "mv /root/general /usr/share/ansible/collections/ansible_collections/community/ && mv /root/requirements.txt /srv/kubespray/ \
                  && rm -r /srv/kubespray/ansible.cfg /srv/kubespray/.git",
        expect: Say(&[
            ("control-node-collections", "localhost", "community.general is missing"),
            ("control-node-requirements", "localhost", "netaddr 1.3.0 (requirements.txt: ==0.9.0)"),
            ("control-node-open-files", "localhost", "1000000 forks"),
            ("control-node-ssh", "localhost", "the longest ControlPath has"),
            ("kubespray-checkout", "localhost", "commit 0123456789012345678901234567890123456789, which no release is"),
        ]),
    }

    // --- the inventory: several faults, each in a line of its own ----------------------------------------------------------

    inventory_with_wrong_values {
        on: OUTSIDE,
        apply: r#"lab exec devbox 'cd /lab/kubespray/inventory && sed -i "/infra1: {}, infra2: {}, worker3/s/, worker3: {}//" hosts.yaml \
                  && cat > group_vars/all/fault.yml' <<'EOF'
kube_pods_subnet: 10.233.0.0/16
kube_proxy_mod: iptables
helm_enabled: "false"
dns_mode: kubedns
ansible_become_password: hunter2
EOF
lab exec devbox 'echo hunter2 > /lab/kubespray/vault && chmod 644 /lab/kubespray/vault'"#,
        proof: "lab exec devbox '[ -e /lab/kubespray/inventory/group_vars/all/fault.yml ]'",
        restore: "lab inventory",
        flags: "--vault-password-file /lab/kubespray/vault",
        expect: Say(&[
            ("inventory-etcd-odd", "", "2"),
            ("inventory-cidr-disjoint", "", "group_vars/all/fault.yml:1)"),
            ("inventory-variables-known", "", "group_vars/all/fault.yml:2)"),
            ("inventory-booleans", "", "group_vars/all/fault.yml:3)"),
            ("inventory-choices", "", "group_vars/all/fault.yml:4)"),
            ("inventory-secrets-protected", "", "group_vars/all/fault.yml:5)"),
            ("inventory-secrets-protected", "", "`vault password` (/lab/kubespray/vault)"),
        ]),
    }
    inventory_with_wrong_hosts {
        on: OUTSIDE,
        apply: r#"lab exec devbox 'cd /lab/kubespray/inventory && sed -i "/^    etcd:/,+1d; s/worker3/GPU_4/; /GPU_4: {ansible_host/s/}/, access_ip: 10.219.7.300}/" hosts.yaml \
                  && cat > group_vars/all/fault.yml' <<'EOF'
kube_network_plugin: flannel
kubelet_max_pods: 300
deploy_netchecker: false
EOF"#,
        proof: "lab exec devbox '[ -e /lab/kubespray/inventory/group_vars/all/fault.yml ]'",
        restore: "lab inventory",
        expect: Say(&[
            ("inventory-groups", "", "etcd"),
            // Then etcd runs on the control plane.
            ("inventory-etcd-odd", "", "infra1, infra2"),
            ("inventory-names", "", "GPU_4"),
            ("hostname-valid", "GPU_4", "the inventory calls it GPU_4"),
            ("inventory-addresses", "", "10.219.7.300"),
            ("inventory-pods-fit", "", "kubelet_max_pods"),
            ("inventory-variables-read", "", "group_vars/all/fault.yml:3)"),
        ]),
    }
    inventory_with_a_wrong_network_and_hosts_twice {
        on: OUTSIDE,
        apply: r#"lab exec worker3 'hostname worker2' && lab exec devbox 'cd /lab/kubespray/inventory \
                  && sed -i "s/worker2/worker2.a/; s/worker3/worker2.b/; s/infra2: {}/&, infra2.lab: {}/" hosts.yaml \
                  && sed -i "/^    etcd:/,+1s/, infra2.lab: {}//; s/^    infra2: \(.*\)/&\n    infra2.lab: \1/" hosts.yaml \
                  && echo "kube_service_addresses: 10.233.0.1/18" > group_vars/all/fault.yml'"#,
        proof: r#"lab exec worker3 '[ "$(hostname)" = worker2 ]' && lab exec devbox 'grep -q infra2.lab: /lab/kubespray/inventory/hosts.yaml'"#,
        restore: "lab exec worker3 'hostname worker3'; lab inventory",
        expect: Say(&[
            ("inventory-cidr-valid", "", "group_vars/all/fault.yml:1)"),
            ("inventory-addresses", "", "10.219.7.12"),
            ("same-machine-twice", "", "infra2.lab"),
            ("hostname-unique", "", "worker2"),
        ]),
    }
}

/// Faults of `faults/` that come together, each on its own ground, by what deploys the cluster.
pub(crate) const BAD_DAYS: [&[&str]; 5] = [
    // Nobody is let in.
    &["key_no_longer_authorized", "host_key_changed", "account_locked_by_its_shell", "host_down"],
    // The system.
    &[
        "os_is_too_old",
        "ssh_not_started_at_boot",
        "chrony_stopped",
        "docker_stopped",
        "kubelet_running",
        "apparmor_without_its_parser",
        "gpu_driver_not_loaded",
        "infra_clock_five_seconds_ahead",
        "memory_cgroup_switched_off",
        "swap_in_use",
        "reboot_required",
        "hostname_no_dns_name",
        "disk_full",
        "ufw_at_work",
        "smaller_packets_on_one_host",
        "package_manager_at_work",
    ],
    // Who is who, and what is in the way.
    &[
        "sudo_wants_a_password",
        "clock_not_synchronised",
        "daemon_json_broken",
        "worker_clock_five_seconds_ahead",
        "nvidia_runtime_binary_gone",
        "library_upgraded_under_the_loaded_module",
        "peer_cut_off_by_a_firewall",
        "registry_does_not_answer",
        "container_running",
        "machine_id_cloned",
        "product_uuid_cloned",
        "hostname_not_the_inventorys",
        "inodes_used_up",
        "no_program_may_run_in_tmp",
        "resolver_on_the_hosts_own_loopback",
        "newer_kernel_installed",
        "package_half_configured",
    ],
    // GPUs that nouveau has, a runtime that is not the default, a way out that is lost.
    &[
        "nouveau_holds_the_gpus",
        "runtime_not_the_default",
        "default_route_lost",
        "python_removed",
        "process_1_is_not_systemd",
        "a_nodes_address_on_another_host",
    ],
    // GPUs that are gone, an address that is leased, a resolver that is dead.
    &["gpus_gone_from_the_bus", "address_leased_by_dhcp", "resolver_of_a_dead_server", "port_taken"],
];
