//! What a plan needs to know of a host beyond its facts: the file itself, byte for byte, and who could be in the way.

use sha2::{Digest as _, Sha256};

use crate::facts::{Probe, Transcript, docker};

/// The most bytes a daemon.json may have.
pub const LARGEST: usize = 1024 * 1024;

/// Reads only, as every probe. Docker's own come first: they leave `dockerd`, its process, and `dockerd_config`.
const HOST: Probe = Probe::shell(
    "fix-host",
    "the file, its folder and dockerd",
    concat!(
        include_str!("lock.sh"),
        r#"f=$dockerd_config p=$dockerd
r=$(readlink -f "$f") || r=
printf 'asked %s\nreal %s\nprocess %s\n' "$f" "$r" "$p"
[ -n "$r" ] || return 0
d=${r%/*}
if [ -f "$r" ]; then echo 'kind file'
elif [ -e "$r" ] || [ -L "$r" ]; then echo 'kind other'
else echo 'kind absent'; fi
if [ -d "$d" ]; then
    [ -w "$d" ] || echo 'refuses the folder is on a file system that is mounted read-only'
    case $(lsattr -d "$d" 2>/dev/null) in *" $d") a=$(lsattr -d "$d" 2>/dev/null); a=${a%% *}
        case $a in *[ia]*) echo 'refuses the folder has the attribute i or a (chattr)' ;; esac ;; esac
    lock_of "$r"
    if command -v flock >/dev/null 2>&1 && [ -e "$lock" ]; then
        (exec 9<"$lock" && ! flock -n 9) 2>/dev/null && echo locked
    fi
else echo 'kind absent, and so is its folder'; fi
if [ -f "$r" ]; then
    a=$(lsattr -d "$r" 2>/dev/null) && a=${a%% *} || a=
    case $a in *i*) echo 'refuses the file is immutable (chattr +i)' ;; *a*) echo 'refuses the file may only be appended to (chattr +a)' ;; esac
    stat -c 'stat %u %g %a %h' "$r"
    a=$(sha256sum <"$r") && echo "digest ${a%% *}"
fi
while read -r a a a a a b; do
    [ "$a" != "$r" ] || echo 'refuses the file is a mount point of its own'
done </proc/self/mountinfo
# What others may change is not root's to write to: they could put something else in its place at any moment.
a=$d
while [ ! -d "$a" ]; do a=${a%/*}; [ -n "$a" ] || a=/; done
look_up "${f%/*}" "$a" "$r" "$r".airworthy-*
is_alone "$a" && { [ ! -d "${f%/*}" ] || is_alone "${f%/*}"; } && { [ ! -e "$r" ] || is_alone "$r"; } ||
    echo "refuses others than root may change $loose__"
for a in "$r".airworthy-*; do
    [ -f "$a" ] || continue
    echo "backup $a"
    [ ! -L "$a" ] && is_alone "$a" || echo "refuses others than root may change the backup $a"
done
for a in sha256sum flock mktemp sync ln mv cp rm readlink stat chmod systemctl docker; do
    command -v "$a" >/dev/null 2>&1 || echo "lacks $a"
done
if [ -n "$p" ]; then
    while read -r a b c; do [ "$a" != Uid: ] || echo "user $b"; done <"/proc/$p/status"
    if [ -n "$dockerd_program" ]; then
        echo "program $dockerd_program"
        ! "$dockerd_program" --help 2>/dev/null | grep -q -e --validate || echo validates
    fi
fi
systemctl show -p MainPID -p ExecStart docker.service 2>/dev/null | sed -n 's/^MainPID=/main /p
s/^ExecStart=.*--config-file[= ]\([^ ;]*\).*/next \1/p'"#
    ),
)
.light();

const BACKUP: Probe = Probe::shell(
    "fix-backup",
    "the latest backup",
    r#"a=
for b in "$r".airworthy-*; do [ ! -f "$b" ] || a=$b; done
[ -n "$a" ] || return 44
head -c 1048577 "$a""#,
)
.light();

/// What is asked on a host before a plan is made for it.
pub fn probes() -> Vec<Probe> {
    let own = ["dockerd-process", "dockerd-arguments", "docker-config"];
    let mut probes: Vec<Probe> =
        docker::PROBES.iter().filter(|probe| own.contains(&probe.name)).copied().collect();
    probes.extend([HOST, BACKUP]);
    probes
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The file that dockerd was told to read.
    pub asked: String,
    /// Where that leads, links followed.
    pub real: String,
    /// The file's bytes; `None` where there is no such file.
    pub bytes: Option<Vec<u8>>,
    /// Names that the file has besides: hard links.
    pub links: u64,
    /// Why nothing can be changed there.
    pub refusals: Vec<String>,
    /// Whether another run holds the lock.
    pub locked: bool,
    /// Whether dockerd can be asked to try the file.
    pub validates: bool,
    /// Backups that earlier runs left, oldest first.
    pub backups: Vec<String>,
    /// The bytes of the last of them.
    pub latest_backup: Option<Vec<u8>>,
}

impl Look {
    /// Reads it out of a transcript.
    ///
    /// # Errors
    /// What could not be read.
    pub fn parse(transcript: &Transcript) -> Result<Look, String> {
        let root = transcript.answer("sudo");
        let how = root.value().map(|answer| answer.out.lines().next().unwrap_or_default().to_owned());
        if !how.as_deref().is_some_and(|how| ["root", "nopasswd", "password"].contains(&how)) {
            return Err("root was not to be had".to_owned());
        }
        let arguments = transcript.answer("dockerd-arguments");
        if let Some(refused) = arguments.value().filter(|answer| answer.status == docker::REFUSED) {
            return Err(refused.err.to_string());
        }
        if arguments.value().is_none_or(|answer| answer.status != 0) {
            return Err("the running dockerd was not found by its pid file".to_owned());
        }
        let answer = transcript.answer("fix-host");
        let text = match (answer.value(), answer.reading.clone()) {
            (Some(answer), _) => answer.out.clone().into_owned(),
            (None, crate::facts::Reading::Unknown(reason)) => return Err(reason),
            (None, _) => return Err("not asked".to_owned()),
        };
        let mut look = Look::default();
        look.read_lines(&text)?;
        look.bytes = file(transcript, &text)?;
        if let Some(bytes) = &look.bytes
            && word(&text, "digest") != Some(digest(bytes).as_str())
        {
            return Err(format!("{} changed while it was read", look.real));
        }
        if !look.backups.is_empty() {
            look.latest_backup = transcript.bytes("fix-backup").value().map(|bytes| bytes.to_vec());
        }
        Ok(look)
    }

    fn read_lines(&mut self, text: &str) -> Result<(), String> {
        let need = |key: &str| word(text, key).filter(|value| !value.is_empty()).map(str::to_owned);
        self.asked = need("asked").ok_or("the path of daemon.json was not found")?;
        self.real = need("real").ok_or_else(|| format!("where {} leads could not be told", self.asked))?;
        for path in [&self.asked, &self.real] {
            if !is_plain(path) {
                return Err(format!("the path {path} has characters that are not handled"));
            }
        }
        match word(text, "user") {
            Some("0") => {}
            Some(_) => self.refusals.push("dockerd does not run as root (rootless Docker)".to_owned()),
            None => return Err("whose process dockerd is could not be told".to_owned()),
        }
        let program = word(text, "program").unwrap_or_default();
        if program.starts_with("/snap/") || self.real.starts_with("/var/snap/") {
            self.refusals.push("Docker is a snap, which has its own way of configuration".to_owned());
        } else if word(text, "main").is_none_or(|main| Some(main) != word(text, "process")) {
            self.refusals.push("the running dockerd is not systemd's docker.service".to_owned());
        }
        if let Some(next) = word(text, "next").filter(|next| *next != self.asked) {
            let asked = &self.asked;
            self.refusals.push(format!("dockerd reads {asked} now and {next} at its next start"));
        }
        if word(text, "kind") == Some("other") {
            self.refusals.push(format!("{} is not a regular file", self.real));
        }
        let all = |key: &'static str| {
            text.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' ')).map(str::to_owned)
        };
        self.refusals.extend(all("refuses"));
        self.refusals.extend(all("lacks").map(|program| format!("the host has no `{program}`")));
        self.backups = all("backup").collect();
        self.locked = text.lines().any(|line| line == "locked");
        self.validates = text.lines().any(|line| line == "validates");
        self.links = word(text, "stat").and_then(|stat| stat.rsplit(' ').next()?.parse().ok()).unwrap_or(1);
        Ok(())
    }

    /// Whether the path that dockerd was told is a link, or leads through one.
    pub fn is_linked(&self) -> bool {
        self.asked != self.real
    }
}

/// The bytes behind the first line of the section, which is the path.
fn file(transcript: &Transcript, lines: &str) -> Result<Option<Vec<u8>>, String> {
    if word(lines, "kind").is_some_and(|kind| kind.starts_with("absent")) {
        return Ok(None);
    }
    let section = transcript.sections().get("docker-config").ok_or("daemon.json was not read")?;
    if section.ended != crate::facts::Ended::Exited(0) {
        return Err("daemon.json could not be read".to_owned());
    }
    let end = section.out.iter().position(|byte| *byte == b'\n').ok_or("daemon.json was not read")?;
    let bytes = &section.out[end + 1..];
    match bytes.len() {
        ..=LARGEST => Ok(Some(bytes.to_vec())),
        _ => Err("the file is larger than 1 MiB".to_owned()),
    }
}

fn word<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
}

/// A path without what a shell, a pattern or a line would take otherwise.
fn is_plain(path: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/._+@-".contains(c);
    path.starts_with('/') && path.chars().all(allowed) && !path.ends_with('/')
}

/// SHA-256 as `sha256sum` writes it.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
