//! Docker: installed, running, how it is configured, and by whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fact::{Fact, Reading};
use super::json_object;
use super::probe::Probe;
use super::transcript::Transcript;
use super::units::Unit;
use super::{docker_flags, docker_unit};
use crate::redact;

/// Docker: installed, running, how it is configured, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Docker {
    /// Path of the client.
    pub client: Fact<String>,
    /// Path of the daemon.
    pub daemon: Fact<String>,
    /// Whether the daemon answers the client.
    pub running: Fact<bool>,
    /// What the client said when the daemon did not answer; absent where it does.
    pub failure: Fact<String>,
    /// The daemon's version: `20.10.24+dfsg1`.
    pub version: Fact<String>,
    /// The runtime that containers get when they name none; what the daemon itself says.
    pub default_runtime: Fact<String>,
    /// The runtimes the daemon knows, by name: the path of each; null where it has none of its own.
    pub runtimes: Fact<std::collections::BTreeMap<String, Option<String>>>,
    /// Running containers.
    pub containers_running: Fact<i64>,
    /// `inactive`, `active`, `pending`, `locked` or `error`.
    pub swarm: Fact<String>,
    /// The configuration file dockerd reads.
    pub config_path: Fact<String>,
    /// What is wrong with that file: absent where it is fine or not there.
    pub config_problem: Fact<String>,
    /// The file's object; absent where there is no such file.
    pub config: Fact<Map<String, Value>>,
    /// The daemon.json keys that dockerd's own command line sets, now or at its next start.
    pub flag_keys: Fact<Vec<String>>,
}

/// Whose number a pid file holds is not always dockerd's any more: it is given away again when dockerd was killed. So the
/// process is one of root's alone, in this machine's own namespaces, and runs a dockerd that nobody else may write to. The
/// files of another user's process are not there to be asked about; its owner is.
const PROCESS: &str = r#"dockerd= dockerd_program= dockerd_refused= pidfile=
for f in /run/docker.pid /var/run/docker.pid /var/snap/docker/current/run/docker.pid; do
    [ -f "$f" ] && [ -r "$f" ] || continue
    # It has no line end.
    read -r dockerd <"$f"
    pidfile=$f
    [ -z "$dockerd" ] || break
done
case $dockerd in *[!0-9]*) dockerd= ;; esac
word=
[ -z "$dockerd" ] || { read -r word <"/proc/$dockerd/comm"; } 2>/dev/null
case $word in
dockerd | docker)
    word=
    is_roots_process "$dockerd" ||
        word="is no process of root's alone (rootless Docker, or another program that got the number of a dockerd that is gone)"
    [ -n "$word" ] || [ "$who__" != 0 ] || for ns in user pid; do
        [ ! -e "/proc/$$/ns/$ns" ] || [ "/proc/$$/ns/$ns" -ef "/proc/$dockerd/ns/$ns" ] || word="runs in a container"
    done
    [ -n "$word" ] || [ "$who__" != 0 ] || {
        path_of dockerd
        if [ -n "$path" ] && [ ! -L "$path" ] && [ "$path" -ef "/proc/$dockerd/exe" ]; then dockerd_program=$path
        else dockerd_program=$(readlink "/proc/$dockerd/exe") && dockerd_program=${dockerd_program%' (deleted)'}; fi
    }
    [ -n "$word" ] || look_up "$pidfile" "/proc/$dockerd/exe" "$dockerd_program" "${dockerd_program%/*}"
    if [ -n "$word" ]; then :
    elif [ -L "$pidfile" ] || ! is_alone "$pidfile"; then word="is not sure to be dockerd: others than root may write to $loose__"
    elif [ "$who__" = 0 ]; then
        case $dockerd_program in
        */dockerd | */docker)
            if ! is_alone "/proc/$dockerd/exe" || ! is_alone "${dockerd_program%/*}"; then
                word="runs $dockerd_program, which others than root may change"
            # After an upgrade the program is another file than the one that runs.
            elif [ ! -e "$dockerd_program" ]; then dockerd_program=
            elif ! is_alone "$dockerd_program"; then word="runs $dockerd_program, which others than root may change"; fi ;;
        *) word="runs another program than dockerd: ${dockerd_program:-unknown}" ;;
        esac
    fi
    if [ -n "$word" ]; then
        dockerd_refused="process $dockerd, which $pidfile names, $word"
        dockerd= dockerd_program=
    fi ;;
