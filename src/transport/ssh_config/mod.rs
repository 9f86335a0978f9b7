//! What the user's and the machine's ssh_config say of a host: `Host`, `Match`, `Include`, and the first value counts.
//!
//! Our own, for the crates that read ssh_config know no `Match` and no tokens, and refuse files that ssh takes; the tests
//! hold it against `ssh -G`.

mod file;
mod line;
mod matching;
mod settings;
#[cfg(test)]
mod tests;
mod tokens;

use std::path::{Path, PathBuf};

pub(super) use settings::Settings;
pub(super) use tokens::{Tokens, expand_home};

use file::{Entry, File};
use matching::{Sight, hosts_match};

/// The files of a run, read once.
#[derive(Debug, Default)]
pub(super) struct SshConfig {
    files: Vec<File>,
}

impl SshConfig {
    /// Reads the files, in the order in which they count; a missing one is empty, as with ssh.
    pub(super) fn read(user: Option<&Path>, system: Option<&Path>) -> Self {
        let home = std::env::home_dir().map(|home| home.join(".ssh")).unwrap_or_default();
        let user = user.map(|path| File::read(path, &home));
        let system = system.map(|path| File::read(path, Path::new("/etc/ssh")));
        SshConfig { files: user.into_iter().chain(system).collect() }
    }

    /// What the command line and the files say of `host`, as it was asked for; `user` is who runs this.
    pub(super) fn settings(&self, host: &str, command_line: &[(String, String)], user: &str) -> Settings {
        let mut settings = Settings::default();
        for (keyword, value) in command_line {
            settings.take(keyword, value, None);
        }
        let mut sight = Sight::new(host, user);
        self.pass(&mut settings, &mut sight);
        settings.replace_host(host);
        if sight.wants_final {
            // The second pass matches the host's real name, and adds only what is still open.
            sight.is_final = true;
            sight.host = settings.one("hostname").unwrap_or(host).to_owned();
            self.pass(&mut settings, &mut sight);
        }
        settings
    }

    fn pass(&self, settings: &mut Settings, sight: &mut Sight) {
        for file in &self.files {
            for problem in &file.problems {
                settings.note(problem.clone());
            }
            walk(&file.entries, settings, sight, true, true);
        }
    }
}

/// Takes the entries in their order; gives whether the last block of them applies. Within an included file no block can
/// apply where the one that includes it does not.
fn walk(entries: &[Entry], settings: &mut Settings, sight: &mut Sight, outer: bool, may: bool) {
    let mut active = outer;
    for entry in entries {
        match entry {
            Entry::Host(patterns) => active = may && hosts_match(patterns, &sight.host),
            Entry::Match(terms, place) => active = may && sight.matches(terms, settings, place),
            Entry::Include(files) => {
                for file in files {
                    if active {
                        for problem in &file.problems {
                            settings.note(problem.clone());
                        }
                    }
                    walk(&file.entries, settings, sight, active, active);
                }
            }
            Entry::Option { keyword, value, place } if active => settings.take(keyword, value, Some(place)),
            Entry::Option { .. } => {}
        }
    }
}

/// Where the files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigFiles {
    /// The user's: `~/.ssh/config`.
    pub user: Option<PathBuf>,
    /// The machine's: `/etc/ssh/ssh_config`.
    pub system: Option<PathBuf>,
}
