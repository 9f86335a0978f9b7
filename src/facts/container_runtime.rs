//! The programs that container runtimes are made of: there, and executable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use super::probe::Probe;
use super::transcript::Transcript;
use super::units::{self, Unit};

/// The programs that container runtimes are made of: there, and executable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerRuntime {
    /// Where `nvidia-container-runtime` is and is executable: in PATH, or where daemon.json or dockerd's
    /// flags say; absent where it is not.
    pub nvidia: Fact<String>,
    /// Programs that were looked up, by the name or path they were looked up by, and are there and executable.
    pub present: Fact<Vec<String>>,
    /// Runtime programs that daemon.json or dockerd's flags name and that are not there or not
    /// executable.
    pub missing: Fact<Vec<String>>,
    /// The container managers whose services run, by kubespray's names: `docker`, `containerd`, `crio`. A containerd beside
    /// an installed Docker is Docker's.
    pub managers_running: Fact<Vec<String>>,
}

/// Each container manager and its service.
const MANAGERS: [(&str, &str); 3] =
    [("docker", "docker.service"), ("containerd", "containerd.service"), ("crio", "crio.service")];

/// What the subject reads: every `"path"` of daemon.json and every `--add-runtime`, looked up as
/// dockerd does. Docker's own probes come before it and leave `dockerd_words` and `dockerd_config`.
pub const PROBES: &[Probe] = &[Probe::shell(
    "runtime-programs",
    "command -v nvidia-container-runtime and the paths in daemon.json",
    r#"look() {
    path_of "$1"
    case $path in /*) echo "there $1 $path" ;; *) echo "missing $1" ;; esac
}
look nvidia-container-runtime
look_if_plain() { case $1 in *[!A-Za-z0-9_./+-]*|'') ;; *) look "$1" ;; esac; }
[ -z "$dockerd_refused" ] || echo "untold $dockerd_refused"
text=
if [ -f "$dockerd_config" ] && [ -r "$dockerd_config" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
        text="$text $line"
        [ "${#text}" -lt 65536 ] || break
    done <"$dockerd_config"
fi
# Its words and what stands between them take turns.
key=
set -f; IFS='"'
for word in $text; do
    case $key:$word in
    is:*) look_if_plain "$word"; key= ;;
    path:*[!:[:space:]]* | path:) key= ;;
    path:*) key=is ;;
    :path) key=path ;;
    esac
done
set +f; unset IFS
while IFS= read -r word; do
    case $word in --add-runtime=*=* | [A-Za-z0-9_.-]*=/*runtime*) look_if_plain "${word##*=}" ;; esac
done <<END
$dockerd_words
END"#,
)
.light()];

/// Reads the subject out of a transcript.
pub(super) fn parse(transcript: &Transcript, units: &Fact<Vec<Unit>>) -> ContainerRuntime {
    let managers_running = managers_running(units);
    let answer = transcript.answer("runtime-programs");
    let Some(text) = answer.value().map(|answer| answer.out.clone().into_owned()) else {
        return ContainerRuntime {
            nvidia: answer.clone().map(|_| String::new()),
            present: answer.clone().map(|_| Vec::new()),
            missing: answer.map(|_| Vec::new()),
            managers_running,
        };
    };
    let there = |name: &str| {
        text.lines().find_map(|line| {
            let (asked, path) = line.strip_prefix("there ")?.split_once(' ')?;
            asked.ends_with(name).then(|| path.to_owned())
        })
    };
    let mut missing: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("missing "))
        .filter(|program| {
            *program != "nvidia-container-runtime" || there("nvidia-container-runtime").is_none()
        })
        .map(str::to_owned)
        .collect();
    missing.sort_unstable();
    missing.dedup();
    ContainerRuntime {
        nvidia: match there("nvidia-container-runtime") {
            Some(path) => Fact::known(path, "command -v nvidia-container-runtime"),
            None => Fact::absent("command -v nvidia-container-runtime"),
        },
        present: Fact::known(
            text.lines()
                .filter_map(|line| Some(line.strip_prefix("there ")?.split_once(' ')?.0.to_owned()))
                .collect(),
            answer.source.clone(),
        ),
        missing: match text.lines().find_map(|line| line.strip_prefix("untold ")) {
            Some(reason) => Fact::unknown(reason, answer.source),
            None => Fact::known(missing, answer.source),
        },
        managers_running,
    }
}

/// As kubespray's role validate-container-engine has it, which removes those that run and are not `container_manager`.
fn managers_running(units: &Fact<Vec<Unit>>) -> Fact<Vec<String>> {
    let found = units::named(units, &MANAGERS.map(|(_, service)| service));
    found.map(|units| {
        let has_docker = units.iter().any(|unit| unit.id == "docker.service");
        let runs =
            |service: &str| units.iter().any(|unit| unit.id == service && unit.is_active_or_starting());
        let counts = |name: &str| name != "containerd" || !has_docker;
        let running = MANAGERS.iter().filter(|(name, service)| counts(name) && runs(service));
        running.map(|(name, _)| (*name).to_owned()).collect()
    })
}