*) dockerd= ;;
esac"#;

/// With which a probe ends that needs dockerd's arguments where those are not believed.
pub(crate) const REFUSED: i32 = 4;

/// What the subject reads.
pub const PROBES: &[Probe] = &[
    Probe::shell(
        "docker-programs",
        "command -v docker dockerd",
        r#"for program in docker dockerd; do
    path_of "$program"
    [ -n "$path" ] || for directory in /usr/libexec/docker /usr/lib/docker /snap/bin; do
        [ -x "$directory/$program" ] && path=$directory/$program
    done
    echo "$program $path"
done"#,
    )
    .light(),
    Probe::shell(
        "docker-info",
        "docker info",
        // Go's garbage collector takes a tenth of the time of a program that ends this soon, and every core that it prepares
        // for a little. One that went wild would collect again, and soon be past its deadline.
        "GOGC=off GOMEMLIMIT=256MiB GOMAXPROCS=1 docker info --format '{{json .}}'",
    )
    .needs(&["docker"]),
    // The three below and other subjects read what it finds: `dockerd`, its process; `dockerd_program`, where root may run
    // it; and `dockerd_refused`, why the process that a pid file names is not taken for the system's dockerd.
    Probe::ahead("dockerd-process", PROCESS),
    // The two behind it read `dockerd_words` as well.
    Probe::shell(
        "dockerd-arguments",
        "dockerd's command line",
        r#"dockerd_words=
[ -z "$dockerd_refused" ] || { echo "$dockerd_refused" >&2; return 4; }
[ -n "$dockerd" ] || return 3
dockerd_words=$(tr '\0\n' '\n ' <"/proc/$dockerd/cmdline") || return
printf '%s\n' "$dockerd_words""#,
    )
    .light(),
    // The file that the running daemon was told to read, else the one its unit names, else the usual.
    Probe::shell(
        "docker-config",
        "daemon.json",
        r#"[ -z "$dockerd_refused" ] || { echo "$dockerd_refused" >&2; return 4; }
f=
while read -r a; do
    case $a in --config-file=*) f=${a#*=} ;; --config-file) read -r f ;; esac
done <<END
$dockerd_words
END
if [ -z "$f$dockerd_words" ]; then
    case $(systemctl show -p ExecStart docker.service 2>/dev/null) in
    *--config-file[=\ ]*) f=$(systemctl show -p ExecStart docker.service | sed -n 's/.*--config-file[= ]\([^ ;]*\).*/\1/p') ;;
    esac
fi
f=${f:-/etc/docker/daemon.json}
dockerd_config=$f
echo "$f"
if [ -f "$f" ]; then head -c 1048577 "$f"
elif [ -e "$f" ]; then echo "$f is not a regular file" >&2; return 5; else
    [ -x "${f%/*}" ] || ! [ -e "${f%/*}" ] || return 13
    return 44
fi"#,
    )
    .light(),
    Probe::files(&["/etc/default/docker", "/etc/sysconfig/docker"]),
];

/// Reads the subject out of a transcript.
pub(super) fn parse(transcript: &Transcript, units: &Fact<Vec<Unit>>) -> Docker {
    let info = info(transcript);
    let file = config_file(transcript);
    Docker {
        client: program(transcript, "docker"),
        daemon: program(transcript, "dockerd"),
        running: running(transcript, &info),
        failure: failure(&info),
        version: text(&info, "ServerVersion", |info| &info.server_version),
        default_runtime: text(&info, "DefaultRuntime", |info| &info.default_runtime),
        runtimes: runtimes(&info),
        containers_running: info
            .as_ref()
            .try_map(|info| info.containers_running.as_i64().ok_or("no ContainersRunning")),
        swarm: info.as_ref().try_map(|info| {
            let state = info.swarm.get("LocalNodeState").and_then(Value::as_str);
            state.map(str::to_owned).ok_or("no Swarm.LocalNodeState")
        }),
        config_path: file.path,
        config_problem: file.problem,
        config: file.object,
        flag_keys: flag_keys(transcript, units),
    }
}

