//! The one script: every probe of every subject, joined.

use std::fmt::Write as _;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::facts::proxy::Proxy;
use crate::facts::{Probe, Read};

use super::pause::Pause;
use super::process::Process;
use super::quote::shell_quote;
use super::supply::Supply;

/// Each line behind its file's path and a colon; so a path may hold no colon and no line end. What was asked for stands in
/// the first line, for of an empty file grep says nothing.
const READ_FILES: &str = r#"set +f
IFS=:
printf 'asked:%s\n' "$*"
unset IFS
set -- $*
nl='
'
case $* in *:* | *"$nl"*)
    n=$#
    while [ "$n" -gt 0 ]; do
        f=$1; shift; n=$((n - 1))
        case $f in
        *:* | *"$nl"*) printf 'grep: %s: its name cannot be told apart\n' "$f" >&2 ;;
        *) set -- "$@" "$f" ;;
        esac
    done ;;
esac
grep -H '' "$@""#;

/// How long the script waits, in seconds after its last deadline, for its answer to be taken.
const PATIENCE: u64 = 20;

/// Of the shell text here and in the probes.
const INDENTATION: &str = "    ";

/// The parts that stay the same on every host.
const FRAME: &str = concat!(include_str!("trust.sh"), include_str!("script.sh"));

/// Where in them the pause begins: as early as it can be ended, so that what follows is within it.
const PAUSE: &str = "# The pause begins.\n";

/// What asks for a helper, takes it in and runs it.
const HELPER: &str = include_str!("helper.sh");

/// What the script needs to know about the host it will run on.
#[derive(Clone, Debug, Default)]
pub struct Errand {
    /// Where this host should be able to open TCP: address and port of its peers.
    pub peers: Vec<(String, u16)>,
    /// Registries to ask, as base URLs; a docker.io entry stands for the hub.
    pub registries: Vec<String>,
    /// Mirrors of docker.io the deployment will configure, as base URLs.
    pub mirrors: Vec<String>,
    /// The proxy by which registries are asked, before the one that dockerd has.
    pub proxy: Option<Proxy>,
    /// The Python that the inventory names for Ansible's modules.
    pub python: Option<String>,
    /// Probes that stand in the user's own check files.
    pub own_probes: Vec<OwnProbe>,
    /// Whether it gets the helpers that it asks for.
    pub supply: Supply,
}

/// A probe from a user's check file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnProbe {
    /// Names its section: the check's id behind `probe-`.
    pub name: String,
    /// Shell text of the user's own; runs in a shell of its own.
    pub run: String,
    /// The longest wait for its answer.
    pub deadline: Duration,
}

/// The probes joined: what of the script is the same on every host.
pub struct Script {
    probes: Vec<Probe>,
    /// What it begins with.
    frame: String,
    /// What runs ahead of all.
    ahead: String,
    /// What decides whether helpers are asked for.
    wants: String,
    /// What asks for them: where something may stand in, and where nothing may.
    asking: String,
    insisting: String,
    processes: Vec<Process>,
    pause: Option<Pause>,
    /// What starts them and waits for them, where the user has no probes.
    ending: String,
}

impl Script {
    /// Of these probes, as hosts get it.
    pub fn new(probes: &[Probe]) -> Self {
        let legible = Script::legible(probes);
        let mut processes = legible.processes;
        processes.iter_mut().for_each(|process| process.functions = pare(&process.functions));
        Script {
            processes,
            frame: pare(&legible.frame),
            ahead: pare(&legible.ahead),
            wants: pare(&legible.wants),
            asking: pare(&legible.asking),
            insisting: pare(&legible.insisting),
            ending: pare(&legible.ending),
            ..legible
        }
    }

