//! Versions in the forms the field writes them: `20.10.24+dfsg1`, `5.4.0-150-generic`, `16.04`.

use std::cmp::Ordering;

/// Compares two versions part by part; `None` where one of them begins with no number.
///
/// What follows the dotted numbers (`+dfsg1`, `-150-generic`, `~ce-0~ubuntu`) does not count, but for a
/// pre-release after them (`-rc1`, `-beta.2`, `~rc3`), which is older than the release itself, as semver has
/// it.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let ((a, a_pre), (b, b_pre)) = (split(a)?, split(b)?);
    let length = a.len().max(b.len());
    let part = |parts: &[u64], i: usize| parts.get(i).copied().unwrap_or(0);
    let numbers = (0..length).map(|i| part(&a, i).cmp(&part(&b, i))).find(|order| order.is_ne());
    match numbers {
        Some(order) => Some(order),
        None => Some(match (a_pre, b_pre) {
            (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(&b),
        }),
    }
}

/// The dotted numbers, and the pre-release after them.
fn split(version: &str) -> Option<(Vec<u64>, Option<semver::Prerelease>)> {
    let version = version.trim();
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let parts: Option<Vec<u64>> =
        numbers.trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect();
    let parts = parts.filter(|parts| !parts.is_empty())?;
    let tail = rest.trim_start_matches(['-', '~', '.']);
    let tail = tail.split(['+', '~']).next().unwrap_or_default();
    let is_pre = ["rc", "alpha", "beta", "pre", "dev"].iter().any(|word| tail.starts_with(word));
    // semver orders `rc2` after `rc10`; a dot between word and number makes it a number.
    let word_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
    let dotted = match tail.split_at(word_end) {
        (word, "") => word.to_owned(),
        (word, number) => format!("{word}.{}", number.trim_start_matches(['.', '-'])),
    };
    Some((parts, is_pre.then(|| semver::Prerelease::new(&dotted).ok()).flatten()))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::compare;

    #[test]
    fn compares_the_fields_sloppy_forms() {
        for (a, b, order) in [
            ("20.10.24+dfsg1", "20.10.24", Equal),
            ("20.10.24+dfsg1", "1.10.0", Greater),
            ("5.4.0-150-generic", "5.4", Equal),
            ("5.4.0-150-generic", "4.15.0", Greater),
            ("16.04", "18.04", Less),
            ("v1.16.15", "1.16.15", Equal),
            ("17.05.0~ce-0~ubuntu-xenial", "17.05", Equal),
            ("1.11.0-rc1", "1.11.0", Less),
            ("1.11.0-rc2", "1.11.0-rc10", Less),
            ("418.226.00", "418.226", Equal),
        ] {
            assert_eq!(compare(a, b), Some(order), "{a} {b}");
        }
        assert_eq!(compare("stretch/sid", "9"), None);
        assert_eq!(compare("", "9"), None);
    }
}