fn program(transcript: &Transcript, name: &str) -> Fact<String> {
    let answer = transcript.answer("docker-programs");
    let Some(text) = answer.value().map(|answer| answer.out.clone().into_owned()) else {
        return answer.map(|_| String::new());
    };
    let source = format!("command -v {name}");
    let line = text.lines().filter_map(|line| line.split_once(' ')).find(|(program, _)| *program == name);
    match line {
        Some((_, path)) if !path.trim().is_empty() => Fact::known(path.trim().to_owned(), source),
        Some(_) => Fact::absent(source),
        None => Fact::unknown("the answer names no such program", source),
    }
}

/// What is read of `docker info`, whatever its type turns out to be; null is what it does not tell.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Info {
    server_version: Value,
    server_errors: Value,
    default_runtime: Value,
    runtimes: Value,
    containers_running: Value,
    swarm: Value,
}

/// `docker info`; unknown, with what the client said, where the daemon did not answer.
fn info(transcript: &Transcript) -> Fact<Info> {
    transcript.answer("docker-info").try_map(|answer| {
        if answer.status == 127 {
            return Err("there is no docker on this machine".to_owned());
        }
        let info: Info = serde_json::from_str(answer.out.trim())
            .map_err(|error| complaint(&answer.err).unwrap_or_else(|| format!("docker info: {error}")))?;
        match info.server_version.as_str() {
            Some(version) if !version.is_empty() => Ok(info),
            _ => {
                let errors = info.server_errors.get(0).and_then(Value::as_str);
                let said =
                    errors.map(|said| redact::text(said).into_owned()).or_else(|| complaint(&answer.err));
                Err(said.unwrap_or_else(|| "the daemon does not answer".to_owned()))
            }
        }
    })
}

fn complaint(err: &str) -> Option<String> {
    err.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}

/// The client ended and the daemon had not answered: that is a no. The client did not end: unknown.
fn running(transcript: &Transcript, info: &Fact<Info>) -> Fact<bool> {
    let answer = transcript.answer("docker-info");
    match (&info.reading, &answer.reading) {
        (Reading::Known(_), _) => Fact::known(true, info.source.clone()),
        // On stderr, or among the errors of an answer: who may not ask is not told that nobody runs.
        (Reading::Unknown(reason), Reading::Known(_)) if reason.contains("ermission denied") => {
            Fact::unknown(reason.clone(), info.source.clone())
        }
        (_, Reading::Known(answer)) if answer.err.contains("ermission denied") => {
            Fact::unknown(answer.err.to_string(), info.source.clone())
        }
        (_, Reading::Known(_)) => Fact::known(false, info.source.clone()),
        _ => answer.clone().map(|_| false),
    }
}

fn failure(info: &Fact<Info>) -> Fact<String> {
    match &info.reading {
        Reading::Known(_) => Fact::absent(info.source.clone()),
        Reading::Absent => Fact::unknown("not asked", info.source.clone()),
        Reading::Unknown(reason) => Fact::known(reason.clone(), info.source.clone()),
    }
}

fn text(info: &Fact<Info>, key: &str, value: impl Fn(&Info) -> &Value) -> Fact<String> {
    let text =
        |info| value(info).as_str().map(str::to_owned).ok_or_else(|| format!("docker info has no {key}"));
    info.as_ref().try_map(text)
}

fn runtimes(info: &Fact<Info>) -> Fact<std::collections::BTreeMap<String, Option<String>>> {
    info.as_ref().try_map(|info| {
        let runtimes = info.runtimes.as_object().ok_or("docker info has no Runtimes")?;
        let path = |runtime: &Value| runtime.get("path").and_then(Value::as_str).map(str::to_owned);
        Ok::<_, &str>(runtimes.iter().map(|(name, runtime)| (name.clone(), path(runtime))).collect())
    })
}

