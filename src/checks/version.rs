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

/// Whether a version is one of those that are asked for as pip (PEP 440) and galaxy.yml write it: `>=2.5.0,<3`, `==1.*`,
/// `~=1.4`; empty and `*` are any. `None` where one of them makes no sense.
pub(super) fn matches(version: &str, wanted: &str) -> Option<bool> {
    let mut all = true;
    for part in wanted.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "*") {
        let end = part.find(|c: char| !"<>=!~".contains(c)).unwrap_or(part.len());
        let (operator, bound) = part.split_at(end);
        let (bound, is_family) = match bound.trim().strip_suffix(".*") {
            Some(family) => (family, true),
            None => (bound.trim(), false),
        };
        let order = compare(version, bound)?;
        let in_family = |bound: &str| -> Option<bool> {
            let (version, bound) = (split(version)?.0, split(bound)?.0);
            Some((0..bound.len()).all(|at| version.get(at).copied().unwrap_or(0) == bound[at]))
        };
        all &= match operator {
            "" | "=" | "==" | "===" if is_family => in_family(bound)?,
            "" | "=" | "==" | "===" => order.is_eq(),
            "!=" if is_family => !in_family(bound)?,
            "!=" => order.is_ne(),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            // `~=1.4.2`: 1.4.2 or newer, and 1.4.*
            "~=" => order.is_ge() && in_family(bound.rsplit_once('.')?.0)?,
            _ => return None,
        };
    }
    Some(all)
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
        for (version, wanted, is) in [
            ("1.3.0", "==1.3.0", Some(true)),
            ("1.3.0", "==1.3", Some(true)),
            ("1.3.1", "==1.3.0", Some(false)),
            ("5.0.0", "<6", Some(true)),
            ("6.0.0", "<6", Some(false)),
            ("2.5.1", ">=2.5.0, <3", Some(true)),
            ("3.0", ">=2.5.0,<3", Some(false)),
            ("1.4.9", "~=1.4.2", Some(true)),
            ("1.5.0", "~=1.4.2", Some(false)),
            ("1.4.1", "~=1.4.2", Some(false)),
            ("1.4.1", "==1.*", Some(true)),
            ("2.0", "!=1.*", Some(true)),
            ("2.0", "", Some(true)),
            ("2.0", "*", Some(true)),
            ("2.0", "=>1", None),
            ("2.0", "~=1", None),
            ("x", ">=1", None),
        ] {
            assert_eq!(super::matches(version, wanted), is, "{version} {wanted}");
        }
        assert_eq!(compare("stretch/sid", "9"), None);
        assert_eq!(compare("", "9"), None);
    }
}
