//! Which commit is checked out, and whether files differ from it: read from `.git`, asked of git only where that is not
//! enough.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::facts::Fact;
use crate::input;
use crate::inventory::process::{Bounds, run};

/// What git may take; `git status` of a cold checkout is well under a second.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(10), bytes: 1024 * 1024 };
/// A larger file of `.git` is not read: packed-refs of kubespray has 300 KiB with all pull requests.
const MAX_FILE: u64 = 8 * 1024 * 1024;
/// More changed files are counted, not named.
const MAX_NAMED: usize = 20;

/// What git says of a checkout.
pub(super) struct Git {
    pub(super) commit: Fact<String>,
    pub(super) tag: Fact<String>,
    pub(super) modified: Fact<Vec<String>>,
}

/// Looks into a checkout.
pub(super) fn look(folder: &Path) -> Git {
    let source = folder.join(".git").display().to_string();
    let Some(directory) = directory(folder) else {
        let none = || source.clone();
        return Git {
            commit: Fact::absent(none()),
            tag: Fact::absent(none()),
            modified: Fact::absent(none()),
        };
    };
    let references = References::read(&directory);
    let Some(commit) = references.head() else {
        let reason = "its HEAD leads to no commit";
        return Git {
            commit: Fact::unknown(reason, source.clone()),
            tag: Fact::unknown(reason, source.clone()),
            modified: Fact::unknown(reason, source),
        };
    };
    let tag = match references.release_at(&commit) {
        Some(tag) => Fact::known(tag, source.clone()),
        // A tag in a file of its own may be an object that leads to the commit.
        None => match ask(folder, &["tag", "--points-at", "HEAD"]) {
            Ok(tags) => match tags.lines().find(|tag| is_release(tag)) {
                Some(tag) => Fact::known(tag.to_owned(), "git tag --points-at HEAD"),
                None => Fact::absent("git tag --points-at HEAD"),
            },
            Err(_) if references.all_peeled => Fact::absent(source.clone()),
            Err(reason) => Fact::unknown(reason, "git tag --points-at HEAD"),
        },
    };
    let status = ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"];
    let modified = match ask(folder, &status) {
        Ok(told) => Fact::known(changed(&told), "git status"),
        Err(reason) => Fact::unknown(reason, "git status"),
    };
    Git { commit: Fact::known(commit, source), tag, modified }
}

/// The folder of the repository's files; a work tree or submodule has it elsewhere.
fn directory(folder: &Path) -> Option<PathBuf> {
    let dot_git = folder.join(".git");
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    let text = small_file(&dot_git)?;
    let directory = folder.join(text.trim().strip_prefix("gitdir:")?.trim());
    directory.is_dir().then_some(directory)
}

/// The text of a small ordinary file.
fn small_file(path: &Path) -> Option<String> {
    input::read_text(path, MAX_FILE).ok()
}

/// The names of a repository.
struct References {
    directory: PathBuf,
    /// Where those are that work trees share.
    common: PathBuf,
    packed: String,
    /// Whether all release tags are packed, with the commits they lead to.
    all_peeled: bool,
}

impl References {
    fn read(directory: &Path) -> References {
        let common = small_file(&directory.join("commondir"))
            .map_or_else(|| directory.to_owned(), |path| directory.join(path.trim()));
        let packed = small_file(&common.join("packed-refs")).unwrap_or_default();
        // A folder that cannot be listed may hold anything.
        let all_peeled = loose_tags(&common).is_some_and(|names| !names.iter().any(|name| is_release(name)));
        References { directory: directory.to_owned(), common, packed, all_peeled }
    }

    /// The commit that is checked out.
    fn head(&self) -> Option<String> {
        let mut told = small_file(&self.directory.join("HEAD"))?;
        for _ in 0..5 {
            let Some(name) = told.trim().strip_prefix("ref:").map(|name| name.trim().to_owned()) else {
                return commit(&told);
            };
            if name.split('/').any(|part| part == "..") || !name.starts_with("refs/") {
                return None;
            }
            told = match small_file(&self.common.join(&name)) {
                Some(text) => text,
                None => {
                    self.packed.lines().find_map(|line| line.strip_suffix(&format!(" {name}")))?.to_owned()
                }
            };
        }
        None
    }

    /// The tag of a release at a commit.
    fn release_at(&self, commit: &str) -> Option<String> {
        let mut named: Option<&str> = None;
        for line in self.packed.lines() {
            if let Some(peeled) = line.strip_prefix('^') {
                if let Some(tag) = named.filter(|_| peeled.trim() == commit) {
                    return Some(tag.to_owned());
                }
                continue;
            }
            named = line.split_once(" refs/tags/").map(|(_, tag)| tag.trim()).filter(|tag| is_release(tag));
            if let (Some(tag), true) = (named, line.starts_with(commit)) {
                return Some(tag.to_owned());
            }
        }
        let names = loose_tags(&self.common).into_iter().flatten().filter(|name| is_release(name));
        let at = |name: &String| small_file(&self.common.join("refs/tags").join(name));
        names.into_iter().find(|name| at(name).is_some_and(|text| text.trim() == commit))
    }
}