struct ConfigFile {
    path: Fact<String>,
    problem: Fact<String>,
    object: Fact<Map<String, Value>>,
}

fn config_file(transcript: &Transcript) -> ConfigFile {
    let answer = transcript.answer("docker-config");
    let unknown = |reason: &str, path: Fact<String>, source: String| ConfigFile {
        path,
        problem: Fact::unknown(reason, source.clone()),
        object: Fact::unknown(reason, source),
    };
    let status = match &answer.reading {
        Reading::Known(answer) => answer.status,
        Reading::Unknown(reason) => {
            return unknown(
                reason,
                Fact::unknown(reason.clone(), answer.source.clone()),
                answer.source.to_string(),
            );
        }
        Reading::Absent => return unknown("not asked", Fact::default(), answer.source.to_string()),
    };
    let bytes = transcript.bytes("docker-config").value().copied().unwrap_or_default();
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let path = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let content = bytes.get(end + 1..).unwrap_or_default();
    const TOLD_BY: &str = "dockerd's command line and unit";
    let known_path = Fact::known(path.clone(), TOLD_BY);
    match status {
        // Whose arguments are not believed does not tell which file counts.
        REFUSED => {
            let said = answer.value().map(|answer| answer.err.to_string()).unwrap_or_default();
            unknown(&said, Fact::unknown(said.clone(), TOLD_BY), answer.source.to_string())
        }
        44 => {
            ConfigFile { path: known_path, problem: Fact::absent(path.clone()), object: Fact::absent(path) }
        }
        0 if content.len() > 1024 * 1024 => unknown("it is larger than 1 MiB", known_path, path),
        0 => match json_object::parse(content) {
            Ok(object) => ConfigFile {
                path: known_path,
                problem: Fact::absent(path.clone()),
                object: Fact::known(without_secrets(object), path),
            },
            Err(problem) => ConfigFile {
                path: known_path,
                object: Fact::unknown(format!("{path} is not valid: {problem}"), path.clone()),
                problem: Fact::known(problem, path),
            },
        },
        _ => {
            let said = answer.value().map(|answer| answer.err.to_string()).filter(|said| !said.is_empty());
            unknown(&said.unwrap_or_else(|| "its folder may not be entered".to_owned()), known_path, path)
        }
    }
}

/// The same keys and shapes; what in a value is secret is stars from here on. A fix reads and writes the file's own bytes.
fn without_secrets(object: Map<String, Value>) -> Map<String, Value> {
    object.into_iter().map(|(key, value)| (key.clone(), redact::value(&key, &value))).collect()
}

/// Keys that the running daemon's flags set, and those its unit will set at the next start.
fn flag_keys(transcript: &Transcript, units: &Fact<Vec<Unit>>) -> Fact<Vec<String>> {
    let running = transcript.answer("dockerd-arguments");
    let unit = docker_unit::arguments(transcript, units);
    let mut sources = Vec::new();
    let mut arguments: Vec<String> = Vec::new();
    match running.value() {
        Some(answer) if answer.status == 0 => {
            sources.push("dockerd's command line");
            arguments.extend(answer.out.lines().skip(1).map(str::to_owned));
        }
        Some(answer) if answer.status == 3 => {}
        Some(answer) => return Fact::unknown(answer.err.to_string(), running.source.clone()),
        None => return running.map(|_| Vec::new()),
    }
    match unit.reading {
        Reading::Known(words) => {
            sources.push("systemctl show docker.service");
            arguments.extend(words);
        }
        Reading::Absent => {}
        // What dockerd will be given at its next start counts as much as what it was given.
        Reading::Unknown(reason) => return Fact::unknown(reason, unit.source),
    }
    if sources.is_empty() {
        return Fact::absent("dockerd's command line and unit");
    }
    Fact::known(docker_flags::keys(arguments.iter().map(String::as_str)), sources.join(", "))
}
