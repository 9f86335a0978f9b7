//! Faults of reaching a host, of login and sudo, of memory, processors and time.

use super::super::fault::{DEFAULTS, Expect::*, Fault, OUTSIDE};

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

[gpu]
worker1
worker2

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
        apply: "echo 'parameters: {cpu_idle_min_percent: 100}' > /lab/airworthy.yaml && \
                systemd-run --quiet --unit=busy -p Nice=19 sh -c 'while :; do :; done'",
        proof: "[ -e /lab/airworthy.yaml ] && systemctl is-active --quiet busy",
        restore: "rm /lab/airworthy.yaml && systemctl stop busy",
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
}
