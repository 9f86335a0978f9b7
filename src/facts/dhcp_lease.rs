//! Leases that DHCP clients keep on disk: dhclient's, systemd-networkd's and NetworkManager's own.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::address_origin::{Shelf, address_in};
use super::ini;

/// One lease of one address.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lease {
    pub(super) path: String,
    pub(super) address: IpAddr,
    pub(super) ends: Ends,
}

/// When a lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// It has no end.
    Never,
    /// In seconds since 1970.
    At(i64),
    /// Held as long as its file exists, for the client removes it.
    WithItsFile,
    /// The file does not tell.
    Untold,
}

impl Lease {
    /// Whether it is still valid, where that can be told.
    pub(super) fn is_valid(&self, now: i64) -> Option<bool> {
        match self.ends {
            Ends::Never | Ends::WithItsFile => Some(true),
            Ends::At(end) => Some(end > now),
            Ends::Untold => None,
        }
    }

    /// `/var/lib/dhcp/dhclient.eth0.leases: lease for 10.0.0.5 until 2026-11-23 10:00:00`.
    pub(super) fn sentence(&self) -> String {
        let until = match self.ends {
            Ends::Never => " without an end".to_owned(),
            Ends::At(end) => match Timestamp::from_second(end) {
                Ok(end) => format!(" until {}", end.strftime("%Y-%m-%d %H:%M:%S")),
                Err(_) => format!(" until {end}"),
            },
            Ends::WithItsFile => String::new(),
            Ends::Untold => ", end not told".to_owned(),
        };
        format!("{}: lease for {}{until}", self.path, self.address)
    }
}

/// Every lease on the host; of several in one file for one address only the last.
pub(super) fn read(shelf: &mut Shelf<'_>) -> Vec<Lease> {
    let mut leases = Vec::new();
    for (folder, ending) in [
        ("/var/lib/dhcp/dhclient", ".lease*"),
        ("/var/lib/dhclient/", ".lease*"),
        ("/var/lib/NetworkManager/", ".lease"),
    ] {
        for (path, text) in shelf.files(folder, ending) {
            let found = dhclient(path, text);
            if found.is_empty() {
                leases.extend(key_value(path, text, Ends::Untold));
            }
            leases.extend(found);
        }
    }
    for (path, text) in shelf.files("/run/systemd/netif/leases/", "") {
        leases.extend(key_value(path, text, Ends::WithItsFile));
    }
    leases
}

/// `ADDRESS=…` as systemd-networkd and NetworkManager's internal client write it.
fn key_value(path: &str, text: &str, ends: Ends) -> Option<Lease> {
    let value =
        |key: &str| ini::entries(text).filter(|entry| entry.key == key).last().map(|entry| entry.value);
    let address = address_in(value("ADDRESS")?)?;
    let ends = value("EXPIRY").and_then(|end| end.parse().ok()).map_or(ends, Ends::At);
    Some(Lease { path: path.to_owned(), address, ends })
}

/// ISC dhclient's blocks: `lease { … }` and `lease6 { ia-na … { iaaddr … { … } } }`.
fn dhclient(path: &str, text: &str) -> Vec<Lease> {
    let mut leases: Vec<Lease> = Vec::new();
    let mut done = |address: Option<IpAddr>, ends: Option<Ends>| {
        let Some(address) = address else { return };
        leases.retain(|older| older.address != address);
        leases.push(Lease { path: path.to_owned(), address, ends: ends.unwrap_or(Ends::Never) });
    };
    let (mut statement, mut blocks): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let (mut address, mut ends) = (None, None);
    let (mut starts, mut life): (Option<i64>, Option<i64>) = (None, None);
    for word in words(text) {
        match word {
            "{" => {
                let kind = statement.first().copied().unwrap_or_default();
                if matches!(kind, "lease" | "iaaddr") {
                    (address, ends, starts, life) = (None, None, None, None);
                }
                if kind == "iaaddr" {
                    address = statement.get(1).and_then(|text| address_in(text));
                }
                blocks.push(kind);
                statement.clear();
            }
            "}" => {
                match blocks.pop() {
                    Some("lease") => done(address.take(), ends.take()),
                    Some("iaaddr") => done(address.take(), lifetime(starts, life)),
                    _ => {}
                }
                statement.clear();
            }
            ";" => {
                match statement.as_slice() {
                    ["fixed-address", value, ..] => address = address_in(value),
                    ["expire", when @ ..] => ends = Some(end(when)),
                    ["starts", when, ..] => starts = when.parse().ok(),
                    ["max-life", seconds, ..] => life = seconds.parse().ok(),
                    _ => {}
                }
                statement.clear();
            }
            word => statement.push(word),
        }
    }
    leases
}