    /// The same with its comments, for people.
    pub fn legible(probes: &[Probe]) -> Self {
        let (mut ahead, mut wants) = (String::new(), String::new());
        let mut processes: Vec<Process> = Vec::new();
        let (mut paths, mut pause) = (Vec::new(), None);
        for probe in probes {
            let function = function_name(probe.name);
            match (probe.read, probe.shares) {
                (Read::Files(files), _) => paths.extend(files.iter().copied()),
                (Read::Ahead(text), _) => ahead = ahead + text + "\n",
                (Read::Twice { .. }, _) => pause = Pause::of(probe),
                (Read::Helper { wanted, .. }, _) => {
                    let _ = writeln!(wants, "wants_{function}() {{\n{}\n}}", wanted.trim_matches('\n'));
                    processes.push(Process::of(probe, &function, ""));
                }
                (Read::Shell(text), None) => processes.push(Process::of(probe, &function, text)),
                (Read::Shell(text), Some(shared)) => {
                    match processes.iter_mut().find(|process| process.name == shared) {
                        Some(process) => process.take(probe.name, &function, text),
                        None => processes
                            .push(Process::new(shared, probe.deadline).with(probe.name, &function, text)),
                    }
                }
            }
        }
        paths.sort_unstable();
        paths.dedup();
        let read_files = format!("set -f\nset -- {}\n{READ_FILES}", paths.join(" \\\n"));
        match processes.iter_mut().find(|process| process.name == crate::facts::LIGHT) {
            Some(light) => light.take_ahead_of_last("files", "p_files", &read_files),
            None => processes.push(Process::new("p_files", crate::facts::DEADLINE).with(
                "files",
                "p_files",
                &read_files,
            )),
        }
        let asking = |is_indispensable| ask_for_helpers(probes, &processes, None, is_indispensable);
        let (asking, insisting) = (asking(false), asking(true));
        let ending = ending(processes.clone(), pause);
        let begun = pause.map(|pause| pause.begin()).unwrap_or_default();
        let frame = FRAME.replacen(PAUSE, &(PAUSE.to_owned() + &begun), 1);
        Script { probes: probes.to_vec(), frame, ahead, wants, asking, insisting, processes, pause, ending }
    }

    /// What it asks.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// The text for one host. `boundary` frames the answer; it must be one no host can guess.
    pub fn text(&self, boundary: &str, errand: &Errand) -> String {
        let fixed =
            self.frame.len() + self.ahead.len() + self.wants.len() + self.asking.len() + self.ending.len();
        let mut script = String::with_capacity(fixed + 4096);
        // All of it in braces: what was cut on its way is a syntax error and does nothing.
        let _ = writeln!(script, "{{\nmark__={}", shell_quote(boundary));
        script.push_str(&self.frame);
        // One whose address is not known stands in the inventory as a template, in several words.
        let known = errand.peers.iter().filter(|(address, _)| !address.contains(char::is_whitespace));
        let mut peers = String::new();
        for (address, port) in known {
            let _ = write!(peers, "{}{address} {port}", if peers.is_empty() { "" } else { "\n" });
        }
        let _ = writeln!(script, "PEERS={}", shell_quote(&peers));
        let _ = writeln!(script, "REGISTRIES={}", shell_quote(&errand.registries.join("\n")));
        let _ = writeln!(script, "MIRRORS={}", shell_quote(&errand.mirrors.join("\n")));
        let proxy = errand.proxy.as_ref();
        for (name, url) in [
            ("PROXY_HTTP", proxy.and_then(|proxy| proxy.http.as_ref())),
            ("PROXY_HTTPS", proxy.and_then(|proxy| proxy.https.as_ref())),
            ("PROXY_NO", proxy.and_then(|proxy| proxy.no.as_ref())),
        ] {
            let url = url.map(ExposeSecret::expose_secret).unwrap_or_default();
            let _ = writeln!(script, "{name}={}", shell_quote(url));
        }
        let _ = writeln!(script, "PYTHON={}", shell_quote(errand.python.as_deref().unwrap_or_default()));
        script.push_str(&self.ahead);
        script.push_str(&self.wants);
        match &errand.supply {
            Supply::Auto(_) => script.push_str(&self.asking),
            Supply::Always(_) => script.push_str(&self.insisting),
            Supply::Never(reason) => {
                script.push_str(&ask_for_helpers(&self.probes, &self.processes, Some(reason), false));
            }
        }
        if errand.own_probes.is_empty() {
            script.push_str(&self.ending);
            return script;
        }
        let own = errand.own_probes.iter().map(|probe| {
            let function = function_name(&probe.name);
            let text = format!("sh -c {}", shell_quote(&probe.run));
            Process::new(&function, probe.deadline).with(&probe.name, &function, &text)
        });
        script.push_str(&ending(self.processes.iter().cloned().chain(own).collect(), self.pause));
        script
    }
}