/// The names of the tags that are files of their own; `None` where they cannot be listed.
fn loose_tags(common: &Path) -> Option<Vec<String>> {
    match input::entries(&common.join("refs/tags")) {
        Ok(paths) => {
            let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
            Some(names.map(str::to_owned).collect())
        }
        Err(error) => (error.kind() == ErrorKind::NotFound).then(Vec::new),
    }
}

/// A commit's whole name.
fn commit(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_owned())
}

/// `v2.28.0`, and no candidate.
fn is_release(tag: &str) -> bool {
    let parts = tag.strip_prefix('v').unwrap_or_default().split('.');
    let numbers =
        parts.filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).count();
    numbers == 3 && tag.matches('.').count() == 2
}

/// The paths in `git status --porcelain`.
fn changed(status: &str) -> Vec<String> {
    let mut paths: Vec<String> = status.lines().filter_map(|line| Some(line.get(3..)?.to_owned())).collect();
    if paths.len() > MAX_NAMED {
        let more = paths.len() - MAX_NAMED;
        paths.truncate(MAX_NAMED);
        paths.push(format!("and {more} more"));
    }
    paths
}

/// Asks git; it takes no lock, runs no hook and no file system monitor, and asks nobody.
fn ask(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
    git.args(arguments).env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    // What the environment says of another repository is not about this one.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"] {
        git.env_remove(variable);
    }
    let said = run(&mut git, &BOUNDS, true).map_err(|reason| format!("git {reason}"))?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{changed, is_release, look};
    use crate::facts::{Fact, Reading};

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    #[test]
    fn the_commit_and_its_tag_are_read_from_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join("refs/heads")).expect("folders");
        fs::write(git.join("HEAD"), "ref: refs/heads/release-2.28\n").expect("written");
        let packed = format!(
            "# pack-refs with: peeled\n{TWO} refs/heads/release-2.28\n{ONE} refs/tags/v2.28.0\n^{TWO}\n"
        );
        fs::write(git.join("packed-refs"), packed).expect("written");
        let seen = look(folder.path());
        assert_eq!(seen.commit.value().map(String::as_str), Some(TWO));
        assert_eq!(seen.tag.value().map(String::as_str), Some("v2.28.0"));
        assert!(
            matches!(seen.modified.reading, Reading::Unknown(_)),
            "no repository that git knows: {:?}",
            seen.modified
        );

        fs::write(git.join("refs/heads/release-2.28"), ONE).expect("written");
        assert_eq!(look(folder.path()).commit.value().map(String::as_str), Some(ONE));
        fs::write(git.join("HEAD"), "ref: ../../etc/passwd\n").expect("written");
        assert!(matches!(look(folder.path()).commit.reading, Reading::Unknown(_)));
    }

    #[test]
    fn a_work_tree_is_followed_to_its_repository() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            (".git", "gitdir: x/main/worktrees/a\n"),
            ("x/main/worktrees/a/HEAD", "ref: refs/heads/a\n"),
            ("x/main/worktrees/a/commondir", "../..\n"),
            ("x/main/refs/heads/a", ONE),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        assert_eq!(look(folder.path()).commit.value().map(String::as_str), Some(ONE));
    }

    #[test]
    fn what_is_no_commit_is_none() {
        for head in ["ref: refs/heads/none\n", "\u{1b}[31m0123456789abcdef0123456789abcdef012345", ""] {
            let folder = tempfile::tempdir().expect("a folder");
            fs::create_dir(folder.path().join(".git")).expect("made");
            fs::write(folder.path().join(".git/HEAD"), head).expect("written");
            let seen = look(folder.path());
            assert_eq!((seen.commit.value(), seen.modified.value()), (None, None), "{head}");
        }
    }

    #[test]
    fn an_archive_has_no_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = look(folder.path());
        let source = folder.path().join(".git").display().to_string();
        assert_eq!((seen.commit, seen.tag), (Fact::absent(source.clone()), Fact::absent(source.clone())));
        assert_eq!(seen.modified, Fact::absent(source));
    }

    #[test]
    fn releases_and_changes_are_recognised() {
        assert!(
            is_release("v2.28.0")
                && !is_release("v2.28.0-rc1")
                && !is_release("2.28.0")
                && !is_release("v2.28")
        );
        assert_eq!(changed(" M requirements.txt\nA  a b\n"), ["requirements.txt", "a b"]);
        let many: String = (0..30).map(|at| format!(" M f{at}\n")).collect();
        assert_eq!(changed(&many).last().map(String::as_str), Some("and 10 more"));
    }
}
