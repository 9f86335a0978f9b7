//! Variables that releases of kubespray removed or renamed.

use std::sync::LazyLock;

use serde::Deserialize;

use super::demands::Gone;

/// The built-in list.
const LIST: &str = include_str!("gone.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    since: String,
    #[serde(default)]
    instead: Option<String>,
    #[serde(default)]
    refused: bool,
}

/// Those that a release does not have any more: what its own asserts name, and of the built-in list what is as old as the
/// release, unless `is_there` knows the name still. An unknown release (empty) has none of the list.
pub(super) fn among(own: Vec<Gone>, release: &str, is_there: impl Fn(&str) -> bool) -> Vec<Gone> {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        #[allow(clippy::unwrap_used)] // embedded; a test reads it
        serde_saphyr::from_str(LIST).unwrap()
    });
    let mut gone = own;
    let Some(release) = minor(release) else { return gone };
    for entry in ENTRIES.iter().filter(|entry| minor(&entry.since).is_some_and(|since| since <= release)) {
        match gone.iter_mut().find(|known| known.name == entry.name) {
            Some(known) => {
                known.since.clone_from(&entry.since);
                known.instead.clone_from(&entry.instead);
            }
            None if is_there(&entry.name) => {}
            None => gone.push(Gone {
                name: entry.name.clone(),
                since: entry.since.clone(),
                instead: entry.instead.clone(),
                refused: entry.refused,
                source: format!("no role of kubespray {} or later names it (built-in list)", entry.since),
            }),
        }
    }
    gone
}

/// `2.28` of `2.28.1`.
pub(super) fn minor(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::{Gone, among};

    #[test]
    fn the_list_counts_from_its_release_on() {
        let of = |release: &str| among(Vec::new(), release, |name| name == "still_there");
        let names = |gone: &[Gone]| gone.iter().map(|gone| gone.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&of("")), Vec::<String>::new());
        let (old, new) = (of("2.12.10"), of("2.31.0"));
        assert!(old.len() < new.len() && new.len() > 20, "{} of {}", old.len(), new.len());
        let weave = Gone {
            name: "weave_password".to_owned(),
            since: String::new(),
            instead: None,
            refused: true,
            source: "its asserts".to_owned(),
        };
        let told = among(vec![weave], "2.31", |_| false);
        assert_eq!((told[0].since.as_str(), told[0].source.as_str()), ("2.29", "its asserts"));
        assert_eq!(told.iter().filter(|gone| gone.name == "weave_password").count(), 1);
        assert!(among(Vec::new(), "2.31", |_| true).is_empty(), "a name that is still there is not gone");
    }
}
