//! The arguments that Docker's systemd unit will give dockerd at its next start.

use super::docker_flags;
use super::fact::{Fact, Reading};
use super::transcript::Transcript;
use super::units::{self, Unit};

/// Those arguments, with the unit's own environment put in; absent where there is no such unit.
pub(super) fn arguments(transcript: &Transcript, units: &Fact<Vec<Unit>>) -> Fact<Vec<String>> {
    let docker = units::named(units, &["docker.service", "snap.docker.dockerd.service"]);
    let source = "systemctl show docker.service";
    let Some(unit) = docker.value().and_then(|units| units.first().copied()) else {
        return match docker.reading {
            Reading::Unknown(reason) => Fact::unknown(reason, source),
            _ => Fact::absent(source),
        };
    };
    let environment = environment(unit, transcript);
    let unread = unread(unit, transcript);
    let words = unit.values("ExecStart").flat_map(|start| {
        let line = start.split("argv[]=").nth(1).unwrap_or_default();
        let line = line.split(" ; ").next().unwrap_or_default();
        docker_flags::words(line)
    });
    let mut arguments = Vec::new();
    for word in words.skip(1) {
        match word.strip_prefix('$').map(|name| name.trim_matches(['{', '}'])) {
            Some(name) => {
                let value =
                    environment.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
                match (value, &unread) {
                    // A file that was not read may set it, or set it otherwise.
                    (_, Some(file)) => {
                        return Fact::unknown(
                            format!("${name} of the unit may be set in {file}, which was not read"),
                            source,
                        );
                    }
                    (value, None) => arguments.extend(docker_flags::words(value.unwrap_or_default())),
                }
            }
            None => arguments.push(word),
        }
    }
    Fact::known(arguments, source)
}

/// The files that such units usually name, and that are read.
const FILES: [&str; 2] = ["/etc/default/docker", "/etc/sysconfig/docker"];

/// An `EnvironmentFile=` of the unit whose text is not known here.
fn unread(unit: &Unit, transcript: &Transcript) -> Option<String> {
    let files = unit.values("EnvironmentFiles").map(|file| file.split(" (").next().unwrap_or(file));
    let mut files = files.filter(|file| !file.is_empty());
    let is_read =
        |file: &str| FILES.contains(&file) && !matches!(transcript.file(file).reading, Reading::Unknown(_));
    files.find(|file| !is_read(file)).map(str::to_owned)
}

/// `Environment=` of the unit and its drop-ins, and the files such units usually name.
fn environment(unit: &Unit, transcript: &Transcript) -> Vec<(String, String)> {
    let pair = |word: String| word.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut pairs: Vec<_> =
        unit.values("Environment").flat_map(docker_flags::words).filter_map(pair).collect();
    for path in FILES {
        for line in transcript.file(path).value().copied().unwrap_or_default().lines() {
            let line = line.trim();
            if !line.starts_with('#') {
                pairs.extend(
                    docker_flags::words(line.trim_start_matches("export ")).into_iter().filter_map(pair),
                );
            }
        }
    }
    pairs
}