/// What starts the helpers' processes, before all others for they have the longest way, or says why there is none (the
/// `refusal`, where nobody is there to ask); then those that stand in, unless a helper is indispensable.
fn ask_for_helpers(
    probes: &[Probe],
    processes: &[Process],
    refusal: Option<&str>,
    is_indispensable: bool,
) -> String {
    let mut script = String::new();
    let helpers = probes.iter().filter_map(|probe| match probe.read {
        Read::Helper { otherwise, .. } => Some((probe, otherwise)),
        _ => None,
    });
    for (at, (probe, otherwise)) in helpers.enumerate() {
        let (name, function) = (probe.name, function_name(probe.name));
        if at == 0 && refusal.is_none() {
            script.push_str(HELPER);
        }
        let _ = writeln!(script, "instead_of_{function}() {{");
        for process in processes.iter().filter(|process| process.stands_in_for == Some(name)) {
            match is_indispensable {
                true => script.push_str(&process.decline("not asked: --nvml always takes no stand-in")),
                false => script.push_str(&process.start_late()),
            }
        }
        let _ = writeln!(script, ":\n}}");
        let decline = |reason: &str| format!("decline {name} {}; instead_of_{function}", shell_quote(reason));
        let _ = match refusal {
            Some(reason) => writeln!(script, "{}", decline(reason)),
            None => {
                writeln!(script, "if wants_{function}; then summon {name}\nelse {}; fi", decline(otherwise))
            }
        };
    }
    script
}

/// Starts the processes, waits for them and sends their answers.
fn ending(mut processes: Vec<Process>, pause: Option<Pause>) -> String {
    // The slow ones first, the light ones last: those wait while these compute.
    processes
        .sort_by_key(|process| (process.name == crate::facts::LIGHT, std::cmp::Reverse(process.deadline)));
    let starts: String =
        processes.iter().filter(|process| process.is_started_at_once()).map(Process::start).collect();
    format!("# Starts them.\n{starts}# Waits for them.\n{}}}\n", event_loop(&processes, pause))
}

/// The longest the script can take where no helper is asked for: its probes' deadlines run side by side.
pub(super) fn deadline_without_helpers(probes: &[Probe], errand: &Errand) -> Duration {
    let probes = probes.iter().filter(|probe| !matches!(probe.read, Read::Helper { .. }));
    let own = errand.own_probes.iter().map(|probe| probe.deadline);
    probes.map(|probe| probe.deadline).chain(own).max().unwrap_or(crate::facts::DEADLINE)
}

/// The longest the script can take: a stand-in begins where the helper's deadline ends.
pub fn total_deadline(probes: &[Probe], errand: &Errand) -> Duration {
    if errand.supply.refusal().is_some() {
        return deadline_without_helpers(probes, errand);
    }
    let of = |name: &str| probes.iter().find(|probe| probe.name == name).map(|probe| probe.deadline);
    let with_helpers = probes.iter().map(|probe| match probe.stands_in_for {
        Some(_) if errand.supply.is_indispensable() => Duration::ZERO,
        Some(helper) => of(helper).unwrap_or_default() + probe.deadline,
        None => probe.deadline,
    });
    with_helpers.max().unwrap_or_default().max(deadline_without_helpers(probes, errand))
}

