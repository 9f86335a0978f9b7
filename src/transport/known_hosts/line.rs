//! One line of known_hosts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::pattern::Names;
use crate::transport::wire::kind_of;

/// What a line says of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is the key of these hosts.
    Key,
    /// `@revoked`: nobody may show it.
    Revoked,
    /// `@cert-authority`: it signs host certificates, which libssh2 cannot check.
    Authority,
}

/// One line, understood.
#[derive(Debug)]
pub(super) struct Line {
    /// Which of the files.
    pub(super) file: usize,
    /// Counted from 1.
    pub(super) number: usize,
    /// What it says.
    pub(super) meaning: Meaning,
    /// Of whom.
    pub(super) names: Names,
    /// The type of the key.
    pub(super) kind: String,
    /// The key as it goes over the wire.
    pub(super) blob: Vec<u8>,
}

impl Line {
    /// `None` for a comment, an empty line and one that makes no sense: a bad line is passed over,
    /// as by OpenSSH, for the others still hold.
    pub(super) fn parse(file: usize, number: usize, text: &str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace().peekable();
        let meaning = match fields.peek()? {
            comment if comment.starts_with('#') => return None,
            &"@revoked" => Meaning::Revoked,
            &"@cert-authority" => Meaning::Authority,
            marker if marker.starts_with('@') => return None,
            _ => Meaning::Key,
        };
        if meaning != Meaning::Key {
            fields.next();
        }
        let names = Names::parse(fields.next()?)?;
        let kind = fields.next()?;
        let blob = STANDARD.decode(fields.next()?).ok()?;
        (kind_of(&blob)? == kind).then(|| Line { file, number, meaning, names, kind: kind.to_owned(), blob })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::wire::key_text;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBNIDN6PXlWm6vjWDJKsVhLJlFlRbDp8S0ZsBTh36Czj";

    #[test]
    fn understands_keys_and_markers() {
        let line = Line::parse(0, 7, &format!("node1 {KEY} a comment")).expect("a line");
        assert_eq!((line.number, line.meaning, line.kind.as_str()), (7, Meaning::Key, "ssh-ed25519"));
        assert_eq!(key_text(&line.blob).as_deref(), Some(KEY));
        let meaning = |text: &str| Line::parse(0, 1, text).map(|line| line.meaning);
        assert_eq!(meaning(&format!("@revoked * {KEY}")), Some(Meaning::Revoked));
        assert_eq!(meaning(&format!("@cert-authority *.org {KEY}")), Some(Meaning::Authority));
        assert_eq!(meaning(&format!("\tnode1\t{KEY}")), Some(Meaning::Key));
    }

    #[test]
    fn passes_over_what_makes_no_sense() {
        for text in [
            "",
            "   ",
            "# node1 ssh-ed25519 AAAA",
            "node1",
            "node1 ssh-ed25519",
            "node1 ssh-ed25519 !!!!",
            "node1 1024 35 1234567890",
            &format!("@unheard-of * {KEY}"),
            &format!("node1 {}", KEY.replace("ssh-ed25519", "ssh-rsa")),
        ] {
            assert!(Line::parse(0, 1, text).is_none(), "{text}");
        }
    }
}
