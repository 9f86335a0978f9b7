//! Transcripts written down by hand, for tests of parsers.

use super::probe::Read;
use super::transcript::{Ended, Section, Transcript};

/// What a machine answered, said piece by piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorded {
    asked: Vec<String>,
    files: String,
    complaints: String,
    sections: Vec<(String, Section)>,
}

/// 2026-11-22 17:46:40 in UTC, in seconds since 1970.
pub(super) const NOW: i64 = 1_795_369_600;

impl Recorded {
    /// A host with one card, `eth0`, whose addresses are as `ip -o addr` shows them behind `inet`:
    /// `10.0.0.5/24 … scope global eth0`. Its default route leaves through 10.0.0.1.
    pub(super) fn with_eth0(addresses: &[&str]) -> Self {
        let mut ip = String::from(
            "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n",
        );
        for address in addresses {
            let family = if address.contains("::") { "inet6" } else { "inet" };
            let lifetime = if address.contains("dynamic") { "3412sec" } else { "forever" };
            ip.push_str(&format!(
                "2: eth0    {family} {address}\\       valid_lft {lifetime} preferred_lft {lifetime}\n"
            ));
        }
        ip.push_str("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n");
        ip.push_str("2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP mode DEFAULT group default qlen 1000\\    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff\n");
        ip.push_str("default via 10.0.0.1 dev eth0 \n");
        Recorded::default()
            .file("/proc/net/route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\neth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n")
            .unreadable("/proc/net/ipv6_route", "No such file or directory")
            .file("/sys/class/net/eth0/uevent", "INTERFACE=eth0\nIFINDEX=2\n")
            .file("/sys/class/net/eth0/device/uevent", "DRIVER=virtio_net\nMODALIAS=virtio:d00000001v00001AF4\n")
            .answer("network-ip", &ip)
            .answer("network-manager", "")
    }

    /// What the network subject makes of it.
    pub(super) fn network(self, node_ip: Option<&str>) -> super::Network {
        super::Network::parse(&self.transcript(), node_ip, NOW)
    }
    /// A file and its whole text.
    pub(super) fn file(mut self, path: &str, text: &str) -> Self {
        self.asked.push(path.to_owned());
        for line in text.lines() {
            self.files.push_str(&format!("{path}:{line}\n"));
        }
        self
    }

    /// A file or glob that could not be read, and why: `No such file or directory`, `Permission denied`.
    pub(super) fn unreadable(mut self, path: &str, reason: &str) -> Self {
        self.asked.push(path.to_owned());
        self.complaints.push_str(&format!("grep: {path}: {reason}\n"));
        self
    }

    /// A probe that ended well, and what it wrote.
    pub(super) fn answer(self, probe: &str, out: &str) -> Self {
        self.ended(probe, Ended::Exited(0), out, "")
    }

    /// A probe, how it ended, what it wrote and what it complained.
    pub(super) fn ended(mut self, probe: &str, ended: Ended, out: &str, err: &str) -> Self {
        let (out, err) = (out.to_owned().into(), err.to_owned().into());
        let section = Section { source: probe.to_owned().into(), ended, out, err, stuck: None };
        self.sections.push((probe.to_owned(), section));
        self
    }

    /// All of it as the transcript that gather would have made; files that were not spoken of are empty.
    pub(super) fn transcript(mut self) -> Transcript {
        for probe in super::host::probes() {
            if let Read::Files(paths) = probe.read {
                self.asked.extend(paths.iter().map(|path| (*path).to_owned()));
            }
        }
        let files = Section {
            source: "".into(),
            ended: Ended::Exited(0),
            out: format!("asked:{}\n{}", self.asked.join(":"), self.files).into(),
            err: self.complaints.into(),
            stuck: None,
        };
        Transcript::new(std::iter::once(("files".to_owned(), files)).chain(self.sections))
    }
}