/// A script without comments and indentation, an eighth of what every host would be sent. Of a text of ours no line within
/// quotes or a here-document is empty or begins with [`INDENTATION`] or `#`: Python's blocks are indented by one.
pub(crate) fn pare(script: &str) -> String {
    let lines = script.lines().map(|line| line.trim_start_matches(INDENTATION));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn function_name(probe: &str) -> String {
    format!("p_{}", probe.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

/// Waits for each process's word or its deadline, whichever is first, then sends everything at once.
fn event_loop(processes: &[Process], pause: Option<Pause>) -> String {
    let mut deadlines: Vec<u128> = processes
        .iter()
        .filter(|process| process.stands_in_for.is_none())
        .map(|process| process.deadline.as_millis())
        .collect();
    deadlines.sort_unstable();
    deadlines.dedup();

    let mut text = String::from("clock() {\n    (\n        trap 'kill $s 2>/dev/null; exit 0' TERM\n");
    let mut waited = pause.map(|pause| pause.length.as_millis()).unwrap_or_default();
    for deadline in &deadlines {
        let step = deadline.saturating_sub(waited);
        let _ = writeln!(
            text,
            "        sleep {}.{:03} & s=$!; wait $s; echo 'tick {deadline}' >&4",
            step / 1000,
            step % 1000
        );
        waited = *deadline;
    }
    // Nobody reads and nobody hangs up: the answer is not waited for any longer.
    let patience = Duration::from_secs(PATIENCE) + late(processes);
    let _ = writeln!(text, "        sleep {} & s=$!; wait $s; kill -TERM $$", patience.as_secs());
    // Of a shell that cannot even write its last word nothing is left behind by then.
    text.push_str("        sleep 2 & s=$!; wait $s; kill -KILL $$\n");
    text.push_str("    ) </dev/null >/dev/null 2>&1 &\n    timer__=\"$timer__ $!\" clock__=runs\n}\n");
    // It is needed where anything is left behind the pause.
    text.push_str(&pause.map_or_else(|| "clock\n".to_owned(), |pause| pause.end()));
    text.push_str("while [ \"$left\" -gt 0 ]; do\n    read -r event name length <&4 || break\n");
    text.push_str("    length__=$((length__ + ${length:-0}))\n    case \"$event $name\" in\n    'pause over') clock ;;\n");
    let plain: Vec<String> = processes
        .iter()
        .filter(|process| !process.is_helper)
        .map(|process| format!("'done {}'", process.name))
        .collect();
    let _ = writeln!(text, "    {}) over \"$name\" ;;", plain.join(" | "));
    for process in processes {
        text.push_str(&process.ends(processes));
    }
    for deadline in &deadlines {
        let _ = writeln!(text, "    'tick {deadline}')");
        for process in processes.iter().filter(|process| process.stands_in_for.is_none()) {
            if process.deadline.as_millis() == *deadline {
                text.push_str(&process.expires());
            }
        }
        text.push_str("        ;;\n");
    }
    text.push_str("    esac\ndone\n");
    // What a pipe holds is taken whether anybody reads or not.
    text.push_str("[ -n \"$clock__\" ] || [ \"$length__\" -lt 49152 ] || clock\n");
    // `wait` hears a signal where a command in the foreground would keep the shell from it.
    text.push_str("cat \"$dir__\"/*.o \"$dir__\"/*.e &\nsender__=$!\nwait \"$sender__\"\nsender__=\n");
    text.push_str("rm -rf \"$dir__\"\ndir__=\n");
    text.push_str("printf '\\n@%s end\\n' \"$mark__\"\n");
    text
}

/// How much longer than the others those may take that start late.
fn late(processes: &[Process]) -> Duration {
    processes
        .iter()
        .filter(|process| process.stands_in_for.is_some())
        .map(|process| process.deadline)
        .max()
        .unwrap_or_default()
}
