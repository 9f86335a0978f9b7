//! Many host names in few words: `gpu[01-40]`.

use std::collections::BTreeMap;

use crate::report::escape::{self, NAME_MAX};

/// So many words of a list are shown; the rest is counted.
const SHOWN: usize = 8;

/// A list of names, runs of numbers folded, in the order in which the names were given. With
/// `all`, nothing is left out; else the rest is counted: `…  and 38 more`.
pub(super) fn compress(names: &[&str], all: bool) -> String {
    let mut words = fold(names);
    let shown = if all || words.len() <= SHOWN { words.len() } else { SHOWN - 1 };
    let hidden: usize = words[shown..].iter().map(|(_, count)| count).sum();
    words.truncate(shown);
    let mut list = words.iter().map(|(word, _)| escape::clip(word, NAME_MAX)).collect::<Vec<_>>().join(", ");
    if hidden > 0 {
        list.push_str(&format!(" … and {hidden} more"));
    }
    list
}

/// A name cut around its number.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Stem<'a> {
    before: &'a str,
    after: &'a str,
    /// The width of a padded number; 0 where it has no leading zero to keep.
    padding: usize,
}

/// Words, each with how many names it stands for.
fn fold(names: &[&str]) -> Vec<(String, usize)> {
    let mut numbers: BTreeMap<Stem<'_>, Vec<(u64, usize)>> = BTreeMap::new();
    let mut words: Vec<(usize, String, usize)> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        match cut(name) {
            Some((stem, number)) => numbers.entry(stem).or_default().push((number, place)),
            None => words.push((place, (*name).to_owned(), 1)),
        }
    }
    merge_padding(&mut numbers);
    for (stem, mut members) in numbers {
        members.sort_unstable();
        for run in members.chunk_by(|a, b| a.0.checked_add(1) == Some(b.0)) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let place = run.iter().map(|(_, place)| *place).min().unwrap_or_default();
            if run.len() >= 3 {
                let Stem { before, after, padding: width } = &stem;
                let word = format!("{before}[{:0width$}-{:0width$}]{after}", first.0, last.0);
                words.push((place, word, run.len()));
            } else {
                words.extend(run.iter().map(|(_, place)| (*place, names[*place].to_owned(), 1)));
            }
        }
    }
    words.sort();
    words.into_iter().map(|(_, word, count)| (word, count)).collect()
}

/// `gpu10` is as wide as `gpu09` and belongs to it, though it has no zero to show that it is padded.
fn merge_padding(numbers: &mut BTreeMap<Stem<'_>, Vec<(u64, usize)>>) {
    let padded: Vec<(&str, &str, usize)> =
        numbers.keys().filter(|s| s.padding > 0).map(|s| (s.before, s.after, s.padding)).collect();
    for (before, after, padding) in padded {
        let Some(members) = numbers.get_mut(&Stem { before, after, padding: 0 }) else { continue };
        let (same, other): (Vec<_>, Vec<_>) =
            members.drain(..).partition(|(number, _)| number.to_string().len() == padding);
        members.extend(other);
        numbers.entry(Stem { before, after, padding }).or_default().extend(same);
    }
}

/// Cuts a name at the last number of its first label (`gpu01.rack2.lan` is number 1, not 2); an
/// IPv4 address at its last.
fn cut(name: &str) -> Option<(Stem<'_>, u64)> {
    let address = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let label = if address { name.len() } else { name.find('.').unwrap_or(name.len()) };
    let end = name[..label].rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + name[at..].chars().next().map_or(1, char::len_utf8));
    let digits = &name[start..end];
    let padding = if digits.len() > 1 && digits.starts_with('0') { digits.len() } else { 0 };
    Some((Stem { before: &name[..start], after: &name[end..], padding }, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[String]) -> String {
        compress(&names.iter().map(String::as_str).collect::<Vec<_>>(), false)
    }

    #[test]
    fn runs_are_folded() {
        assert_eq!(list(&(1..=40).map(|n| format!("gpu{n:02}")).collect::<Vec<_>>()), "gpu[01-40]");
        assert_eq!(list(&(1..=300).map(|n| format!("node{n}")).collect::<Vec<_>>()), "node[1-300]");
        assert_eq!(compress(&["gpu01", "gpu02"], false), "gpu01, gpu02");
        assert_eq!(compress(&["m1", "gpu08", "gpu09", "gpu10", "gpu12"], false), "m1, gpu[08-10], gpu12");
        assert_eq!(compress(&["a1.r7.lan", "a2.r7.lan", "a3.r7.lan"], false), "a[1-3].r7.lan");
        assert_eq!(compress(&["10.0.0.8", "10.0.0.9", "10.0.0.10"], false), "10.0.0.[8-10]");
        assert_eq!(compress(&["é1", "é2", "é3", "x-01-a"], false), "é[1-3], x-01-a");
    }

    #[test]
    fn different_paddings_are_different_hosts() {
        assert_eq!(compress(&["n1", "n01", "n2", "n02", "n3", "n03"], false), "n[1-3], n[01-03]");
        assert_eq!(compress(&["n098", "n099", "n100", "n1000"], false), "n[098-100], n1000");
    }

    #[test]
    fn the_rest_is_counted() {
        let names: Vec<String> = (0..20).map(|n| format!("n{}", n * 2)).collect();
        assert_eq!(list(&names), "n0, n2, n4, n6, n8, n10, n12 … and 13 more");
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(compress(&names, true).split(", ").count(), 20);
        assert_eq!(compress(&[], false), "");
    }

    #[test]
    fn numbers_too_large_are_names() {
        assert_eq!(compress(&["x99999999999999999999999"], false), "x99999999999999999999999");
        assert_eq!(compress(&["n18446744073709551615"], false), "n18446744073709551615");
    }
}