fn lifetime(starts: Option<i64>, life: Option<i64>) -> Option<Ends> {
    match (starts, life) {
        (_, Some(0xffff_ffff)) => Some(Ends::Never),
        (Some(starts), Some(life)) => Some(Ends::At(starts.saturating_add(life))),
        _ => Some(Ends::Untold),
    }
}

/// `2 2026/11/24 05:02:03` in UTC, `epoch 1700000000`, `never`.
fn end(when: &[&str]) -> Ends {
    let at = match when {
        ["never", ..] => return Ends::Never,
        ["epoch", seconds, ..] => seconds.parse().ok(),
        [_, date, time, ..] => DateTime::strptime("%Y/%m/%d %H:%M:%S", format!("{date} {time}"))
            .ok()
            .and_then(|moment| moment.to_zoned(TimeZone::UTC).ok())
            .map(|moment| moment.timestamp().as_second()),
        _ => None,
    };
    at.map_or(Ends::Untold, Ends::At)
}

/// Words, quoted strings and the marks `{`, `}`, `;`; comments are left out.
fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            '{' | '}' | ';' => 1,
            _ => rest
                .find(|letter: char| letter.is_whitespace() || matches!(letter, '{' | '}' | ';' | '"'))
                .unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        if first != '#' {
            found.push(word);
        }
        rest = after.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
default-duid "\000\001\000\001;}";
lease {
  interface "eth0";
  fixed-address 10.0.0.5;
  option subnet-mask 255.255.255.0;
  option domain-name "a { b; }";
  renew 1 2026/11/23 07:00:00;
  expire 1 2026/11/23 10:00:00;
}
lease {
  interface "eth0";
  fixed-address 10.0.0.5;
  expire epoch 1795600000; # Mon Nov 24 2026
}
lease { fixed-address 10.0.0.6; expire never; }
"#;

    #[test]
    fn the_last_block_wins() {
        let found = dhclient("/l", TWO);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].ends, Ends::At(1_795_600_000));
        assert_eq!(found[1].ends, Ends::Never);
    }

    #[test]
    fn dates_are_utc() {
        assert_eq!(end(&["1", "2026/11/23", "10:00:00"]), Ends::At(1_795_428_000));
        assert_eq!(end(&["1", "2026/13/23", "10:00:00"]), Ends::Untold);
        let lease = &dhclient(
            "/l",
            &TWO[..TWO
                .find("lease {\n  interface \"eth0\";\n  fixed-address 10.0.0.5;\n  expire epoch")
                .unwrap_or(0)],
        )[0];
        assert_eq!(lease.sentence(), "/l: lease for 10.0.0.5 until 2026-11-23 10:00:00");
        assert_eq!(lease.is_valid(1_795_427_999), Some(true));
        assert_eq!(lease.is_valid(1_795_428_000), Some(false));
    }

    #[test]
    fn version_six() {
        let found = dhclient(
            "/l6",
            "default-duid \"x\";\nlease6 {\n  interface \"eth0\";\n  ia-na 12:34:56:78 {\n    starts 1700000000;\n    renew 900;\n    iaaddr 2001:db8::5 {\n      starts 1700000000;\n      preferred-life 3600;\n      max-life 7200;\n    }\n  }\n}\n",
        );
        assert_eq!(found[0].address, "2001:db8::5".parse::<IpAddr>().expect("an address"));
        assert_eq!(found[0].ends, Ends::At(1_700_007_200));
    }
}
