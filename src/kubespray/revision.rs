//! Which commit a checkout is at. The commit is read from `.git` itself; whether files were changed only git can tell, where
//! it is installed.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The largest file of git's that is read here: `packed-refs` of a repository with many branches.
const LARGEST: u64 = 16 * 1024 * 1024;

/// How long git may look for changes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a checkout stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// The commit; `None` where it is no git checkout, or what git wrote is not understood.
    pub commit: Option<String>,
    /// Whether files that git knows were changed; `None` where that could not be told.
    pub dirty: Option<bool>,
}

impl Revision {
    /// Looks at a checkout.
    pub fn of(checkout: &Path) -> Revision {
        let commit = commit(checkout);
        let dirty = commit.as_ref().and_then(|_| dirty(checkout));
        Revision { commit, dirty }
    }
}

fn commit(checkout: &Path) -> Option<String> {
    let mut git = checkout.join(".git");
    if git.is_file() {
        // A worktree or a submodule: the file says where the rest is.
        git = checkout.join(text(&git)?.strip_prefix("gitdir:")?.trim());
    }
    let head = text(&git.join("HEAD"))?;
    let Some(name) = head.strip_prefix("ref:").map(str::trim) else { return hash(&head) };
    let plain =
        |name: &str| !name.is_empty() && !name.starts_with('/') && !name.split('/').any(|part| part == "..");
    let name = Some(name).filter(|name| plain(name))?;
    let shared = text(&git.join("commondir")).map(|folder| git.join(folder.trim()));
    let folders: Vec<PathBuf> = std::iter::once(git).chain(shared).collect();
    folders.iter().find_map(|folder| {
        let loose = text(&folder.join(name)).and_then(|text| hash(&text));
        loose.or_else(|| {
            let packed = text(&folder.join("packed-refs"))?;
            let line =
                packed.lines().find(|line| line.split_once(' ').is_some_and(|(_, known)| known == name))?;
            hash(line.split(' ').next().unwrap_or_default())
        })
    })
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let sound = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    sound.then(|| text.to_ascii_lowercase())
}

fn text(path: &Path) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn dirty(checkout: &Path) -> Option<bool> {
    // Nothing is written, no program of the repository's own configuration is run to watch its files.
    let mut git = Command::new("git")
        .args([
            "-c",
            "core.fsmonitor=false",
            "--no-optional-locks",
            "status",
            "--porcelain",
            "--untracked-files=no",
        ])
        .current_dir(checkout)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut told = Vec::new();
    let mut stream = git.stdout.take()?;
    // One byte is answer enough, and git may then end as it likes.
    let reader =
        thread::spawn(move || stream.by_ref().take(1).read_to_end(&mut told).map(|_| !told.is_empty()));
    let deadline = Instant::now() + PATIENCE;
    loop {
        match git.try_wait() {
            Ok(Some(status)) => {
                let changed = reader.join().ok()?.ok()?;
                return (changed || status.success()).then_some(changed);
            }
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = git.kill();
                let _ = git.wait();
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef01234567";

    fn checkout(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        folder
    }

    #[test]
    fn the_commit_is_read_without_git() {
        let cases: [&[(&str, &str)]; 4] = [
            &[(".git/HEAD", ONE)],
            &[(".git/HEAD", "ref: refs/heads/master\n"), (".git/refs/heads/master", ONE)],
            &[
                (".git/HEAD", "ref: refs/heads/release-2.28\n"),
                (".git/packed-refs", &format!("# pack-refs with: peeled\n{ONE} refs/heads/release-2.28\n")),
            ],
            &[
                (".git", "gitdir: ../x/main/worktrees/a\n"),
                ("x/main/worktrees/a/HEAD", "ref: refs/heads/a\n"),
                ("x/main/worktrees/a/commondir", "../..\n"),
                ("x/main/refs/heads/a", ONE),
            ],
        ];
        for (at, files) in cases.into_iter().enumerate() {
            let folder = checkout(files);
            if at == 3 {
                fs::write(folder.path().join(".git"), "gitdir: x/main/worktrees/a\n").expect("written");
            }
            assert_eq!(commit(folder.path()).as_deref(), Some(ONE), "{files:?}");
        }
    }

    #[test]
    fn what_is_no_commit_is_none() {
        let cases: [&[(&str, &str)]; 4] = [
            &[("cluster.yml", "")],
            &[(".git/HEAD", "ref: refs/heads/none\n")],
            &[(".git/HEAD", "ref: ../../etc/passwd\n")],
            &[(".git/HEAD", "\u{1b}[31m0123456789abcdef0123456789abcdef012345")],
        ];
        for files in cases {
            assert_eq!(Revision::of(checkout(files).path()), Revision::default(), "{files:?}");
        }
    }
}
